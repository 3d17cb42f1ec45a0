//! What channels say days after they took something: *accepted* becomes *delivered*, or
//! it is declined after all. Nobody has to ask for it.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::ManualClock;
use serde_json::{Value, json};

use crate::live::{effects, goes_wrong, once, result, simulator};
use crate::live_kakao::{NUMBERS, distributed, request, shows_nothing_private, start};
use crate::live_partners::{self, path_of};
use crate::support::{PATIENCE, Service};

/// As the distribution stands once this is true of the channel's result. The service's
/// clock goes on meanwhile, a second at a time.
async fn until(
    service: &Service,
    clock: &ManualClock,
    (path, channel): (&str, &str),
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let reached = async {
        loop {
            let shown = service.get(path).await.success(200);
            if wanted(result(&shown, channel)) {
                return shown;
            }
            clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("it had no news")
}

async fn published(service: &Service) -> Vec<Value> {
    let events = service.get("/api/events?after=0").await.success(200);
    let events = events["events"].as_array().unwrap().iter();
    events.map(|event| event["data"].clone()).collect()
}

#[tokio::test]
async fn what_was_accepted_is_delivered_an_hour_later_and_published_anew() {
    let (simulator, service, clock, _folder) = start("2026-11-24T10:00:00+09:00").await;
    let slow = json!({"kind": "slow-results", "seconds": 3_000});
    goes_wrong(&simulator, &once("kakao-channel", "send", &slow)).await;
    let answer = distributed(&service, &clock, &request(&simulator)).await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(result(&answer, "KakaoChannel")["channelState"], "accepted");
    let path = path_of(&answer);
    let follow = service.get(&format!("{path}/events")).await;
    assert!(
        String::from_utf8_lossy(&follow.body).contains("event: end"),
        "who follows it is not kept waiting for days"
    );

    simulator.clock().advance(Duration::from_hours(1));
    clock.advance(Duration::from_mins(5));
    let delivered = |kakao: &Value| kakao["channelState"] == "delivered";
    let shown = until(&service, &clock, (&path, "KakaoChannel"), delivered).await;
    assert_eq!(shown["status"], "COMPLETED");
    let people = json!(NUMBERS.len());
    let counts = &result(&shown, "KakaoChannel")["recipients"];
    assert_eq!((&counts["sent"], &counts["delivered"]), (&people, &people), "{counts}");
    let events = published(&service).await;
    let states: Vec<_> = events
        .iter()
        .map(|event| (&event["version"], &result(event, "KakaoChannel")["channelState"]))
        .collect();
    assert_eq!(
        states,
        [(&json!(1), &json!("accepted")), (&json!(2), &json!("delivered"))]
    );
    let status = service.get("/api/distribution/evt-1/status").await.success(200);
    assert_eq!(result(&status, "KakaoChannel")["channelState"], "delivered");
    let history = service.get(&format!("{path}/history")).await.success(200);
    assert!(history.to_string().contains("the channel's later word"), "{history}");
    assert_eq!(effects(&simulator, "kakao-channel"), 1);
    shows_nothing_private(&service, &answer).await;
    service.stop().await;
}

#[tokio::test]
async fn a_booking_that_is_taken_back_has_failed_and_can_be_ordered_anew() {
    let simulator = simulator().await;
    let now = fanfare::clock::Clock::now(&fanfare::clock::SystemClock::default());
    let clock = Arc::new(ManualClock::new(now));
    let service = Service::start_at(Arc::clone(&clock) as _, live_partners::live(simulator.base_url())).await;
    let answer = distributed(&service, &clock, &live_partners::request(&simulator, "evt-1")).await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(effects(&simulator, "genie-tv"), 1);
    let ad = result(&answer, "GenieTV")["adId"].clone();
    let taken_back = json!({"kind": "declined", "reason": "심의에서 반려되었습니다"});
    goes_wrong(&simulator, &once("genie-tv", "status", &taken_back)).await;

    let path = path_of(&answer);
    clock.advance(Duration::from_mins(10));
    let failed = |tv: &Value| tv["status"] == "FAILED";
    let shown = until(&service, &clock, (&path, "GenieTV"), failed).await;
    let tv = result(&shown, "GenieTV");
    assert_eq!(
        (&tv["code"], &tv["channelState"], &tv["adId"]),
        (&json!("declined"), &json!("declined"), &ad)
    );
    assert_eq!(shown["status"], "PARTIALLY_COMPLETED", "{shown}");
    let versions: Vec<_> = published(&service)
        .await
        .iter()
        .map(|event| event["version"].clone())
        .collect();
    assert_eq!(versions, [1, 2]);
    let attempts = service.get(&format!("{path}/attempts")).await.success(200);
    assert!(attempts.to_string().contains("심의에서 반려되었습니다"), "{attempts}");

    let retried = tokio::spawn({
        let clock = Arc::clone(&clock);
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                clock.advance(Duration::from_millis(20));
            }
        }
    });
    let answer = service.post(&format!("{path}/retry"), &json!({})).await.success(200);
    retried.abort();
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_ne!(result(&answer, "GenieTV")["adId"], ad, "another line");
    assert_eq!(effects(&simulator, "ringo-biz"), 1, "what was live was left alone");
    service.stop().await;
}
