//! The scripted store has nothing to redrive.

use async_trait::async_trait;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};
use fanfare_ledger::{FailedDeliveries, StoreError};

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
