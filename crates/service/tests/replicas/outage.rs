//! T5: the database stops at once, again and again, and its connections are cut.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::checker::examine;
use crate::cluster::{Cluster, PATIENCE, is_ready};
use crate::load::{Load, call};
use crate::observed::at_rest;
use crate::scale;
use crate::servers::postgres::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_it_is_up_and_not_ready_and_can_be_ended() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("serve")
        .env("FANFARE_LISTEN", address.to_string())
        .env("FANFARE_DATABASE_URL", "postgres://fanfare@127.0.0.1:1/fanfare")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while call(address, "GET", "/healthz", None)
        .await
        .is_none_or(|(status, _)| status != 200)
    {
        assert!(Instant::now() < deadline, "it is not up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (method, path) in [("GET", "/readyz"), ("POST", crate::support::DISTRIBUTE)] {
        let (status, problem) = call(address, method, path, None).await.unwrap();
        assert_eq!(
            (status, problem["code"].as_str()),
            (503, Some("not_ready")),
            "{problem}"
        );
    }
    let ended = Command::new("kill").args(["-TERM", &service.id().to_string()]).status();
    assert!(ended.unwrap().success());
    let status = tokio::task::spawn_blocking(move || service.wait().unwrap())
        .await
        .unwrap();
    assert!(status.success(), "{status}");
}

/// `FANFARE_TEST_OUTAGES`: how often the database is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_costs_answers_but_nothing_that_was_promised() {
    let outages = scale("FANFARE_TEST_OUTAGES", 4);
    let postgres = Postgres::start();
    let cluster = Cluster::start_over(2, &postgres.url(), &[]).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 4);
    let mut slowest = Duration::ZERO;
    for _ in 0..outages {
        tokio::time::sleep(Duration::from_millis(700)).await;
        postgres.stop();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            !is_ready(addresses[0]).await,
            "it says that it is ready without a database"
        );
        postgres.begin();
        let back = Instant::now();
        for address in &addresses {
            while !is_ready(*address).await {
                assert!(back.elapsed() < PATIENCE, "{}", cluster.nodes[0].log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        slowest = slowest.max(back.elapsed());
    }
    let count = load.end().await;
    let refused = load.refused.load(std::sync::atomic::Ordering::Relaxed);
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let verdict = examine(&at_rest(&cluster, acknowledged).await);
    println!(
        "{outages} outages, {count} acknowledged, {refused} refused with 503, ready again within {slowest:?}: \
         lost {}, repeated {}, left to a person {}",
        verdict.lost, verdict.repeated, verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(
        verdict.left_to_a_person, 0,
        "what was heard while it was away is written when it is back"
    );
    assert!(refused > 0, "503 is what clients are told meanwhile");
    assert!(slowest <= Duration::from_secs(5), "{slowest:?}");
}
