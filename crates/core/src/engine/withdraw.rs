//! How what is live is taken down, because a person asked for it: a generation of
//! its own, whose attempts are calls to the channel to take it down, retried like
//! any other, until it is gone or the channel refuses.
//!
//! It is SUCCESS all the while, since it is live; then CANCELLED, `withdrawn`, and
//! its claim is free. A call may be repeated, by whichever node: what is gone already
//! is gone, and what was sent before names the same thing. So no outcome of it is
//! looked up, and none is a person's to decide; where it can't be done, a person is
//! told that it is live still.

use jiff::Timestamp;

use super::availability::result_of_withdrawal;
use super::breaker::Leave;
use super::message::CallReference;
use super::planted::Bug;
use super::work::CallKind;
use super::{AskRefusal, Engine, Turn};
use crate::attempt::{Retry, WithdrawOutcome};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Failure, Phase};
use crate::distribution::Distribution;
use crate::history::Transition;
use crate::ids::DistributionId;
use crate::resilience::retry::Next;
use crate::text::Text;

/// While a breaker holds, no attempt is the last; but so many are enough. At the
/// breaker's longest hold of five minutes they are a day.
const MOST_ATTEMPTS: u32 = 300;

/// What asking for a withdrawal finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is live, and may be taken down.
    Live,
    /// It is live, and could not be taken down.
    Failed,
    /// It is being taken down.
    UnderWay,
    /// It has been taken down.
    Done,
    /// The channel may have it any moment.
    Moves,
    /// It is not live.
    NothingLive,
}

impl Withdrawal {
    /// Of a delivery that stands so.
    pub fn of(delivery: &Delivery) -> Self {
        match delivery.status {
            DeliveryStatus::Success if delivery.is_withdrawing() => Self::UnderWay,
            DeliveryStatus::Success if delivery.has_stayed() => Self::Failed,
            DeliveryStatus::Success => Self::Live,
            DeliveryStatus::Cancelled if delivery.is_withdrawn() => Self::Done,
            status if status.moves() => Self::Moves,
            _ => Self::NothingLive,
        }
    }

    /// Whether it was asked for before, and is not to be begun.
    pub(super) fn is_asked(delivery: &Delivery) -> bool {
        matches!(Self::of(delivery), Self::UnderWay | Self::Done)
    }

    /// Why it would be refused as the distribution stands.
    pub(super) fn refusal(channel: Channel, distribution: &Distribution) -> Option<AskRefusal> {
        let Some(delivery) = distribution.delivery(channel) else {
            return Some(AskRefusal::NotChosen(channel));
        };
        match Self::of(delivery) {
            Self::Live | Self::Failed | Self::UnderWay | Self::Done => None,
            Self::Moves => Some(AskRefusal::Moves),
            Self::NothingLive => Some(AskRefusal::NothingLive(channel, delivery.status)),
        }
    }
}

/// Whether it is to be taken down, and no call for that is out.
pub(super) fn waits_to_withdraw(delivery: &Delivery) -> bool {
    delivery.is_withdrawing() && delivery.phase == Phase::Planned
}

