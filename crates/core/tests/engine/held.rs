//! What a stop, a breaker, a cancel and this service's own holds do to one
//! another, and to work that is given up meanwhile.

use std::time::Duration;

use fanfare_core::attempt::{Dedup, Retry, StepOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, Delivery, DeliveryStatus, Phase};
use fanfare_core::engine::{Ask, AskAnswer, AskId, AskRefusal, CallOff, Command, Input};
use fanfare_core::ids::DistributionId;
use fanfare_core::resilience::breaker::BreakerAction;
use fanfare_core::sending::{SendingAction, SendingScope};
use fanfare_core::write::{Adopted, Write, Written};
use jiff::Timestamp;
use serde_json::json;

use crate::{KEY, Node, START, TWO, adopted, calls, confirmed, failure, new, node_for, record, stepped};

const ONE: &[Channel] = &[TWO[0]];
const DAY: Duration = Duration::from_hours(24);

fn roomy() -> Node {
    node_for(KEY, 10, 100)
}

fn sending(action: SendingAction) -> Input {
    Input::SendingOrdered {
        scope: SendingScope::All,
        action,
    }
}

fn breaker(action: BreakerAction) -> Input {
    Input::BreakerOrdered {
        channel: TWO[0],
        action,
    }
}

fn asked(id: DistributionId, what: Ask) -> Input {
    Input::Asked {
        ask: AskId(3),
        id,
        what,
        adopted: None,
        evidence: Vec::new(),
    }
}

fn cancel(id: DistributionId) -> Input {
    let what = Ask::Cancel { by: None, reason: None };
    asked(id, what)
}

fn answers(commands: &[Command]) -> Vec<AskAnswer> {
    let of = |command: &Command| match command {
        Command::AnswerAsk { answer, .. } => Some(answer.clone()),
        _ => None,
    };
    commands.iter().filter_map(of).collect()
}

fn accepted_as(commands: &[Command]) -> Adopted {
    let Some(Command::Write(Write::Accept(acceptance))) = commands.first() else {
        panic!("{commands:?}")
    };
    adopted(acceptance.distribution.clone())
}

/// After a first step without an effect, before the next one, which has one.
fn half_way(node: &mut Node) -> (DistributionId, fanfare_core::engine::Call) {
    let (id, out) = node.accepted(new(ONE, None));
    let advanced = StepOutcome::Advanced {
        checkpoint: Checkpoint(json!({"at": 1})),
        next_has_effect: true,
    };
    node.step(vec![stepped(&out[0], advanced)]);
    let call = calls(node.written(id, Written::Recorded)).remove(0);
    (id, call)
}

fn only(commands: &[Command]) -> &Delivery {
    &record(commands).deliveries[0]
}

#[test]
fn what_this_service_holds_back_between_two_steps_goes_on_in_the_same_attempt() {
    let mut node = roomy();
    let (id, call) = half_way(&mut node);
    let held = StepOutcome::Held {
        until: node.now + Duration::from_secs(5),
        reason: failure(),
    };
    let commands = node.step(vec![stepped(&call, held)]);
    let delivery = only(&commands);
    assert_eq!(
        (
            delivery.status,
            delivery.phase,
            delivery.attempt,
            delivery.attempt_started_at
        ),
        (DeliveryStatus::Waiting, Phase::Intent, 1, Some(START))
    );
    assert_eq!(CallOff::of(delivery), CallOff::UnderWay);
    node.written(id, Written::Recorded);
    // Neither a stop nor a second hold makes it something that has not begun.
    node.step(vec![sending(SendingAction::Stop)]);
    let commands = node.later(Duration::from_secs(5));
    assert_eq!(
        (only(&commands).status, only(&commands).attempt),
        (DeliveryStatus::InProgress, 1)
    );
    assert_eq!(calls(node.written(id, Written::Recorded)).len(), 1);
}

#[test]
fn what_a_channel_defers_has_not_begun_however_often_it_is_held() {
    for order in [sending(SendingAction::Stop), breaker(BreakerAction::ForceOpen)] {
        let mut node = roomy();
        let (id, call) = half_way(&mut node);
        let deferred = StepOutcome::Deferred {
            until: node.now + Duration::from_secs(5),
            reason: failure(),
        };
        node.step(vec![stepped(&call, deferred)]);
        node.written(id, Written::Recorded);
        node.step(vec![order]);
        let commands = node.later(Duration::from_secs(5));
        assert_eq!(
            (only(&commands).status, only(&commands).attempt),
            (DeliveryStatus::Waiting, 0)
        );
        let held = only(&commands).clone();
        assert_eq!(CallOff::of(&held), CallOff::Cancelled);
        let mut waits = record(&commands).clone();
        node.written(id, Written::Recorded);
        // Minutes later it is looked at again, here or on another node.
        let mut distribution = accepted_as(&roomy().ask(new(ONE, None)).1).distribution;
        distribution.id = id;
        distribution.deliveries = std::mem::take(&mut waits.deliveries);
        node.now += Duration::from_mins(6);
        let commands = node.step(vec![Input::Adopted(vec![adopted(distribution)])]);
        let begins = |command: &Command| match command {
            Command::Write(Write::Record(record)) => record.deliveries[0].status == DeliveryStatus::InProgress,
            _ => false,
        };
        assert!(!commands.iter().any(begins), "{commands:?}");
    }
}

