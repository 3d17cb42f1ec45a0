//! What follows what a channel said.

use std::time::Duration;

use jiff::Timestamp;

use super::availability::result_of_step;
use super::message::CallReference;
use super::planted::Bug;
use super::work::CallKind;
use super::{Alarm, Engine, RETRYING_LIMIT, Turn};
use crate::attempt::{Retry, StepOutcome};
use crate::cause::{self, Cause};
use crate::channel::Channel;
use crate::delivery::{Checkpoint, DeliveryStatus, Failure, Phase};
use crate::distribution::Distribution;
use crate::ids::DistributionId;
use crate::receipt::Receipt;
use crate::resilience::retry::{Next, RETRY_AFTER_BOUNDS, later};
use crate::text::Text;

/// So long an outcome waits for others of the same distribution.
const GATHER_LIMIT: Duration = Duration::from_millis(2);

impl Engine {
    /// A step has ended. Its place in the lane is free, except where the next
    /// step follows at once.
    pub(super) fn stepped(&mut self, reference: &CallReference, outcome: StepOutcome, turn: &mut Turn<'_>) {
        let (id, channel) = (reference.distribution, reference.channel);
        let first = self.hear(reference, result_of_step(&outcome), turn) || self.planted.has(Bug::AnyAnswerTaken);
        if !first || !self.is_current(reference) {
            self.too_late(first, reference);
            self.step_too_late(reference, outcome, turn);
            return;
        }
        if let StepOutcome::Advanced {
            checkpoint,
            next_has_effect,
        }
        | StepOutcome::Prepared {
            checkpoint,
            next_has_effect,
        } = outcome
        {
            if let Some(work) = self.works.get_mut(&id) {
                work.change(channel, |delivery| {
                    delivery.stand_at(Some(checkpoint));
                    let announced = next_has_effect && !turn.planted.has(Bug::IntentForgotten);
                    delivery.phase = if announced { Phase::Intent } else { Phase::Planned };
                    delivery.updated_at = turn.now;
                });
            }
            if self.winding_down {
                self.write_soon(id, channel, turn);
                self.lanes[channel.index()].release(&reference.tenant);
                return self.leave_off(id, channel, turn);
            }
            return self.go_on_with_next_step(reference, turn);
        }
        self.write_soon(id, channel, turn);
        self.lanes[channel.index()].release(&reference.tenant);
        if self.is_unknown(id, channel) {
            self.stepped_in_doubt(id, channel, outcome, turn);
            return;
        }
        match outcome {
            StepOutcome::Advanced { .. } | StepOutcome::Prepared { .. } => {}
            StepOutcome::Pending { poll_after } | StepOutcome::PollFailed { poll_after, .. } => {
                self.poll_after(id, channel, poll_after, turn.now);
            }
            StepOutcome::Confirmed(receipt) => self.confirm(id, channel, receipt, turn),
            StepOutcome::NeedsAction { task, .. } if self.is_called_off(id, channel) => {
                self.end_called_off(id, channel, (Phase::Rejected, task), turn);
            }
            StepOutcome::NeedsAction { task, until } => self.hand_off(id, channel, task, until, turn),
            StepOutcome::Rejected {
                failure,
                retry,
                checkpoint,
            } => {
                let ended = Ended {
                    phase: Phase::Rejected,
                    failure,
                    checkpoint,
                };
                self.no_effect(id, channel, ended, retry, turn);
            }
            StepOutcome::Deferred { reason, .. } if self.is_called_off(id, channel) => {
                self.end_called_off(id, channel, (Phase::Rejected, reason), turn);
            }
            StepOutcome::Deferred { until, reason } => self.defer(id, channel, until, reason, turn),
            StepOutcome::Held { until, reason } => self.hold_in_course(id, channel, until, reason, turn),
            StepOutcome::Unknown(failure) => self.unknown(id, channel, failure, turn),
        }
    }

    /// It keeps its place, unless the quota or the breaker holds it back.
    fn go_on_with_next_step(&mut self, reference: &CallReference, turn: &mut Turn<'_>) {
        let (id, channel, tenant) = (reference.distribution, reference.channel, &reference.tenant);
        let lane = &mut self.lanes[channel.index()];
        if lane.limiter.check(turn.now).is_err() {
            lane.release(tenant);
            self.write_soon(id, channel, turn);
            return self.want(id, channel, turn.now);
        }
        match self.ask_breaker(channel, tenant, false, turn) {
            Ok(leave) => self.plan(id, channel, CallKind::Step, leave, turn),
            Err(denied) => {
                self.write_soon(id, channel, turn);
                self.lanes[channel.index()].release(tenant);
                self.hold(id, channel, denied, turn);
            }
        }
    }

