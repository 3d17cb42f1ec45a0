//! The service and a real Kafka: what a consumer reads, whatever happens on the
//! way. `FANFARE_TEST_KAFKA` (host:port) says where Kafka is; each test has a
//! topic of its own, made by its first event or by the test.

#![expect(clippy::unwrap_used, reason = "what a test did not expect is to stop it")]

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/receiver.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod receiver;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare::clock::{Clock, SystemClock};
use fanfare::config::{Config, SecurityProtocol};
use fanfare_channels::secret::Secret;
use fanfare_core::ids::DistributionId;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Headers, Message};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::proxy::Proxy;
use crate::support::Service;

/// A broker may take its time over a new topic, and a relay over its waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where Kafka is.
fn brokers() -> String {
    std::env::var("FANFARE_TEST_KAFKA")
        .expect("these tests need a real Kafka: set FANFARE_TEST_KAFKA to its host:port (scripts/servers starts one)")
}

/// A name that nobody else has.
fn new_topic() -> String {
    let mut rng = StdRng::try_from_rng(&mut SysRng).unwrap();
    let id = DistributionId::new(SystemClock::default().now(), &mut rng);
    format!("fanfare-test-{id}")
}

fn to_kafka(topic: &str) -> impl FnOnce(&mut Config) {
    let (brokers, topic) = (brokers(), topic.to_owned());
    move |config| {
        config.kafka_brokers = Some(brokers);
        config.kafka.topic = topic;
    }
}

fn request(event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": ["Instagram", "NaverBlog"],
        "contentUrls": { "imageUrl": "https://cdn.example.com/a.jpg" }
    })
}

/// What a consumer reads.
#[derive(Debug)]
struct Read {
    key: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// Reads a topic from its beginning.
struct Reader(StreamConsumer);

impl Reader {
    fn of(topic: &str) -> Self {
        let consumer: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers())
            .set("group.id", new_topic())
            .set("auto.offset.reset", "earliest")
            .set("topic.metadata.refresh.interval.ms", "500")
            .set("allow.auto.create.topics", "true")
            .create()
            .unwrap();
        consumer.subscribe(&[topic]).unwrap();
        Self(consumer)
    }

    async fn next(&self) -> Read {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let received = tokio::time::timeout_at(deadline, self.0.recv()).await;
            // An error comes before the topic is there; the next one may not.
            let Ok(message) = received.expect("nothing came") else {
                continue;
            };
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            let headers = message.headers().unwrap().iter();
            return Read {
                key: text(message.key()),
                headers: headers
                    .map(|header| (header.key.to_owned(), text(header.value)))
                    .collect(),
                body: serde_json::from_slice(message.payload().unwrap()).unwrap(),
            };
        }
    }

    /// That nothing more is there.
    async fn assert_end(&self) {
        let more = tokio::time::timeout(Duration::from_millis(500), self.0.recv()).await;
        assert!(more.is_err(), "there is more: {more:?}");
    }
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

#[tokio::test]
async fn a_consumer_reads_the_event_as_the_journal_has_it() {
    let topic = new_topic();
    let service = Service::start_as(|config| {
        to_kafka(&topic)(config);
        let spring = ("__TypeId__".to_owned(), "com.example.DistributionCompleted".to_owned());
        config.kafka.headers.extend([spring]);
    })
    .await;
    let answer = service.distribute(&request("행사-1")).await.success(200);
    let read = Reader::of(&topic).next().await;
    let journal = service.get("/api/events").await.success(200);
    let event = &journal["events"][0];
    assert_eq!(read.key, "행사-1");
    assert_eq!(read.body, event["data"]);
    assert_eq!(read.body["distributionId"], answer["distributionId"]);
    let trace = answer["distributionId"].as_str().unwrap().replace('-', "");
    let traceparent = &read.headers["traceparent"];
    assert!(traceparent.starts_with(&format!("00-{trace}-")), "{traceparent}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_type", "DistributionCompleted".to_owned()),
        ("ce_source", "/fanfare".to_owned()),
        ("ce_id", text(&event["id"])),
        ("ce_time", text(&event["data"]["completedAt"])),
        ("ce_subject", "행사-1".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("traceparent", traceparent.clone()),
        ("__TypeId__", "com.example.DistributionCompleted".to_owned()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(read.headers, BTreeMap::from(expected));
    service.stop().await;
}

#[tokio::test]
async fn what_completes_while_kafka_is_away_is_published_once_it_is_back() {
    let (topic, proxy) = (new_topic(), Proxy::closed_before(brokers()).await);
    let service = Service::start_as(|config| {
        to_kafka(&topic)(config);
        config.kafka_brokers = Some(proxy.address.to_string());
        config.kafka.message_timeout_ms = 1_000;
    })
    .await;
    for number in 0..40 {
        let began = Instant::now();
        let answer = service.distribute(&request(&format!("evt-{number}"))).await;
        assert_eq!(answer.success(200)["status"], "COMPLETED");
        assert!(began.elapsed() < Duration::from_secs(5), "Kafka kept a client waiting");
    }
    let health = events_health(&service, |events| events["problem"].is_string()).await;
    let problem = health["problem"].as_str().unwrap();
    assert!(problem.contains("FANFARE_KAFKA_BROKERS"), "{problem}");
    events_health(&service, |events| events["unpublished"] == 40).await;

    proxy.open().await;
    let reader = Reader::of(&topic);
    let mut ids = BTreeMap::new();
    for _ in 0..40 {
        let read = reader.next().await;
        let twice = ids.insert(read.key, read.headers["ce_id"].clone());
        assert_eq!(twice, None, "each comes once");
    }
    reader.assert_end().await;
    assert_eq!(ids.values().collect::<BTreeSet<_>>().len(), 40);
    let health = events_health(&service, |events| events["unpublished"] == 0).await;
    assert_eq!(health["problem"], Value::Null);
    service.stop().await;
}

#[tokio::test]
async fn what_was_not_published_before_a_stop_is_published_after_the_start() {
    let topic = new_topic();
    // Without Kafka at first: the journal keeps it.
    let service = Service::start().await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    let service = service.restart_as(to_kafka(&topic)).await;
    let reader = Reader::of(&topic);
    let read = reader.next().await;
    assert_eq!(read.body["distributionId"], answer["distributionId"]);
    events_health(&service, |events| events["unpublished"] == 0).await;
    let service = service.restart_as(to_kafka(&topic)).await;
    service.distribute(&request("evt-2")).await.success(200);
    assert_eq!(
        reader.next().await.key,
        "evt-2",
        "nothing that was published comes again"
    );
    service.stop().await;
}

fn admin() -> AdminClient<DefaultClientContext> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers())
        .create()
        .unwrap()
}

