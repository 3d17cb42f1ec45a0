//! When an attempt begins, and when its next step runs.

use jiff::Timestamp;

use super::work::PlannedCall;
use super::{Alarm, Engine, Turn};
use crate::attempt::{Attempt, Dedup};
use crate::channel::Channel;
use crate::delivery::{DeliveryStatus, Phase};
use crate::ids::DistributionId;

impl Engine {
    /// A delivery's time has come. An alarm that was overtaken is ignored.
    pub(super) fn delivery_due(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        if delivery.is_some_and(|delivery| delivery.next_attempt_at == Some(at)) {
            self.want(id, channel);
        }
    }

    pub(super) fn set_alarm(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        self.timers.insert((at, id, Alarm::Delivery(channel)));
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
            Some((DeliveryStatus::InProgress, Phase::Unknown)) => self.plan_look_up(id, channel),
            _ => self.lanes[channel.index()].release(),
        }
    }

    /// Begins an attempt: its first step runs once this is committed.
    fn begin(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let protocol = self.channel_settings(channel).protocol;
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

    /// The call is made once all that is decided is committed.
    pub(super) fn plan(&mut self, id: DistributionId, call: PlannedCall) {
        if let Some(work) = self.works.get_mut(&id) {
            work.unwritten.calls.push(call);
            self.dirty.insert(id);
        }
    }

    /// Under the channel's own key, repeating the step is the look-up.
    fn plan_look_up(&mut self, id: DistributionId, channel: Channel) {
        let call = match self.channel_settings(channel).protocol.dedup {
            Dedup::Key => PlannedCall::Step(channel),
            Dedup::LookUp { .. } | Dedup::None => PlannedCall::LookUp(channel),
        };
        self.plan(id, call);
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
