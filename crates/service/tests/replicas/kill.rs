//! T2: nodes are killed at random moments under load.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::checker::examine;
use crate::cluster::Cluster;
use crate::load::Load;
use crate::observed::at_rest;
use crate::scale;

/// `FANFARE_TEST_NODE_KILLS`: how often a node is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_node_is_killed_nothing_is_lost_and_nothing_comes_to_be_twice() {
    let kills = scale("FANFARE_TEST_NODE_KILLS", 12);
    let mut cluster = Cluster::start(3).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 6);
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..900))).await;
        let number = rng.random_range(0..3);
        cluster.kill(number);
        // Not at once, so that others find its work.
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..400))).await;
        cluster.begin(number);
        cluster.ready(number).await;
    }
    let count = load.end().await;
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let observed = at_rest(&cluster, acknowledged).await;
    let verdict = examine(&observed);
    println!(
        "{kills} kills of 3 nodes, {count} acknowledged, {} stored, {} records: lost {}, repeated {}, left to a person {}",
        observed.distributions.len(),
        observed.records.len(),
        verdict.lost,
        verdict.repeated,
        verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert!(count > kills as usize, "too little load: {count}");
    assert!(verdict.left_to_a_person <= kills as usize, "at most one for each kill");
}