#[tokio::test]
async fn what_kafka_refuses_for_good_is_a_dead_letter_that_can_be_published_again() {
    let topic = new_topic();
    let small = NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("max.message.bytes", "200");
    let made = admin().create_topics([&small], &AdminOptions::new()).await.unwrap();
    assert!(made[0].is_ok(), "{made:?}");
    let chat = receiver::Receiver::start().await;
    let service = Service::start_as(|config| {
        to_kafka(&topic)(config);
        let notices = format!(
            "[[notices]]\nname = \"ops\"\nkind = \"slack\"\nurl = \"{}\"\nallow_inside = true",
            chat.url()
        );
        config.notices = toml::from_str::<Config>(&notices).unwrap().notices;
    })
    .await;
    service.distribute(&request("evt-1")).await.success(200);
    events_health(&service, |events| events["dead"] == 1).await;
    let page = service.get("/api/events/dead").await.success(200);
    let dead = &page["events"][0];
    assert_eq!(dead["data"]["eventId"], "evt-1");
    assert_eq!(dead["refusals"], 5);
    assert!(dead["reason"].as_str().unwrap().contains("too large"), "{dead}");
    assert_eq!(page["next"], dead["position"]);
    let told = chat.wait_for(1).await[0].json();
    assert!(
        told["text"]
            .as_str()
            .unwrap()
            .starts_with("Kafka refuses events for good: 1"),
        "{told}"
    );

    let resource = ResourceSpecifier::Topic(&topic);
    let wider = AlterConfig::new(resource).set("max.message.bytes", "1000000");
    admin().alter_configs([&wider], &AdminOptions::new()).await.unwrap();
    let replayed = service.post("/api/events/replay", &json!({"deadOnly": true})).await;
    assert_eq!(replayed.success(200), json!({"replayed": 1}));
    let read = Reader::of(&topic).next().await;
    assert_eq!(json!(read.headers["ce_id"]), dead["id"]);
    let page = service.get("/api/events/dead").await.success(200);
    assert_eq!(page["events"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn a_replay_publishes_the_same_ids_in_the_same_order() {
    let topic = new_topic();
    let service = Service::start_as(to_kafka(&topic)).await;
    for event in ["evt-1", "evt-2"] {
        service.distribute(&request(event)).await.success(200);
    }
    let reader = Reader::of(&topic);
    let first: BTreeMap<_, _> = [reader.next().await, reader.next().await]
        .map(|read| (read.key, read.headers))
        .into();
    events_health(&service, |events| events["unpublished"] == 0).await;
    let which = json!({"since": "2020-01-01T00:00:00+09:00", "eventId": "evt-2"});
    let mut replayed = Value::Null;
    while replayed != json!({"replayed": 1}) {
        replayed = service.post("/api/events/replay", &which).await.success(200);
    }
    let again = reader.next().await;
    assert_eq!((again.key.as_str(), &again.headers), ("evt-2", &first["evt-2"]));
    reader.assert_end().await;
    service.stop().await;
}

#[tokio::test]
async fn settings_that_do_not_fit_leave_the_service_up_and_are_named() {
    type Change = fn(&mut Config);
    let wrong: [(&str, Change); 3] = [
        ("FANFARE_KAFKA_BROKERS", |config| {
            config.kafka_brokers = Some("kafka.invalid:9092".to_owned());
        }),
        ("kafka.security_protocol", |config| {
            config.kafka.security_protocol = SecurityProtocol::Ssl;
        }),
        ("kafka.security_protocol", |config| {
            config.kafka.security_protocol = SecurityProtocol::SaslPlaintext;
            config.kafka.sasl_username = Some("fanfare".to_owned());
            config.kafka.sasl_password = Some(Secret::new("canary"));
        }),
    ];
    for (setting, change) in wrong {
        let topic = new_topic();
        let service = Service::start_as(|config| {
            to_kafka(&topic)(config);
            config.kafka.message_timeout_ms = 1_000;
            change(config);
        })
        .await;
        service.distribute(&request("evt-1")).await.success(200);
        let health = events_health(&service, |events| events["problem"].is_string()).await;
        let problem = health["problem"].as_str().unwrap();
        assert!(problem.contains(setting), "{setting}: {problem}");
        assert!(!problem.contains("canary"), "{problem}");
        service.stop().await;
    }
}
