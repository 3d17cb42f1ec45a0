//! A tenant's own account, handed over at one node, followed by the others, over a shared
//! database; and kept there sealed.

use std::time::Duration;

use fanfare::clock::{Clock, SystemClock};
use fanfare::keys::{KEY_BYTES, NewKey};
use fanfare_core::api_key::Scope;
use fanfare_core::channel::Channel;
use fanfare_core::ids::TenantId;
use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::credentials::Credentials;
use fanfare_ledger::{PostgresSettings, PostgresStore};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::{Cluster, Node, given};
use crate::load::request;
use crate::support::{Answer, DISTRIBUTE, ask_elsewhere_with};

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
