//! Notices: what operators and owners are told, once, and what tells it.
//!
//! What concerns a distribution follows from the record that changes it
//! ([`Notice::of_record`]); what concerns the service, from what is noticed there.
//! Each has an id that is the same however often it is made, so that it is told
//! once. The words are in `words.rs`, what follows a failed sending in
//! `sending.rs`, when an alarm is told again in `alarm.rs`. Deliberately absent: how
//! it is sent.

pub mod alarm;
pub mod sending;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::channel::{Channel, Mode};
use crate::credential::Tried;
use crate::delivery::{Delivery, DeliveryStatus, Failure};
use crate::distribution::DistributionStatus;
use crate::ids::{DistributionId, EventId, TenantId};
use crate::write::Record;

/// Ids of notices that concern no distribution are made in this name space.
const SERVICE: Uuid = Uuid::from_u128(0x6f1d_9c1c_2f0e_5b57_9a0f_7d2f_8c54_31e2);

/// What a notice is about; the word stands in configurations and on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// A channel did not succeed and will not by itself; or what is live there could
    /// not be taken down.
    DeliveryFailed,
    /// Whether a channel took it is not known; a person decides.
    NeedsReview,
    /// A person must finish it.
    ActionRequired,
    /// An outcome was published.
    DistributionSettled,
    /// A channel is not called any more.
    BreakerOpened,
    /// A channel is called again.
    BreakerClosed,
    /// Kafka refuses an event for good.
    DeadLetter,
    /// Events wait for Kafka for too long.
    RelayBehind,
    /// An endpoint for notices has failed for too long and is told nothing more.
    EndpointDisabled,
    /// A channel's token lapses soon, has lapsed, or is refused.
    TokenExpiring,
    /// Deliveries neither move nor wait for a known time or person.
    DeliveriesOverdue,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::DeliveryFailed,
        Self::NeedsReview,
        Self::ActionRequired,
        Self::DistributionSettled,
        Self::BreakerOpened,
        Self::BreakerClosed,
        Self::DeadLetter,
        Self::RelayBehind,
        Self::EndpointDisabled,
        Self::TokenExpiring,
        Self::DeliveriesOverdue,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeliveryFailed => "delivery.failed",
            Self::NeedsReview => "delivery.needs_review",
            Self::ActionRequired => "delivery.action_required",
            Self::DistributionSettled => "distribution.settled",
            Self::BreakerOpened => "breaker.opened",
            Self::BreakerClosed => "breaker.closed",
            Self::DeadLetter => "event.dead_letter",
            Self::RelayBehind => "relay.behind",
            Self::EndpointDisabled => "endpoint.disabled",
            Self::TokenExpiring => "token.expiring",
            Self::DeliveriesOverdue => "delivery.overdue",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is told where nothing else was asked for: all but what calls
    /// for nobody's doing and comes with each distribution.
    pub const fn by_default(self) -> bool {
        !matches!(self, Self::DistributionSettled)
    }
}

/// Something that somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Its one id, however often it is made or sent.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub subject: Subject,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// One channel's share of a distribution has come to where a person should know.
    Delivery(Box<DeliveryNotice>),
    /// A distribution has come to rest.
    Settled(SettledNotice),
    /// A channel's breaker, or that of one account there.
    Breaker {
        /// Of which channel.
        channel: Channel,
        /// Whose account; `None` for the channel's own.
        tenant: Option<TenantId>,
        /// It does not let calls pass.
        open: bool,
    },
    /// Kafka refuses events for good.
    DeadLetters {
        /// How many there are now.
        count: u64,
    },
    /// Events wait for Kafka.
    Relay {
        /// Since when the oldest does.
        since: Timestamp,
        /// How many.
        unpublished: u64,
    },
    /// An endpoint for notices is told nothing more.
    Endpoint {
        /// Its name.
        name: String,
        /// What it said last.
        failure: String,
    },
    /// A token needs a person.
    Token(TokenNotice),
    /// Deliveries to a channel should have gone on, and did not.
    Overdue {
        /// Where to.
        channel: Channel,
        /// When the one that is the latest should have.
        since: Timestamp,
    },
}

