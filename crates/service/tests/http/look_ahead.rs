//! What is sent later is what lay there when it was accepted: pictures and sounds that are
//! exchanged between the two.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock, ManualClock, SystemClock};
use fanfare::config::{ChannelConfig, Config};
use fanfare_channels::media::OnChange;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::live::{live, request, result};
use crate::media::{hex, png, simulator, wav};
use crate::support::{PATIENCE, Service, ask_elsewhere};

const HOUR: Duration = Duration::from_hours(1);

fn configure(simulator: &RunningSimulator, on_change: OnChange) -> impl Fn(&mut Config) + use<> {
    let further = live(simulator.base_url());
    let ringo_biz = format!("{}/ringo-biz", simulator.base_url());
    move |config| {
        further(config);
        config.calls.deadline_ms = 5_000;
        config.channels.ringo_biz = ChannelConfig {
            mode: Mode::Live,
            base_url: Some(ringo_biz.clone()),
            access_token: Some(Secret::new("token")),
            verified_numbers: [("default".to_owned(), vec!["02-555-0134".to_owned()])].into(),
            ..ChannelConfig::default()
        };
        config.media.on_change = on_change;
    }
}

/// A picture on Instagram and a sound on a line, in an hour.
fn in_an_hour(simulator: &RunningSimulator, clock: &ManualClock, event: &str) -> Value {
    let mut body = request(simulator, event);
    let address = |file: &str| json!(format!("{}/media/{file}", simulator.base_url()));
    body["channels"] = json!(["Instagram", "RingoBiz"]);
    body["channelOptions"] = json!({
        "Instagram": {"caption": "여는 날"}, "RingoBiz": {"phoneNumber": "02-555-0134"},
    });
    body["contentUrls"] = json!({"imageUrl": address("a.png"), "audioUrl": address("a.wav")});
    body["scheduledAt"] = json!((clock.now() + HOUR).to_string());
    body
}

/// Once its time has come and nothing moves.
async fn settled(service: &Service, clock: &ManualClock, id: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = service.get(&format!("/api/distributions/{id}")).await.success(200);
        let moves = ["PENDING", "IN_PROGRESS"].contains(&answer["status"].as_str().unwrap());
        if !moves {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Channels are asked again.
        clock.advance(Duration::from_millis(100));
    }
}

/// How often anybody fetched a file.
async fn fetches(simulator: &RunningSimulator) -> usize {
    let url = format!("{}/_simulator/requests", simulator.base_url());
    let seen = ask_elsewhere("GET", &url, b"").await.json();
    let seen = seen["requests"].as_array().unwrap().iter();
    seen.filter(|request| request["channel"] == "media").count()
}

/// What became of both channels.
fn outcomes(answer: &Value) -> [(&str, &str); 2] {
    ["Instagram", "RingoBiz"].map(|channel| {
        let result = result(answer, channel);
        let text = |field: &str| result[field].as_str().unwrap_or_default();
        (text("status"), text("code"))
    })
}

#[tokio::test]
async fn a_file_that_is_exchanged_before_its_time_is_refused_or_sent_as_is_configured() {
    for (on_change, expected) in [
        (OnChange::Refuse, ("FAILED", "media_changed")),
        (OnChange::Send, ("SUCCESS", "")),
    ] {
        let simulator = simulator(&[("a.png", png(400, 400)), ("a.wav", wav(5))]).await;
        let change = configure(&simulator, on_change);
        let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
        let service = Service::start_at(Arc::clone(&clock) as _, &change).await;
        let body = in_an_hour(&simulator, &clock, "evt-1");
        let accepted = service.distribute(&body).await.success(202);
        let id = accepted["distributionId"].as_str().unwrap().to_owned();
        simulator.put_media("a.png", png(500, 500));
        simulator.put_media("a.wav", wav(7));
        // A repeat is the same request, whatever lies there by now, and is not looked at.
        let looks = fetches(&simulator).await;
        let repeated = service.distribute(&body).await.success(202);
        assert_eq!(repeated["distributionId"], accepted["distributionId"]);
        assert_eq!((looks, fetches(&simulator).await), (2, 2));

        clock.advance(HOUR);
        let service = service.restart_at_as(Arc::clone(&clock) as _, &change).await;
        let later = settled(&service, &clock, &id).await;
        assert_eq!(outcomes(&later), [expected; 2], "{later}");
        if on_change == OnChange::Refuse {
            let attempts = service
                .get(&format!("/api/distributions/{id}/attempts"))
                .await
                .success(200);
            let attempts = attempts.to_string();
            for bytes in [wav(5), wav(7), png(400, 400), png(500, 500)] {
                assert!(attempts.contains(&hex(&bytes)), "{attempts}");
            }
            simulator.put_media("a.png", png(400, 400));
            simulator.put_media("a.wav", wav(5));
            let (path, prefer) = (format!("/api/distributions/{id}/retry"), ("prefer", "respond-async"));
            service.post_with(&path, &[prefer], &json!({})).await.success(202);
            let retried = settled(&service, &clock, &id).await;
            assert_eq!(outcomes(&retried), [("SUCCESS", ""); 2], "{retried}");
        }
        service.stop().await;
    }
}

/// By the same words, and yet no repeat: another picture is approved.
#[tokio::test]
async fn what_was_called_off_and_is_announced_anew_is_looked_at_anew() {
    let simulator = simulator(&[("a.png", png(400, 400)), ("a.wav", wav(5))]).await;
    let change = configure(&simulator, OnChange::Refuse);
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let service = Service::start_at(Arc::clone(&clock) as _, &change).await;
    let body = in_an_hour(&simulator, &clock, "evt-1");
    let first = service.distribute(&body).await.success(202);
    let path = format!(
        "/api/distributions/{}/cancel",
        first["distributionId"].as_str().unwrap()
    );
    service.post(&path, &json!({})).await.success(200);
    // What was fetched is kept for a minute; not over a restart.
    let service = service.restart_at_as(Arc::clone(&clock) as _, &change).await;
    simulator.put_media("a.png", png(500, 500));
    let second = service.distribute(&body).await.success(202);
    let id = second["distributionId"].as_str().unwrap().to_owned();
    assert_ne!(second["distributionId"], first["distributionId"]);
    simulator.put_media("a.png", png(600, 600));
    clock.advance(HOUR);
    let service = service.restart_at_as(Arc::clone(&clock) as _, &change).await;
    let later = settled(&service, &clock, &id).await;
    assert_eq!(
        outcomes(&later),
        [("FAILED", "media_changed"), ("SUCCESS", "")],
        "{later}"
    );
    service.stop().await;
}

/// It is put there later, or is not to be had at the moment: nothing is known of it, and so
/// nothing is refused.
#[tokio::test]
async fn what_could_not_be_had_when_it_was_accepted_is_sent_as_it_is_then() {
    let simulator = simulator(&[("a.wav", b"<html>".to_vec())]).await;
    let change = configure(&simulator, OnChange::Refuse);
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let service = Service::start_at(Arc::clone(&clock) as _, &change).await;
    let body = in_an_hour(&simulator, &clock, "evt-1");
    let accepted = service.distribute(&body).await.success(202);
    simulator.put_media("a.png", png(400, 400));
    simulator.put_media("a.wav", wav(5));
    clock.advance(HOUR);
    let later = settled(&service, &clock, accepted["distributionId"].as_str().unwrap()).await;
    assert_eq!(outcomes(&later), [("SUCCESS", ""); 2], "{later}");
    service.stop().await;
}
