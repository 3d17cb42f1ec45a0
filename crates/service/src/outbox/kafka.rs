//! Kafka: one idempotent producer, acknowledged by all in-sync replicas.
//!
//! The producer connects by itself, in the background, and keeps trying. What
//! a refusal means is in `kafka/words.rs`. Transactions and consumers are not
//! here: the outbox makes at-least-once of it, and the event's id the rest.

mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::util::Timeout;

use self::words::{explain, is_for_good};
use super::publisher::{EventPublisher, Later, Message, PublishError, Trouble};
use crate::clock::Clock;
use crate::config::{Kafka, SaslMechanism, SecurityProtocol};

/// How long a probe waits for an answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long brokers take to make a topic that they are first asked for.
const MAKING: Duration = Duration::from_secs(1);

/// Messages that come within this time share a request, in milliseconds.
const LINGER_MS: &str = "5";

/// Between two tries to connect, at most, in milliseconds.
const RECONNECT_MAX_MS: &str = "5000";

/// The producer could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the Kafka settings cannot be used (kafka_brokers and [kafka]; {setting})")]
pub struct SetupError {
    /// Which setting, as far as Kafka's client says it.
    setting: &'static str,
    #[source]
    source: KafkaError,
}

/// Publishes to one topic.
pub struct KafkaPublisher {
    config: ClientConfig,
    topic: String,
    producer: Mutex<FutureProducer<Context>>,
    heard: Heard,
    clock: Arc<dyn Clock>,
}

/// What the client has last said of its connections.
type Heard = Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>;

struct Context(Heard);

impl ClientContext for Context {
    /// What matters is said once, by the relay.
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = code_of(&error);
        tracing::debug!(code = ?code, "{reason}");
        let mut heard = lock(&self.0);
        // That all are down says less than why one is.
        if code != RDKafkaErrorCode::AllBrokersDown || heard.is_none() {
            *heard = Some((code, reason.to_owned()));
        }
    }
}

impl KafkaPublisher {
    /// Nothing is waited for: whether the brokers can be reached is seen later.
    ///
    /// # Errors
    /// Where a setting can't be used at all, such as a file of certificates
    /// that is not there.
    pub fn new(brokers: &str, kafka: &Kafka, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let config = client_config(brokers, kafka);
        let heard = Heard::default();
        let producer = producer(&config, &heard).map_err(|source| SetupError {
            setting: words::setting_of(&source),
            source,
        })?;
        Ok(Self {
            config,
            topic: kafka.topic.clone(),
            producer: Mutex::new(producer),
            heard,
            clock,
        })
    }

    /// After a fatal error a producer takes nothing any more: a new one begins.
    fn producer(&self) -> FutureProducer<Context> {
        let mut current = lock(&self.producer);
        if let Some((code, reason)) = current.client().fatal_error() {
            tracing::warn!(code = ?code, reason, "the Kafka producer has failed; a new one begins");
            match producer(&self.config, &self.heard) {
                Ok(new) => *current = new,
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "no new producer"),
            }
        }
        current.clone()
    }
}

fn producer(config: &ClientConfig, heard: &Heard) -> Result<FutureProducer<Context>, KafkaError> {
    config.create_with_context(Context(Arc::clone(heard)))
}

/// librdkafka's names.
fn client_config(brokers: &str, kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "fanfare")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", kafka.message_timeout_ms.to_string())
        .set("linger.ms", LINGER_MS)
        // As Java's producers do it, so that their keys meet ours.
        .set("partitioner", "murmur2_random")
        .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS)
        .set("socket.keepalive.enable", "true")
        .set("log.connection.close", "false")
        .set("security.protocol", kafka.security_protocol.name());
    if kafka.security_protocol.is_tls() {
        let file = kafka.ca_file.as_ref().map(|file| file.display().to_string());
        // The system's certificates, wherever this system keeps them.
        config.set("ssl.ca.location", file.as_deref().unwrap_or("probe"));
    }
    if kafka.security_protocol.is_sasl() {
        let mechanism = kafka.sasl_mechanism.unwrap_or(SaslMechanism::Plain);
        let password = kafka.sasl_password.as_ref().map_or("", |password| password.reveal());
        config
            .set("sasl.mechanism", mechanism.name())
            .set("sasl.username", kafka.sasl_username.as_deref().unwrap_or_default())
            .set("sasl.password", password);
    }
    config
}

