//! Tells waiting clients what was committed, distribution by distribution.
//!
//! Only what moves on this node is known here; the rest is in the store.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fanfare_core::distribution::Distribution;
use fanfare_core::ids::DistributionId;
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct Feed {
    in_flight: Mutex<HashMap<DistributionId, watch::Sender<Arc<Distribution>>>>,
}

pub(super) enum Watched {
    /// It moves on this node; each commit is seen here.
    InFlight {
        changes: watch::Receiver<Arc<Distribution>>,
    },
    /// It rests, or another node works on it, or there is none.
    Elsewhere,
}

impl Feed {
    pub(super) fn watch(&self, id: DistributionId) -> Watched {
        match self.lock().get(&id) {
            Some(sender) => Watched::InFlight {
                changes: sender.subscribe(),
            },
            None => Watched::Elsewhere,
        }
    }

    /// Gives what was committed before, where that was in flight already.
    pub(super) fn moves(&self, distribution: Arc<Distribution>) -> Option<Arc<Distribution>> {
        match self.lock().entry(distribution.id) {
            Entry::Occupied(sender) => Some(sender.get().send_replace(distribution)),
            Entry::Vacant(entry) => {
                entry.insert(watch::Sender::new(distribution));
                None
            }
        }
    }

    /// Tells who waits, and forgets it, unless it has begun to move again since.
    /// A receiver still sees this last state.
    pub(super) fn rests(&self, distribution: Arc<Distribution>) {
        let mut in_flight = self.lock();
        let newer =
            |sender: &watch::Sender<Arc<Distribution>>| sender.borrow().history_number > distribution.history_number;
        if in_flight.get(&distribution.id).is_some_and(newer) {
            return;
        }
        if let Some(sender) = in_flight.remove(&distribution.id) {
            sender.send_replace(distribution);
        }
    }

    pub(super) fn forget(&self, id: DistributionId) {
        self.lock().remove(&id);
    }

    /// What was in flight is in flight no more on this node: who waits for it
    /// sees its last state, and finds the next ones in the store.
    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DistributionId, watch::Sender<Arc<Distribution>>>> {
        // A panic cannot leave the map half changed: each use is one operation.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
