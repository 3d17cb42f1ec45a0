//! What NHN Cloud is sent and what it answers, as far as it is read. Numbers in
//! its answers are not: what is kept of its words has them taken out
//! (`numbers.rs`, I20).

use bytes::Bytes;
use fanfare_core::attempt::Retry;
use fanfare_core::cause;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::compose::kakao_channel::KakaoChannelContent;
use fanfare_core::compose::{ChannelContent, compose};
use fanfare_core::delivery::Failure;
use fanfare_core::request::DistributeRequest;
use http::HeaderName;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::KakaoSettings;
use super::error::{Meaning, listed, meaning};
use crate::contract::is_path_id;
use crate::failure;
use crate::http::Answer;
use crate::media::Picture;
use crate::secret::Secret;
use crate::status;

pub(super) const SECRET_KEY: HeaderName = HeaderName::from_static("x-secret-key");
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-nc-api-idempotency-key");

/// Of an answer: 1,000 recipients with all that is said of each.
pub(super) const ANSWER_MAX: usize = 2 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    header: Header,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    is_successful: bool,
    result_code: i64,
}

/// What was uploaded.
#[derive(Deserialize)]
pub(super) struct Uploaded {
    image: Image,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    image_url: String,
}

/// What became of a request to send.
#[derive(Deserialize)]
pub(super) struct Sent {
    message: Option<SentMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentMessage {
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    send_results: Vec<SendResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendResult {
    result_code: i64,
}

/// Messages that were found.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    message_search_result_response: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) messages: Vec<Message>,
    pub(super) total_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) request_id: String,
    #[serde(default)]
    pub(super) sender_grouping_key: Option<String>,
    #[serde(default, rename = "messageStatus")]
    status: Option<String>,
    #[serde(default)]
    result_code: Option<String>,
}

/// How one recipient's message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Delivered,
    Failed,
    /// Under way, or sent and not confirmed.
    Open,
}

/// An answer's meaning, by its own code or else by its status.
#[derive(Debug)]
pub(super) enum Heard {
    Taken,
    Refused(Meaning),
}

/// What an answer to `send` says of its recipients.
pub(super) struct Outcome {
    /// The channel's name for the request, where it took anybody.
    pub(super) request_id: Option<String>,
    /// Those whom it refused.
    pub(super) refused: usize,
    /// All of them were refused for good.
    pub(super) all_refused: bool,
}

/// What an answer says: HTTP 200 may be a failure, so its code comes first.
pub(super) fn heard(answer: &Answer, now: Timestamp) -> Heard {
    by_code(answer).unwrap_or_else(|| by_status(answer, now))
}

/// What an answer says of a picture. Nobody sees it, so that a body that is
/// refused is no doubt: it is the picture.
pub(super) fn heard_of_picture(answer: &Answer, now: Timestamp) -> Heard {
    let refused = || Heard::Refused(Meaning::Refused(failure::media_rejected(), Retry::Never));
    match by_code(answer) {
        Some(Heard::Refused(Meaning::Refused(why, _))) if why.code == cause::CONTENT_REJECTED.code => refused(),
        Some(heard) => heard,
        None if matches!(answer.status.as_u16(), 400 | 413 | 415 | 422) => refused(),
        None => by_status(answer, now),
    }
}

/// By its own code; nothing where that says nothing. What is known of a code counts
/// more than a status, which a proxy may have said.
fn by_code(answer: &Answer) -> Option<Heard> {
    let head = answer.json::<Head>().ok()?.header;
    if !head.is_successful {
        return listed(head.result_code).map(Heard::Refused);
    }
    answer.status.is_success().then_some(Heard::Taken)
}

/// The few statuses that prove that nothing was done: NHN Cloud has signed no
/// contract of ours, so what its others mean is looked up.
fn by_status(answer: &Answer, now: Timestamp) -> Heard {
    let refused = |(why, retry)| Meaning::Refused(why, retry);
    Heard::Refused(status::refusal(answer, now).map_or(Meaning::Unclear, refused))
}

impl Uploaded {
    /// Where the channel has it now.
    pub(super) fn url(self) -> Option<String> {
        let url = self.image.image_url;
        let web = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        (web && url.len() <= 1_000).then_some(url)
    }
}

/// What an answer says of those to whom something was to be sent.
pub(super) fn outcome(answer: &Answer) -> Option<Outcome> {
    let message = answer.json::<Sent>().ok()?.message?;
    let refused = |result: &&SendResult| !matches!(result.result_code, 0 | 200 | 3005 | 4161);
    let for_good = |result: &SendResult| meaning(result.result_code) == Meaning::Recipient;
    let results = &message.send_results;
    Some(Outcome {
        request_id: message.request_id.filter(|id| is_path_id(id)),
        refused: results.iter().filter(refused).count(),
        all_refused: !results.is_empty() && results.iter().all(for_good),
    })
}

