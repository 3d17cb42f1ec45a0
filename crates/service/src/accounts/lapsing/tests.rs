//! Tenants' tokens, over the in-memory store and against the simulator, in a time that is
//! set: renewed as the configured one is, and never in the way of who hands one over.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::credential::{Credential, Sealed, TokenState, Tried};
use fanfare_ledger::credentials::Credentials;
use fanfare_ledger::{MemoryStore, StoreError};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::clients;
use crate::clock::{Clock, ManualClock};
use crate::config::Config;
use crate::credentials::envelope::KeyRing;
use crate::credentials::renewal::tests::{KEY, World};

/// Longer than any call takes here.
const PATIENCE: Duration = Duration::from_secs(10);

/// What nodes share. It takes no change while it is told so.
#[derive(Default)]
struct Shared {
    store: MemoryStore,
    is_full: AtomicBool,
}

#[async_trait]
impl Credentials for Shared {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        self.store.credentials().await
    }

    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        self.store.credential(tenant, channel).await
    }

    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        self.store.credential_standings(channel).await
    }

    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        self.store.keep_credential(credential, before).await
    }

    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
        self.store.forget_credential(tenant, channel).await
    }
}

/// Some nodes, their database and the channel.
struct Nodes {
    world: World,
    shared: Arc<Shared>,
}

impl Nodes {
    async fn new() -> Self {
        Self {
            world: World::new().await,
            shared: Arc::default(),
        }
    }

    fn node(&self) -> Node {
        self.node_at(&self.world.clock)
    }

    /// One whose clock is this.
    fn node_at(&self, clock: &Arc<ManualClock>) -> Node {
        let mut config = Config {
            credentials_key: Some(Secret::new(KEY)),
            ..Config::default()
        };
        config.channels.instagram.mode = Mode::Live;
        config.channels.instagram.base_url = Some(format!("{}/instagram", self.world.simulator.base_url()));
        let connected = clients::connect(&config, config.listen).unwrap();
        let (store, clock) = (Arc::clone(&self.shared) as _, Arc::clone(clock) as _);
        Node(Lapsing::new(Arc::new(Accounts::new(store, &config, clock, connected))))
    }

    async fn row(&self, tenant: &str) -> Option<Credential> {
        self.shared.credential(&TenantId::new(tenant), CHANNEL).await.unwrap()
    }

    async fn kept(&self, tenant: &str) -> Kept {
        let keys = KeyRing::read(&Secret::new(KEY)).unwrap();
        Kept::open(&keys, self.row(tenant).await.unwrap()).unwrap()
    }

    async fn token(&self, tenant: &str) -> String {
        self.kept(tenant).await.token.reveal().to_owned()
    }
}

struct Node(Lapsing);

impl Node {
    async fn look(&mut self) {
        self.try_look().await.unwrap();
    }

    async fn try_look(&mut self) -> Result<(), CredentialError> {
        let (_going, stopping) = watch::channel(false);
        self.0.round(&stopping).await
    }

    async fn put(&self, tenant: &str, id: &str, token: &str) {
        let (tenant, nobody) = (TenantId::new(tenant), MemoryStore::new());
        let account = json!({"accountId": id, "accessToken": token});
        let kept = self.0.accounts.keep(&nobody, (&tenant, CHANNEL), &account).await;
        assert_eq!(kept.unwrap().whose, "own");
    }

    async fn remove(&self, tenant: &str) {
        let (tenant, nobody) = (TenantId::new(tenant), MemoryStore::new());
        self.0.accounts.remove(&nobody, (&tenant, CHANNEL)).await.unwrap();
    }

    /// Asks the channel for it, and keeps nothing yet.
    async fn renew_and_keep_not(&mut self, kept: Kept) {
        let (now, tokens) = (self.0.accounts.clock.now(), self.0.accounts.tokens_of(&kept).unwrap());
        let came = self.0.renewal.renew(kept, &tokens, now).await.unwrap().unwrap();
        assert!(came.token.is_some());
    }

    /// How it stands, as this node shows it.
    fn shown(&self, tenant: &str) -> TokenStanding {
        let shown = self.0.shown.borrow();
        let of = shown.iter().find(|(of, _)| of.as_str() == tenant);
        of.unwrap().1.clone()
    }
}

