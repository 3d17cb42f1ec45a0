//! Taking down what is live: the cases that hold for every client that can, and that
//! the others say so.

use fanfare_core::attempt::{Retry, WithdrawOutcome};
use fanfare_core::delivery::{Checkpoint, DeliveryStatus};
use fanfare_core::ids::DeliveryId;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cases::{faults, memory, once};
use crate::driver::{Database, Death, Driver, Outcome, Point};
use crate::schema::Database as Schema;
use crate::simulated::{Simulated, Subject};

/// Distributes, then withdraws under these faults and this death; how many can be
/// seen then.
async fn withdraw(subject: Subject, faults: &Value, death: Option<Death>) -> (Outcome, usize) {
    withdraw_on(memory(), subject, faults, death).await
}

async fn withdraw_on(database: Database, subject: Subject, faults: &Value, death: Option<Death>) -> (Outcome, usize) {
    let simulated = Simulated::start(subject).await;
    let driver = Driver::new(&simulated, simulated.client(), database, None).await;
    let outcome = driver.withdraw(simulated.request(), faults, death).await;
    // What the channel has taken on is done in the end.
    simulated.advance(std::time::Duration::from_mins(5));
    assert_eq!(simulated.made().len(), 1, "what was made stays on record");
    let wanted = faults.as_array().is_some_and(|faults| !faults.is_empty());
    assert_eq!(simulated.went_wrong().await, wanted, "the fault met nothing: {faults}");
    let seen = simulated.seen();
    is_true(&outcome, seen);
    (outcome, seen)
}

fn is_true(outcome: &Outcome, seen: usize) {
    let delivery = &outcome.delivery;
    assert!(delivery.receipt.is_some(), "I6");
    match delivery.status {
        DeliveryStatus::Success => assert_eq!(seen, 1, "it says that it is live: {delivery:?}"),
        DeliveryStatus::Cancelled => assert_eq!(seen, 0, "it says that it is gone: {delivery:?}"),
        _ => panic!("{delivery:?}"),
    }
    assert_eq!(delivery.holds_claim, delivery.status == DeliveryStatus::Success);
    let numbers: Vec<_> = (1..=outcome.distribution.history_number).collect();
    assert_eq!(outcome.history, numbers, "I11");
    let version = usize::try_from(outcome.distribution.version).unwrap();
    assert_eq!(outcome.events, version, "I8");
}

/// Once it is down, asking again finds it so. A client that can't says why, and calls
/// nobody.
pub(crate) async fn takes_down_what_is_live(subject: Subject) {
    if subject.withdrawing.is_none() {
        let simulated = Simulated::start(subject).await;
        let client = simulated.client_of("http://127.0.0.1:1", "token");
        let how = client.cannot_withdraw().unwrap();
        assert!(!how.en.is_empty() && !how.ko.is_empty());
        let call = simulated.call(1, "default", Timestamp::UNIX_EPOCH);
        let outcome = client.withdraw(&call, simulated.now()).await;
        let WithdrawOutcome::Refused { failure, retry } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            (&*failure.code, failure.detail, retry),
            ("withdrawal_failed", how, Retry::Never)
        );
        return;
    }
    let simulated = Simulated::start(subject).await;
    assert_eq!(simulated.client().cannot_withdraw(), None);
    let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
    let outcome = driver.withdraw(simulated.request(), &json!([]), None).await;
    is_true(&outcome, simulated.seen());
    assert_eq!(outcome.delivery.status, DeliveryStatus::Cancelled);
    assert_eq!(
        (outcome.delivery.generation, outcome.delivery.attempt, outcome.events),
        (2, 1, 2)
    );
    let mut call = simulated.call(1, "default", Timestamp::UNIX_EPOCH);
    call.delivery = outcome.delivery;
    for _ in 0..2 {
        let again = simulated.client().withdraw(&call, simulated.now()).await;
        assert_eq!(again, WithdrawOutcome::Gone);
    }
}

