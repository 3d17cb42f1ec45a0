//! How what is live is taken down.

use std::time::Duration;

use fanfare_core::attempt::{Retry, WithdrawOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Delivery, DeliveryStatus, Failure, Phase};
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Ask, AskAnswer, AskId, AskRefusal, Call, Command, Input};
use fanfare_core::event::OutcomeDigest;
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::notice::{Notice, Subject};
use fanfare_core::resilience::breaker::BreakerAction;
use fanfare_core::result::ChannelResult;
use fanfare_core::sending::{SendingAction, SendingScope};
use fanfare_core::text::{Language, Text};
use fanfare_core::write::Written;

use crate::{KEY, Node, TWO, adopted, calls, confirmed, failure, new, node, record, stepped};

const CHANNEL: Channel = TWO[0];

fn withdraw(id: DistributionId) -> Input {
    Input::Asked {
        ask: AskId(7),
        id,
        what: Ask::Withdraw {
            channel: CHANNEL,
            by: Some("desk (ff_1…)".to_owned()),
            reason: Some("가격이 틀렸습니다".to_owned()),
        },
        adopted: None,
        evidence: Vec::new(),
    }
}

fn answer(commands: &[Command]) -> Option<&AskAnswer> {
    commands.iter().find_map(|command| match command {
        Command::AnswerAsk { answer, .. } => Some(answer),
        _ => None,
    })
}

