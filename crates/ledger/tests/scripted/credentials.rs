//! Credentials, of which the scripted store has none.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Sealed, TokenStanding};
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

    async fn credential_standings(&self, _: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn keep_credential(&self, _: &Credential, _: Option<&Sealed>) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    async fn forget_credential(&self, _: &TenantId, _: Channel) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }
}
