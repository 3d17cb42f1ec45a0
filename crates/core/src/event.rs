//! `DistributionCompleted`: when an outcome is published, and what it says.
//!
//! None of it is "final": a channel's later word makes the next version.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus};
use crate::distribution::{Distribution, DistributionStatus};
use crate::ids::{DistributionId, EventId};
use crate::result::ChannelResult;
use crate::text::Language;

/// The event's name on the wire.
pub const DISTRIBUTION_COMPLETED: &str = "DistributionCompleted";

/// A published outcome. Consumers upsert by `distributionId`, the highest
/// `version` wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DistributionCompleted {
    /// What was announced.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event_id: EventId,
    /// Where, in the order of the request.
    pub channels: Vec<Channel>,
    /// What came of it, in the same order.
    pub results: Vec<ChannelResult>,
    /// When it came to rest.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub completed_at: Timestamp,
    /// Which distribution.
    pub distribution_id: DistributionId,
    /// Published outcomes of this distribution, from 1.
    pub version: u32,
    /// Where the distribution stood.
    pub status: DistributionStatus,
}

impl DistributionCompleted {
    /// What a distribution at rest says; `None` while nothing was published.
    pub fn of(distribution: &Distribution) -> Option<Self> {
        let result = |delivery| ChannelResult {
            // Who reads the topic is not asked to finish anything.
            action_url: None,
            action_until: None,
            ..ChannelResult::of(delivery, Language::En)
        };
        Some(Self {
            event_id: distribution.event_id.clone(),
            channels: distribution
                .deliveries
                .iter()
                .map(|delivery| delivery.channel)
                .collect(),
            results: distribution.deliveries.iter().map(result).collect(),
            completed_at: distribution.completed_at?,
            distribution_id: distribution.id,
            version: distribution.version,
            status: distribution.status,
        })
    }
}

/// The one id under which a version of a distribution is published, however
/// often it is sent (`UUIDv5` of distribution and version).
pub fn event_uuid(distribution: DistributionId, version: u32) -> Uuid {
    Uuid::new_v5(&distribution.0, &version.to_be_bytes())
}

/// What tells one outcome from another: each channel's status, channel state,
/// generation and fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutcomeDigest(pub String);

impl OutcomeDigest {
    /// Of what the deliveries say now; 128 bits of SHA-256 in hexadecimal.
    pub fn of(distribution: &Distribution) -> Self {
        let outcome: Vec<_> = distribution
            .deliveries
            .iter()
            .map(|delivery| {
                (
                    delivery.channel,
                    delivery.status,
                    told_generation(delivery),
                    &delivery.receipt,
                )
            })
            .collect();
        let json = serde_json::to_vec(&outcome).unwrap_or_default();
        let hash = Sha256::digest(&json);
        let half: [u8; 16] = std::array::from_fn(|place| hash[place]);
        Self(format!("{:032x}", u128::from_be_bytes(half)))
    }
}

/// Nothing has come yet of the generation in which a withdrawal is under way.
fn told_generation(delivery: &Delivery) -> u32 {
    delivery.generation - u32::from(delivery.is_withdrawing())
}

/// Whether the outcome is to be published: nothing moves (I9), it differs from
/// the last one published, and something succeeded, or nothing waits, or a
/// version was published before. Returns the digest to remember.
pub fn publication(distribution: &Distribution) -> Option<OutcomeDigest> {
    let any = |test: fn(DeliveryStatus) -> bool| distribution.deliveries.iter().any(|delivery| test(delivery.status));
    if distribution.moves() {
        return None;
    }
    let succeeded = any(|status| status == DeliveryStatus::Success);
    if !succeeded && any(DeliveryStatus::waits) && distribution.version == 0 {
        return None;
    }
    let digest = OutcomeDigest::of(distribution);
    (distribution.published.as_ref() != Some(&digest)).then_some(digest)
}
