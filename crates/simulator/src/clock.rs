//! The simulator's time: the system's or a fixed one, moved on by whoever tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock; clones move together.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Stands still there; `None` is the system's time.
    fixed: Option<Timestamp>,
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// One that stands still until it is moved.
    pub fn fixed(at: Timestamp) -> Self {
        Self {
            fixed: Some(at),
            ahead_ms: Arc::default(),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        let base = self.fixed.unwrap_or_else(system_time);
        base.saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_ms.fetch_add(by, Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the system's clock is read"
)]
fn system_time() -> Timestamp {
    Timestamp::now()
}
