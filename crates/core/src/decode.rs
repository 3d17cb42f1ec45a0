//! Reads a request from JSON, naming every fault with its place.
//!
//! Written by hand, because a deserializer stops at the first fault, takes
//! arrays for objects, and can't say where it was. Whether a channel can serve
//! what was read is in `validate`. Malformed JSON never comes this far.

pub mod account;
pub mod ask;
pub mod breaker;
mod content;
pub(crate) mod found;
mod limits;
mod options;
mod reader;
pub mod redrive;
pub mod replay;
pub mod sending;
mod suggest;
mod texts;
mod times;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value;

pub(crate) use self::content::{kind_at, place_of};
use self::found::quoted;
pub(crate) use self::limits::FAULTS;
use self::options::unknown_channel;
use self::reader::{Node, Object, Reader};
use crate::channel::Channel;
use crate::fault::Fault;
use crate::ids::EventId;
use crate::request::{ContentUrls, DistributeRequest, OnInvalid};
use crate::text::Text;
use crate::validate::code;

/// What could be read of a body, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// There wherever an event and at least one channel could be read; what
    /// could not be read is left out of it.
    pub request: Option<DistributeRequest>,
    /// Everything that is wrong, in the order in which it was read.
    pub faults: Vec<Fault>,
}

/// The fields of a request, in the order of the contract.
pub(crate) const FIELDS: [&str; 8] = [
    "eventId",
    "channels",
    "contentUrls",
    "content",
    "channelOptions",
    "scheduledAt",
    "onInvalid",
    "allowRepeat",
];

/// Reads `body`. `allow_hosts` are the hosts of the operator's own storage, for
/// [`crate::validate::url::media_url`].
pub fn decode(body: &Value, allow_hosts: &[String], now: Timestamp) -> Decoded {
    let (draft, faults) = draft(body, allow_hosts, now);
    let request = draft.filter(|draft| draft.has_event).map(|draft| draft.request);
    Decoded { request, faults }
}

/// A request that can be checked, though it may lack its event.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Whether `request.event_id` was read; it is empty otherwise.
    pub(crate) has_event: bool,
    /// What could be read.
    pub(crate) request: DistributeRequest,
}

/// Like [`decode`], but there wherever a channel could be read, so that one bad
/// field does not hide what is wrong with the others.
pub(crate) fn draft(body: &Value, allow_hosts: &[String], now: Timestamp) -> (Option<Draft>, Vec<Fault>) {
    let mut reader = Reader::new(allow_hosts, now);
    let draft = reader
        .object(&Node::root(body), &FIELDS)
        .and_then(|object| reader.draft(&object));
    (draft, reader.into_faults())
}

