//! Calling a distribution off: what has not begun is cancelled, what is live stays
//! live, what is under way comes to its end; and each is said.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::ManualClock;
use fanfare::config::AuthRequired;
use fanfare_core::api_key::Scope;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::live::{effects, goes_wrong, in_review, live, request, result, simulator};
use crate::support::{Answer, DISTRIBUTE, PATIENCE, Service};
use crate::{bare, with};

fn cancel_of(answer: &Value) -> String {
    format!(
        "/api/distributions/{}/cancel",
        answer["distributionId"].as_str().unwrap()
    )
}

/// What calling off came to on a channel.
fn effect<'a>(answer: &'a Value, channel: &str) -> &'a Value {
    let entries = answer["cancellation"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["channel"] == channel).unwrap();
    assert!(!entry["message"].as_str().unwrap().is_empty());
    &entry["effect"]
}

/// As it stands once `done` says so.
async fn once(service: &Service, answer: &Value, done: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stands = service.get(&path).await.success(200);
        if done(&stands) {
            return stands;
        }
        assert!(Instant::now() < deadline, "{stands}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_scheduled_is_called_off_and_gives_its_claims_back() {
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let service = Service::start_at(Arc::clone(&clock) as _, |_| {}).await;
    let body = with(
        bare("evt-1", &["Instagram", "NaverBlog"]),
        "scheduledAt",
        json!("2026-11-22T19:00:00+09:00"),
    );
    let accepted = service.distribute(&body).await.success(202);
    let reason = json!({"reason": "비가 와서 미룹니다"});
    let cancelled = service.post(&cancel_of(&accepted), &reason).await.success(200);
    assert_eq!(cancelled["status"], "CANCELLED", "{cancelled}");
    assert_eq!(cancelled["openChannels"], json!([]));
    for channel in ["Instagram", "NaverBlog"] {
        assert_eq!(effect(&cancelled, channel), "cancelled");
        let result = result(&cancelled, channel);
        assert_eq!(
            (&result["status"], &result["code"], &result["retryAt"]),
            (&json!("CANCELLED"), &json!("cancelled"), &json!(null))
        );
    }
    // Who and why.
    let history = cancel_of(&accepted).replace("cancel", "history");
    let history = service.get(&history).await.success(200);
    let entry = history["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&entry["actor"], &entry["reason"]),
        (&json!("person"), &json!("비가 와서 미룹니다"))
    );
    assert_eq!(entry["transitions"][0]["to"], "CANCELLED");
    let events = service.get("/api/events?after=0").await.success(200);
    assert_eq!(events["events"].as_array().unwrap().len(), 1, "{events}");
    // The event is free again, and the time of the first passes.
    let other = service.distribute(&bare("evt-1", &["NaverBlog"])).await.success(200);
    assert_ne!(other["distributionId"], accepted["distributionId"]);
    clock.advance(Duration::from_hours(2));
    let service = service.restart_at(clock).await;
    service.distribute(&bare("evt-2", &["Instagram"])).await.success(200);
    let stands = once(&service, &accepted, |_| true).await;
    assert_eq!(stands["status"], "CANCELLED", "{stands}");
    // A retry sends what is free.
    let retry = cancel_of(&accepted).replace("cancel", "retry");
    let retried = service.post(&retry, &json!({"channels": ["Instagram"]})).await;
    assert_eq!(result(&retried.success(200), "Instagram")["status"], "SUCCESS");
    service.stop().await;
}

#[tokio::test]
async fn what_waits_is_called_off_and_what_is_live_stays_live() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let busy = json!({"kind": "answer", "status": 429, "headers": {"retry-after": "120"}});
    let rules = json!([{"channel": "wooridongne-tv", "step": "create", "fault": busy}]);
    goes_wrong(&simulator, &rules).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(result(&answer, "WooridongneTV")["status"], "WAITING", "{answer}");
    let korean = [("accept-language", "ko")];
    let cancelled = service.post_with(&cancel_of(&answer), &korean, &json!({})).await;
    let cancelled = cancelled.success(200);
    assert_eq!(cancelled["status"], "PARTIALLY_COMPLETED", "{cancelled}");
    assert_eq!(
        (effect(&cancelled, "Instagram"), effect(&cancelled, "WooridongneTV")),
        (&json!("stays_live"), &json!("cancelled"))
    );
    assert!(result(&cancelled, "Instagram")["postUrl"].is_string());
    let message = &cancelled["cancellation"][0]["message"];
    assert_eq!(
        message,
        "요청에 따라 취소되어 게시되지 않았습니다. 다시 필요하면 재시도해 주세요."
    );
    service
        .post(&cancel_of(&answer), &json!({}))
        .await
        .problem(409, "already_closed");
    assert_eq!(
        (effects(&simulator, "instagram"), effects(&simulator, "wooridongne-tv")),
        (1, 0)
    );
    service.stop().await;
}

/// Accepted; 우리동네TV has it, and this call to Instagram is out.
async fn during(step: &str) -> (RunningSimulator, Service, Value) {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let slow = json!([{"channel": "instagram", "step": step, "fault": {"kind": "delay", "millis": 600}}]);
    goes_wrong(&simulator, &slow).await;
    let prefer = [("prefer", "wait=0")];
    let accepted = service
        .post_with(DISTRIBUTE, &prefer, &request(&simulator, "evt-1"))
        .await;
    let accepted = accepted.success(202);
    once(&service, &accepted, |stands| {
        result(stands, "WooridongneTV")["status"] == "SUCCESS"
    })
    .await;
    let is_out = async {
        while simulator.faults_met() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_out).await.unwrap();
    (simulator, service, accepted)
}

