//! Credentials, of which the scripted store has none.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::Credential;
use fanfare_core::ids::TenantId;
use fanfare_ledger::StoreError;
use fanfare_ledger::credentials::Credentials;

use super::Scripted;

#[async_trait]
impl Credentials for Scripted {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn credential(&self, _: &TenantId, _: Channel) -> Result<Option<Credential>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn keep_credential(&self, _: &Credential) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn forget_credential(&self, _: &TenantId, _: Channel) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }
}
