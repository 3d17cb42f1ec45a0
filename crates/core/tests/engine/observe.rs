//! What a channel says later of what it took.

use std::time::Duration;

use fanfare_core::attempt::{Observation, Protocol, StepOutcome};
use fanfare_core::cause;
use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::delivery::{Checkpoint, DeliveryStatus, Failure, Phase};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::engine::{Ask, AskAnswer, AskId, Call, Command, Input};
use fanfare_core::ids::{DistributionId, Incarnation};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::resilience::breaker::BreakerAction;
use fanfare_core::result::ChannelResult;
use fanfare_core::text::{Language, Text};
use fanfare_core::write::Written;
use jiff::Timestamp;
use serde_json::json;

use crate::{KEY, Node, START, TWO, adopted, failure, new, node_of, record, stepped};

const CHANNEL: Channel = TWO[0];
const SOON: Duration = Duration::from_mins(5);
const LATE: Duration = Duration::from_hours(1);

const PROTOCOL: Protocol = Protocol {
    first_step_has_effect: true,
    dedup: KEY,
    observed_at: &[SOON, LATE],
};

fn node() -> Node {
    node_of(PROTOCOL, 10, 10, None)
}

fn receipt(state: ChannelState) -> Receipt {
    Receipt {
        state,
        fields: ResultFields {
            message_id: Some("m-1".to_owned()),
            ..ResultFields::default()
        },
    }
}

fn stands(state: ChannelState, checkpoint: Option<Checkpoint>) -> Observation {
    Observation::Stands {
        receipt: receipt(state),
        checkpoint,
    }
}

fn declined() -> Observation {
    Observation::Declined {
        failure: Failure::new("declined", Text::new("Not shown.", "집행되지 않습니다.")),
        checkpoint: None,
    }
}

