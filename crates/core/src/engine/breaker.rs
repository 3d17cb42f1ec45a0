//! Whether a channel is called at all: each call asks its channel's breaker, when
//! it is planned and again when it is made, and says what came of it. What is
//! held back is WAITING, spends no attempt, and goes on in the order in which it
//! was accepted once the breaker closes.
//!
//! A delivery may be held in the course of an attempt: before its next step, or
//! before a look-up. Its phase stays as it is, and it goes on from there.

use jiff::Timestamp;

use super::message::{CallReference, Command};
use super::outcome::begins_too_late;
use super::planted::Bug;
use super::withdraw::waits_to_withdraw;
use super::{Engine, Turn};
use crate::attempt::{LookUpOutcome, Observation, StepOutcome, WithdrawOutcome};
use crate::cause::{self, Cause};
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Failure, Phase};
use crate::ids::DistributionId;
use crate::resilience::breaker::{BreakerAction, BreakerState, CallNotPermitted, CallResult, CircuitBreaker, Permit};
use crate::text::Text;

impl Engine {
    /// Leave for a call that is to be made once its intent is committed.
    pub(super) fn ask_breaker(
        &mut self,
        channel: Channel,
        looks_up: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Permit, CallNotPermitted> {
        if looks_up && turn.planted.has(Bug::LookUpUnasked) {
            return Ok(Permit::unasked(turn.now));
        }
        let now = turn.now;
        let leave = self.with_breaker(channel, turn, |breaker| breaker.try_acquire(now));
        let half_open = self.breaker(channel).state == BreakerState::HalfOpen;
        match leave {
            Err(_) if half_open && turn.planted.has(Bug::ProbesUnlimited) => Ok(Permit::unasked(now)),
            leave => leave,
        }
    }

    /// The call is made now, if it still may be.
    pub(super) fn confirm_permit(
        &mut self,
        channel: Channel,
        permit: Permit,
        turn: &mut Turn<'_>,
    ) -> Result<Permit, CallNotPermitted> {
        if turn.planted.has(Bug::OldLeaveTaken) || permit.is_unasked() {
            return Ok(permit);
        }
        let now = turn.now;
        self.with_breaker(channel, turn, |breaker| breaker.confirm(permit, now))
    }

    /// The call was not made.
    pub(super) fn return_permit(&mut self, channel: Channel, permit: Permit, turn: &mut Turn<'_>) {
        self.with_breaker(channel, turn, |breaker| breaker.release(permit));
    }

    /// An answer has come; says whether it is the first to its call. Whosever the
    /// delivery is by now, it says how the channel is.
    pub(super) fn hear(&mut self, reference: &CallReference, result: CallResult, turn: &mut Turn<'_>) -> bool {
        let channel = reference.channel;
        let Some(permit) = self.lanes[channel.index()].hear(reference.number) else {
            return false;
        };
        let now = turn.now;
        self.with_breaker(channel, turn, |breaker| breaker.record(permit, result, now));
        true
    }

    /// An operator's order.
    pub(super) fn obey(&mut self, channel: Channel, action: BreakerAction, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.with_breaker(channel, turn, |breaker| breaker.order(action, now));
    }

    /// Says what has changed, and lets go what may go on now.
    fn with_breaker<T>(
        &mut self,
        channel: Channel,
        turn: &mut Turn<'_>,
        ask: impl FnOnce(&mut CircuitBreaker) -> T,
    ) -> T {
        let lane = &mut self.lanes[channel.index()];
        let (generation, from) = (lane.breaker.generation(), lane.breaker.view().state);
        let answer = ask(&mut lane.breaker);
        if lane.breaker.generation() != generation {
            let to = lane.breaker.view();
            turn.commands.push(Command::BreakerChanged { channel, from, to });
        }
        let mut room = lane.breaker.room();
        // One that has gone on meanwhile, or elsewhere, takes no place.
        while room > 0
            && let Some(id) = self.lanes[channel.index()].next_held()
        {
            room -= usize::from(self.wake(id, channel, turn));
        }
        answer
    }

    /// It is due now. That its time was later is what the database still says; a
    /// crash before it goes on makes it wait until then. Says whether it waited.
    fn wake(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) -> bool {
        let work = self.works.get_mut(&id);
        let held = work.and_then(|work| work.distribution.delivery_mut(channel));
        let waits =
            |delivery: &&mut Delivery| delivery.waits_for(cause::BREAKER_OPEN.code) || waits_to_withdraw(delivery);
        let Some(delivery) = held.filter(waits) else {
            return false;
        };
        delivery.next_attempt_at = Some(turn.now);
        self.set_alarm(id, channel, turn.now);
        true
    }

    /// Held back until the breaker may let it through. What waits already until
    /// then, or while the breaker finds out whether the channel is back, is not
    /// written anew.
    pub(super) fn hold(&mut self, id: DistributionId, channel: Channel, denied: CallNotPermitted, turn: &mut Turn<'_>) {
        let until = denied.until;
        let half_open = self.breaker(channel).state == BreakerState::HalfOpen;
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(delivery) = work.distribution.delivery_mut(channel) else {
            return;
        };
        if half_open && delivery.waits_for(cause::BREAKER_OPEN.code) {
            delivery.next_attempt_at = Some(until);
        }
        let why = why_held(delivery);
        if self.hold_until(id, channel, until, why, turn) {
            self.lanes[channel.index()].hold(id);
        }
    }

    /// WAITING until then; says whether it waits, and has not done so for too long.
    /// What waits already, until then and for the same, is not written anew.
    pub(super) fn hold_until(
        &mut self,
        id: DistributionId,
        channel: Channel,
        until: Timestamp,
        why: Failure,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(work) = self.works.get_mut(&id) else {
            return false;
        };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return false;
        };
        if delivery.is_withdrawing() {
            self.hold_withdrawal(id, channel, until, why);
            return true;
        }
        if delivery.is_observed() {
            self.put_off_look(id, channel, until, turn);
            return false;
        }
        let begun = delivery.attempt_started_at.is_some();
        if !begun && begins_too_late(&work.distribution, channel, until, self.settings.retry.max_age) {
            self.dirty.insert(id);
            self.expire(id, channel, turn);
            return false;
        }
        if !delivery.waits_for(&why.code) || delivery.next_attempt_at != Some(until) {
            work.change(channel, |delivery| {
                delivery.next_attempt_at = Some(until);
                delivery.failure = Some(why);
            });
            work.transition(channel, DeliveryStatus::Waiting, turn.now);
            self.dirty.insert(id);
        }
        self.set_alarm(id, channel, until);
        true
    }

