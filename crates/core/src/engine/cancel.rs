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
use crate::text::Text;

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
            DeliveryStatus::Waiting if delivery.is_in_course() => Self::UnderWay,
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
        let mut changes = deliveries.map(|delivery| match Self::of(delivery) {
            Self::Cancelled => true,
            Self::UnderWay => !delivery.called_off,
            Self::InReview | Self::Closed => false,
        });
        changes.any(|changes| changes)
    }

    /// Whether anything of it is in review.
    pub(super) fn in_review(distribution: &Distribution) -> bool {
        let mut deliveries = distribution.deliveries.iter();
        deliveries.any(|delivery| Self::of(delivery) == Self::InReview)
    }

    /// Whether it was called off before, and is still under way.
    pub(super) fn stands(distribution: &Distribution) -> bool {
        distribution
            .deliveries
            .iter()
            .any(|delivery| delivery.called_off && Self::of(delivery) == Self::UnderWay)
    }
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
            let handed_over = delivery.status == DeliveryStatus::ActionRequired;
            let before = delivery.failure.take();
            delivery.next_attempt_at = None;
            delivery.failure = Some(Failure {
                channel_said: before.and_then(|failure| failure.channel_said),
                ..if handed_over {
                    maybe_done()
                } else {
                    cause::CANCELLED.failure()
                }
            });
        });
        work.transition(channel, DeliveryStatus::Cancelled, turn.now);
    }
}

/// Who was to post it may have done so without saying it.
fn maybe_done() -> Failure {
    cause::CANCELLED.because(Text::new(
        "It was called off while a person was to post it. If it was posted by hand already, take it down there.",
        "담당자가 직접 게시할 차례에 취소되었습니다. 이미 게시했다면 해당 채널에서 삭제해 주세요.",
    ))
}
