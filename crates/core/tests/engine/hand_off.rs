//! What is handed to a person: it waits without being held, until they say that
//! it is done or their time is over.

use std::time::Duration;

use fanfare_core::attempt::StepOutcome;
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::{ActionUrl, Checkpoint, Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Ask, AskAnswer, AskId, Command, Input, Verdict};
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::notice::{Notice, Subject};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::result::ChannelResult;
use fanfare_core::text::Language;
use fanfare_core::write::Written;

use crate::{KEY, Node, START, TWO, adopted, calls, confirmed, failure, new, node, record, stepped};

const WEEK: Duration = Duration::from_hours(24 * 7);

/// When they are told once more.
const REMINDED: Duration = Duration::from_hours(24 * 6);

/// The first of two channels is handed over for a week, the other has succeeded.
fn handed_off() -> (Node, DistributionId, Distribution) {
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO, None));
    let mut task = failure();
    task.action_url = Some(Box::new(ActionUrl("https://fanfare.example/handoff/token".to_owned())));
    let outcome = StepOutcome::NeedsAction {
        task,
        until: Some(START + WEEK),
    };
    let commands = node.step(vec![stepped(&calls[0], outcome), stepped(&calls[1], confirmed())]);
    assert!(record(&commands).publish, "what has succeeded is told at once");
    assert_eq!(record(&commands).due_at, Some(START + REMINDED));
    assert_eq!(record(&commands).owner, None, "until then it belongs to no node");
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    let stored = Distribution::clone(distribution);
    assert_eq!(node.engine.in_flight(), 0);
    (node, id, stored)
}

fn done() -> Ask {
    Ask::Resolve {
        channel: TWO[0],
        verdict: Verdict::Live(Receipt {
            state: ChannelState::Verified,
            fields: ResultFields::default(),
        }),
        by: None,
        reason: None,
    }
}

fn asked(id: DistributionId, stored: &Distribution) -> Input {
    Input::Asked {
        ask: AskId(7),
        id,
        what: done(),
        adopted: Some(Box::new(adopted(stored.clone()))),
        evidence: Vec::new(),
    }
}

fn shown(delivery: &Delivery) -> ChannelResult {
    ChannelResult::of(delivery, Language::En)
}

#[test]
fn it_is_shown_where_and_until_when_it_is_to_be_done() {
    let (.., stored) = handed_off();
    let result = shown(&stored.deliveries[0]);
    assert_eq!(result.status, DeliveryStatus::ActionRequired);
    assert!(result.action_url.is_some() && result.code.is_some(), "{result:?}");
    assert_eq!((result.action_until, result.retry_at), (Some(START + WEEK), None));
    let event = fanfare_core::event::DistributionCompleted::of(&stored).unwrap();
    assert_eq!(
        event.results[0].action_url, None,
        "not every reader of the topic may do it"
    );
}

#[test]
fn who_did_it_makes_it_a_success_and_says_so_once() {
    let (mut node, id, stored) = handed_off();
    node.now += Duration::from_hours(100);
    let commands = node.step(vec![asked(id, &stored)]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.generation, delivery.next_attempt_at),
        (DeliveryStatus::Success, 2, None)
    );
    assert_eq!(delivery.channel_state(), Some(ChannelState::Verified));
    assert_eq!(
        delivery.checkpoint,
        Some(Checkpoint::of_person()),
        "no client takes it for its own"
    );
    assert!(delivery.holds_claim && record(&commands).publish);
    assert_eq!(shown(delivery).action_url, None);
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    let closed = Distribution::clone(distribution);
    let commands = node.step(vec![asked(id, &closed)]);
    assert!(
        matches!(
            &commands[..],
            [Command::AnswerAsk {
                answer: AskAnswer::Refused(_),
                ..
            }]
        ),
        "{commands:?}"
    );
}

/// What the database holds after this commit.
fn written(node: &mut Node, id: DistributionId) -> Distribution {
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    Distribution::clone(distribution)
}

