//! Live channels, through the service's own door: two are really called, over
//! HTTP, at the simulator, which keeps its own record of what came to be.

use std::time::Duration;

use fanfare::config::{ChannelConfig, ChannelProtocol, Config};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_simulator::{RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};

use crate::support::{DISTRIBUTE, PATIENCE, Service, ask_elsewhere};

const CHANNELS: [&str; 2] = ["WooridongneTV", "Instagram"];

pub(crate) async fn simulator() -> RunningSimulator {
    Simulator::start(SimulatorSettings::default()).await.unwrap()
}

/// Both channels live at this address; what takes a minute takes a moment.
pub(crate) fn live(base_url: &str) -> impl Fn(&mut Config) + use<> {
    let channel = |prefix: &str| ChannelConfig {
        mode: Mode::Live,
        base_url: Some(format!("{base_url}/{prefix}")),
        access_token: Some(Secret::new("canary-token")),
        account_id: Some("17841400000000000".to_owned()),
        poll_interval_ms: 20,
        settle_ms: 20,
        second_look_ms: 50,
        ..ChannelConfig::default()
    };
    let channels = (channel("wooridongne-tv"), channel("instagram"));
    let pictures = base_url.trim_start_matches("http://").to_owned();
    move |config| {
        config.media.allow_hosts = vec![pictures.clone()];
        (config.channels.wooridongne_tv, config.channels.instagram) = channels.clone();
        config.calls.deadline_ms = 1_000;
        config.engine.initial_interval_ms = 20;
    }
}

pub(crate) fn request(simulator: &RunningSimulator, event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": CHANNELS,
        "contentUrls": {"imageUrl": format!("{}/media/a.jpg", simulator.base_url())},
        "channelOptions": {
            "WooridongneTV": {"regions": ["1114000000"], "budget": 50_000},
            "Instagram": {"caption": format!("여는 날 {event}")},
        },
    })
}

/// Tells the simulator what is to go wrong.
pub(crate) async fn goes_wrong(simulator: &RunningSimulator, rules: &Value) {
    let body = json!({ "rules": rules }).to_string();
    let url = format!("{}/_simulator/faults", simulator.base_url());
    let answer = ask_elsewhere("PUT", &url, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

pub(crate) fn once(channel: &str, step: &str, fault: &Value) -> Value {
    json!([{"channel": channel, "step": step, "times": 1, "fault": fault}])
}

pub(crate) fn result<'a>(answer: &'a Value, channel: &str) -> &'a Value {
    let results = answer["results"].as_array().unwrap();
    results.iter().find(|result| result["channel"] == channel).unwrap()
}

pub(crate) fn effects(simulator: &RunningSimulator, channel: &str) -> usize {
    simulator
        .effects()
        .iter()
        .filter(|effect| effect.channel == channel)
        .count()
}

/// Instagram's own record has the post.
async fn published(simulator: &RunningSimulator) {
    let published = async {
        while effects(simulator, "instagram") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, published)
        .await
        .expect("it was never published");
}

#[tokio::test]
async fn two_channels_are_really_called_and_their_own_ids_are_answered() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    let instagram = result(&answer, "Instagram");
    assert_eq!(
        (&instagram["mode"], &instagram["channelState"]),
        (&json!("live"), &json!("live"))
    );
    let url = instagram["postUrl"].as_str().unwrap();
    assert!(url.starts_with(simulator.base_url()), "{url}");
    let tv = result(&answer, "WooridongneTV");
    assert_eq!(
        (&tv["channelState"], &tv["estimatedViews"]),
        (&json!("accepted"), &json!(5_000))
    );
    let effects = simulator.effects();
    assert_eq!(effects.len(), 2);
    let post = effects.iter().find(|effect| effect.channel == "instagram").unwrap();
    assert_eq!(instagram["postId"], json!(post.remote_id));
    assert_eq!(post.content["caption"], "여는 날 evt-1");
    // The link can be opened.
    let page = ask_elsewhere("GET", url, b"").await;
    assert!(String::from_utf8_lossy(&page.body).contains("여는 날 evt-1"));
    let again = service.distribute(&request(&simulator, "evt-1")).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(simulator.effects().len(), 2, "a repeat of the request repeats nothing");
    service.stop().await;
}

