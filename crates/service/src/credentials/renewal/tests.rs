//! Renewing, over the in-memory store and against the simulator, in a time that is
//! set: what each look does, on one node and on two. Here the configured token;
//! tenants' own in `accounts/lapsing/tests.rs`.

use std::time::Duration;

use fanfare_channels::api::Api;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::secret::Token;
use fanfare_core::channel::Mode;
use fanfare_core::credential::TokenState;
use fanfare_ledger::{MemoryStore, Store};
use fanfare_simulator::{Clock as SimulatorClock, RunningSimulator, Simulator, SimulatorSettings};
use hyper::http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::config::{ChannelConfig, Config};
use crate::credentials::configured::Configured;
use crate::credentials::{begin, read, sealed, set};

pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const CONFIGURED: &str = "canary-configured";

/// A database, a channel and the time, which outlive nodes.
pub(crate) struct World {
    store: Arc<dyn Store>,
    pub(crate) simulator: RunningSimulator,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let now: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let settings = SimulatorSettings {
            clock: SimulatorClock::fixed(now),
            ..SimulatorSettings::default()
        };
        Self {
            store: Arc::new(MemoryStore::new()),
            simulator: Simulator::start(settings).await.unwrap(),
            clock: Arc::new(ManualClock::new(now)),
        }
    }

    pub(crate) fn pass(&self, hours: i64) {
        let by = SignedDuration::from_hours(hours);
        self.clock.set(self.clock.now() + by);
        self.simulator.clock().advance(Duration::try_from(by).unwrap());
    }

    fn keys() -> KeyRing {
        KeyRing::read(&Secret::new(KEY)).unwrap()
    }

    /// A node that starts with this token in its configuration.
    async fn node(&self, configured: &str) -> Node {
        let mut config = Config::default();
        config.channels.instagram = ChannelConfig {
            mode: Mode::Live,
            access_token: Some(Secret::new(configured)),
            ..ChannelConfig::default()
        };
        let kept = begin(&config, &*self.store, &Self::keys(), self.clock.now()).await;
        let kept = kept.unwrap().unwrap();
        let token = Token::from(kept.token.clone());
        let base = format!("{}/instagram", self.simulator.base_url()).parse().unwrap();
        let http = HttpClient::new(&HttpSettings::default()).unwrap();
        let tokens = InstagramTokens::new(Api::new(http, base, token.clone()), "v26.0");
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let parts = (Arc::clone(&self.store), clock);
        Node(Configured::new(parts, Self::keys(), (token, tokens), &kept.row))
    }

    /// The channel sees the token, which is then old enough.
    async fn ages(&self, node: &mut Node) {
        node.look().await;
        self.pass(25);
    }

    pub(crate) async fn goes_wrong(&self, fault: Value) {
        let rules = json!({"rules": [{"step": "token", "fault": fault}]}).to_string();
        let url = format!("{}/_simulator/faults", self.simulator.base_url());
        let http = HttpClient::new(&HttpSettings::default()).unwrap();
        let request = Request::put(url).body(rules.into()).unwrap();
        assert_eq!(http.send(request).await.unwrap().status, 200);
    }

    pub(crate) async fn goes_well(&self) {
        let url = format!("{}/_simulator/faults", self.simulator.base_url());
        let http = HttpClient::new(&HttpSettings::default()).unwrap();
        let request = Request::delete(url).body(bytes::Bytes::new()).unwrap();
        http.send(request).await.unwrap();
    }

    /// Requests for tokens that the channel has seen.
    pub(crate) async fn asked(&self) -> usize {
        let url = format!("{}/_simulator/requests", self.simulator.base_url());
        let http = HttpClient::new(&HttpSettings {
            max_answer_bytes: 1_000_000,
            ..HttpSettings::default()
        });
        let request = Request::get(url).body(bytes::Bytes::new()).unwrap();
        let seen: Value = http.unwrap().send(request).await.unwrap().json().unwrap();
        let tokens = seen["requests"].as_array().unwrap().iter();
        tokens.filter(|seen| seen["step"] == "token").count()
    }
}

struct Node(Configured);

impl Node {
    async fn look(&mut self) {
        self.0.round().await.unwrap();
    }

    fn token(&self) -> String {
        self.0.token.get().reveal().to_owned()
    }

    fn standing(&self) -> TokenStanding {
        self.0.standing().borrow().clone().unwrap()
    }

    fn code(&self) -> Option<String> {
        self.standing().tried.code().map(str::to_owned)
    }
}

