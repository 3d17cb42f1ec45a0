//! What happened to a distribution, gap-free: who, when, with which token (I11).

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus};
use crate::distribution::DistributionStatus;
use crate::ids::Incarnation;

/// All that one commit changed in one distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// From 1, without gaps.
    pub number: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// Who decided it.
    pub actor: Cow<'static, str>,
    /// Why, in the words of who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fencing token of the node that decided it.
    pub token: Incarnation,
    /// In the order in which they happened.
    pub transitions: Vec<Transition>,
}

/// One change of a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Whose; absent where it is the distribution's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// From where; absent where it came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Cow<'static, str>>,
    /// To where.
    pub to: Cow<'static, str>,
    /// Which generation, for a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Which attempt, for a channel that has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Why, where it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
}

impl Transition {
    /// It stands as it did, and only that was noted.
    pub fn stays(&self) -> bool {
        self.from.as_ref() == Some(&self.to)
    }

    /// A delivery that has come to where it stands now.
    pub fn of_delivery(delivery: &Delivery, from: Option<DeliveryStatus>) -> Self {
        let failed = delivery.status != DeliveryStatus::Success;
        Self {
            channel: Some(delivery.channel),
            from: from.map(|status| Cow::Borrowed(status.name())),
            to: Cow::Borrowed(delivery.status.name()),
            generation: Some(delivery.generation),
            attempt: Some(delivery.attempt).filter(|attempt| *attempt > 0),
            code: delivery
                .failure
                .as_ref()
                .filter(|_| failed)
                .map(|failure| failure.code.clone()),
        }
    }

    /// A distribution that has come to `to`.
    pub fn of_distribution(from: Option<DistributionStatus>, to: DistributionStatus) -> Self {
        Self {
            channel: None,
            from: from.map(|status| Cow::Borrowed(status.name())),
            to: Cow::Borrowed(to.name()),
            generation: None,
            attempt: None,
            code: None,
        }
    }
}
