//! What is found out before anything is sent, for requests and previews of them. Nothing
//! of it counts as a call of the lanes': a channel whose breaker is not closed is not asked.

use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::ids::TenantId;
use fanfare_core::request::DistributeRequest;
use fanfare_core::resilience::breaker::BreakerState;
use jiff::Timestamp;

use super::{Connection, EngineHandle};

/// Who previews waits no longer for a channel's word.
const QUOTA_WITHIN: Duration = Duration::from_secs(2);

impl EngineHandle {
    /// What lies now at the addresses of files that a live channel will be given for a
    /// tenant, as far as it can be had; nothing where the channel can't be called.
    pub async fn look_ahead(
        &self,
        tenant: &TenantId,
        channel: Channel,
        request: &DistributeRequest,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        match self.accounts.reach(tenant, channel).await.map(|reach| reach.connection) {
            Ok(Connection::Live(client)) => client.look_ahead(request, now).await,
            Ok(Connection::Mock | Connection::Unusable(_)) | Err(_) => Vec::new(),
        }
    }

    /// How many more posts a live channel takes of a tenant's account by its own word;
    /// nothing where it does not say in time.
    pub async fn post_quota(&self, tenant: &TenantId, channel: Channel, now: Timestamp) -> Option<u64> {
        let of_channel = self.breaker(channel).state;
        if of_channel != BreakerState::Closed || self.account_breaker(tenant, channel).is_some() {
            return None;
        }
        let asked = async {
            let reach = self.accounts.reach(tenant, channel).await.ok()?;
            reach.connection.client().ok()?.post_quota(now).await?.left()
        };
        tokio::time::timeout(QUOTA_WITHIN, asked).await.ok().flatten()
    }

    /// Whether a tenant has a list of people of this name for a live channel; nothing where
    /// that is not known here.
    pub async fn has_list(&self, tenant: &TenantId, channel: Channel, list: &str) -> Option<bool> {
        let reach = self.accounts.reach(tenant, channel).await.ok()?;
        reach.connection.client().ok()?.has_list(tenant, list).await
    }
}
