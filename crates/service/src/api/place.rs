//! Places for requests that wait for channels while they hold a connection. There are
//! fewer than connections, so that status, cancel, stop, probes and metrics still find
//! one when more is asked for than can be done.
//!
//! A place is asked for before the body is read; who gets none is refused, and the
//! connection closed.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use metrics::{Gauge, gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::error::ApiError;
use super::state::Api;
use crate::telemetry;

/// All places.
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Gauge,
}

/// One, until it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    taken: Gauge,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            taken: gauge!(telemetry::WAITING),
        }
    }

    /// One, if any is free.
    pub(super) fn take(&self) -> Result<Place, ApiError> {
        let permit = Arc::clone(&self.free).try_acquire_owned();
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

impl FromRequestParts<Arc<Api>> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        state.places.take()
    }
}
