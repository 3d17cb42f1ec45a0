//! What is done now and then: says which endpoints this node has configured, and
//! forgets endpoints that no node has any more, and notices that are too old.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_ledger::{Store, StoreError};
use jiff::SignedDuration;
use metrics::counter;
use tokio::sync::watch;
use tokio::time::Instant;

use super::alarms::before;
use crate::clock::Clock;
use crate::telemetry;

/// Between two namings; several of them in [`SILENT`](fanfare_ledger::notices::SILENT).
const NAMES_EVERY: Duration = Duration::from_mins(1);

/// Between two looks for notices that are too old.
const FORGETS_EVERY: Duration = Duration::from_hours(1);

/// Notices that are older are forgotten, told or not.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long notices are kept: not longer than distributions, which they speak of.
pub(super) fn kept(retention_days: u32) -> SignedDuration {
    match retention_days {
        0 => KEPT,
        days => KEPT.min(SignedDuration::from_hours(i64::from(days) * 24)),
    }
}

/// Of this node, whether it has endpoints or not.
pub(super) struct Upkeep {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    /// Names and fingerprints.
    pub(super) endpoints: Vec<(String, String)>,
    pub(super) kept: SignedDuration,
    pub(super) forgot_at: Option<Instant>,
}

impl Upkeep {
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow_and_update() {
            if let Err(error) = self.round().await {
                tracing::warn!(
                    error = &error as &dyn Error,
                    "the endpoints for notices could not be named, or old notices forgotten; tries again"
                );
            }
            if let Ok(Err(_)) = tokio::time::timeout(NAMES_EVERY, stopping.changed()).await {
                break;
            }
        }
    }

    /// Names before it forgets: its own are not among what nobody has named.
    async fn round(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store.name_endpoints(&self.endpoints, now).await?;
        for endpoint in self.store.forget_endpoints(now).await? {
            tracing::warn!(
                endpoint,
                "no node has this endpoint for notices configured any more; it is forgotten with what it was still \
                 to be told"
            );
        }
        let forgets = self.forgot_at.is_none_or(|at| at.elapsed() >= FORGETS_EVERY);
        if forgets {
            self.forget_notices().await?;
            self.forgot_at = Some(Instant::now());
        }
        Ok(())
    }

    async fn forget_notices(&self) -> Result<(), StoreError> {
        let made_before = before(self.clock.now(), self.kept);
        loop {
            let forgotten = self.store.forget_notices(made_before).await?;
            if forgotten.count == 0 {
                return Ok(());
            }
            for (endpoint, untold) in forgotten.untold {
                counter!(telemetry::NOTICES, "endpoint" => endpoint.clone(), "outcome" => "forgotten")
                    .increment(untold);
                tracing::error!(
                    endpoint,
                    notices = untold,
                    "notices are forgotten that the endpoint was never told: they have waited for too long"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_kept_no_longer_than_what_they_speak_of() {
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        for (retention, expected) in [(0, 30), (1, 1), (29, 29), (30, 30), (90, 30), (36_500, 30)] {
            assert_eq!(kept(retention), days(expected), "{retention}");
        }
    }
}
