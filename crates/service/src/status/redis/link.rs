//! The one connection to Redis, and its breaker.
//!
//! Callers never connect: they use the connection that is there, for 50 ms at
//! most, or go without. Connecting is the probe's business, so it may take
//! longer, and what it finds wrong is told once: when the state changes.
//!
//! The credentials are sent from here rather than by the library, which would
//! keep the server's own words about them to itself.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_channels::secret::Secret;
use metrics::Gauge;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, RedisConnectionInfo, RedisResult};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::entry::{companion_key, write_script};
use crate::status::breaker::Breaker;

/// No caller waits longer.
const CALL_TIMEOUT: Duration = Duration::from_millis(50);

/// For a new connection, TLS, login and a first write.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Written by a probe, for a second.
const PROBE_KEY: &str = "fanfare:probe";

/// The URL cannot be used. It is a secret, so it is not shown.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis is not usable")]
pub struct RedisUrlError(#[from] redis::RedisError);

/// What became of a question.
pub(super) enum Asked<T> {
    /// Redis said this.
    Answered(T),
    /// It said it too late, or not at all, or refused.
    Failed,
    /// It is left alone just now.
    LeftAlone,
}

/// The way to Redis.
pub(super) struct Link {
    client: Client,
    login: Login,
    /// Host and port; may be shown.
    address: String,
    state: Mutex<State>,
    /// Someone has to look: the breaker has opened.
    opened: Notify,
    breaker_open: Gauge,
}

struct Login {
    user: Option<String>,
    password: Option<Secret>,
    database: i64,
}

struct State {
    breaker: Breaker,
    /// There while the breaker is closed.
    connection: Option<MultiplexedConnection>,
    /// Counts connections: what was asked on an earlier one says nothing of this one.
    number: u64,
    /// It was told that Redis is left alone.
    told: bool,
}

impl Link {
    /// Not connected yet: the first probe is due at once.
    pub(super) fn new(url: &Secret, breaker_open: Gauge) -> Result<Self, RedisUrlError> {
        let named = url.reveal().into_connection_info()?;
        let settings = named.redis_settings();
        let login = Login {
            user: settings.username().map(ToOwned::to_owned),
            password: settings.password().map(Secret::new),
            database: settings.db(),
        };
        let address = named.addr().to_string();
        let anonymous = named.set_redis_settings(RedisConnectionInfo::default());
        breaker_open.set(1.0);
        Ok(Self {
            client: Client::open(anonymous)?,
            login,
            address,
            state: Mutex::new(State {
                breaker: Breaker::new(Instant::now()),
                connection: None,
                number: 0,
                told: false,
            }),
            opened: Notify::new(),
            breaker_open,
        })
    }

    /// Asks Redis, unless it is left alone.
    pub(super) async fn ask<T, F>(&self, call: impl FnOnce(MultiplexedConnection) -> F) -> Asked<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (connection, number) = {
            let state = self.state();
            let Some(connection) = state.connection.clone() else {
                return Asked::LeftAlone;
            };
            (connection, state.number)
        };
        match timeout(CALL_TIMEOUT, call(connection)).await {
            Ok(Ok(answer)) => {
                let mut state = self.state();
                if state.number == number {
                    state.breaker.succeeded();
                }
                Asked::Answered(answer)
            }
            Ok(Err(error)) => {
                self.failed(number, error.is_unrecoverable_error(), &error.to_string());
                Asked::Failed
            }
            Err(_) => {
                self.failed(number, false, "no answer within 50 ms");
                Asked::Failed
            }
        }
    }

    /// A look whether Redis still answers; counts like every other question.
    pub(super) async fn ping(&self) {
        let ping = |mut connection| async move { Cmd::get(companion_key(PROBE_KEY)).exec_async(&mut connection).await };
        self.ask(ping).await;
    }

    /// Connects anew, if a probe is due.
    pub(super) async fn probe(&self) {
        if !self.state().breaker.try_probe(Instant::now()) {
            return;
        }
        let probed = match timeout(PROBE_TIMEOUT, self.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within a second".to_owned()),
        };
        let mut state = self.state();
        state.breaker.probed(probed.is_ok(), Instant::now());
        match probed {
            Ok(connection) => {
                state.connection = Some(connection);
                state.number += 1;
                state.told = false;
                self.breaker_open.set(0.0);
                tracing::info!(redis.address = self.address, "statuses are cached in Redis");
            }
            Err(reason) => self.tell(&mut state, &reason),
        }
    }

    /// When a probe is due; `None` while the breaker is closed.
    pub(super) fn probe_due(&self) -> Option<Instant> {
        self.state().breaker.probe_due()
    }

    /// Something failed lately, though not often enough.
    pub(super) fn is_suspicious(&self) -> bool {
        self.state().breaker.is_suspicious()
    }

    /// Waits until the breaker opens.
    pub(super) async fn opened(&self) {
        self.opened.notified().await;
    }

    /// A connection that has proved that a status can be written.
    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        // The time limits are ours.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        self.login.send(&mut connection).await?;
        let script = write_script();
        let mut write = script.key(PROBE_KEY);
        write
            .key(companion_key(PROBE_KEY))
            .arg("probe")
            .arg("probe")
            .arg("")
            .arg(1);
        write.invoke_async::<()>(&mut connection).await?;
        Ok(connection)
    }

    fn failed(&self, number: u64, gone: bool, reason: &str) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        let now = Instant::now();
        let opens = if gone {
            state.breaker.lost(now)
        } else {
            state.breaker.failed(now)
        };
        if opens {
            state.connection = None;
            self.breaker_open.set(1.0);
            self.tell(&mut state, reason);
            self.opened.notify_one();
        }
    }

    fn tell(&self, state: &mut State, reason: &str) {
        if !state.told {
            tracing::warn!(
                redis.address = self.address,
                error = reason,
                "Redis, named by redis_url (FANFARE_REDIS_URL), is left alone; statuses come from the database until it answers"
            );
        }
        state.told = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        if self.user.is_some() || self.password.is_some() {
            let mut auth = redis::cmd("AUTH");
            if let Some(user) = &self.user {
                auth.arg(user);
            }
            // A user may have none.
            let password = self.password.as_ref().map_or("", Secret::reveal);
            auth.arg(password).exec_async(connection).await?;
        }
        if self.database != 0 {
            redis::cmd("SELECT").arg(self.database).exec_async(connection).await?;
        }
        Ok(())
    }
}
