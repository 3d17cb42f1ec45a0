//! What a channel says later of what it took: whichever node is there asks it, at ages
//! that its protocol names. What was *accepted* becomes *delivered*; or it is declined
//! after all, which opens a new generation.
//!
//! A look has no effect, spends nothing and promises nothing, so that one that fails is
//! only followed by the next. While that is far off, the distribution belongs to no node,
//! like what is scheduled. Deliberately absent: what is asked (the channel's client).

use std::time::Duration;

use jiff::Timestamp;

use super::breaker::result_of_observation;
use super::message::CallReference;
use super::{Engine, Turn};
use crate::attempt::Observation;
use crate::channel::{Channel, ChannelState};
use crate::delivery::{Checkpoint, Delivery, DeliveryStatus, Failure, Phase};
use crate::ids::DistributionId;
use crate::receipt::Receipt;
use crate::resilience::retry::later;

/// In the history, of what a channel said unasked for by a person.
const NEWS: &str = "the channel's later word";

/// Where a channel says itself that there is news, it is asked after this time: with
/// many recipients news comes in many pieces.
const GATHERED_FOR: Duration = Duration::from_secs(30);

impl Engine {
    /// The channel has told unasked that there is news.
    pub(super) fn observe_soon(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get(&id) else { return };
        let observed = work.distribution.delivery(channel).filter(|one| one.is_observed());
        let soon = later(turn.now, GATHERED_FOR);
        if !work.calls(channel) && observed.is_some_and(|one| one.next_attempt_at.is_some_and(|at| at > soon)) {
            self.poll_at(id, channel, soon);
        }
    }

    /// Names the time of the next look, where one follows.
    pub(super) fn observe_later(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(protocol) = self.protocol_of(id, channel) else {
            return;
        };
        let Some(work) = self.works.get_mut(&id) else { return };
        let delivery = work.distribution.delivery(channel);
        let at = delivery.and_then(|delivery| next_look(delivery, protocol.observed_at, turn.now));
        if delivery.is_some_and(|delivery| delivery.next_attempt_at != at) {
            work.change(channel, |delivery| delivery.next_attempt_at = at);
        }
        if let Some(at) = at {
            self.set_alarm(id, channel, at);
        }
    }

    /// A look has ended.
    pub(super) fn observed(&mut self, reference: &CallReference, outcome: Observation, turn: &mut Turn<'_>) {
        let (id, channel) = (reference.distribution, reference.channel);
        let first = self.hear(reference, result_of_observation(&outcome), turn);
        self.too_late(first, channel);
        if !first || !self.is_under_way(reference) {
            return;
        }
        self.write_soon(id, channel, turn);
        if !self.is_looked_at(reference) {
            // A person has had it taken down meanwhile, which waits for this call.
            return self.want(id, channel, turn.now);
        }
        match outcome {
            Observation::Stands { receipt, checkpoint } => self.stands(id, channel, (receipt, checkpoint), turn),
            Observation::Advanced { checkpoint } => {
                if let Some(work) = self.works.get_mut(&id) {
                    work.change(channel, |delivery| delivery.checkpoint = Some(checkpoint));
                }
                self.want(id, channel, turn.now);
            }
            Observation::Declined { failure, checkpoint } => self.declined(id, channel, (failure, checkpoint), turn),
            Observation::Unknown(_) => self.observe_later(id, channel, turn),
        }
    }

    fn is_under_way(&self, reference: &CallReference) -> bool {
        let work = self.works.get(&reference.distribution);
        work.is_some_and(|work| work.calling[reference.channel.index()] == Some(reference.number))
    }

    fn is_looked_at(&self, reference: &CallReference) -> bool {
        let work = self.works.get(&reference.distribution);
        let delivery = work.and_then(|work| work.distribution.delivery(reference.channel));
        delivery.is_some_and(|delivery| delivery.is_observed() && delivery.generation == reference.generation)
    }

    fn stands(
        &mut self,
        id: DistributionId,
        channel: Channel,
        (receipt, checkpoint): (Receipt, Option<Checkpoint>),
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let mut is_news = false;
        work.change(channel, |delivery| {
            let counts = |checkpoint: &Option<Checkpoint>| checkpoint.as_ref().and_then(Checkpoint::recipients);
            let seen = checkpoint.or_else(|| delivery.checkpoint.clone());
            is_news = delivery.receipt.as_ref() != Some(&receipt) || counts(&delivery.checkpoint) != counts(&seen);
            delivery.receipt = Some(receipt);
            delivery.checkpoint = seen;
            if is_news {
                delivery.updated_at = turn.now;
            }
        });
        if is_news {
            self.tell_news(id, channel);
        }
        self.observe_later(id, channel, turn);
    }

    /// It is not there any more. What the channel called it stays known.
    fn declined(
        &mut self,
        id: DistributionId,
        channel: Channel,
        (failure, checkpoint): (Failure, Option<Checkpoint>),
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let mut seen = checkpoint;
        work.change(channel, |delivery| {
            seen = seen.take().or_else(|| delivery.checkpoint.clone());
            // Among the attempts, of the one that was taken.
            delivery.failure = Some(failure.clone());
        });
        self.next_generation(id, channel, Phase::Confirmed, turn);
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.phase = Phase::Rejected;
            delivery.checkpoint = seen;
            delivery.failure = Some(failure);
            if let Some(receipt) = &mut delivery.receipt {
                receipt.state = ChannelState::Declined;
            }
        });
        work.transition(channel, DeliveryStatus::Failed, turn.now);
        work.unwritten.reason.get_or_insert_with(|| NEWS.to_owned());
    }

    fn tell_news(&mut self, id: DistributionId, channel: Channel) {
        self.note(id, channel);
        if let Some(work) = self.works.get_mut(&id) {
            work.unwritten.reason.get_or_insert_with(|| NEWS.to_owned());
        }
    }
}

/// What the channel has only accepted is looked at again, at the next of these ages.
fn next_look(delivery: &Delivery, ages: &[Duration], now: Timestamp) -> Option<Timestamp> {
    let accepted = delivery.channel_state() == Some(ChannelState::Accepted);
    let mut looks = ages.iter().map(|age| later(delivery.updated_at, *age));
    looks.find(|at| *at > now).filter(|_| accepted)
}
