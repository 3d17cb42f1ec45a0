//! What is not as it should be with the service itself: a breaker that is open, a
//! channel's or an account's, deliveries that do not go on, events that Kafka does not
//! get, a token that lapses, a tenant's among them. Each is told when it begins, and a
//! breaker when it is over, once for all nodes: who sees it says so in the database, and
//! it is over when nobody has for a while.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::credential::{TokenStanding, Tried};
use fanfare_core::ids::TenantId;
use fanfare_core::notice::{Notice, Subject, TokenNotice};
use fanfare_core::resilience::breaker::BreakerState;
use fanfare_ledger::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::accounts::lapsing::Standings;
use crate::clock::Clock;
use crate::credentials::CHANNEL;
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

/// So much is said of tenants' tokens in one look: there may be many.
const SAID_AT_ONCE: usize = 50;

/// How Instagram's tokens stand, where they are looked after.
#[derive(Clone, Default)]
pub struct Tokens {
    /// The configured one.
    pub(crate) configured: Option<watch::Receiver<Option<TokenStanding>>>,
    /// Tenants' own.
    pub(crate) tenants: Option<watch::Receiver<Standings>>,
}

/// Watches this node.
pub(super) struct Alarms {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: EngineHandle,
    pub(super) clock: Arc<dyn Clock>,
    /// How Instagram's tokens stand, where they are looked after.
    pub(super) tokens: Tokens,
    /// What does not go on, of all nodes.
    pub(super) overdue: watch::Receiver<Overdue>,
    /// Whether events go to Kafka.
    pub(super) publishes: bool,
    /// What was said of each, and when.
    pub(super) said: BTreeMap<String, (u64, Timestamp)>,
    /// What was said of tenants' tokens.
    pub(super) said_of_tenants: BTreeMap<String, u64>,
    /// Whose account's breaker was seen to be open, and when last.
    pub(super) open_accounts: BTreeMap<(Channel, TenantId), Timestamp>,
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
            self.say_news(seen, now).await?;
        }
        self.accounts(now).await?;
        self.tenants_tokens(now).await
    }

    async fn say_news(&mut self, seen: Seen, now: Timestamp) -> Result<(), StoreError> {
        let is_news = self.said.get(&seen.key).is_none_or(|(level, at)| {
            let passed = now.duration_since(*at);
            *level != seen.level || passed >= SAID_EVERY || passed.is_negative()
        });
        if is_news {
            self.say(&seen, now).await?;
            self.said.insert(seen.key, (seen.level, now));
        }
        Ok(())
    }

    /// The breaker of a tenant's account is this node's to speak of from when it is seen to
    /// be open until it has not been for a while. What a node left behind when it died
    /// is over before the next one begins.
    async fn accounts(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let open = self.engine.troubled_accounts();
        let new = open.iter().filter(|account| !self.open_accounts.contains_key(account));
        for (channel, tenant) in new.take(SAID_AT_ONCE).cloned().collect::<Vec<_>>() {
            let seen = breaker(channel, Some(&tenant), true);
            self.store.clear_alarm(&seen.key, before(now, OVER_AFTER), None).await?;
            self.open_accounts.insert((channel, tenant), now);
        }
        for (account, last) in self.open_accounts.clone() {
            let seen = breaker(account.0, Some(&account.1), open.contains(&account));
            if seen.level > 0 {
                self.say_news(seen, now).await?;
                self.open_accounts.insert(account, now);
            } else if now.duration_since(last) >= OVER_AFTER {
                self.say(&seen, now).await?;
                self.said.remove(&seen.key);
                self.open_accounts.remove(&account);
            }
        }
        Ok(())
    }

    /// A tenant's token is kept for all nodes alike, so that they see the same: it is said
    /// when that changes. The alarm is of this token alone, and is over with it.
    async fn tenants_tokens(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(tenants) = &self.tokens.tenants else {
            return Ok(());
        };
        let seen = of_tenants(&tenants.borrow(), now);
        let is_news = |bad: &&Seen| self.said_of_tenants.get(&bad.key) != Some(&bad.level);
        for bad in seen
            .values()
            .flatten()
            .filter(is_news)
            .take(SAID_AT_ONCE)
            .collect::<Vec<_>>()
        {
            self.say(bad, now).await?;
            self.said_of_tenants.insert(bad.key.clone(), bad.level);
        }
        let over = self.said_of_tenants.keys().filter(|key| !seen.contains_key(*key));
        for key in over.take(SAID_AT_ONCE).cloned().collect::<Vec<_>>() {
            self.store.clear_alarm(&key, now, None).await?;
            self.said_of_tenants.remove(&key);
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
        breaker(channel, None, open)
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
        let standing = self.tokens.configured.as_ref()?.borrow().clone()?;
        token("", None, &standing, now)
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

/// How a channel's breaker stands, or that of a tenant's account there.
fn breaker(channel: Channel, tenant: Option<&TenantId>, open: bool) -> Seen {
    let subject = |open| Subject::Breaker {
        channel,
        tenant: tenant.cloned(),
        open,
    };
    Seen {
        key: tenant.map_or_else(
            || format!("breaker/{channel}"),
            |tenant| format!("breaker/{channel}/{tenant}"),
        ),
        level: u64::from(open),
        bad: subject(true),
        over: Some(subject(false)),
    }
}

/// What is bad of tenants' tokens, each by itself; nothing of one that is just being
/// renewed: that is not over.
fn of_tenants(standings: &[(TenantId, TokenStanding)], now: Timestamp) -> BTreeMap<String, Option<Seen>> {
    let seen = standings.iter().map(|(tenant, standing)| {
        let name = format!("/{}/{}", tenant.as_str(), standing.set_at.as_microsecond());
        let seen = token(&name, Some(tenant), standing, now);
        (key(&name), seen.filter(|_| standing.tried != Tried::Begun))
    });
    seen.filter(|(_, seen)| seen.as_ref().is_none_or(|seen| seen.level > 0))
        .collect()
}

/// Of a token's alarm.
fn key(name: &str) -> String {
    format!("token/{CHANNEL}{name}")
}

/// How a token stands; nothing where it is just being renewed, which may well succeed.
fn token(name: &str, tenant: Option<&TenantId>, standing: &TokenStanding, now: Timestamp) -> Option<Seen> {
    if standing.is_due(now) && standing.tried.code().is_none() {
        return None;
    }
    let channel = CHANNEL;
    Some(Seen {
        key: key(name),
        level: standing.state(now).level(),
        bad: Subject::Token(TokenNotice {
            tenant: tenant.cloned(),
            channel,
            expires_at: standing.expires_at,
            tried: standing.tried.clone(),
        }),
        over: None,
    })
}

/// A time so much earlier.
pub(super) fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a refused one would be told of with each try, hour by hour.
    #[test]
    fn a_tenant_s_token_that_is_just_being_renewed_is_neither_bad_nor_over() {
        let day = |day: u64| Timestamp::UNIX_EPOCH + Duration::from_hours(24 * day);
        let (now, cafe) = (day(50), TenantId::new("cafe"));
        let tried = |tried: Tried, end: u64| TokenStanding {
            tried_at: Some(now),
            tried,
            ..TokenStanding::new(day(0), Some(day(end)))
        };
        let refused = || Tried::Failed {
            code: "auth_expired".to_owned(),
            said: None,
        };
        let levels = |standing: TokenStanding| {
            let seen = of_tenants(&[(cafe.clone(), standing)], now);
            seen.into_values()
                .map(|seen| seen.map(|seen| seen.level))
                .collect::<Vec<_>>()
        };
        assert_eq!(levels(tried(Tried::Well, 90)), [], "good");
        assert_eq!(levels(tried(refused(), 90)), [Some(5)]);
        assert_eq!(levels(tried(Tried::Begun, 90)), [None], "somebody is at it");
        assert_eq!(levels(tried(Tried::Begun, 60)), [None]);
        assert_eq!(levels(TokenStanding::new(day(0), Some(day(60)))), [None], "it is due");
        assert_eq!(levels(tried(Tried::Well, 60)), [Some(1)]);
    }
}
