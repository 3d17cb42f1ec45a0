//! The status cache: what `GET …/{eventId}/status` is answered from.
//!
//! It holds resting states only and is never ahead of the database (I10):
//! performers put a state after its commit, and mark an event before anything
//! of it moves again. Puts may come late and out of order, so each carries its
//! place, (distribution, history number), and an older one loses. A cache that
//! several nodes share is another implementation of the same trait.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use jiff::Timestamp;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::clock::Clock;

/// How long an entry is kept unless configured otherwise.
pub const STATUS_TTL: Duration = Duration::from_hours(1);

/// What a cache answers, later.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where the resting states of events are cached.
pub trait StatusCache: Send + Sync + 'static {
    /// The event's newest state, unless it moves or is not cached.
    fn get<'a>(&'a self, tenant: &'a TenantId, event: &'a EventId) -> Reply<'a, Option<CachedStatus>>;

    /// Keeps a resting state, unless something at least as new is known to move
    /// or something newer is cached. `false`: the cache did not answer, and may
    /// lack it.
    fn put(&self, status: CachedStatus) -> Reply<'_, bool>;

    /// Notes that this state moves: reads miss until a newer one is put.
    fn moving<'a>(&'a self, status: &'a CachedStatus) -> Reply<'a, ()>;
}

/// A state of an event: its newest distribution, and what else there is of it.
/// It is rendered per request, so it has no language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedStatus {
    /// The newest one.
    pub distribution: Arc<Distribution>,
    /// The other distributions of the event, newest first.
    pub others: Arc<[DistributionId]>,
}

/// The order of an event's states: by acceptance, then by history number.
pub type Order = (DistributionId, u32);

impl CachedStatus {
    /// Pairs the two.
    pub fn new(distribution: Arc<Distribution>, others: Arc<[DistributionId]>) -> Self {
        Self { distribution, others }
    }

    /// Its place among the event's states.
    pub fn order(&self) -> Order {
        (self.distribution.id, self.distribution.history_number)
    }

    fn key(&self) -> String {
        cache_key(&self.distribution.tenant, &self.distribution.event_id)
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

/// The cache within this process.
pub struct InProcessStatusCache {
    slots: Cache<String, Slot>,
    ttl: Duration,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Slot {
    order: Order,
    /// `None` while that state moves.
    resting: Option<CachedStatus>,
    since: Timestamp,
}

impl InProcessStatusCache {
    /// Keeps at most `max_entries` events, each for `ttl` after it was put.
    pub fn new(max_entries: u64, ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        // The least recently used goes first: what has just been marked as
        // moving must not be refused in favour of what is read often.
        let slots = Cache::builder()
            .max_capacity(max_entries)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(ttl)
            .build();
        Self { slots, ttl, clock }
    }

    fn read(&self, key: &str) -> Option<CachedStatus> {
        let slot = self.slots.get(key)?;
        let expires = slot.since.saturating_add(self.ttl);
        let alive = expires.is_ok_and(|expires| self.clock.now() < expires);
        slot.resting.filter(|_| alive)
    }

    /// Takes the slot unless what is there is at least as new; a mark of the
    /// same state gives way to no put, since a moving state is never at rest.
    fn offer(&self, key: String, slot: Slot) {
        self.slots.entry(key).and_compute_with(|existing| {
            let newer = existing.is_none_or(|existing| {
                let existing = existing.value();
                slot.order > existing.order
                    || slot.order == existing.order && (slot.resting.is_none() || existing.resting.is_some())
            });
            if newer { Op::Put(slot) } else { Op::Nop }
        });
    }
}

impl StatusCache for InProcessStatusCache {
    fn get<'a>(&'a self, tenant: &'a TenantId, event: &'a EventId) -> Reply<'a, Option<CachedStatus>> {
        Box::pin(async move { self.read(&cache_key(tenant, event)) })
    }

    fn put(&self, status: CachedStatus) -> Reply<'_, bool> {
        let (key, order, since) = (status.key(), status.order(), self.clock.now());
        Box::pin(async move {
            let resting = Some(status);
            self.offer(key, Slot { order, resting, since });
            true
        })
    }

    fn moving<'a>(&'a self, status: &'a CachedStatus) -> Reply<'a, ()> {
        Box::pin(async move {
            let slot = Slot {
                order: status.order(),
                resting: None,
                since: self.clock.now(),
            };
            self.offer(status.key(), slot);
        })
    }
}

#[cfg(test)]
mod tests;
