//! What is done from time to time beside the loop: taking over work that nobody
//! owns, forgetting old idempotency keys, and deleting what is kept no longer.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_core::engine::{HELD_LIMIT, HOLD_LIMIT, Input};
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_ledger::{KEY_LIFETIME, Store, StoreError};
use jiff::Timestamp;
use tokio::sync::mpsc;

/// Between two looks for work that nobody owns.
pub(super) const ADOPT_INTERVAL: Duration = Duration::from_secs(5);

/// Between two looks for own work that this node does not know of.
pub(super) const OWNED_INTERVAL: Duration = Duration::from_mins(1);

/// More is left to the next look.
const OWNED_LIMIT: usize = 50_000;

/// Between two sweeps of what has had its time.
pub(super) const EXPIRE_INTERVAL: Duration = Duration::from_mins(10);

/// Distributions deleted at once; commits go on in between.
const DELETE_LIMIT: usize = 500;

/// Distributions taken over at once.
const ADOPT_LIMIT: usize = 500;

/// What is deleted, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Closed distributions are deleted so long after they were accepted; `None`
    /// keeps them for ever.
    pub keep: Option<Duration>,
    /// Outcomes are published elsewhere: what is not yet, stays.
    pub unpublished_stay: bool,
}

pub(super) struct Sweeps {
    store: Arc<dyn Store>,
    retention: Retention,
    token: Incarnation,
    found: mpsc::UnboundedSender<Input>,
    adopting: Arc<AtomicBool>,
    /// What is held back is looked for too, until a look has succeeded.
    held_wanted: Arc<AtomicBool>,
    dropped: Arc<Mutex<Dropped>>,
    /// The node was told to stop: nothing is looked for or deleted any more.
    over: Arc<AtomicBool>,
}

impl Sweeps {
    /// What is found is sent to the loop.
    pub(super) fn new(
        store: Arc<dyn Store>,
        retention: Retention,
        token: Incarnation,
        found: mpsc::UnboundedSender<Input>,
    ) -> Self {
        Self {
            store,
            retention,
            token,
            found,
            adopting: Arc::default(),
            held_wanted: Arc::default(),
            dropped: Arc::default(),
            over: Arc::default(),
        }
    }

    /// The next life has begun; what the former one had dropped is found by the
    /// look for work of lives that are over.
    pub(super) fn hand_on(&mut self, token: Incarnation) {
        self.token = token;
        self.dropped().clear();
    }

