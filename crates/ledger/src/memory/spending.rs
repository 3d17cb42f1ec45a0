//! What was spent, in memory.

use async_trait::async_trait;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::spend::{Overspend, Spend, Spent};
use uuid::Uuid;

use super::{Memory, MemoryStore};
use crate::spending::Spending;
use crate::store::StoreError;

impl Memory {
    /// What others than this distribution have spent where it would.
    fn spent_beside(&self, tenant: &TenantId, own: DistributionId, spend: &Spend) -> Spent {
        let (from, until) = spend.month();
        let mut sum = Spent::default();
        for ((of, id, _), other) in &self.spends {
            let row = self.rows.get(&(tenant.clone(), *id));
            let delivery = row.and_then(|row| row.distribution.delivery(spend.channel));
            let counts = delivery.is_some_and(|delivery| !delivery.status.came_to_nothing());
            if of != tenant || *id == own || other.channel != spend.channel || !counts {
                continue;
            }
            if other.event_id == spend.event_id {
                sum.on_event += other.cost;
            }
            if (from..until).contains(&other.at) {
                sum.in_month += other.cost;
            }
        }
        sum
    }

    /// Where it would go beyond a cap.
    pub(super) fn overspent(&self, tenant: &TenantId, own: DistributionId, spends: &[Spend]) -> Vec<Overspend> {
        let over = |spend: &Spend| spend.exceeds(self.spent_beside(tenant, own, spend));
        spends.iter().filter_map(over).collect()
    }

    pub(super) fn keep_spends(&mut self, tenant: &TenantId, own: DistributionId, spends: &[Spend]) {
        for spend in spends {
            let key = (tenant.clone(), own, spend.channel);
            self.spends.insert(key, spend.clone());
        }
    }
}

#[async_trait]
impl Spending for MemoryStore {
    async fn spent(&self, tenant: &TenantId, spends: &[Spend]) -> Result<Vec<Spent>, StoreError> {
        let (memory, nobody) = (self.lock(), DistributionId(Uuid::nil()));
        let spent = spends.iter().map(|spend| memory.spent_beside(tenant, nobody, spend));
        Ok(spent.collect())
    }
}
