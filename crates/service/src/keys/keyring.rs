//! The keys that open this door: looked up in the database, remembered for a
//! few seconds, so that a request costs no query.
//!
//! What is remembered is believed for [`KNOWN_FOR`] from before it was read, so a
//! revoked key opens for 5 seconds at most, on every node. Nothing is told to
//! other nodes; each asks the database.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fanfare_core::api_key::{ApiKey, KeyHash};
use fanfare_ledger::StoreError;
use fanfare_ledger::api_keys::ApiKeys;
use jiff::Timestamp;
use moka::sync::Cache;

use crate::clock::Clock;

/// How long a key is believed to be what it was: 5 seconds at most, even by a
/// clock that goes a tenth too slow while it follows a jump.
const KNOWN_FOR: Duration = Duration::from_millis(4_500);

/// How long a hash is believed to be nobody's: who has just made a key does not
/// wait.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);

/// Keys remembered at once.
const MOST: u64 = 10_000;

/// While there is no key, between two looks whether there is one now.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Why the door stays shut.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Nobody could come in, or everybody would.
    #[error(
        "{listen} can be reached from other machines, and there is no API key yet that opens anything. \
         Make the first, then start again:\n  {make}\n(On 127.0.0.1, no key is asked for until there is one.)"
    )]
    NoKey {
        /// Where the door would be.
        listen: SocketAddr,
        /// The command that makes a key.
        make: String,
    },
    /// The keys cannot be read.
    #[error("the API keys cannot be read")]
    Store(#[from] StoreError),
}

/// Who may come in.
pub struct Keyring {
    store: Arc<dyn ApiKeys>,
    known: Cache<KeyHash, Known>,
    /// Once true, for ever: keys are revoked, never deleted.
    asks: AtomicBool,
    looked: Mutex<Timestamp>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Known {
    key: Option<Arc<ApiKey>>,
    until: Timestamp,
}

impl Keyring {
    /// For a door at this address. A key is asked for where others can reach it,
    /// where `always` says so, and as soon as there is one.
    ///
    /// # Errors
    /// [`KeyringError::NoKey`] where others can reach it and no key opens
    /// anything; `make` is the command that mends that.
    pub async fn start(
        store: Arc<dyn ApiKeys>,
        clock: Arc<dyn Clock>,
        listen: SocketAddr,
        always: bool,
        make: impl FnOnce() -> String,
    ) -> Result<Self, KeyringError> {
        let keys = store.api_keys(None).await?;
        let reachable = !listen.ip().is_loopback();
        if reachable && keys.iter().all(|key| key.revoked_at.is_some()) {
            return Err(KeyringError::NoKey { listen, make: make() });
        }
        Ok(Self {
            store,
            known: Cache::builder().max_capacity(MOST).time_to_live(KNOWN_FOR).build(),
            asks: AtomicBool::new(always || reachable || !keys.is_empty()),
            looked: Mutex::new(clock.now()),
            clock,
        })
    }

    /// Whether a request needs a key. While there is none, it looks now and then.
    pub async fn asks(&self) -> bool {
        if !self.asks.load(Ordering::Relaxed) && self.look_is_due() {
            match self.store.api_keys(None).await {
                Ok(keys) if keys.is_empty() => {}
                Ok(_) => self.asks.store(true, Ordering::Relaxed),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not see whether there are API keys now"
                ),
            }
        }
        self.asks.load(Ordering::Relaxed)
    }

    fn look_is_due(&self) -> bool {
        let now = self.clock.now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now >= after(*looked, LOOK_INTERVAL);
        if due {
            *looked = now;
        }
        due
    }