fn looks(commands: &[Command]) -> Vec<Call> {
    let calls = commands.iter().filter_map(|command| match command {
        Command::Observe(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

fn rests(commands: &[Command]) -> Distribution {
    let committed = commands.iter().find_map(|command| match command {
        Command::Rests { distribution, .. } => Some(distribution),
        _ => None,
    });
    committed.expect("it is told").as_ref().clone()
}

fn heard(call: &Call, outcome: Observation) -> Input {
    Input::Observed {
        reference: call.reference(),
        outcome,
    }
}

/// One channel took it, and that is committed.
fn taken(node: &mut Node) -> (DistributionId, Distribution) {
    let (id, calls) = node.accepted(new(&TWO[..1], None));
    let outcome = StepOutcome::Confirmed(receipt(ChannelState::Accepted));
    let commands = node.step(vec![stepped(&calls[0], outcome)]);
    let written = record(&commands);
    assert_eq!(
        (written.owner, written.due_at, written.open, written.status),
        (None, Some(node.now + SOON), true, DistributionStatus::Completed)
    );
    assert!(written.publish, "nobody waits for the channel's later word");
    let distribution = rests(&node.written(id, Written::Recorded));
    assert_eq!((node.engine.in_flight(), node.engine.next_timer()), (0, None));
    (id, distribution)
}

/// Whoever takes it over looks when its time has come.
fn look(node: &mut Node, distribution: Distribution, at: Timestamp) -> Call {
    node.now = at - Duration::from_secs(20);
    let commands = node.step(vec![Input::Adopted(vec![adopted(distribution)])]);
    assert_eq!((commands, node.engine.next_timer()), (vec![], Some(at)));
    let commands = node.later(Duration::from_secs(20));
    let mut calls = looks(&commands);
    assert_eq!((calls.len(), commands.len()), (1, 1), "a look needs no intent");
    calls.remove(0)
}

#[test]
fn it_is_asked_at_each_age_and_then_no_more() {
    let mut node = node();
    let (id, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let commands = node.step(vec![heard(&call, stands(ChannelState::Accepted, None))]);
    let written = record(&commands);
    assert_eq!(
        (
            written.due_at,
            written.owner,
            written.publish,
            written.history.transitions.len()
        ),
        (Some(START + LATE), None, false, 0),
        "nothing is new"
    );
    let distribution = rests(&node.written(id, Written::Recorded));
    let call = look(&mut node, distribution, START + LATE);
    let commands = node.step(vec![heard(&call, Observation::unknown(failure()))]);
    let again = START + LATE + LATE / 10;
    let written = record(&commands);
    assert_eq!(
        (written.due_at, written.open, written.publish),
        (Some(again), true, false),
        "one that failed is repeated"
    );
    let distribution = rests(&node.written(id, Written::Recorded));
    let call = look(&mut node, distribution, again);
    let commands = node.step(vec![heard(&call, stands(ChannelState::Accepted, None))]);
    let written = record(&commands);
    assert_eq!((written.due_at, written.open, written.publish), (None, false, false));
    assert_eq!(written.deliveries[0].status, DeliveryStatus::Success);
}

#[test]
fn a_look_that_fails_is_repeated_soon_and_not_for_ever() {
    let mut node = node();
    let (id, mut distribution) = taken(&mut node);
    let (mut at, mut looked) = (START + SOON, 0);
    loop {
        let call = look(&mut node, distribution, at);
        looked += 1;
        let seen = Checkpoint(json!({"seen": looked}));
        let failed = Observation::Unknown {
            // The breaker has no say in it.
            failure: cause::AUTH_EXPIRED.failure(),
            checkpoint: Some(seen.clone()),
        };
        let commands = node.step(vec![heard(&call, failed)]);
        let written = record(&commands);
        assert_eq!(
            written.deliveries[0].checkpoint,
            Some(seen),
            "the next one begins there"
        );
        let due_at = written.due_at;
        distribution = rests(&node.written(id, Written::Recorded));
        match due_at {
            Some(next) => at = next,
            None => break,
        }
    }
    assert!((10..16).contains(&looked), "{looked}");
    assert!(node.now <= START + LATE * 6 / 5);
}

#[test]
fn what_can_t_be_asked_about_is_not_asked_again() {
    let mut node = node();
    let (_, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let commands = node.step(vec![heard(&call, Observation::Untold)]);
    assert_eq!((record(&commands).due_at, record(&commands).open), (None, false));
}

fn hint(id: DistributionId, distribution: Option<Distribution>) -> Input {
    Input::Asked {
        ask: AskId(1),
        id,
        what: Ask::Observe { channel: CHANNEL },
        adopted: distribution.map(|distribution| Box::new(adopted(distribution))),
        evidence: Vec::new(),
    }
}

fn answer(commands: &[Command]) -> Option<&AskAnswer> {
    commands.iter().find_map(|command| match command {
        Command::AnswerAsk { answer, .. } => Some(answer),
        _ => None,
    })
}

#[test]
fn a_hint_brings_the_look_nearer_and_one_during_a_look_brings_another() {
    let mut node = node();
    let (id, distribution) = taken(&mut node);
    assert_eq!(answer(&node.step(vec![hint(id, None)])), Some(&AskAnswer::NotHere));
    let commands = node.step(vec![hint(id, Some(distribution))]);
    assert_eq!((answer(&commands), commands.len()), (Some(&AskAnswer::Done), 1));
    node.later(Duration::from_secs(10));
    // Others meanwhile are of the same look: it is no sooner, no later, and no other follows.
    node.step(vec![hint(id, None)]);
    let calls = looks(&node.later(Duration::from_secs(20)));
    assert_eq!(
        calls.len(),
        1,
        "half a minute later, though five minutes are the first age"
    );
    let commands = node.step(vec![heard(&calls[0], stands(ChannelState::Accepted, None))]);
    assert_eq!(record(&commands).due_at, Some(START + SOON));
    let distribution = rests(&node.written(id, Written::Recorded));
    node.step(vec![hint(id, Some(distribution))]);
    let calls = looks(&node.later(Duration::from_secs(30)));
    node.step(vec![hint(id, None)]);
    let commands = node.step(vec![heard(&calls[0], stands(ChannelState::Accepted, None))]);
    let written = record(&commands);
    assert_eq!(
        written.due_at,
        Some(node.now + Duration::from_secs(30)),
        "it may have come too early"
    );
    // What this node gives up is taken over anew.
    node.written(id, Written::Recorded);
    let calls = looks(&node.later(Duration::from_secs(30)));
    node.step(vec![heard(&calls[0], stands(ChannelState::Accepted, None))]);
    assert_eq!(answer(&node.step(vec![hint(id, None)])), Some(&AskAnswer::NotHere));
}

/// Nothing is done for a question, and no node keeps it for the days until the next look.
#[test]
fn a_question_that_changes_nothing_leaves_it_to_nobody() {
    let mut node = node();
    let (id, distribution) = taken(&mut node);
    let commands = node.step(vec![Input::Asked {
        ask: AskId(1),
        id,
        what: Ask::Cancel { by: None, reason: None },
        adopted: Some(Box::new(adopted(distribution))),
        evidence: Vec::new(),
    }]);
    assert!(matches!(answer(&commands), Some(AskAnswer::Refused(_))), "{commands:?}");
    let written = record(&commands);
    assert_eq!(
        (written.owner, written.due_at, written.open),
        (None, Some(START + SOON), true)
    );
    node.written(id, Written::Recorded);
    assert_eq!(node.engine.in_flight(), 0);
}

#[test]
fn what_is_to_be_sent_goes_before_looks_and_too_many_looks_are_put_off() {
    let mut node = node_of(PROTOCOL, 1, 2_000, None);
    let held: Vec<_> = (0..502).map(|_| taken(&mut node).1).collect();
    node.now = START + SOON - Duration::from_secs(20);
    node.step(vec![Input::Adopted(held.into_iter().map(adopted).collect())]);
    let commands = node.later(Duration::from_secs(20));
    let put_off = commands
        .iter()
        .filter(|command| matches!(command, Command::Write(_)))
        .count();
    let mut out = looks(&commands);
    assert_eq!((out.len(), put_off), (1, 2));
    let (id, _) = node.ask(new(&TWO[..1], None));
    node.written(id, Written::Accepted { others: Vec::new() });
    let commands = node.step(vec![heard(&out.remove(0), stands(ChannelState::Delivered, None))]);
    assert!(looks(&commands).is_empty(), "the new one has the place");
}

#[test]
fn news_is_committed_published_and_ends_the_looks() {
    let mut node = node();
    let (_, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let commands = node.step(vec![heard(&call, stands(ChannelState::Delivered, None))]);
    let written = record(&commands);
    assert_eq!((written.publish, written.version, written.open), (true, 2, false));
    let delivery = &written.deliveries[0];
    assert_eq!(delivery.channel_state(), Some(ChannelState::Delivered));
    assert_eq!((delivery.status, delivery.generation), (DeliveryStatus::Success, 1));
    assert_eq!(written.history.transitions.len(), 1);
    assert_eq!(written.history.reason.as_deref(), Some("the channel's later word"));
}

#[test]
fn what_is_seen_in_part_is_kept_and_the_rest_follows_at_once() {
    let mut node = node();
    let (id, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let checkpoint = Checkpoint(json!({"seen": 1}));
    let seen = Observation::Advanced {
        checkpoint: checkpoint.clone(),
    };
    let commands = node.step(vec![heard(&call, seen)]);
    assert!(looks(&commands).is_empty(), "what was seen is committed first");
    assert_eq!(record(&commands).owner, Some(Incarnation(7)));
    let calls = looks(&node.written(id, Written::Recorded));
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].delivery.checkpoint, Some(checkpoint));
}

/// More of the recipients have it: nothing to publish, since the outcome is the same,
/// but what people are shown; and it is asked soon again.
#[test]
fn counts_alone_are_news() {
    let mut node = node();
    let (_, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let counts = json!({"counts": {"sent": 2, "delivered": 1, "failed": 0, "refused": 0, "blocked": 0, "notSent": 0}});
    let outcome = stands(ChannelState::Accepted, Some(Checkpoint(counts)));
    let commands = node.step(vec![heard(&call, outcome)]);
    let written = record(&commands);
    assert_eq!((written.publish, written.history.transitions.len()), (false, 1));
    assert_eq!(written.due_at, Some(START + LATE), "its ages count on");
}

#[test]
fn what_is_declined_after_all_has_failed_in_a_generation_of_its_own_and_frees_its_claim() {
    let mut node = node();
    let (_, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let commands = node.step(vec![heard(&call, declined())]);
    let written = record(&commands);
    assert_eq!(
        (written.publish, written.version, written.status, written.open),
        (true, 2, DistributionStatus::Failed, false)
    );
    let delivery = &written.deliveries[0];
    assert_eq!(
        (
            delivery.status,
            delivery.generation,
            delivery.phase,
            delivery.holds_claim
        ),
        (DeliveryStatus::Failed, 2, Phase::Rejected, false)
    );
    let [taken] = &written.superseded[..] else {
        panic!("{:?}", written.superseded)
    };
    assert_eq!((taken.generation, taken.phase), (1, Phase::Confirmed));
    assert_eq!(taken.failure.as_ref().map(|why| &*why.code), Some("declined"));
    let shown = ChannelResult::of(delivery, Language::En);
    assert_eq!(shown.channel_state, Some(ChannelState::Declined));
    assert_eq!((shown.code.as_deref(), shown.retryable), (Some("declined"), Some(true)));
    assert_eq!(
        shown.fields.message_id.as_deref(),
        Some("m-1"),
        "what to ask the channel about"
    );
}

#[test]
fn while_the_breaker_is_open_nobody_is_asked_and_it_stays_a_success() {
    let mut node = node();
    let (_, distribution) = taken(&mut node);
    node.now = START + SOON - Duration::from_secs(20);
    let order = Input::BreakerOrdered {
        channel: CHANNEL,
        action: BreakerAction::ForceOpen,
    };
    node.step(vec![order, Input::Adopted(vec![adopted(distribution)])]);
    let commands = node.later(Duration::from_secs(20));
    let written = record(&commands);
    assert_eq!(
        (written.owner, written.due_at, written.deliveries[0].status),
        (None, Some(node.now + Duration::from_mins(5)), DeliveryStatus::Success),
        "it is put off, and no node keeps it"
    );
    let distribution = rests(&node.written(written.id, Written::Recorded));
    assert_eq!(node.engine.in_flight(), 0);
    let close = Input::BreakerOrdered {
        channel: CHANNEL,
        action: BreakerAction::Close,
    };
    node.step(vec![close]);
    let at = node.now + Duration::from_mins(5);
    look(&mut node, distribution, at);
}

#[test]
fn what_is_taken_down_meanwhile_is_not_changed_by_an_old_look() {
    let mut node = node();
    let (id, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let ask = Input::Asked {
        ask: AskId(1),
        id,
        what: Ask::Withdraw {
            channel: CHANNEL,
            by: None,
            reason: None,
        },
        adopted: None,
        evidence: Vec::new(),
    };
    node.step(vec![ask]);
    node.written(id, Written::Recorded);
    let commands = node.step(vec![heard(&call, declined())]);
    assert!(
        !commands
            .iter()
            .any(|command| matches!(command, Command::Write(write) if format!("{write:?}").contains("Declined"))),
        "{commands:?}"
    );
    let begun = node.written(id, Written::Recorded);
    assert!(
        begun.iter().any(|command| matches!(command, Command::Withdraw(_))),
        "it waited for the look: {begun:?}"
    );
}

#[test]
fn an_answer_is_taken_once() {
    let mut node = node();
    let (_, distribution) = taken(&mut node);
    let call = look(&mut node, distribution, START + SOON);
    let twice = || heard(&call, stands(ChannelState::Delivered, None));
    assert_eq!(record(&node.step(vec![twice(), twice()])).version, 2);
    assert_eq!(node.step(vec![twice()]), []);
}
