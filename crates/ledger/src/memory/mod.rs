//! Distributions kept in memory: for tests, and for the deterministic
//! simulation, which uses [`Memory`] without async.
//!
//! It behaves as the `SQLite` store does, and the same suite says so. Nothing
//! here fails and nothing survives the process. No hash order: the same writes
//! always give the same answers.

mod accept;
mod api_keys;
mod breaker_orders;
mod credentials;
mod delete;
mod failed;
mod notices;
mod open_work;
mod outbox;
mod read;
mod record;
mod sending_orders;
mod spending;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use fanfare_core::api_key::{ApiKey, KeyHash};
use fanfare_core::attempt::{Attempt, Evidence};
use fanfare_core::channel::Channel;
use fanfare_core::credential::Credential;
use fanfare_core::distribution::Distribution;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::request::RequestHash;
use fanfare_core::resilience::breaker::BreakerOrder;
use fanfare_core::sending::SendingOrder;
use fanfare_core::spend::Spend;
use fanfare_core::write::{Adopted, Write, Written};
use jiff::Timestamp;

use crate::store::{Filter, JournalEntry, Store, StoreError};

/// The store itself, without async. A clone is a snapshot.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    rows: BTreeMap<(TenantId, DistributionId), Row>,
    events: BTreeMap<(TenantId, EventId), BTreeSet<DistributionId>>,
    claims: BTreeMap<(TenantId, EventId, Channel), DistributionId>,
    keys: BTreeMap<(TenantId, IdempotencyKey), Key>,
    journal: BTreeMap<u64, Published>,
    evidence: Vec<Evidence>,
    spends: BTreeMap<(TenantId, DistributionId, Channel), Spend>,
    api_keys: Vec<(KeyHash, ApiKey)>,
    breaker_orders: Vec<BreakerOrder>,
    credentials: BTreeMap<(TenantId, &'static str), Credential>,
    sending_orders: Vec<SendingOrder>,
    notices: notices::NoticeBook,
    incarnations: u64,
}

/// A distribution and what is kept beside it.
#[derive(Debug, Clone)]
struct Row {
    distribution: Distribution,
    owner: Option<Incarnation>,
    due_at: Option<Timestamp>,
    open: bool,
    superseded: Vec<Attempt>,
    history: Vec<HistoryEntry>,
    /// Where each published version stands in the journal.
    positions: BTreeMap<u32, u64>,
}

/// What a client's key stands for.
#[derive(Debug, Clone)]
struct Key {
    hash: RequestHash,
    distribution: DistributionId,
    accepted_at: Timestamp,
}

/// An entry of the journal; without a body it says what the rows say.
#[derive(Debug, Clone)]
struct Published {
    tenant: TenantId,
    distribution: DistributionId,
    version: u32,
    created_at: Timestamp,
    body: Option<DistributionCompleted>,
    fate: outbox::Relayed,
}

impl Memory {
    /// Begins a life of a node.
    pub fn begin_incarnation(&mut self) -> Incarnation {
        self.incarnations += 1;
        Incarnation(self.incarnations)
    }

    /// Writes all of it and answers each write, in order.
    pub fn apply(&mut self, batch: &[Write]) -> Vec<Written> {
        batch
            .iter()
            .map(|write| match write {
                Write::Accept(acceptance) => self.accept(acceptance),
                Write::Record(record) => self.record(record),
                Write::Evidence(evidence) => self.note(evidence),
            })
            .collect()
    }

    fn note(&mut self, evidence: &Evidence) -> Written {
        let known = |known: &Evidence| {
            let name = |e: &Evidence| (e.distribution, e.channel, e.generation, e.attempt, e.token);
            known.tenant == evidence.tenant && name(known) == name(evidence)
        };
        if !self.evidence.iter().any(known) {
            self.evidence.push(evidence.clone());
        }
        Written::Noted {
            channel: evidence.channel,
            generation: evidence.generation,
            attempt: evidence.attempt,
        }
    }

    /// What was heard too late; see [`Store::evidence`].
    pub fn evidence(&self, tenant: &TenantId, id: DistributionId) -> Vec<Evidence> {
        let own = |evidence: &&Evidence| evidence.tenant == *tenant && evidence.distribution == id;
        self.evidence.iter().filter(own).cloned().collect()
    }

    /// Takes over open work; see [`Store::adopt`].
    pub fn adopt(&mut self, token: Incarnation, due_by: Timestamp, limit: usize) -> Vec<Adopted> {
        self.adopt_from(token, due_by, limit, |owner| owner < token)
    }

