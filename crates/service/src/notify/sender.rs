//! The loop of one endpoint: looks for what is due, holds the endpoint so that no
//! other node sends, sends one after the other, and keeps what came of each.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::notice::sending::{EndpointHealth, NoticeFate, Sending, Sent, after};
use fanfare_core::notice::{Notice, Subject};
use fanfare_ledger::notices::{DueNotice, Noted};
use fanfare_ledger::{Store, StoreError};
use jiff::Timestamp;
use metrics::{counter, gauge};
use rand::rngs::StdRng;
use tokio::sync::watch;

use super::sink::Sink;
use crate::clock::Clock;
use crate::perform::Life;
use crate::telemetry;

/// Between two looks for what is due.
const INTERVAL: Duration = Duration::from_secs(1);

/// So long a node holds an endpoint without saying so again; much longer than one
/// sending takes.
const HOLD: Duration = Duration::from_secs(30);

/// So many are read at once.
const AT_ONCE: usize = 50;

/// What tells one endpoint.
pub(super) struct Sender {
    pub(super) name: String,
    pub(super) sink: Sink,
    pub(super) store: Arc<dyn Store>,
    pub(super) life: Life,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: StdRng,
}

impl Sender {
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        // There from the start, so that an alert can tell nothing from naught.
        for outcome in ["delivered", "failed", "given_up"] {
            counter!(telemetry::NOTICES, "endpoint" => self.name.clone(), "outcome" => outcome).increment(0);
        }
        gauge!(telemetry::NOTICES_DISABLED, "endpoint" => self.name.clone()).set(0.0);
        while !*stopping.borrow_and_update() {
            if let Err(error) = self.round(&stopping).await {
                tracing::debug!(
                    endpoint = self.name,
                    error = &error as &dyn Error,
                    "could not tell what is due; looks again"
                );
            }
            // An error means that the service was dropped: stop as well.
            if let Ok(Err(_)) = tokio::time::timeout(INTERVAL, stopping.changed()).await {
                break;
            }
        }
    }

    /// What is due now, as long as the endpoint takes it.
    async fn round(&mut self, stopping: &watch::Receiver<bool>) -> Result<(), StoreError> {
        let now = self.clock.now();
        if self.store.due_notices(&self.name, now, 1).await?.is_empty() || self.hold().await?.is_none() {
            return Ok(());
        }
        let told = self.tell_due(now, stopping).await;
        self.store.release_endpoint(&self.name, self.life.token()).await?;
        told
    }

    /// Reads while the endpoint is held: what another node has told is not among it.
    async fn tell_due(&mut self, now: Timestamp, stopping: &watch::Receiver<bool>) -> Result<(), StoreError> {
        let due = self.store.due_notices(&self.name, now, AT_ONCE).await?;
        for due in due {
            let Some(health) = self.hold().await? else { break };
            if *stopping.borrow() || !health.may_be_told(self.clock.now()) {
                break;
            }
            self.tell(&due, &health).await?;
        }
        Ok(())
    }

    /// How it is, where this node may send to it.
    async fn hold(&self) -> Result<Option<EndpointHealth>, StoreError> {
        let now = self.clock.now();
        let until = now.saturating_add(HOLD).unwrap_or(now);
        self.store
            .hold_endpoint(&self.name, self.life.token(), now, until)
            .await
    }

    async fn tell(&mut self, due: &DueNotice, health: &EndpointHealth) -> Result<(), StoreError> {
        let sent = self.sink.send(&due.notice, self.clock.now()).await;
        let now = self.clock.now();
        let sending = Sending {
            created_at: due.notice.at,
            attempts: due.attempts.saturating_add(1),
        };
        let (fate, health) = after(&sent, sending, health, now, &mut self.rng);
        let failure = health.last_failure.clone().unwrap_or_default();
        let disabled = health.disabled_at.is_some().then(|| Subject::Endpoint {
            name: self.name.clone(),
            failure,
        });
        let noted = Noted {
            position: due.position,
            attempts: sending.attempts,
            fate,
            at: now,
            health,
            notice: disabled.map(|subject| Notice::of_service(subject, now)),
        };
        self.say(due, &sent, &noted);
        self.store.note_sending(&self.name, &noted).await
    }

    fn say(&self, due: &DueNotice, sent: &Sent, noted: &Noted) {
        let (endpoint, kind, id) = (self.name.as_str(), due.notice.kind().name(), due.notice.id);
        let outcome = match (sent, &noted.fate) {
            (Sent::Delivered, _) => "delivered",
            (_, NoticeFate::GivenUp) => "given_up",
            _ => "failed",
        };
        counter!(telemetry::NOTICES, "endpoint" => self.name.clone(), "outcome" => outcome).increment(1);
        let disabled = noted.health.disabled_at.is_some();
        gauge!(telemetry::NOTICES_DISABLED, "endpoint" => self.name.clone()).set(f64::from(u8::from(disabled)));
        let failure = noted.health.last_failure.as_deref().unwrap_or_default();
        match outcome {
            "delivered" => tracing::debug!(endpoint, kind, %id, "a notice was told"),
            "given_up" => tracing::error!(endpoint, kind, %id, failure, "a notice could not be told and is given up"),
            _ => tracing::warn!(endpoint, kind, %id, failure, "a notice could not be told; it is tried again"),
        }
        if disabled {
            tracing::error!(
                endpoint,
                failure,
                "an endpoint for notices has failed for too long and is told nothing more; mend it, then \
                 POST /api/notices/{endpoint}/enable"
            );
        }
    }
}
