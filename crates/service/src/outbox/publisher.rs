//! Where messages go: the trait, and a publisher that keeps them in memory.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_core::text::Text;

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What keeps its order: messages of one key are kept in it.
    pub key: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub payload: Vec<u8>,
}

/// What keeps messages from being taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong, and which setting to look at: for whoever asks.
    pub what: Text,
    /// Kafka's own words, which may name hosts: for the log alone.
    pub said: String,
}

/// Why a message was not taken. The publisher decides which, once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Waiting may help, or a person who mends what is said here. It may have
    /// been taken all the same.
    #[error("{}", .0.what.en)]
    Later(Trouble),
    /// This message will not be taken, however long one waits.
    #[error("{0}")]
    Refused(String),
}

/// What comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes messages to where others read them.
pub trait EventPublisher: Send + Sync + 'static {
    /// Hands a message over. What is handed over first stands first, of the
    /// same key; the answer comes when it is safe there, or is given up.
    fn publish(&self, message: Message) -> Later<'static, Result<(), PublishError>>;

    /// Whether messages would be taken now, as far as can be told without one.
    fn probe(&self) -> Later<'_, Result<(), Trouble>>;
}

/// Keeps messages in memory, for tests: it can be away, refuse, and take a
/// message without saying so.
#[derive(Debug, Default)]
pub struct MemoryPublisher(Mutex<Broker>);

#[derive(Debug, Default)]
struct Broker {
    taken: Vec<Message>,
    away: bool,
    refused: HashSet<String>,
    failing: HashSet<String>,
    silent: HashSet<String>,
    tries: HashMap<String, usize>,
}

/// How long it takes to say that it is away.
const AWAY: Duration = Duration::from_secs(2);

impl MemoryPublisher {
    /// What it has taken, oldest first.
    pub fn taken(&self) -> Vec<Message> {
        self.lock().taken.clone()
    }

    /// It takes nothing until it is back.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// It refuses messages of this key for good, or does no longer.
    pub fn set_refused(&self, key: &str, refused: bool) {
        set(&mut self.lock().refused, key, refused);
    }

    /// It does not take messages of this key for now, or does again.
    pub fn set_failing(&self, key: &str, failing: bool) {
        set(&mut self.lock().failing, key, failing);
    }

    /// It takes messages of this key and never says so, or does again.
    pub fn set_silent(&self, key: &str, silent: bool) {
        set(&mut self.lock().silent, key, silent);
    }

    /// How often a message of this key was handed over.
    pub fn tries(&self, key: &str) -> usize {
        self.lock().tries.get(key).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Broker> {
        // Each use is one operation.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(keys: &mut HashSet<String>, key: &str, is_in: bool) {
    if is_in {
        keys.insert(key.to_owned());
    } else {
        keys.remove(key);
    }
}

fn away() -> Trouble {
    Trouble {
        what: Text::new("it is away", "연결할 수 없습니다"),
        said: "nothing".to_owned(),
    }
}

impl EventPublisher for MemoryPublisher {
    fn publish(&self, message: Message) -> Later<'static, Result<(), PublishError>> {
        let mut broker = self.lock();
        *broker.tries.entry(message.key.clone()).or_default() += 1;
        if broker.away {
            return Box::pin(async {
                tokio::time::sleep(AWAY).await;
                Err(PublishError::Later(away()))
            });
        }
        if broker.refused.contains(&message.key) {
            return Box::pin(async { Err(PublishError::Refused("too large".to_owned())) });
        }
        if broker.failing.contains(&message.key) {
            return Box::pin(async { Err(PublishError::Later(away())) });
        }
        let silent = broker.silent.contains(&message.key);
        broker.taken.push(message);
        if silent {
            return Box::pin(std::future::pending());
        }
        Box::pin(async { Ok(()) })
    }

    fn probe(&self) -> Later<'_, Result<(), Trouble>> {
        let answer = if self.lock().away { Err(away()) } else { Ok(()) };
        Box::pin(async { answer })
    }
}
