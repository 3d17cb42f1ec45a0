//! What is done from time to time beside the loop: taking over work that nobody
//! owns, and forgetting old idempotency keys.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanfare_core::engine::{HOLD_LIMIT, Input};
use fanfare_core::ids::Incarnation;
use fanfare_ledger::{KEY_LIFETIME, Store};
use jiff::Timestamp;
use tokio::sync::mpsc;

/// Between two looks for work that nobody owns.
pub(super) const ADOPT_INTERVAL: Duration = Duration::from_secs(5);

/// Between two sweeps of expired keys.
pub(super) const EXPIRE_INTERVAL: Duration = Duration::from_mins(10);

/// Distributions taken over at once.
const ADOPT_LIMIT: usize = 500;

pub(super) struct Sweeps {
    store: Arc<dyn Store>,
    token: Incarnation,
    found: mpsc::UnboundedSender<Input>,
    adopting: Arc<AtomicBool>,
}

impl Sweeps {
    /// What is found is sent to the loop.
    pub(super) fn new(store: Arc<dyn Store>, token: Incarnation, found: mpsc::UnboundedSender<Input>) -> Self {
        Self {
            store,
            token,
            found,
            adopting: Arc::default(),
        }
    }

    /// Looks for work that nobody owns and that is nearly due, one look at a
    /// time; says whether it looks. With `include_own`, work of this life too.
    pub(super) fn adopt(&self, now: Timestamp, include_own: bool) -> bool {
        if self.adopting.swap(true, Ordering::AcqRel) {
            return false;
        }
        let (store, found, adopting) = (Arc::clone(&self.store), self.found.clone(), Arc::clone(&self.adopting));
        let due_by = now.saturating_add(HOLD_LIMIT).unwrap_or(Timestamp::MAX);
        let token = self.token;
        tokio::spawn(async move {
            loop {
                match store.adopt(token, due_by, include_own, ADOPT_LIMIT).await {
                    Ok(adopted) => {
                        // Its own work comes back each time: one look must do.
                        let more = adopted.len() == ADOPT_LIMIT && !include_own;
                        // Refused only when the loop has ended.
                        if found.send(Input::Adopted(adopted)).is_ok() && more {
                            continue;
                        }
                    }
                    Err(error) => tracing::error!(error = &error as &dyn Error, "could not look for work"),
                }
                break;
            }
            adopting.store(false, Ordering::Release);
        });
        true
    }

    pub(super) fn expire_keys(&self, now: Timestamp) {
        let store = Arc::clone(&self.store);
        let before = now.saturating_sub(KEY_LIFETIME).unwrap_or(Timestamp::MIN);
        tokio::spawn(async move {
            if let Err(error) = store.expire_keys(before).await {
                tracing::error!(error = &error as &dyn Error, "could not expire idempotency keys");
            }
        });
    }
}