/// One with a token that the channel knows, and that may be renewed.
async fn aged(tokens: &[(&str, &str)]) -> (Nodes, Node) {
    let nodes = Nodes::new().await;
    let mut node = nodes.node();
    for (number, (tenant, token)) in (17_841..).zip(tokens) {
        node.put(tenant, &number.to_string(), token).await;
    }
    node.look().await;
    nodes.world.pass(25);
    (nodes, node)
}

#[tokio::test]
async fn each_tenant_s_token_is_learnt_of_left_alone_and_renewed_with_a_month_left() {
    let tokens = [("bakery", "canary-bakery"), ("cafe", "canary-cafe")];
    let (nodes, mut node) = aged(&tokens).await;
    for (tenant, token) in tokens {
        assert_eq!(nodes.token(tenant).await, token, "it is too young");
    }
    node.look().await;
    let mut first = Vec::new();
    for (tenant, token) in tokens {
        let kept = nodes.kept(tenant).await;
        assert!(kept.token.reveal().starts_with("IGAA") && kept.goes_back_to(&Secret::new(token)));
        let others = tokens.into_iter().filter(|other| other.0 != tenant);
        for (_, other) in others {
            assert!(!kept.goes_back_to(&Secret::new(other)), "never one's for another's");
        }
        let days = kept
            .standing()
            .expires_at
            .unwrap()
            .duration_since(kept.standing().set_at);
        assert_eq!((days.as_hours() / 24, kept.standing().tried), (60, Tried::Well));
        first.push(kept.token);
    }
    assert_ne!(first[0], first[1]);
    let asked = nodes.world.asked().await;
    for _ in 0..29 {
        nodes.world.pass(24);
        node.look().await;
    }
    assert_eq!(nodes.world.asked().await, asked, "half of its life");
    nodes.world.pass(25);
    node.look().await;
    assert_eq!(nodes.world.asked().await, asked + 2);
    assert_ne!(nodes.token("cafe").await, first[1].reveal());
    node.look().await;
    assert_eq!(node.shown("cafe").state(nodes.world.clock.now()), TokenState::Good);
    let row = format!("{:?}", nodes.row("cafe").await);
    assert!(!row.contains("canary") && !row.contains("IGAA"), "I16: {row}");
}

#[tokio::test]
async fn of_two_nodes_one_renews_and_both_call_with_the_new_one() {
    let (nodes, mut one) = aged(&[("cafe", "canary-cafe")]).await;
    let (mut other, cafe) = (nodes.node(), TenantId::new("cafe"));
    let before = other.0.accounts.reach(&cafe, CHANNEL).await.unwrap();
    let asked = nodes.world.asked().await;
    tokio::join!(one.look(), other.look());
    assert_eq!(nodes.world.asked().await, asked + 1, "only one asks");
    other.0.accounts.read_again(&cafe, CHANNEL);
    for node in [&one, &other] {
        let reach = node.0.accounts.reach(&cafe, CHANNEL).await.unwrap();
        assert_eq!(reach.mark, before.mark, "it is the same account");
        let known = node.0.accounts.known(&cafe, CHANNEL).await.unwrap();
        let used = known.own.as_ref().unwrap().account.token();
        assert_eq!(used.reveal(), nodes.token("cafe").await);
    }
}

/// Who died over it leaves it to others, an hour later.
#[tokio::test]
async fn a_node_that_dies_over_it_is_followed_by_another() {
    let (nodes, mut one) = aged(&[("cafe", "canary-cafe")]).await;
    nodes.world.goes_wrong(json!({"kind": "hang", "perform": false})).await;
    let asked = async {
        while nodes.world.asked().await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = one.look() => panic!("it hangs"),
        () = asked => {}
    }
    drop(one);
    nodes.world.goes_well().await;
    let mut other = nodes.node();
    other.look().await;
    assert_eq!(other.shown("cafe").tried, Tried::Begun, "the first may be at it still");
    assert_eq!(nodes.token("cafe").await, "canary-cafe");
    nodes.world.pass(1);
    other.look().await;
    assert_ne!(nodes.token("cafe").await, "canary-cafe");
}

