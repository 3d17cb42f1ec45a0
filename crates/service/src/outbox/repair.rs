//! The loop towards a shared cache: what the performer could not put there, or
//! has died before, is put there now.
//!
//! What this node has cached itself is only marked. The cache takes nothing
//! that is older than what it holds, so the order does not matter here.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_ledger::outbox::{Fate, MarkKind, OutboxEntry, Partition};
use fanfare_ledger::{Store, StoreError};
use tokio::sync::watch;

use super::link::Link;
use crate::clock::Clock;
use crate::status::{CachedStatus, StatusCache};

/// Between two looks; the performer does the rest.
const INTERVAL: Duration = Duration::from_secs(1);

/// Entries at once.
const BATCH: usize = 200;

pub(super) struct Repair {
    pub(super) store: Arc<dyn Store>,
    pub(super) cache: Arc<dyn StatusCache>,
    /// What is older would be gone from the cache again.
    pub(super) ttl: Duration,
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<dyn Clock>,
    /// Those that this life relays.
    pub(super) partitions: watch::Receiver<Vec<Partition>>,
}

impl Repair {
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        loop {
            let more = match self.round().await {
                Ok(more) => more,
                Err(error) => {
                    tracing::error!(error = &error as &dyn Error, "could not repair the shared cache");
                    false
                }
            };
            let pause = if more { Duration::ZERO } else { INTERVAL };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // An error means that nobody can stop it any more: stop as well.
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Says whether there is more that can be done at once.
    async fn round(&self) -> Result<bool, StoreError> {
        let partitions = self.partitions.borrow().clone();
        let entries = self.store.unmarked(MarkKind::Cached, &partitions, 0, BATCH).await?;
        let (mut marks, mut away) = (Vec::new(), false);
        for entry in &entries {
            if self.needs_no_put(entry) {
                marks.push(entry.mark(Fate::Cached));
            } else if !away {
                // Where it does not answer, the others would wait for nothing.
                away = !self.put(entry).await?;
                marks.extend((!away).then(|| entry.mark(Fate::Cached)));
            }
        }
        if marks.is_empty() {
            return Ok(false);
        }
        self.store.mark(&marks, self.clock.now()).await?;
        Ok(marks.len() == BATCH)
    }

    /// Whether the cache holds it, or would have dropped it again.
    fn needs_no_put(&self, entry: &OutboxEntry) -> bool {
        let expires = entry.event.completed_at.saturating_add(self.ttl);
        self.link.has_cached(&entry.event) || expires.is_ok_and(|expires| expires <= self.clock.now())
    }

    /// Whether the cache holds it now, or something newer.
    async fn put(&self, entry: &OutboxEntry) -> Result<bool, StoreError> {
        let newest = self.store.newest_of_event(&entry.tenant, &entry.event.event_id).await?;
        match newest {
            Some(newest) if !newest.distribution.moves() => {
                let status = CachedStatus::new(&newest.distribution, newest.others.into());
                Ok(self.cache.put(status).await)
            }
            // What moves is cached when it rests.
            _ => Ok(true),
        }
    }
}
