//! What follows an outcome that nobody knows.

use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Retry, StepOutcome};
use fanfare_core::delivery::{Checkpoint, DeliveryStatus, Phase};
use fanfare_core::engine::{Command, Input};
use fanfare_core::write::{Write, Written};

use crate::{KEY, START, TWO, adopted, calls, confirmed, failure, new, node, record, stepped};

#[test]
fn a_repeat_that_is_refused_says_nothing_of_the_first() {
    let mut node = node(KEY, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    let repeated = calls(node.later(Duration::from_secs(1)));
    let refused = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Never,
        checkpoint: None,
    };
    let commands = node.step(vec![stepped(&repeated[0], refused)]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase),
        (DeliveryStatus::InProgress, Phase::Unknown)
    );
}

#[test]
fn an_unknown_outcome_is_looked_up_after_it_has_settled_and_only_absence_allows_a_repeat() {
    let settle = Duration::from_secs(10);
    let mut node = node(Dedup::LookUp { settle }, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    assert!(node.later(settle / 2).is_empty());
    let commands = node.later(settle / 2);
    assert!(
        matches!(&commands[..], [Command::LookUp(call)] if call.delivery.attempt == 1),
        "{commands:?}"
    );
    let reference = calls(commands)[0].reference();
    let commands = node.step(vec![Input::LookedUp {
        reference,
        outcome: LookUpOutcome::Absent { checkpoint: None },
    }]);
    let ended = &record(&commands).superseded[0];
    let why = ended.failure.as_ref().unwrap();
    assert_eq!((ended.phase, &*why.code), (Phase::Absent, "found_absent"));
    node.written(id, Written::Recorded);
    let commands = node.later(Duration::from_secs(2));
    assert_eq!(record(&commands).deliveries[0].attempt, 2);
}

#[test]
fn a_channel_that_has_forgotten_the_key_is_searched() {
    let window = Duration::from_millis(1);
    let mut node = node(Dedup::Key { window }, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    let commands = node.later(Duration::from_secs(1));
    assert!(matches!(&commands[..], [Command::LookUp(_)]), "{commands:?}");
}

#[test]
fn a_look_that_proves_nothing_yet_is_kept_for_the_next_and_allows_no_repeat() {
    let mut node = node(Dedup::LookUp { settle: Duration::ZERO }, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    let looked = calls(node.written(id, Written::Recorded));
    let seen = Checkpoint(serde_json::json!({"finished_seen": 1}));
    let commands = node.step(vec![Input::LookedUp {
        reference: looked[0].reference(),
        outcome: LookUpOutcome::Pending {
            checkpoint: seen.clone(),
            look_after: Duration::from_mins(1),
        },
    }]);
    assert_eq!(record(&commands).deliveries[0].checkpoint, Some(seen.clone()));
    node.written(id, Written::Recorded);
    assert!(calls(node.later(Duration::from_secs(59))).is_empty());
    let commands = node.later(Duration::from_secs(1));
    assert!(
        matches!(&commands[..], [Command::LookUp(call)] if call.delivery.checkpoint.as_ref() == Some(&seen)),
        "{commands:?}"
    );
}

/// A protocol with several effects: what is found ends the doubt, not the attempt,
/// and the next effect is announced before it is begun.
#[test]
fn what_is_found_may_go_on_in_the_same_attempt() {
    let mut node = node(Dedup::LookUp { settle: Duration::ZERO }, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    let looked = calls(node.written(id, Written::Recorded));
    let next = Checkpoint(serde_json::json!({"sent": 1}));
    let commands = node.step(vec![Input::LookedUp {
        reference: looked[0].reference(),
        outcome: LookUpOutcome::Advanced {
            checkpoint: next.clone(),
            next_has_effect: true,
        },
    }]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!((delivery.phase, delivery.attempt), (Phase::Intent, 1));
    assert!(calls(commands).is_empty(), "not before its intent is committed");
    let commands = node.written(id, Written::Recorded);
    let goes_on =
        |command: &Command| matches!(command, Command::Step(call) if call.delivery.checkpoint.as_ref() == Some(&next));
    assert!(commands.iter().any(goes_on), "{commands:?}");
}

/// A channel that asks to wait longer than a doubt may last is asked once more at
/// its end: a person is not called while it can still be found out.
#[test]
fn a_long_wait_in_doubt_ends_with_the_last_look() {
    let mut node = node(KEY, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    let mut repeated = calls(node.later(Duration::from_secs(1)));
    let longest = Duration::from_hours(1);
    for (status, looks_at) in [
        (DeliveryStatus::InProgress, Some(START + longest)),
        (DeliveryStatus::NeedsReview, None),
    ] {
        let deferred = StepOutcome::Deferred {
            until: node.now + longest * 2,
            reason: failure(),
        };
        let commands = node.step(vec![stepped(&repeated[0], deferred)]);
        let delivery = &record(&commands).deliveries[0];
        assert_eq!((delivery.status, delivery.next_attempt_at), (status, looks_at));
        node.written(id, Written::Recorded);
        node.now = START;
        repeated = calls(node.later(longest));
    }
}

#[test]
fn nothing_is_concluded_from_absence_before_another_life_s_call_is_over() {
    let settle = Duration::from_secs(5);
    let mut before = node(Dedup::LookUp { settle }, 10);
    let (_, commands) = before.ask(new(&TWO[..1], None));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let mut after = node(Dedup::LookUp { settle }, 10);
    after.step(vec![Input::Adopted(vec![adopted(acceptance.distribution.clone())])]);
    after.written(acceptance.distribution.id, Written::Recorded);
    assert!(calls(after.later(Duration::from_secs(14))).is_empty());
    let commands = after.later(Duration::from_secs(1));
    assert!(matches!(&commands[..], [Command::LookUp(_)]), "{commands:?}");
}

#[test]
fn a_lane_s_fourth_retry_in_a_minute_waits_and_spends_no_attempt() {
    let mut node = node(KEY, 10);
    let rejected = || StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let (id, out) = node.accepted(new(&TWO[..1], None));
        node.step(vec![stepped(&out[0], rejected())]);
        node.written(id, Written::Recorded);
        let commands = node.later(Duration::from_secs(1));
        let delivery = &record(&commands).deliveries[0];
        statuses.push((delivery.status, delivery.attempt));
        for again in calls(node.written(id, Written::Recorded)) {
            node.step(vec![stepped(&again, confirmed())]);
            node.written(id, Written::Recorded);
        }
    }
    let begun = (DeliveryStatus::InProgress, 2);
    assert_eq!(statuses, [begun, begun, begun, (DeliveryStatus::Waiting, 1)]);
}