/// The channel did it, and its answer was lost: it is found out, and said.
#[tokio::test]
async fn a_lie_is_found_out() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    for (event, fault) in [
        ("evt-drop", json!({"kind": "drop-after"})),
        ("evt-500", json!({"kind": "answer", "status": 500, "perform": true})),
        ("evt-html", json!({"kind": "garbage", "what": "html", "perform": true})),
        ("evt-hang", json!({"kind": "hang", "perform": true})),
    ] {
        let rules = json!([
            {"channel": "instagram", "step": "publish", "times": 1, "fault": fault},
            {"channel": "wooridongne-tv", "step": "create", "times": 1, "fault": fault},
        ]);
        goes_wrong(&simulator, &rules).await;
        let answer = service.distribute(&request(&simulator, event)).await.success(200);
        assert_eq!(answer["status"], "COMPLETED", "{event}: {answer}");
        assert!(
            result(&answer, "Instagram")["postUrl"].is_string(),
            "{event}: found by its caption"
        );
    }
    assert_eq!(
        (effects(&simulator, "instagram"), effects(&simulator, "wooridongne-tv")),
        (4, 4)
    );
    service.stop().await;
}

/// T4: a tenth of the answers is lost on the way back, at every step from the
/// container on. (What is lost before is refused, and too much of that waits for
/// the retry budget.)
#[tokio::test]
async fn a_tenth_of_the_answers_is_lost_and_nothing_is_repeated() {
    const EVENTS: usize = 40;
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let lost = |channel: &str, step: &str| json!({"channel": channel, "step": step, "probability": 0.1, "fault": {"kind": "drop-after"}});
    let on_instagram = ["status", "publish", "permalink", "list"].map(|step| lost("instagram", step));
    let on_tv = ["create", "lookup"].map(|step| lost("wooridongne-tv", step));
    goes_wrong(&simulator, &on_instagram.into_iter().chain(on_tv).collect()).await;
    let mut left = 0;
    for event in 0..EVENTS {
        let answer = service
            .post_with(
                DISTRIBUTE,
                &[("prefer", "wait=0")],
                &request(&simulator, &format!("evt-{event}")),
            )
            .await;
        assert_eq!(answer.status, 202);
    }
    let at_rest = async {
        loop {
            let shown = service.get("/api/distributions?limit=100").await.success(200);
            let all = shown["distributions"].as_array().unwrap().clone();
            let resting = |one: &&Value| one["status"] != "IN_PROGRESS" && one["status"] != "PENDING";
            if all.iter().filter(resting).count() == EVENTS {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let all = tokio::time::timeout(PATIENCE * 5, at_rest)
        .await
        .expect("it does not come to rest");
    for one in &all {
        left += one["openChannels"].as_array().unwrap().len();
        let attempts = format!(
            "/api/distributions/{}/attempts",
            one["distributionId"].as_str().unwrap()
        );
        assert_eq!(
            one["status"],
            "COMPLETED",
            "{one} {}",
            service.get(&attempts).await.json()
        );
    }
    let made = (effects(&simulator, "instagram"), effects(&simulator, "wooridongne-tv"));
    println!(
        "{} answers lost on the way: lost 0, repeated 0, left to a person {left}",
        simulator.faults_met()
    );
    assert_eq!(made, (EVENTS, EVENTS));
    assert!(simulator.faults_met() > EVENTS / 4, "the answers were lost indeed");
    service.stop().await;
}

/// What was never done is done again, once.
#[tokio::test]
async fn what_was_lost_on_the_way_is_sent_again() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let rules = json!([
        {"step": "publish", "times": 1, "fault": {"kind": "drop-before"}},
        {"step": "create", "times": 2, "fault": {"kind": "answer", "status": 503}},
    ]);
    goes_wrong(&simulator, &rules).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(simulator.effects().len(), 2);
    service.stop().await;
}

#[tokio::test]
async fn a_refusal_is_told_with_the_channel_s_reason_and_can_be_retried() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let refused = json!({"kind": "answer", "status": 400, "body": {"error": {
        "code": 190, "error_subcode": 463, "message": "Session has expired",
    }}});
    goes_wrong(&simulator, &once("instagram", "create", &refused)).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED");
    assert_eq!(result(&answer, "Instagram")["code"], "auth_expired");
    let retry = format!(
        "/api/distributions/{}/retry",
        answer["distributionId"].as_str().unwrap()
    );

    let history = service.get(&retry.replace("retry", "history")).await.success(200);
    let live = service.post(&retry, &json!({"channels": ["WooridongneTV"]})).await;
    live.problem(409, "not_retryable");
    assert_eq!(
        service.get(&retry.replace("retry", "history")).await.success(200),
        history,
        "nothing was changed"
    );

    let answer = service.post(&retry, &json!({})).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(effects(&simulator, "wooridongne-tv"), 1, "what was live was left alone");
    assert_eq!(effects(&simulator, "instagram"), 1);
    service.post(&retry, &json!({})).await.problem(409, "not_retryable");
    let events = service.get("/api/events?after=0").await.success(200);
    let versions: Vec<_> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["data"]["version"])
        .collect();
    assert_eq!(versions, [1, 2]);
    service.stop().await;
}

