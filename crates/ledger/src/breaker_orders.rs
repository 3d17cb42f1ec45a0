//! What operators have ordered of the channels' breakers: append-only, so that
//! who and why can be read later.

use async_trait::async_trait;
use fanfare_core::resilience::breaker::BreakerOrder;

use crate::store::StoreError;

/// The orders that a store holds.
#[async_trait]
pub trait BreakerOrders: Send + Sync + 'static {
    /// Keeps an order; its number is greater than that of every earlier one.
    async fn keep_breaker_order(&self, order: &BreakerOrder) -> Result<u64, StoreError>;

    /// The last order of each channel, with its number.
    async fn breaker_orders(&self) -> Result<Vec<(u64, BreakerOrder)>, StoreError>;
}