impl Reader<'_> {
    fn draft(&mut self, object: &Object<'_>) -> Option<Draft> {
        let event_id = self.event_id(object);
        let channels = self.channels(object);
        let content_urls = self.required_content_urls(object);
        let content = object
            .get("content")
            .and_then(|node| self.content(&node))
            .unwrap_or_default();
        let channel_options = object
            .get("channelOptions")
            .and_then(|node| self.channel_options(&node, &channels))
            .unwrap_or_default();
        let scheduled_at = object.get("scheduledAt").and_then(|node| self.scheduled_at(&node));
        let on_invalid = object.get("onInvalid").and_then(|node| self.on_invalid(&node));
        let allow_repeat = object.get("allowRepeat").and_then(|node| self.boolean(&node));
        let request = DistributeRequest {
            event_id: event_id.clone().unwrap_or_else(|| EventId::new("")),
            channels,
            content_urls,
            content,
            channel_options,
            scheduled_at,
            on_invalid: on_invalid.unwrap_or_default(),
            allow_repeat: allow_repeat.unwrap_or_default(),
        };
        (!request.channels.is_empty()).then_some(Draft {
            has_event: event_id.is_some(),
            request,
        })
    }

    fn event_id(&mut self, object: &Object<'_>) -> Option<EventId> {
        let Some(node) = object.get("eventId") else {
            self.required(
                "/eventId",
                (
                    "the event's id, a text of 1 to 256 characters",
                    "이벤트 ID(1~256자 문자열)",
                ),
            );
            return None;
        };
        match node.value {
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(EventId::new(number.to_string())),
            Value::String(_) => self.text(&node, limits::EVENT_ID).map(EventId::new),
            Value::Number(number) if number.as_f64().is_some_and(is_too_long) => {
                self.fault(&node.pointer, code::WRONG_TYPE, too_long_for_a_number());
                None
            }
            _ => {
                self.wrong_type(&node, ("a text or a whole number", "문자열 또는 정수"));
                None
            }
        }
    }

    /// Those that can be read, each once, in the order of the body.
    fn channels(&mut self, object: &Object<'_>) -> Vec<Channel> {
        let mut channels = Vec::new();
        let Some(node) = object.get("channels") else {
            self.required("/channels", CHANNELS);
            return channels;
        };
        let items = self.items(&node, CHANNELS);
        if items.as_ref().is_some_and(Vec::is_empty) {
            self.required("/channels", ("at least one channel", "채널을 하나 이상 선택해 주세요."));
        }
        for item in items.unwrap_or_default() {
            if let Some(channel) = self.channel(&item, &channels) {
                channels.push(channel);
            }
        }
        channels
    }

    fn channel(&mut self, node: &Node<'_>, earlier: &[Channel]) -> Option<Channel> {
        let name = self.text(node, limits::WORD)?;
        let Some(channel) = Channel::from_name(&name) else {
            self.fault(&node.pointer, code::UNKNOWN_CHANNEL, unknown_channel(&name));
            return None;
        };
        if earlier.contains(&channel) {
            let detail = Text::new(
                format!("`{channel}` is named twice; each channel announces an event once."),
                format!("`{channel}` 채널이 중복되었습니다. 한 번만 적어 주세요."),
            );
            self.fault(&node.pointer, code::REPEATED_CHANNEL, detail);
            return None;
        }
        Some(channel)
    }

    fn required_content_urls(&mut self, object: &Object<'_>) -> ContentUrls {
        let Some(node) = object.get("contentUrls") else {
            self.required(
                "/contentUrls",
                (
                    "the media, such as {\"imageUrl\": \"https://…\", \"audioUrl\": \"https://…\"}",
                    "콘텐츠 주소. 예: {\"imageUrl\": \"https://…\", \"audioUrl\": \"https://…\"}",
                ),
            );
            return ContentUrls::default();
        };
        self.content_urls(&node).unwrap_or_default()
    }

    fn on_invalid(&mut self, node: &Node<'_>) -> Option<OnInvalid> {
        let word = self.text(node, limits::WORD)?;
        match word.as_str() {
            "reject" => Some(OnInvalid::Reject),
            "skip" => Some(OnInvalid::Skip),
            _ => {
                let found = quoted(&word);
                let detail = Text::new(
                    format!("Expected \"reject\" or \"skip\", found {found}."),
                    format!("\"reject\" 또는 \"skip\"으로 적어 주세요. 받은 값: {found}"),
                );
                self.fault(&node.pointer, code::UNKNOWN_VALUE, detail);
                None
            }
        }
    }
}

/// Whether a number was a whole one that 64 bits don't hold: it is read rounded.
fn is_too_long(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() >= 9_223_372_036_854_775_808.0
}

fn too_long_for_a_number() -> Text {
    Text::new(
        "The whole number is longer than 64 bits, so that its last digits are lost; \
         send it as a text in quotation marks, such as \"18446744073709551616\".",
        "64비트를 넘는 정수는 끝자리를 정확히 읽을 수 없습니다. \
         \"18446744073709551616\"처럼 따옴표로 묶은 문자열로 보내 주세요.",
    )
}

const CHANNELS: (&str, &str) = (
    "an array of channel names such as [\"Instagram\", \"KakaoChannel\"]",
    "[\"Instagram\", \"KakaoChannel\"] 같은 채널 이름 배열",
);
