//! What stands open in the store, counted: for those who watch the service.
//!
//! It is the state of all nodes together; nothing is decided by it.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use jiff::Timestamp;

use crate::store::StoreError;

/// The names of the statuses that stand open no more, for the stores' statements.
pub(crate) fn closed_names() -> Vec<&'static str> {
    let closed = DeliveryStatus::ALL.into_iter().filter(|status| status.closed());
    closed.map(DeliveryStatus::name).collect()
}

/// Counts open deliveries.
#[async_trait]
pub trait OpenWork: Send + Sync + 'static {
    /// The deliveries of all tenants that are not closed, by channel, status and
    /// code, in no particular order. Every open one is read: ask seldom.
    async fn open_work(&self) -> Result<Vec<OpenDeliveries>, StoreError>;
}

/// Deliveries of one channel that stand alike, for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDeliveries {
    /// Of this channel.
    pub channel: Channel,
    /// Where they stand; never closed.
    pub status: DeliveryStatus,
    /// Why, where there is a reason.
    pub code: Option<String>,
    /// How many.
    pub count: u64,
    /// The earliest time at which one of them is due (`next_attempt_at`), or,
    /// where it waits for no time, at which it came to stand so.
    pub oldest: Timestamp,
}
