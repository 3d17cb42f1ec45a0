//! The scripted store keeps no notices.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::notice::sending::EndpointHealth;
use fanfare_core::notice::{Notice, Subscription};
use fanfare_ledger::StoreError;
use fanfare_ledger::notices::{DueNotice, Endpoint, EndpointLook, Forgotten, Holder, Noted, Notices};
use jiff::Timestamp;

use crate::Scripted;

#[async_trait]
impl Notices for Scripted {
    fn subscribe(&self, _: Arc<[Subscription]>) {}

    async fn configure_endpoints(&self, _: &[(String, String)], _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn name_endpoints(&self, _: &[(String, String)], _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn forget_endpoints(&self, _: Timestamp) -> Result<Vec<String>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn look_at_endpoint(&self, _: &str, _: Timestamp) -> Result<Option<EndpointLook>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn hold_endpoint(
        &self,
        _: &Holder,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn release_endpoint(&self, _: &Holder) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn enable_endpoint(&self, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn due_notices(&self, _: &str, _: Timestamp, _: usize) -> Result<Vec<DueNotice>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn note_sending(&self, _: &Holder, _: &Noted) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn raise_alarm(&self, _: &str, _: u64, _: &Notice) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn clear_alarm(&self, _: &str, _: Timestamp, _: Option<&Notice>) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn forget_notices(&self, _: Timestamp) -> Result<Forgotten, StoreError> {
        Err(StoreError::Closed)
    }
}
