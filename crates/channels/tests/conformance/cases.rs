//! The cases of the suite; each holds for every client.

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::attempt::{Dedup, Retry, StepOutcome};
use fanfare_core::delivery::{DeliveryStatus, Phase};
use fanfare_core::engine::Call;
use fanfare_core::receipt::ResultFields;
use fanfare_ledger::MemoryStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::{Database, Death, Driver, Outcome, Point};
use crate::schema::Database as Schema;
use crate::simulated::{Simulated, Subject};
pub(crate) use crate::withdrawal::{
    leaves_live_what_a_person_named, leaves_live_what_the_channel_refuses,
    takes_down_through_any_fault_that_happens_once, takes_down_through_death_at_every_commit_and_call,
    takes_down_through_death_at_every_commit_and_call_on_postgresql, takes_down_what_is_live,
};

/// Distributes once, under these faults and this death.
async fn distribute(subject: Subject, faults: Value, death: Option<Death>, database: Database) -> (Outcome, usize) {
    let simulated = Simulated::start(subject).await;
    simulated.goes_wrong(&faults).await;
    let driver = Driver::new(&simulated, simulated.client(), database, death).await;
    let outcome = driver.distribute(simulated.request()).await;
    // What the channel has taken on comes to be in the end.
    simulated.advance(Duration::from_mins(5));
    let effects = simulated.effects().await;
    is_true(&outcome, effects);
    let wanted = faults.as_array().is_some_and(|faults| !faults.is_empty());
    assert_eq!(simulated.went_wrong().await, wanted, "the fault met nothing: {faults}");
    (outcome, effects)
}

pub(crate) async fn under(subject: Subject, faults: Value) -> (Outcome, usize) {
    distribute(subject, faults, None, memory()).await
}

pub(crate) fn memory() -> Database {
    Database::Memory(Arc::new(MemoryStore::new()))
}

/// Whatever happened: one effect at most, and nothing that is said is wrong.
pub(crate) fn is_true(outcome: &Outcome, effects: usize) {
    let delivery = &outcome.delivery;
    let status = delivery.status;
    assert!(effects <= 1, "I2: {effects} effects, {delivery:?}");
    match status {
        DeliveryStatus::Success => assert_eq!(effects, 1, "it says that it is live: {delivery:?}"),
        DeliveryStatus::Failed => assert_eq!(effects, 0, "it says that it failed: {delivery:?}"),
        other => assert_eq!(other, DeliveryStatus::NeedsReview, "{delivery:?}"),
    }
    assert_eq!(delivery.receipt.is_some(), status == DeliveryStatus::Success, "I6");
    let numbers: Vec<_> = (1..=outcome.distribution.history_number).collect();
    assert_eq!(outcome.history, numbers, "I11");
    let version = usize::try_from(outcome.distribution.version).unwrap();
    assert_eq!(outcome.events, version, "I8");
}

/// The effecting step, and what it answers this once.
pub(crate) fn once(step: &str, fault: &Value) -> Value {
    json!([{"step": step, "times": 1, "fault": fault}])
}

/// What a channel may do wrong, whether it does its work or not.
pub(crate) fn faults(perform: bool) -> Vec<Value> {
    let garbage = |what: &str| json!({"kind": "garbage", "what": what, "perform": perform});
    // Taken on, done half a minute later, and seen by nobody until then.
    let late = json!({"kind": "perform-late", "seconds": 30});
    vec![
        if perform { late } else { json!({"kind": "drop-before"}) },
        json!({"kind": if perform { "drop-after" } else { "drop-before" }}),
        json!({"kind": "hang", "perform": perform}),
        json!({"kind": "answer", "status": 500, "body": "fault", "perform": perform}),
        json!({"kind": "answer", "status": 502, "perform": perform}),
        json!({"kind": "answer", "status": 504, "perform": perform}),
        garbage("html"),
        garbage("no-id"),
        garbage("endless"),
        garbage("trickle"),
        garbage("truncated"),
    ]
}

pub(crate) async fn publishes_once_on_the_good_path(subject: Subject) {
    let (outcome, effects) = under(subject, json!([])).await;
    let receipt = outcome.delivery.receipt.unwrap();
    assert_eq!((outcome.delivery.status, effects), (DeliveryStatus::Success, 1));
    assert_ne!(
        receipt.fields,
        ResultFields::default(),
        "it gives what the contract promises"
    );
    assert_eq!(outcome.delivery.attempt, 1);
}

