//! The scripted store keeps no notices.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::ids::Incarnation;
use fanfare_core::notice::sending::EndpointHealth;
use fanfare_core::notice::{Notice, Subscription};
use fanfare_ledger::StoreError;
use fanfare_ledger::notices::{DueNotice, Endpoint, Noted, Notices};
use jiff::Timestamp;

use crate::Scripted;

#[async_trait]
impl Notices for Scripted {
    fn subscribe(&self, _: Arc<[Subscription]>) {}

    async fn configure_endpoints(&self, _: &[(String, String)]) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn hold_endpoint(
        &self,
        _: &str,
        _: Incarnation,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn release_endpoint(&self, _: &str, _: Incarnation) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn enable_endpoint(&self, _: &str) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn due_notices(&self, _: &str, _: Timestamp, _: usize) -> Result<Vec<DueNotice>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn note_sending(&self, _: &str, _: &Noted) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn raise_alarm(&self, _: &str, _: u64, _: &Notice) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn clear_alarm(&self, _: &str, _: Timestamp, _: Option<&Notice>) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn forget_notices(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }
}