fn deferred(until: Timestamp) -> StepOutcome {
    StepOutcome::Deferred {
        until,
        reason: failure(),
    }
}

/// A deferral spends no attempt, so that only the age can end it.
#[test]
fn what_a_channel_defers_again_and_again_is_given_up_after_a_day() {
    let soon = Duration::from_secs(5);
    let mut node = roomy();
    let (id, mut out) = node.accepted(new(ONE, None));
    // The last of them is due when the day is over, and not a moment later.
    for begins in [START, START + DAY / 2, START + DAY - soon] {
        node.now = begins;
        let commands = node.step(vec![stepped(&out[0], deferred(node.now + soon))]);
        assert_eq!(
            (only(&commands).status, only(&commands).attempt),
            (DeliveryStatus::Waiting, 0),
            "{begins}"
        );
        node.written(id, Written::Recorded);
        node.later(soon);
        out = calls(node.written(id, Written::Recorded));
    }
    assert_eq!(node.now, START + DAY);
    let commands = node.step(vec![stepped(&out[0], deferred(node.now + soon))]);
    let given_up = only(&commands);
    assert_eq!(given_up.status, DeliveryStatus::Failed);
    assert_eq!(given_up.failure.as_ref().unwrap().code, "expired");
    // Who asks for it again is not told that the day is over.
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    node.step(vec![Input::Asked {
        ask: AskId(6),
        id,
        what: Ask::Retry {
            channels: Vec::new(),
            by: None,
            reason: None,
        },
        adopted: Some(Box::new(adopted((**distribution).clone()))),
        evidence: Vec::new(),
    }]);
    let out = calls(node.written(id, Written::Recorded));
    let commands = node.step(vec![stepped(&out[0], deferred(node.now + soon))]);
    assert_eq!(only(&commands).status, DeliveryStatus::Waiting);
}

#[test]
fn a_delivery_stands_in_its_queue_once() {
    let mut node = node_for(KEY, 1, 100);
    let (_, first) = node.accepted(new(ONE, None));
    node.now += Duration::from_millis(1);
    let (id, nothing) = node.accepted(new(ONE, None));
    assert!(nothing.is_empty(), "the lane is full");
    // Called off while it waits for its place, and wanted after all.
    node.step(vec![cancel(id)]);
    let cancelled = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = cancelled
        .iter()
        .find(|command| matches!(command, Command::Rests { .. }))
    else {
        panic!("{cancelled:?}")
    };
    let retry = Input::Asked {
        ask: AskId(4),
        id,
        what: Ask::Retry {
            channels: Vec::new(),
            by: None,
            reason: None,
        },
        adopted: Some(Box::new(adopted((**distribution).clone()))),
        evidence: Vec::new(),
    };
    node.step(vec![retry]);
    node.written(id, Written::Recorded);
    assert_eq!(node.engine.lane_load(TWO[0]), (1, 1));
    node.step(vec![stepped(&first[0], confirmed())]);
    assert_eq!(calls(node.written(id, Written::Recorded)).len(), 1);
    assert_eq!(node.engine.lane_load(TWO[0]), (1, 0));
}

#[test]
fn while_a_call_is_out_no_other_is_made() {
    let mut node = roomy();
    node.step(vec![sending(SendingAction::Stop)]);
    let (id, commands) = node.ask(new(ONE, None));
    let waits = accepted_as(&commands);
    let looks_again = waits.distribution.deliveries[0].next_attempt_at.unwrap();
    node.written(id, Written::Accepted { others: Vec::new() });
    // Taken over before its time, as it may go on by now.
    node.step(vec![sending(SendingAction::Resume)]);
    node.step(vec![Input::Adopted(vec![waits])]);
    assert_eq!(calls(node.written(id, Written::Recorded)).len(), 1);
    // The look that it was held for comes while its call is out.
    node.now = looks_again;
    let commands = node.step(Vec::new());
    assert_eq!(commands, []);
}

