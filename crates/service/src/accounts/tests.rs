//! What is believed, and for how long: two nodes over one store, in a time that is set.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use fanfare_channels::secret::Secret;
use fanfare_core::attempt::StepOutcome;
use fanfare_core::credential::{Sealed, Tried};
use fanfare_core::delivery::Checkpoint;
use fanfare_core::ids::DeliveryId;
use fanfare_ledger::MemoryStore;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::clock::SystemClock;

const CHANNEL: Channel = Channel::Instagram;

/// Counts who reads, and does not answer when it is told so.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    reads: AtomicUsize,
    is_gone: AtomicBool,
}

#[async_trait]
impl Credentials for Counting {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        self.store.credentials().await
    }

    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.is_gone.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        self.store.credential(tenant, channel).await
    }

    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        self.store.credential_standings(channel).await
    }

    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
        self.store.keep_credential(credential, before).await
    }

    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
        self.store.forget_credential(tenant, channel).await
    }
}

fn node(store: &Arc<Counting>) -> Accounts {
    let mut config = Config {
        credentials_key: Some(Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")),
        ..Config::default()
    };
    let channel = config.channels.get_mut(CHANNEL);
    channel.mode = Mode::Live;
    channel.account_id = Some("17840".to_owned());
    channel.access_token = Some(Secret::new("canary-shared"));
    let connected = clients::connect(&config, config.listen).unwrap();
    let clock = Arc::new(SystemClock::default());
    Accounts::new(Arc::clone(store) as _, &config, clock, connected)
}

async fn whose(node: &Accounts, tenant: &str) -> Whose {
    node.reach(&TenantId::new(tenant), CHANNEL).await.unwrap().whose
}

fn account(id: &str) -> Value {
    json!({"accountId": id, "accessToken": "canary-own"})
}

#[tokio::test(start_paused = true)]
async fn a_change_is_followed_within_five_seconds_and_most_calls_read_nothing() {
    let (store, nobody) = (Arc::new(Counting::default()), MemoryStore::new());
    let (one, other) = (node(&store), node(&store));
    let (shop, place) = (TenantId::new("shop"), CHANNEL);
    for _ in 0..100 {
        assert_eq!(whose(&one, "shop").await, Whose::Shared);
        assert_eq!(whose(&one, "default").await, Whose::Shared);
    }
    assert_eq!(
        store.reads.load(Ordering::SeqCst),
        1,
        "that there is none, is known, too"
    );
    other.keep(&nobody, (&shop, place), &account("17841")).await.unwrap();
    assert_eq!(whose(&other, "shop").await, Whose::Own, "at once");
    tokio::time::advance(Duration::from_secs(5)).await;
    let first = one.reach(&shop, CHANNEL).await.unwrap();
    assert_eq!(first.whose, Whose::Own);
    assert_eq!(whose(&one, "cafe").await, Whose::Shared, "another's is another's");

    // The same row, the same client; a new account, a new one, though its version is the same.
    let client = |reach: &Reach| Arc::as_ptr(reach.connection.client().unwrap()).cast::<()>();
    tokio::time::advance(Duration::from_secs(5)).await;
    let again = one.reach(&shop, CHANNEL).await.unwrap();
    assert_eq!(client(&first), client(&again));
    other.remove(&nobody, (&shop, place)).await.unwrap();
    other.keep(&nobody, (&shop, place), &account("17842")).await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let replaced = one.reach(&shop, CHANNEL).await.unwrap();
    assert_ne!(replaced.mark, first.mark);
    assert_ne!(client(&first), client(&replaced));
}

#[tokio::test(start_paused = true)]
async fn while_the_database_is_away_nobody_is_called_as_another() {
    let store = Arc::new(Counting::default());
    let node = node(&store);
    assert_eq!(whose(&node, "shop").await, Whose::Shared);
    store.is_gone.store(true, Ordering::SeqCst);
    assert_eq!(whose(&node, "shop").await, Whose::Shared, "it was read a moment ago");
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(node.reach(&TenantId::new("shop"), CHANNEL).await.is_err());
    assert_eq!(
        whose(&node, "default").await,
        Whose::Shared,
        "the configuration's is no secret of the database"
    );
    store.is_gone.store(false, Ordering::SeqCst);
    assert_eq!(whose(&node, "shop").await, Whose::Shared);
}

/// Another node claims to renew the token, or has done so.
async fn renewal(store: &Counting, tenant: &TenantId, is_done: bool) {
    let row = store.store.credential(tenant, CHANNEL).await.unwrap().unwrap();
    let before = row.sealed.clone();
    let claim = Credential {
        version: row.version + 1,
        standing: TokenStanding {
            tried: Tried::Begun,
            ..row.standing.clone()
        },
        ..row.clone()
    };
    let after = if is_done {
        let keys = KeyRing::read(&Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")).unwrap();
        let kept = Kept::open(&keys, row).unwrap();
        kept.renewed(&keys, &Secret::new("canary-renewed"), claim.standing)
            .unwrap()
    } else {
        claim
    };
    assert!(store.keep_credential(&after, Some(&before)).await.unwrap());
}

/// A delivery begun here, with what was believed just then.
#[tokio::test(start_paused = true)]
async fn what_was_begun_as_the_account_changed_goes_on_with_it() {
    let (store, nobody) = (Arc::new(Counting::default()), MemoryStore::new());
    let (one, other) = (node(&store), node(&store));
    let (shop, place) = (TenantId::new("shop"), CHANNEL);
    let begun = |reach: &Reach| {
        let outcome = reach.stepped(StepOutcome::Advanced {
            checkpoint: Checkpoint(json!({"stage": "ready", "container": "1"})),
            next_has_effect: true,
        });
        let StepOutcome::Advanced { checkpoint, .. } = outcome else {
            panic!("{outcome:?}")
        };
        let id = DeliveryId(Uuid::nil());
        let mut delivery = Delivery::new(id, CHANNEL, Mode::Live, Timestamp::UNIX_EPOCH);
        delivery.checkpoint = Some(checkpoint);
        delivery
    };
    let shared = begun(&one.reach(&shop, CHANNEL).await.unwrap());
    other.keep(&nobody, (&shop, place), &account("17841")).await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let first = begun(&one.reach(&shop, CHANNEL).await.unwrap());
    other.keep(&nobody, (&shop, place), &account("17842")).await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let second = begun(&one.reach(&shop, CHANNEL).await.unwrap());
    // A renewal of its token makes no other account of it: the former one is still known.
    let client = |reach: &Reach| Arc::as_ptr(reach.connection.client().unwrap()).cast::<()>();
    let before = one.reach(&shop, CHANNEL).await.unwrap();
    renewal(&store, &shop, false).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let tried = one.reach(&shop, CHANNEL).await.unwrap();
    assert_eq!(client(&before), client(&tried), "a try alone changes nothing");
    renewal(&store, &shop, true).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let renewed = one.reach(&shop, CHANNEL).await.unwrap();
    assert_ne!(client(&before), client(&renewed));
    assert!(renewed.is_begun_with(&second) && other.reach(&shop, CHANNEL).await.unwrap().is_begun_with(&second));
    for (delivery, by) in [
        (&shared, &one),
        (&first, &one),
        (&second, &one),
        (&shared, &other),
        (&second, &other),
    ] {
        let reach = by.reach_for(&shop, delivery).await.unwrap();
        assert!(reach.client_for(delivery).is_ok() && reach.is_begun_with(delivery));
    }
    // A node that began later knows of the former account nothing.
    let late = node(&store);
    let reach = late.reach_for(&shop, &first).await.unwrap();
    assert_eq!(reach.client_for(&first).unwrap_err().code, "channel_not_configured");
    other.remove(&nobody, (&shop, place)).await.unwrap();
    let reach = other.reach_for(&shop, &second).await.unwrap();
    assert!(reach.client_for(&second).is_ok(), "removed, and known here");
    assert_eq!(other.reach_for(&shop, &shared).await.unwrap().whose, Whose::Shared);
}