    /// Whose key this is, revoked or not.
    pub async fn find(&self, hash: &KeyHash) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let begun = self.clock.now();
        if let Some(known) = self.known.get(hash).filter(|known| begun < known.until) {
            return Ok(known.key);
        }
        let key = self.store.api_key_of_hash(hash).await?.map(Arc::new);
        let (remembered, until) = match &key {
            Some(key) => (Some(Arc::clone(key)), after(begun, KNOWN_FOR)),
            None => (None, after(begun, UNKNOWN_FOR)),
        };
        let known = Known { key: remembered, until };
        self.known.insert(*hash, known);
        if key.is_some() {
            self.asks.store(true, Ordering::Relaxed);
        }
        Ok(key)
    }
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use fanfare_core::api_key::Scope;
    use fanfare_core::ids::TenantId;
    use fanfare_ledger::MemoryStore;

    use super::*;
    use crate::clock::ManualClock;
    use crate::keys::{KEY_BYTES, NewKey};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A store, a clock, and a key that is not yet kept.
    struct Setup {
        store: Arc<MemoryStore>,
        clock: Arc<ManualClock>,
        new: NewKey,
    }

    impl Setup {
        fn new() -> Self {
            let random = ([1; KEY_BYTES], [1; 16]);
            Self {
                store: Arc::default(),
                clock: Arc::new(ManualClock::new(at(0))),
                new: NewKey::make(random, TenantId::default(), "till".to_owned(), &[Scope::Read], at(0)),
            }
        }

        async fn start(&self, listen: &str, always: bool) -> Result<Keyring, KeyringError> {
            let store: Arc<MemoryStore> = Arc::clone(&self.store);
            let clock: Arc<ManualClock> = Arc::clone(&self.clock);
            let make = || "fanfare keys create".to_owned();
            Keyring::start(store, clock, listen.parse().unwrap(), always, make).await
        }

        async fn keep(&self) {
            self.store.insert_api_key(&self.new.key, &self.new.hash).await.unwrap();
        }

        async fn revoke(&self) {
            let key = &self.new.key;
            self.store.revoke_api_key(&key.tenant, key.id, at(1)).await.unwrap();
        }

        async fn found(&self, keyring: &Keyring) -> bool {
            keyring.find(&self.new.hash).await.unwrap().is_some()
        }
    }

    #[tokio::test]
    async fn a_revoked_key_opens_for_a_few_seconds_at_most() {
        let setup = Setup::new();
        setup.keep().await;
        let keyring = setup.start("127.0.0.1:1", false).await.unwrap();
        let opens = async || {
            let key = keyring.find(&setup.new.hash).await.unwrap();
            key.unwrap().allows(Scope::Read)
        };
        assert!(opens().await);
        setup.revoke().await;
        setup.clock.advance(Duration::from_millis(4_499));
        assert!(opens().await, "a request costs no query");
        setup.clock.advance(Duration::from_millis(1));
        assert!(!opens().await);
    }

    #[tokio::test]
    async fn a_key_that_was_tried_too_early_opens_a_second_later() {
        let setup = Setup::new();
        let keyring = setup.start("127.0.0.1:1", true).await.unwrap();
        assert!(!setup.found(&keyring).await);
        setup.keep().await;
        assert!(!setup.found(&keyring).await, "it is remembered");
        setup.clock.advance(UNKNOWN_FOR);
        assert!(setup.found(&keyring).await);
    }

    #[tokio::test]
    async fn the_first_key_is_seen_by_a_service_that_runs() {
        let setup = Setup::new();
        let keyring = setup.start("[::1]:1", false).await.unwrap();
        assert!(!keyring.asks().await);
        setup.keep().await;
        setup.clock.advance(LOOK_INTERVAL);
        assert!(keyring.asks().await);
        // Revoked, it is still asked for: the door does not open again.
        setup.revoke().await;
        setup.clock.advance(LOOK_INTERVAL);
        assert!(keyring.asks().await);
        assert!(setup.start("127.0.0.1:1", false).await.unwrap().asks().await);
    }

    #[tokio::test]
    async fn who_comes_with_the_first_key_is_known_at_once() {
        let setup = Setup::new();
        let keyring = setup.start("127.0.0.1:1", false).await.unwrap();
        setup.keep().await;
        assert!(setup.found(&keyring).await);
        assert!(keyring.asks().await);
    }

    #[tokio::test]
    async fn a_door_that_others_can_reach_stays_shut_without_a_key() {
        let setup = Setup::new();
        for listen in ["0.0.0.0:1", "[::]:1", "192.168.0.7:1", "[::ffff:127.0.0.1]:1"] {
            for always in [true, false] {
                let Err(refused) = setup.start(listen, always).await else {
                    panic!("{listen} is open")
                };
                let words = refused.to_string();
                assert!(
                    words.contains(listen) && words.contains("fanfare keys create"),
                    "{words}"
                );
            }
        }
        setup.keep().await;
        assert!(setup.start("0.0.0.0:1", false).await.unwrap().asks().await);
        setup.revoke().await;
        assert!(
            setup.start("0.0.0.0:1", false).await.is_err(),
            "a revoked key opens nothing"
        );
        assert!(setup.start("127.0.0.1:1", true).await.unwrap().asks().await);
    }
}