/// One whose clock is a day ahead renews it, and dies over it: nobody waits for a time to come, and nobody asks
/// again for what was just renewed.
#[tokio::test]
async fn a_clock_that_is_ahead_does_no_harm() {
    let (nodes, mut right) = aged(&[("cafe", "canary-cafe")]).await;
    let ahead = Arc::new(ManualClock::new(
        nodes.world.clock.now() + SignedDuration::from_hours(24),
    ));
    let mut wrong = nodes.node_at(&ahead);
    wrong.look().await;
    let (renewed, asked) = (nodes.token("cafe").await, nodes.world.asked().await);
    assert_ne!(renewed, "canary-cafe");
    for _ in 0..3 {
        right.look().await;
        wrong.look().await;
    }
    assert_eq!((nodes.token("cafe").await, nodes.world.asked().await), (renewed, asked));
    let mut claim = nodes.row("cafe").await.unwrap();
    claim.version += 1;
    claim.standing = TokenStanding {
        tried_at: Some(ahead.now()),
        tried: Tried::Begun,
        ..TokenStanding::new(right.0.accounts.clock.now(), None)
    };
    let sealed = claim.sealed.clone();
    assert!(nodes.shared.keep_credential(&claim, Some(&sealed)).await.unwrap());
    right.look().await;
    assert_eq!(nodes.world.asked().await, asked + 1, "it is not waited for a day");
}

/// Between the channel's answer and its commit anything may happen to the account.
#[tokio::test]
async fn who_hands_a_token_over_wins_over_a_renewal_under_way() {
    let (nodes, mut node) = aged(&[("cafe", "canary-cafe")]).await;
    node.renew_and_keep_not(nodes.kept("cafe").await).await;
    node.put("cafe", "17841", "canary-by-hand").await;
    node.0.keep_unkept().await.unwrap();
    assert_eq!(nodes.token("cafe").await, "canary-by-hand");
    assert_eq!(
        nodes.row("cafe").await.unwrap().standing.tried,
        Tried::Well,
        "it is new"
    );
}

#[tokio::test]
async fn who_removes_an_account_wins_over_a_renewal_under_way() {
    let (nodes, mut node) = aged(&[("cafe", "canary-cafe")]).await;
    node.renew_and_keep_not(nodes.kept("cafe").await).await;
    node.remove("cafe").await;
    node.0.keep_unkept().await.unwrap();
    assert_eq!(nodes.row("cafe").await, None, "it is not brought back");
    assert_eq!(node.0.renewal.unkept(), 0);
}

/// Versions then count from 1 again, and come to the one that was claimed.
#[tokio::test]
async fn who_removes_an_account_and_hands_another_over_wins() {
    let (nodes, mut node) = aged(&[("cafe", "canary-cafe")]).await;
    node.renew_and_keep_not(nodes.kept("cafe").await).await;
    let claimed = nodes.row("cafe").await.unwrap().version;
    node.remove("cafe").await;
    for number in 1..=claimed {
        node.put("cafe", "17849", &format!("canary-number-{number}")).await;
    }
    let given = nodes.row("cafe").await.unwrap();
    assert_eq!(given.version, claimed);
    node.0.keep_unkept().await.unwrap();
    assert_eq!(nodes.row("cafe").await, Some(given));
}

/// The token that was renewed is another account's now: the renewed one is, too.
#[tokio::test]
async fn what_else_is_handed_over_with_the_same_token_stays() {
    let (nodes, mut node) = aged(&[("cafe", "canary-cafe")]).await;
    node.renew_and_keep_not(nodes.kept("cafe").await).await;
    node.put("cafe", "17849", "canary-cafe").await;
    node.0.keep_unkept().await.unwrap();
    let kept = nodes.kept("cafe").await;
    assert!(kept.token.reveal().starts_with("IGAA"), "no new token is lost");
    assert_eq!(kept.fields()["accountId"], "17849");
}

/// A platform may hand over what it has again and again: a renewed token is good for longer.
#[tokio::test]
async fn the_token_that_it_was_renewed_from_is_no_news_while_it_is_good() {
    let (nodes, mut node) = aged(&[("cafe", "canary-cafe")]).await;
    let before = nodes.row("cafe").await;
    node.put("cafe", "17841", "canary-cafe").await;
    assert_eq!(nodes.row("cafe").await, before, "as it is");
    node.look().await;
    let renewed = nodes.token("cafe").await;
    node.put("cafe", "17841", "canary-cafe").await;
    node.put("cafe", "17841", &renewed).await;
    assert_eq!(nodes.token("cafe").await, renewed);
    node.put("cafe", "17842", "canary-cafe").await;
    assert_eq!(nodes.token("cafe").await, "canary-cafe", "another account's");
    node.put("cafe", "17842", "canary-that-expired").await;
    node.look().await;
    let refused = nodes.row("cafe").await.unwrap();
    assert_eq!(refused.standing.state(nodes.world.clock.now()), TokenState::Refused);
    node.put("cafe", "17842", "canary-that-expired").await;
    assert_ne!(nodes.row("cafe").await.unwrap(), refused, "it is tried anew");
}

