//! Films for television, through the service's own door: looked at before the channel
//! hears of them, where the operator does not say otherwise.

use fanfare::config::{ChannelConfig, ChannelProtocol, Config};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::instagram::{FIFTEEN, film};
use crate::live::{effects, goes_wrong, result};
use crate::media::{simulator, start};
use crate::support::Service;

/// Both live beside the two others.
fn television(simulator: &RunningSimulator, further: impl Fn(&mut ChannelConfig)) -> impl FnOnce(&mut Config) {
    let channel = |prefix: &str| {
        let mut channel = ChannelConfig {
            mode: Mode::Live,
            base_url: Some(format!("{}/{prefix}", simulator.base_url())),
            access_token: Some(Secret::new("token")),
            account_id: Some("acc-1".to_owned()),
            product_id: Some("prime-time-15s".to_owned()),
            poll_interval_ms: 20,
            ..ChannelConfig::default()
        };
        further(&mut channel);
        channel
    };
    let (woori, genie) = (channel("wooridongne-tv"), channel("genie-tv"));
    |config| (config.channels.wooridongne_tv, config.channels.genie_tv) = (woori, genie)
}

async fn announce(simulator: &RunningSimulator, service: &Service, event: &str, file: &str) -> Value {
    let body = json!({
        "eventId": event, "channels": ["WooridongneTV", "GenieTV"],
        "contentUrls": {"videoUrl": format!("{}/media/{file}", simulator.base_url())},
        "channelOptions": {
            "WooridongneTV": {"regions": ["1168000000"], "budget": 50_000},
            "GenieTV": {"region": "1168000000", "budget": 300_000, "schedule": crate::support::schedule()},
        },
    });
    service.distribute(&body).await.success(200)
}

fn told(answer: &Value) -> Vec<(&str, &str, &str)> {
    ["WooridongneTV", "GenieTV"]
        .map(|channel| {
            let told = result(answer, channel);
            let text = |field: &str| told[field].as_str().unwrap_or_default();
            (text("status"), text("code"), text("message"))
        })
        .to_vec()
}

#[tokio::test]
async fn a_film_that_television_can_t_show_is_told_before_anything_is_made() {
    let minutes = [&FIFTEEN[..4], &120_000_u32.to_be_bytes()].concat();
    let files = [
        ("hevc.mp4", film(b"avc1", b"hvc1")),
        ("long.mp4", film(FIFTEEN, &minutes)),
        ("page.mp4", b"<html>no film</html>".to_vec()),
    ];
    let simulator = simulator(&files).await;
    let service = start(&simulator, television(&simulator, |_| {})).await;
    let good = announce(&simulator, &service, "evt-good", "a.mp4").await;
    assert_eq!(good["status"], "COMPLETED", "{good}");
    for (file, english, korean) in [
        (
            "hevc.mp4",
            "coded as hvc1, and only H.264 can be used",
            "화면 코덱이 hvc1",
        ),
        (
            "long.mp4",
            "lasts 120.0 seconds, and 5 seconds to 60 seconds",
            "5초 이상 60초 이하",
        ),
        ("page.mp4", "no MP4 or MOV", "MP4나 MOV가 아닙니다"),
    ] {
        let answer = announce(&simulator, &service, file, file).await;
        let path = format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap());
        let shown = service.ask("GET", &path, &[("accept-language", "ko")], b"").await;
        let shown = shown.success(200);
        for (answer, words) in [(&answer, english), (&shown, korean)] {
            for (status, code, message) in told(answer) {
                assert_eq!((status, code), ("FAILED", "media_rejected"), "{answer}");
                assert!(message.contains(words), "{answer}");
            }
        }
    }
    assert_eq!(
        (effects(&simulator, "wooridongne-tv"), effects(&simulator, "genie-tv")),
        (1, 1)
    );
    service.stop().await;
}

/// More often than any breaker would bear.
#[tokio::test]
async fn a_host_of_films_that_hangs_opens_no_breaker() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |config| {
        television(&simulator, |_| {})(config);
        config.calls.deadline_ms = 1_000;
    })
    .await;
    let hung = json!([{"channel": "media", "step": "file", "fault": {"kind": "hang"}}]);
    goes_wrong(&simulator, &hung).await;
    for number in 0..6 {
        let answer = announce(&simulator, &service, &format!("evt-{number}"), "a.mp4").await;
        assert_eq!(answer["status"], "COMPLETED", "the partner may reach it: {answer}");
    }
    let channels = service.get("/api/channels").await.success(200);
    for channel in channels["channels"].as_array().unwrap() {
        assert_eq!(channel["breaker"]["state"], "CLOSED", "{channel}");
    }
    goes_wrong(&simulator, &json!([])).await;
    let answer = announce(&simulator, &service, "evt-after", "a.mp4").await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    service.stop().await;
}

/// This service may not be able to reach what the company's own system can.
#[tokio::test]
async fn an_operator_may_have_films_handed_on_unseen() {
    let simulator = simulator(&[("page.mp4", b"<html>no film</html>".to_vec())]).await;
    let unseen = television(&simulator, |channel| channel.probe_video = Some(false));
    let service = start(&simulator, unseen).await;
    let answer = announce(&simulator, &service, "evt-1", "page.mp4").await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    service.stop().await;
    let gateway = |channel: &mut ChannelConfig| {
        channel.protocol = ChannelProtocol::Gateway;
        channel.base_url = Some(format!("{}/gateway", simulator.base_url()));
    };
    let service = start(&simulator, television(&simulator, gateway)).await;
    let answer = announce(&simulator, &service, "evt-1", "page.mp4").await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    service.stop().await;
}
