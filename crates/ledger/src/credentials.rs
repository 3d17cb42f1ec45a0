//! What channels let us in by, sealed: nobody who reads the database can use it.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::Credential;
use fanfare_core::ids::TenantId;

use crate::store::StoreError;

/// The credentials that a store holds.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// All of them, by tenant and channel.
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError>;

    /// One tenant's for one channel.
    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError>;

    /// Keeps it in the place of the one before it, whose version it must follow: 1
    /// where none is there. `false`: somebody else was first, and nothing is changed.
    async fn keep_credential(&self, credential: &Credential) -> Result<bool, StoreError>;

    /// Forgets it; whether there was one.
    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError>;
}
