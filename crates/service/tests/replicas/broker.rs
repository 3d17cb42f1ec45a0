//! T7: Kafka is away for long, and Kafka dies under load.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::checker::{Observed, Record, examine};
use crate::cluster::{Cluster, PATIENCE, given};
use crate::load::{Load, call, request};
use crate::observed::{at_rest, count, database};
use crate::scale;
use crate::servers::kafka::Kafka;
use crate::support::DISTRIBUTE;

async fn cluster_of(nodes: usize, kafka: &Kafka) -> (Cluster, Vec<SocketAddr>) {
    let cluster = Cluster::start_with(nodes, &given("FANFARE_TEST_DATABASE_URL"), &kafka.open(), &[]).await;
    let addresses = cluster.nodes.iter().map(|node| node.address).collect();
    (cluster, addresses)
}

const UNPUBLISHED: &str = "SELECT count(*) FROM outbox WHERE published_at IS NULL";

/// `FANFARE_TEST_KAFKA_AWAY_S` and `FANFARE_TEST_COMPLETIONS`: how long it is
/// away at least, and how many complete meanwhile; 600 and 10,000 is the long form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_completes_while_kafka_is_away_for_long_is_soon_published_under_one_id_each() {
    let away = Duration::from_secs(scale("FANFARE_TEST_KAFKA_AWAY_S", 5).into());
    let completions = i64::from(scale("FANFARE_TEST_COMPLETIONS", 150));
    let mut kafka = Kafka::start(None).await;
    let (cluster, addresses) = cluster_of(2, &kafka).await;
    let database = database(&cluster).await;
    kafka.kill();
    let gone = Instant::now();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 6);
    while count(&database, UNPUBLISHED).await < completions {
        let patience = away + 10 * PATIENCE;
        assert!(gone.elapsed() < patience, "too slow: {} acknowledged", load.count());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let count_of_load = load.end().await;
    tokio::time::sleep_until(gone + away).await;
    let (kept, took) = (count(&database, UNPUBLISHED).await, gone.elapsed());
    kafka.begin();
    kafka.answers().await;
    let back = Instant::now();
    while count(&database, UNPUBLISHED).await > 0 {
        assert!(back.elapsed() <= Duration::from_mins(1), "{}", cluster.nodes[0].log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let drained = back.elapsed();
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let observed = at_rest(&cluster, acknowledged).await;
    let verdict = examine(&observed);
    println!(
        "Kafka away for {took:?}, {count_of_load} acknowledged, {kept} events kept, drained within {drained:?}, \
         {} records: lost {}, repeated {}, left to a person {}",
        observed.records.len(),
        verdict.lost,
        verdict.repeated,
        verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert!(kept >= completions, "{kept}");
}

/// Announces one event again and again, each time at the next node, and the next
/// only when the last one has completed; in which order.
async fn in_turn(addresses: Vec<SocketAddr>, event: String, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut order = Vec::new();
    while !stop.load(Ordering::Acquire) {
        let mut body = request("https://media.example.com", &event);
        body["channels"] = json!(["KakaoChannel"]);
        body["allowRepeat"] = json!(true);
        // So that no two are the same request.
        body["content"]["title"] = json!(format!("여는 날 {}", order.len()));
        let address = addresses[order.len() % addresses.len()];
        let (status, answer) = call(address, "POST", DISTRIBUTE, Some(&body)).await.unwrap();
        assert_eq!((status, &answer["status"]), (200, &json!("COMPLETED")), "{answer}");
        order.push(answer["distributionId"].as_str().unwrap().to_owned());
    }
    order
}

/// Takes out what is of this event: it is announced on purpose more than once,
/// which the checker calls a fault.
fn without(observed: &mut Observed, event: &str) -> Vec<Record> {
    observed.distributions.retain(|_, one| one.event != event);
    observed.effects.retain(|(_, of)| of != event);
    let (of, rest) = std::mem::take(&mut observed.records)
        .into_iter()
        .partition(|record| record.key == event);
    observed.records = rest;
    of
}

/// In which order the distributions were first read; each under one id.
fn read_order(records: &[Record]) -> Vec<String> {
    let mut order = Vec::new();
    let mut ids = BTreeMap::new();
    for record in records {
        match ids.insert(record.distribution.clone(), record.id.clone()) {
            None => order.push(record.distribution.clone()),
            Some(before) => assert_eq!(before, record.id, "two ids of {}", record.distribution),
        }
    }
    order
}

/// Where what was read is not what completed, in its order: the place, what was
/// read there and what had completed.
fn first_difference<'a>(
    read: &'a [String],
    completed: &'a [String],
) -> Option<(usize, Option<&'a String>, Option<&'a String>)> {
    let places = 0..read.len().max(completed.len());
    let mut pairs = places.map(|place| (place, read.get(place), completed.get(place)));
    pairs.find(|(_, read, completed)| read != completed)
}

/// `FANFARE_TEST_BROKER_KILLS`: how often the broker is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_under_load_loses_no_event_and_keeps_each_event_s_order() {
    const EVENTS: usize = 3;
    let kills = scale("FANFARE_TEST_BROKER_KILLS", 2);
    let mut kafka = Kafka::start(None).await;
    let (cluster, addresses) = cluster_of(2, &kafka).await;
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 3);
    let stop = Arc::new(AtomicBool::new(false));
    let event = |number: usize| format!("evt-in-turn-{number}");
    let turns = (0..EVENTS).map(|number| tokio::spawn(in_turn(addresses.clone(), event(number), Arc::clone(&stop))));
    let turns: Vec<_> = turns.collect();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        kafka.kill();
        tokio::time::sleep(Duration::from_secs(1)).await;
        kafka.begin();
        kafka.answers().await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Release);
    let count = load.end().await;
    let mut orders = Vec::new();
    for turn in turns {
        orders.push(turn.await.unwrap());
    }
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let mut observed = at_rest(&cluster, acknowledged).await;
    let records = observed.records.len();
    for (number, order) in orders.iter().enumerate() {
        let read = read_order(&without(&mut observed, &event(number)));
        assert_eq!(first_difference(&read, order), None, "of {read:?}");
        assert!(order.len() > 2 * kills as usize, "too little load: {}", order.len());
    }
    let verdict = examine(&observed);
    println!(
        "{kills} kills of the broker, {count} acknowledged and {} in turn, {records} records: lost {}, repeated {}, \
         left to a person {}",
        orders.iter().map(Vec::len).sum::<usize>(),
        verdict.lost,
        verdict.repeated,
        verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
}
