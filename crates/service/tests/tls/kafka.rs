//! Kafka that takes nobody without TLS and a log-in by SCRAM.

use std::path::PathBuf;
use std::time::Duration;

use fanfare::config::{Config, SaslMechanism, SecurityProtocol};
use fanfare_channels::secret::Secret;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::certificates::Certificates;
use crate::servers::kafka::{Kafka, Secured};
use crate::support::Service;

/// A broker may take its time over a new topic, and a relay over its waits.
const PATIENCE: Duration = Duration::from_mins(1);

type Change = Box<dyn FnOnce(&mut Config)>;

const TOPIC: &str = "over-tls";

/// As many as the broker gives a new topic.
const PARTITIONS: i32 = 3;

/// The settings that are right; a test spoils one of them.
fn right(kafka: &Kafka, authority: PathBuf) -> impl FnOnce(&mut Config) {
    let brokers = kafka.secured();
    move |config| {
        config.kafka_brokers = Some(brokers);
        TOPIC.clone_into(&mut config.kafka.topic);
        config.kafka.message_timeout_ms = 1_000;
        config.kafka.security_protocol = SecurityProtocol::SaslSsl;
        config.kafka.sasl_mechanism = Some(SaslMechanism::ScramSha512);
        config.kafka.sasl_username = Some("fanfare".to_owned());
        config.kafka.sasl_password = Some(Secret::new("canary"));
        config.kafka.ca_file = Some(authority);
    }
}

async fn distribute(service: &Service, event: &str) {
    let request = json!({
        "eventId": event,
        "channels": ["Instagram"],
        "contentUrls": { "imageUrl": "https://cdn.example.com/a.jpg" }
    });
    service.distribute(&request).await.success(200);
}

/// What the service says of its way to Kafka, once it is so.
async fn events_health(service: &Service, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ready = service.get("/readyz").await.success(200);
        if wanted(&ready["events"]) {
            return ready["events"].clone();
        }
        assert!(Instant::now() < deadline, "{ready}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The keys that a consumer reads; at least so many are expected.
async fn keys(kafka: &Kafka, count: usize) -> Vec<String> {
    let brokers = kafka.open();
    let reading = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "reader")
            .create()
            .unwrap();
        let mut partitions = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let whole = partitions.add_partition_offset(TOPIC, partition, Offset::Beginning);
            whole.unwrap();
        }
        consumer.assign(&partitions).unwrap();
        let mut keys = Vec::new();
        // A minute; an error may come before the consumer has found its way.
        for _ in 0..600 {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                keys.push(String::from_utf8(message.key().unwrap().to_vec()).unwrap());
            }
            if keys.len() >= count {
                break;
            }
        }
        keys
    });
    reading.await.unwrap()
}

#[tokio::test]
async fn with_the_right_authority_and_log_in_events_are_published_and_what_is_wrong_is_named() {
    let built_with: &[&str] = if cfg!(feature = "kafka-tls") {
        &["kafka-tls"]
    } else {
        &[]
    };
    let has_tls = built_with.contains(&"kafka-tls");
    assert!(has_tls, "TLS to Kafka is a feature: test with --all-features (cargo t)");
    let certificates = Certificates::new();
    let kafka = Kafka::start(Some(&Secured {
        certificate: &certificates.server,
        key: &certificates.key,
        user: ("fanfare", "canary"),
    }))
    .await;
    let directory = TempDir::new().unwrap();
    let authority = certificates.authority_in(directory.path(), "authority.pem");
    let stranger = Certificates::new().authority_in(directory.path(), "stranger.pem");

    let service = Service::start_as(right(&kafka, authority.clone())).await;
    distribute(&service, "evt-right").await;
    assert_eq!(keys(&kafka, 1).await, ["evt-right"]);
    let health = events_health(&service, |events| events["unpublished"] == 0).await;
    assert_eq!(health["problem"], Value::Null, "{health}");
    service.stop().await;

    let wrong: [(&str, Change); 3] = [
        (
            "kafka.ca_file",
            Box::new(|config| config.kafka.ca_file = Some(stranger)),
        ),
        (
            "kafka.sasl_password",
            Box::new(|config| config.kafka.sasl_password = Some(Secret::new("sparrow"))),
        ),
        (
            "kafka.security_protocol",
            Box::new(|config| config.kafka.security_protocol = SecurityProtocol::SaslPlaintext),
        ),
    ];
    for (setting, change) in wrong {
        let right = right(&kafka, authority.clone());
        let service = Service::start_as(|config| {
            right(config);
            change(config);
        })
        .await;
        distribute(&service, "evt-wrong").await;
        // And the event is kept.
        let named = |events: &Value| {
            let named = events["problem"]
                .as_str()
                .is_some_and(|problem| problem.contains(setting));
            named && events["unpublished"] == 1
        };
        let health = events_health(&service, named).await;
        let problem = health["problem"].as_str().unwrap();
        assert!(
            !problem.contains('\n') && !problem.contains("canary") && !problem.contains("sparrow"),
            "{problem}"
        );
        service.stop().await;
    }
}