pub(crate) async fn takes_down_through_any_fault_that_happens_once(subject: Subject) {
    let Some(step) = subject.withdrawing else { return };
    for perform in [false, true] {
        for fault in faults(perform) {
            let (outcome, seen) = withdraw(subject, &once(step, &fault), None).await;
            assert_eq!(
                (outcome.delivery.status, seen),
                (DeliveryStatus::Cancelled, 0),
                "{fault}"
            );
            assert_eq!(outcome.delivery.attempt, 2, "{fault}");
        }
    }
    for fault in [
        json!({"kind": "throttle", "minutes": 20}),
        json!({"kind": "garbage", "what": "absurd-retry-after"}),
    ] {
        let (outcome, _) = withdraw(subject, &once(step, &fault), None).await;
        assert_eq!(outcome.delivery.status, DeliveryStatus::Cancelled, "{fault}");
    }
}

/// An address that is not there is no proof that the post is not.
pub(crate) async fn leaves_live_what_the_channel_refuses(subject: Subject) {
    let Some(step) = subject.withdrawing else { return };
    for status in [401, 403, 404, 405, 422] {
        let answer = json!({"kind": "answer", "status": status, "body": {"title": "no"}});
        let (outcome, _) = withdraw(subject, &once(step, &answer), None).await;
        let delivery = &outcome.delivery;
        assert_eq!(
            (delivery.status, delivery.attempt),
            (DeliveryStatus::Success, 1),
            "{status}: {delivery:?}"
        );
        let failure = delivery.failure.as_ref().unwrap();
        assert_eq!(&*failure.code, "withdrawal_failed");
        assert!(failure.channel_said.is_some(), "the channel's own words are kept");
    }
    let broken = json!([{"step": step, "fault": {"kind": "answer", "status": 500}}]);
    let (outcome, _) = withdraw(subject, &broken, None).await;
    assert_eq!(
        outcome.delivery.status,
        DeliveryStatus::Success,
        "it is asked for so often, and no more"
    );
}

/// It may be mistyped, or somebody else's.
pub(crate) async fn leaves_live_what_a_person_named(subject: Subject) {
    // 링고비즈 knows what is ours by the name that we gave it.
    if subject.withdrawing.is_none() || subject.name == "ringo-biz" {
        return;
    }
    let simulated = Simulated::start(subject).await;
    let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
    let outcome = driver.distribute(simulated.request()).await;
    let mut call = simulated.call(1, "default", Timestamp::UNIX_EPOCH);
    call.delivery = outcome.delivery;
    // Another's, of which a person has said that it is this one.
    call.delivery.id = DeliveryId(Uuid::from_u128(99));
    call.delivery.checkpoint = Some(Checkpoint::of_person());
    let refused = simulated.client().withdraw(&call, simulated.now()).await;
    assert!(
        matches!(&refused, WithdrawOutcome::Refused { failure, retry: Retry::Never } if failure.code == "withdrawal_failed"),
        "{refused:?}"
    );
    assert_eq!(simulated.seen(), 1);
}

pub(crate) async fn takes_down_through_death_at_every_commit_and_call(subject: Subject) {
    Box::pin(dies_everywhere(subject, memory)).await;
}

pub(crate) async fn takes_down_through_death_at_every_commit_and_call_on_postgresql(subject: Subject) {
    Box::pin(dies_everywhere(subject, || Database::Postgres(Schema::new()))).await;
}

async fn dies_everywhere(subject: Subject, database: impl Fn() -> Database) {
    if subject.withdrawing.is_none() {
        return;
    }
    let (whole, _) = withdraw_on(database(), subject, &json!([]), None).await;
    for (at, most) in [(Point::Commit, whole.commits), (Point::Call, whole.calls)] {
        assert!(most > 0);
        for number in 1..=most {
            for done in [false, true] {
                let death = Death { at, number, done };
                let (outcome, _) = withdraw_on(database(), subject, &json!([]), Some(death)).await;
                assert_eq!(outcome.delivery.status, DeliveryStatus::Cancelled, "{death:?}");
            }
        }
    }
}
