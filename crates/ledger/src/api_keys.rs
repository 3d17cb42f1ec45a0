//! Keys of the API in a store: only their hashes are kept.

use async_trait::async_trait;
use fanfare_core::api_key::{ApiKey, KeyHash, KeyId};
use fanfare_core::ids::TenantId;
use jiff::Timestamp;

use crate::store::StoreError;

/// The keys that a store holds.
#[async_trait]
pub trait ApiKeys: Send + Sync + 'static {
    /// Keeps a new key.
    async fn insert_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError>;

    /// Whose hash this is; revoked ones too.
    async fn api_key_of_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError>;

    /// All keys, of one tenant or of all, oldest first, revoked ones too.
    async fn api_keys(&self, tenant: Option<&TenantId>) -> Result<Vec<ApiKey>, StoreError>;

    /// Revokes a key for ever; `None` where the tenant has none of that id. One
    /// that was revoked before keeps its first time.
    async fn revoke_api_key(&self, tenant: &TenantId, id: KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError>;
}
