//! The status cache in Redis, which several nodes share and others may read.
//!
//! | file | holds |
//! |---|---|
//! | `redis/entry.rs` | what stands under which key, and the script that writes it |
//! | `redis/link.rs` | the connection and its breaker |
//! | `redis/owed.rs` | marks that have not reached Redis yet |
//! | `redis/count.rs` | what is counted |
//!
//! Redis is never needed: where it is slow, away or talks nonsense, a read
//! misses and a write is lost, and the database answers. Why so, and why two
//! keys: `docs/decisions/0010-shared-status-cache.md`.

mod count;
mod entry;
mod link;
mod owed;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_channels::secret::Secret;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{EventId, TenantId};
use futures_util::{StreamExt, stream};
use redis::{Cmd, Script};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use self::count::Counts;
use self::entry::{Write, companion_key, write_script};
use self::link::{Asked, Link};
use self::owed::Owed;
use super::{CachedStatus, Order, Reply, StatusCache, cache_key, order_of};
use crate::clock::Clock;

pub use self::link::RedisUrlError;

/// Between two looks whether Redis still answers: a hang is found within a
/// second though nobody asks anything.
const PING_INTERVAL: Duration = Duration::from_millis(250);

/// The same once something has failed.
const SUSPICIOUS_INTERVAL: Duration = Duration::from_millis(100);

/// Owed marks that are sent at once.
const MARKS_AT_ONCE: usize = 32;

/// The cache in Redis.
pub struct RedisStatusCache {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

struct Shared {
    link: Link,
    owed: Mutex<Owed>,
    write: Script,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

impl RedisStatusCache {
    /// Keeps each event for `ttl`. Waits a second at most for Redis and goes on
    /// without it: it is used as soon as it answers.
    pub async fn start(url: &Secret, ttl: Duration, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        let counts = Counts::register();
        let shared = Arc::new(Shared {
            link: Link::new(url, counts.breaker_open.clone())?,
            owed: Mutex::default(),
            write: write_script(),
            ttl,
            clock,
            counts,
        });
        shared.link.probe().await;
        let keeper = tokio::spawn(keep(Arc::clone(&shared)));
        Ok(Self { shared, keeper })
    }
}

impl Drop for RedisStatusCache {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Connects anew where that is due, sends what is owed, and sees whether Redis
/// still answers.
async fn keep(shared: Arc<Shared>) {
    loop {
        let interval = if shared.link.is_suspicious() {
            SUSPICIOUS_INTERVAL
        } else {
            PING_INTERVAL
        };
        let due = shared.link.probe_due().unwrap_or_else(|| Instant::now() + interval);
        tokio::select! {
            () = sleep_until(due) => {}
            () = shared.link.opened() => continue,
        }
        shared.link.probe().await;
        shared.link.ping().await;
        shared.send_owed().await;
    }
}

impl Shared {
    async fn read(&self, tenant: &TenantId, event: &EventId) -> Option<CachedStatus> {
        let key = cache_key(tenant, event);
        let companion = companion_key(&key);
        let get = |mut connection| async move {
            match Cmd::get(companion)
                .query_async::<Option<Vec<u8>>>(&mut connection)
                .await
            {
                // Somebody else's list or set.
                Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
                answer => answer,
            }
        };
        let found = match self.link.ask(get).await {
            Asked::Answered(found) => found,
            Asked::Failed => {
                self.counts.failed_reads.increment(1);
                return None;
            }
            Asked::LeftAlone => {
                self.counts.unasked_reads.increment(1);
                return None;
            }
        };
        let status = found.and_then(|found| self.believe(&key, &found, tenant, event));
        match status {
            Some(_) => self.counts.hits.increment(1),
            None => self.counts.misses.increment(1),
        }
        status
    }

    /// What Redis says, unless it is not this event's, or this node knows better.
    fn believe(&self, key: &str, found: &[u8], tenant: &TenantId, event: &EventId) -> Option<CachedStatus> {
        let (status, put_at) = entry::read(found)?;
        let owed = self.owed();
        let believed = !owed.holds(key) && owed.believes(put_at);
        (believed && status.tenant == *tenant && status.event_id == *event).then_some(status)
    }

    /// Offers a state to Redis. `true`: Redis holds it, or something newer.
    async fn offer(&self, key: &str, order: Order, write: Write) -> bool {
        let mut call = self.write.key(key);
        call.key(companion_key(key))
            .arg(write.place)
            .arg(write.companion)
            .arg(write.contract)
            .arg(self.ttl.as_secs());
        let call = |mut connection| async move { call.invoke_async::<()>(&mut connection).await };
        let reached = matches!(self.link.ask(call).await, Asked::Answered(()));
        if reached {
            self.owed().settle(key, order);
        }
        reached
    }

    async fn put(&self, status: CachedStatus) -> bool {
        let (key, order) = (status.key(), status.order());
        if self.owed().outdates(&key, order) {
            // Known to move; and Redis may still hold what is older than both.
            return false;
        }
        let reached = match Write::resting(&status, self.clock.now()) {
            Ok(write) => self.offer(&key, order, write).await,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a status cannot be written");
                false
            }
        };
        if !reached {
            self.counts.lost_writes.increment(1);
        }
        reached
    }

    async fn moving(&self, key: String, order: Order) {
        self.owed().note(&key, order, self.clock.now());
        if !self.offer(&key, order, Write::moving(order)).await {
            self.counts.lost_writes.increment(1);
        }
    }

    /// Sends the marks that are owed; those that do not arrive stay.
    async fn send_owed(&self) {
        let owed = self.owed().all();
        let send = |(key, order): (String, Order)| async move {
            self.offer(&key, order, Write::moving(order)).await;
        };
        stream::iter(owed).for_each_concurrent(MARKS_AT_ONCE, send).await;
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusCache for RedisStatusCache {
    fn get<'a>(&'a self, tenant: &'a TenantId, event: &'a EventId) -> Reply<'a, Option<CachedStatus>> {
        Box::pin(self.shared.read(tenant, event))
    }

    fn put(&self, status: CachedStatus) -> Reply<'_, bool> {
        Box::pin(self.shared.put(status))
    }

    fn moving<'a>(&'a self, distribution: &'a Distribution) -> Reply<'a, ()> {
        let key = cache_key(&distribution.tenant, &distribution.event_id);
        Box::pin(self.shared.moving(key, order_of(distribution)))
    }
}

#[cfg(test)]
pub(super) mod tests;
