//! What operators have ordered of sending: append-only, so that who and why can
//! be read later.

use async_trait::async_trait;
use fanfare_core::sending::SendingOrder;

use crate::store::StoreError;

/// The orders that a store holds.
#[async_trait]
pub trait SendingOrders: Send + Sync + 'static {
    /// Keeps an order; its number is greater than that of every earlier one.
    async fn keep_sending_order(&self, order: &SendingOrder) -> Result<u64, StoreError>;

    /// The last order of each scope, with its number.
    async fn sending_orders(&self) -> Result<Vec<(u64, SendingOrder)>, StoreError>;
}
