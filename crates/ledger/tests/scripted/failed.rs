//! The scripted store has nothing to redrive, and counts nothing that was spent.

use async_trait::async_trait;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};
use fanfare_core::spend::{Spend, Spent};
use fanfare_ledger::{FailedDeliveries, Spending, StoreError};

use crate::Scripted;

#[async_trait]
impl FailedDeliveries for Scripted {
    async fn failed(
        &self,
        _: &TenantId,
        _: &RedriveFilter,
        _: DeliveryStatus,
        _: Option<DistributionId>,
        _: usize,
    ) -> Result<Vec<FailedDelivery>, StoreError> {
        Err(StoreError::Closed)
    }
}

#[async_trait]
impl Spending for Scripted {
    async fn spent(&self, _: &TenantId, _: &[Spend]) -> Result<Vec<Spent>, StoreError> {
        Err(StoreError::Closed)
    }
}
