//! What every store can do, whatever is behind it.
//!
//! The suite in `suite.rs` says what must be true of all of them. Writing comes
//! only from the group commit (`group_commit.rs`); everybody may read.

use std::num::NonZeroU32;

use async_trait::async_trait;
use fanfare_core::attempt::{Attempt, Evidence};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::event::DistributionCompleted;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::write::{Adopted, Write, Written};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::api_keys::ApiKeys;
use crate::breaker_orders::BreakerOrders;
use crate::credentials::Credentials;
use crate::failed::FailedDeliveries;
use crate::notices::Notices;
use crate::open_work::OpenWork;
use crate::outbox::Outbox;
use crate::sending_orders::SendingOrders;
use crate::spending::Spending;

/// How long an idempotency key is known, from the acceptance of its request.
pub const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Where distributions are kept.
#[async_trait]
pub trait Store:
    ApiKeys + BreakerOrders + Credentials + FailedDeliveries + Notices + OpenWork + Outbox + SendingOrders + Spending
{
    /// Begins a life of this node; its token outranks all earlier ones.
    async fn begin_incarnation(&self, now: Timestamp) -> Result<Incarnation, StoreError>;

    /// A sign of life, by the store's own clock. Says how many lives go on, this one
    /// among them. `None`: this life was taken for over, and what it owned is
    /// others'; it never lives again.
    async fn renew(&self, token: Incarnation) -> Result<Option<NonZeroU32>, StoreError>;

    /// What time it is by the clock that nodes share; `None` where one node has
    /// the store for itself.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// Ends a life that stops by itself: what it owns is free at once.
    async fn end_incarnation(&self, token: Incarnation) -> Result<(), StoreError>;

    /// How many commits it does well at once. A distribution's writes are never
    /// in two of them.
    fn writers(&self) -> usize {
        1
    }

    /// Writes all of it in one transaction and answers each write, in order.
    /// On an error nothing was acknowledged; a write that is given again after
    /// one is recognised as its own and not written twice.
    async fn commit(&self, batch: Vec<Write>) -> Result<Vec<Written>, StoreError>;

    /// Takes over open work that is due by `due_by` and belongs to nobody or to
    /// a life that is over, oldest first. A store that several nodes share ends,
    /// before that, lives that have not been renewed for the lease; a store of
    /// one node takes every earlier life for over. What can't be read is passed over, and
    /// logged: it must not keep the rest from going on.
    async fn adopt(&self, token: Incarnation, due_by: Timestamp, limit: usize) -> Result<Vec<Adopted>, StoreError>;

    /// Open work that this life owns already and that was due by then, oldest first: what of
    /// it the node does not have in memory was taken over, or accepted, without its hearing
    /// of it.
    async fn owned(
        &self,
        token: Incarnation,
        due_by: Timestamp,
        limit: usize,
    ) -> Result<Vec<(TenantId, DistributionId)>, StoreError>;

    /// Takes over this one, open or closed, due or not, for what a person asks
    /// of it; `None` where there is none, another life owns it that is not over, or it can't
    /// be read.
    async fn adopt_one(
        &self,
        token: Incarnation,
        tenant: &TenantId,
        id: DistributionId,
    ) -> Result<Option<Adopted>, StoreError>;

    /// Forgets idempotency keys of distributions accepted before that time.
    async fn expire_keys(&self, accepted_before: Timestamp) -> Result<u64, StoreError>;

    /// Deletes closed distributions that were accepted before that time, oldest
    /// first and at most so many, with all that is kept of them but notices, which
    /// are forgotten by their own age ([`Notices::forget_notices`]). Not those with
    /// an outcome that still has to be published, where outcomes are
    /// (`unpublished_stay`).
    async fn delete_closed(
        &self,
        accepted_before: Timestamp,
        unpublished_stay: bool,
        limit: usize,
    ) -> Result<u64, StoreError>;

    /// How far the histories of these are; those that are not there are left out.
    async fn history_numbers(
        &self,
        ids: &[(TenantId, DistributionId)],
    ) -> Result<Vec<(DistributionId, u32)>, StoreError>;

    /// One distribution.
    async fn distribution(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Distribution>, StoreError>;

    /// What was accepted with this key, unless that is longer ago.
    async fn distribution_of_key(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        accepted_after: Timestamp,
    ) -> Result<Option<Distribution>, StoreError>;

    /// The newest distribution of an event, and the others of the same event,
    /// newest first, at most `OTHERS_LIMIT`.
    async fn newest_of_event(&self, tenant: &TenantId, event: &EventId) -> Result<Option<Adopted>, StoreError>;

    /// Distributions newest first, those before `before` only.
    async fn list(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        before: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<Distribution>, StoreError>;

    /// All attempts of a distribution, the current ones last of their channel;
    /// by channel in the order of the request, then generation, then attempt.
    async fn attempts(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<Attempt>>, StoreError>;

    /// What was heard of it too late to be recorded, oldest first.
    async fn evidence(&self, tenant: &TenantId, id: DistributionId) -> Result<Vec<Evidence>, StoreError>;

    /// Its history, oldest first.
    async fn history(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<HistoryEntry>>, StoreError>;

    /// The journal of published outcomes, oldest first, those after the
    /// position only.
    async fn events(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError>;

    /// Whether it can be written; for readiness.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Which distributions to list; every given condition must hold.
///
/// `from` and `until` find their place by the time in the ids, which is the
/// time of acceptance (give or take a minute).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this event.
    pub event_id: Option<EventId>,
    /// That stand so.
    pub status: Option<DistributionStatus>,
    /// That go to this channel.
    pub channel: Option<Channel>,
    /// With a delivery that stands so; together with `channel`, that channel's.
    pub channel_status: Option<DeliveryStatus>,
    /// Accepted at or after.
    pub from: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
}

/// A published outcome in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Where it stands in the journal; grows, with gaps.
    pub position: u64,
    /// The one id of this distribution and version.
    pub event_uuid: Uuid,
    /// What it says.
    pub event: DistributionCompleted,
}

/// Why a store could not do it. Nothing of a request's content is in here.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed; waiting may help.
    #[error("the database failed while it was to {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The database's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored cannot be read; waiting does not help.
    #[error("the database holds something that cannot be read: {what}")]
    Corrupt {
        /// Which table and column.
        what: String,
    },
    /// The database's file or schema is not ours to use.
    #[error("{0}")]
    Unusable(String),
    /// The store was shut down.
    #[error("the store was shut down")]
    Closed,
}