/// A database that takes nothing for a while, and one tenant's row that does not open.
#[tokio::test]
async fn a_new_token_is_kept_as_soon_as_it_can_be_and_one_tenant_s_trouble_is_its_own() {
    let (nodes, mut node) = aged(&[("bakery", "canary-bakery"), ("cafe", "canary-cafe")]).await;
    let mut broken = nodes.row("bakery").await.unwrap();
    let before = broken.sealed.clone();
    broken.version += 1;
    broken.sealed.data_key = nodes.row("cafe").await.unwrap().sealed.data_key;
    assert!(nodes.shared.keep_credential(&broken, Some(&before)).await.unwrap());
    node.renew_and_keep_not(nodes.kept("cafe").await).await;
    nodes.shared.is_full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(node.try_look().await.is_err());
        assert_eq!(nodes.token("cafe").await, "canary-cafe");
    }
    nodes.shared.is_full.store(false, Ordering::SeqCst);
    let asked = nodes.world.asked().await;
    node.look().await;
    assert!(nodes.token("cafe").await.starts_with("IGAA"));
    assert_eq!(nodes.world.asked().await, asked, "once");
    assert_eq!(
        nodes.row("bakery").await.unwrap(),
        broken,
        "what does not open is left alone"
    );
    assert_eq!(node.0.hopeless.len(), 1);
}

#[tokio::test]
async fn the_configured_one_is_left_to_who_looks_after_it() {
    let nodes = Nodes::new().await;
    let (mut node, keys) = (nodes.node(), KeyRing::read(&Secret::new(KEY)).unwrap());
    let (place, token) = ((&TenantId::default(), CHANNEL), json!({"token": "canary-configured"}));
    let standing = TokenStanding::new(nodes.world.clock.now(), None);
    let row = Kept::seal(&keys, place, token.as_object().unwrap().clone(), (1, standing)).unwrap();
    assert!(nodes.shared.keep_credential(&row, None).await.unwrap());
    node.look().await;
    assert_eq!((nodes.row("default").await, nodes.world.asked().await), (Some(row), 0));
    assert!(node.0.shown.borrow().is_empty(), "nor told of twice");
}

/// Told to stop, it keeps what it has, and begins nothing.
#[tokio::test]
async fn a_stop_keeps_what_was_renewed() {
    let (nodes, mut node) = aged(&[("bakery", "canary-bakery"), ("cafe", "canary-cafe")]).await;
    node.renew_and_keep_not(nodes.kept("cafe").await).await;
    let asked = nodes.world.asked().await;
    let (stop, stopping) = watch::channel(true);
    timeout(PATIENCE, node.0.run(stopping)).await.unwrap();
    drop(stop);
    assert!(nodes.token("cafe").await.starts_with("IGAA"));
    assert_eq!(
        (nodes.token("bakery").await.as_str(), nodes.world.asked().await),
        ("canary-bakery", asked)
    );
}

/// What an older node has written, and what it would read.
#[tokio::test]
async fn a_node_of_before_reads_what_is_renewed_and_is_read() {
    let nodes = Nodes::new().await;
    let mut node = nodes.node();
    let (keys, cafe) = (KeyRing::read(&Secret::new(KEY)).unwrap(), TenantId::new("cafe"));
    let clear = json!({"accountId": "17841", "accessToken": "canary-cafe", "later": [1]});
    let row = Credential {
        sealed: keys.close(&cafe, CHANNEL, clear.to_string().as_bytes()).unwrap(),
        standing: TokenStanding::new(nodes.world.clock.now(), None),
        tenant: cafe.clone(),
        channel: CHANNEL,
        version: 1,
    };
    assert!(nodes.shared.keep_credential(&row, None).await.unwrap());
    node.look().await;
    nodes.world.pass(25);
    node.look().await;
    let row = nodes.row("cafe").await.unwrap();
    let clear: Value = serde_json::from_slice(&keys.open(&cafe, CHANNEL, &row.sealed).unwrap()).unwrap();
    assert_eq!(
        (&clear["accountId"], &clear["later"]),
        (&json!("17841"), &json!([1])),
        "all of it stays"
    );
    let account = super::super::account::Account::from_json(&clear);
    assert!(account.token().reveal().starts_with("IGAA"));
}