pub(crate) async fn keeps_a_permanent_refusal(subject: Subject) {
    for (status, body, code) in subject.permanent {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let answer = json!({"kind": "answer", "status": status, "body": body});
        let (outcome, _) = under(subject, once(subject.effecting, &answer)).await;
        let failure = outcome.delivery.failure.unwrap();
        assert_eq!(outcome.delivery.status, DeliveryStatus::Failed, "{status} {failure:?}");
        assert_eq!((&*failure.code, outcome.delivery.attempt), (*code, 1), "{status}");
        assert!(failure.channel_said.is_some(), "the channel's own words are kept");
    }
}

/// At every step, and no longer than an hour on the channel's word; until the effect,
/// also no less than the channel says. What is only read of it after that is asked for at
/// intervals of our own.
pub(crate) async fn waits_as_long_as_it_is_told(subject: Subject) {
    let effecting = subject.steps.iter().position(|step| *step == subject.effecting);
    for (place, step) in subject.steps.iter().enumerate() {
        let least = if Some(place) <= effecting { 19 } else { 0 };
        for fault in [
            json!({"kind": "throttle", "minutes": 20}),
            json!({"kind": "throttle", "minutes": u32::MAX}),
            json!({"kind": "garbage", "what": "absurd-retry-after"}),
        ] {
            let simulated = Simulated::start(subject).await;
            simulated.goes_wrong(&once(step, &fault)).await;
            let began = simulated.now();
            let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
            let outcome = driver.distribute(simulated.request()).await;
            let waited = simulated.now().duration_since(began).as_secs() / 60;
            is_true(&outcome, simulated.effects().await);
            assert!(simulated.went_wrong().await, "{step} {fault}");
            assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{step} {fault}");
            assert!((least..=70).contains(&waited), "{step} {fault}: {waited} minutes");
        }
    }
}

/// T4, T10: before or after the effect, nothing is left to a person, and nothing
/// comes to be twice.
pub(crate) async fn comes_through_any_fault_that_happens_once(subject: Subject) {
    for step in subject.steps {
        for perform in [false, true] {
            for fault in faults(perform) {
                let (outcome, _) = under(subject, once(step, &fault)).await;
                let delivery = &outcome.delivery;
                assert_eq!(delivery.status, DeliveryStatus::Success, "{step} {fault}: {delivery:?}");
            }
        }
    }
    let redirect = json!({"kind": "garbage", "what": "redirect"});
    under(subject, once(subject.effecting, &redirect)).await;
}

pub(crate) async fn tells_the_truth_of_a_channel_that_stays_broken(subject: Subject) {
    for fault in [
        json!({"kind": "answer", "status": 503, "body": "out of order"}),
        json!({"kind": "drop-before"}),
        json!({"kind": "garbage", "what": "html"}),
    ] {
        let (outcome, effects) = under(subject, json!([{ "fault": fault }])).await;
        assert_eq!(effects, 0);
        assert_ne!(outcome.delivery.status, DeliveryStatus::Success, "{fault}");
    }
    // It does its work and never says so.
    let silent = json!([{"fault": {"kind": "drop-after"}}]);
    under(subject, silent).await;
}

/// T1: the process dies once, at each commit and each call, before it and after.
#[expect(clippy::print_stdout, reason = "the figures are for whoever runs it")]
async fn dies_everywhere(subject: Subject, faults: &Value, database: fn() -> Database) {
    let (calm, _) = distribute(subject, faults.clone(), None, database()).await;
    let commits = (1..=calm.commits).map(|number| (Point::Commit, number));
    let calls = (1..=calm.calls).map(|number| (Point::Call, number));
    let mut points = 0;
    for (at, number) in commits.chain(calls) {
        for done in [false, true] {
            let death = Death { at, number, done };
            let (outcome, _) = distribute(subject, faults.clone(), Some(death), database()).await;
            let delivery = &outcome.delivery;
            assert_eq!(delivery.status, DeliveryStatus::Success, "{death:?}: {delivery:?}");
            points += 1;
        }
    }
    println!(
        "{}: {points} points of death: lost 0, repeated 0, left to a person 0",
        subject.name
    );
}

pub(crate) async fn survives_death_at_every_commit_and_call(subject: Subject) {
    dies_everywhere(subject, &json!([]), memory).await;
}

