//! When an attempt begins, and when its next step runs.

use jiff::Timestamp;

use super::breaker::Leave;
use super::planted::Bug;
use super::work::{CallKind, PlannedCall};
use super::{Alarm, Engine, Turn};
use crate::attempt::{Attempt, Dedup, Protocol};
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Phase};
use crate::ids::{DistributionId, TenantId};
use crate::resilience::retry::later;

impl Engine {
    /// A delivery's time has come. An alarm that was overtaken is ignored.
    pub(super) fn delivery_due(&mut self, id: DistributionId, channel: Channel, at: Timestamp, turn: &mut Turn<'_>) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        match delivery.filter(|delivery| delivery.due_at() == Some(at)) {
            Some(delivery) if delivery.status == DeliveryStatus::ActionRequired => {
                if delivery.next_attempt_at.is_some_and(|until| turn.now < until) {
                    self.remind(id, channel, turn);
                } else {
                    self.not_done(id, channel, turn);
                }
            }
            Some(delivery) if delivery.is_observed() && self.too_many_looks(channel) => {
                self.put_off_look(id, channel, at, turn);
            }
            Some(_) => self.want(id, channel, turn.now),
            None => {}
        }
    }

    pub(super) fn set_alarm(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        if !self.planted.has(Bug::TimerForgotten) {
            self.timers.insert((at, id, Alarm::Delivery(channel)));
        }
    }

    /// The delivery is to go on as soon as its lane has a place. The lanes are
    /// filled when all inputs have been taken.
    pub(super) fn want(&mut self, id: DistributionId, channel: Channel, now: Timestamp) {
        let Some(work) = self.works.get(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        if !delivery.is_open() {
            return;
        }
        let next = next(delivery).unwrap_or(Next::Step);
        self.lanes[channel.index()].queue(&work.distribution.tenant, id, next, now);
    }

    /// Goes on with a delivery that has a place in its lane; gives the place
    /// back if there is nothing to go on with.
    pub(super) fn proceed(&mut self, (tenant, id): (TenantId, DistributionId), channel: Channel, turn: &mut Turn<'_>) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        let calls = self.works.get(&id).is_some_and(|work| work.calls(channel));
        let Some(next) = delivery.and_then(next).filter(|_| !calls) else {
            return self.lanes[channel.index()].release(&tenant);
        };
        if matches!(next, Next::Begin | Next::Withdraw) && self.may_not_begin(id) {
            self.lanes[channel.index()].release(&tenant);
            return self.hold_stopped(id, channel, turn);
        }
        let leave = match self.ask_breaker(channel, &tenant, next == Next::LookUp, turn) {
            Ok(leave) => leave,
            Err(denied) => {
                self.lanes[channel.index()].release(&tenant);
                return self.hold(id, channel, denied, turn);
            }
        };
        match next {
            Next::Begin => self.begin(id, channel, leave, turn),
            Next::Step => {
                self.end_hold(id, channel, turn);
                self.plan(id, channel, CallKind::Step, leave, turn);
            }
            Next::LookUp => {
                self.end_hold(id, channel, turn);
                let kind = self.kind_of_look_up(id, channel, turn.now);
                self.plan(id, channel, kind, leave, turn);
            }
            Next::Withdraw => self.begin_withdrawal(id, channel, leave, turn),
            Next::Observe => self.plan(id, channel, CallKind::Observe, leave, turn),
        }
    }

    /// Begins an attempt: its first step runs once this is committed.
    fn begin(&mut self, id: DistributionId, channel: Channel, leave: Leave, turn: &mut Turn<'_>) {
        let protocol = self.protocol_of(id, channel).unwrap_or(Protocol::MOCK);
        if let Err(until) = self.spend(id, channel, turn.now) {
            self.give_place_back(id, channel, leave, turn);
            return self.hold_back(id, channel, until, turn);
        }
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            // A protocol that goes on from a checkpoint may be anywhere in its
            // course: the step is taken to have an effect.
            let has_effect = protocol.first_step_has_effect || delivery.checkpoint.is_some();
            delivery.attempt += 1;
            delivery.phase = if has_effect { Phase::Intent } else { Phase::Planned };
            delivery.attempt_started_at = Some(turn.now);
            delivery.next_attempt_at = None;
            delivery.failure = None;
        });
        work.transition(channel, DeliveryStatus::InProgress, turn.now);
        self.plan(id, channel, CallKind::Step, leave, turn);
    }

    /// Counts the attempt that is to begin; a retry may be one too many.
    pub(super) fn spend(&mut self, id: DistributionId, channel: Channel, now: Timestamp) -> Result<(), Timestamp> {
        let Some(work) = self.works.get(&id) else { return Ok(()) };
        let account = self.lanes[channel.index()].accounts.of(&work.distribution.tenant);
        let delivery = work.distribution.delivery(channel);
        if delivery.is_some_and(|delivery| delivery.attempt > 0) {
            return account.budget.retry(now);
        }
        account.budget.first(now);
        Ok(())
    }

    /// No call follows.
    pub(super) fn give_place_back(&mut self, id: DistributionId, channel: Channel, leave: Leave, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get(&id) else { return };
        let tenant = work.distribution.tenant.clone();
        self.return_leave(channel, &tenant, leave, turn);
        self.lanes[channel.index()].release(&tenant);
    }

    fn hold_back(&mut self, id: DistributionId, channel: Channel, until: Timestamp, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| delivery.next_attempt_at = Some(until));
        if work
            .distribution
            .delivery(channel)
            .is_some_and(|delivery| delivery.status != DeliveryStatus::Waiting)
        {
            work.transition(channel, DeliveryStatus::Waiting, turn.now);
        }
        self.set_alarm(id, channel, until);
        self.dirty.insert(id);
    }

    /// The call is made once all that is decided is committed.
    pub(super) fn plan(
        &mut self,
        id: DistributionId,
        channel: Channel,
        kind: CallKind,
        leave: Leave,
        turn: &mut Turn<'_>,
    ) {
        if !turn.planted.has(Bug::QuotaForgotten) {
            self.lanes[channel.index()].limiter.count(turn.now);
        }
        if let Some(work) = self.works.get_mut(&id) {
            work.unwritten.calls.push(PlannedCall { channel, kind, leave });
            self.dirty.insert(id);
        }
    }

    /// Under the channel's own key, repeating the step is the look-up, as long
    /// as the channel knows the key.
    fn kind_of_look_up(&self, id: DistributionId, channel: Channel, now: Timestamp) -> CallKind {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        let begun = delivery.and_then(|delivery| delivery.attempt_started_at).unwrap_or(now);
        match delivery.map(|delivery| self.protocol(delivery).dedup) {
            Some(Dedup::Key { window }) if now <= later(begun, window) => CallKind::Step,
            Some(Dedup::Key { .. } | Dedup::LookUp { .. } | Dedup::None) | None => CallKind::LookUp,
        }
    }

    pub(super) fn protocol_of(&self, id: DistributionId, channel: Channel) -> Option<Protocol> {
        let delivery = self.works.get(&id)?.distribution.delivery(channel)?;
        Some(self.protocol(delivery))
    }

    /// The attempt has ended and another one will follow: it is kept among the
    /// attempts, and the delivery's row has none until that one begins.
    pub(super) fn supersede(&mut self, id: DistributionId, channel: Channel, phase: Phase, now: Timestamp) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let mut superseded = None;
        work.change(channel, |delivery| {
            delivery.phase = phase;
            delivery.updated_at = now;
            superseded = Attempt::current(delivery);
            delivery.attempt_started_at = None;
        });
        work.unwritten.superseded.extend(superseded);
    }
}