#[tokio::test]
async fn a_token_is_learnt_of_then_left_alone_and_renewed_with_a_month_left() {
    let world = World::new().await;
    let mut node = world.node(CONFIGURED).await;
    node.look().await;
    assert_eq!((&*node.token(), world.asked().await), (CONFIGURED, 1));
    assert!(
        node.standing().expires_at.is_none(),
        "it is too young, says the channel"
    );
    world.pass(25);
    node.look().await;
    let (first, standing) = (node.token(), node.standing());
    assert_ne!(first, CONFIGURED);
    let days = |standing: &TokenStanding| standing.expires_at.unwrap().duration_since(standing.set_at).as_hours() / 24;
    assert_eq!((days(&standing), standing.tried), (60, Tried::Well));
    let asked = world.asked().await;
    for _ in 0..30 {
        world.pass(24);
        node.look().await;
    }
    assert_eq!(
        (node.token(), world.asked().await),
        (first.clone(), asked),
        "half of its life"
    );
    world.pass(1);
    node.look().await;
    assert_ne!(node.token(), first);
    assert_eq!(world.asked().await, asked + 1);
    assert_eq!(node.standing().state(world.clock.now()), TokenState::Good);
}

/// A year without anybody's doing, over starts, and with what is configured long gone.
#[tokio::test]
async fn it_goes_on_for_a_year_by_itself() {
    let world = World::new().await;
    for day in 0..365 {
        let mut node = world.node(CONFIGURED).await;
        node.look().await;
        assert_eq!(node.standing().state(world.clock.now()).level(), 0, "day {day}");
        world.pass(24);
    }
    assert!((12..=40).contains(&world.asked().await), "{}", world.asked().await);
    let row = read(&*world.store).await.unwrap().unwrap();
    assert!(
        !format!("{row:?}").contains("canary") && !format!("{row:?}").contains("IGAA"),
        "I16"
    );
}

#[tokio::test]
async fn of_two_nodes_one_renews_and_the_other_follows() {
    let world = World::new().await;
    let (mut one, mut other) = (world.node(CONFIGURED).await, world.node(CONFIGURED).await);
    world.ages(&mut one).await;
    let asked = world.asked().await;
    tokio::join!(one.look(), other.look());
    assert_eq!(world.asked().await, asked + 1, "only one asks");
    tokio::join!(one.look(), other.look());
    assert_eq!(one.token(), other.token());
    assert_ne!(one.token(), CONFIGURED);
    assert_eq!(one.standing(), other.standing());
}

/// Who died over it leaves it to others, an hour later.
#[tokio::test]
async fn a_node_that_dies_over_it_is_followed_by_another() {
    let world = World::new().await;
    let mut one = world.node(CONFIGURED).await;
    world.ages(&mut one).await;
    world.goes_wrong(json!({"kind": "hang", "perform": false})).await;
    // It is dropped as soon as the channel has been asked.
    let asked = async {
        while world.asked().await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = one.look() => panic!("it hangs"),
        () = asked => {}
    }
    drop(one);
    world.goes_well().await;
    let mut other = world.node(CONFIGURED).await;
    other.look().await;
    assert_eq!(other.token(), CONFIGURED, "the first may be at it still");
    assert_eq!(other.standing().tried, Tried::Begun);
    world.pass(1);
    other.look().await;
    assert_ne!(other.token(), CONFIGURED);
}

#[tokio::test]
async fn trouble_is_tried_again_and_told_only_when_time_runs_out() {
    let world = World::new().await;
    let mut node = world.node(CONFIGURED).await;
    world.ages(&mut node).await;
    node.look().await;
    world
        .goes_wrong(json!({"kind": "answer", "status": 500, "body": "out of order"}))
        .await;
    world.pass(31 * 24);
    let asked = world.asked().await;
    for _ in 0..3 {
        node.look().await;
    }
    assert_eq!(
        (world.asked().await, node.code().as_deref()),
        (asked + 1, Some("channel_unavailable"))
    );
    assert_eq!(node.standing().state(world.clock.now()), TokenState::Good);
    for (days, state) in [
        (14, TokenState::Good),
        (2, TokenState::Expiring(1)),
        (7, TokenState::Expiring(2)),
        (4, TokenState::Expiring(3)),
        (3, TokenState::Expired),
    ] {
        world.pass(days * 24);
        node.look().await;
        assert_eq!(node.standing().state(world.clock.now()), state, "{days}");
    }
    let asked = world.asked().await;
    world.goes_well().await;
    world.pass(24);
    node.look().await;
    assert_eq!(world.asked().await, asked, "what has lapsed is not renewed");
}