#[test]
fn what_is_decided_while_a_write_gives_the_row_up_is_decided_anew() {
    let mut node = roomy();
    node.step(vec![sending(SendingAction::Stop)]);
    let (id, _) = node.ask(new(ONE, None));
    // It is on its way to the database, as nobody's.
    node.step(vec![sending(SendingAction::Resume)]);
    node.later(Duration::ZERO);
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    assert!(
        commands.iter().all(|command| !matches!(command, Command::Write(_))),
        "{commands:?}"
    );
    let dropped = |command: &Command| matches!(command, Command::Forgotten { id: it, .. } if *it == id);
    assert!(commands.iter().any(dropped), "{commands:?}");
    assert!(!node.engine.holds(id));
    // A person who asked behind it asks again.
    let (id, _) = {
        node.step(vec![sending(SendingAction::Stop)]);
        node.ask(new(ONE, None))
    };
    node.step(vec![cancel(id)]);
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    assert_eq!(answers(&commands), [AskAnswer::NotHere]);
}

#[test]
fn what_is_taken_over_again_while_it_is_given_up_is_read_anew() {
    let mut node = roomy();
    node.step(vec![sending(SendingAction::Stop)]);
    let (id, commands) = node.ask(new(ONE, None));
    // The look for work was quicker than the news of the commit.
    node.step(vec![Input::Adopted(vec![accepted_as(&commands)])]);
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    let again = |command: &Command| matches!(command, Command::Forgotten { id: it, .. } if *it == id);
    assert!(commands.iter().any(again), "nobody else would look at it: {commands:?}");
    assert!(!node.engine.holds(id));
}

#[test]
fn a_redrive_of_what_is_old_waits_behind_a_breaker() {
    let mut node = roomy();
    let (id, out) = node.accepted(new(ONE, None));
    let refused = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Never,
        checkpoint: None,
    };
    node.step(vec![stepped(&out[0], refused)]);
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    let distribution = (**distribution).clone();
    node.now += DAY * 2;
    node.step(vec![breaker(BreakerAction::ForceOpen)]);
    let commands = node.step(vec![Input::Asked {
        ask: AskId(5),
        id,
        what: Ask::Retry {
            channels: Vec::new(),
            by: None,
            reason: None,
        },
        adopted: Some(Box::new(adopted(distribution))),
        evidence: Vec::new(),
    }]);
    let waits = only(&commands);
    assert_eq!((waits.status, waits.generation), (DeliveryStatus::Waiting, 2));
    assert_eq!(waits.failure.as_ref().unwrap().code, "breaker_open");
}

#[test]
fn what_was_called_off_behind_a_breaker_keeps_nobody_from_finding_out() {
    let mut node = roomy();
    for _ in 0..5 {
        let (id, out) = node.accepted(new(ONE, None));
        let away = StepOutcome::Rejected {
            failure: failure(),
            retry: Retry::Never,
            checkpoint: None,
        };
        node.step(vec![stepped(&out[0], away)]);
        node.written(id, Written::Recorded);
    }
    let mut held = Vec::new();
    for _ in 0..3 {
        node.now += Duration::from_millis(1);
        let (id, nothing) = node.accepted(new(ONE, None));
        assert!(nothing.is_empty());
        held.push(id);
    }
    for id in &held[..2] {
        node.step(vec![cancel(*id)]);
        node.written(*id, Written::Recorded);
    }
    let commands = node.later(Duration::from_secs(31));
    assert_eq!(record(&commands).id, held[2], "it asks whether the channel is back");
}

#[test]
fn who_calls_it_off_again_is_told_so_and_nothing_is_written() {
    let mut node = roomy();
    let (id, _) = node.accepted(new(ONE, None));
    node.step(vec![cancel(id)]);
    node.written(id, Written::Recorded);
    let commands = node.step(vec![cancel(id)]);
    let [Command::AnswerAsk { answer, .. }] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!(*answer, AskAnswer::Done);
}

#[test]
fn what_is_in_review_stays_a_person_s() {
    let mut node = node_for(Dedup::None, 10, 100);
    let (id, out) = node.accepted(new(ONE, None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    assert_eq!(CallOff::of(&distribution.deliveries[0]), CallOff::InReview);
    let what = Ask::Cancel { by: None, reason: None };
    assert_eq!(what.refusal(distribution), Some(AskRefusal::InReview));
}

#[test]
fn what_was_lost_and_taken_over_again_is_read_anew() {
    let mut node = roomy();
    node.step(vec![sending(SendingAction::Stop)]);
    let (id, commands) = node.ask(new(ONE, None));
    // Another node has had it meanwhile, and left it to nobody again.
    node.step(vec![Input::Adopted(vec![accepted_as(&commands)])]);
    let commands = node.written(id, Written::Fenced);
    let again = |command: &Command| matches!(command, Command::Forgotten { id: it, .. } if *it == id);
    assert!(commands.iter().any(again), "{commands:?}");
    assert!(!node.engine.holds(id));
}
