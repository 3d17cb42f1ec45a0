//! Keys of the API, in memory.

use async_trait::async_trait;
use fanfare_core::api_key::{ApiKey, KeyHash, KeyId};
use fanfare_core::ids::TenantId;
use jiff::Timestamp;

use super::MemoryStore;
use crate::api_keys::ApiKeys;
use crate::store::StoreError;

#[async_trait]
impl ApiKeys for MemoryStore {
    async fn insert_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError> {
        let keys = &mut self.lock().api_keys;
        if keys.iter().any(|(known, of)| known == hash || of.id == key.id) {
            return Err(StoreError::Database {
                doing: "keep an API key",
                source: "it is there already".into(),
            });
        }
        keys.push((*hash, key.clone()));
        Ok(())
    }

    async fn api_key_of_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let memory = self.lock();
        let found = memory.api_keys.iter().find(|(known, _)| known == hash);
        Ok(found.map(|(_, key)| key.clone()))
    }

    async fn api_keys(&self, tenant: Option<&TenantId>) -> Result<Vec<ApiKey>, StoreError> {
        let memory = self.lock();
        let keys = memory.api_keys.iter().map(|(_, key)| key);
        let wanted = keys.filter(|key| tenant.is_none_or(|tenant| key.tenant == *tenant));
        let mut wanted: Vec<_> = wanted.cloned().collect();
        wanted.sort_by_key(|key| (key.created_at, key.id));
        Ok(wanted)
    }

    async fn revoke_api_key(&self, tenant: &TenantId, id: KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        let mut memory = self.lock();
        let mut keys = memory.api_keys.iter_mut().map(|(_, key)| key);
        let Some(key) = keys.find(|key| key.id == id && key.tenant == *tenant) else {
            return Ok(None);
        };
        key.revoked_at.get_or_insert(at);
        Ok(Some(key.clone()))
    }
}