    /// The node was told to stop: it takes nothing over any more, for whatever reason,
    /// a look that is under way ends, and no deletion begins.
    pub(super) fn wind_down(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// The engine has dropped it, although it may be this life's: the next look
    /// takes it over again.
    pub(super) fn take_back(&self, tenant: TenantId, id: DistributionId) {
        self.dropped().insert((tenant, id));
    }

    /// A breaker has closed, or sending goes on: what was held back is due later,
    /// and may go on now.
    pub(super) fn adopt_held(&self, now: Timestamp, room: usize) {
        self.held_wanted.store(true, Ordering::Release);
        self.adopt(now, room);
    }

    /// Looks for own work that has been due for a while: what of it this node does not
    /// know of is taken over again.
    pub(super) fn find_missed(&self, now: Timestamp) {
        if self.over.load(Ordering::Acquire) {
            return;
        }
        let due_by = now.saturating_sub(OWNED_INTERVAL).unwrap_or(Timestamp::MIN);
        let (store, found, token) = (Arc::clone(&self.store), self.found.clone(), self.token);
        tokio::spawn(async move {
            match store.owned(token, due_by, OWNED_LIMIT).await {
                // Refused only when the loop has ended.
                Ok(owned) => _ = found.send(Input::Owned(owned)),
                Err(error) => tracing::error!(error = &error as &dyn Error, "could not look for own work"),
            }
        });
    }

    /// Looks for work that nobody owns and that is nearly due, as much as there is room for,
    /// and for what was dropped; one look at a time. The next look, a few seconds later, finds what
    /// came to be wanted during this one, or what it failed to find.
    pub(super) fn adopt(&self, now: Timestamp, room: usize) {
        if self.over.load(Ordering::Acquire) || self.adopting.swap(true, Ordering::AcqRel) {
            return;
        }
        self.adopt_dropped();
        let (adopting, held_wanted) = (Arc::clone(&self.adopting), Arc::clone(&self.held_wanted));
        let held = held_wanted.swap(false, Ordering::AcqRel);
        let within = if held { HELD_LIMIT } else { HOLD_LIMIT };
        let due_by = now.saturating_add(within).unwrap_or(Timestamp::MAX);
        let over = Arc::clone(&self.over);
        let look = look(
            Arc::clone(&self.store),
            self.found.clone(),
            (self.token, due_by, room),
            over,
        );
        tokio::spawn(async move {
            if let Err(error) = look.await {
                held_wanted.fetch_or(held, Ordering::AcqRel);
                tracing::error!(error = &error as &dyn Error, "could not look for work");
            }
            adopting.store(false, Ordering::Release);
        });
    }

    fn adopt_dropped(&self) {
        let dropped = std::mem::take(&mut *self.dropped());
        for (tenant, id) in dropped {
            let (store, found, token) = (Arc::clone(&self.store), self.found.clone(), self.token);
            let again = Arc::clone(&self.dropped);
            tokio::spawn(async move {
                match store.adopt_one(token, &tenant, id).await {
                    // Refused only when the loop has ended.
                    Ok(adopted) => _ = found.send(Input::Adopted(adopted.into_iter().collect())),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn Error, "could not take work over again");
                        lock(&again).insert((tenant, id));
                    }
                }
            });
        }
    }

    fn dropped(&self) -> MutexGuard<'_, Dropped> {
        lock(&self.dropped)
    }

    /// Forgets and deletes what has had its time.
    pub(super) fn expire(&self, now: Timestamp) {
        if self.over.load(Ordering::Acquire) {
            return;
        }
        let (store, retention) = (Arc::clone(&self.store), self.retention);
        let before = now.saturating_sub(KEY_LIFETIME).unwrap_or(Timestamp::MIN);
        tokio::spawn(async move {
            if let Err(error) = store.expire_keys(before).await {
                tracing::error!(error = &error as &dyn Error, "could not expire idempotency keys");
            }
            let Some(keep) = retention.keep else { return };
            let before = now.saturating_sub(keep).unwrap_or(Timestamp::MIN);
            if let Err(error) = delete_closed(&*store, before, retention.unpublished_stay).await {
                tracing::error!(error = &error as &dyn Error, "could not delete old distributions");
            }
        });
    }
}

/// Takes over what is due by then, as much as there is room for, unless it is over before.
async fn look(
    store: Arc<dyn Store>,
    found: mpsc::UnboundedSender<Input>,
    (token, due_by, mut room): (Incarnation, Timestamp, usize),
    over: Arc<AtomicBool>,
) -> Result<(), StoreError> {
    while room > 0 && !over.load(Ordering::Acquire) {
        let limit = room.min(ADOPT_LIMIT);
        let adopted = store.adopt(token, due_by, limit).await?;
        let more = adopted.len() == limit;
        room -= adopted.len();
        // Refused only when the loop has ended.
        if found.send(Input::Adopted(adopted)).is_err() || !more {
            break;
        }
    }
    Ok(())
}

async fn delete_closed(store: &dyn Store, before: Timestamp, unpublished_stay: bool) -> Result<(), StoreError> {
    let mut deleted = 0;
    loop {
        let count = store.delete_closed(before, unpublished_stay, DELETE_LIMIT).await?;
        deleted += count;
        if count < DELETE_LIMIT as u64 {
            break;
        }
    }
    if deleted > 0 {
        tracing::info!(distributions = deleted, "deleted what was kept long enough");
    }
    Ok(())
}

/// Each once: own work that can't be read is found missing every minute.
type Dropped = BTreeSet<(TenantId, DistributionId)>;