/// A refusal is seen at once; a token that a person hands over ends it on every node.
#[tokio::test]
async fn a_refused_token_is_told_at_once_and_a_new_one_followed_by_all() {
    let world = World::new().await;
    let (mut one, mut other) = (
        world.node("canary-that-expired").await,
        world.node("canary-that-expired").await,
    );
    one.look().await;
    other.look().await;
    for node in [&one, &other] {
        assert_eq!(node.code().as_deref(), Some("auth_expired"));
        assert_eq!(node.standing().state(world.clock.now()), TokenState::Refused);
        assert!(!format!("{:?}", node.standing()).contains("canary"), "I16");
    }
    // Whoever hands it over need not know what services are configured with.
    let config = Config::default();
    let standing = TokenStanding::new(world.clock.now(), None);
    let given = Secret::new("canary-by-hand");
    set(&config, &*world.store, &World::keys(), &given, &standing)
        .await
        .unwrap();
    one.look().await;
    other.look().await;
    assert_eq!((&*one.token(), &*other.token()), ("canary-by-hand", "canary-by-hand"));
    assert_eq!(one.standing().state(world.clock.now()), TokenState::Good);
    // The configuration is what it was before: that is not news.
    assert_eq!(world.node("canary-that-expired").await.token(), "canary-by-hand");
    // And this is.
    assert_eq!(world.node("canary-of-today").await.token(), "canary-of-today");
    one.look().await;
    assert_eq!(one.token(), "canary-of-today", "running nodes follow");
}

/// One that is put before the others takes over at a start, and the old one can go.
#[tokio::test]
async fn a_new_key_takes_over_at_the_next_start() {
    let world = World::new().await;
    let mut node = world.node(CONFIGURED).await;
    let keys = |text: &str| KeyRing::read(&Secret::new(text)).unwrap();
    let mut config = Config::default();
    config.channels.instagram.access_token = Some(Secret::new(CONFIGURED));
    for ring in [format!("{OTHER},{KEY}"), OTHER.to_owned()] {
        let begun = begin(&config, &*world.store, &keys(&ring), world.clock.now()).await;
        assert_eq!(begun.unwrap().unwrap().token, Secret::new(CONFIGURED));
    }
    assert!(node.0.round().await.is_err(), "it has the old key alone");
    assert_eq!(node.token(), CONFIGURED, "and goes on with what it has");
}

#[tokio::test]
async fn another_key_opens_nothing_and_changes_nothing() {
    let world = World::new().await;
    world.node(CONFIGURED).await;
    let row = read(&*world.store).await.unwrap();
    let other = KeyRing::read(&Secret::new(OTHER)).unwrap();
    let mut config = Config::default();
    config.channels.instagram.access_token = Some(Secret::new("canary-of-today"));
    let begun = begin(&config, &*world.store, &other, world.clock.now()).await;
    let error = begun.err().unwrap().to_string();
    assert!(
        error.contains("credentials_key") && !error.contains("canary"),
        "{error}"
    );
    let standing = TokenStanding::new(world.clock.now(), None);
    let given = Secret::new("canary-by-hand");
    let set = set(&config, &*world.store, &other, &given, &standing).await;
    assert!(matches!(set, Err(CredentialError::Sealed(_))), "{set:?}");
    assert_eq!(read(&*world.store).await.unwrap(), row);
}

/// Between the channel's answer and its commit the row may change.
#[tokio::test]
async fn a_new_token_is_dropped_only_for_another_one() {
    for (meanwhile, kept) in [(CONFIGURED, "canary-renewed"), ("canary-by-hand", "canary-by-hand")] {
        let world = World::new().await;
        let mut node = world.node(CONFIGURED).await;
        let before = read(&*world.store).await.unwrap().unwrap();
        let standing = || TokenStanding::new(world.clock.now(), None);
        let given = sealed(
            &World::keys(),
            Some(&before),
            (&Secret::new(meanwhile), None),
            standing(),
        )
        .unwrap();
        let followed = world.store.keep_credential(&given, Some(&before.sealed)).await;
        assert!(followed.unwrap());
        node.0.renewal.unkept.push(Unkept {
            before: Kept::open(&World::keys(), before).unwrap(),
            came: Came {
                token: Some(Secret::new("canary-renewed")),
                standing: standing(),
            },
        });
        node.0.renewal.keep_unkept(&World::keys()).await.unwrap();
        let found = read(&*world.store).await.unwrap().unwrap();
        assert_eq!(Kept::open(&World::keys(), found).unwrap().token.reveal(), kept);
    }
}