    /// Answers of one distribution mostly come together: while another call of it
    /// is under way, what has come waits a moment for it. Nobody is told before,
    /// and a crash finds the intent.
    pub(super) fn write_soon(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.calling[channel.index()] = None;
        if work.calling == [None; Channel::ALL.len()] {
            self.dirty.insert(id);
        } else {
            self.timers.insert((later(turn.now, GATHER_LIMIT), id, Alarm::Gather));
        }
    }

    /// The call has ended, though nothing follows; a doubled answer frees nothing.
    pub(super) fn too_late(&mut self, first: bool, reference: &CallReference) {
        if first {
            self.lanes[reference.channel.index()].release(&reference.tenant);
        }
    }

    /// Whether an answer is to the call that is under way now.
    pub(super) fn is_current(&self, reference: &CallReference) -> bool {
        let Some(work) = self.works.get(&reference.distribution) else {
            return false;
        };
        let any = self.planted.has(Bug::AnyAnswerTaken);
        if !any && work.calling[reference.channel.index()] != Some(reference.number) {
            return false;
        }
        let delivery = work.distribution.delivery(reference.channel);
        delivery.is_some_and(|delivery| {
            delivery.status == DeliveryStatus::InProgress
                && (any || (delivery.generation, delivery.attempt) == (reference.generation, reference.attempt))
        })
    }

