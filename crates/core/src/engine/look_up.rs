//! What follows an unknown outcome: it is looked up, and only proof of absence
//! allows a repeat. A look-up spends no attempt.

use std::time::Duration;

use jiff::Timestamp;

use super::availability::result_of_look_up;
use super::message::CallReference;
use super::outcome::Ended;
use super::planted::Bug;
use super::{Engine, Turn};
use crate::attempt::{Dedup, LookUpOutcome, Retry, StepOutcome};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Checkpoint, Delivery, DeliveryStatus, Failure, Phase};
use crate::ids::DistributionId;
use crate::resilience::retry::{RETRY_AFTER_BOUNDS, later};

impl Engine {
    /// Something was sent by this node, and what came of it is not known.
    pub(super) fn unknown(&mut self, id: DistributionId, channel: Channel, failure: Failure, turn: &mut Turn<'_>) {
        if turn.planted.has(Bug::BlindRepeat) {
            return self.no_effect(id, channel, refused(failure), Retry::Backoff, turn);
        }
        self.doubt(id, channel, failure, turn);
        match self.protocol_of(id, channel).map(|protocol| protocol.dedup) {
            Some(Dedup::Key { .. }) => self.look_up_again(id, channel, Duration::ZERO, turn),
            Some(Dedup::LookUp { settle }) => self.look_up_at(id, channel, later(turn.now, settle)),
            // All that there is to hear has been heard.
            Some(Dedup::None) | None => self.ask_a_person(id, channel, turn),
        }
    }

    /// Another life may have sent something, and may still be at it: until its
    /// calls are over, nothing is concluded from what can't be found.
    pub(super) fn interrupted(&mut self, id: DistributionId, channel: Channel, failure: Failure, turn: &mut Turn<'_>) {
        self.doubt(id, channel, failure, turn);
        match self.wait_for_old_calls(id, channel, turn.now) {
            None => self.look_up_again(id, channel, Duration::ZERO, turn),
            Some(_) if turn.planted.has(Bug::NoWaitForOldCalls) => self.look_up_at(id, channel, turn.now),
            Some(wait) => self.look_up_at(id, channel, later(turn.now, wait)),
        }
    }

    /// Another life was about to look. When that was to be was said by another
    /// clock, and its calls may not be over: the wait begins anew.
    pub(super) fn look_up_after_adoption(&mut self, id: DistributionId, channel: Channel, now: Timestamp) {
        let Some(wait) = self.wait_for_old_calls(id, channel, now) else {
            return self.want(id, channel, now);
        };
        let at = later(now, wait);
        let work = self.works.get_mut(&id);
        if let Some(delivery) = work.and_then(|work| work.distribution.delivery_mut(channel)) {
            delivery.next_attempt_at = Some(at);
        }
        self.set_alarm(id, channel, at);
    }

    /// How long another life's calls may still have an effect; nothing where the
    /// channel itself tells a repeat, and knows the key still.
    fn wait_for_old_calls(&self, id: DistributionId, channel: Channel, now: Timestamp) -> Option<Duration> {
        let delivery = self.works.get(&id)?.distribution.delivery(channel)?;
        match self.protocol(delivery).dedup {
            Dedup::Key { window } if now <= later(delivery.attempt_started_at.unwrap_or(now), window) => None,
            Dedup::Key { .. } | Dedup::None => Some(self.settings.call_deadline),
            Dedup::LookUp { settle } => Some(self.settings.call_deadline + settle),
        }
    }

    fn doubt(&mut self, id: DistributionId, channel: Channel, failure: Failure, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.look_ups[channel.index()] = 0;
        work.change(channel, |delivery| {
            delivery.failure = Some(failure);
            delivery.phase = Phase::Unknown;
            delivery.unknown_since = Some(turn.now);
            delivery.updated_at = turn.now;
        });
    }

    pub(super) fn is_unknown(&self, id: DistributionId, channel: Channel) -> bool {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        delivery.is_some_and(|delivery| delivery.phase == Phase::Unknown)
    }

    /// A step that was repeated under the channel's own key, to find out what
    /// the first one came to. That the repeat was refused says nothing of it.
    pub(super) fn stepped_in_doubt(
        &mut self,
        id: DistributionId,
        channel: Channel,
        outcome: StepOutcome,
        turn: &mut Turn<'_>,
    ) {
        match outcome {
            StepOutcome::Confirmed(receipt) => self.confirm(id, channel, receipt, turn),
            StepOutcome::Pending { poll_after } | StepOutcome::PollFailed { poll_after, .. } => {
                self.poll_after(id, channel, poll_after, turn.now);
            }
            StepOutcome::Rejected { failure, retry, .. } => {
                let (shortest, longest) = RETRY_AFTER_BOUNDS;
                let wish = match retry {
                    Retry::After(wish) => wish.clamp(shortest, longest),
                    Retry::Never | Retry::Backoff => Duration::ZERO,
                };
                self.still_unknown(id, channel, failure, wish, turn);
            }
            StepOutcome::Deferred { until, reason } | StepOutcome::Held { until, reason } => {
                let wait = Duration::try_from(until.duration_since(turn.now)).unwrap_or_default();
                self.still_unknown(id, channel, reason, wait, turn);
            }
            StepOutcome::Unknown(failure) | StepOutcome::NeedsAction { task: failure, .. } => {
                self.still_unknown(id, channel, failure, Duration::ZERO, turn);
            }
            // The caller has taken it.
            StepOutcome::Advanced { .. } | StepOutcome::Prepared { .. } => {}
        }
    }