/// A page of messages, or why there is none.
pub(super) fn page(answer: &Answer, now: Timestamp) -> Result<Page, Failure> {
    let why = match heard(answer, now) {
        Heard::Taken => match read::<Found>(answer) {
            Some(found) => return Ok(found.message_search_result_response),
            None => failure::unavailable(),
        },
        // It is there, and says what is wrong.
        Heard::Refused(Meaning::Refused(why, _)) => why,
        Heard::Refused(Meaning::Night | Meaning::Recipient | Meaning::KeyKnown | Meaning::Sent | Meaning::Unclear) => {
            failure::unavailable()
        }
    };
    Err(why.said(&answer.words_without_numbers()))
}

pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    answer.json().ok()
}

impl Message {
    pub(super) fn standing(&self) -> Standing {
        let code = self.result_code.as_deref().and_then(|code| code.parse().ok());
        if code.is_some_and(|code| matches!(code, 3005 | 4161)) {
            return Standing::Open;
        }
        match self.status.as_deref() {
            Some("COMPLETED") => Standing::Delivered,
            Some("FAILED") => Standing::Failed,
            _ => Standing::Open,
        }
    }
}

/// The same at every call: the request does not change, and nothing is invented
/// in live mode.
pub(super) fn content(request: &DistributeRequest, now: Timestamp) -> Option<KakaoChannelContent> {
    match compose(request, Channel::KakaoChannel, Mode::Live, now).content {
        ChannelContent::KakaoChannel(content) => Some(content),
        ChannelContent::WooridongneTV(_)
        | ChannelContent::RingoBiz(_)
        | ChannelContent::GenieTV(_)
        | ChannelContent::Instagram(_)
        | ChannelContent::NaverBlog(_) => None,
    }
}

/// A message with a picture, for these people.
pub(super) fn message(
    settings: &KakaoSettings,
    content: &KakaoChannelContent,
    text: &str,
    (key, image): (&str, &str),
    (reference, people): (&str, &[Secret]),
) -> Value {
    let buttons = content.buttons.iter();
    let buttons: Vec<_> = buttons
        .map(|button| json!({"name": button.name, "type": "WL", "linkMo": button.url, "linkPc": button.url}))
        .collect();
    let recipients: Vec<_> = people
        .iter()
        .map(|number| {
            json!({
                "recipientNo": number.reveal(), "targeting": "I", "recipientGroupingKey": reference,
                // No text message in its place: nobody asked for that.
                "resendParameter": {"isResend": false},
            })
        })
        .collect();
    let mut picture = json!({"imageUrl": image});
    if let Some(link) = &content.image_link {
        picture["imageLink"] = link.as_str().into();
    }
    json!({
        "senderKey": settings.sender_key, "chatBubbleType": "IMAGE", "content": text, "image": picture,
        "buttons": buttons, "unsubscribeNo": settings.unsubscribe_number, "senderGroupingKey": key,
        "recipientList": recipients,
    })
}

