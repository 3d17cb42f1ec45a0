//! Kakao brand messages through NHN Cloud. Failures come with status 200 and
//! `isSuccessful: false`; only pictures that were uploaded can be sent; a key that
//! was used within ten minutes is refused and not replayed; what was sent is found
//! a few seconds later, and what became of it later still.

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;
use jiff::civil::DateTime;
use jiff::tz::offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, World};

/// A key is remembered for so long.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// What was sent is found after this time.
const FOUND_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// What became of it is known after this time.
const KNOWN_AFTER: SignedDuration = SignedDuration::from_secs(6);

/// Messages of one page, unless another number is asked for, and at most.
const PAGE: (usize, usize) = (15, 1_000);

pub(crate) const SERVED: Served = Served {
    name: "kakao-channel",
    steps: &["image", "send", "lookup"],
    step,
    handle,
    throttled: too_many_requests,
};

/// What NHN Cloud knows.
#[derive(Default)]
pub(crate) struct Messages {
    uploaded: BTreeSet<String>,
    keys: BTreeMap<String, Timestamp>,
    /// Newest last.
    sent: Vec<Message>,
}

struct Message {
    at: Timestamp,
    known_at: Timestamp,
    request_id: String,
    seq: usize,
    number: String,
    sender_grouping_key: Value,
    recipient_grouping_key: Value,
}

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::POST, ["brand-message", "v1.0", "appkeys", _, "images"]) => Some("image"),
        (&Method::POST, ["brand-message", "v1.0", "appkeys", _, "freestyle-messages"]) => Some("send"),
        (&Method::GET, ["brand-message", "v1.0", "appkeys", _, "messages", rest @ ..])
            if matches!(rest.len(), 0 | 2) =>
        {
            Some("lookup")
        }
        _ => None,
    }
}

fn handle(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let parts = incoming.parts();
    if parts[3].contains("wrong") {
        return failed(-1_000, "invalid appkey");
    }
    if !is_good(incoming.header("x-secret-key")) {
        return failed(-1_001, "invalid secret key");
    }
    match (step(incoming), &parts[..]) {
        (Some("image"), _) => upload(world, incoming),
        (Some("send"), _) => send(world, incoming, fault),
        (Some("lookup"), [.., "messages"]) => find(world, incoming),
        (Some("lookup"), [.., request, seq]) => {
            let wanted = |message: &&Message| message.request_id == **request && Ok(message.seq) == seq.parse();
            match visible(world).find(wanted) {
                Some(message) => succeeded("message", &message.shown(world.now)),
                None => failed(-1_004, "no such message"),
            }
        }
        _ => Outgoing::not_found(),
    }
}

fn upload(world: &mut World, incoming: &Incoming) -> Outgoing {
    match rules::picture(incoming) {
        Ok(extension) => {
            let number = world.known.number();
            let name = format!("{number}.{extension}");
            let url = format!("{}/media/{name}", incoming.base_url);
            world.known.kakao_channel.uploaded.insert(url.clone());
            succeeded(
                "image",
                &json!({"imageSeq": number, "imageUrl": url, "imageName": name}),
            )
        }
        Err((code, words)) => failed(code, words),
    }
}

fn send(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let now = world.now;
    let body = incoming.json().unwrap_or_default();
    let key = incoming.header("x-nc-api-idempotency-key").map(str::to_owned);
    let kakao = &mut world.known.kakao_channel;
    let used = key.as_ref().and_then(|key| kakao.keys.get(key));
    if used.is_some_and(|used| now.duration_since(*used) < KEY_LIFETIME) {
        return failed(-1_005, "the idempotency key is in use");
    }
    if let Err((code, words)) = rules::check(&body, |url| kakao.uploaded.contains(url)) {
        return failed(code, words);
    }
    if rules::is_night(now) {
        return failed(3_022, "no brand messages from 20:50 to 08:00");
    }
    let recipients = body["recipientList"].as_array().map(Vec::as_slice).unwrap_or_default();
    let said: Vec<_> = recipients.iter().map(rules::recipient).collect();
    let results = said
        .iter()
        .zip(recipients)
        .enumerate()
        .map(|(place, (said, recipient))| {
            let (code, words) = said.err().unwrap_or((0, "success"));
            json!({"recipientSeq": place + 1, "recipientNo": recipient["recipientNo"], "resultCode": code,
            "resultMessage": words})
        });
    let results: Vec<_> = results.collect();
    if let Some((code, words)) = said
        .first()
        .and_then(|first| first.err())
        .filter(|_| said.iter().all(Result::is_err))
    {
        let message = json!({"requestId": null, "sendResults": results});
        return Outgoing::json(200, &json!({"header": header(code, words), "message": message}));
    }
    if let Some(key) = key {
        kakao.keys.insert(key, now);
    }
    let taken = recipients.iter().zip(&said).filter(|(_, said)| said.is_ok());
    let taken: Vec<_> = taken.map(|(recipient, _)| recipient.clone()).collect();
    let request_id = take(world, &body, &taken, fault);
    succeeded("message", &json!({"requestId": request_id, "sendResults": results}))
}

