//! Credentials, in memory.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Sealed, TokenStanding};
use fanfare_core::ids::TenantId;

use super::MemoryStore;
use crate::credentials::Credentials;
use crate::store::StoreError;

#[async_trait]
impl Credentials for MemoryStore {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        Ok(self.lock().credentials.values().cloned().collect())
    }

    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        let key = (tenant.clone(), channel.name());
        Ok(self.lock().credentials.get(&key).cloned())
    }

    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        let state = self.lock();
        let of_channel = state.credentials.values().filter(|one| one.channel == channel);
        Ok(of_channel
            .map(|one| (one.tenant.clone(), one.standing.clone()))
            .collect())
    }

    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
        let credentials = &mut self.lock().credentials;
        let key = (credential.tenant.clone(), credential.channel.name());
        let follows = match (credentials.get(&key), before) {
            (Some(kept), Some(before)) => credential.version == kept.version + 1 && kept.sealed.value == before.value,
            (kept, before) => kept.is_none() && before.is_none(),
        };
        if follows {
            credentials.insert(key, credential.clone());
        }
        Ok(follows)
    }

    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
        let key = (tenant.clone(), channel.name());
        Ok(self.lock().credentials.remove(&key).is_some())
    }
}