pub(crate) async fn survives_death_at_every_commit_and_call_on_sqlite(subject: Subject) {
    let sqlite = || Database::Sqlite(TempDir::new().unwrap());
    dies_everywhere(subject, &json!([]), sqlite).await;
}

pub(crate) async fn survives_death_at_every_commit_and_call_on_postgresql(subject: Subject) {
    dies_everywhere(subject, &json!([]), || Database::Postgres(Schema::new())).await;
}

/// The channel lies, and the process dies while it finds out.
pub(crate) async fn survives_death_and_a_lost_answer_together(subject: Subject) {
    let lies = once(subject.effecting, &json!({"kind": "drop-after"}));
    dies_everywhere(subject, &lies, memory).await;
}

pub(crate) async fn reaches_nobody_where_nobody_listens(subject: Subject) {
    let simulated = Simulated::start(subject).await;
    let client = simulated.client_of("http://127.0.0.1:1", "token");
    let outcome = Driver::new(&simulated, client, memory(), None).await;
    let outcome = outcome.distribute(simulated.request()).await;
    is_true(&outcome, simulated.effects().await);
    let failure = outcome.delivery.failure.unwrap();
    assert_eq!(outcome.delivery.status, DeliveryStatus::Failed);
    assert_eq!((&*failure.code, outcome.delivery.attempt), ("channel_unavailable", 5));
}

pub(crate) async fn is_not_let_in_with_a_bad_token(subject: Subject) {
    let simulated = Simulated::start(subject).await;
    let client = simulated.client_of(simulated.base_url(), "expired");
    let outcome = Driver::new(&simulated, client, memory(), None).await;
    let outcome = outcome.distribute(simulated.request()).await;
    is_true(&outcome, simulated.effects().await);
    let failure = outcome.delivery.failure.unwrap();
    assert_eq!(
        (outcome.delivery.status, &*failure.code),
        (DeliveryStatus::Failed, "auth_expired")
    );
    assert_eq!(simulated.asked().await, 1, "once is enough");
}

/// A delivery whose steps that go on are taken one after another, `steps` of them;
/// and whether one of them was announced to have an effect.
async fn walk(subject: Subject, steps: u32) -> (Simulated, Call, bool) {
    let simulated = Simulated::start(subject).await;
    let client = simulated.client();
    let mut call = simulated.call(1, "default", simulated.now());
    let (mut taken, mut acted) = (0, false);
    let mut has_effect = client.protocol().first_step_has_effect;
    while taken < steps {
        match client.step(&call, simulated.now()).await {
            StepOutcome::Advanced {
                checkpoint,
                next_has_effect,
            }
            | StepOutcome::Prepared {
                checkpoint,
                next_has_effect,
            } => {
                call.delivery.checkpoint = Some(checkpoint);
                acted |= has_effect;
                has_effect = next_has_effect;
                taken += 1;
            }
            StepOutcome::Pending { poll_after } => simulated.advance(poll_after),
            other => panic!("after {taken} steps: {other:?}"),
        }
    }
    (simulated, call, acted)
}

/// Called off after so many steps of which none has an effect, none follows that
/// has one. Where the channel may have it already, it comes to its end.
pub(crate) async fn has_no_effect_once_it_is_called_off(subject: Subject) {
    for steps in 0.. {
        let (simulated, mut call, acted) = walk(subject, steps).await;
        let client = simulated.client();
        call.delivery.called_off = true;
        let outcome = client.step(&call, simulated.now()).await;
        let ends = matches!(&outcome, StepOutcome::Rejected { failure, retry: Retry::Never, .. } if failure.code == "cancelled");
        assert_eq!(ends, !acted, "after {steps} steps: {outcome:?}");
        if acted {
            return;
        }
        assert_eq!(simulated.effects().await, 0, "after {steps} steps");
        if matches!(client.protocol().dedup, Dedup::Key { .. }) {
            call.delivery.phase = Phase::Unknown;
            match client.step(&call, simulated.now()).await {
                StepOutcome::Advanced { .. } | StepOutcome::Prepared { .. } => {}
                StepOutcome::Confirmed(_) => return,
                other => panic!("repeating it is the look-up: {other:?}"),
            }
        }
    }
}

pub(crate) use crate::check::{
    says_nothing_of_credentials_where_nothing_follows, tries_its_credentials_and_posts_nothing,
};
pub(crate) use crate::later::{concludes_nothing_from_a_look_that_fails, finds_what_it_took};
pub(crate) use crate::nonsense::is_not_led_astray_by_nonsense;