/// A channel's token that lapses soon, has lapsed, or is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenNotice {
    /// Whose account is meant; nothing where it is the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Where.
    pub channel: Channel,
    /// When it lapses; before the notice's own time where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What came of renewing it.
    pub tried: Tried,
}

/// One channel's share of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryNotice {
    /// Whose.
    pub tenant: TenantId,
    /// Of which distribution.
    pub distribution_id: DistributionId,
    /// What is announced.
    pub event_id: EventId,
    /// Where.
    pub channel: Channel,
    /// Whether the channel is really called.
    pub mode: Mode,
    /// Which generation of the delivery.
    pub generation: u32,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Until when a person has time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// It was told before, and their time is soon over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reminder: bool,
}

/// A distribution that has come to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettledNotice {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub distribution_id: DistributionId,
    /// What is announced.
    pub event_id: EventId,
    /// Where it stands.
    pub status: DistributionStatus,
    /// Published outcomes, this one included.
    pub version: u32,
}

impl Subject {
    /// The kind of its notices.
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::Delivery(delivery) => match delivery.status {
                DeliveryStatus::NeedsReview => NoticeKind::NeedsReview,
                DeliveryStatus::ActionRequired => NoticeKind::ActionRequired,
                _ => NoticeKind::DeliveryFailed,
            },
            Self::Settled(_) => NoticeKind::DistributionSettled,
            Self::Breaker { open: true, .. } => NoticeKind::BreakerOpened,
            Self::Breaker { open: false, .. } => NoticeKind::BreakerClosed,
            Self::DeadLetters { .. } => NoticeKind::DeadLetter,
            Self::Relay { .. } => NoticeKind::RelayBehind,
            Self::Endpoint { .. } => NoticeKind::EndpointDisabled,
            Self::Token(_) => NoticeKind::TokenExpiring,
            Self::Overdue { .. } => NoticeKind::DeliveriesOverdue,
        }
    }

    /// Whose business it is; `None` where it is no one tenant's.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Delivery(delivery) => Some(&delivery.tenant),
            Self::Settled(settled) => Some(&settled.tenant),
            Self::Token(token) => token.tenant.as_ref(),
            Self::Breaker { tenant, .. } => tenant.as_ref(),
            _ => None,
        }
    }

    /// Whether it is this tenant's business. A channel that is not called holds up
    /// what everybody has for it; the rest is the operator's alone.
    pub fn concerns(&self, tenant: &TenantId) -> bool {
        matches!(self, Self::Breaker { tenant: None, .. }) || self.tenant() == Some(tenant)
    }
}

impl Notice {
    /// What follows from a record: each of its deliveries that has come to where a
    /// person should know, and the outcome, where one is published.
    pub fn of_record(event: &EventId, record: &Record) -> Vec<Self> {
        let told = |delivery: &&Delivery| is_told(delivery, record);
        let deliveries = record.deliveries.iter().filter(told);
        let settled = record.publish.then(|| Self::settled(event, record));
        deliveries
            .map(|delivery| Self::of_delivery(event, record, delivery))
            .chain(settled)
            .collect()
    }

    fn of_delivery(event: &EventId, record: &Record, delivery: &Delivery) -> Self {
        let mut transitions = record.history.transitions.iter();
        let stays = transitions.any(|one| one.channel == Some(delivery.channel) && one.stays());
        let reminder = stays && delivery.status == DeliveryStatus::ActionRequired;
        let subject = Subject::Delivery(Box::new(DeliveryNotice {
            tenant: record.tenant.clone(),
            distribution_id: record.id,
            event_id: event.clone(),
            channel: delivery.channel,
            mode: delivery.mode,
            generation: delivery.generation,
            status: delivery.status,
            failure: delivery.failure.clone(),
            until: delivery
                .next_attempt_at
                .filter(|_| delivery.status == DeliveryStatus::ActionRequired),
            reminder,
        }));
        let (channel, kind) = (delivery.channel.name(), subject.kind().name());
        let again = if reminder { "/reminder" } else { "" };
        let name = format!("{kind}/{channel}.{}{again}", delivery.generation);
        Self {
            id: Uuid::new_v5(&record.id.0, name.as_bytes()),
            at: record.history.at,
            subject,
        }
    }

