//! A service that is asked for more than it can do: what it says, what it does not
//! keep, and what is answered all the same.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::live::{goes_wrong, live, simulator};
use crate::support::{Answer, DISTRIBUTE, PATIENCE, Service};
use crate::{bare, with};

const ASYNCHRONOUS: [(&str, &str); 1] = [("prefer", "respond-async")];

fn tv(event: &str) -> Value {
    let options = json!({"WooridongneTV": {"regions": ["1114000000"], "budget": 50_000}});
    with(bare(event, &["WooridongneTV"]), "channelOptions", options)
}

/// One place for 우리동네TV, each call of which takes so long.
async fn slow_tv(millis: u64) -> (fanfare_simulator::RunningSimulator, Service) {
    let simulator = simulator().await;
    let slow = json!([{"channel": "wooridongne-tv", "step": "create", "fault": {"kind": "delay", "millis": millis}}]);
    goes_wrong(&simulator, &slow).await;
    let live = live(simulator.base_url());
    let service = Service::start_as(|config| {
        live(config);
        config.channels.instagram = fanfare::config::ChannelConfig::default();
        config.channels.wooridongne_tv.concurrency = 1;
        config.engine.max_backlog_s = 1;
    })
    .await;
    (simulator, service)
}

/// The first answer of that status to requests for one event after the other; the last
/// word of the event's name with it.
async fn until(service: &Service, prefix: &str, status: u16) -> (Answer, String) {
    let deadline = Instant::now() + PATIENCE;
    for number in 0.. {
        let event = format!("{prefix}-{number}");
        let answer = service.post_with(DISTRIBUTE, &ASYNCHRONOUS, &tv(&event)).await;
        if answer.status == status {
            return (answer, event);
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("it has no end")
}

#[tokio::test]
async fn while_a_channel_is_behind_the_door_says_so_and_keeps_nothing() {
    let (_simulator, service) = slow_tv(400).await;
    let first = service
        .post_with(DISTRIBUTE, &ASYNCHRONOUS, &tv("evt-first"))
        .await
        .success(202);
    let (refused, event) = until(&service, "evt-flood", 503).await;
    let problem = refused.problem(503, "channels_behind");
    assert_eq!(problem["behind"][0]["channel"], "WooridongneTV");
    assert!(problem["behind"][0]["waitSeconds"].as_u64().unwrap() >= 1, "{problem}");
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Nothing of this one was stored")
    );
    // Nothing was.
    let path = format!("/api/distribution/{event}/status");
    service.get(&path).await.problem(404, "event_not_found");
    let korean = [("accept-language", "ko"), ("prefer", "respond-async")];
    let again = service
        .post_with(DISTRIBUTE, &korean, &tv(&event))
        .await
        .problem(503, "channels_behind");
    assert!(
        again["detail"]
            .as_str()
            .unwrap()
            .contains("저장되거나 전송되지 않았습니다"),
        "{again}"
    );
    // What was accepted is answered as ever, other channels are taken, and what is asked
    // of what is there is done.
    let repeat = service.post_with(DISTRIBUTE, &ASYNCHRONOUS, &tv("evt-first")).await;
    assert_eq!(repeat.header("idempotent-replayed"), "true", "{repeat:?}");
    assert_eq!(repeat.json()["distributionId"], first["distributionId"]);
    service
        .distribute(&bare("evt-other", &["Instagram"]))
        .await
        .success(200);
    let queued = service.get("/api/distributions?status=PENDING").await.success(200);
    let last = queued["distributions"][0]["distributionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let cancel = format!("/api/distributions/{last}/cancel");
    service
        .post(&cancel, &json!({"reason": "방문 취소"}))
        .await
        .success(200);
    let retry = format!("/api/distributions/{last}/retry");
    service.post(&retry, &json!({})).await.problem(503, "channels_behind");
    let shown = String::from_utf8_lossy(&service.get("/metrics").await.body).into_owned();
    let name = r#"fanfare_lane_oldest_seconds{channel="WooridongneTV"} "#;
    assert!(shown.contains(name), "{shown}");
    // It takes requests again by itself.
    until(&service, "evt-after", 202).await;
    service.stop().await;
}

/// All places are taken by requests whose channel takes its time.
#[tokio::test]
async fn while_too_many_wait_all_that_does_not_is_answered() {
    let simulator = simulator().await;
    let slow = json!([{"channel": "wooridongne-tv", "step": "create", "fault": {"kind": "delay", "millis": 5_000}}]);
    goes_wrong(&simulator, &slow).await;
    let live = live(simulator.base_url());
    let service = Service::start_as(|config| {
        live(config);
        config.calls.deadline_ms = 10_000;
        config.http.max_connections = 12;
        config.http.max_waiting = Some(3);
    })
    .await;
    let service = Arc::new(service);
    let waiting: Vec<_> = (0..3)
        .map(|number| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.distribute(&tv(&format!("evt-{number}"))).await })
        })
        .collect();
    let deadline = Instant::now() + PATIENCE;
    let stands = async || service.get("/api/distributions").await.success(200)["distributions"].clone();
    while stands().await.as_array().unwrap().len() < 3 {
        assert!(Instant::now() < deadline, "they were not accepted");
    }
    let refused = service.distribute(&tv("evt-late")).await;
    let problem = refused.problem(503, "too_many_waiting");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Nothing of this one was stored"),
        "{problem}"
    );
    assert_eq!(refused.header("retry-after"), "1");
    // Who waits for no channel holds its connection for a moment only.
    let brief = service.post_with(DISTRIBUTE, &ASYNCHRONOUS, &tv("evt-brief")).await;
    brief.success(202);
    let flood: Vec<_> = (0..60)
        .map(|number| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.distribute(&tv(&format!("evt-flood-{number}"))).await.status })
        })
        .collect();
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/stop",
        "/api/distribution/evt-0/status",
    ] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    service
        .get("/api/distribution/evt-late/status")
        .await
        .problem(404, "event_not_found");
    let id = stands().await[1]["distributionId"].as_str().unwrap().to_owned();
    let retry = format!("/api/distributions/{id}/retry");
    service.post(&retry, &json!({})).await.problem(503, "too_many_waiting");
    // It is called off; whoever would wait for its end is told at once how it stands.
    let cancel = format!("/api/distributions/{id}/cancel");
    let patient = [("prefer", "wait=60")];
    let asked = Instant::now();
    service.post_with(&cancel, &patient, &json!({})).await.success(202);
    assert!(asked.elapsed() < Duration::from_secs(2));
    for refused in flood {
        assert_eq!(refused.await.unwrap(), 503);
    }
    for waited in waiting {
        waited.await.unwrap().success(200);
    }
    service.distribute(&tv("evt-late")).await.success(200);
    Arc::into_inner(service).unwrap().stop().await;
}
