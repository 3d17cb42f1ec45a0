//! What Instagram blocks (4/2207051 "suspected spam", 506 "duplicate") is never tried
//! again by itself: what acts on accounts that do has acted already.

use fanfare_core::cause::Cause;
use fanfare_core::delivery::DeliveryStatus;
use serde_json::{Value, json};

use crate::cases::{is_true, memory, once};
use crate::driver::{Death, Driver, Outcome, Point};
use crate::simulated::{Simulated, Subject};
use crate::{INSTAGRAM, INSTAGRAM_CAROUSEL, INSTAGRAM_REEL};

/// Meta's code and subcode, and what people are told.
const BLOCKS: [(i64, Option<i64>, &str); 2] = [
    (4, Some(2_207_051), "account_restricted"),
    (506, None, "content_rejected"),
];

const SUBJECTS: [Subject; 3] = [INSTAGRAM, INSTAGRAM_CAROUSEL, INSTAGRAM_REEL];

fn blocks(code: i64, subcode: Option<i64>, perform: bool) -> Value {
    let error = json!({"code": code, "error_subcode": subcode, "message": "blocked"});
    json!({"kind": "answer", "status": 400, "body": {"error": error}, "perform": perform})
}

async fn distribute(subject: Subject, faults: &Value, death: Option<Death>) -> (Simulated, Outcome) {
    let simulated = Simulated::start(subject).await;
    simulated.goes_wrong(faults).await;
    let driver = Driver::new(&simulated, simulated.client(), memory(), death).await;
    let outcome = driver.distribute(simulated.request()).await;
    is_true(&outcome, simulated.effects().await);
    (simulated, outcome)
}

/// It failed at once, for a reason that is no sign of the channel's health.
fn is_ended(outcome: &Outcome, told: &str) {
    let delivery = &outcome.delivery;
    let failure = delivery.failure.as_ref().unwrap();
    assert_eq!((delivery.status, &*failure.code), (DeliveryStatus::Failed, told));
    assert_eq!(delivery.attempt, 1, "{delivery:?}");
    assert!(
        failure.channel_said.as_ref().unwrap().contains("blocked"),
        "{failure:?}"
    );
    assert!(!Cause::of(told).unwrap().availability);
}

#[tokio::test]
async fn a_block_before_the_publish_ends_it() {
    for subject in SUBJECTS {
        let before = subject.steps.iter().take_while(|step| **step != subject.effecting);
        for step in before {
            for (code, subcode, told) in BLOCKS {
                let (simulated, outcome) = distribute(subject, &once(step, &blocks(code, subcode, false)), None).await;
                is_ended(&outcome, told);
                assert_eq!(simulated.asked_for("publish").await, 0, "{step} {code}");
            }
        }
    }
}

/// It is looked up. What is not live is not published a second time.
#[tokio::test]
async fn a_block_of_the_publish_is_looked_up_and_never_repeated() {
    for subject in SUBJECTS {
        for (code, subcode, told) in BLOCKS {
            let blocked = once("publish", &blocks(code, subcode, false));
            let (simulated, outcome) = distribute(subject, &blocked, None).await;
            is_ended(&outcome, told);
            assert_eq!(simulated.asked_for("publish").await, 1, "{code}");

            let live = once("publish", &blocks(code, subcode, true));
            let (simulated, outcome) = distribute(subject, &live, None).await;
            assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{code}");
            assert_eq!((outcome.delivery.attempt, simulated.effects().await), (1, 1), "{code}");
        }
    }
}

/// A container that failed since was not published either.
#[tokio::test]
async fn a_block_of_a_container_that_is_no_good_is_no_reason_for_another() {
    let (code, subcode, told) = BLOCKS[0];
    let answer = |status_code: &str| json!({"kind": "answer", "status": 200, "body": {"id": "17890000000000001", "status_code": status_code}});
    for status_code in ["ERROR", "EXPIRED"] {
        let faults = json!([
            {"step": "publish", "fault": blocks(code, subcode, false)},
            {"step": "status", "after": 2, "fault": answer(status_code)},
        ]);
        let (simulated, outcome) = distribute(INSTAGRAM, &faults, None).await;
        assert!(simulated.asked_for("status").await > 2);
        is_ended(&outcome, told);
        assert_eq!(simulated.asked_for("create").await, 1, "{status_code}");
    }
}

/// One whose answer nobody heard may be published again; what was heard is kept through
/// everything that follows.
#[tokio::test]
async fn a_death_forgets_no_block_that_was_heard() {
    let (code, subcode, told) = BLOCKS[0];
    let faults = json!([{"step": "publish", "fault": blocks(code, subcode, false)}]);
    let (_, calm) = distribute(INSTAGRAM, &faults, None).await;
    let commits = (1..=calm.commits).map(|number| (Point::Commit, number));
    let calls = (1..=calm.calls).map(|number| (Point::Call, number));
    let mut unheard = 0;
    for (at, number) in commits.chain(calls) {
        for done in [false, true] {
            let death = Death { at, number, done };
            let (simulated, outcome) = distribute(INSTAGRAM, &faults, Some(death)).await;
            let delivery = &outcome.delivery;
            assert_eq!(
                (delivery.status, &*delivery.failure.as_ref().unwrap().code),
                (DeliveryStatus::Failed, told),
                "{death:?}"
            );
            let again = simulated.asked_for("publish").await - 1;
            assert!(again <= 1, "{death:?}");
            unheard += again;
        }
    }
    assert!(
        unheard <= 2,
        "only the answer itself can be lost, or its commit: {unheard}"
    );
}
