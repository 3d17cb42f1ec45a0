//! Says what was spent: for those who ask before they send. What may be spent is
//! checked where it is accepted (`fanfare_core::spend`).

use async_trait::async_trait;
use fanfare_core::ids::TenantId;
use fanfare_core::spend::{Spend, Spent};

use crate::store::StoreError;

/// Says what was spent.
#[async_trait]
pub trait Spending: Send + Sync + 'static {
    /// What the tenant has spent where each of these would spend: for its event, and
    /// in its month, on its channel. In their order.
    async fn spent(&self, tenant: &TenantId, spends: &[Spend]) -> Result<Vec<Spent>, StoreError>;
}
