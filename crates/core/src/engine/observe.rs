//! What a channel says later of what it took: whichever node is there asks it, at ages
//! that its protocol names. What was *accepted* becomes *delivered*; or it is declined
//! after all, which opens a new generation.
//!
//! A look has no effect, spends nothing and promises nothing: one that fails is repeated
//! for a while, and then what stands stays. While the next is far off, the distribution belongs to no node,
//! like what is scheduled. Deliberately absent: what is asked (the channel's client).

use std::time::Duration;

use jiff::Timestamp;

use super::availability::result_of_observation;
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

/// What can't be asked now is asked after this time, at least; so is what could not be
/// heard.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// So many wait in a lane for what is to be sent; more are put off, so that they do not
/// fill the memory.
const WAIT_MOST: usize = 500;

impl Engine {
    /// The channel has told unasked that there is news.
    pub(super) fn observe_soon(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let soon = later(turn.now, GATHERED_FOR);
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(observed) = work.distribution.delivery(channel).filter(|one| one.is_observed()) else {
            return;
        };
        let due = observed.next_attempt_at;
        if work.calls(channel) || due.is_some_and(|at| at <= turn.now) {
            // A look that is under way, or waits for its place, may come too early for it.
            work.has_news[channel.index()] = true;
        } else if due.is_some_and(|at| at > soon) {
            self.poll_at(id, channel, soon);
        }
    }

    /// Names the time of the next look, where one follows.
    pub(super) fn observe_later(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let at = self
            .ages(id, channel)
            .and_then(|(delivery, ages)| next_look(delivery, ages, turn.now));
        self.look_at(id, channel, at, turn);
    }

    /// The same where the last one failed.
    fn observe_again(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let at = self
            .ages(id, channel)
            .and_then(|(delivery, ages)| another_look(delivery, ages, turn.now));
        self.look_at(id, channel, at, turn);
    }

    /// The breaker, the quota or a full lane holds it back. It is put off for long enough
    /// that no node keeps it meanwhile.
    pub(super) fn put_off_look(&mut self, id: DistributionId, channel: Channel, until: Timestamp, turn: &mut Turn<'_>) {
        let at = until.max(later(turn.now, AGAIN_AFTER));
        self.look_at(id, channel, Some(at), turn);
    }

    /// Whether so many looks wait already that this one is put off.
    pub(super) fn too_many_looks(&self, channel: Channel) -> bool {
        self.lanes[channel.index()].looks() >= WAIT_MOST
    }

    fn ages(&self, id: DistributionId, channel: Channel) -> Option<(&Delivery, &'static [Duration])> {
        let delivery = self.works.get(&id)?.distribution.delivery(channel)?;
        Some((delivery, self.protocol(delivery).observed_at))
    }

    fn look_at(&mut self, id: DistributionId, channel: Channel, at: Option<Timestamp>, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let has_news = std::mem::take(&mut work.has_news[channel.index()]);
        let soon = later(turn.now, GATHERED_FOR);
        let at = at.map(|at| if has_news { at.min(soon) } else { at });
        if work
            .distribution
            .delivery(channel)
            .is_some_and(|one| one.next_attempt_at != at)
        {
            work.change(channel, |delivery| delivery.next_attempt_at = at);
            self.dirty.insert(id);
        }
        if let Some(at) = at {
            self.set_alarm(id, channel, at);
        }
    }

    /// A look has ended.
    pub(super) fn observed(&mut self, reference: &CallReference, outcome: Observation, turn: &mut Turn<'_>) {
        let (id, channel) = (reference.distribution, reference.channel);
        let first = self.hear(reference, result_of_observation(&outcome), turn);
        self.too_late(first, reference);
        if !first || !self.is_under_way(reference) {
            return;
        }
        self.write_soon(id, channel, turn);
        if !self.is_looked_at(reference) {
            // A person has had it taken down meanwhile, which waits for this call.
            return self.want(id, channel, turn.now);
        }
        match outcome {
            Observation::Stands { receipt, checkpoint } => {
                self.see(id, channel, Some(receipt), checkpoint, turn);
                self.observe_later(id, channel, turn);
            }
            Observation::Advanced { checkpoint } => {
                self.see(id, channel, None, Some(checkpoint), turn);
                self.want(id, channel, turn.now);
            }
            Observation::Declined { failure, checkpoint } => self.declined(id, channel, (failure, checkpoint), turn),
            Observation::Unknown { checkpoint, .. } => {
                self.see(id, channel, None, checkpoint, turn);
                self.observe_again(id, channel, turn);
            }
            Observation::Untold => self.look_at(id, channel, None, turn),
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

    /// What is new of it is kept, and told. Its ages count on, unless how it stands is
    /// new: on a long list, somebody has it every minute.
    fn see(
        &mut self,
        id: DistributionId,
        channel: Channel,
        receipt: Option<Receipt>,
        checkpoint: Option<Checkpoint>,
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        let counts = |checkpoint: &Option<Checkpoint>| checkpoint.as_ref().and_then(Checkpoint::recipients);
        let stands_anew = receipt.is_some() && receipt != delivery.receipt;
        let counts_anew = checkpoint.is_some() && counts(&checkpoint) != counts(&delivery.checkpoint);
        work.change(channel, |delivery| {
            delivery.receipt = receipt.or_else(|| delivery.receipt.take());
            if checkpoint.is_some() {
                delivery.stand_at(checkpoint);
            }
            if stands_anew {
                delivery.updated_at = turn.now;
            }
        });
        if stands_anew || counts_anew {
            self.note(id, channel);
            self.say_whose_word(id);
        }
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
        let mut seen = None;
        work.change(channel, |delivery| {
            if checkpoint.is_some() {
                delivery.stand_at(checkpoint);
            }
            seen.clone_from(&delivery.checkpoint);
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
        self.say_whose_word(id);
    }

    fn say_whose_word(&mut self, id: DistributionId) {
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

/// A look that failed is repeated before the next age, the less soon the older it is,
/// and for a fifth of the last age beyond that.
fn another_look(delivery: &Delivery, ages: &[Duration], now: Timestamp) -> Option<Timestamp> {
    let since = delivery.updated_at;
    let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    let again = later(now, (age / 10).max(AGAIN_AFTER));
    let last = later(since, ages.last()?.mul_f64(1.2));
    let next = next_look(delivery, ages, now);
    Some(next.map_or(again, |next| next.min(again))).filter(|at| *at <= last)
}
