//! For how long a delivery is tried, held back or looked up, and from when that counts.

use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Retry, StepOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Delivery, DeliveryStatus, Phase};
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Ask, AskAnswer, AskId, AskRefusal, Call, Command, Input, Verdict};
use fanfare_core::ids::DistributionId;
use fanfare_core::resilience::breaker::BreakerAction;
use fanfare_core::write::Written;
use jiff::Timestamp;

use crate::{KEY, Node, TWO, adopted, calls, confirmed, failure, new, node_for, record, stepped};

const ONE: &[Channel] = &[TWO[0]];
const HOUR: Duration = Duration::from_hours(1);
const SETTLE: Duration = Duration::from_secs(1);

fn look_up() -> Node {
    node_for(Dedup::LookUp { settle: SETTLE }, 10, 100)
}

fn force_open() -> Input {
    Input::BreakerOrdered {
        channel: TWO[0],
        action: BreakerAction::ForceOpen,
    }
}

fn rejected(retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure: failure(),
        retry,
        checkpoint: None,
    }
}

fn asked(id: DistributionId, what: Ask, of: Option<&Distribution>) -> Input {
    Input::Asked {
        ask: AskId(3),
        id,
        what,
        adopted: of.cloned().map(|distribution| Box::new(adopted(distribution))),
        evidence: Vec::new(),
    }
}

fn retry() -> Ask {
    Ask::Retry {
        channels: Vec::new(),
        by: None,
        reason: None,
    }
}

fn only(commands: &[Command]) -> &Delivery {
    &record(commands).deliveries[0]
}

/// It failed, and is sent again two days later.
fn redriven() -> (Node, DistributionId, Call) {
    let mut node = node_for(KEY, 10, 100);
    let (id, out) = node.accepted(new(ONE, None));
    node.step(vec![stepped(&out[0], rejected(Retry::Never))]);
    let failed = at_rest(&node.written(id, Written::Recorded));
    node.now += 48 * HOUR;
    node.step(vec![asked(id, retry(), Some(&failed))]);
    let call = calls(node.written(id, Written::Recorded)).remove(0);
    (node, id, call)
}

fn at_rest(commands: &[Command]) -> Distribution {
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    (**distribution).clone()
}

/// Sent, nobody knows what came of it, and the breaker is held open by an operator.
fn in_doubt(node: &mut Node) -> (DistributionId, Distribution) {
    let (id, out) = node.accepted(new(ONE, None));
    node.step(vec![force_open()]);
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    let held = node.later(SETTLE);
    assert_eq!(only(&held).status, DeliveryStatus::Waiting);
    (id, at_rest(&node.written(id, Written::Recorded)))
}

#[test]
fn a_doubt_behind_an_open_breaker_is_a_person_s_after_an_hour_whichever_node_has_it() {
    let mut node = look_up();
    let (id, mut held) = in_doubt(&mut node);
    let begun = held.deliveries[0].unknown_since.unwrap();
    loop {
        let due = held.deliveries[0].next_attempt_at.unwrap();
        assert!(due <= begun + HOUR, "held until {due}");
        let mut other = look_up();
        other.now = due;
        other.step(vec![force_open()]);
        let mut commands = other.step(vec![Input::Adopted(vec![adopted(held.clone())])]);
        // The former node's calls are over, and what was seen has settled.
        commands.extend(other.later(Duration::from_secs(15) + SETTLE));
        let delivery = only(&commands);
        if delivery.status == DeliveryStatus::NeedsReview {
            let why = delivery.failure.as_ref().unwrap();
            assert_eq!(&*why.code, "outcome_unknown");
            assert!(other.now < begun + HOUR + Duration::from_mins(1), "at {}", other.now);
            return;
        }
        assert_eq!(
            (delivery.status, delivery.unknown_since),
            (DeliveryStatus::Waiting, Some(begun))
        );
        held = at_rest(&other.written(id, Written::Recorded));
    }
}

