//! Reads what the database, the channels and Kafka hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};

use crate::checker::{Delivery, Distribution, Observed, Record};
use crate::cluster::{Cluster, PATIENCE};

/// A client of the cluster's database, in its schema.
pub(crate) async fn database(cluster: &Cluster) -> Client {
    let (client, connection) = tokio_postgres::connect(&cluster.database_url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let path = format!("SET search_path TO {}", cluster.schema);
    client.batch_execute(&path).await.unwrap();
    client
}

pub(crate) async fn count(database: &Client, query: &str) -> i64 {
    database.query_one(query, &[]).await.unwrap().get(0)
}

/// Waits until nothing moves and all is published, then reads everything.
pub(crate) async fn at_rest(cluster: &Cluster, acknowledged: BTreeSet<String>) -> Observed {
    let database = database(cluster).await;
    let restless = "SELECT (SELECT count(*) FROM distribution_channel_logs
             WHERE status IN ('PENDING', 'IN_PROGRESS', 'RETRYING', 'WAITING'))
         + (SELECT count(*) FROM outbox WHERE published_at IS NULL)";
    let deadline = Instant::now() + PATIENCE;
    while count(&database, restless).await > 0 {
        let late = Instant::now() >= deadline;
        assert!(!late, "it does not come to rest: {:?}", restless_rows(&database).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let distributions = distributions(&database).await;
    let effects = effects(cluster, &database).await;
    let (kafka, topic) = (cluster.kafka.clone(), cluster.topic.clone());
    let records = tokio::task::spawn_blocking(move || records(&kafka, &topic))
        .await
        .unwrap();
    Observed {
        acknowledged,
        distributions,
        effects,
        records,
    }
}

/// What still goes on, for whoever reads the failure.
async fn restless_rows(database: &Client) -> Vec<String> {
    let rows =
        "SELECT format('%s %s %s owner %s attempt %s next %s: %s', c.channel, c.status, c.phase, d.owner, c.attempt,
             c.next_attempt_at - now(), c.failure)
         FROM distribution_channel_logs AS c
         JOIN distribution_logs AS d ON d.tenant_id = c.tenant_id AND d.id = c.distribution_log_id
         WHERE c.status IN ('PENDING', 'IN_PROGRESS', 'RETRYING', 'WAITING') LIMIT 20";
    let rows = database.query(rows, &[]).await.unwrap();
    let mut rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let unpublished = count(database, "SELECT count(*) FROM outbox WHERE published_at IS NULL").await;
    rows.push(format!("{unpublished} outcomes unpublished"));
    rows
}

async fn distributions(database: &Client) -> BTreeMap<String, Distribution> {
    let mut all = BTreeMap::new();
    let rows = database.query(
        "SELECT id::text, event_id, status, version::bigint FROM distribution_logs",
        &[],
    );
    for row in rows.await.unwrap() {
        let distribution = Distribution {
            event: row.get(1),
            status: row.get(2),
            version: row.get(3),
            ..Distribution::default()
        };
        all.insert(row.get(0), distribution);
    }
    let of = |row: &tokio_postgres::Row| row.get::<_, String>(0);
    let deliveries = "SELECT distribution_log_id::text, channel, status, holds_claim, channel_state IS NOT NULL
        FROM distribution_channel_logs";
    for row in database.query(deliveries, &[]).await.unwrap() {
        let delivery = Delivery {
            channel: row.get(1),
            status: row.get(2),
            holds_claim: row.get(3),
            has_receipt: row.get(4),
        };
        all.get_mut(&of(&row)).unwrap().deliveries.push(delivery);
    }
    let history = "SELECT distribution_log_id::text, number::bigint FROM history ORDER BY number";
    for row in database.query(history, &[]).await.unwrap() {
        all.get_mut(&of(&row)).unwrap().history.push(row.get(1));
    }
    let outbox = "SELECT distribution_log_id::text, version::bigint, event_uuid::text FROM outbox ORDER BY version";
    for row in database.query(outbox, &[]).await.unwrap() {
        all.get_mut(&of(&row)).unwrap().outbox.push((row.get(1), row.get(2)));
    }
    all
}

/// By channel and event. 우리동네TV knows the delivery alone, Instagram the caption.
async fn effects(cluster: &Cluster, database: &Client) -> Vec<(String, String)> {
    let rows = database.query("SELECT id::text, event_id FROM distribution_channel_logs", &[]);
    let event_of: BTreeMap<String, String> = rows.await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let effects = cluster.simulator.effects();
    let named = effects.iter().map(|effect| match effect.channel {
        "instagram" => {
            let caption = text(&effect.content["caption"]);
            let event = caption.rsplit(' ').next().unwrap_or_default().to_owned();
            ("Instagram".to_owned(), event)
        }
        "wooridongne-tv" => {
            let delivery = effect.our_id.split('.').next().unwrap_or_default();
            let event = event_of.get(delivery).cloned().unwrap_or_default();
            ("WooridongneTV".to_owned(), event)
        }
        _ => (text(&effect.content["channel"]), text(&effect.content["eventId"])),
    });
    named.collect()
}

/// All that the topic holds by now, of each partition in its order. Read up to
/// the end that the broker names: a consumer that merely falls silent for a
/// while has not read all.
fn records(kafka: &str, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", topic)
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let (mut from, mut ends) = (TopicPartitionList::new(), BTreeMap::new());
    for partition in metadata.topics()[0].partitions() {
        let (_, end) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).unwrap();
        from.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .unwrap();
        if end > 0 {
            ends.insert(partition.id(), end);
        }
    }
    consumer.assign(&from).unwrap();
    let (mut records, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while !ends.is_empty() {
        assert!(Instant::now() < deadline, "not read to the ends: {ends:?}");
        // Errors, such as a connection that breaks, are mended by the client.
        let Some(Ok(message)) = consumer.poll(Duration::from_secs(1)) else {
            continue;
        };
        if ends
            .get(&message.partition())
            .is_some_and(|end| message.offset() + 1 >= *end)
        {
            ends.remove(&message.partition());
        }
        records.push(record(&message));
    }
    records
}

fn record(message: &impl Message) -> Record {
    let header = |name: &str| {
        let headers = message.headers().unwrap();
        let found = headers
            .iter()
            .find(|header| header.key == name)
            .and_then(|header| header.value);
        String::from_utf8(found.unwrap_or_default().to_vec()).unwrap()
    };
    let body: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
    assert_eq!(header("ce_type"), "DistributionCompleted");
    let results = body["results"].as_array().unwrap();
    Record {
        key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
        id: header("ce_id"),
        distribution: body["distributionId"].as_str().unwrap().to_owned(),
        version: body["version"].as_i64().unwrap(),
        statuses: results
            .iter()
            .map(|result| result["status"].as_str().unwrap().to_owned())
            .collect(),
    }
}
