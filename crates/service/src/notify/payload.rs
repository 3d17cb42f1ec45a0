//! What a webhook is told: `docs/asyncapi.yaml` describes it, and a test holds the
//! two together.

use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::notice::words::Words;
use fanfare_core::notice::{Notice, Subject};
use fanfare_core::text::{Language, Text};
use jiff::Timestamp;
use serde::Serialize;

/// The body of a message.
#[derive(Debug, Clone, Serialize)]
pub struct Payload {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What.
    pub data: Data,
}

/// What happened, to whom, and what is next. What does not concern its kind is
/// absent.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// One line.
    pub title: String,
    /// What happened.
    pub what_happened: String,
    /// Who must act: `nobody`, `caller`, `owner` or `operator`.
    pub who_acts: &'static str,
    /// What they do next.
    pub next_step: String,
    /// Where to act, or else to look.
    pub link: String,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Which distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_id: Option<String>,
    /// What is announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Where the delivery, or else the distribution, stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Published outcomes of the distribution, this one included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Whether the channel is really called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Which generation of the delivery: a retry opens the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Why, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Until when a person has time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// It was told before, and their time is soon over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reminder: bool,
    /// The channel's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_said: Option<String>,
    /// How many events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When the token lapses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Which endpoint for notices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl Payload {
    /// The notice in one language; `base` is where people reach the service.
    pub fn of(notice: &Notice, language: Language, base: &str) -> Self {
        let words = Words::of(notice);
        let get = |text: &Text| text.get(language).to_owned();
        let said = Data {
            title: get(&words.title),
            what_happened: get(&words.what_happened),
            who_acts: words.actor.name(),
            next_step: get(&words.next_step),
            link: words.link(base),
            tenant: notice.subject.tenant().map(ToString::to_string),
            ..Data::default()
        };
        Self {
            kind: notice.kind().name(),
            timestamp: notice.at,
            data: facts(&notice.subject, said),
        }
    }
}

/// What its kind has of its own.
fn facts(subject: &Subject, said: Data) -> Data {
    match subject {
        Subject::Delivery(delivery) => {
            let failure = delivery.failure.as_ref();
            Data {
                distribution_id: Some(delivery.distribution_id.to_string()),
                event_id: Some(delivery.event_id.to_string()),
                status: Some(DeliveryStatus::name(delivery.status)),
                channel: Some(delivery.channel),
                mode: Some(delivery.mode),
                generation: Some(delivery.generation),
                until: delivery.until,
                reminder: delivery.reminder,
                code: failure.map(|failure| failure.code.clone().into_owned()),
                channel_said: failure.and_then(|failure| failure.channel_said.clone()),
                ..said
            }
        }
        Subject::Settled(settled) => Data {
            distribution_id: Some(settled.distribution_id.to_string()),
            event_id: Some(settled.event_id.to_string()),
            status: Some(settled.status.name()),
            version: Some(settled.version),
            ..said
        },
        Subject::Breaker { channel, .. } => Data {
            channel: Some(*channel),
            ..said
        },
        Subject::Overdue { channel, since } => Data {
            channel: Some(*channel),
            since: Some(*since),
            ..said
        },
        Subject::DeadLetters { count } => Data {
            count: Some(*count),
            ..said
        },
        Subject::Relay { since, unpublished } => Data {
            count: Some(*unpublished),
            since: Some(*since),
            ..said
        },
        Subject::Endpoint { name, .. } => Data {
            endpoint: Some(name.clone()),
            ..said
        },
        Subject::Token(token) => Data {
            channel: Some(token.channel),
            expires_at: token.expires_at,
            code: token.tried.code().map(str::to_owned),
            channel_said: token.tried.said().map(str::to_owned),
            ..said
        },
    }
}
