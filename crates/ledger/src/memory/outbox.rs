//! The outbox in memory: what still has to go to Kafka and to a shared cache.
//!
//! One process has it, so each life relays all partitions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fanfare_core::ids::{Incarnation, TenantId};
use jiff::Timestamp;

use super::{Memory, MemoryStore, Published, Row};
use crate::outbox::{
    Backlog, DeadLetter, Fate, Mark, MarkKind, Outbox, OutboxEntry, PARTITIONS, Partition, Replay, partition_of,
};
use crate::store::StoreError;

/// What became of an entry on its way out.
#[derive(Debug, Clone, Default)]
pub(super) struct Relayed {
    published_at: Option<Timestamp>,
    cached_at: Option<Timestamp>,
    refusals: u32,
    refusal: Option<String>,
    dead_at: Option<Timestamp>,
}

impl Relayed {
    fn lacks(&self, mark: MarkKind) -> bool {
        match mark {
            MarkKind::Published => self.published_at.is_none() && self.dead_at.is_none(),
            MarkKind::Cached => self.cached_at.is_none(),
        }
    }

    fn note(&mut self, fate: &Fate, at: Timestamp) {
        match fate {
            Fate::Published => self.published_at = Some(at),
            Fate::Cached => self.cached_at = Some(at),
            Fate::PublishedAndCached => {
                self.published_at = Some(at);
                self.cached_at = Some(at);
            }
            Fate::Refused { reason, dead } => {
                self.refusals += 1;
                self.refusal = Some(reason.clone());
                self.dead_at = dead.then_some(at);
            }
        }
    }

    fn begin_again(&mut self) {
        let cached_at = self.cached_at;
        *self = Self {
            cached_at,
            ..Self::default()
        };
    }
}

impl Memory {
    /// Entries that still lack the mark; see [`Outbox::unmarked`].
    pub fn unmarked(
        &self,
        lacking: MarkKind,
        partitions: &[Partition],
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let wanted: BTreeSet<_> = partitions.iter().collect();
        self.journal
            .range(after.saturating_add(1)..)
            .filter(|(_, published)| published.fate.lacks(lacking))
            .filter(|(_, published)| self.partition(published).is_some_and(|its| wanted.contains(&its)))
            .take(limit)
            .map(|(position, published)| self.outgoing(*position, published))
            .collect()
    }

    /// Notes what became of entries.
    pub fn mark(&mut self, marks: &[Mark], at: Timestamp) {
        for mark in marks {
            // One that was deleted meanwhile needs no mark.
            if let Some(published) = self.journal.get_mut(&mark.position) {
                published.fate.note(&mark.fate, at);
            }
        }
    }

    /// How much still has to be published.
    pub fn backlog(&self) -> Backlog {
        let unpublished = || {
            let all = self.journal.values();
            all.filter(|published| published.fate.lacks(MarkKind::Published))
        };
        let dead = |published: &&Published| published.fate.dead_at.is_some();
        Backlog {
            unpublished: count(unpublished().count()),
            oldest: unpublished().map(|published| published.created_at).min(),
            dead: count(self.journal.values().filter(dead).count()),
        }
    }

    /// The tenant's dead letters; see [`Outbox::dead_letters`].
    pub fn dead_letters(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let dead = |(position, published): (&u64, &Published)| {
            let dead_at = published.fate.dead_at.filter(|_| published.tenant == *tenant)?;
            Some(self.outgoing(*position, published).map(|entry| DeadLetter {
                entry,
                reason: published.fate.refusal.clone().unwrap_or_default(),
                dead_at,
            }))
        };
        let entries = self.journal.range(after.saturating_add(1)..);
        entries.filter_map(dead).take(limit).collect()
    }

    /// Has these published again; see [`Outbox::replay`].
    pub fn replay(&mut self, tenant: &TenantId, which: &Replay) -> u64 {
        let rows = &self.rows;
        let of_event = |published: &Published| {
            let row = rows.get(&(published.tenant.clone(), published.distribution));
            which
                .event_id
                .as_ref()
                .is_none_or(|event| row.is_some_and(|row| row.distribution.event_id == *event))
        };
        let mut replayed = 0;
        for published in self.journal.values_mut() {
            let fate = &published.fate;
            let over = fate.dead_at.is_some() || (fate.published_at.is_some() && !which.dead_only);
            let asked = which.since.is_none_or(|since| published.created_at >= since) && of_event(published);
            if over && asked && published.tenant == *tenant {
                published.fate.begin_again();
                replayed += 1;
            }
        }
        replayed
    }

    /// Whether all that the row has published is on its way no more.
    pub(super) fn is_published(&self, row: &Row) -> bool {
        let mut entries = row.positions.values().filter_map(|position| self.journal.get(position));
        entries.all(|published| published.fate.published_at.is_some())
    }

    fn partition(&self, published: &Published) -> Option<Partition> {
        let row = self.rows.get(&(published.tenant.clone(), published.distribution))?;
        Some(partition_of(&published.tenant, &row.distribution.event_id))
    }

    fn outgoing(&self, position: u64, published: &Published) -> Result<OutboxEntry, StoreError> {
        let entry = self.entry(position, published)?;
        Ok(OutboxEntry {
            tenant: published.tenant.clone(),
            position,
            event_uuid: entry.event_uuid,
            event: entry.event,
            refusals: published.fate.refusals,
        })
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn claim_partitions(&self, _token: Incarnation) -> Result<Vec<Partition>, StoreError> {
        Ok((0..PARTITIONS).map(Partition).collect())
    }

    async fn unmarked(
        &self,
        lacking: MarkKind,
        partitions: &[Partition],
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.lock().unmarked(lacking, partitions, after, limit)
    }

    async fn mark(&self, marks: &[Mark], at: Timestamp) -> Result<(), StoreError> {
        self.lock().mark(marks, at);
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(self.lock().backlog())
    }

    async fn dead_letters(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.lock().dead_letters(tenant, after, limit)
    }

    async fn replay(&self, tenant: &TenantId, which: &Replay) -> Result<u64, StoreError> {
        Ok(self.lock().replay(tenant, which))
    }
}