#[tokio::test]
async fn what_is_under_way_comes_to_its_end_and_that_is_said() {
    let (simulator, service, accepted) = during("publish").await;
    let asked = service.post(&cancel_of(&accepted), &json!({})).await;
    let cancelled = asked.success(202);
    assert!(asked.header("location").starts_with("/api/distributions/"));
    assert_eq!(effect(&cancelled, "Instagram"), "under_way");
    assert_eq!(
        result(&cancelled, "Instagram")["code"],
        "cancel_requested",
        "{cancelled}"
    );
    let stands = once(&service, &accepted, |stands| stands["status"] != "IN_PROGRESS").await;
    let instagram = result(&stands, "Instagram");
    assert_eq!(
        (&instagram["status"], &instagram["code"]),
        (&json!("SUCCESS"), &json!(null))
    );
    assert_eq!(effects(&simulator, "instagram"), 1);
    service.stop().await;
}

#[tokio::test]
async fn what_has_had_no_effect_yet_has_none_any_more() {
    let (simulator, service, accepted) = during("status").await;
    let asked = service.post(&cancel_of(&accepted), &json!({})).await;
    assert_eq!(effect(&asked.success(202), "Instagram"), "under_way");
    let stands = once(&service, &accepted, |stands| stands["status"] != "IN_PROGRESS").await;
    let instagram = result(&stands, "Instagram");
    assert_eq!(
        (&instagram["status"], &instagram["code"]),
        (&json!("CANCELLED"), &json!("cancelled"))
    );
    assert_eq!(
        effects(&simulator, "instagram"),
        0,
        "the picture was ready and is not published"
    );
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_called_off_is_said_and_changes_nothing() {
    let service = Service::start_as(|config| config.auth.required = AuthRequired::Always).await;
    let operator = service.key("default", &[Scope::Distribute, Scope::Operate]).await;
    let other = service.key("cafe", &[Scope::Operate]).await;
    let post = async |path: &str, key: &crate::support::Key, body: Value| -> Answer {
        service.post_with(path, &[key.header()], &body).await
    };
    let done = post(DISTRIBUTE, &operator, bare("evt-1", &["Instagram"])).await;
    let cancel = cancel_of(&done.success(200));
    post(&cancel, &operator, json!({})).await.problem(409, "already_closed");
    post(&cancel, &other, json!({}))
        .await
        .problem(404, "distribution_not_found");
    let unknown = "/api/distributions/019a9b1e-7c1a-7000-8000-000000000001/cancel";
    post(unknown, &operator, json!({}))
        .await
        .problem(404, "distribution_not_found");
    let faults = post(&cancel, &operator, json!({"why": "x", "reason": ""}))
        .await
        .faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    service.stop().await;
}

#[tokio::test]
async fn who_waits_for_the_end_is_told_what_came_of_it() {
    let (simulator, service, accepted) = during("publish").await;
    let asked = service
        .post_with(&cancel_of(&accepted), &[("prefer", "wait=10")], &json!({}))
        .await;
    let cancelled = asked.success(200);
    assert_eq!(asked.header("preference-applied"), "wait=10");
    assert_eq!(cancelled["status"], "COMPLETED", "{cancelled}");
    assert_eq!(
        (effect(&cancelled, "Instagram"), effect(&cancelled, "WooridongneTV")),
        (&json!("went_live"), &json!("stays_live"))
    );
    assert_eq!(effects(&simulator, "instagram"), 1);
    service.stop().await;
}

#[tokio::test]
async fn what_had_failed_stays_so_while_the_rest_is_called_off() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config| {
        change(config);
        config.engine.max_attempts = 1;
    })
    .await;
    let lost = json!([{"channel": "instagram", "step": "create", "fault": {"kind": "drop-before"}}]);
    goes_wrong(&simulator, &lost).await;
    let breaker = "/api/channels/WooridongneTV/breaker";
    service
        .post(breaker, &json!({"action": "force_open"}))
        .await
        .success(200);
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(202);
    let instagram = result(&answer, "Instagram");
    assert_eq!(
        (&instagram["status"], &instagram["code"], &instagram["whoActs"]),
        (&json!("FAILED"), &json!("channel_unavailable"), &json!("caller")),
        "{answer}"
    );
    let message = instagram["message"].as_str().unwrap();
    assert!(!message.contains("tried again by itself"), "{message}");
    let cancelled = service.post(&cancel_of(&answer), &json!({})).await.success(200);
    assert_eq!(
        (effect(&cancelled, "Instagram"), effect(&cancelled, "WooridongneTV")),
        (&json!("failed"), &json!("cancelled"))
    );
    assert_eq!(cancelled["openChannels"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn what_a_person_must_look_at_is_not_called_off() {
    let simulator = simulator().await;
    let (service, path) = in_review(&simulator).await;
    let before = service.get(&path).await.success(200);
    let refused = service.post(&format!("{path}/cancel"), &json!({})).await;
    refused.problem(409, "in_review");
    assert_eq!(service.get(&path).await.success(200), before);
    service.stop().await;
}
