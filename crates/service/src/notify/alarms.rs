//! What is not as it should be with the service itself: a breaker that is open,
//! deliveries that do not go on, events that Kafka does not get, a token that
//! lapses. Each is told when it begins, and a breaker when it is over, once for all
//! nodes: who sees it says so in the database, and it is over when nobody has for a
//! while.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::credential::TokenStanding;
use fanfare_core::notice::{Notice, Subject, TokenNotice};
use fanfare_core::resilience::breaker::BreakerState;
use fanfare_ledger::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::perform::EngineHandle;
use crate::standing::Overdue;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// What stands as it did is said again so often.
const SAID_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Nobody has seen it for so long: it is over.
const OVER_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Events that wait for Kafka for longer are told of.
const BEHIND_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A node that has just begun does not know yet how its breakers and its relay
/// are: for so long it takes nothing for over.
const SETTLES: Duration = Duration::from_secs(10);

/// Watches this node.
pub(super) struct Alarms {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: EngineHandle,
    pub(super) clock: Arc<dyn Clock>,
    /// How Instagram's token stands, where it is looked after.
    pub(super) token: Option<watch::Receiver<Option<TokenStanding>>>,
    /// What does not go on, of all nodes.
    pub(super) overdue: watch::Receiver<Overdue>,
    /// Whether events go to Kafka.
    pub(super) publishes: bool,
    /// What was said of each, and when.
    pub(super) said: BTreeMap<String, (u64, Timestamp)>,
    pub(super) began: Instant,
}

/// How something stands: its level, 0 where all is well, and what is told then.
struct Seen {
    key: String,
    level: u64,
    bad: Subject,
    over: Option<Subject>,
}

impl Alarms {
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow_and_update() {
            if let Err(error) = self.round().await {
                tracing::debug!(error = &error as &dyn Error, "could not keep an alarm; looks again");
            }
            if let Ok(Err(_)) = tokio::time::timeout(INTERVAL, stopping.changed()).await {
                break;
            }
        }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let settled = self.began.elapsed() >= SETTLES;
        for seen in self.look(now) {
            if seen.level == 0 && !settled {
                continue;
            }
            let is_news = self.said.get(&seen.key).is_none_or(|(level, at)| {
                let passed = now.duration_since(*at);
                *level != seen.level || passed >= SAID_EVERY || passed.is_negative()
            });
            if is_news {
                self.say(&seen, now).await?;
                self.said.insert(seen.key, (seen.level, now));
            }
        }
        Ok(())
    }

    async fn say(&self, seen: &Seen, now: Timestamp) -> Result<(), StoreError> {
        if seen.level > 0 {
            let notice = Notice::of_service(seen.bad.clone(), now);
            self.store.raise_alarm(&seen.key, seen.level, &notice).await?;
            return Ok(());
        }
        let notice = seen.over.clone().map(|over| Notice::of_service(over, now));
        let unseen_since = before(now, OVER_AFTER);
        self.store.clear_alarm(&seen.key, unseen_since, notice.as_ref()).await?;
        Ok(())
    }

    fn look(&self, now: Timestamp) -> Vec<Seen> {
        let mut seen: Vec<_> = Channel::ALL.map(|channel| self.breaker(channel)).into();
        seen.extend(Channel::ALL.map(|channel| self.overdue(channel, now)));
        seen.extend(self.token(now));
        if self.publishes {
            seen.extend(self.relay(now));
        }
        seen
    }

    fn breaker(&self, channel: Channel) -> Seen {
        let state = self.engine.breaker(channel).state;
        let open = !matches!(state, BreakerState::Closed | BreakerState::Disabled);
        Seen {
            key: format!("breaker/{channel}"),
            level: u64::from(open),
            bad: Subject::Breaker { channel, open: true },
            over: Some(Subject::Breaker { channel, open: false }),
        }
    }

    fn overdue(&self, channel: Channel, now: Timestamp) -> Seen {
        let since = self.overdue.borrow()[channel.index()];
        Seen {
            key: format!("overdue/{channel}"),
            level: u64::from(since.is_some()),
            bad: Subject::Overdue {
                channel,
                since: since.unwrap_or(now),
            },
            over: None,
        }
    }

    fn token(&self, now: Timestamp) -> Option<Seen> {
        let standing = self.token.as_ref()?.borrow().clone()?;
        if standing.is_due(now) && standing.tried.code().is_none() {
            // It is just being renewed, which may well succeed.
            return None;
        }
        let channel = Channel::Instagram;
        Some(Seen {
            key: format!("token/{channel}"),
            level: standing.state(now).level(),
            bad: Subject::Token(TokenNotice {
                channel,
                expires_at: standing.expires_at,
                tried: standing.tried,
            }),
            over: None,
        })
    }

    fn relay(&self, now: Timestamp) -> Vec<Seen> {
        let Some(view) = self.engine.relay() else {
            return Vec::new();
        };
        let backlog = view.backlog;
        let since = backlog.oldest.unwrap_or(now);
        let behind = Seen {
            key: "relay".to_owned(),
            level: u64::from(now.duration_since(since) >= BEHIND_AFTER),
            bad: Subject::Relay {
                since,
                unpublished: backlog.unpublished,
            },
            over: None,
        };
        let dead = Seen {
            key: "dead-letters".to_owned(),
            // The next where there are twice as many: told again then.
            level: u64::from(u64::BITS - backlog.dead.leading_zeros()),
            bad: Subject::DeadLetters { count: backlog.dead },
            over: None,
        };
        vec![behind, dead]
    }
}

/// A time so much earlier.
pub(super) fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(now)
}