impl EventPublisher for KafkaPublisher {
    fn publish(&self, message: Message) -> Later<'static, Result<(), PublishError>> {
        let headers = message
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| {
                let value = Some(value.as_str());
                headers.insert(Header { key, value })
            });
        // By our clock: brokers refuse for good what says that it is of tomorrow,
        // as Kafka's client would by a machine's clock that is wrong.
        let record = FutureRecord::to(&self.topic)
            .key(&message.key)
            .payload(&message.payload)
            .timestamp(self.clock.now().as_millisecond())
            .headers(headers);
        // Enqueued here and now: the order of calls is the order in the topic.
        let enqueued = self.producer().send_result(record).map_err(|(error, _)| error);
        let (topic, heard) = (self.topic.clone(), Arc::clone(&self.heard));
        Box::pin(async move {
            let error = match enqueued {
                Ok(delivery) => match delivery.await {
                    Ok(Ok(_)) => {
                        *lock(&heard) = None;
                        return Ok(());
                    }
                    Ok(Err((error, _))) => error,
                    Err(_canceled) => KafkaError::Canceled,
                },
                Err(error) => error,
            };
            Err(failure(&error, &topic, &heard))
        })
    }

    fn probe(&self) -> Later<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let mut seen = self.look().await;
            if is_absent(&seen) {
                // Where the brokers make topics by themselves, they are at it now.
                tokio::time::sleep(MAKING).await;
                seen = self.look().await;
            }
            match seen {
                Ok(()) => {
                    *lock(&self.heard) = None;
                    Ok(())
                }
                Err(error) => Err(explain(code_of(&error), lock(&self.heard).as_ref(), &self.topic)),
            }
        })
    }
}

impl KafkaPublisher {
    /// Asks the brokers for the topic; where they may, they make it.
    async fn look(&self) -> Result<(), KafkaError> {
        let (producer, topic) = (self.producer(), self.topic.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let client = producer.client();
            let metadata = client.fetch_metadata(Some(&topic), Timeout::After(PROBE_TIMEOUT))?;
            let error = metadata.topics().first().and_then(MetadataTopic::error);
            match error.map(RDKafkaErrorCode::from) {
                // It is just being made, or chooses its leader.
                None | Some(RDKafkaErrorCode::LeaderNotAvailable) => Ok(()),
                Some(code) => Err(KafkaError::MetadataFetch(code)),
            }
        });
        // A look that was called off says nothing.
        looking.await.unwrap_or(Ok(()))
    }
}

fn is_absent(seen: &Result<(), KafkaError>) -> bool {
    let code = seen.as_ref().err().and_then(KafkaError::rdkafka_error_code);
    code == Some(RDKafkaErrorCode::UnknownTopicOrPartition)
}

/// Whether waiting helps, decided once.
fn failure(error: &KafkaError, topic: &str, heard: &Heard) -> PublishError {
    let code = code_of(error);
    if is_for_good(code) {
        return PublishError::Refused(code.to_string());
    }
    PublishError::Later(explain(code, lock(heard).as_ref(), topic))
}

fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each use is one operation.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SecurityProtocol {
    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn clock() -> Arc<dyn Clock> {
        Arc::new(SystemClock::default())
    }

    #[test]
    fn settings_that_kafka_s_client_refuses_are_named() {
        let kafka = Kafka {
            security_protocol: SecurityProtocol::Ssl,
            ca_file: Some("/nowhere/ca.pem".into()),
            ..Kafka::default()
        };
        let Err(error) = KafkaPublisher::new("127.0.0.1:1", &kafka, clock()) else {
            panic!("it is taken")
        };
        assert!(error.to_string().contains("kafka.ca_file"), "{error}");
    }

    #[test]
    fn the_password_is_in_no_message() {
        let kafka = Kafka {
            security_protocol: SecurityProtocol::SaslPlaintext,
            sasl_username: Some("fanfare".to_owned()),
            sasl_password: Some(fanfare_channels::secret::Secret::new("canary")),
            ..Kafka::default()
        };
        assert!(!format!("{kafka:?}").contains("canary"));
        assert!(KafkaPublisher::new("127.0.0.1:1", &kafka, clock()).is_ok());
    }
}