    /// It goes on with the attempt that it was held back in.
    pub(super) fn end_hold(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let held = work.distribution.delivery(channel).filter(|delivery| {
            // What waits is held; what is in progress goes on as it is.
            delivery.status == DeliveryStatus::Waiting
        });
        let Some(held) = held else { return };
        let in_doubt = (held.phase == Phase::Unknown).then(|| Failure {
            channel_said: held.failure.as_ref().and_then(|failure| failure.channel_said.clone()),
            ..cause::OUTCOME_UNKNOWN.failure()
        });
        work.change(channel, |delivery| {
            delivery.next_attempt_at = None;
            delivery.failure = in_doubt;
            // It may be anywhere in its course: the step is taken to have an effect.
            if delivery.phase == Phase::Planned {
                delivery.phase = Phase::Intent;
            }
        });
        work.transition(channel, DeliveryStatus::InProgress, turn.now);
    }
}

/// Where an outcome is unknown, that stays said.
fn why_held(delivery: &Delivery) -> Failure {
    if delivery.phase != Phase::Unknown {
        return cause::BREAKER_OPEN.failure();
    }
    let detail = Text::new(
        "Whether it took effect is not known, and the channel is not called at the moment because its last calls \
         failed. It is found out as soon as the channel answers again; do not post it yourself.",
        "반영 여부를 아직 알 수 없고, 최근 호출이 계속 실패해 채널 호출을 잠시 멈췄습니다. 채널이 다시 응답하면 바로 \
         확인하니 직접 게시하지 마세요.",
    );
    Failure {
        channel_said: delivery
            .failure
            .as_ref()
            .and_then(|failure| failure.channel_said.clone()),
        ..cause::BREAKER_OPEN.because(detail)
    }
}

/// What a step says of the channel: the table of causes decides.
pub(super) fn result_of_step(outcome: &StepOutcome) -> CallResult {
    match outcome {
        StepOutcome::Advanced { .. } | StepOutcome::Pending { .. } | StepOutcome::Confirmed(_) => CallResult::Succeeded,
        StepOutcome::Prepared { .. }
        | StepOutcome::NeedsAction { .. }
        | StepOutcome::Deferred { .. }
        | StepOutcome::Held { .. } => CallResult::Ignored,
        StepOutcome::Rejected { failure, .. } => result_of_failure(failure, CallResult::Ignored),
        StepOutcome::Unknown(failure) => result_of_failure(failure, CallResult::Failed),
        StepOutcome::PollFailed { why, .. } => result_of_failure(why, CallResult::Ignored),
    }
}

/// What a look-up says of it.
pub(super) fn result_of_look_up(outcome: &LookUpOutcome) -> CallResult {
    match outcome {
        LookUpOutcome::Found(_)
        | LookUpOutcome::Advanced { .. }
        | LookUpOutcome::Absent { .. }
        | LookUpOutcome::Pending { .. } => CallResult::Succeeded,
        LookUpOutcome::Unknown(failure) => result_of_failure(failure, CallResult::Failed),
    }
}

/// What a call to take something down says of it.
pub(super) fn result_of_withdrawal(outcome: &WithdrawOutcome) -> CallResult {
    match outcome {
        WithdrawOutcome::Gone => CallResult::Succeeded,
        WithdrawOutcome::Refused { failure, .. } => result_of_failure(failure, CallResult::Ignored),
        WithdrawOutcome::Unknown(failure) => result_of_failure(failure, CallResult::Failed),
    }
}

/// What a look at what it took says of it.
pub(super) fn result_of_observation(outcome: &Observation) -> CallResult {
    match outcome {
        Observation::Stands { .. } | Observation::Advanced { .. } | Observation::Declined { .. } => {
            CallResult::Succeeded
        }
        Observation::Unknown { failure, .. } => result_of_failure(failure, CallResult::Failed),
        Observation::Untold => CallResult::Ignored,
    }
}

fn result_of_failure(failure: &Failure, unlisted: CallResult) -> CallResult {
    match Cause::of(&failure.code) {
        Some(cause) if cause.availability => CallResult::Failed,
        Some(_) => CallResult::Ignored,
        None => unlisted,
    }
}
