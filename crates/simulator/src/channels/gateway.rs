//! The gateway contract: 우리동네TV's, and one path for any channel. It is our own
//! proposal; no maker has published one.
//!
//! A key is remembered for a day and answered like the first time; the same key
//! with another body, or a known `externalId` under another key, is a conflict.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use url::Url;

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, Known, World};

/// A key is forgotten after this time.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// KRW.
const BUDGET_LEAST: u64 = 10_000;

pub(crate) const WOORIDONGNE_TV: Served = Served {
    name: "wooridongne-tv",
    steps: &["create", "lookup"],
    step: |incoming| step(incoming, &["v1", "distributions"]),
    handle: |world, incoming, fault| handle(world, incoming, fault, "wooridongne-tv", booking),
    throttled: too_many_requests,
};

pub(crate) const ANY: Served = Served {
    name: "gateway",
    steps: &["create", "lookup"],
    step: |incoming| step(incoming, &["v1", "deliveries"]),
    handle: |world, incoming, fault| handle(world, incoming, fault, "gateway", delivery),
    throttled: too_many_requests,
};

/// What one gateway knows.
#[derive(Default)]
pub(crate) struct Gateway {
    by_key: HashMap<String, First>,
    by_external_id: HashMap<String, Value>,
}

/// What a key was first used for.
struct First {
    at: Timestamp,
    body: Bytes,
    item: Value,
}

/// What is created from a body, or what is wrong with it.
type Create = fn(&Map<String, Value>, number: u64) -> Result<Map<String, Value>, String>;

fn step(incoming: &Incoming, path: &[&str]) -> Option<&'static str> {
    match incoming.method {
        _ if incoming.parts() != path => None,
        Method::POST => Some("create"),
        Method::GET => Some("lookup"),
        _ => None,
    }
}

fn handle(
    world: &mut World,
    incoming: &Incoming,
    fault: Option<&Fault>,
    name: &'static str,
    create: Create,
) -> Outgoing {
    if !is_good(incoming.bearer()) {
        return Outgoing::problem(401, "Unauthorized", "the token is missing, wrong or expired");
    }
    if incoming.method == Method::GET {
        return look_up(world.known.gateways.entry(name).or_default(), incoming);
    }
    let created = post(&mut world.known, world.now, incoming, name, create);
    match fault {
        Some(Fault::ProcessingConflict) => {
            Outgoing::problem(409, "Conflict", "a request with this key is still being processed")
        }
        _ => created.unwrap_or_else(|refusal| refusal),
    }
}

fn look_up(gateway: &Gateway, incoming: &Incoming) -> Outgoing {
    let Some(id) = incoming.query.get("externalId") else {
        return Outgoing::problem(422, "Unprocessable Content", "externalId is missing in the query");
    };
    let items: Vec<_> = gateway.by_external_id.get(id).into_iter().collect();
    Outgoing::json(200, &json!({ "items": items }))
}

fn post(
    known: &mut Known,
    now: Timestamp,
    incoming: &Incoming,
    name: &'static str,
    create: Create,
) -> Result<Outgoing, Outgoing> {
    let unprocessable = |detail: &str| Outgoing::problem(422, "Unprocessable Content", detail);
    let key = incoming
        .header("idempotency-key")
        .ok_or_else(|| unprocessable("Idempotency-Key is missing"))?;
    let number = known.number();
    let gateway = known.gateways.entry(name).or_default();
    if let Some(first) = gateway
        .by_key
        .get(key)
        .filter(|first| now.duration_since(first.at) < KEY_LIFETIME)
    {
        if first.body != incoming.body {
            return Err(Outgoing::problem(409, "Conflict", "the key was used with another body"));
        }
        return Ok(Outgoing::json(202, &first.item).with("idempotent-replayed", "true"));
    }
    let Some(Value::Object(body)) = incoming.json() else {
        return Err(Outgoing::problem(400, "Bad Request", "the body is no JSON object"));
    };
    let external_id = body
        .get("externalId")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if external_id.is_empty() {
        return Err(unprocessable("externalId is missing"));
    }
    if gateway.by_external_id.contains_key(&external_id) {
        return Err(Outgoing::problem(
            409,
            "Conflict",
            "the externalId exists under another key",
        ));
    }
    let mut item = create(&body, number).map_err(|wrong| unprocessable(&wrong))?;
    item.insert("externalId".to_owned(), external_id.clone().into());
    let item = Value::Object(item);
    gateway.by_external_id.insert(external_id.clone(), item.clone());
    let first = First {
        at: now,
        body: incoming.body.clone(),
        item: item.clone(),
    };
    gateway.by_key.insert(key.to_owned(), first);
    known.effects.push(Effect {
        channel: name,
        our_id: external_id,
        remote_id: format!("{name}-{number}"),
        at: now,
        content: Value::Object(body),
    });
    Ok(Outgoing::json(202, &item))
}

fn booking(body: &Map<String, Value>, number: u64) -> Result<Map<String, Value>, String> {
    let media = body
        .get("mediaUrl")
        .and_then(Value::as_str)
        .and_then(|text| Url::parse(text).ok());
    if media.is_none_or(|url| !matches!(url.scheme(), "http" | "https")) {
        return Err("mediaUrl must be an http or https URL".to_owned());
    }
    let code = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let regions = body.get("regions").and_then(Value::as_array);
    let somewhere = regions.is_some_and(|regions| !regions.is_empty() && regions.iter().all(code));
    if !somewhere && body.get("radiusM").and_then(Value::as_u64).is_none() {
        return Err("regions (ten-digit codes) or radiusM must be given".to_owned());
    }
    if body.get("timeSlots").is_some_and(|slots| !slots.is_array()) {
        return Err("timeSlots must be a list".to_owned());
    }
    let budget = body.get("budget").and_then(Value::as_u64).unwrap_or_default();
    if budget < BUDGET_LEAST {
        return Err(format!("budget must be {BUDGET_LEAST} KRW or more"));
    }
    let item = json!({
        "distributionId": format!("WD-{number:08}"), "estimatedViews": budget / 10, "status": "ACCEPTED",
    });
    Ok(item.as_object().cloned().unwrap_or_default())
}

fn delivery(body: &Map<String, Value>, number: u64) -> Result<Map<String, Value>, String> {
    if body.get("channel").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err("channel is missing".to_owned());
    }
    let item = json!({"deliveryId": format!("GW-{number:08}"), "status": "ACCEPTED"});
    Ok(item.as_object().cloned().unwrap_or_default())
}
