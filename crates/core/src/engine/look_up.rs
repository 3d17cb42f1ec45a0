//! What follows an unknown outcome: it is looked up, and only proof of absence
//! allows a repeat. A look-up spends no attempt.

use super::message::CallReference;
use super::{Engine, Turn};
use crate::attempt::{Dedup, LookUpOutcome, Retry};
use crate::channel::Channel;
use crate::delivery::{DeliveryStatus, Failure, Phase};
use crate::ids::DistributionId;
use crate::resilience::retry::later;

impl Engine {
    /// Something was sent, and what came of it is not known.
    pub(super) fn unknown(&mut self, id: DistributionId, channel: Channel, failure: Failure, turn: &mut Turn<'_>) {
        let dedup = self.channel_settings(channel).protocol.dedup;
        let Some(work) = self.works.get_mut(&id) else { return };
        let known_before = work
            .distribution
            .delivery(channel)
            .is_some_and(|delivery| delivery.phase == Phase::Unknown);
        work.change(channel, |delivery| {
            delivery.failure = Some(failure);
            if !known_before {
                delivery.phase = Phase::Unknown;
                delivery.updated_at = turn.now;
            }
        });
        if known_before {
            return self.look_up_again(id, channel, turn);
        }
        work.look_ups[channel.index()] = 0;
        match dedup {
            Dedup::Key => self.look_up_again(id, channel, turn),
            Dedup::LookUp { settle } => self.look_up_at(id, channel, later(turn.now, settle)),
            Dedup::None => self.ask_a_person(id, channel, turn),
        }
    }

    pub(super) fn looked_up(&mut self, reference: CallReference, outcome: LookUpOutcome, turn: &mut Turn<'_>) {
        let (id, channel) = (reference.distribution, reference.channel);
        self.lanes[channel.index()].release();
        if !self.is_current(&reference) {
            return;
        }
        self.dirty.insert(id);
        match outcome {
            LookUpOutcome::Found(receipt) => self.confirm(id, channel, receipt, turn),
            LookUpOutcome::Absent => self.absent(id, channel, turn),
            LookUpOutcome::Unknown(failure) => self.unknown(id, channel, failure, turn),
        }
    }

    /// It is provably not there: the attempt had no effect.
    fn absent(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        // The reason of the unknown outcome stays the reason of the attempt.
        let failure = delivery.failure.clone();
        if let Some(failure) = failure {
            self.no_effect(id, channel, Phase::Absent, failure, Retry::Backoff, turn);
        }
    }

    fn look_up_again(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let policy = self.settings.look_up;
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        let unknown_since = delivery.updated_at;
        let look_ups = &mut work.look_ups[channel.index()];
        *look_ups += 1;
        let at = later(turn.now, policy.backoff(*look_ups, turn.rng));
        let given_up = *look_ups >= policy.max_attempts || at > later(unknown_since, policy.max_age);
        if given_up {
            self.ask_a_person(id, channel, turn);
        } else {
            self.look_up_at(id, channel, at);
        }
    }

    fn look_up_at(&mut self, id: DistributionId, channel: Channel, at: jiff::Timestamp) {
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| delivery.next_attempt_at = Some(at));
            self.set_alarm(id, channel, at);
        }
    }

    fn ask_a_person(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get(&id) else { return };
        let Some(failure) = work
            .distribution
            .delivery(channel)
            .and_then(|delivery| delivery.failure.clone())
        else {
            return;
        };
        self.hand_over(id, channel, DeliveryStatus::NeedsReview, failure, turn);
    }
}
