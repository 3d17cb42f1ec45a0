//! What Kafka means when it does not take a message: whether waiting helps, and
//! which setting to look at.

use fanfare_core::text::Text;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::outbox::publisher::Trouble;

/// Whether this one message would be refused whenever it comes. What concerns
/// all messages (a missing topic, no right to write, a wrong password) is cured
/// by a person, and no event is given up for it meanwhile.
pub(super) fn is_for_good(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::MessageBatchTooLarge
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::PolicyViolation
            | RDKafkaErrorCode::UnsupportedForMessageFormat
    )
}

/// What is wrong, which setting says so, and Kafka's own words. `heard` is what
/// the client last said of its connections: a message that timed out does not
/// say why.
pub(super) fn explain(code: RDKafkaErrorCode, heard: Option<&(RDKafkaErrorCode, String)>, topic: &str) -> Trouble {
    let own = of_topic(code);
    let (code, said) = match heard {
        Some((code, said)) if own.is_none() => (*code, tidy(said)),
        _ => (code, code.to_string()),
    };
    let (en, ko) = own.unwrap_or_else(|| of_connection(code));
    Trouble {
        what: Text::new(en, ko),
        said: format!("Topic `{topic}`; Kafka's client says: {said}"),
    }
}

fn of_topic(code: RDKafkaErrorCode) -> Option<(&'static str, &'static str)> {
    match code {
        RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition
        | RDKafkaErrorCode::UnknownTopicId => Some((
            "The topic is not there: make it, or check kafka.topic.",
            "토픽이 없습니다. 토픽을 만들거나 kafka.topic 설정을 확인해 주세요.",
        )),
        RDKafkaErrorCode::InvalidTopic => Some((
            "The topic's name is refused: check kafka.topic.",
            "사용할 수 없는 토픽 이름입니다. kafka.topic 설정을 확인해 주세요.",
        )),
        RDKafkaErrorCode::InvalidTimestamp => Some((
            "The clocks of this service's machines and of the brokers are too far apart.",
            "이 서비스가 실행되는 서버와 브로커의 시계 차이가 너무 큽니다. 시계를 맞춰 주세요.",
        )),
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => Some((
            "The user of kafka.sasl_username has no right to write to the topic.",
            "kafka.sasl_username 사용자에게 토픽 쓰기 권한이 없습니다.",
        )),
        _ => None,
    }
}

fn of_connection(code: RDKafkaErrorCode) -> (&'static str, &'static str) {
    match code {
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => (
            "Kafka does not take the log-in: check kafka.sasl_username, kafka.sasl_password, kafka.sasl_mechanism \
             and kafka.security_protocol.",
            "Kafka 로그인에 실패했습니다. kafka.sasl_username, kafka.sasl_password, \
             kafka.sasl_mechanism, kafka.security_protocol 설정을 확인해 주세요.",
        ),
        RDKafkaErrorCode::SSL => (
            "No trusted TLS connection: check kafka.security_protocol and kafka.ca_file.",
            "TLS 연결에 실패했습니다. kafka.security_protocol과 kafka.ca_file 설정을 확인해 주세요.",
        ),
        RDKafkaErrorCode::Resolve => (
            "A broker's name cannot be resolved: check kafka_brokers (FANFARE_KAFKA_BROKERS).",
            "브로커 이름을 찾을 수 없습니다. kafka_brokers(FANFARE_KAFKA_BROKERS) 설정을 확인해 주세요.",
        ),
        _ => (
            "Kafka does not answer: check kafka_brokers (FANFARE_KAFKA_BROKERS), kafka.security_protocol and the network.",
            "Kafka가 응답하지 않습니다. kafka_brokers(FANFARE_KAFKA_BROKERS), kafka.security_protocol 설정과 네트워크를 확인해 주세요.",
        ),
    }
}

/// Without what differs each time.
fn tidy(said: &str) -> String {
    let end = said.find(" (after ").unwrap_or(said.len());
    said[..end].trim().to_owned()
}

/// Which setting a producer that can't be made complains of.
pub(super) fn setting_of(error: &KafkaError) -> &'static str {
    let said = error.to_string();
    if said.contains("ssl.ca") {
        "kafka.ca_file"
    } else if said.contains("sasl") {
        "kafka.sasl_mechanism"
    } else {
        "see below"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_concerns_the_message_itself_is_refused_for_good() {
        assert!(is_for_good(RDKafkaErrorCode::MessageSizeTooLarge));
        for code in [
            RDKafkaErrorCode::UnknownTopicOrPartition,
            RDKafkaErrorCode::TopicAuthorizationFailed,
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::QueueFull,
            RDKafkaErrorCode::Fatal,
        ] {
            assert!(!is_for_good(code), "{code}");
        }
    }

    #[test]
    fn a_time_out_is_explained_by_what_the_client_heard() {
        let heard = (
            RDKafkaErrorCode::BrokerTransportFailure,
            "kafka:9092/bootstrap: Connect to ipv4#10.0.0.5:9092 failed: Connection refused (after 3ms in state \
             CONNECT, 2 identical error(s) suppressed)"
                .to_owned(),
        );
        let why = explain(RDKafkaErrorCode::MessageTimedOut, Some(&heard), "event-topic");
        assert!(why.what.en.contains("FANFARE_KAFKA_BROKERS"), "{why:?}");
        assert!(!why.what.en.contains("10.0.0.5"), "hosts are for the log: {why:?}");
        assert!(why.said.ends_with("failed: Connection refused"), "{why:?}");
        let why = explain(RDKafkaErrorCode::UnknownTopicOrPartition, Some(&heard), "event-topic");
        let named = why.what.en.contains("kafka.topic") && why.said.contains("event-topic");
        assert!(named, "{why:?}");
    }
}
