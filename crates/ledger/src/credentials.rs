//! What channels let us in by, sealed: nobody who reads the database can use it.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Sealed, TokenStanding};
use fanfare_core::ids::TenantId;

use crate::store::StoreError;

/// The credentials that a store holds.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// All of them, by tenant and channel.
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError>;

    /// One tenant's for one channel.
    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError>;

    /// How each tenant's for a channel stands, without what is sealed: of many, that is
    /// much less.
    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError>;

    /// Keeps it in the place of the one with this value, whose version it must follow, or
    /// as the first. `false`: somebody else was first, and nothing is changed. A version
    /// alone would not tell: what was forgotten and is there anew counts from 1 again.
    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError>;

    /// Forgets it; whether there was one.
    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError>;
}
