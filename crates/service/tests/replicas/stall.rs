//! T3: a node stands still for three times its lease, and goes on.

use std::time::Duration;

use crate::checker::examine;
use crate::cluster::{Cluster, LEASE};
use crate::load::Load;
use crate::observed::{at_rest, count, database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stood_still_writes_nothing_that_is_not_its_own_any_more() {
    let cluster = Cluster::start(2).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 6);
    while load.count() < 20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.nodes[0].signal("STOP");
    tokio::time::sleep(LEASE * 3).await;
    cluster.nodes[0].signal("CONT");
    tokio::time::sleep(Duration::from_secs(3)).await;
    load.end().await;
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let observed = at_rest(&cluster, acknowledged).await;
    let verdict = examine(&observed);
    let database = database(&cluster).await;
    let lives = count(&database, "SELECT count(*) FROM incarnations").await;
    println!(
        "a node stood still for {LEASE:?} × 3; {} distributions, {lives} lives: lost {}, repeated {}, left to a person {}",
        observed.distributions.len(),
        verdict.lost,
        verdict.repeated,
        verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert!(
        cluster.nodes[0].log().contains("taken for dead"),
        "{}",
        cluster.nodes[0].log()
    );
    assert!(lives >= 3, "it began another life");
}
