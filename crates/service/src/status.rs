//! The status cache: what `GET …/{eventId}/status` is answered from.
//!
//! It holds resting states only and is never ahead of the database (I10):
//! performers put a state after its commit, and mark an event before anything
//! of it moves again. Puts may come late and out of order, so each carries its
//! place, (distribution, history number), and an older one loses.
//!
//! | file | holds |
//! |---|---|
//! | `in_process.rs` | the cache of a service that runs alone |
//! | `redis.rs` | the one that several nodes share |
//! | `breaker.rs` | when that one is asked, and when it is left alone |

mod breaker;
mod in_process;
mod redis;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::result::ChannelResult;
use fanfare_core::text::Language;
use serde::{Deserialize, Serialize};

pub use self::in_process::InProcessStatusCache;
pub use self::redis::{RedisStatusCache, RedisUrlError};

/// How long an entry is kept unless configured otherwise.
pub const STATUS_TTL: Duration = Duration::from_hours(1);

/// What a cache answers, later.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where the resting states of events are cached. Whoever asks waits 50 ms at
/// most: a cache that is slower, or away, holds nothing.
pub trait StatusCache: Send + Sync + 'static {
    /// The event's newest state, unless it moves or is not cached.
    fn get<'a>(&'a self, tenant: &'a TenantId, event: &'a EventId) -> Reply<'a, Option<CachedStatus>>;

    /// Keeps a resting state, unless something at least as new is known to move
    /// or something newer is cached. `false`: the cache may lack it, as it did
    /// not answer, or does not have the mark of what moves yet.
    fn put(&self, status: CachedStatus) -> Reply<'_, bool>;

    /// Notes that this state moves: reads miss until a newer one is put.
    fn moving<'a>(&'a self, distribution: &'a Distribution) -> Reply<'a, ()>;
}

/// A state of an event, as far as a status shows it: its newest distribution,
/// and what else there is of the event. Nothing of the request is kept, so no
/// recipient's number can be (I20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CachedStatus {
    /// Whose.
    pub tenant: TenantId,
    /// What is announced.
    pub event_id: EventId,
    /// The newest distribution.
    pub distribution_id: DistributionId,
    /// The number of its last history entry.
    pub history_number: u32,
    /// Where it stands.
    pub status: DistributionStatus,
    /// How many outcomes have been published.
    pub version: u32,
    /// One for each channel, in the order of the request.
    pub results: Arc<[CachedResult]>,
    /// The other distributions of the event, newest first.
    pub others: Arc<[DistributionId]>,
}

/// What one channel's entry shows, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedResult {
    /// In English.
    pub shown: ChannelResult,
    /// Its message in Korean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub korean: Option<String>,
}

/// The order of an event's states: by acceptance, then by history number.
pub type Order = (DistributionId, u32);

/// A distribution's place among its event's states.
fn order_of(distribution: &Distribution) -> Order {
    (distribution.id, distribution.history_number)
}

impl CachedStatus {
    /// Takes what a status shows.
    pub fn new(distribution: &Distribution, others: Arc<[DistributionId]>) -> Self {
        let results = distribution.deliveries.iter().map(|delivery| CachedResult {
            shown: ChannelResult::of(delivery, Language::En),
            korean: ChannelResult::of(delivery, Language::Ko).message,
        });
        Self {
            tenant: distribution.tenant.clone(),
            event_id: distribution.event_id.clone(),
            distribution_id: distribution.id,
            history_number: distribution.history_number,
            status: distribution.status,
            version: distribution.version,
            results: results.collect(),
            others,
        }
    }

    /// Its place among the event's states.
    pub fn order(&self) -> Order {
        (self.distribution_id, self.history_number)
    }

    /// The channels' entries in one language.
    pub fn results(&self, language: Language) -> Vec<ChannelResult> {
        let results = self.results.iter();
        results
            .map(|CachedResult { shown, korean }| {
                let mut result = shown.clone();
                if language == Language::Ko {
                    result.message.clone_from(korean);
                }
                result
            })
            .collect()
    }

    fn key(&self) -> String {
        cache_key(&self.tenant, &self.event_id)
    }
}

/// `distribution:{eventId}`, for tenants other than the default one prefixed
/// with the tenant. Separators in a tenant's name are escaped, so that no two
/// tenants share a key (I17).
pub fn cache_key(tenant: &TenantId, event: &EventId) -> String {
    if *tenant == TenantId::default() {
        return format!("distribution:{event}");
    }
    let tenant = tenant.as_str().replace('%', "%25").replace('/', "%2F");
    format!("{}/distribution:{event}", tenant.replace(':', "%3A"))
}

/// No cache: every answer comes from the store. For several nodes that share a
/// database and no cache, as a cache of each of them would be stale on the others.
pub struct NoStatusCache;

impl StatusCache for NoStatusCache {
    fn get<'a>(&'a self, _: &'a TenantId, _: &'a EventId) -> Reply<'a, Option<CachedStatus>> {
        Box::pin(std::future::ready(None))
    }

    fn put(&self, _: CachedStatus) -> Reply<'_, bool> {
        Box::pin(std::future::ready(true))
    }

    fn moving<'a>(&'a self, _: &'a Distribution) -> Reply<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests;
