//! Two operators redrive the same outage at two nodes, and one of these is killed in
//! the midst of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::checker::examine;
use crate::cluster::{Cluster, PATIENCE, given};
use crate::load::{call, request};
use crate::observed::at_rest;
use crate::support::{DISTRIBUTE, ask_elsewhere};

const REDRIVE: &str = "/api/distributions/redrive";

/// Below what Instagram takes in a day.
const EVENTS: usize = 30;

async fn goes_wrong(cluster: &Cluster, rules: &Value) {
    let url = format!("{}/_simulator/faults", cluster.simulator.base_url());
    let told = ask_elsewhere("PUT", &url, json!({ "rules": rules }).to_string().as_bytes()).await;
    assert_eq!(told.status, 200, "{told:?}");
}

/// What the outage cost, and what the killed node was about to publish.
fn which() -> Value {
    json!({"channels": ["Instagram"], "codes": ["channel_unavailable", "found_absent"]})
}

async fn look(address: SocketAddr) -> Value {
    let (status, look) = call(address, "POST", REDRIVE, Some(&which())).await.unwrap();
    assert_eq!(status, 200, "{look}");
    look
}

/// Goes through it, at another node where one does not answer; how many it redrove.
async fn operator(nodes: Vec<SocketAddr>, look: Value) -> u64 {
    let (mut from, mut place, mut redriven) = (look, 0, 0);
    while let Some(cursor) = from["next"].as_str() {
        let mut order = which();
        order["dryRun"] = json!(false);
        order["cursor"] = json!(cursor);
        order["reason"] = json!("장애 복구");
        order["limit"] = json!(3);
        match call(nodes[place % nodes.len()], "POST", REDRIVE, Some(&order)).await {
            Some((200, step)) => {
                redriven += step["redriven"].as_u64().unwrap();
                from = step;
            }
            Some((status, problem)) => assert_eq!(status, 503, "{problem}"),
            None => place += 1,
        }
    }
    redriven
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_redrives_and_whoever_dies_each_is_sent_once() {
    let hasty = [
        ("FANFARE_ENGINE__MAX_ATTEMPTS", "1"),
        ("FANFARE_BREAKER__CONSECUTIVE_FAILURES", "1000"),
        ("FANFARE_BREAKER__MINIMUM_NUMBER_OF_CALLS", "1000"),
    ];
    let mut cluster = Cluster::start_over(3, &given("FANFARE_TEST_DATABASE_URL"), &hasty).await;
    let nodes: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let dead = json!([{"channel": "instagram", "step": "create", "fault": {"kind": "drop-before"}}]);
    goes_wrong(&cluster, &dead).await;
    let mut acknowledged = BTreeSet::new();
    for number in 0..EVENTS {
        let mut body = request(cluster.simulator.base_url(), &format!("evt-{number}"));
        body["channels"] = json!(["WooridongneTV", "Instagram"]);
        let (status, answer) = call(nodes[number % 3], "POST", DISTRIBUTE, Some(&body)).await.unwrap();
        assert_eq!(
            (status, &answer["failedChannels"]),
            (200, &json!(["Instagram"])),
            "{answer}"
        );
        acknowledged.insert(answer["distributionId"].as_str().unwrap().to_owned());
    }
    goes_wrong(&cluster, &json!([])).await;

    let look_before = look(nodes[0]).await;
    assert_eq!(look_before["redrivable"], EVENTS, "{look_before}");
    let first = tokio::spawn(operator(vec![nodes[0], nodes[2]], look_before.clone()));
    let second = tokio::spawn(operator(vec![nodes[1], nodes[2]], look_before));
    let published = |cluster: &Cluster| {
        let effects = cluster.simulator.effects();
        effects.iter().filter(|effect| effect.channel == "instagram").count()
    };
    while published(&cluster) < 5 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    cluster.kill(0);
    let redriven = (first.await.unwrap(), second.await.unwrap());

    // What was under way where it died is taken over, and may have failed at its only
    // attempt; what was not asked for is asked for.
    let deadline = Instant::now() + PATIENCE;
    let observed = loop {
        let observed = at_rest(&cluster, acknowledged.clone()).await;
        let left = look(nodes[1]).await;
        if left["matched"] == 0 {
            break observed;
        }
        assert!(Instant::now() < deadline, "{left}");
        operator(vec![nodes[1]], left).await;
    };
    println!("{EVENTS} events, killed after some; the two operators saw {redriven:?} redriven");
    assert_eq!(examine(&observed).faults, Vec::<String>::new());
    assert_eq!(published(&cluster), EVENTS, "once each");
}
