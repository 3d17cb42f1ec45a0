//! Places for requests that wait for channels while they hold a connection, and some
//! more for those that only have something accepted. Together they are fewer than
//! connections, so that status, cancel, stop, probes and metrics still find one when
//! more is asked for than can be done.
//!
//! A place is asked for when the body has been read: a connection that is closed on
//! bytes that nobody read is reset, and its client would not hear why.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::error::ApiError;
use crate::telemetry;

/// All places.
pub(super) struct Places {
    waiting: Arc<Semaphore>,
    /// For those that do not wait for channels: a quarter as many.
    brief: Arc<Semaphore>,
    taken: Gauge,
}

/// One, until it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    taken: Gauge,
}

impl Places {
    /// So many may wait.
    pub(super) fn new(waiting: usize) -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(waiting)),
            brief: Arc::new(Semaphore::new(waiting.div_ceil(4))),
            taken: gauge!(telemetry::WAITING),
        }
    }

    /// One for a request that waits so long for its channels, if any is free.
    pub(super) fn take(&self, wait: Duration) -> Result<Place, ApiError> {
        let places = if wait.is_zero() { &self.brief } else { &self.waiting };
        let permit = Arc::clone(places).try_acquire_owned();
        let permit = permit.map_err(|none: TryAcquireError| ApiError::TooManyWaiting(none))?;
        self.taken.increment(1.0);
        Ok(Place {
            _permit: permit,
            taken: self.taken.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.decrement(1.0);
    }
}