    /// The channel took it.
    pub(super) fn confirm(&mut self, id: DistributionId, channel: Channel, receipt: Receipt, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.phase = Phase::Confirmed;
            delivery.receipt = (!turn.planted.has(Bug::ReceiptForgotten)).then_some(receipt);
            delivery.holds_claim &= !turn.planted.has(Bug::ClaimDropped);
            delivery.failure = None;
            delivery.next_attempt_at = None;
        });
        work.transition(channel, DeliveryStatus::Success, turn.now);
        self.observe_later(id, channel, turn);
    }

    /// A person must go on.
    pub(super) fn hand_over(
        &mut self,
        id: DistributionId,
        channel: Channel,
        to: DeliveryStatus,
        failure: Failure,
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.failure = Some(failure);
            delivery.next_attempt_at = None;
        });
        work.transition(channel, to, turn.now);
    }

    /// The attempt provably had no effect: another one, or the end.
    pub(super) fn no_effect(
        &mut self,
        id: DistributionId,
        channel: Channel,
        ended: Ended,
        retry: Retry,
        turn: &mut Turn<'_>,
    ) {
        let Ended {
            phase,
            failure,
            checkpoint,
        } = ended;
        if self.is_called_off(id, channel) {
            return self.end_called_off(id, channel, (phase, failure), turn);
        }
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(attempt) = work.distribution.delivery(channel).map(|delivery| delivery.attempt) else {
            return;
        };
        let delivery = work.distribution.delivery(channel);
        let since = delivery.map_or(turn.now, |delivery| work.distribution.tried_since(delivery));
        let is_channels = Cause::of(&failure.code).is_some_and(|cause| cause.availability);
        work.change(channel, |delivery| {
            delivery.failure = Some(failure);
            delivery.stand_at(checkpoint);
        });
        let spent = if is_channels {
            self.spent(id, channel, attempt)
        } else {
            attempt
        };
        match self.settings.retry.next(spent, retry, since, turn.now, turn.rng) {
            Next::At(at) => {
                self.supersede(id, channel, phase, turn.now);
                self.try_again_at(id, channel, at, turn);
            }
            Next::Permanent | Next::Exhausted => self.fail(id, channel, phase, None, turn),
            Next::Expired => {
                let why = expired(self.settings.retry.max_age);
                self.fail(id, channel, phase, Some(why), turn);
            }
        }
    }

    /// Of its attempts, those that count after a failure of the channel's. While a
    /// breaker holds, or finds out, none is the last: who asks whether the channel is
    /// back must not run out of attempts by asking. Its age still bounds it.
    pub(super) fn spent(&self, id: DistributionId, channel: Channel, attempt: u32) -> u32 {
        let work = self.works.get(&id);
        if !work.is_some_and(|work| self.is_in_trouble(channel, &work.distribution.tenant)) {
            return attempt;
        }
        attempt.min(self.settings.retry.max_attempts.saturating_sub(1))
    }

    /// Held back, without spending the attempt: so its age alone bounds how often.
    pub(super) fn defer(
        &mut self,
        id: DistributionId,
        channel: Channel,
        until: Timestamp,
        reason: Failure,
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        if begins_too_late(&work.distribution, channel, until, self.settings.retry.max_age) {
            return self.expire(id, channel, turn);
        }
        work.change(channel, |delivery| {
            delivery.failure = Some(reason);
            delivery.attempt -= 1;
            delivery.phase = Phase::Planned;
            delivery.attempt_started_at = None;
        });
        self.try_again_at(id, channel, until, turn);
    }

    /// This service holds it back. Where no step has been taken, nothing has begun;
    /// else the attempt goes on where it stands, as behind a breaker.
    pub(super) fn hold_in_course(
        &mut self,
        id: DistributionId,
        channel: Channel,
        until: Timestamp,
        reason: Failure,
        turn: &mut Turn<'_>,
    ) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        if delivery.is_some_and(|delivery| delivery.checkpoint.is_some()) {
            self.hold_until(id, channel, until, reason, turn);
        } else if self.is_called_off(id, channel) {
            self.end_called_off(id, channel, (Phase::Rejected, reason), turn);
        } else {
            self.defer(id, channel, until, reason, turn);
        }
    }

    fn try_again_at(&mut self, id: DistributionId, channel: Channel, at: Timestamp, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| delivery.next_attempt_at = Some(at));
        let soon = at <= later(turn.now, RETRYING_LIMIT);
        let deferred = work
            .distribution
            .delivery(channel)
            .is_some_and(|delivery| delivery.phase == Phase::Planned);
        let to = if soon && !deferred {
            DeliveryStatus::Retrying
        } else {
            DeliveryStatus::Waiting
        };
        work.transition(channel, to, turn.now);
        self.set_alarm(id, channel, at);
    }

    /// A channel's own wish is followed for so long at most.
    pub(super) fn poll_after(&mut self, id: DistributionId, channel: Channel, wish: Duration, now: Timestamp) {
        let (_, longest) = RETRY_AFTER_BOUNDS;
        self.poll_at(id, channel, later(now, wish.min(longest)));
    }

    /// Asks again at that time. Nothing has changed, so nothing is written: a
    /// crash before then asks again at once.
    pub(super) fn poll_at(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        let Some(work) = self.works.get_mut(&id) else { return };
        if let Some(delivery) = work.distribution.delivery_mut(channel) {
            delivery.next_attempt_at = Some(at);
        }
        self.set_alarm(id, channel, at);
    }

    /// It has been due for too long.
    pub(super) fn expire(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let why = expired(self.settings.retry.max_age);
        self.fail(id, channel, Phase::Rejected, Some(why), turn);
    }

    pub(super) fn fail(
        &mut self,
        id: DistributionId,
        channel: Channel,
        phase: Phase,
        why: Option<Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.phase = phase;
            delivery.next_attempt_at = None;
            delivery.failure = why.or(delivery.failure.take());
        });
        work.transition(channel, DeliveryStatus::Failed, turn.now);
    }
}

/// How an attempt ended that provably had no effect.
pub(super) struct Ended {
    /// How that is known.
    pub(super) phase: Phase,
    /// Why it ended.
    pub(super) failure: Failure,
    /// Where another attempt goes on.
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Whether what has not begun would then begin too late.
pub(super) fn begins_too_late(distribution: &Distribution, channel: Channel, at: Timestamp, max_age: Duration) -> bool {
    let delivery = distribution.delivery(channel);
    delivery.is_some_and(|delivery| at > later(distribution.tried_since(delivery), max_age))
}

fn expired(max_age: Duration) -> Failure {
    let hours = max_age.as_secs() / 3_600;
    let en = format!("Tried for {hours} hours without success. Send it again if it is still wanted.");
    let ko = format!("{hours}시간 동안 시도했지만 성공하지 못했습니다. 아직 필요하다면 다시 보내 주세요.");
    cause::EXPIRED.because(Text::new(en, ko))
}
