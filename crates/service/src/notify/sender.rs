//! The loop of one endpoint: looks for what is due, holds the endpoint so that no
//! other node sends, sends one after the other, and keeps what came of each.
//!
//! What came of one and could not be kept is kept first of all when the database
//! takes it again: until then nothing is sent, or it would be sent each second.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::notice::sending::{EndpointHealth, NoticeFate, Sending, Sent, after};
use fanfare_core::notice::{Notice, Subject};
use fanfare_ledger::StoreError;
use fanfare_ledger::notices::{DueNotice, EndpointLook, Holder, Noted, Notices};
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
    /// How this node has it configured.
    pub(super) fingerprint: String,
    pub(super) sink: Sink,
    pub(super) store: Arc<dyn Notices>,
    pub(super) life: Life,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: StdRng,
    /// What came of the last sending, by whom, where it could not be kept.
    pub(super) unkept: Option<(Holder, Noted)>,
    pub(super) standing: Standing,
}

/// Whether the endpoint is this node's to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// The database has it as this node.
    #[default]
    Own,
    /// Another node has it configured otherwise.
    Otherwise,
    /// It is not there.
    Missing,
}

impl Sender {
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        // There from the start, so that an alert can tell nothing from naught.
        for outcome in ["delivered", "failed", "given_up", "forgotten"] {
            counter!(telemetry::NOTICES, "endpoint" => self.name.clone(), "outcome" => outcome).increment(0);
        }
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
        self.keep_unkept().await?;
        if !self.look().await? {
            return Ok(());
        }
        let holder = self.holder();
        let Some(health) = self.hold(&holder).await? else {
            return Ok(());
        };
        let told = self.tell_due(&holder, health, stopping).await;
        if self.unkept.is_some() {
            // Another node would send it at once.
            return told;
        }
        self.store.release_endpoint(&holder).await?;
        told
    }

    async fn keep_unkept(&mut self) -> Result<(), StoreError> {
        let Some((holder, noted)) = &self.unkept else {
            return Ok(());
        };
        self.store.note_sending(holder, noted).await?;
        self.store.release_endpoint(holder).await?;
        self.unkept = None;
        tracing::info!(
            endpoint = self.name,
            "what came of the last notice is kept; goes on telling the endpoint"
        );
        Ok(())
    }

    /// Whether it is to be told something now, and may be. Only reads.
    async fn look(&mut self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let look = self.store.look_at_endpoint(&self.name, now).await?;
        self.see_standing(look.as_ref());
        let Some(look) = look else { return Ok(false) };
        self.show(&look.health);
        Ok(self.standing == Standing::Own && look.is_due && look.health.may_be_told(now))
    }

    fn see_standing(&mut self, look: Option<&EndpointLook>) {
        let standing = match look {
            None => Standing::Missing,
            Some(look) if look.fingerprint != self.fingerprint => Standing::Otherwise,
            Some(_) => Standing::Own,
        };
        let endpoint = self.name.as_str();
        match standing {
            _ if standing == self.standing => {}
            Standing::Own => tracing::info!(endpoint, "this node tells the endpoint for notices again"),
            Standing::Otherwise => tracing::warn!(
                endpoint,
                "another node that shares the database has this endpoint for notices configured otherwise and began \
                 later; this node tells it nothing. Give all nodes the same [[notices]]"
            ),
            Standing::Missing => tracing::warn!(
                endpoint,
                "this endpoint for notices is not in the database any more; it is told again when this node has \
                 named it"
            ),
        }
        self.standing = standing;
    }

    /// On every node, whichever of them sends.
    fn show(&self, health: &EndpointHealth) {
        let disabled = u8::from(health.disabled_at.is_some());
        gauge!(telemetry::NOTICES_DISABLED, "endpoint" => self.name.clone()).set(f64::from(disabled));
    }

    /// Reads while the endpoint is held: what another node has told is not among it.
    async fn tell_due(
        &mut self,
        holder: &Holder,
        health: EndpointHealth,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        // Held just now, and said again before each that follows.
        let mut held = Some(health);
        loop {
            let due = self.store.due_notices(&self.name, self.clock.now(), AT_ONCE).await?;
            let is_all = due.len() < AT_ONCE;
            for due in due {
                if held.is_none() {
                    held = self.hold(holder).await?;
                }
                let Some(health) = held.take() else { return Ok(()) };
                if *stopping.borrow() || !health.may_be_told(self.clock.now()) {
                    return Ok(());
                }
                self.tell(holder, &due, &health).await?;
            }
            if is_all {
                return Ok(());
            }
        }
    }

    fn holder(&self) -> Holder {
        Holder {
            endpoint: self.name.clone(),
            fingerprint: self.fingerprint.clone(),
            token: self.life.token(),
        }
    }

    /// How it is, where this node may send to it.
    async fn hold(&self, holder: &Holder) -> Result<Option<EndpointHealth>, StoreError> {
        let now = self.clock.now();
        let until = now.saturating_add(HOLD).unwrap_or(now);
        self.store.hold_endpoint(holder, now, until).await
    }

    async fn tell(&mut self, holder: &Holder, due: &DueNotice, health: &EndpointHealth) -> Result<(), StoreError> {
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
        let kept = self.store.note_sending(holder, &noted).await;
        if let Err(error) = &kept {
            tracing::warn!(
                endpoint = self.name,
                error = error as &dyn Error,
                "what came of a notice could not be kept; nothing more is told until it is"
            );
            self.unkept = Some((holder.clone(), noted));
        }
        kept
    }

    fn say(&self, due: &DueNotice, sent: &Sent, noted: &Noted) {
        let (endpoint, kind, id) = (self.name.as_str(), due.notice.kind().name(), due.notice.id);
        let outcome = match (sent, &noted.fate) {
            (Sent::Delivered, _) => "delivered",
            (_, NoticeFate::GivenUp) => "given_up",
            _ => "failed",
        };
        counter!(telemetry::NOTICES, "endpoint" => self.name.clone(), "outcome" => outcome).increment(1);
        self.show(&noted.health);
        let failure = noted.health.last_failure.as_deref().unwrap_or_default();
        match outcome {
            "delivered" => tracing::debug!(endpoint, kind, %id, "a notice was told"),
            "given_up" => tracing::error!(endpoint, kind, %id, failure, "a notice could not be told and is given up"),
            _ => tracing::warn!(endpoint, kind, %id, failure, "a notice could not be told; it is tried again"),
        }
        if noted.health.disabled_at.is_some() {
            tracing::error!(
                endpoint,
                failure,
                "an endpoint for notices has failed for too long and is told nothing more; mend it, then \
                 POST /api/notices/{endpoint}/enable"
            );
        }
    }
}
