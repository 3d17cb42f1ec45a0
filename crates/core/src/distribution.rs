//! One accepted request, and its status, which is a function of its deliveries.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus};
use crate::event::OutcomeDigest;
use crate::ids::{DistributionId, EventId, TenantId};
use crate::request::CanonicalRequest;

/// Where a distribution stands; the wire's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DistributionStatus {
    /// Nothing has begun.
    Pending,
    /// Something moves, or nothing has succeeded yet and something waits.
    InProgress,
    /// Every channel succeeded.
    Completed,
    /// Some channels succeeded; nothing moves.
    PartiallyCompleted,
    /// None succeeded and nothing waits.
    Failed,
    /// None succeeded, none failed: it was called off.
    Cancelled,
}

impl DistributionStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::InProgress,
        Self::Completed,
        Self::PartiallyCompleted,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::PartiallyCompleted => "PARTIALLY_COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The status of a distribution with these deliveries (I7).
    pub fn of(deliveries: &[Delivery]) -> Self {
        let any = |test: fn(DeliveryStatus) -> bool| deliveries.iter().any(|delivery| test(delivery.status));
        let not_begun = |delivery: &Delivery| {
            delivery.attempt == 0
                && delivery.generation == 1
                && matches!(delivery.status, DeliveryStatus::Pending | DeliveryStatus::Waiting)
        };
        let succeeded = |delivery: &Delivery| delivery.status == DeliveryStatus::Success;
        if deliveries.iter().all(not_begun) {
            Self::Pending
        } else if any(DeliveryStatus::moves) {
            Self::InProgress
        } else if deliveries.iter().all(succeeded) {
            Self::Completed
        } else if deliveries.iter().any(succeeded) {
            Self::PartiallyCompleted
        } else if any(DeliveryStatus::waits) {
            Self::InProgress
        } else if any(|status| status == DeliveryStatus::Failed) {
            Self::Failed
        } else {
            Self::Cancelled
        }
    }
}

/// One accepted request; a row of `distribution_logs` with its channel rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Whose.
    pub tenant: TenantId,
    /// Its name; later ones sort after earlier ones.
    pub id: DistributionId,
    /// What is announced.
    pub event_id: EventId,
    /// What was asked.
    pub request: Arc<CanonicalRequest>,
    /// In the order of the request.
    pub deliveries: Vec<Delivery>,
    /// [`DistributionStatus::of`] the deliveries.
    pub status: DistributionStatus,
    /// The number of its last history entry.
    pub history_number: u32,
    /// How many outcomes have been published.
    pub version: u32,
    /// Of the outcome that was published last.
    pub published: Option<OutcomeDigest>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When the latest published outcome came to rest; `None` while it moves.
    pub completed_at: Option<Timestamp>,
}

impl Distribution {
    /// Whether anything will happen within seconds.
    pub fn moves(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.status.moves())
    }

    /// Whether anything may still happen.
    pub fn open(&self) -> bool {
        self.deliveries.iter().any(Delivery::is_open)
    }

    /// Whether what was asked for is still to be done. Where it is not, channels may
    /// have news all the same.
    pub fn unfinished(&self) -> bool {
        self.deliveries.iter().any(Delivery::is_unfinished)
    }

    /// The delivery to this channel.
    pub fn delivery(&self, channel: Channel) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.channel == channel)
    }

    /// The delivery to this channel.
    pub fn delivery_mut(&mut self, channel: Channel) -> Option<&mut Delivery> {
        self.deliveries.iter_mut().find(|delivery| delivery.channel == channel)
    }

    /// Since when its work has been due: since it was accepted, or since the time for
    /// which it was scheduled, where that came later.
    pub fn due_since(&self) -> Timestamp {
        let scheduled_at = self.request.request.scheduled_at;
        scheduled_at.unwrap_or(self.accepted_at).max(self.accepted_at)
    }

    /// Since when a delivery of it is tried: a redrive begins anew.
    pub fn tried_since(&self, delivery: &Delivery) -> Timestamp {
        delivery.redriven_at.unwrap_or_else(|| self.due_since())
    }

    /// The earliest time at which something is due; moving work without a time
    /// is due at once (`now`); `None` where only a person can go on.
    pub fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let goes_on = |delivery: &Delivery| delivery.status.moves() || delivery.is_withdrawing();
        self.deliveries
            .iter()
            .filter(|delivery| delivery.is_open())
            .filter_map(|delivery| delivery.due_at().or(goes_on(delivery).then_some(now)))
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Mode;
    use crate::ids::DeliveryId;
    use DeliveryStatus::{
        ActionRequired, Cancelled, Failed, InProgress, NeedsReview, Pending, Retrying, Success, Waiting,
    };

    fn deliveries(statuses: &[DeliveryStatus]) -> Vec<Delivery> {
        let delivery = |(channel, status): (Channel, &DeliveryStatus)| {
            let id = DeliveryId(uuid::Uuid::nil());
            let mut delivery = Delivery::new(id, channel, Mode::Mock, Timestamp::UNIX_EPOCH);
            delivery.status = *status;
            delivery.attempt = u32::from(!matches!(status, Pending | Waiting));
            delivery
        };
        Channel::ALL.into_iter().zip(statuses).map(delivery).collect()
    }

    #[test]
    fn the_status_is_the_contracts_function_of_the_channels() {
        for (statuses, expected) in [
            (&[Pending, Waiting][..], DistributionStatus::Pending),
            (&[Pending, InProgress], DistributionStatus::InProgress),
            (&[Success, Retrying], DistributionStatus::InProgress),
            (&[Success, Pending], DistributionStatus::InProgress),
            (&[Success, Success], DistributionStatus::Completed),
            (&[Success, Failed], DistributionStatus::PartiallyCompleted),
            (&[Success, Waiting], DistributionStatus::PartiallyCompleted),
            (&[Success, Cancelled], DistributionStatus::PartiallyCompleted),
            (&[Failed, Waiting], DistributionStatus::InProgress),
            (&[Failed, NeedsReview], DistributionStatus::InProgress),
            (&[ActionRequired], DistributionStatus::InProgress),
            (&[Failed, Cancelled], DistributionStatus::Failed),
            (&[Cancelled, Cancelled], DistributionStatus::Cancelled),
        ] {
            assert_eq!(DistributionStatus::of(&deliveries(statuses)), expected, "{statuses:?}");
        }
    }

    #[test]
    fn waiting_after_an_attempt_is_no_longer_pending() {
        let mut waiting = deliveries(&[Waiting]);
        waiting[0].attempt = 1;
        assert_eq!(DistributionStatus::of(&waiting), DistributionStatus::InProgress);
    }
}
