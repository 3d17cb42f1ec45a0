//! A tenant's own account, handed over at one node, followed by the others, over a shared
//! database; and kept there sealed.

use std::time::Duration;

use fanfare::clock::{Clock, SystemClock};
use fanfare::keys::{KEY_BYTES, NewKey};
use fanfare_core::api_key::Scope;
use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Tried};
use fanfare_core::ids::TenantId;
use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::credentials::Credentials;
use fanfare_ledger::{PostgresSettings, PostgresStore};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::{Cluster, Node, PATIENCE, given};
use crate::load::request;
use crate::support::{Answer, DISTRIBUTE, ask_elsewhere, ask_elsewhere_with};

const ACCOUNT: &str = "/api/channels/Instagram/account";

/// Every node follows within this time.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// A shop's way to the nodes.
struct Shop {
    cluster: Cluster,
    store: PostgresStore,
    bearer: String,
}

impl Shop {
    async fn start() -> Self {
        let key = (
            "FANFARE_CREDENTIALS_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        );
        let cluster = Cluster::start_over(2, &given("FANFARE_TEST_DATABASE_URL"), &[key]).await;
        let settings = PostgresSettings {
            schema: cluster.schema.clone(),
            ..PostgresSettings::new(&cluster.database_url)
        };
        let store = PostgresStore::connect(&settings).await.unwrap();
        let (random, now) = (([7; KEY_BYTES], [7; 16]), SystemClock::default().now());
        let new = NewKey::make(random, TenantId::new("shop"), "test".to_owned(), &[Scope::Admin], now);
        store.insert_api_key(&new.key, &new.hash).await.unwrap();
        Self {
            cluster,
            store,
            bearer: format!("Bearer {}", new.text.reveal()),
        }
    }

    async fn ask(&self, node: usize, method: &str, path: &str, body: &Value) -> Answer {
        let url = format!("http://{}{path}", self.cluster.nodes[node].address);
        let headers = [("authorization", &*self.bearer)];
        ask_elsewhere_with(method, &url, &headers, body.to_string().as_bytes()).await
    }

    /// Requests for tokens that the channel has seen.
    async fn asked(&self) -> usize {
        let url = format!("{}/_simulator/requests", self.cluster.simulator.base_url());
        let seen = ask_elsewhere("GET", &url, b"").await.json();
        let requests = seen["requests"].as_array().unwrap().iter();
        requests.filter(|seen| seen["step"] == "token").count()
    }

    async fn asked_so_often(&self, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.asked().await < times {
            assert!(Instant::now() < deadline, "the channel is not asked");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.asked().await, times);
    }

    async fn faults(&self, method: &str, rules: &Value) {
        let url = format!("{}/_simulator/faults", self.cluster.simulator.base_url());
        let body = json!({ "rules": rules }).to_string();
        let answer = ask_elsewhere(method, &url, body.as_bytes()).await;
        assert!(answer.status < 300, "{answer:?}");
    }

    async fn row(&self) -> Credential {
        let row = self.store.credential(&TenantId::new("shop"), Channel::Instagram).await;
        row.unwrap().unwrap()
    }

    /// As it is, once it is so.
    async fn row_that(&self, is_so: impl Fn(&Credential) -> bool) -> Credential {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let row = self.row().await;
            if is_so(&row) {
                return row;
            }
            assert!(Instant::now() < deadline, "{:?}", row.standing);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Time has gone by since it was last tried.
    async fn is_due(&self) {
        let mut row = self.row().await;
        row.version += 1;
        row.standing.tried_at = None;
        let kept = self.store.keep_credential(&row, Some(&row.sealed)).await;
        assert!(kept.unwrap());
    }

    /// Announces an event at a node; on which account of Instagram's it stands then.
    async fn announced(&self, node: usize, event: &str) -> String {
        let mut body = request(self.cluster.simulator.base_url(), event);
        body["channels"] = json!(["Instagram"]);
        let answer = self.ask(node, "POST", DISTRIBUTE, &body).await.success(200);
        assert_eq!(answer["status"], "COMPLETED", "{answer}");
        let effects = self.cluster.simulator.effects();
        let of_event = |effect: &&fanfare_simulator::Effect| effect.content.to_string().contains(event);
        let mut found = effects.iter().filter(of_event).map(|effect| effect.account.clone());
        let account = found.next().unwrap();
        assert_eq!(found.next(), None, "once");
        account
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_one_node_was_given_the_other_uses_within_five_seconds() {
    let mut shop = Shop::start().await;
    assert_eq!(shop.announced(1, "evt-before").await, "17841400000000000");
    let account = json!({"accountId": "17841", "accessToken": "canary-of-the-shop"});
    let kept = shop.ask(0, "PUT", ACCOUNT, &account).await.success(200);
    assert_eq!(kept["account"], "own", "{kept}");
    let handed_over = Instant::now();
    assert_eq!(shop.announced(0, "evt-at-once").await, "17841");
    let mut number = 0;
    while shop.announced(1, &format!("evt-{number}-")).await != "17841" {
        let late = handed_over.elapsed() > FOLLOWED_WITHIN;
        assert!(!late, "the other node does not follow");
        number += 1;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    shop.cluster.restart(1).await;
    assert_eq!(shop.announced(1, "evt-after").await, "17841", "a restart keeps it");

    let row = shop.store.credential(&TenantId::new("shop"), Channel::Instagram).await;
    let row = format!("{:?}", row.unwrap().unwrap());
    let sealed = !row.contains("canary") && !row.contains("17841");
    let logs = shop.cluster.nodes.iter().map(Node::log).collect::<String>();
    assert!(sealed && !logs.contains("canary"), "I16: {row}");
}

/// Of two nodes one renews the account's token. Killed between the channel's answer and its commit, it is followed an
/// hour later, and both nodes go on with what the other one got.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_by_one_node_and_by_another_where_that_one_is_killed() {
    let mut shop = Shop::start().await;
    // That of the configuration.
    shop.asked_so_often(1).await;
    let account = json!({"accountId": "17841", "accessToken": "canary-of-the-shop"});
    shop.ask(0, "PUT", ACCOUNT, &account).await.success(200);
    shop.row_that(|row| row.standing.tried.code().is_some()).await;
    shop.asked_so_often(2).await;
    let young = shop.ask(1, "GET", ACCOUNT, &Value::Null).await.success(200);
    assert_eq!(young["token"]["state"], "good", "{young}");

    shop.cluster.simulator.clock().advance(Duration::from_hours(25));
    let hangs = json!([{"step": "token", "fault": {"kind": "hang", "perform": true}}]);
    shop.faults("PUT", &hangs).await;
    let handed_over = shop.row().await.sealed;
    shop.is_due().await;
    shop.asked_so_often(3).await;
    shop.cluster.kill(0);
    shop.cluster.kill(1);
    shop.faults("DELETE", &Value::Null).await;
    for number in 0..2 {
        shop.cluster.begin(number);
    }
    for number in 0..2 {
        shop.cluster.ready(number).await;
    }
    let row = shop.row().await;
    assert_eq!((&row.standing.tried, &row.sealed), (&Tried::Begun, &handed_over));
    assert_eq!(
        shop.announced(1, "evt-meanwhile").await,
        "17841",
        "with the one of before"
    );
    assert_eq!(shop.asked().await, 3, "who began may be at it still");

    shop.is_due().await;
    let renewed = shop.row_that(|row| row.standing.expires_at.is_some()).await;
    assert_ne!(renewed.sealed.value, handed_over.value);
    shop.asked_so_often(4).await;
    tokio::time::sleep(FOLLOWED_WITHIN).await;
    for node in 0..2 {
        let shown = shop.ask(node, "GET", ACCOUNT, &Value::Null).await.success(200);
        let end = shown["token"]["expiresAt"].as_str().unwrap();
        assert_eq!(Some(end.parse().unwrap()), renewed.standing.expires_at);
        assert_eq!(shop.announced(node, &format!("evt-{node}")).await, "17841");
    }
    shop.asked_so_often(4).await;
    let logs = shop.cluster.nodes.iter().map(Node::log).collect::<String>();
    assert!(!logs.contains("canary") && !logs.contains("IGAA"), "I16");
}
