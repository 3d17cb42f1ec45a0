//! How long one server's answers are waited for, where the request has no effect.
//! The rule is the core's ([`TimeOut`]); here it is shared by the calls that run at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_core::resilience::time_out::TimeOut;

/// Clones learn together.
#[derive(Debug, Clone)]
pub(crate) struct Patience(Arc<Mutex<TimeOut>>);

impl Patience {
    pub(crate) fn new(least: Duration, deadline: Duration) -> Self {
        Self(Arc::new(Mutex::new(TimeOut::new(least, deadline))))
    }

    pub(crate) fn allowed(&self) -> Duration {
        self.lock().allowed()
    }

    pub(crate) fn answered(&self, took: Duration) {
        self.lock().answered(took);
    }

    pub(crate) fn given_up(&self) {
        self.lock().given_up();
    }

    /// Each change is whole: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, TimeOut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
