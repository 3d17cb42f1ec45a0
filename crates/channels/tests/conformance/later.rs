//! What a channel says later of what it took: the cases that hold for every client that
//! asks. No fault is taken for a decline, and none changes what is known.

use fanfare_core::attempt::Observation;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::engine::Call;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cases::{faults, memory};
use crate::driver::Driver;
use crate::simulated::{Simulated, Subject};

/// What the channel took, as a call that asks about it.
pub(crate) async fn taken(simulated: &Simulated) -> Call {
    let driver = Driver::new(simulated, simulated.client(), memory(), None).await;
    let outcome = driver.distribute(simulated.request()).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
    let mut call = simulated.call(1, "default", Timestamp::UNIX_EPOCH);
    call.delivery = outcome.delivery;
    call
}

/// As the engine goes on: what was seen in part is kept, and the rest follows.
pub(crate) async fn look(simulated: &Simulated, call: &mut Call) -> Observation {
    loop {
        match simulated.client().observe(call, simulated.now()).await {
            Observation::Advanced { checkpoint } => call.delivery.checkpoint = Some(checkpoint),
            outcome => return outcome,
        }
    }
}

fn is_asked(subject: Subject, simulated: &Simulated) -> Option<&'static str> {
    let asks = !simulated.client().protocol().observed_at.is_empty();
    asks.then(|| *subject.steps.last().unwrap())
}

pub(crate) async fn finds_what_it_took(subject: Subject) {
    let simulated = Simulated::start(subject).await;
    if is_asked(subject, &simulated).is_none() {
        let call = simulated.call(1, "default", Timestamp::UNIX_EPOCH);
        let outcome = simulated.client().observe(&call, simulated.now()).await;
        assert_eq!(outcome, Observation::Untold);
        return;
    }
    let mut call = taken(&simulated).await;
    let Observation::Stands { receipt, .. } = look(&simulated, &mut call).await else {
        panic!("it is there")
    };
    assert_eq!(
        Some(receipt.fields),
        call.delivery.receipt.map(|receipt| receipt.fields)
    );
    assert_eq!(
        (simulated.made().len(), simulated.seen()),
        (1, 1),
        "a look has no effect"
    );
}

pub(crate) async fn concludes_nothing_from_a_look_that_fails(subject: Subject) {
    let simulated = Simulated::start(subject).await;
    let Some(step) = is_asked(subject, &simulated) else {
        return;
    };
    let mut call = taken(&simulated).await;
    reopen(&mut call);
    let answer = |status: u16| json!({"kind": "answer", "status": status, "body": {"title": "no"}});
    let answers = [301, 400, 401, 403, 404, 409, 422, 429].map(answer);
    let throttled = json!({"kind": "throttle", "minutes": 20});
    for fault in faults(false).into_iter().chain(answers).chain([throttled]) {
        let rules: Value = json!([{"step": step, "fault": fault}]);
        simulated.goes_wrong(&rules).await;
        let outcome = simulated.client().observe(&call, simulated.now()).await;
        assert!(matches!(outcome, Observation::Unknown { .. }), "{fault}: {outcome:?}");
        simulated.goes_wrong(&json!([])).await;
    }
    assert_eq!(simulated.seen(), 1);
}

/// So that there is something to ask where all is known already.
fn reopen(call: &mut Call) {
    let requests = call
        .delivery
        .checkpoint
        .as_mut()
        .and_then(|checkpoint| checkpoint.0.get_mut("requests"));
    for request in requests.and_then(Value::as_array_mut).into_iter().flatten() {
        request["settled"] = json!(false);
    }
}