fn withdrawals(commands: Vec<Command>) -> Vec<Call> {
    let calls = commands.into_iter().filter_map(|command| match command {
        Command::Withdraw(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

/// As it is committed.
fn rests(commands: Vec<Command>) -> Distribution {
    let committed = commands.into_iter().find_map(|command| match command {
        Command::Rests { distribution, .. } | Command::Moves { distribution, .. } => Some(distribution),
        _ => None,
    });
    committed.expect("it is told").as_ref().clone()
}

fn heard(call: &Call, outcome: WithdrawOutcome) -> Input {
    Input::Withdrawn {
        reference: call.reference(),
        outcome,
    }
}

fn refused(retry: Retry) -> WithdrawOutcome {
    WithdrawOutcome::Refused {
        failure: failure(),
        retry,
    }
}

impl Node {
    /// Another channel's call may be out, whose answer is waited for a moment.
    fn hears(&mut self, call: &Call, outcome: WithdrawOutcome) -> Vec<Command> {
        let mut commands = self.step(vec![heard(call, outcome)]);
        commands.extend(self.later(Duration::from_millis(2)));
        commands
    }
}

/// One is live, the other waits for its retry: so the node keeps it.
fn half_done(node: &mut Node) -> DistributionId {
    let (id, calls) = node.accepted(new(&TWO, None));
    let rejected = fanfare_core::attempt::StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let outcomes = [confirmed(), rejected];
    let answers = calls.iter().zip(outcomes).map(|(call, outcome)| stepped(call, outcome));
    node.step(answers.collect());
    node.written(id, Written::Recorded);
    id
}

/// Asked for and committed: the call that follows.
fn asked(node: &mut Node) -> (DistributionId, Call) {
    let id = half_done(node);
    node.step(vec![withdraw(id)]);
    let commands = node.written(id, Written::Recorded);
    assert_eq!(answer(&commands), Some(&AskAnswer::Done));
    let mut calls = withdrawals(commands);
    assert_eq!(calls.len(), 1);
    (id, calls.remove(0))
}

fn of(deliveries: &[Delivery]) -> &Delivery {
    let delivery = deliveries.iter().find(|delivery| delivery.channel == CHANNEL);
    delivery.expect("it has changed")
}

fn code(delivery: &Delivery) -> &str {
    delivery.failure.as_ref().map_or("", |failure| &failure.code)
}

#[test]
fn it_is_asked_for_with_who_and_why_and_called_after_the_commit() {
    let mut node = node(KEY, 10);
    let id = half_done(&mut node);
    let commands = node.step(vec![withdraw(id)]);
    assert!(
        withdrawals(commands.clone()).is_empty(),
        "not before the intent is committed"
    );
    let written = record(&commands);
    assert_eq!(
        (&*written.history.actor, written.history.reason.as_deref()),
        ("desk (ff_1…)", Some("가격이 틀렸습니다"))
    );
    let transition = &written.history.transitions[0];
    assert_eq!(
        (transition.from.as_deref(), &*transition.to, transition.code.as_deref()),
        (Some("SUCCESS"), "SUCCESS", Some("withdraw_requested"))
    );
    let delivery = of(&written.deliveries);
    assert_eq!(
        (delivery.status, delivery.phase, delivery.generation, delivery.attempt),
        (DeliveryStatus::Success, Phase::Intent, 2, 1)
    );
    assert!(delivery.receipt.is_some() && delivery.holds_claim && written.open);
    assert!(written.owner.is_some(), "this node goes on with it");
    let shown = ChannelResult::of(delivery, Language::En);
    assert_eq!(shown.code.as_deref(), Some("withdraw_requested"));
    let superseded = &written.superseded[0];
    assert_eq!((superseded.generation, superseded.phase), (1, Phase::Confirmed));
    assert_eq!(withdrawals(node.written(id, Written::Recorded)).len(), 1);
}

#[test]
fn what_is_gone_frees_its_claim_is_published_and_keeps_its_receipt() {
    let mut node = node(KEY, 10);
    let (id, call) = asked(&mut node);
    let commands = node.step(vec![heard(&call, WithdrawOutcome::Gone)]);
    let written = record(&commands);
    let delivery = of(&written.deliveries);
    assert_eq!(
        (delivery.status, code(delivery)),
        (DeliveryStatus::Cancelled, "withdrawn")
    );
    assert!(!delivery.holds_claim && delivery.receipt.is_some());
    let commands = node.written(id, Written::Recorded);
    assert!(withdrawals(commands).is_empty());
    let again = node.step(vec![withdraw(id)]);
    assert_eq!(answer(&again), Some(&AskAnswer::Done), "it was asked before");
}

#[test]
fn a_version_is_published_when_it_is_gone_and_none_while_it_goes_on() {
    let mut node = node(KEY, 10);
    let (id, step) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&step[0], confirmed())]);
    let distribution = rests(node.written(id, Written::Recorded));
    let before = OutcomeDigest::of(&distribution);
    let Input::Asked { what, .. } = withdraw(id) else {
        unreachable!()
    };
    let commands = node.step(vec![Input::Asked {
        ask: AskId(1),
        id,
        what,
        adopted: Some(Box::new(adopted(distribution))),
        evidence: Vec::new(),
    }]);
    let written = record(&commands);
    assert!(!written.publish && written.published == Some(before));
    let call = withdrawals(node.written(id, Written::Recorded)).remove(0);
    let commands = node.step(vec![heard(&call, WithdrawOutcome::Gone)]);
    let written = record(&commands);
    assert!(written.publish && !written.open && written.owner.is_none());
    assert_eq!(written.version, 2);
}

#[test]
fn a_call_without_a_clear_answer_is_made_again_after_a_backoff() {
    let mut node = node(KEY, 10);
    let (id, call) = asked(&mut node);
    let unknown = Failure::new("outcome_unknown", Text::new("No answer.", "응답이 없습니다."));
    let commands = node.step(vec![heard(&call, WithdrawOutcome::Unknown(unknown))]);
    let written = record(&commands);
    let delivery = of(&written.deliveries);
    assert_eq!(
        (delivery.status, code(delivery)),
        (DeliveryStatus::Success, "withdraw_requested")
    );
    assert!(delivery.next_attempt_at.is_some());
    let ended = &written.superseded[0];
    assert_eq!(
        (
            ended.generation,
            ended.attempt,
            ended.phase,
            &*ended.failure.as_ref().unwrap().code
        ),
        (2, 1, Phase::Unknown, "outcome_unknown")
    );
    node.written(id, Written::Recorded);
    node.later(Duration::from_secs(2));
    let again = withdrawals(node.written(id, Written::Recorded));
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].delivery.generation, again[0].delivery.attempt), (2, 2));
    assert!(
        node.step(vec![heard(&call, WithdrawOutcome::Gone)]).is_empty(),
        "an old answer is none"
    );
    let commands = node.hears(&again[0], WithdrawOutcome::Gone);
    assert_eq!(of(&record(&commands).deliveries).status, DeliveryStatus::Cancelled);
}