/// Instagram answers nothing any more: it is not known whether the post is live.
pub(crate) async fn in_review(simulator: &RunningSimulator) -> (Service, String) {
    in_review_as(simulator, |_| {}).await
}

/// The same with other settings.
pub(crate) async fn in_review_as(simulator: &RunningSimulator, further: impl FnOnce(&mut Config)) -> (Service, String) {
    let change = live(simulator.base_url());
    let service = Service::start_as(|config| {
        change(config);
        further(config);
        config.engine.max_look_ups = 2;
        config.channels.instagram.settle_ms = 500;
    })
    .await;
    goes_wrong(simulator, &once("instagram", "publish", &json!({"kind": "drop-after"}))).await;
    let accepted = service
        .post_with(DISTRIBUTE, &[("prefer", "wait=0")], &request(simulator, "evt-1"))
        .await;
    let id = accepted.json()["distributionId"].as_str().unwrap().to_owned();
    published(simulator).await;
    let silent = json!([{"channel": "instagram", "step": "status", "fault": {"kind": "answer", "status": 500}}]);
    goes_wrong(simulator, &silent).await;
    let path = format!("/api/distributions/{id}");
    let reviewed = async {
        loop {
            let shown = service.get(&path).await.success(200);
            if result(&shown, "Instagram")["status"] == "NEEDS_REVIEW" {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let shown = tokio::time::timeout(PATIENCE, reviewed)
        .await
        .expect("it never came to review");
    assert_eq!(result(&shown, "Instagram")["code"], "outcome_unknown");
    (service, path)
}

#[tokio::test]
async fn a_person_says_that_it_is_live() {
    let simulator = simulator().await;
    let (service, path) = in_review(&simulator).await;
    let resolve = format!("{path}/channels/Instagram/resolve");
    let before = service.get(&format!("{path}/history")).await.success(200);
    for (url, body, status, code) in [
        (
            &resolve,
            json!({"live": true, "postUrl": "https://evil.example/p/1"}),
            422,
            "validation_failed",
        ),
        (&resolve, json!({"live": true, "adId": "1"}), 422, "validation_failed"),
        (
            &format!("{path}/channels/WooridongneTV/resolve"),
            json!({"live": true}),
            409,
            "not_in_review",
        ),
        (
            &format!("{path}/channels/NaverBlog/resolve"),
            json!({"live": true}),
            404,
            "channel_not_found",
        ),
        (
            &format!("{path}/channels/instagram/resolve"),
            json!({"live": true}),
            404,
            "channel_not_found",
        ),
        (
            &format!("{path}/retry"),
            json!({"channels": ["Instagram"]}),
            409,
            "not_retryable",
        ),
    ] {
        service.post(url, &body).await.problem(status, code);
    }
    assert_eq!(
        service.get(&format!("{path}/history")).await.success(200),
        before,
        "nothing was changed"
    );

    let body = json!({"live": true, "postUrl": "https://www.instagram.com/p/A1/"});
    let answer = service.post(&resolve, &body).await.success(200);
    assert_eq!(result(&answer, "Instagram")["postUrl"], body["postUrl"]);
    assert_eq!(answer["status"], "COMPLETED");
    let history = service.get(&format!("{path}/history")).await.success(200);
    assert_eq!(
        history["history"].as_array().unwrap().last().unwrap()["actor"],
        "person"
    );
    let again = service.post(&resolve, &body).await;
    again.problem(409, "not_in_review");
    service.stop().await;
}

#[tokio::test]
async fn a_person_says_that_it_is_not_and_has_it_sent_again() {
    let simulator = simulator().await;
    let (service, path) = in_review(&simulator).await;
    let answer = service
        .post(&format!("{path}/channels/Instagram/resolve"), &json!({"live": false}))
        .await
        .success(200);
    assert_eq!(result(&answer, "Instagram")["code"], "not_live");
    goes_wrong(&simulator, &json!([])).await;
    let answer = service.post(&format!("{path}/retry"), &json!({})).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    service.stop().await;
}

/// Stopped in order while a call hangs, longer than it waits for one; the next life
/// finishes what was in flight. (Death without a word: `tests/kill.rs`.)
#[tokio::test]
async fn a_restart_finishes_what_was_in_flight() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config| {
        change(config);
        config.http.stop_timeout_s = 1;
    })
    .await;
    goes_wrong(
        &simulator,
        &json!([{"step": "publish", "fault": {"kind": "hang", "perform": true}}]),
    )
    .await;
    let answer = service
        .post_with(DISTRIBUTE, &[("prefer", "wait=0")], &request(&simulator, "evt-1"))
        .await;
    let id = answer.json()["distributionId"].as_str().unwrap().to_owned();
    published(&simulator).await;
    let service = service.restart_as(live(simulator.base_url())).await;
    goes_wrong(&simulator, &json!([])).await;
    let path = format!("/api/distributions/{id}");
    let finished = async {
        loop {
            let shown = service.get(&path).await.success(200);
            if shown["status"] == "COMPLETED" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, finished)
        .await
        .expect("it was not finished");
    assert_eq!(
        (effects(&simulator, "instagram"), effects(&simulator, "wooridongne-tv")),
        (1, 1)
    );
    service.stop().await;
}

#[tokio::test]
async fn one_channel_s_missing_configuration_harms_no_other() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config| {
        change(config);
        config.channels.instagram.access_token = None;
        config.channels.wooridongne_tv.base_url = Some("http://127.0.0.1:1/".to_owned());
        config.channels.naver_blog.mode = Mode::Live;
        config.channels.naver_blog.protocol = ChannelProtocol::MetaWeblog;
    })
    .await;
    let problem = async |name: &str| {
        let channels = service.get("/api/channels").await.success(200)["channels"].take();
        let channel = channels
            .as_array()
            .unwrap()
            .iter()
            .find(|channel| channel["name"] == name)
            .unwrap();
        channel["problem"]["code"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(problem("Instagram").await, "channel_not_configured");
    assert_eq!(problem("NaverBlog").await, "channel_not_configured");
    assert_eq!(problem("KakaoChannel").await, "");
    let unreachable = async {
        while problem("WooridongneTV").await != "channel_unreachable" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, unreachable).await.unwrap();
    let mut body = request(&simulator, "evt-1");
    body["channels"] = json!(["Instagram", "KakaoChannel"]);
    body["channelOptions"].as_object_mut().unwrap().remove("WooridongneTV");
    let answer = service.distribute(&body).await.success(200);
    assert_eq!(result(&answer, "Instagram")["code"], "channel_not_configured");
    assert_eq!(result(&answer, "KakaoChannel")["status"], "SUCCESS");
    service.stop().await;
}

/// I16: the token is in no answer.
#[tokio::test]
async fn a_token_is_shown_nowhere() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let refused = json!({"kind": "answer", "status": 500, "body": "fault"});
    goes_wrong(&simulator, &once("instagram", "create", &refused)).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await;
    let id = answer.json()["distributionId"].as_str().unwrap().to_owned();
    for path in ["", "/attempts", "/history"] {
        let shown = service.get(&format!("/api/distributions/{id}{path}")).await;
        assert!(!String::from_utf8_lossy(&shown.body).contains("canary"), "{path}");
    }
    assert!(!String::from_utf8_lossy(&service.get("/api/channels").await.body).contains("canary"));
    service.stop().await;
}
