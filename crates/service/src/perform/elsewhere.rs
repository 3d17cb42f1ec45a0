//! Follows distributions that do not move on this node: one look at the store
//! for all who wait, however many they are.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_ledger::Store;
use tokio::sync::{Notify, watch};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(200);

type Key = (TenantId, DistributionId);

/// Who waits for what.
pub(super) struct Elsewhere {
    store: Arc<dyn Store>,
    /// The last history number that was seen of each.
    followed: Mutex<HashMap<Key, watch::Sender<u32>>>,
    somebody: Notify,
}

impl Elsewhere {
    /// Looks as long as anybody waits, until the last handle to it is gone.
    pub(super) fn start(store: Arc<dyn Store>) -> Arc<Self> {
        let this = Arc::new(Self {
            store,
            followed: Mutex::default(),
            somebody: Notify::new(),
        });
        tokio::spawn(look(Arc::downgrade(&this)));
        this
    }

    /// Waits until its history is beyond that number; for ever where it is not
    /// there, so the caller has seen it before, and has a time of its own.
    pub(super) async fn beyond(&self, tenant: &TenantId, id: DistributionId, than: u32) {
        let mut number = self
            .lock()
            .entry((tenant.clone(), id))
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe();
        self.somebody.notify_one();
        // An error means that nobody looks any more: the service stops.
        _ = number.wait_for(|number| *number > than).await;
    }

    /// What somebody waits for; what nobody waits for any more is dropped.
    fn wanted(&self) -> Vec<Key> {
        let mut followed = self.lock();
        followed.retain(|_, number| number.receiver_count() > 0);
        followed.keys().cloned().collect()
    }

    async fn look(&self, wanted: &[Key]) {
        match self.store.history_numbers(wanted).await {
            Ok(numbers) => self.tell(&numbers),
            Err(error) => tracing::debug!(
                error = &error as &dyn Error,
                "could not see how far distributions are; looks again"
            ),
        }
    }

    fn tell(&self, numbers: &[(DistributionId, u32)]) {
        let numbers: HashMap<_, _> = numbers.iter().copied().collect();
        for ((_, id), followed) in self.lock().iter() {
            if let Some(number) = numbers.get(id) {
                followed.send_if_modified(|last| std::mem::replace(last, *number) != *number);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<u32>>> {
        // Each use leaves the map whole.
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(this: Weak<Elsewhere>) {
    while let Some(elsewhere) = this.upgrade() {
        let wanted = elsewhere.wanted();
        if wanted.is_empty() {
            // With a limit, so that the end is noticed.
            _ = tokio::time::timeout(INTERVAL, elsewhere.somebody.notified()).await;
            continue;
        }
        elsewhere.look(&wanted).await;
        drop(elsewhere);
        tokio::time::sleep(INTERVAL).await;
    }
}
