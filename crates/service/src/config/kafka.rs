//! `[kafka]`, and what may stand there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fanfare_channels::secret::Secret;
use serde::{Deserialize, Serialize};

use super::check::Wrong;
use super::{Config, as_stars};
use crate::outbox::cloud_event;

/// Kafka, where `kafka_brokers` names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Where events are published.
    pub topic: String,
    /// `ce_source` of every event.
    pub source: String,
    /// How the brokers are spoken to.
    pub security_protocol: SecurityProtocol,
    /// How to log in; `plain` where a log-in is needed and none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_mechanism: Option<SaslMechanism>,
    /// As whom to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_username: Option<String>,
    /// Shown as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_stars")]
    pub sasl_password: Option<Secret>,
    /// Certificates to trust, as PEM; the system's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long an event is tried before the relay begins anew, in milliseconds.
    pub message_timeout_ms: u64,
    /// Headers that every event gets beside its own.
    pub headers: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            topic: "event-topic".to_owned(),
            source: "/fanfare".to_owned(),
            security_protocol: SecurityProtocol::Plaintext,
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            ca_file: None,
            message_timeout_ms: 30_000,
            headers: BTreeMap::new(),
        }
    }
}

/// How the brokers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityProtocol {
    /// As it is.
    Plaintext,
    /// TLS.
    Ssl,
    /// With a log-in.
    SaslPlaintext,
    /// TLS, with a log-in.
    SaslSsl,
}

impl SecurityProtocol {
    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    pub(crate) fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password itself.
    #[serde(rename = "plain")]
    Plain,
    /// SCRAM with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// Longest name of a topic, in characters.
const TOPIC_MAX: usize = 249;

/// Finds the first value that is wrong.
pub(super) fn check(config: &Config) -> Result<(), Wrong> {
    check_for(config, cfg!(feature = "kafka-tls"))
}

fn check_for(config: &Config, has_tls: bool) -> Result<(), Wrong> {
    if let Some(brokers) = &config.kafka_brokers
        && !brokers.split(',').all(is_broker)
    {
        let right = "it must be host:port, several with commas between, such as \"kafka-1:9092,kafka-2:9092\"";
        return Err(Wrong::new("kafka_brokers", format_args!("{brokers:?}"), right));
    }
    let kafka = &config.kafka;
    if !is_topic(&kafka.topic) {
        let right = "it must have 1 to 249 letters, digits, dots, hyphens and underscores, and not be . or ..";
        return Err(Wrong::new("kafka.topic", format_args!("{:?}", kafka.topic), right));
    }
    if kafka.source.is_empty() || kafka.source.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let right = "it must be a URI reference, such as \"/fanfare\" or \"https://shop.example/fanfare\"";
        return Err(Wrong::new("kafka.source", format_args!("{:?}", kafka.source), right));
    }
    check_headers(kafka)?;
    check_build(kafka, has_tls)?;
    check_log_in(kafka)
}

/// A program without OpenSSL can't speak TLS to Kafka, nor log in by SCRAM.
fn check_build(kafka: &Kafka, has_tls: bool) -> Result<(), Wrong> {
    const RIGHT: &str = "this program was built without it; build it with --features kafka-tls";
    let scram = matches!(
        kafka.sasl_mechanism,
        Some(SaslMechanism::ScramSha256 | SaslMechanism::ScramSha512)
    );
    if !has_tls && kafka.security_protocol.is_tls() {
        return Err(Wrong::new("kafka.security_protocol", "TLS", RIGHT));
    }
    if !has_tls && scram {
        return Err(Wrong::new("kafka.sasl_mechanism", "SCRAM", RIGHT));
    }
    Ok(())
}

fn check_headers(kafka: &Kafka) -> Result<(), Wrong> {
    for name in kafka.headers.keys() {
        let lower = name.to_ascii_lowercase();
        if name.is_empty() || lower.starts_with("ce_") || cloud_event::HEADERS.contains(&lower.as_str()) {
            let right =
                "it must have a name, and none that every event has of its own (ce_…, content-type, traceparent)";
            return Err(Wrong::new("kafka.headers", format_args!("{{ {name:?} = … }}"), right));
        }
    }
    Ok(())
}

