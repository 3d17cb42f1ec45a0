//! What becomes of a distribution that is called off: what has not begun does not
//! begin, what is under way comes to its end without another attempt, what is
//! live stays live, and what is in review stays a person's.

use super::planted::Bug;
use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Failure, Phase};
use crate::distribution::Distribution;
use crate::ids::DistributionId;

/// What calling off does to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOff {
    /// It has not begun: it is CANCELLED.
    Cancelled,
    /// The channel may have it already: it comes to its end, and no further
    /// attempt follows.
    UnderWay,
    /// Its outcome is unknown, and a person decides.
    InReview,
    /// It has come to its end before.
    Closed,
}

impl CallOff {
    /// Of a delivery that stands so.
    pub fn of(delivery: &Delivery) -> Self {
        match delivery.status {
            DeliveryStatus::InProgress => Self::UnderWay,
            DeliveryStatus::Waiting if is_in_course(delivery) => Self::UnderWay,
            DeliveryStatus::Pending
            | DeliveryStatus::Retrying
            | DeliveryStatus::Waiting
            | DeliveryStatus::ActionRequired => Self::Cancelled,
            DeliveryStatus::NeedsReview => Self::InReview,
            DeliveryStatus::Success | DeliveryStatus::Failed | DeliveryStatus::Cancelled => Self::Closed,
        }
    }

    /// Whether it changes anything of the distribution.
    pub(super) fn changes(distribution: &Distribution) -> bool {
        let deliveries = distribution.deliveries.iter();
        let mut effects = deliveries.map(Self::of);
        effects.any(|effect| matches!(effect, Self::Cancelled | Self::UnderWay))
    }
}

/// It waits in the course of an attempt, some steps of which have been taken.
fn is_in_course(delivery: &Delivery) -> bool {
    delivery.attempt_started_at.is_some() || is_left_off(delivery)
}

/// It was held back between two steps by this service: what the steps before did
/// may be seen already. A channel that defers says that nothing was done.
pub(super) fn is_left_off(delivery: &Delivery) -> bool {
    let code = delivery.failure.as_ref().map(|failure| &*failure.code);
    delivery.phase == Phase::Planned && delivery.checkpoint.is_some() && code.is_some_and(is_ours)
}

/// Whether it is this service that holds it back, not the channel.
fn is_ours(code: &str) -> bool {
    let ours = [
        &cause::SERVICE_RESTARTING,
        &cause::CHANNEL_NOT_CONFIGURED,
        &cause::BREAKER_OPEN,
        &cause::SENDING_STOPPED,
    ];
    ours.iter().any(|cause| cause.code == code)
}

impl Engine {
    /// A person has asked for it.
    pub(super) fn call_off(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let deliveries = work.distribution.deliveries.iter();
        let effects: Vec<_> = deliveries
            .map(|delivery| (delivery.channel, CallOff::of(delivery)))
            .collect();
        for (channel, effect) in effects {
            match effect {
                CallOff::Cancelled => self.cancel(id, channel, turn),
                CallOff::UnderWay => {
                    if let Some(work) = self.works.get_mut(&id) {
                        work.change(channel, |delivery| delivery.called_off = true);
                    }
                }
                CallOff::InReview | CallOff::Closed => {}
            }
        }
    }

    /// Whether it was called off while it was under way.
    pub(super) fn is_called_off(&self, id: DistributionId, channel: Channel) -> bool {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        !self.planted.has(Bug::CancelForgotten) && delivery.is_some_and(|delivery| delivery.called_off)
    }

    /// Its attempt was called off, and has had no effect: none follows.
    pub(super) fn end_called_off(
        &mut self,
        id: DistributionId,
        channel: Channel,
        (phase, why): (Phase, Failure),
        turn: &mut Turn<'_>,
    ) {
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| {
                delivery.phase = phase;
                delivery.failure = Some(why);
            });
        }
        self.cancel(id, channel, turn);
    }

    /// What the channel said stays beside it.
    fn cancel(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            let before = delivery.failure.take();
            delivery.next_attempt_at = None;
            delivery.failure = Some(Failure {
                channel_said: before.and_then(|failure| failure.channel_said),
                ..cause::CANCELLED.failure()
            });
        });
        work.transition(channel, DeliveryStatus::Cancelled, turn.now);
    }

    /// Whether a deferral ends what was called off: not where it is this service
    /// that defers, between two steps.
    pub(super) fn ends_called_off(&self, id: DistributionId, channel: Channel, reason: &Failure) -> bool {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        let in_course = delivery.is_some_and(|delivery| delivery.checkpoint.is_some()) && is_ours(&reason.code);
        self.is_called_off(id, channel) && !in_course
    }
}
