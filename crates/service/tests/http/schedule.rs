//! What is to begin later: it waits in the database, survives a restart, begins
//! once, and is recognised although its time has passed. The clock is the test's.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::ManualClock;
use serde_json::{Value, json};

use crate::support::{DISTRIBUTE, PATIENCE, Service};
use crate::{bare, with};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()))
}

/// In Korea, where it is 18:00.
fn in_an_hour(event: &str) -> Value {
    with(
        bare(event, &["Instagram", "NaverBlog"]),
        "scheduledAt",
        json!("2026-11-22T19:00:00+09:00"),
    )
}

async fn status(service: &Service) -> Value {
    service.get("/api/distribution/evt-1/status").await.success(200)["status"].clone()
}

/// Until it has completed.
async fn completion(service: &Service) {
    let completed = async {
        while status(service).await != "COMPLETED" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, completed).await.expect("it never began");
}

#[tokio::test]
async fn it_begins_at_its_time_and_not_before() {
    let clock = clock();
    let service = Service::start_at(Arc::clone(&clock) as _, |_| {}).await;
    let accepted = service.distribute(&in_an_hour("evt-1")).await.success(202);
    assert_eq!(accepted["results"][0]["retryAt"], "2026-11-22T10:00:00Z");
    assert_eq!(accepted["results"][0]["code"], "scheduled");
    // Nearly due: this life takes it over, and waits.
    clock.advance(Duration::from_mins(59) + Duration::from_secs(30));
    let service = service.restart_at(Arc::clone(&clock) as _).await;
    service.distribute(&bare("evt-2", &["Instagram"])).await.success(200);
    assert_eq!(status(&service).await, "PENDING");
    clock.advance(Duration::from_secs(30));
    service.distribute(&bare("evt-3", &["Instagram"])).await.success(200);
    completion(&service).await;
    service.stop().await;
}

#[tokio::test]
async fn it_begins_once_although_the_service_was_away_at_its_time() {
    let clock = clock();
    let service = Service::start_at(Arc::clone(&clock) as _, |_| {}).await;
    let accepted = service.distribute(&in_an_hour("evt-1")).await.success(202);
    clock.advance(Duration::from_hours(30));
    let service = service.restart_at(Arc::clone(&clock) as _).await;
    completion(&service).await;
    let service = service.restart_at(clock).await;
    let id = accepted["distributionId"].as_str().unwrap();
    let attempts = service
        .get(&format!("/api/distributions/{id}/attempts"))
        .await
        .success(200);
    assert_eq!(
        attempts["attempts"].as_array().unwrap().len(),
        2,
        "one for each channel: {attempts}"
    );
    let events = service.get("/api/events?after=0").await.success(200);
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn a_repeat_is_recognised_although_its_time_has_passed() {
    let clock = clock();
    let service = Service::start_at(Arc::clone(&clock) as _, |_| {}).await;
    let key = [("idempotency-key", "order-1")];
    let with_key = service
        .post_with(DISTRIBUTE, &key, &in_an_hour("evt-1"))
        .await
        .success(202);
    let without = service.distribute(&in_an_hour("evt-2")).await.success(202);
    clock.advance(Duration::from_hours(2));
    let service = service.restart_at(clock).await;
    completion(&service).await;
    let again = service.post_with(DISTRIBUTE, &key, &in_an_hour("evt-1")).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.success(200)["distributionId"], with_key["distributionId"]);
    let again = service.distribute(&in_an_hour("evt-2")).await.success(200);
    assert_eq!(again["distributionId"], without["distributionId"]);
    // What was never accepted is still told that it comes too late.
    let late = service.distribute(&in_an_hour("evt-4")).await;
    assert_eq!(late.faults(), [("/scheduledAt".to_owned(), "in_the_past".to_owned())]);
    service.stop().await;
}
