//! Kakao brand messages through NHN Cloud. Failures come with status 200 and
//! `isSuccessful: false`.

use hyper::Method;
use serde_json::{Value, json};

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, World};

const CONTENT_MOST: usize = 1_300;
const RECIPIENTS_MOST: usize = 1_000;

pub(crate) const SERVED: Served = Served {
    name: "kakao-channel",
    steps: &["image", "send", "lookup"],
    step,
    handle,
    throttled: too_many_requests,
};

/// Newest last.
pub(crate) type Messages = Vec<Value>;

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::POST, ["brand-message", "v1.0", "appkeys", _, "images"]) => Some("image"),
        (&Method::POST, ["brand-message", "v1.0", "appkeys", _, "freestyle-messages"]) => Some("send"),
        (&Method::GET, ["brand-message", "v1.0", "appkeys", _, "messages", rest @ ..]) if rest.len() != 1 => {
            Some("lookup")
        }
        _ => None,
    }
}

fn handle(world: &mut World, incoming: &Incoming, _fault: Option<&Fault>) -> Outgoing {
    if !is_good(incoming.header("x-secret-key")) {
        return failed(-1_001, "invalid secret key");
    }
    match (step(incoming), &incoming.parts()[..]) {
        (Some("image"), _) => {
            let number = world.known.number();
            let name = format!("{number}.jpg");
            let url = format!("{}/media/{name}", incoming.base_url);
            succeeded(
                "image",
                &json!({"imageSeq": number, "imageUrl": url, "imageName": name}),
            )
        }
        (Some("send"), _) => send(world, incoming),
        (Some("lookup"), [.., "messages"]) => find(world, incoming),
        (Some("lookup"), [.., request, recipient]) => {
            let messages = world.known.kakao_channel.iter();
            let mut found = messages.filter(|message| {
                message["requestId"] == **request && message["recipientSeq"].as_u64() == recipient.parse().ok()
            });
            found.next().map_or_else(
                || failed(-1_004, "no such message"),
                |message| succeeded("message", message),
            )
        }
        _ => Outgoing::not_found(),
    }
}

fn send(world: &mut World, incoming: &Incoming) -> Outgoing {
    let body = incoming.json().unwrap_or_default();
    let recipients = body["recipientList"].as_array().cloned().unwrap_or_default();
    if body["senderKey"].as_str().is_none_or(str::is_empty) {
        return failed(-1_006, "invalid sender key");
    }
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MOST {
        return failed(-2_000, "recipientList must have 1 to 1000 entries");
    }
    let content = body["content"].as_str().unwrap_or_default();
    if content.is_empty() || content.chars().count() > CONTENT_MOST {
        return failed(3_014, "content has a wrong length");
    }
    let number = world.known.number();
    let request_id = format!("20261122{number:012}");
    let mut results = Vec::new();
    for (place, recipient) in recipients.iter().enumerate() {
        let message = json!({
            "requestId": request_id, "recipientSeq": place + 1, "senderGroupingKey": body["senderGroupingKey"],
            "recipientGroupingKey": recipient["recipientGroupingKey"], "messageStatus": "COMPLETED",
            "resultCode": "0000",
        });
        world.known.kakao_channel.push(message);
        results.push(json!({
            "recipientSeq": place + 1, "recipientNo": recipient["recipientNo"], "resultCode": 0,
            "resultMessage": "success",
        }));
    }
    world.known.effects.push(Effect {
        channel: "kakao-channel",
        our_id: body["senderGroupingKey"].as_str().unwrap_or_default().to_owned(),
        remote_id: request_id.clone(),
        at: world.now,
        content: json!({"content": content, "buttons": body["buttons"], "recipients": recipients.len()}),
    });
    succeeded("message", &json!({"requestId": request_id, "sendResults": results}))
}

fn find(world: &World, incoming: &Incoming) -> Outgoing {
    let wanted = |name: &str, message: &Value| incoming.query.get(name).is_none_or(|text| message[name] == **text);
    let messages = world.known.kakao_channel.iter();
    let found: Vec<_> = messages
        .filter(|message| wanted("requestId", message) && wanted("senderGroupingKey", message))
        .cloned()
        .collect();
    succeeded("messages", &found.into())
}

fn succeeded(name: &str, value: &Value) -> Outgoing {
    let header = json!({"resultCode": 0, "resultMessage": "success", "isSuccessful": true});
    Outgoing::json(200, &json!({"header": header, name: value}))
}

fn failed(code: i64, words: &str) -> Outgoing {
    let header = json!({"resultCode": code, "resultMessage": words, "isSuccessful": false});
    Outgoing::json(200, &json!({ "header": header }))
}