#[test]
fn what_the_channel_refuses_for_good_stays_live_and_says_why() {
    let mut node = node(KEY, 10);
    let (id, call) = asked(&mut node);
    let commands = node.step(vec![heard(&call, refused(Retry::Never))]);
    let written = record(&commands);
    let delivery = of(&written.deliveries);
    assert_eq!(
        (delivery.status, delivery.phase, code(delivery), delivery.holds_claim),
        (DeliveryStatus::Success, Phase::Rejected, "withdrawal_failed", true)
    );
    assert!(delivery.failure.as_ref().unwrap().detail.en.contains("Away."));
    let told: Vec<_> = written.history.transitions.iter().map(|t| t.code.as_deref()).collect();
    assert_eq!(told, [Some("withdrawal_failed")]);
    let notices = Notice::of_record(&EventId::new("evt-1"), written);
    assert!(
        matches!(&notices[0].subject, Subject::Delivery(about) if !about.reminder),
        "it was not told before: {notices:?}"
    );
    node.written(id, Written::Recorded);
    node.step(vec![withdraw(id)]);
    let again = withdrawals(node.written(id, Written::Recorded));
    assert_eq!(
        (again[0].delivery.generation, again[0].delivery.attempt),
        (3, 1),
        "it may be asked again"
    );
}

/// Two calls have failed, and the third, which is the last, is out.
fn last_attempt(node: &mut Node) -> (DistributionId, Call) {
    let (id, mut call) = asked(node);
    for _ in 0..2 {
        node.hears(&call, refused(Retry::Backoff));
        node.written(id, Written::Recorded);
        node.later(Duration::from_secs(10));
        call = withdrawals(node.written(id, Written::Recorded)).remove(0);
    }
    (id, call)
}

#[test]
fn attempts_run_out_and_it_stays_live() {
    let mut node = node(KEY, 10);
    let (_, call) = last_attempt(&mut node);
    let commands = node.hears(&call, refused(Retry::Backoff));
    let delivery = of(&record(&commands).deliveries).clone();
    assert_eq!(
        (delivery.status, code(&delivery)),
        (DeliveryStatus::Success, "withdrawal_failed")
    );
}

#[test]
fn a_stop_that_ends_does_not_shorten_what_the_channel_asked_for() {
    let mut node = node(KEY, 10);
    let (id, call) = asked(&mut node);
    node.hears(&call, refused(Retry::After(Duration::from_secs(50))));
    node.written(id, Written::Recorded);
    let sending = |action| Input::SendingOrdered {
        scope: SendingScope::All,
        action,
    };
    node.step(vec![sending(SendingAction::Stop)]);
    node.step(vec![sending(SendingAction::Resume)]);
    assert!(withdrawals(node.written(id, Written::Recorded)).is_empty());
    node.later(Duration::from_secs(40));
    assert!(withdrawals(node.written(id, Written::Recorded)).is_empty());
    node.later(Duration::from_secs(20));
    assert_eq!(withdrawals(node.written(id, Written::Recorded)).len(), 1);
}

#[test]
fn while_the_breaker_holds_no_attempt_is_the_last() {
    let mut node = node(KEY, 10);
    let (id, call) = last_attempt(&mut node);
    let breaker = |action| Input::BreakerOrdered {
        channel: CHANNEL,
        action,
    };
    node.step(vec![breaker(BreakerAction::ForceOpen)]);
    let commands = node.hears(&call, refused(Retry::Backoff));
    assert_eq!(code(of(&record(&commands).deliveries)), "withdraw_requested");
    node.written(id, Written::Recorded);
    node.later(Duration::from_mins(10));
    node.step(vec![breaker(BreakerAction::Close)]);
    node.written(id, Written::Recorded);
    node.step(Vec::new());
    let call = withdrawals(node.written(id, Written::Recorded)).remove(0);
    let commands = node.hears(&call, WithdrawOutcome::Gone);
    assert_eq!(code(of(&record(&commands).deliveries)), "withdrawn");
}