/// The one thing that people see.
fn take(world: &mut World, body: &Value, taken: &[Value], fault: Option<&Fault>) -> String {
    let now = world.now;
    let slow = match fault {
        Some(Fault::SlowResults { seconds }) => SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX)),
        _ => SignedDuration::ZERO,
    };
    let known_at = now
        .saturating_add(KNOWN_AFTER.saturating_add(slow))
        .unwrap_or(Timestamp::MAX);
    let request_id = format!("20261122{:012}", world.known.number());
    let messages = taken.iter().enumerate().map(|(place, recipient)| Message {
        at: now,
        known_at,
        request_id: request_id.clone(),
        seq: place + 1,
        number: recipient["recipientNo"].as_str().unwrap_or_default().to_owned(),
        sender_grouping_key: body["senderGroupingKey"].clone(),
        recipient_grouping_key: recipient["recipientGroupingKey"].clone(),
    });
    world.known.kakao_channel.sent.extend(messages);
    let numbers: Vec<_> = taken.iter().map(|recipient| &recipient["recipientNo"]).collect();
    world.known.effects.push(Effect {
        withdrawn_at: None,
        channel: "kakao-channel",
        account: body["senderKey"].as_str().unwrap_or_default().to_owned(),
        our_id: body["senderGroupingKey"].as_str().unwrap_or_default().to_owned(),
        remote_id: request_id.clone(),
        at: now,
        content: json!({"content": body["content"], "buttons": body["buttons"], "imageUrl": body["image"]["imageUrl"],
            "unsubscribeNo": body["unsubscribeNo"], "recipients": numbers}),
    });
    request_id
}

fn visible(world: &World) -> impl Iterator<Item = &Message> {
    let now = world.now;
    let messages = world.known.kakao_channel.sent.iter();
    messages.filter(move |message| now.duration_since(message.at) >= FOUND_AFTER)
}

fn find(world: &World, incoming: &Incoming) -> Outgoing {
    let asked = |name: &str| incoming.query.get(name).map(String::as_str);
    let minute = |name: &str| {
        let local = DateTime::strptime("%Y-%m-%d %H:%M", asked(name)?).ok()?;
        offset(9).to_timestamp(local).ok()
    };
    let between = minute("startRequestDate").zip(minute("endRequestDate"));
    if asked("requestId").is_none() && between.is_none() {
        return failed(
            -2_000,
            "requestId, or startRequestDate and endRequestDate, must be given",
        );
    }
    let is = |name: &str, value: &Value| asked(name).is_none_or(|wanted| *value == wanted);
    let found: Vec<_> = visible(world)
        .filter(|message| between.is_none_or(|(from, until)| (from..=until).contains(&message.at)))
        .map(|message| message.shown(world.now))
        .filter(|shown| {
            let named = [
                "requestId",
                "senderGroupingKey",
                "recipientGroupingKey",
                "messageStatus",
                "resultCode",
            ];
            named.iter().all(|name| is(name, &shown[*name]))
        })
        .collect();
    let number = |name: &str, default: usize| asked(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let size = number("pageSize", PAGE.0).clamp(1, PAGE.1);
    let skipped = (number("pageNum", 1).max(1) - 1).saturating_mul(size);
    let page: Vec<_> = found.iter().skip(skipped).take(size).collect();
    succeeded(
        "messageSearchResultResponse",
        &json!({"messages": page, "totalCount": found.len()}),
    )
}

impl Message {
    fn shown(&self, now: Timestamp) -> Value {
        let (status, code) = if now < self.known_at {
            (json!("READY"), Value::Null)
        } else {
            let (status, code) = rules::fate(&self.number);
            (json!(status), json!(code))
        };
        json!({
            "requestId": self.request_id, "recipientSeq": self.seq, "recipientNo": self.number, "targeting": "I",
            "senderGroupingKey": self.sender_grouping_key, "recipientGroupingKey": self.recipient_grouping_key,
            "requestDate": offset(9).to_datetime(self.at).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            "chatBubbleType": "IMAGE", "messageStatus": status, "resultCode": code,
        })
    }
}

fn header(code: i64, words: &str) -> Value {
    json!({"resultCode": code, "resultMessage": words, "isSuccessful": code == 0})
}

fn succeeded(name: &str, value: &Value) -> Outgoing {
    Outgoing::json(200, &json!({"header": header(0, "success"), name: value}))
}

fn failed(code: i64, words: &str) -> Outgoing {
    Outgoing::json(200, &json!({ "header": header(code, words) }))
}