fn check_log_in(kafka: &Kafka) -> Result<(), Wrong> {
    let needed = kafka.security_protocol.is_sasl();
    let user = kafka.sasl_username.as_ref().filter(|user| !user.trim().is_empty());
    let password = kafka.sasl_password.as_ref().filter(|password| !password.is_blank());
    let absent = |key, variable: &str| {
        let right = format!("kafka.security_protocol asks for a log-in; set it, best as the variable {variable}");
        Err(Wrong::new(key, "nothing", &right))
    };
    if needed && user.is_none() {
        return absent("kafka.sasl_username", "FANFARE_KAFKA__SASL_USERNAME");
    }
    if needed && password.is_none() {
        return absent("kafka.sasl_password", "FANFARE_KAFKA__SASL_PASSWORD");
    }
    if !needed && (kafka.sasl_username.is_some() || kafka.sasl_password.is_some() || kafka.sasl_mechanism.is_some()) {
        let right = "a log-in is set, so it must be sasl_ssl or sasl_plaintext";
        let protocol = toml::Value::try_from(kafka.security_protocol);
        let shown = protocol.map_or_else(|_| String::new(), |protocol| protocol.to_string());
        return Err(Wrong::new("kafka.security_protocol", shown, right));
    }
    Ok(())
}

fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.trim().rsplit_once(':') else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let letter = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    !bare.is_empty() && bare.chars().all(letter) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_topic(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (1..=TOPIC_MAX).contains(&name.len()) && name.chars().all(letter) && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(toml: &str) -> Option<(String, String)> {
        let config: Config = toml::from_str(toml).unwrap();
        check_for(&config, true).err().map(|wrong| (wrong.key, wrong.message))
    }

    #[test]
    fn a_program_without_tls_says_how_to_get_it() {
        let refusal = |toml: &str| {
            let config: Config = toml::from_str(toml).unwrap();
            check_for(&config, false).err().map(|wrong| wrong.message)
        };
        let log_in = "sasl_username = \"u\"\nsasl_password = \"p\"";
        for bad in [
            "[kafka]\nsecurity_protocol = \"ssl\"".to_owned(),
            format!("[kafka]\nsecurity_protocol = \"sasl_plaintext\"\nsasl_mechanism = \"scram-sha-256\"\n{log_in}"),
        ] {
            assert!(
                refusal(&bad).is_some_and(|message| message.contains("--features kafka-tls")),
                "{bad}"
            );
        }
        assert_eq!(
            refusal(&format!("[kafka]\nsecurity_protocol = \"sasl_plaintext\"\n{log_in}")),
            None
        );
    }

    #[test]
    fn what_is_right_is_taken() {
        for good in [
            "kafka_brokers = \"127.0.0.1:9092\"",
            "kafka_brokers = \"kafka-1.example:9092, [::1]:9093\"",
            "[kafka]\ntopic = \"shop.events_v2-test\"\nheaders = { __TypeId__ = \"com.example.Completed\" }",
            "[kafka]\nsecurity_protocol = \"sasl_ssl\"\nsasl_mechanism = \"scram-sha-512\"\nsasl_username = \"u\"\n\
             sasl_password = \"p\"",
        ] {
            assert_eq!(refusal(good), None, "{good}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bad, key, words) in [
            ("kafka_brokers = \"\"", "kafka_brokers", "host:port"),
            ("kafka_brokers = \"kafka\"", "kafka_brokers", "host:port"),
            ("kafka_brokers = \"kafka:9092,\"", "kafka_brokers", "host:port"),
            ("kafka_brokers = \"http://kafka:9092\"", "kafka_brokers", "host:port"),
            ("kafka_brokers = \"kafka:0\"", "kafka_brokers", "host:port"),
            ("[kafka]\ntopic = \"\"", "kafka.topic", "249"),
            ("[kafka]\ntopic = \"이벤트\"", "kafka.topic", "249"),
            ("[kafka]\nsource = \"\"", "kafka.source", "URI"),
            ("[kafka]\nheaders = { ce_id = \"1\" }", "kafka.headers", "ce_…"),
            (
                "[kafka]\nheaders = { Content-Type = \"a\" }",
                "kafka.headers",
                "of its own",
            ),
            (
                "[kafka]\nsecurity_protocol = \"sasl_ssl\"",
                "kafka.sasl_username",
                "FANFARE_KAFKA__SASL_USERNAME",
            ),
            (
                "[kafka]\nsecurity_protocol = \"sasl_ssl\"\nsasl_username = \"u\"\nsasl_password = \" \"",
                "kafka.sasl_password",
                "FANFARE_KAFKA__SASL_PASSWORD",
            ),
            (
                "[kafka]\nsasl_username = \"u\"",
                "kafka.security_protocol",
                "sasl_ssl or sasl_plaintext",
            ),
        ] {
            let (found, message) = refusal(bad).unwrap_or_default();
            assert_eq!(found, key, "{bad}");
            assert!(message.contains(words), "{bad}: {message}");
        }
    }
}