    /// The same where several nodes live at once, and `is_free` says of which
    /// owners work may be taken.
    pub fn adopt_from(
        &mut self,
        token: Incarnation,
        due_by: Timestamp,
        limit: usize,
        is_free: impl Fn(Incarnation) -> bool,
    ) -> Vec<Adopted> {
        let adoptable = |row: &Row| row.open && row.owner.is_none_or(&is_free);
        let mut due: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| adoptable(row))
            .filter_map(|(key, row)| Some((row.due_at?, key.clone())))
            .filter(|(due_at, _)| *due_at <= due_by)
            .collect();
        due.sort();
        due.truncate(limit);
        due.iter()
            .filter_map(|(_, (tenant, id))| self.take(token, tenant, *id))
            .collect()
    }

    /// Open work of this life that is due; see [`Store::owned`].
    pub fn owned(&self, token: Incarnation, due_by: Timestamp, limit: usize) -> Vec<(TenantId, DistributionId)> {
        let own = self.rows.iter().filter(|(_, row)| row.open && row.owner == Some(token));
        let due = own.filter_map(|(key, row)| Some((row.due_at.filter(|due_at| *due_at <= due_by)?, key.clone())));
        let mut due: Vec<_> = due.collect();
        due.sort();
        due.truncate(limit);
        due.into_iter().map(|(_, key)| key).collect()
    }

    /// Takes over this one; see [`Store::adopt_one`].
    pub fn adopt_one(&mut self, token: Incarnation, tenant: &TenantId, id: DistributionId) -> Option<Adopted> {
        let row = self.rows.get(&(tenant.clone(), id))?;
        if row.owner.is_some_and(|owner| owner > token) {
            return None;
        }
        self.take(token, tenant, id)
    }

    /// Whose it is now.
    pub fn owner(&self, tenant: &TenantId, id: DistributionId) -> Option<Incarnation> {
        self.rows.get(&(tenant.clone(), id))?.owner
    }

    /// Takes over this one, whoever has it.
    pub fn take(&mut self, token: Incarnation, tenant: &TenantId, id: DistributionId) -> Option<Adopted> {
        let row = self.rows.get_mut(&(tenant.clone(), id))?;
        row.owner = Some(token);
        let distribution = row.distribution.clone();
        let others = self.others_of(&distribution);
        Some(Adopted { distribution, others })
    }

    /// Forgets idempotency keys of distributions accepted before that time.
    pub fn expire_keys(&mut self, accepted_before: Timestamp) -> u64 {
        let before = self.keys.len();
        self.keys.retain(|_, key| key.accepted_at >= accepted_before);
        u64::try_from(before - self.keys.len()).unwrap_or(u64::MAX)
    }
}

/// [`Memory`] behind the trait that every store has.
#[derive(Debug, Default)]
pub struct MemoryStore {
    memory: Mutex<Memory>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The store itself. Hold it briefly: everybody else waits.
    pub fn lock(&self) -> MutexGuard<'_, Memory> {
        // Whoever panicked did so between two writes or while reading.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin_incarnation(&self, _now: Timestamp) -> Result<Incarnation, StoreError> {
        Ok(self.lock().begin_incarnation())
    }

    async fn renew(&self, _token: Incarnation) -> Result<Option<NonZeroU32>, StoreError> {
        Ok(Some(NonZeroU32::MIN))
    }

    async fn end_incarnation(&self, _token: Incarnation) -> Result<(), StoreError> {
        Ok(())
    }

    async fn commit(&self, batch: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        Ok(self.lock().apply(&batch))
    }

    async fn adopt(&self, token: Incarnation, due_by: Timestamp, limit: usize) -> Result<Vec<Adopted>, StoreError> {
        Ok(self.lock().adopt(token, due_by, limit))
    }

    async fn owned(
        &self,
        token: Incarnation,
        due_by: Timestamp,
        limit: usize,
    ) -> Result<Vec<(TenantId, DistributionId)>, StoreError> {
        Ok(self.lock().owned(token, due_by, limit))
    }

    async fn adopt_one(
        &self,
        token: Incarnation,
        tenant: &TenantId,
        id: DistributionId,
    ) -> Result<Option<Adopted>, StoreError> {
        Ok(self.lock().adopt_one(token, tenant, id))
    }

    async fn expire_keys(&self, accepted_before: Timestamp) -> Result<u64, StoreError> {
        Ok(self.lock().expire_keys(accepted_before))
    }

    async fn delete_closed(
        &self,
        accepted_before: Timestamp,
        unpublished_stay: bool,
        limit: usize,
    ) -> Result<u64, StoreError> {
        Ok(self.lock().delete_closed(accepted_before, unpublished_stay, limit))
    }

    async fn history_numbers(
        &self,
        ids: &[(TenantId, DistributionId)],
    ) -> Result<Vec<(DistributionId, u32)>, StoreError> {
        Ok(self.lock().history_numbers(ids))
    }

    async fn distribution(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Distribution>, StoreError> {
        Ok(self.lock().distribution(tenant, id))
    }

    async fn distribution_of_key(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        accepted_after: Timestamp,
    ) -> Result<Option<Distribution>, StoreError> {
        Ok(self.lock().distribution_of_key(tenant, key, accepted_after))
    }

    async fn newest_of_event(&self, tenant: &TenantId, event: &EventId) -> Result<Option<Adopted>, StoreError> {
        Ok(self.lock().newest_of_event(tenant, event))
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        before: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<Distribution>, StoreError> {
        Ok(self.lock().list(tenant, filter, before, limit))
    }

    async fn attempts(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<Attempt>>, StoreError> {
        Ok(self.lock().attempts(tenant, id))
    }

    async fn evidence(&self, tenant: &TenantId, id: DistributionId) -> Result<Vec<Evidence>, StoreError> {
        Ok(self.lock().evidence(tenant, id))
    }

    async fn history(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        Ok(self.lock().history(tenant, id))
    }

    async fn events(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.lock().events(tenant, after, limit)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
