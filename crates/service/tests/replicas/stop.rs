//! T15: SIGTERM under load, as in a rolling restart.

use std::time::Duration;

use crate::checker::examine;
use crate::cluster::Cluster;
use crate::load::Load;
use crate::observed::{at_rest, count, database};
use crate::scale;

/// `FANFARE_TEST_STOPS`: how often a node is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_and_repeats_nothing_and_takes_less_than_30_seconds_a_node() {
    let stops = scale("FANFARE_TEST_STOPS", 9);
    let mut cluster = Cluster::start(3).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 6);
    for stop in 0..stops {
        let number = stop as usize % 3;
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.restart(number).await;
    }
    let acknowledged = load.end().await;
    let told = load.acknowledged.lock().unwrap().clone();
    let observed = at_rest(&cluster, told).await;
    let verdict = examine(&observed);
    let database = database(&cluster).await;
    let living = count(&database, "SELECT count(*) FROM incarnations WHERE ended_at IS NULL").await;
    println!(
        "{stops} stops of 3 nodes, {acknowledged} acknowledged: lost {}, repeated {}, left to a person {}",
        verdict.lost, verdict.repeated, verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(verdict.left_to_a_person, 0, "nothing was interrupted");
    assert_eq!(living, 3, "each life that ended has said so");
}
