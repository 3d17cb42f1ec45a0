//! What becomes of a distribution that is called off.

use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Retry, StepOutcome};
use fanfare_core::delivery::{DeliveryStatus, Phase};
use fanfare_core::engine::{Ask, AskAnswer, AskId, AskRefusal, Command, Input};
use fanfare_core::ids::DistributionId;
use fanfare_core::write::Written;

use crate::{KEY, Node, START, TWO, adopted, calls, confirmed, failure, new, node, record, stepped};

fn cancel(id: DistributionId) -> Input {
    Input::Asked {
        ask: AskId(7),
        id,
        what: Ask::Cancel {
            by: Some("desk (ff_1…)".to_owned()),
            reason: Some("비".to_owned()),
        },
        adopted: None,
        evidence: Vec::new(),
    }
}

fn answers(commands: &[Command]) -> Vec<&AskAnswer> {
    let mut answers = Vec::new();
    for command in commands {
        if let Command::AnswerAsk { answer, .. } = command {
            answers.push(answer);
        }
    }
    answers
}

fn rejected(retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure: failure(),
        retry,
        checkpoint: None,
    }
}

/// One delivery is live, the other was rejected and is tried again.
fn half_done(node: &mut Node) -> DistributionId {
    let (id, calls) = node.accepted(new(&TWO, None));
    let outcomes = [confirmed(), rejected(Retry::Backoff)];
    let answers = calls.iter().zip(outcomes).map(|(call, outcome)| stepped(call, outcome));
    node.step(answers.collect());
    node.written(id, Written::Recorded);
    id
}

#[test]
fn what_has_not_begun_is_cancelled_and_what_is_live_stays() {
    let mut node = node(KEY, 10);
    let id = half_done(&mut node);
    let commands = node.step(vec![cancel(id)]);
    let written = record(&commands);
    assert_eq!(written.deliveries.len(), 1, "the live one is not touched");
    let delivery = &written.deliveries[0];
    assert_eq!(
        (delivery.status, delivery.holds_claim, delivery.next_attempt_at),
        (DeliveryStatus::Cancelled, false, None)
    );
    assert_eq!(delivery.failure.as_ref().unwrap().code, "cancelled");
    assert_eq!(
        (&*written.history.actor, written.history.reason.as_deref()),
        ("desk (ff_1…)", Some("비"))
    );
    assert!(written.publish && !written.open && written.owner.is_none());
    assert_eq!(answers(&node.written(id, Written::Recorded)), [&AskAnswer::Done]);
    assert!(!node.engine.holds(id));
    assert!(calls(node.later(Duration::from_hours(1))).is_empty());
}

#[test]
fn a_rejected_attempt_that_was_called_off_is_the_last() {
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO[..1], None));
    let commands = node.step(vec![cancel(id)]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase, delivery.called_off),
        (DeliveryStatus::InProgress, Phase::Intent, true)
    );
    assert_eq!(answers(&node.written(id, Written::Recorded)), [&AskAnswer::Done]);
    let commands = node.step(vec![stepped(&calls[0], rejected(Retry::Backoff))]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase, delivery.holds_claim),
        (DeliveryStatus::Cancelled, Phase::Rejected, false)
    );
}

#[test]
fn an_unknown_outcome_is_still_looked_up() {
    for (outcome, status) in [
        (LookUpOutcome::Absent { checkpoint: None }, DeliveryStatus::Cancelled),
        (LookUpOutcome::Unknown(failure()), DeliveryStatus::InProgress),
    ] {
        let settle = Duration::ZERO;
        let mut node = node(Dedup::LookUp { settle }, 10);
        let (id, made) = node.accepted(new(&TWO[..1], None));
        node.step(vec![cancel(id)]);
        node.written(id, Written::Recorded);
        node.step(vec![stepped(&made[0], StepOutcome::Unknown(failure()))]);
        let mut looks = calls(node.written(id, Written::Recorded));
        looks.extend(calls(node.later(Duration::from_secs(1))));
        let reference = looks[0].reference();
        let commands = node.step(vec![Input::LookedUp { reference, outcome }]);
        assert_eq!(record(&commands).deliveries[0].status, status);
    }
}

#[test]
fn what_is_closed_is_refused_and_a_retry_begins_anew() {
    let mut node = node(KEY, 10);
    let id = half_done(&mut node);
    node.step(vec![cancel(id)]);
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    let taken = || {
        Some(Box::new(adopted(fanfare_core::distribution::Distribution::clone(
            distribution,
        ))))
    };
    let Input::Asked {
        ask,
        id,
        what,
        evidence,
        ..
    } = cancel(id)
    else {
        panic!()
    };
    let input = Input::Asked {
        ask,
        id,
        what,
        adopted: taken(),
        evidence,
    };
    let refused = node.step(vec![input]);
    assert_eq!(answers(&refused), [&AskAnswer::Refused(AskRefusal::AlreadyClosed)]);
    let retry = Input::Asked {
        ask,
        id,
        what: Ask::Retry {
            channels: Vec::new(),
            by: None,
            reason: None,
        },
        adopted: taken(),
        evidence: Vec::new(),
    };
    let commands = node.step(vec![retry]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.generation, delivery.called_off),
        (DeliveryStatus::InProgress, 2, false)
    );
}

/// What was asked behind a write that is refused is not lost without an answer.
#[test]
fn who_asks_behind_a_refused_write_is_told() {
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO[..1], Some(START)));
    node.step(vec![stepped(&calls[0], rejected(Retry::Backoff))]);
    assert_eq!(answers(&node.step(vec![cancel(id)])), [] as [&AskAnswer; 0]);
    assert_eq!(answers(&node.written(id, Written::Fenced)), [&AskAnswer::Elsewhere]);
}