fn lock(dropped: &Mutex<Dropped>) -> MutexGuard<'_, Dropped> {
    // Each use is one operation.
    dropped.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use fanfare_ledger::MemoryStore;
    use fanfare_ledger::suite::adopt::nobodys;

    use super::*;

    fn sweeps(store: &Arc<MemoryStore>, token: Incarnation) -> (Sweeps, mpsc::UnboundedReceiver<Input>) {
        let (sender, found) = mpsc::unbounded_channel();
        let keep = Retention {
            keep: None,
            unpublished_stay: false,
        };
        (Sweeps::new(Arc::clone(store) as _, keep, token, sender), found)
    }

    #[tokio::test]
    async fn a_node_that_stops_takes_nothing_over() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let store = Arc::new(MemoryStore::default());
        let token = store.begin_incarnation(now).await.unwrap();
        let due = nobodys(&*store, 1, 0).await;
        let (sweeps, mut found) = sweeps(&store, token);
        sweeps.wind_down();
        sweeps.adopt_held(now, 9);
        sweeps.adopt(now, 9);
        sweeps.take_back(TenantId::default(), due);
        sweeps.adopt(now, 9);
        // A look that was on its way would be over.
        drop(sweeps);
        assert!(found.recv().await.is_none());
        let left = store.adopt(token, now, ADOPT_LIMIT).await.unwrap();
        assert_eq!(left.iter().map(|one| one.distribution.id).collect::<Vec<_>>(), [due]);
    }

    #[tokio::test]
    async fn what_is_held_back_is_found_also_if_it_was_wanted_during_a_look() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let store = Arc::new(MemoryStore::default());
        let token = store.begin_incarnation(now).await.unwrap();
        let held = nobodys(&*store, 1, 300).await;
        let (sweeps, mut found) = sweeps(&store, token);
        let looked = async |found: &mut mpsc::UnboundedReceiver<Input>| {
            let Some(Input::Adopted(adopted)) = found.recv().await else {
                panic!("a look ends")
            };
            tokio::task::yield_now().await;
            adopted
                .iter()
                .map(|adopted| adopted.distribution.id)
                .collect::<Vec<_>>()
        };
        sweeps.adopt(now, 9);
        sweeps.adopt_held(now, 9);
        assert_eq!(looked(&mut found).await, []);
        sweeps.adopt(now, 9);
        assert_eq!(looked(&mut found).await, [held]);
    }

    #[tokio::test]
    async fn own_work_is_looked_for_that_has_been_due_for_a_minute() {
        let now: Timestamp = "2026-11-22T10:01:00Z".parse().unwrap();
        let store = Arc::new(MemoryStore::default());
        let token = store.begin_incarnation(now).await.unwrap();
        let (missed, _fresh) = (nobodys(&*store, 1, 0).await, nobodys(&*store, 2, 1).await);
        // It took effect, and this node has not heard of it.
        assert_eq!(store.adopt(token, now, ADOPT_LIMIT).await.unwrap().len(), 2);
        let (sweeps, mut found) = sweeps(&store, token);
        sweeps.find_missed(now);
        let Some(Input::Owned(owned)) = found.recv().await else {
            panic!("a look ends")
        };
        assert_eq!(owned, [(TenantId::default(), missed)]);
        sweeps.wind_down();
        sweeps.find_missed(now);
        drop(sweeps);
        assert!(found.recv().await.is_none());
    }

    #[tokio::test]
    async fn no_more_is_taken_over_than_there_is_room_for() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let store = Arc::new(MemoryStore::default());
        let token = store.begin_incarnation(now).await.unwrap();
        for number in 1..=5 {
            nobodys(&*store, number, 0).await;
        }
        let (sweeps, mut found) = sweeps(&store, token);
        sweeps.adopt(now, 0);
        tokio::task::yield_now().await;
        sweeps.adopt(now, 3);
        let Some(Input::Adopted(adopted)) = found.recv().await else {
            panic!("a look ends")
        };
        assert_eq!(adopted.len(), 3);
        drop(sweeps);
        assert!(found.recv().await.is_none());
        assert_eq!(store.adopt(token, now, ADOPT_LIMIT).await.unwrap().len(), 2);
    }
}