#[test]
fn who_has_not_done_it_a_day_before_the_end_is_told_once_more() {
    let (mut node, id, stored) = handed_off();
    node.now = START + REMINDED - Duration::from_secs(30);
    assert!(node.step(vec![Input::Adopted(vec![adopted(stored)])]).is_empty());
    assert!(node.later(Duration::from_secs(29)).is_empty());
    let commands = node.later(Duration::from_secs(1));
    let told = record(&commands);
    assert_eq!(
        (told.publish, told.owner, told.due_at),
        (false, None, Some(START + WEEK))
    );
    let delivery = &told.deliveries[0];
    assert_eq!(
        (delivery.status, delivery.next_attempt_at),
        (DeliveryStatus::ActionRequired, Some(START + WEEK))
    );
    let notices = Notice::of_record(&EventId::new("evt-1"), told);
    let [notice] = &notices[..] else { panic!("{notices:?}") };
    let Subject::Delivery(about) = &notice.subject else {
        panic!()
    };
    assert!(about.reminder && about.until == Some(START + WEEK));
    let stored = written(&mut node, id);
    // Another node takes it over, some time later: it is not told again.
    node.now += Duration::from_hours(1);
    assert!(node.step(vec![Input::Adopted(vec![adopted(stored)])]).is_empty());
    let commands = node.later(Duration::from_hours(23));
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::Failed);
}

/// A day before the end of one day is no time at all: they have just been told.
#[test]
fn who_has_less_than_two_days_is_told_once_more_half_way() {
    const DAY: Duration = Duration::from_hours(24);
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO, None));
    // Half of that is no time that a database keeps.
    let until = START + DAY + Duration::from_micros(1);
    let outcome = StepOutcome::NeedsAction {
        task: failure(),
        until: Some(until),
    };
    let commands = node.step(vec![stepped(&calls[0], outcome), stepped(&calls[1], confirmed())]);
    let half = until - DAY / 2;
    assert_eq!(record(&commands).due_at, Some(half));
    let stored = written(&mut node, id);
    node.now = half - Duration::from_secs(1);
    assert!(node.step(vec![Input::Adopted(vec![adopted(stored)])]).is_empty());
    let commands = node.later(Duration::from_secs(1));
    let told = record(&commands);
    assert_eq!(told.due_at, Some(until), "once");
    assert_eq!(told.deliveries[0].status, DeliveryStatus::ActionRequired);
}

#[test]
fn who_was_not_told_in_time_is_told_late_and_after_the_end_not_at_all() {
    for (after, status) in [
        (Duration::from_hours(24 * 6 + 5), DeliveryStatus::ActionRequired),
        (WEEK, DeliveryStatus::Failed),
    ] {
        let (mut node, _, stored) = handed_off();
        node.now = START + after;
        let commands = node.step(vec![Input::Adopted(vec![adopted(stored)])]);
        let commands = if commands.is_empty() {
            node.later(Duration::ZERO)
        } else {
            commands
        };
        assert_eq!(record(&commands).deliveries[0].status, status);
    }
}

#[test]
fn what_nobody_does_in_time_has_failed() {
    let (mut node, id, mut stored) = handed_off();
    stored.deliveries[0].updated_at = START + REMINDED;
    // Taken over when it is nearly due, by any node.
    node.now = START + WEEK - Duration::from_secs(30);
    assert!(node.step(vec![Input::Adopted(vec![adopted(stored)])]).is_empty());
    assert!(node.later(Duration::from_secs(29)).is_empty());
    let commands = node.later(Duration::from_secs(1));
    assert!(calls(commands.clone()).is_empty(), "nobody is called");
    let delivery = &record(&commands).deliveries[0];
    assert_eq!((delivery.status, delivery.holds_claim), (DeliveryStatus::Failed, false));
    assert_eq!(delivery.failure.as_ref().unwrap().code, "expired");
    assert_eq!(record(&commands).id, id);
    assert!(!record(&commands).open && record(&commands).publish);
}