    pub(super) fn looked_up(&mut self, reference: &CallReference, outcome: LookUpOutcome, turn: &mut Turn<'_>) {
        let (id, channel) = (reference.distribution, reference.channel);
        let first = self.hear(reference, result_of_look_up(&outcome), turn);
        if !first || !self.is_current(reference) {
            self.too_late(first, reference);
            self.look_up_too_late(reference, outcome, turn);
            return;
        }
        self.lanes[channel.index()].release(&reference.tenant);
        if let Some(work) = self.works.get_mut(&id) {
            work.calling[channel.index()] = None;
        }
        self.dirty.insert(id);
        match outcome {
            LookUpOutcome::Found(receipt) => self.confirm(id, channel, receipt, turn),
            LookUpOutcome::Advanced {
                checkpoint,
                next_has_effect,
            } => self.goes_on(id, channel, checkpoint, next_has_effect, turn),
            LookUpOutcome::Absent { checkpoint } => self.absent(id, channel, checkpoint, turn),
            LookUpOutcome::Pending { checkpoint, .. } if turn.planted.has(Bug::OneLookIsEnough) => {
                self.absent(id, channel, Some(checkpoint), turn);
            }
            LookUpOutcome::Pending { checkpoint, look_after } => {
                self.seen(id, channel, checkpoint);
                self.look_up_again(id, channel, look_after, turn);
            }
            LookUpOutcome::Unknown(failure) => self.still_unknown(id, channel, failure, Duration::ZERO, turn),
        }
    }

    /// The doubt is over, and the same attempt goes on.
    fn goes_on(
        &mut self,
        id: DistributionId,
        channel: Channel,
        checkpoint: Checkpoint,
        next_has_effect: bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.stand_at(Some(checkpoint));
            delivery.phase = if next_has_effect { Phase::Intent } else { Phase::Planned };
            delivery.failure = None;
            delivery.next_attempt_at = None;
            delivery.updated_at = turn.now;
        });
        self.want(id, channel, turn.now);
    }

    /// It is provably not there: the attempt had no effect.
    fn absent(&mut self, id: DistributionId, channel: Channel, checkpoint: Option<Checkpoint>, turn: &mut Turn<'_>) {
        // Nobody is told of a doubt any more; what the channel had said of it is kept.
        if let Some(doubt) = self.failure_of(id, channel) {
            let failure = Failure {
                channel_said: doubt.channel_said,
                ..cause::FOUND_ABSENT.failure()
            };
            let ended = Ended {
                phase: Phase::Absent,
                failure,
                checkpoint,
            };
            self.no_effect(id, channel, ended, Retry::Backoff, turn);
        }
    }

    fn seen(&mut self, id: DistributionId, channel: Channel, checkpoint: Checkpoint) {
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| delivery.stand_at(Some(checkpoint)));
        }
    }

    fn still_unknown(
        &mut self,
        id: DistributionId,
        channel: Channel,
        failure: Failure,
        wait: Duration,
        turn: &mut Turn<'_>,
    ) {
        let Some(dedup) = self.protocol_of(id, channel).map(|protocol| protocol.dedup) else {
            return;
        };
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| delivery.failure = Some(failure));
        }
        match dedup {
            Dedup::Key { .. } | Dedup::LookUp { .. } => self.look_up_again(id, channel, wait, turn),
            Dedup::None => self.ask_a_person(id, channel, turn),
        }
    }

    /// Another look after a backoff, and not before `wait` is over, of which no more
    /// is heard than is left of the age; a person decides where it has gone on for
    /// too long.
    fn look_up_again(&mut self, id: DistributionId, channel: Channel, wait: Duration, turn: &mut Turn<'_>) {
        let policy = self.settings.look_up;
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return;
        };
        let last = later(delivery.doubted_since(), policy.max_age);
        let look_ups = &mut work.look_ups[channel.index()];
        *look_ups += 1;
        let at = later(turn.now, policy.backoff(*look_ups, turn.rng));
        if *look_ups >= policy.max_attempts || at > last {
            self.ask_a_person(id, channel, turn);
        } else {
            self.look_up_at(id, channel, later(turn.now, wait).min(last).max(at));
        }
    }

    fn look_up_at(&mut self, id: DistributionId, channel: Channel, at: Timestamp) {
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| delivery.next_attempt_at = Some(at));
            self.set_alarm(id, channel, at);
        }
    }

    /// Until when what is in doubt may be held back: then a person decides.
    pub(super) fn doubt_ends(&self, delivery: &Delivery) -> Option<Timestamp> {
        let last = later(delivery.doubted_since(), self.settings.look_up.max_age);
        delivery.is_in_doubt().then_some(last)
    }

    pub(super) fn ask_a_person(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        if let Some(failure) = self.failure_of(id, channel) {
            self.hand_over(id, channel, DeliveryStatus::NeedsReview, failure, turn);
        }
    }

    fn failure_of(&self, id: DistributionId, channel: Channel) -> Option<Failure> {
        self.works.get(&id)?.distribution.delivery(channel)?.failure.clone()
    }
}

/// As [`Bug::BlindRepeat`] takes it.
fn refused(failure: Failure) -> Ended {
    Ended {
        phase: Phase::Rejected,
        failure,
        checkpoint: None,
    }
}
