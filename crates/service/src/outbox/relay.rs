//! The loop towards Kafka.
//!
//! It goes in rounds: read what is not published, oldest first; hand over one
//! outcome an event, all at once; wait for every answer; mark what came of them
//! in one commit. An event's next version is read when the one before is marked,
//! so its order is kept whatever fails, and what is in flight is bounded by the
//! size of a round. A crash between answer and mark publishes again, under the
//! same id.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_ledger::outbox::{Fate, Mark, MarkKind, OutboxEntry, Partition};
use fanfare_ledger::{Store, StoreError};
use futures_util::future::join_all;
use metrics::{counter, gauge};
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Instant;

use super::cloud_event::{self, EventSettings};
use super::hold::{Holds, backoff, key_of};
use super::link::Link;
use super::publisher::{EventPublisher, PublishError, Trouble};
use crate::clock::Clock;
use crate::perform::Life;
use crate::telemetry;

/// Between two claims of partitions; the figures are counted as often.
const CLAIM_INTERVAL: Duration = Duration::from_secs(5);

/// Between two looks at the outbox where nobody wakes the relay: what other
/// nodes have put there, and what a person has published again.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// From one round to the next at least, where all is told: what comes meanwhile
/// shares a commit of marks.
const ROUND_INTERVAL: Duration = Duration::from_millis(100);

/// Between two probes of a publisher that is in trouble and has nothing to do.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Events in flight at once.
const BATCH: usize = 500;

/// After so many refusals an event is a dead letter.
const MAX_REFUSALS: u32 = 5;

pub(super) struct Relay {
    pub(super) store: Arc<dyn Store>,
    pub(super) life: Life,
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: StdRng,
    /// Those that this life relays.
    pub(super) partitions: watch::Sender<Vec<Partition>>,
    /// Absent where there is no Kafka: then partitions are claimed for the
    /// cache's sake alone.
    pub(super) publishing: Option<Publishing>,
}

/// What is known of the publisher.
pub(super) struct Publishing {
    publisher: Arc<dyn EventPublisher>,
    settings: EventSettings,
    holds: Holds,
    /// Rounds in a row in which nothing was taken.
    failures: u32,
    trouble: Option<Trouble>,
    next_probe: Instant,
}

impl Publishing {
    pub(super) fn new(publisher: Arc<dyn EventPublisher>, settings: EventSettings) -> Self {
        Self {
            publisher,
            settings,
            holds: Holds::default(),
            failures: 0,
            trouble: None,
            next_probe: Instant::now(),
        }
    }
}

/// How a round ended.
enum Round {
    /// There was nothing to do.
    Idle,
    /// All was told; `more`: there is more that can be done at once.
    Done { more: bool },
    /// Nobody took anything.
    Away,
    /// The store failed.
    Failed,
}

