//! When an attempt begins, and when its next step runs.

use jiff::Timestamp;

use super::planted::Bug;
use super::work::PlannedCall;
use super::{Alarm, Engine, Turn};
use crate::attempt::{Attempt, Dedup, Protocol};
use crate::channel::Channel;
use crate::delivery::{DeliveryStatus, Phase};
use crate::ids::DistributionId;
use crate::resilience::retry::later;

impl Engine {
    /// A delivery's time has come. An alarm that was overtaken is ignored.
    pub(super) fn delivery_due(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        if delivery.is_some_and(|delivery| delivery.next_attempt_at == Some(at)) {
            self.want(id, channel);
        }
    }

    pub(super) fn set_alarm(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        if !self.planted.has(Bug::TimerForgotten) {
            self.timers.insert((at, id, Alarm::Delivery(channel)));
        }
    }

    /// The delivery is to go on as soon as its lane has a place. The lanes are
    /// filled when all inputs have been taken.
    pub(super) fn want(&mut self, id: DistributionId, channel: Channel) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        if delivery.is_some_and(|delivery| !delivery.status.closed()) {
            self.lanes[channel.index()].queue(id);
        }
    }

    /// Goes on with a delivery that has a place in its lane; gives the place
    /// back if there is nothing to go on with.
    pub(super) fn proceed(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let status = self
            .works
            .get(&id)
            .and_then(|work| work.distribution.delivery(channel))
            .map(|delivery| (delivery.status, delivery.phase));
        match status {
            Some((DeliveryStatus::Pending | DeliveryStatus::Retrying | DeliveryStatus::Waiting, _)) => {
                self.begin(id, channel, turn);
            }
            Some((DeliveryStatus::InProgress, Phase::Planned | Phase::Intent)) => {
                self.plan(id, PlannedCall::Step(channel));
            }
            Some((DeliveryStatus::InProgress, Phase::Unknown)) => self.plan_look_up(id, channel, turn.now),
            _ => self.lanes[channel.index()].release(),
        }
    }

    /// Begins an attempt: its first step runs once this is committed.
    fn begin(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(protocol) = self.protocol_of(id, channel) else {
            return;
        };
        if let Err(until) = self.spend(id, channel, turn.now) {
            self.lanes[channel.index()].release();
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
        self.plan(id, PlannedCall::Step(channel));
    }

    /// Counts the attempt that is to begin; a retry may be one too many.
    fn spend(&mut self, id: DistributionId, channel: Channel, now: Timestamp) -> Result<(), Timestamp> {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        let budget = &mut self.lanes[channel.index()].budget;
        if delivery.is_some_and(|delivery| delivery.attempt > 0) {
            return budget.retry(now);
        }
        budget.first(now);
        Ok(())
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
    pub(super) fn plan(&mut self, id: DistributionId, call: PlannedCall) {
        if let Some(work) = self.works.get_mut(&id) {
            work.unwritten.calls.push(call);
            self.dirty.insert(id);
        }
    }

    /// Under the channel's own key, repeating the step is the look-up, as long
    /// as the channel knows the key.
    fn plan_look_up(&mut self, id: DistributionId, channel: Channel, now: Timestamp) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        let Some(delivery) = delivery else { return };
        let begun = delivery.attempt_started_at.unwrap_or(now);
        let call = match self.protocol(delivery).dedup {
            Dedup::Key { window } if now <= later(begun, window) => PlannedCall::Step(channel),
            Dedup::Key { .. } | Dedup::LookUp { .. } | Dedup::None => PlannedCall::LookUp(channel),
        };
        self.plan(id, call);
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
