//! How long Instagram's client waits where Meta's table says so: the times are asserted.

use std::time::Duration;

use fanfare_core::delivery::DeliveryStatus;
use serde_json::{Value, json};

use crate::cases::{is_true, memory, once};
use crate::driver::{Driver, Outcome};
use crate::simulated::{Simulated, Subject};
use crate::{INSTAGRAM, INSTAGRAM_CAROUSEL};

/// What all other waits of a delivery come to: Meta has fetched a picture in a second.
const REST: Duration = Duration::from_secs(30);

/// That succeeded under these faults; and how long it took.
async fn distribute(subject: Subject, faults: &Value) -> (Simulated, Outcome, Duration) {
    let simulated = Simulated::start(subject).await;
    simulated.goes_wrong(faults).await;
    let began = simulated.now();
    let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
    let outcome = driver.distribute(simulated.request()).await;
    is_true(&outcome, simulated.effects().await);
    assert!(simulated.went_wrong().await, "{faults}");
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{faults}");
    let took = Duration::try_from(simulated.now().duration_since(began)).unwrap();
    (simulated, outcome, took)
}

fn error(code: i64, subcode: Option<i64>) -> Value {
    let error = json!({"code": code, "error_subcode": subcode, "message": "no"});
    json!({"kind": "answer", "status": 400, "body": {"error": error}})
}

fn is_about(took: Duration, minutes: u64, what: &str) {
    let expected = Duration::from_mins(minutes);
    assert!((expected..expected + REST).contains(&took), "{what}: {took:?}");
}

/// 9/2207042, and the quota itself: asked again each hour, and no attempt is spent.
#[tokio::test]
async fn a_day_s_posts_that_are_used_up_are_asked_for_each_hour() {
    let used_up = json!({"data": [{"quota_usage": 100, "config": {"quota_total": 100, "quota_duration": 86_400}}]});
    let used_up = json!({"kind": "answer", "status": 200, "body": used_up});
    for (subject, step, fault) in [
        (INSTAGRAM, "quota", &used_up),
        (INSTAGRAM, "create", &error(9, Some(2_207_042))),
        (INSTAGRAM, "publish", &error(9, Some(2_207_042))),
        (INSTAGRAM_CAROUSEL, "quota", &used_up),
        (INSTAGRAM_CAROUSEL, "child", &error(9, Some(2_207_042))),
    ] {
        let twice = json!([{"step": step, "times": 2, "fault": fault}]);
        let (_, outcome, took) = distribute(subject, &twice).await;
        is_about(took, 120, step);
        assert_eq!(outcome.delivery.attempt, 1, "{step}");
    }
}

/// A throttled account is left alone for a quarter of an hour, or as long as is said.
#[tokio::test]
async fn a_throttle_is_waited_for_no_less_than_a_quarter_of_an_hour() {
    let said = |minutes: u64| json!({"kind": "throttle", "minutes": minutes});
    let codes = [4, 17, 32, 341, 613, 80_002];
    let mut throttles: Vec<_> = codes.map(|code| (error(code, None), 15)).into();
    throttles.extend([(said(0), 15), (said(3), 15), (said(40), 40)]);
    throttles.push((json!({"kind": "answer", "status": 429, "body": "slow down"}), 15));
    for (subject, steps) in [
        (INSTAGRAM, &["quota", "create", "status", "publish"]),
        (INSTAGRAM_CAROUSEL, &["child", "status", "carousel", "publish"]),
    ] {
        for step in steps {
            for (fault, minutes) in &throttles {
                let (_, _, took) = distribute(subject, &once(step, fault)).await;
                is_about(took, *minutes, &format!("{step} {fault}"));
            }
        }
    }
}

/// 24/2207008 and 100/33 of a container may mean that it is young: for two minutes.
#[tokio::test]
async fn a_container_that_is_not_found_is_looked_for_two_minutes_before_another_is_made() {
    for fault in [error(24, Some(2_207_008)), error(100, Some(33))] {
        for (seconds, containers) in [(110, 1), (150, 2)] {
            let missing = json!([{"step": "status", "forSeconds": seconds, "fault": fault}]);
            let (simulated, outcome, took) = distribute(INSTAGRAM, &missing).await;
            let made = simulated.done("create").await;
            assert_eq!(made, containers, "{seconds} s, {fault}");
            assert_eq!(usize::try_from(outcome.delivery.attempt).unwrap(), made);
            assert!(took < Duration::from_secs(150) + REST, "{took:?}");
            let looks = simulated.asked_for("status").await;
            assert!(looks < 20, "{looks} looks in {took:?}");
        }
    }
}

/// The headers of a success: five minutes where it does not say how many.
#[tokio::test]
async fn an_allowance_that_is_used_up_by_a_success_is_left_to_recover() {
    let usage = |percent: u64, minutes: u64| json!({"kind": "usage", "percent": percent, "minutes": minutes});
    for step in ["quota", "status"] {
        for (fault, minutes) in [
            (usage(99, 0), 0),
            (usage(100, 0), 5),
            (usage(100, 20), 20),
            (usage(60, 7), 7),
        ] {
            let (_, outcome, took) = distribute(INSTAGRAM, &once(step, &fault)).await;
            is_about(took, minutes, &format!("{step} {fault}"));
            assert_eq!(outcome.delivery.attempt, 1);
        }
    }
}

/// The same while Meta still fetches: it is not looked at in between.
#[tokio::test]
async fn nothing_is_looked_at_while_the_allowance_is_used_up() {
    let faults = json!([
        {"step": "create", "times": 1, "fault": {"kind": "slow-container", "seconds": 60}},
        {"step": "status", "times": 1, "fault": {"kind": "usage", "percent": 100}},
    ]);
    let (simulated, outcome, took) = distribute(INSTAGRAM, &faults).await;
    is_about(took, 5, "status");
    assert_eq!((outcome.delivery.attempt, simulated.asked_for("status").await), (1, 2));
}