impl Engine {
    /// A person has asked for it. Where the protocol stood stays known: it may name
    /// what is to be taken down.
    pub(super) fn withdraw(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(delivery) = self.works.get(&id).and_then(|work| work.distribution.delivery(channel)) else {
            return;
        };
        let (phase, checkpoint) = (delivery.phase, delivery.checkpoint.clone());
        self.next_generation(id, channel, phase, turn);
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.checkpoint = checkpoint;
            delivery.failure = Some(cause::WITHDRAW_REQUESTED.failure());
            delivery.updated_at = turn.now;
        });
        self.note(id, channel);
        self.want(id, channel, turn.now);
    }

    /// Begins an attempt: the call is made once this is committed.
    pub(super) fn begin_withdrawal(&mut self, id: DistributionId, channel: Channel, leave: Leave, turn: &mut Turn<'_>) {
        if let Err(until) = self.spend(id, channel, turn.now) {
            self.give_place_back(id, channel, leave, turn);
            let why = cause::WITHDRAW_REQUESTED.failure();
            return self.hold_withdrawal(id, channel, until, why);
        }
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.attempt += 1;
            delivery.phase = Phase::Intent;
            delivery.attempt_started_at = Some(turn.now);
            delivery.next_attempt_at = None;
        });
        self.plan(id, channel, CallKind::Withdraw, leave, turn);
    }

    /// A breaker, a quota, a stop or the retry budget holds it back, which spends no
    /// attempt. What waits already, until then and for the same, is not written anew.
    pub(super) fn hold_withdrawal(&mut self, id: DistributionId, channel: Channel, until: Timestamp, why: Failure) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        let said = delivery.failure.as_ref().and_then(|before| before.channel_said.clone());
        let why = Failure {
            channel_said: said,
            ..cause::WITHDRAW_REQUESTED.because(why.detail)
        };
        let stands = delivery.next_attempt_at == Some(until) && delivery.failure.as_ref() == Some(&why);
        if !stands || delivery.phase != Phase::Planned {
            work.change(channel, |delivery| {
                if delivery.phase == Phase::Intent {
                    // It was begun, and the call was not made.
                    delivery.attempt = delivery.attempt.saturating_sub(1);
                }
                delivery.phase = Phase::Planned;
                delivery.attempt_started_at = None;
                delivery.failure = Some(why);
                delivery.next_attempt_at = Some(until);
            });
            self.dirty.insert(id);
        }
        self.set_alarm(id, channel, until);
    }

    /// Another life was at it. Its call may have been heard, and is made again.
    pub(super) fn resume_withdrawal(&mut self, id: DistributionId, delivery: &Delivery, turn: &mut Turn<'_>) {
        let channel = delivery.channel;
        match delivery.next_attempt_at {
            Some(at) if delivery.phase == Phase::Planned => self.set_alarm(id, channel, at),
            _ => {
                if delivery.attempt_started_at.is_some() {
                    let why = cause::OUTCOME_UNKNOWN.because(interrupted());
                    self.end_attempt(id, channel, Phase::Unknown, why, turn);
                    self.dirty.insert(id);
                }
                self.want(id, channel, turn.now);
            }
        }
    }

    /// A call has ended.
    pub(super) fn withdrawn(&mut self, reference: &CallReference, outcome: WithdrawOutcome, turn: &mut Turn<'_>) {
        let (id, channel) = (reference.distribution, reference.channel);
        let first = self.hear(reference, result_of_withdrawal(&outcome), turn);
        if !first || !self.is_current_withdrawal(reference) {
            return self.too_late(first, reference);
        }
        self.write_soon(id, channel, turn);
        self.lanes[channel.index()].release(&reference.tenant);
        match outcome {
            WithdrawOutcome::Gone => self.gone(id, channel, turn),
            WithdrawOutcome::Refused { failure, retry } => {
                self.still_live(id, channel, (Phase::Rejected, failure), retry, turn);
            }
            WithdrawOutcome::Unknown(_) if turn.planted.has(Bug::SilenceIsGone) => self.gone(id, channel, turn),
            WithdrawOutcome::Unknown(failure) => {
                self.still_live(id, channel, (Phase::Unknown, failure), Retry::Backoff, turn);
            }
        }
    }

    fn is_current_withdrawal(&self, reference: &CallReference) -> bool {
        let Some(work) = self.works.get(&reference.distribution) else {
            return false;
        };
        let delivery = work.distribution.delivery(reference.channel);
        work.calling[reference.channel.index()] == Some(reference.number)
            && delivery.is_some_and(|delivery| {
                delivery.is_withdrawing()
                    && (delivery.generation, delivery.attempt) == (reference.generation, reference.attempt)
            })
    }

    fn gone(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.phase = Phase::Confirmed;
            delivery.failure = Some(cause::WITHDRAWN.failure());
            delivery.next_attempt_at = None;
        });
        work.transition(channel, DeliveryStatus::Cancelled, turn.now);
    }

    /// It was not taken down, as far as is known: another attempt, or the end.
    fn still_live(
        &mut self,
        id: DistributionId,
        channel: Channel,
        (phase, why): (Phase, Failure),
        retry: Retry,
        turn: &mut Turn<'_>,
    ) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        let attempt = delivery.map_or(1, |delivery| delivery.attempt);
        // Its age is that of no request: attempts alone bound it, those that ask whether
        // the channel is back too.
        let spent = if attempt < MOST_ATTEMPTS {
            self.spent(id, channel, attempt)
        } else {
            attempt
        };
        match self.settings.retry.next(spent, retry, turn.now, turn.now, turn.rng) {
            Next::At(at) => {
                let said = why.channel_said.clone();
                self.end_attempt(id, channel, phase, why, turn);
                let Some(work) = self.works.get_mut(&id) else { return };
                work.change(channel, |delivery| {
                    delivery.next_attempt_at = Some(at);
                    delivery.failure = Some(Failure {
                        channel_said: said,
                        ..cause::WITHDRAW_REQUESTED.failure()
                    });
                });
                self.set_alarm(id, channel, at);
            }
            Next::Permanent | Next::Exhausted | Next::Expired => self.stays(id, channel, (phase, why), turn),
        }
    }

    /// It can't be taken down from here.
    fn stays(&mut self, id: DistributionId, channel: Channel, (phase, why): (Phase, Failure), turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            // An earlier call may have been heard, whatever the last one came to.
            let is_certain = phase == Phase::Rejected && delivery.attempt <= 1;
            delivery.phase = phase;
            delivery.next_attempt_at = None;
            delivery.updated_at = turn.now;
            delivery.failure = Some(not_taken_down(is_certain, why));
        });
        self.note(id, channel);
        // It is live still, and the channel may have news of it.
        self.observe_later(id, channel, turn);
    }

    /// The attempt is kept among the attempts, with its own reason; the withdrawal
    /// goes on.
    fn end_attempt(&mut self, id: DistributionId, channel: Channel, phase: Phase, why: Failure, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let mut asked = None;
        work.change(channel, |delivery| asked = delivery.failure.replace(why));
        self.note(id, channel);
        self.supersede(id, channel, phase, turn.now);
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.phase = Phase::Planned;
            delivery.failure = asked;
        });
    }

    /// For the history: it is live as before, and this is how its withdrawal stands.
    pub(super) fn note(&mut self, id: DistributionId, channel: Channel) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        let transition = Transition {
            code: delivery.failure.as_ref().map(|why| why.code.clone()),
            ..Transition::of_delivery(delivery, Some(delivery.status))
        };
        work.unwritten.transitions.push(transition);
    }
}

/// What the person is told who asked for it.
fn not_taken_down(is_certain: bool, why: Failure) -> Failure {
    if is_certain && why.code == cause::WITHDRAWAL_FAILED.code {
        return why;
    }
    let stays = if is_certain {
        cause::WITHDRAWAL_FAILED.text()
    } else {
        Text::new(
            "It may be live still: no call made sure that it was taken down. Look at the channel, and take it down by \
             hand where it is there, or ask for the withdrawal again.",
            "내려졌는지 확인하지 못해 아직 게시되어 있을 수 있습니다. 채널에서 확인해 남아 있으면 직접 삭제하거나 다시 내리기를 \
             요청해 주세요.",
        )
    };
    let stays = Text::new(
        format!("{} The reason: {}", stays.en, why.detail.en),
        format!("{} 사유: {}", stays.ko, why.detail.ko),
    );
    Failure {
        channel_said: why.channel_said,
        ..cause::WITHDRAWAL_FAILED.because(stays)
    }
}

fn interrupted() -> Text {
    Text::new(
        "The service stopped while it was being taken down on the channel. It is asked for again.",
        "채널에서 내리는 중에 서비스가 멈췄습니다. 다시 요청합니다.",
    )
}