#[test]
fn who_knows_what_came_of_it_need_not_wait_for_the_breaker() {
    let mut node = look_up();
    let (id, held) = in_doubt(&mut node);
    let what = Ask::Resolve {
        channel: TWO[0],
        verdict: Verdict::NotLive,
        by: Some("desk (ff_1…)".to_owned()),
        reason: Some("피드에서 확인".to_owned()),
    };
    let commands = node.step(vec![asked(id, what.clone(), Some(&held))]);
    let written = record(&commands);
    assert_eq!(
        (written.deliveries[0].status, written.superseded[0].phase),
        (DeliveryStatus::Failed, Phase::Absent)
    );
    assert_eq!(
        (&*written.history.actor, written.history.reason.as_deref()),
        ("desk (ff_1…)", Some("피드에서 확인"))
    );
    // What waits and was never sent is not a person's to decide.
    let mut node = look_up();
    node.step(vec![force_open()]);
    let (id, _) = node.ask(new(ONE, None));
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    let waits = at_rest(&commands);
    let commands = node.step(vec![asked(id, what, Some(&waits))]);
    let refusal = AskRefusal::NotInReview(TWO[0], DeliveryStatus::Waiting);
    let answer = AskAnswer::Refused(refusal);
    assert!(
        commands.contains(&Command::AnswerAsk { ask: AskId(3), answer }),
        "{commands:?}"
    );
}

#[test]
fn a_redrive_is_tried_for_a_day_of_its_own() {
    let (mut node, id, call) = redriven();
    let commands = node.step(vec![stepped(&call, rejected(Retry::Backoff))]);
    assert_eq!(only(&commands).status, DeliveryStatus::Retrying);
    node.written(id, Written::Recorded);
    node.later(Duration::from_secs(1));
    let out = calls(node.written(id, Written::Recorded));
    // It ends by the same rule.
    node.now += 25 * HOUR;
    let commands = node.step(vec![stepped(&out[0], rejected(Retry::Backoff))]);
    let why = only(&commands).failure.as_ref().unwrap();
    assert_eq!(
        (only(&commands).status, &*why.code),
        (DeliveryStatus::Failed, "expired")
    );
}

#[test]
fn a_redrive_that_is_held_back_does_not_wait_for_ever() {
    for (hours, expected) in [(23, DeliveryStatus::Waiting), (25, DeliveryStatus::Failed)] {
        let (mut node, _, call) = redriven();
        let deferred = StepOutcome::Deferred {
            until: node.now + hours * HOUR,
            reason: failure(),
        };
        let commands = node.step(vec![stepped(&call, deferred)]);
        assert_eq!(only(&commands).status, expected, "{hours} hours");
    }
}

#[test]
fn a_channel_that_asks_for_years_is_polled_after_an_hour() {
    let mut node = node_for(KEY, 10, 100);
    let (_, out) = node.accepted(new(ONE, None));
    let pending = StepOutcome::Pending {
        poll_after: Duration::MAX,
    };
    node.step(vec![stepped(&out[0], pending)]);
    assert!(node.later(Duration::from_mins(59)).is_empty());
    assert_eq!(calls(node.later(Duration::from_mins(1))).len(), 1);
}

#[test]
fn what_comes_to_rest_again_with_the_same_outcome_is_completed_again() {
    let mut node = node_for(KEY, 10, 100);
    let (id, out) = node.accepted(new(&TWO, None));
    let night = |node: &Node| StepOutcome::Deferred {
        until: node.now + Duration::from_secs(40),
        reason: failure(),
    };
    let deferred = night(&node);
    let commands = node.step(vec![stepped(&out[0], confirmed()), stepped(&out[1], deferred)]);
    let first: Option<Timestamp> = record(&commands).completed_at;
    assert_eq!((first, record(&commands).publish), (Some(node.now), true));
    node.written(id, Written::Recorded);
    let commands = node.later(Duration::from_secs(40));
    assert_eq!(record(&commands).completed_at, None, "it moves");
    let again = calls(node.written(id, Written::Recorded));
    let deferred = night(&node);
    let commands = node.step(vec![stepped(&again[0], deferred)]);
    assert_eq!(
        (record(&commands).completed_at, record(&commands).publish),
        (Some(node.now), false)
    );
}

#[test]
fn what_is_found_after_a_hold_is_a_success_all_the_same() {
    let mut node = look_up();
    let (_, held) = in_doubt(&mut node);
    let mut other = look_up();
    other.now = node.now;
    let mut commands = other.step(vec![Input::Adopted(vec![adopted(held.clone())])]);
    commands.extend(other.later(Duration::from_secs(15) + SETTLE));
    let looked = calls(other.written(held.id, Written::Recorded));
    let receipt = match confirmed() {
        StepOutcome::Confirmed(receipt) => receipt,
        other => panic!("{other:?}"),
    };
    let commands = other.step(vec![Input::LookedUp {
        reference: looked[0].reference(),
        outcome: LookUpOutcome::Found(receipt),
    }]);
    assert_eq!(only(&commands).status, DeliveryStatus::Success);
}
