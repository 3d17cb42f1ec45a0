//! A rolling upgrade: nodes of an earlier release, replaced one by one under load.
//!
//! `scripts/earlier-program` builds the earlier program from the history.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::checker::examine;
use crate::cluster::{Cluster, PROGRAM};
use crate::load::Load;
use crate::observed::{at_rest, count, database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_upgrade_from_an_earlier_release_loses_and_repeats_nothing() {
    let earlier = std::env::var_os("FANFARE_TEST_EARLIER_PROGRAM").map(PathBuf::from);
    let earlier = earlier.expect("FANFARE_TEST_EARLIER_PROGRAM must name one: `scripts/earlier-program` builds it");
    let same = fs::read(&earlier).unwrap() == fs::read(PROGRAM).unwrap();
    assert!(!same, "{} is today's program", earlier.display());
    let mut cluster = Cluster::start_program(&earlier, 3).await;
    let schema = "SELECT value::bigint FROM meta WHERE key = 'schema_version'";
    let before = count(&database(&cluster).await, schema).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 6);
    let mut acknowledged_by = Vec::new();
    for number in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster.nodes[number].program = PROGRAM.into();
        cluster.restart(number).await;
        if number == 0 {
            // Of the others, which run on, one dies and comes back as what it was.
            cluster.kill(1);
            cluster.begin(1);
            cluster.ready(1).await;
        }
        acknowledged_by.push(load.count());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let acknowledged = load.end().await;
    let told = load.acknowledged.lock().unwrap().clone();
    let observed = at_rest(&cluster, told).await;
    let verdict = examine(&observed);
    let after = count(&database(&cluster).await, schema).await;
    println!(
        "schema {before} to {after}, {acknowledged} acknowledged ({acknowledged_by:?} when each was replaced): \
         lost {}, repeated {}, left to a person {}",
        verdict.lost, verdict.repeated, verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    let growing = acknowledged_by.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(growing && acknowledged_by[2] < acknowledged, "each mixture did work");
}