impl Relay {
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        if self.publishing.is_some() {
            // Shown from the start.
            counter!(telemetry::PUBLISHED).increment(0);
        }
        let mut next_claim = Instant::now();
        loop {
            let stops = *stopping.borrow_and_update();
            if Instant::now() >= next_claim {
                self.claim().await;
                next_claim = Instant::now() + CLAIM_INTERVAL;
            }
            let began = Instant::now();
            let round = match self.round().await {
                Ok(round) => round,
                Err(error) => {
                    tracing::error!(error = &error as &dyn Error, "the outbox could not be read or marked");
                    Round::Failed
                }
            };
            // One last round after the performer has ended has published all.
            if stops && !matches!(round, Round::Done { more: true }) {
                return;
            }
            self.pause(&round, began, &mut stopping).await;
        }
    }

    async fn pause(&mut self, round: &Round, began: Instant, stopping: &mut watch::Receiver<bool>) {
        let (least, most) = match round {
            Round::Done { more: true } => return,
            Round::Done { more: false } => (ROUND_INTERVAL, LOOK_INTERVAL),
            Round::Idle => (Duration::ZERO, LOOK_INTERVAL),
            Round::Failed => (CLAIM_INTERVAL, CLAIM_INTERVAL),
            Round::Away => {
                let failures = self.publishing.as_ref().map_or(1, |publishing| publishing.failures);
                let wait = backoff(failures, &mut self.rng);
                (wait, wait)
            }
        };
        let woken = async {
            tokio::time::sleep_until(began + least).await;
            if least < most {
                self.link.woken().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        // After a failure the wait counts from now: the round itself was long.
        let until = if least == most {
            Instant::now() + most
        } else {
            began + most
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep_until(until) => {}
            // An error means that nobody can stop it any more: the next round is the last.
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }

    /// Between rounds only: what is given up here is not in flight.
    async fn claim(&mut self) {
        match self.store.claim_partitions(self.life.token()).await {
            Ok(partitions) => _ = self.partitions.send_replace(partitions),
            Err(error) => {
                // Others may have them by now.
                self.partitions.send_replace(Vec::new());
                tracing::error!(
                    error = &error as &dyn Error,
                    "no partitions of the outbox could be claimed"
                );
            }
        }
        if let Some(publishing) = &mut self.publishing {
            publishing.holds.forget_old(Instant::now());
            self.count().await;
        }
    }

    async fn count(&self) {
        match self.store.backlog().await {
            Ok(backlog) => {
                let age = backlog.oldest.map(|oldest| self.clock.now().duration_since(oldest));
                set_gauge(telemetry::UNPUBLISHED, backlog.unpublished);
                set_gauge(telemetry::DEAD, backlog.dead);
                gauge!(telemetry::UNPUBLISHED_OLDEST).set(age.map_or(0.0, |age| age.as_secs_f64().max(0.0)));
                self.link.show(|view| view.backlog = backlog);
            }
            Err(error) => tracing::error!(error = &error as &dyn Error, "the outbox could not be counted"),
        }
    }

    async fn round(&mut self) -> Result<Round, StoreError> {
        let Some(publishing) = &mut self.publishing else {
            return Ok(Round::Idle);
        };
        let partitions = self.partitions.borrow().clone();
        let (entries, more) = publishing.sendable(&*self.store, &partitions).await?;
        if entries.is_empty() {
            publishing.probe(&self.link).await;
            return Ok(Round::Idle);
        }
        let answers = publishing.publish(&entries).await;
        let (marks, mut trouble) = publishing.judge(&entries, answers, &self.link, &mut self.rng);
        if marks.is_empty() {
            // That a message took too long says less than what the brokers say.
            trouble = publishing.publisher.probe().await.err().or(trouble);
        }
        publishing.tell(trouble, &self.link);
        if marks.is_empty() {
            return Ok(Round::Away);
        }
        self.store.mark(&marks, self.clock.now()).await?;
        Ok(Round::Done { more })
    }
}

impl Publishing {
    /// The oldest outcome of each event that need not wait, and whether there is
    /// more to send after these.
    async fn sendable(
        &self,
        store: &dyn Store,
        partitions: &[Partition],
    ) -> Result<(Vec<OutboxEntry>, bool), StoreError> {
        let (mut chosen, mut more, mut seen, mut after) = (Vec::new(), false, HashSet::new(), 0);
        loop {
            let page = store.unmarked(MarkKind::Published, partitions, after, BATCH).await?;
            let full = page.len() == BATCH;
            after = page.last().map_or(after, |last| last.position);
            for entry in page {
                let key = key_of(&entry);
                if self.holds.waits(&key, Instant::now()) {
                    continue;
                }
                if chosen.len() < BATCH && seen.insert(key) {
                    chosen.push(entry);
                } else {
                    more = true;
                }
            }
            if !full || chosen.len() == BATCH {
                return Ok((chosen, more || full));
            }
        }
    }

    /// Hands all over, in order, and waits for every answer.
    async fn publish(&self, entries: &[OutboxEntry]) -> Vec<Result<(), PublishError>> {
        let handed_over = entries.iter().map(|entry| {
            let message = cloud_event::message(entry, &self.settings);
            let answer = message.map(|message| self.publisher.publish(message));
            async {
                match answer {
                    Ok(answer) => answer.await,
                    Err(error) => Err(PublishError::Refused(error.to_string())),
                }
            }
        });
        // Collected first: handing over is not to wait for being asked.
        join_all(handed_over.collect::<Vec<_>>()).await
    }

    /// What is to be marked, and what kept the others from being taken. Where
    /// nothing is marked, nobody took anything.
    fn judge(
        &mut self,
        entries: &[OutboxEntry],
        answers: Vec<Result<(), PublishError>>,
        link: &Link,
        rng: &mut StdRng,
    ) -> (Vec<Mark>, Option<Trouble>) {
        let mut marks = Vec::new();
        let (mut failed, mut trouble) = (Vec::new(), None);
        for (entry, answer) in entries.iter().zip(answers) {
            let fate = match answer {
                Ok(()) => published(entry, link),
                Err(PublishError::Refused(reason)) => refused(entry, reason),
                Err(PublishError::Later(why)) => {
                    failed.push(entry);
                    trouble = Some(why);
                    continue;
                }
            };
            match fate {
                Fate::Refused { dead: false, .. } => self.holds.hold(entry, Instant::now(), rng),
                _ => self.holds.release(entry),
            }
            marks.push(entry.mark(fate));
        }
        let away = marks.is_empty();
        self.failures = if away { self.failures + 1 } else { 0 };
        // Where some are taken, only those that are not have to wait.
        for entry in failed.into_iter().filter(|_| !away) {
            self.holds.hold(entry, Instant::now(), rng);
        }
        (marks, trouble)
    }

    /// Whether it could publish, where it has nothing to publish.
    async fn probe(&mut self, link: &Link) {
        if Instant::now() < self.next_probe {
            return;
        }
        let trouble = self.publisher.probe().await.err();
        self.next_probe = Instant::now() + PROBE_INTERVAL;
        self.tell(trouble, link);
    }

    /// Logged where it changes.
    fn tell(&mut self, trouble: Option<Trouble>, link: &Link) {
        if self.trouble == trouble {
            return;
        }
        if let Some(why) = &trouble {
            let (what, said) = (&why.what.en, &why.said);
            tracing::warn!("events are not published, and are kept until they can be: {what} {said}");
        } else {
            tracing::info!("events can be published again");
        }
        self.trouble.clone_from(&trouble);
        link.show(|view| view.trouble = trouble);
    }
}

fn published(entry: &OutboxEntry, link: &Link) -> Fate {
    counter!(telemetry::PUBLISHED).increment(1);
    if link.has_cached(&entry.event) {
        Fate::PublishedAndCached
    } else {
        Fate::Published
    }
}

fn refused(entry: &OutboxEntry, reason: String) -> Fate {
    let dead = entry.refusals + 1 >= MAX_REFUSALS;
    if dead {
        tracing::error!(
            event.id = %entry.event_uuid,
            distribution.id = %entry.event.distribution_id,
            reason,
            "an event is refused for good and is a dead letter now; `fanfare events dead` shows it, \
             `fanfare events replay` publishes it again"
        );
    }
    Fate::Refused { reason, dead }
}

fn set_gauge(name: &'static str, value: u64) {
    gauge!(name).set(telemetry::float(value));
}
