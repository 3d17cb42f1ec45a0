//! Several nodes at work on the same things: once is once, wherever it is asked.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::checker::examine;
use crate::cluster::{Cluster, PATIENCE};
use crate::load::{call, request};
use crate::observed::{at_rest, count, database};
use crate::support::DISTRIBUTE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_at_every_node_at_once_is_one_distribution() {
    let cluster = Cluster::start(3).await;
    let body = request(cluster.simulator.base_url(), "evt-same");
    let asked = (0..12).map(|number| {
        let (address, body) = (cluster.nodes[number % 3].address, body.clone());
        tokio::spawn(async move { call(address, "POST", DISTRIBUTE, Some(&body)).await.unwrap() })
    });
    let mut ids = std::collections::BTreeSet::new();
    for asked in asked.collect::<Vec<_>>() {
        let (status, answer) = asked.await.unwrap();
        assert_eq!((status, &answer["status"]), (200, &json!("COMPLETED")), "{answer}");
        ids.insert(answer["distributionId"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
    let verdict = examine(&at_rest(&cluster, ids).await);
    assert_eq!(verdict.faults, Vec::<String>::new());
}

/// I13. Due a moment from now, for whoever finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_scheduled_begins_once_and_in_time_whoever_was_asked() {
    let mut cluster = Cluster::start(2).await;
    let database = database(&cluster).await;
    // In another zone's words, by the machine's clock, as a client says it.
    let at: String = database
        .query_one(
            "SELECT to_char((now() + interval '4 seconds') AT TIME ZONE 'Asia/Seoul', 'YYYY-MM-DD\"T\"HH24:MI:SS') || '+09:00'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let mut acknowledged = std::collections::BTreeSet::new();
    for number in 0..6 {
        let mut body = request(cluster.simulator.base_url(), &format!("evt-later-{number}"));
        body["scheduledAt"] = json!(at);
        let address = cluster.nodes[0].address;
        let (status, answer) = call(address, "POST", DISTRIBUTE, Some(&body)).await.unwrap();
        assert_eq!(status, 202, "{answer}");
        acknowledged.insert(answer["distributionId"].as_str().unwrap().to_owned());
    }
    // The node that knows of it is gone; the other one must find it.
    cluster.nodes[0].signal("TERM");
    assert!(cluster.nodes[0].ended(PATIENCE).await);
    let observed = at_rest(&cluster, acknowledged).await;
    assert_eq!(examine(&observed).faults, Vec::<String>::new());
    assert_eq!(observed.effects.len(), 36, "six channels, six events, once");
    let early = format!("SELECT count(*) FROM distribution_channel_logs WHERE attempt_started_at < '{at}'");
    assert_eq!(count(&database, &early).await, 0);
}

/// Status, waiting and following at a node that does not own the work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_tells_what_another_one_works_on() {
    let cluster = Cluster::start(2).await;
    let slow = json!({"rules": [{"channel": "gateway", "times": 4, "fault": {"kind": "delay", "millis": 700}}]});
    let url = format!("{}/_simulator/faults", cluster.simulator.base_url());
    let told = crate::support::ask_elsewhere("PUT", &url, slow.to_string().as_bytes()).await;
    assert_eq!(told.status, 200, "{told:?}");
    let (first, second) = (cluster.nodes[0].address, cluster.nodes[1].address);
    let body = request(cluster.simulator.base_url(), "evt-elsewhere");
    let working = tokio::spawn(async move { call(first, "POST", DISTRIBUTE, Some(&body)).await });
    let deadline = Instant::now() + PATIENCE;
    // Asked the same, it waits for the other one's work.
    let (status, answer) = loop {
        let answer = call(second, "GET", "/api/distribution/evt-elsewhere/status", None)
            .await
            .unwrap();
        if answer.0 == 200 {
            break call(
                second,
                "POST",
                DISTRIBUTE,
                Some(&request(cluster.simulator.base_url(), "evt-elsewhere")),
            )
            .await
            .unwrap();
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((status, &answer["status"]), (200, &json!("COMPLETED")), "{answer}");
    let (_, worked) = working.await.unwrap().unwrap();
    assert_eq!(worked["distributionId"], answer["distributionId"]);
    for address in [first, second] {
        let (_, status) = call(address, "GET", "/api/distribution/evt-elsewhere/status", None)
            .await
            .unwrap();
        assert_eq!(
            (&status["status"], &status["version"]),
            (&json!("COMPLETED"), &json!(1)),
            "{status}"
        );
    }
}

/// What one node is told, all obey within two seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_to_a_breaker_is_obeyed_by_every_node() {
    let cluster = Cluster::start(2).await;
    let order = json!({"action": "force_open", "reason": "maintenance"});
    let path = "/api/channels/Instagram/breaker";
    let told = call(cluster.nodes[0].address, "POST", path, Some(&order)).await;
    assert_eq!(told.unwrap().0, 200);
    let ordered = Instant::now();
    loop {
        let (_, answer) = call(cluster.nodes[1].address, "GET", "/api/channels", None)
            .await
            .unwrap();
        let channels = answer["channels"].as_array().unwrap();
        let instagram = channels.iter().find(|channel| channel["name"] == "Instagram").unwrap();
        if instagram["breaker"]["state"] == "FORCED_OPEN" {
            break;
        }
        assert!(ordered.elapsed() < Duration::from_secs(2), "{instagram}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A stop at one node holds back what is asked of another one, and what waits goes on
/// wherever it is let go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_obeyed_by_every_node() {
    let cluster = Cluster::start(2).await;
    let (first, second) = (cluster.nodes[0].address, cluster.nodes[1].address);
    let order = |action: &str| json!({"scope": "all", "action": action, "reason": "maintenance"});
    let told = call(first, "POST", "/api/stop", Some(&order("stop"))).await;
    assert_eq!(told.unwrap().0, 200);
    let ordered = Instant::now();
    let stopped = async |address| {
        let (_, answer) = call(address, "GET", "/api/stop", None).await.unwrap();
        answer["stopped"].as_array().unwrap().len()
    };
    while stopped(second).await == 0 {
        assert!(ordered.elapsed() < Duration::from_secs(2), "it is not obeyed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (status, held) = call(
        second,
        "POST",
        DISTRIBUTE,
        Some(&request(cluster.simulator.base_url(), "evt-held")),
    )
    .await
    .unwrap();
    assert_eq!(
        (status, &held["results"][0]["code"]),
        (202, &json!("sending_stopped")),
        "{held}"
    );
    assert_eq!(cluster.simulator.effects().len(), 0);
    let told = call(second, "POST", "/api/stop", Some(&order("resume"))).await;
    assert_eq!(told.unwrap().0, 200);
    let ids = std::collections::BTreeSet::from([held["distributionId"].as_str().unwrap().to_owned()]);
    let observed = at_rest(&cluster, ids).await;
    assert_eq!(examine(&observed).faults, Vec::<String>::new());
    assert_eq!(observed.effects.len(), 6);
    assert_eq!(stopped(first).await, 0);
}

/// What is asked of a node that does not own the distribution waits until it is let go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_may_ask_any_node() {
    let cluster = Cluster::start(2).await;
    let (first, second) = (cluster.nodes[0].address, cluster.nodes[1].address);
    let breaker = "/api/channels/Instagram/breaker";
    let order = |action: &str| json!({ "action": action });
    let told = call(first, "POST", breaker, Some(&order("force_open"))).await;
    assert_eq!(told.unwrap().0, 200);
    let slow = json!({"rules": [{"channel": "gateway", "times": 4, "fault": {"kind": "delay", "millis": 900}}]});
    let url = format!("{}/_simulator/faults", cluster.simulator.base_url());
    let told = crate::support::ask_elsewhere("PUT", &url, slow.to_string().as_bytes()).await;
    assert_eq!(told.status, 200, "{told:?}");
    // The cache may outlive a test: this event is of this one alone.
    let event = format!("evt-any-{}", cluster.topic);
    let body = request(cluster.simulator.base_url(), &event);
    let working = tokio::spawn(async move { call(first, "POST", DISTRIBUTE, Some(&body)).await });
    let deadline = Instant::now() + PATIENCE;
    let id = loop {
        let status = format!("/api/distribution/{event}/status");
        let (code, answer) = call(second, "GET", &status, None).await.unwrap();
        if code == 200 {
            break answer["distributionId"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    // The first one is at work on it.
    let of = |what: &str| format!("/api/distributions/{id}/{what}");
    let (status, answer) = call(second, "POST", &of("cancel"), Some(&json!({}))).await.unwrap();
    assert_eq!(
        (status, &answer["status"]),
        (200, &json!("PARTIALLY_COMPLETED")),
        "{answer}"
    );
    let cancellation = answer["cancellation"].as_array().unwrap();
    for (entry, live) in cancellation
        .iter()
        .map(|entry| (entry, entry["channel"] != "Instagram"))
    {
        let effect = if live { "stays_live" } else { "cancelled" };
        assert_eq!(entry["effect"], effect, "{answer}");
    }
    working.await.unwrap().unwrap();
    let told = call(second, "POST", breaker, Some(&order("close"))).await;
    assert_eq!(told.unwrap().0, 200);
    let (status, answer) = call(second, "POST", &of("retry"), Some(&json!({}))).await.unwrap();
    assert_eq!((status, &answer["status"]), (200, &json!("COMPLETED")), "{answer}");
    assert_eq!(cluster.simulator.effects().len(), 6);
}