#[test]
fn a_breaker_and_a_stop_hold_it_back_and_spend_no_attempt() {
    let mut node = node(KEY, 10);
    let id = half_done(&mut node);
    let (stop, resume) = (SendingAction::Stop, SendingAction::Resume);
    let sending = |action| Input::SendingOrdered {
        scope: SendingScope::All,
        action,
    };
    let breaker = |action| Input::BreakerOrdered {
        channel: CHANNEL,
        action,
    };
    node.step(vec![sending(stop), breaker(BreakerAction::ForceOpen)]);
    let commands = node.step(vec![withdraw(id)]);
    let delivery = of(&record(&commands).deliveries).clone();
    assert_eq!(
        (delivery.phase, delivery.attempt, code(&delivery)),
        (Phase::Planned, 0, "withdraw_requested")
    );
    assert!(withdrawals(node.written(id, Written::Recorded)).is_empty());
    node.step(vec![sending(resume)]);
    assert!(
        withdrawals(node.written(id, Written::Recorded)).is_empty(),
        "the breaker holds it"
    );
    node.written(id, Written::Recorded);
    node.step(vec![breaker(BreakerAction::Close)]);
    let commands = node.step(Vec::new());
    assert_eq!(of(&record(&commands).deliveries).attempt, 1);
    assert_eq!(withdrawals(node.written(id, Written::Recorded)).len(), 1);
}

#[test]
fn another_life_s_call_is_made_again_at_once() {
    let mut node = node(KEY, 10);
    let id = half_done(&mut node);
    node.step(vec![withdraw(id)]);
    let committed = rests(node.written(id, Written::Recorded));
    let mut next = crate::node(KEY, 10);
    let commands = next.step(vec![Input::Adopted(vec![adopted(committed)])]);
    let written = record(&commands);
    let ended = &written.superseded[0];
    assert_eq!((ended.generation, ended.attempt, ended.phase), (2, 1, Phase::Unknown));
    let again = withdrawals(next.written(id, Written::Recorded));
    assert_eq!((again[0].delivery.generation, again[0].delivery.attempt), (2, 2));
}

#[test]
fn only_what_is_live_is_taken_down() {
    let mut node = node(KEY, 10);
    let (id, step) = node.accepted(new(&TWO[..1], None));
    let commands = node.step(vec![withdraw(id)]);
    assert_eq!(answer(&commands), Some(&AskAnswer::Refused(AskRefusal::Moves)));
    let rejected = fanfare_core::attempt::StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::After(Duration::from_mins(2)),
        checkpoint: None,
    };
    node.step(vec![stepped(&step[0], rejected)]);
    let commands = node.step(vec![withdraw(id)]);
    let waits = AskRefusal::NothingLive(CHANNEL, DeliveryStatus::Waiting);
    assert_eq!(answer(&commands), Some(&AskAnswer::Refused(waits)));
    assert!(calls(node.later(Duration::from_secs(1))).is_empty());
}

#[test]
fn a_retry_that_names_no_channel_leaves_what_was_taken_down() {
    for (other, again) in [(DeliveryStatus::Failed, TWO[1]), (DeliveryStatus::Success, CHANNEL)] {
        let mut node = node(KEY, 10);
        let (id, call) = asked(&mut node);
        node.hears(&call, WithdrawOutcome::Gone);
        let mut stored = rests(node.written(id, Written::Recorded));
        let delivery = stored.delivery_mut(TWO[1]).expect("it was chosen");
        (delivery.status, delivery.next_attempt_at) = (other, None);
        delivery.holds_claim = other == DeliveryStatus::Success;
        let mut node = crate::node(KEY, 10);
        let commands = node.step(vec![Input::Asked {
            ask: AskId(8),
            id,
            what: Ask::Retry {
                channels: Vec::new(),
                by: None,
                reason: None,
            },
            adopted: Some(Box::new(adopted(stored))),
            evidence: Vec::new(),
        }]);
        let begun: Vec<_> = record(&commands).deliveries.iter().map(|one| one.channel).collect();
        assert_eq!(begun, [again], "{other:?}");
    }
}
