//! What the performer tells the relay, and what people see of the relay.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fanfare_core::distribution::Distribution;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::ids::DistributionId;
use fanfare_ledger::outbox::Backlog;
use tokio::sync::Notify;

use super::publisher::Trouble;

/// So many outcomes are remembered as cached; the relay is rarely that far behind.
const REMEMBERED: usize = 8_192;

/// Between the performer, the relay and who asks how it is.
#[derive(Debug, Default)]
pub struct Link {
    rested: Notify,
    cached: Mutex<Remembered>,
    view: Mutex<View>,
}

/// How the relay is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// What still has to be published.
    pub backlog: Backlog,
    /// What keeps it from being published, where something does.
    pub trouble: Option<Trouble>,
}

/// An outcome: of which distribution, which version.
type Outcome = (DistributionId, u32);

#[derive(Debug, Default)]
struct Remembered {
    known: HashSet<Outcome>,
    order: VecDeque<Outcome>,
}

impl Link {
    /// The distribution has come to rest; `cached`: the cache holds it so.
    pub fn rests(&self, distribution: &Distribution, cached: bool) {
        if cached {
            lock(&self.cached).insert((distribution.id, distribution.version));
        }
        self.rested.notify_one();
    }

    /// There may be something to publish.
    pub fn wake(&self) {
        self.rested.notify_one();
    }

    /// How the relay is.
    pub fn view(&self) -> View {
        lock(&self.view).clone()
    }

    /// Waits until something has come to rest since the last look.
    pub(super) async fn woken(&self) {
        self.rested.notified().await;
    }

    /// This node has cached the outcome itself.
    pub(super) fn has_cached(&self, event: &DistributionCompleted) -> bool {
        let outcome = (event.distribution_id, event.version);
        lock(&self.cached).known.contains(&outcome)
    }

    pub(super) fn show(&self, change: impl FnOnce(&mut View)) {
        change(&mut lock(&self.view));
    }
}

impl Remembered {
    fn insert(&mut self, outcome: Outcome) {
        if !self.known.insert(outcome) {
            return;
        }
        self.order.push_back(outcome);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each use is one operation.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
