//! Caps over several nodes: two at once can't both take what is left.

use fanfare_core::channel::Channel;
use fanfare_core::ids::Incarnation;
use fanfare_core::spend::{Spend, SpendCap};
use fanfare_core::write::{Write, Written};
use fanfare_ledger::{Store, bare};

use super::database::Database;
use super::nodes::at;

const CHANNELS: [Channel; 2] = [Channel::GenieTV, Channel::WooridongneTV];
const CAP: u64 = 1_000;
const COST: u64 = 100;
const NODES: u64 = 3;
const EACH: u64 = 12;

/// Two distributions of a node, each of which spends on both channels, in one order
/// or the other.
fn batch(number: u64, token: Incarnation) -> Vec<Write> {
    let (mut writes, _) = bare::batch_of(number * 2, 2, at(0), token);
    for (place, write) in (number..).zip(&mut writes) {
        let Write::Accept(acceptance) = write else {
            panic!("{write:?}")
        };
        let spend = |channel| Spend {
            channel,
            event_id: acceptance.distribution.event_id.clone(),
            cost: COST,
            at: at(0),
            cap: SpendCap {
                per_event: None,
                per_month: Some(CAP),
            },
        };
        let mut spends = CHANNELS.map(spend);
        if place % 2 == 1 {
            spends.reverse();
        }
        acceptance.spends = spends.to_vec();
    }
    writes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_spend_at_once_stay_within_the_cap() {
    let database = Database::new();
    let mut commits = Vec::new();
    for node in 0..NODES {
        let store = std::sync::Arc::new(database.store().await);
        let token = store.begin_incarnation(at(0)).await.unwrap();
        for number in 0..EACH {
            let (store, batch) = (std::sync::Arc::clone(&store), batch(node * EACH + number, token));
            commits.push(tokio::spawn(async move { store.commit(batch).await.unwrap() }));
        }
    }
    let mut accepted = 0;
    for commit in commits {
        for answer in commit.await.unwrap() {
            match answer {
                Written::Accepted { .. } => accepted += 1,
                Written::OverSpent { over } => assert_eq!(over.len(), 2, "{over:?}"),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(accepted * COST, CAP, "all of it, and no more");
}
