//! Reading what is kept in memory.

use fanfare_core::attempt::Attempt;
use fanfare_core::distribution::Distribution;
use fanfare_core::event::{DistributionCompleted, event_uuid};
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, TenantId};
use fanfare_core::write::{Adopted, OTHERS_LIMIT};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Memory, Published, Row};
use crate::store::{Filter, JournalEntry, StoreError};

impl Memory {
    /// One distribution.
    pub fn distribution(&self, tenant: &TenantId, id: DistributionId) -> Option<Distribution> {
        self.row(tenant, id).map(|row| row.distribution.clone())
    }

    /// What was accepted with this key, unless that is longer ago.
    pub fn distribution_of_key(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        accepted_after: Timestamp,
    ) -> Option<Distribution> {
        let known = self.keys.get(&(tenant.clone(), key.clone()))?;
        let fresh = known.accepted_at > accepted_after;
        fresh.then(|| self.distribution(tenant, known.distribution))?
    }

    /// The newest distribution of an event, and the others of the same event.
    pub fn newest_of_event(&self, tenant: &TenantId, event: &EventId) -> Option<Adopted> {
        let ids = self.events.get(&(tenant.clone(), event.clone()))?;
        let distribution = self.distribution(tenant, *ids.last()?)?;
        let others = self.others_of(&distribution);
        Some(Adopted { distribution, others })
    }

    /// Distributions newest first, those before `before` only.
    pub fn list(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        before: Option<DistributionId>,
        limit: usize,
    ) -> Vec<Distribution> {
        let first = (tenant.clone(), DistributionId(Uuid::nil()));
        let end = (tenant.clone(), before.unwrap_or(DistributionId(Uuid::max())));
        self.rows
            .range(first..end)
            .rev()
            .map(|(_, row)| &row.distribution)
            .filter(|distribution| filter.matches(distribution))
            .take(limit)
            .cloned()
            .collect()
    }

    /// How far the histories of these are.
    pub fn history_numbers(&self, ids: &[(TenantId, DistributionId)]) -> Vec<(DistributionId, u32)> {
        let number = |(tenant, id): &(TenantId, DistributionId)| {
            let row = self.row(tenant, *id)?;
            Some((*id, row.distribution.history_number))
        };
        ids.iter().filter_map(number).collect()
    }

    /// All attempts of a distribution; see `Store::attempts`.
    pub fn attempts(&self, tenant: &TenantId, id: DistributionId) -> Option<Vec<Attempt>> {
        let row = self.row(tenant, id)?;
        let of_channel = |delivery| {
            let current: Option<Attempt> = Attempt::current(delivery);
            let mut attempts: Vec<Attempt> = row
                .superseded
                .iter()
                .filter(|attempt| attempt.channel == delivery.channel)
                .cloned()
                .collect();
            attempts.sort_by_key(|attempt| (attempt.generation, attempt.attempt));
            attempts.extend(current);
            attempts
        };
        let deliveries = row.distribution.deliveries.iter();
        Some(deliveries.flat_map(of_channel).collect())
    }

    /// Its history, oldest first.
    pub fn history(&self, tenant: &TenantId, id: DistributionId) -> Option<Vec<HistoryEntry>> {
        self.row(tenant, id).map(|row| row.history.clone())
    }

    /// The journal of published outcomes, oldest first, those after the position only.
    pub fn events(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.journal
            .range(after.saturating_add(1)..)
            .filter(|(_, published)| published.tenant == *tenant)
            .take(limit)
            .map(|(position, published)| self.entry(*position, published))
            .collect()
    }

    pub(super) fn entry(&self, position: u64, published: &Published) -> Result<JournalEntry, StoreError> {
        let rendered = || {
            let row = self.row(&published.tenant, published.distribution)?;
            let current = row.distribution.version == published.version;
            DistributionCompleted::of(&row.distribution).filter(|_| current)
        };
        let event = published.body.clone().or_else(rendered);
        Ok(JournalEntry {
            position,
            event_uuid: event_uuid(published.distribution, published.version),
            event: event.ok_or_else(|| StoreError::Corrupt {
                what: format!("outbox.body at position {position}"),
            })?,
        })
    }

    fn row(&self, tenant: &TenantId, id: DistributionId) -> Option<&Row> {
        self.rows.get(&(tenant.clone(), id))
    }

    /// The other distributions of the same event, newest first.
    pub(super) fn others_of(&self, distribution: &Distribution) -> Vec<DistributionId> {
        let event = (distribution.tenant.clone(), distribution.event_id.clone());
        let ids = self.events.get(&event).into_iter().flatten().rev();
        ids.filter(|id| **id != distribution.id)
            .take(OTHERS_LIMIT)
            .copied()
            .collect()
    }
}

impl Filter {
    fn matches(&self, distribution: &Distribution) -> bool {
        let delivery_matches = || {
            distribution.deliveries.iter().any(|delivery| {
                self.channel.is_none_or(|channel| delivery.channel == channel)
                    && self.channel_status.is_none_or(|status| delivery.status == status)
            })
        };
        let wants = |wanted: bool, test: bool| !wanted || test;
        let accepted_at = distribution.accepted_at;
        self.event_id
            .as_ref()
            .is_none_or(|event| *event == distribution.event_id)
            && self.status.is_none_or(|s| distribution.status == s)
            && self.from.is_none_or(|from| accepted_at >= from)
            && self.until.is_none_or(|until| accepted_at < until)
            && wants(
                self.channel.is_some() || self.channel_status.is_some(),
                delivery_matches(),
            )
    }
}