/// A picture as a form with a file.
pub(super) fn form(boundary: &str, picture: &Picture) -> Bytes {
    let (kind, extension) = (picture.kind.media_type(), picture.kind.extension());
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"imageType\"\r\n\r\nIMAGE\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"image\"; filename=\"image.{extension}\"\r\n\
         content-type: {kind}\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    [head.as_bytes(), &picture.bytes, tail.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::RETRY_AFTER;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            cut: false,
        }
    }

    fn says(status: u16, body: &str) -> String {
        match heard(&answer(status, body), Timestamp::UNIX_EPOCH) {
            Heard::Taken => "taken".to_owned(),
            Heard::Refused(Meaning::Refused(why, _)) => why.code.into_owned(),
            Heard::Refused(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn a_status_of_200_may_be_a_failure() {
        let body = |ok: bool, code: i64| json!({"header": {"isSuccessful": ok, "resultCode": code}}).to_string();
        assert_eq!(says(200, &body(true, 0)), "taken");
        assert_eq!(says(200, &body(false, -1001)), "auth_expired");
        assert_eq!(says(200, &body(false, 3022)), "Night");
        assert_eq!(says(200, &body(false, 12345)), "Unclear");
        assert_eq!(says(401, &body(false, 12345)), "auth_expired", "the status says it");
        assert_eq!(says(500, &body(false, -1005)), "KeyKnown");
        assert_eq!(says(500, &body(true, 0)), "Unclear");
        assert_eq!(says(200, "{}"), "Unclear");
        assert_eq!(says(404, "<html>"), "channel_misconfigured");
        assert_eq!(says(429, ""), "rate_limited");
    }

    /// The picture's route, where a refused body is no doubt; a listed code still
    /// comes first.
    #[test]
    fn a_body_that_the_picture_s_route_refuses_is_the_picture() {
        let says = |status: u16, body: &str| match heard_of_picture(&answer(status, body), Timestamp::UNIX_EPOCH) {
            Heard::Refused(Meaning::Refused(why, _)) => why.code.into_owned(),
            other => format!("{other:?}"),
        };
        let body = |code: i64| json!({"header": {"isSuccessful": false, "resultCode": code}}).to_string();
        for status in [400, 413, 415, 422] {
            assert_eq!(says(status, ""), "media_rejected", "{status}");
            assert_eq!(says(status, &body(12_345)), "media_rejected", "{status}");
            assert_eq!(says(status, &body(-1_001)), "auth_expired", "{status}");
            assert_eq!(says(status, &body(9_999)), "Refused(Unclear)", "{status}");
        }
        assert_eq!(says(200, &body(4)), "media_rejected");
        assert_eq!(says(401, ""), "auth_expired");
        assert_eq!(says(500, ""), "Refused(Unclear)");
    }

    /// A status that proves nothing is looked up, and so is a code of which it is
    /// known that nothing follows: the status does not say more than it.
    #[test]
    fn only_a_few_statuses_refuse_and_a_listed_code_comes_before_them() {
        let body = |code: i64| json!({"header": {"isSuccessful": false, "resultCode": code}}).to_string();
        for (status, said) in [
            (301, "channel_misconfigured"),
            (302, "channel_misconfigured"),
            (307, "channel_misconfigured"),
            (308, "channel_misconfigured"),
            (401, "auth_expired"),
            (403, "permission_denied"),
            (404, "channel_misconfigured"),
            (405, "channel_misconfigured"),
            (413, "content_rejected"),
            (429, "rate_limited"),
        ] {
            assert_eq!(says(status, ""), said, "{status}");
            assert_eq!(says(status, &body(12_345)), said, "{status}");
            for code in [4161, 2001, 3000, 3006, 3010, 3012, 9998, 9999] {
                assert_eq!(says(status, &body(code)), "Unclear", "{status} {code}");
            }
        }
        for status in [303, 400, 408, 409, 415, 422, 425, 500, 502, 503, 504] {
            assert_eq!(says(status, ""), "Unclear", "{status}");
            assert_eq!(says(status, &body(9_999)), "Unclear", "{status}");
            assert_eq!(says(status, &body(3_014)), "content_rejected", "{status}");
        }
        let mut busy = answer(503, "");
        busy.headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert!(matches!(
            heard(&busy, Timestamp::UNIX_EPOCH),
            Heard::Refused(Meaning::Unclear)
        ));
        let mut throttled = answer(429, "");
        throttled.headers.insert(RETRY_AFTER, "7".parse().unwrap());
        let heard = heard(&throttled, Timestamp::UNIX_EPOCH);
        let Heard::Refused(Meaning::Refused(_, retry)) = heard else {
            panic!("{heard:?}")
        };
        assert_eq!(retry, Retry::After(Duration::from_secs(7)));
    }

    #[test]
    fn refusals_of_recipients_are_counted() {
        let of = |codes: &[i64], id: Value| {
            let results: Vec<_> = codes.iter().map(|code| json!({"resultCode": code})).collect();
            outcome(&answer(
                200,
                &json!({"message": {"requestId": id, "sendResults": results}}).to_string(),
            ))
            .unwrap()
        };
        let some = of(&[0, 3018, 200, 3005, 9999], json!("2026-1"));
        assert_eq!((some.refused, some.all_refused), (2, false), "3005 was sent");
        assert_eq!(some.request_id.as_deref(), Some("2026-1"));
        let none = of(&[3018, 3008], Value::Null);
        assert!(none.all_refused && none.request_id.is_none());
        assert!(!of(&[], Value::Null).all_refused);
        assert!(of(&[0], json!("../x")).request_id.is_none());
    }

    #[test]
    fn a_message_stands_as_its_status_and_code_say() {
        let of = |status: Value, code: Value| {
            let message = json!({"requestId": "r", "messageStatus": status, "resultCode": code});
            serde_json::from_value::<Message>(message).unwrap().standing()
        };
        assert_eq!(of(json!("COMPLETED"), json!("MRC01")), Standing::Delivered);
        assert_eq!(of(json!("FAILED"), json!("3018")), Standing::Failed);
        assert_eq!(
            of(json!("FAILED"), json!("3005")),
            Standing::Open,
            "it may still arrive"
        );
        assert_eq!(of(json!("READY"), Value::Null), Standing::Open);
        assert_eq!(of(Value::Null, Value::Null), Standing::Open);
    }
}
