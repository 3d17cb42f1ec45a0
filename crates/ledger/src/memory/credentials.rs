//! Credentials, in memory.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::Credential;
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

    async fn keep_credential(&self, credential: &Credential) -> Result<bool, StoreError> {
        let credentials = &mut self.lock().credentials;
        let key = (credential.tenant.clone(), credential.channel.name());
        let before = credentials.get(&key).map_or(0, |before| before.version);
        let follows = credential.version == before + 1;
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