    fn settled(event: &EventId, record: &Record) -> Self {
        let name = format!("{}/{}", NoticeKind::DistributionSettled.name(), record.version);
        Self {
            id: Uuid::new_v5(&record.id.0, name.as_bytes()),
            at: record.history.at,
            subject: Subject::Settled(SettledNotice {
                tenant: record.tenant.clone(),
                distribution_id: record.id,
                event_id: event.clone(),
                status: record.status,
                version: record.version,
            }),
        }
    }

    /// One that concerns the service: the same subject of the same time is the
    /// same notice.
    pub fn of_service(subject: Subject, at: Timestamp) -> Self {
        let of = match &subject {
            Subject::Overdue { channel, .. } => channel.name().to_owned(),
            Subject::Endpoint { name, .. } => name.clone(),
            Subject::Breaker { tenant, channel, .. } | Subject::Token(TokenNotice { tenant, channel, .. }) => {
                match tenant {
                    Some(tenant) => format!("{channel}/{tenant}"),
                    None => channel.name().to_owned(),
                }
            }
            _ => String::new(),
        };
        let name = format!("{}/{of}/{}", subject.kind().name(), at.as_microsecond());
        Self {
            id: Uuid::new_v5(&SERVICE, name.as_bytes()),
            at,
            subject,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> NoticeKind {
        self.subject.kind()
    }
}

/// It has just come there, and does not only stand there still.
fn is_told(delivery: &Delivery, record: &Record) -> bool {
    let status = delivery.status;
    let matters = matches!(
        status,
        DeliveryStatus::Failed | DeliveryStatus::NeedsReview | DeliveryStatus::ActionRequired
    ) || delivery.has_stayed();
    let came = |to: &str, channel: Option<Channel>| channel == Some(delivery.channel) && to == status.name();
    let mut transitions = record.history.transitions.iter();
    matters && transitions.any(|transition| came(&transition.to, transition.channel))
}

/// Who is told what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The endpoint's name.
    pub endpoint: String,
    /// What it is told.
    pub kinds: BTreeSet<NoticeKind>,
    /// Only what concerns this tenant ([`Subject::concerns`]); everything where there
    /// is none.
    pub tenant: Option<TenantId>,
}

impl Subscription {
    /// Whether it is told this. That it was disabled, it is not told itself.
    pub fn wants(&self, notice: &Notice) -> bool {
        let concerns = self.tenant.as_ref().is_none_or(|own| notice.subject.concerns(own));
        let itself = matches!(&notice.subject, Subject::Endpoint { name, .. } if *name == self.endpoint);
        self.kinds.contains(&notice.kind()) && concerns && !itself
    }
}

/// The endpoints that are told it.
pub fn wanting<'s>(subscriptions: &'s [Subscription], notice: &Notice) -> impl Iterator<Item = &'s str> {
    let wanting = subscriptions.iter().filter(move |one| one.wants(notice));
    wanting.map(|one| &*one.endpoint)
}

/// Whether anything may be to be told of a record; most records tell nothing, and
/// nothing more is looked for then.
pub fn tells(subscriptions: &[Subscription], record: &Record) -> bool {
    let settled = |one: &Subscription| one.kinds.contains(&NoticeKind::DistributionSettled);
    let comes_to_rest = || record.publish && subscriptions.iter().any(settled);
    let is_told = |delivery| is_told(delivery, record);
    !subscriptions.is_empty() && (record.deliveries.iter().any(is_told) || comes_to_rest())
}

/// What is to be told of a record, and which endpoint is.
pub fn to_tell<'s>(subscriptions: &'s [Subscription], event: &EventId, record: &Record) -> Vec<(&'s str, Notice)> {
    if !tells(subscriptions, record) {
        return Vec::new();
    }
    let notices = Notice::of_record(event, record).into_iter();
    notices
        .flat_map(|notice| {
            let wanting = wanting(subscriptions, &notice);
            let pairs: Vec<_> = wanting.map(|endpoint| (endpoint, notice.clone())).collect();
            pairs
        })
        .collect()
}
