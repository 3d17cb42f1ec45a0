//! Deleting closed distributions from memory, with all that is kept of them but notices: those
//! are forgotten by their own age, which is no longer (`Notices::forget_notices`).

use fanfare_core::ids::{DistributionId, TenantId};
use jiff::Timestamp;

use super::Memory;

impl Memory {
    /// Deletes closed distributions; see [`Store::delete_closed`](crate::Store::delete_closed).
    pub fn delete_closed(&mut self, accepted_before: Timestamp, unpublished_stay: bool, limit: usize) -> u64 {
        let mut old: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| !row.open && row.distribution.accepted_at < accepted_before)
            .filter(|(_, row)| !unpublished_stay || self.is_published(row))
            .map(|(key, row)| (row.distribution.accepted_at, key.clone()))
            .collect();
        old.sort();
        old.truncate(limit);
        for (_, (tenant, id)) in &old {
            self.delete(tenant, *id);
        }
        u64::try_from(old.len()).unwrap_or(u64::MAX)
    }

    fn delete(&mut self, tenant: &TenantId, id: DistributionId) {
        let Some(row) = self.rows.remove(&(tenant.clone(), id)) else {
            return;
        };
        let event = (tenant.clone(), row.distribution.event_id.clone());
        if let Some(ids) = self.events.get_mut(&event) {
            ids.remove(&id);
            if ids.is_empty() {
                self.events.remove(&event);
            }
        }
        self.claims.retain(|_, holder| *holder != id);
        self.keys.retain(|_, key| key.distribution != id);
        self.journal.retain(|_, published| published.distribution != id);
        self.spends.retain(|(of, spent, _), _| of != tenant || *spent != id);
        self.evidence.retain(|evidence| evidence.distribution != id);
    }
}
