//! What channels say days after they took something: *accepted* becomes *delivered*, or
//! it is declined after all. Nobody has to ask for it.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock, ManualClock};
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::live::{effects, goes_wrong, once, result, simulator};
use crate::live_kakao::{NUMBERS, SIGNATURE, distributed, request, shows_nothing_private, start};
use crate::live_partners::{self, path_of};
use crate::support::{Answer, PATIENCE, Service, ask_elsewhere, ask_elsewhere_with};

const RESULTS: &str = "/api/channels/KakaoChannel/results";

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
    let cached = service.get("/api/distribution/evt-1/status").await.success(200);
    assert_eq!(result(&cached, "KakaoChannel")["channelState"], "delivered");
    let history = service.get(&format!("{path}/history")).await.success(200);
    assert!(history.to_string().contains("the channel's later word"), "{history}");
    assert_eq!(effects(&simulator, "kakao-channel"), 1);
    shows_nothing_private(&service, &answer).await;
    service.stop().await;
}

/// NHN Cloud's webhook, as its guide has it.
async fn hooked(service: &Service, signature: &str, body: &Value) -> Answer {
    let headers = [("x-toast-webhook-signature", signature)];
    service.post_with(RESULTS, &headers, body).await
}

fn hook(reference: &Value) -> Value {
    let one = json!({
        "kakaoMessageType": "BRAND_MESSAGE_NORMAL", "requestId": "2026", "recipientSeq": 1, "recipientNo": NUMBERS[0],
        "resultCode": "1000", "recipientGroupingKey": reference,
    });
    json!({"hooksId": "1", "webhookConfigId": "1", "productName": "KakaoTalk Bizmessage", "appKey": "app",
        "event": "MESSAGE_RESULT_UPDATE", "hooks": [one, one]})
}

/// What was sent with each message, as the channel keeps it.
async fn reference(simulator: &RunningSimulator, request: &Value) -> Value {
    let base = format!(
        "{}/kakao-channel/brand-message/v1.0/appkeys/app/messages",
        simulator.base_url()
    );
    let url = format!("{base}?requestId={}", request.as_str().unwrap());
    let found = ask_elsewhere_with("GET", &url, &[("x-secret-key", "token")], b"")
        .await
        .json();
    found["messageSearchResultResponse"]["messages"][0]["recipientGroupingKey"].clone()
}

/// How often the channel was asked what became of what it took.
async fn looks(simulator: &RunningSimulator) -> usize {
    let url = format!("{}/_simulator/requests", simulator.base_url());
    let seen = ask_elsewhere("GET", &url, b"").await.json();
    let seen = seen["requests"].as_array().unwrap().iter();
    seen.filter(|request| request["step"] == "lookup").count()
}

/// It is asked when the channel tells, half a minute later, instead of within the hour.
#[tokio::test]
async fn the_channel_s_webhook_brings_the_look_nearer_and_is_not_believed() {
    let (simulator, service, clock, _folder) = start("2026-11-24T10:00:00+09:00").await;
    let slow = json!({"kind": "slow-results", "seconds": 3_000});
    goes_wrong(&simulator, &once("kakao-channel", "send", &slow)).await;
    let answer = distributed(&service, &clock, &request(&simulator)).await;
    let kakao = result(&answer, "KakaoChannel");
    assert_eq!(kakao["channelState"], "accepted");
    let path = path_of(&answer);
    // A look finds nothing, and the next one is due when it is an hour old.
    let before = looks(&simulator).await;
    clock.advance(Duration::from_mins(16));
    let looked = async {
        while looks(&simulator).await == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.expect("nobody looked");
    simulator.clock().advance(Duration::from_hours(1));
    let reference = reference(&simulator, &kakao["messageId"]).await;

    let refused = hooked(&service, "another-signature", &hook(&reference)).await;
    refused.problem(403, "wrong_signature");
    service
        .post(RESULTS, &hook(&reference))
        .await
        .problem(403, "wrong_signature");
    hooked(&service, SIGNATURE, &json!({"hooks": 1}))
        .await
        .problem(422, "validation_failed");
    for told in ["somebody-else-s", "01a21dcbbeaa7c82b73d0d21993d391f.default"] {
        assert_eq!(hooked(&service, SIGNATURE, &hook(&json!(told))).await.status, 204);
    }
    let shown = service.get(&path).await.success(200);
    assert_eq!(result(&shown, "KakaoChannel")["channelState"], "accepted");

    for _ in 0..3 {
        let heard = hooked(&service, SIGNATURE, &hook(&reference)).await;
        assert_eq!((heard.status, heard.body.len()), (204, 0));
    }
    let asked = clock.now();
    let delivered = |kakao: &Value| kakao["channelState"] == "delivered";
    until(&service, &clock, (&path, "KakaoChannel"), delivered).await;
    let took = clock.now().duration_since(asked).unsigned_abs();
    assert!(
        (30..1_800).contains(&took.as_secs()),
        "within the hour it would have looked anyway: {took:?}"
    );
    assert_eq!(
        hooked(&service, SIGNATURE, &hook(&reference)).await.status,
        204,
        "what is known is let pass"
    );
    shows_nothing_private(&service, &answer).await;
    service.stop().await;
}

#[tokio::test]
async fn without_a_signature_of_its_own_the_service_hears_no_webhook() {
    let service = Service::start().await;
    let answer = hooked(&service, SIGNATURE, &hook(&json!("x"))).await;
    answer.problem(403, "wrong_signature");
    service.stop().await;
}

#[tokio::test]
async fn a_booking_that_is_taken_back_has_failed_and_can_be_ordered_anew() {
    let simulator = simulator().await;
    let now = fanfare::clock::SystemClock::default().now();
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
        (&json!("taken_back"), &json!("declined"), &ad)
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
