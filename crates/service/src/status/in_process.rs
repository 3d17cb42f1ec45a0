//! The status cache within this process, for a service that runs alone.

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{EventId, TenantId};
use jiff::Timestamp;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::{CachedStatus, Order, Reply, StatusCache, cache_key, order_of};
use crate::clock::Clock;

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

    fn moving<'a>(&'a self, distribution: &'a Distribution) -> Reply<'a, ()> {
        Box::pin(async move {
            let slot = Slot {
                order: order_of(distribution),
                resting: None,
                since: self.clock.now(),
            };
            self.offer(cache_key(&distribution.tenant, &distribution.event_id), slot);
        })
    }
}
