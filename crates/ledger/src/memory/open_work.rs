//! Counts what stands open.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Memory, MemoryStore};
use crate::open_work::{OpenDeliveries, OpenWork};
use crate::store::StoreError;

impl Memory {
    /// See [`OpenWork::open_work`].
    pub fn open_work(&self) -> Vec<OpenDeliveries> {
        let mut found: BTreeMap<_, OpenDeliveries> = BTreeMap::new();
        let deliveries = self.rows.values().flat_map(|row| &row.distribution.deliveries);
        for delivery in deliveries.filter(|delivery| !delivery.status.closed()) {
            let code = delivery.failure.as_ref().map(|failure| failure.code.to_string());
            let since = delivery.next_attempt_at.unwrap_or(delivery.updated_at);
            let alike = found.entry((delivery.channel.index(), delivery.status, code.clone()));
            let alike = alike.or_insert(OpenDeliveries {
                channel: delivery.channel,
                status: delivery.status,
                code,
                count: 0,
                oldest: since,
            });
            alike.count += 1;
            alike.oldest = alike.oldest.min(since);
        }
        found.into_values().collect()
    }
}

#[async_trait]
impl OpenWork for MemoryStore {
    async fn open_work(&self) -> Result<Vec<OpenDeliveries>, StoreError> {
        Ok(self.lock().open_work())
    }
}