/// How a delivery that has a place goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// With an attempt.
    Begin,
    /// With the next step of the one that is under way.
    Step,
    /// With a look at what its attempt came to.
    LookUp,
    /// It is live, and goes on with being taken down.
    Withdraw,
    /// With a question to the channel that took it: what became of it.
    Observe,
}

/// A delivery may wait in the course of an attempt, where a breaker or this
/// service itself holds its next call back.
pub(super) fn next(delivery: &Delivery) -> Option<Next> {
    let waits = matches!(
        delivery.status,
        DeliveryStatus::Pending | DeliveryStatus::Retrying | DeliveryStatus::Waiting
    );
    match (delivery.status, delivery.phase) {
        (DeliveryStatus::InProgress, Phase::Planned | Phase::Intent) => Some(Next::Step),
        (DeliveryStatus::InProgress | DeliveryStatus::Waiting, Phase::Unknown) => Some(Next::LookUp),
        (DeliveryStatus::Waiting, Phase::Planned | Phase::Intent) if delivery.is_in_course() => Some(Next::Step),
        (DeliveryStatus::Success, _) if delivery.is_withdrawing() => Some(Next::Withdraw),
        (DeliveryStatus::Success, _) if delivery.is_observed() => Some(Next::Observe),
        _ if waits => Some(Next::Begin),
        _ => None,
    }
}
