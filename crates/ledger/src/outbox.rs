//! What the relay asks of a store: which published outcomes still have to go to
//! Kafka and to a shared cache, and what became of them.
//!
//! Rows are put there by the commit that publishes (`Record::publish`), never
//! here. An event's outcomes lie in one partition ([`partition_of`]), and one
//! node relays a partition at a time: so their order is kept without a counter.
//! A row may be published twice, always under its one id; none is forgotten.

use async_trait::async_trait;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::ids::{EventId, Incarnation, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::StoreError;

/// A share of the events, by the hash of their ids; below [`PARTITIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

/// Into so many shares the events are divided; more nodes than that do not
/// relay faster. Stored rows depend on it: it never changes.
pub const PARTITIONS: u16 = 16;

/// Where an event's outcomes lie: FNV-1a of the tenant, a zero byte and the
/// event, modulo [`PARTITIONS`]. Stored rows depend on it: it never changes.
pub fn partition_of(tenant: &TenantId, event: &EventId) -> Partition {
    let bytes = tenant.as_str().bytes().chain([0]).chain(event.as_str().bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let partition = hash % u32::from(PARTITIONS);
    // It is below 16.
    Partition(u16::try_from(partition).unwrap_or_default())
}

/// The outbox as the relay sees it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// The partitions that this life relays: an equal share among the lives
    /// that are not over. Asked every few seconds: what is free, or a life that
    /// is over had, is taken; what is more than the share is given up.
    async fn claim_partitions(&self, token: Incarnation) -> Result<Vec<Partition>, StoreError>;

    /// Entries that still lack the mark, of all tenants, oldest first, in these
    /// partitions, those after the position only; dead letters left out where
    /// they lack Kafka's acknowledgement.
    async fn unmarked(
        &self,
        lacking: MarkKind,
        partitions: &[Partition],
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Notes what became of entries.
    async fn mark(&self, marks: &[Mark], at: Timestamp) -> Result<(), StoreError>;

    /// How much still has to be published.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// The tenant's dead letters, oldest first, those after the position only.
    async fn dead_letters(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;

    /// Has these published again, under the ids that they have; says how many.
    /// What is on its way already is not among them.
    async fn replay(&self, tenant: &TenantId, which: &Replay) -> Result<u64, StoreError>;
}

/// What an entry may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// Kafka has acknowledged it.
    Published,
    /// The cache holds its outcome, or a newer one.
    Cached,
}

/// An outcome on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Whose.
    pub tenant: TenantId,
    /// Where it stands in the journal.
    pub position: u64,
    /// The one id of this distribution and version.
    pub event_uuid: Uuid,
    /// What it says.
    pub event: DistributionCompleted,
    /// How often Kafka has refused it.
    pub refusals: u32,
}

impl OutboxEntry {
    /// Says what became of it.
    pub fn mark(&self, fate: Fate) -> Mark {
        Mark {
            tenant: self.tenant.clone(),
            position: self.position,
            fate,
        }
    }
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose entry.
    pub tenant: TenantId,
    /// Which entry.
    pub position: u64,
    /// What is new.
    pub fate: Fate,
}

/// What is new of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Kafka has acknowledged it.
    Published,
    /// The cache holds it.
    Cached,
    /// Kafka has acknowledged it and the cache holds it.
    PublishedAndCached,
    /// Kafka has refused it, for a reason that waiting does not cure.
    Refused {
        /// In Kafka's words.
        reason: String,
        /// It is not tried again before a person says so.
        dead: bool,
    },
}

/// What still has to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Entries without Kafka's acknowledgement, dead letters left out.
    pub unpublished: u64,
    /// When the oldest of them was put there.
    pub oldest: Option<Timestamp>,
    /// Dead letters.
    pub dead: u64,
}

/// An entry that Kafka keeps refusing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The entry.
    pub entry: OutboxEntry,
    /// Kafka's last words.
    pub reason: String,
    /// Since when.
    pub dead_at: Timestamp,
}

/// Which entries to publish again; every given condition must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// Put there at or after.
    pub since: Option<Timestamp>,
    /// Of this event.
    pub event_id: Option<EventId>,
    /// Dead letters only; otherwise they are among the others.
    pub dead_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_its_partition() {
        let partition = |tenant: &str, event: &str| partition_of(&TenantId::new(tenant), &EventId::new(event)).0;
        // Stored rows depend on these.
        assert_eq!(partition("default", "evt-1"), 5);
        assert_eq!(partition("default", "evt-2"), 12);
        let all: std::collections::BTreeSet<_> = (0..1_000)
            .map(|number| partition("default", &format!("evt-{number}")))
            .collect();
        assert_eq!(all.len(), usize::from(PARTITIONS), "every partition has events");
    }
}
