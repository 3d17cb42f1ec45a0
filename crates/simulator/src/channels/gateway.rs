//! The gateway contract: 우리동네TV's, and one path for any channel. It is our own
//! proposal; no maker has published one. What it shares with others of its kind is
//! in `contract.rs`; a known `externalId` under another key is a conflict, too.

use std::collections::HashMap;

use hyper::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::contract::{self, problem};
use super::{Served, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::{Deviation, Fault};
use crate::world::{Effect, World};

/// KRW.
const BUDGET_LEAST: u64 = 10_000;

pub(crate) const WOORIDONGNE_TV: Served = Served {
    name: "wooridongne-tv",
    steps: &["create", "lookup", "withdraw"],
    step: |incoming| step(incoming, &["v1", "distributions"]).or_else(|| withdrawal(incoming)),
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

/// What one gateway knows, by `externalId`.
#[derive(Default)]
pub(crate) struct Gateway(HashMap<String, Value>);

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

fn withdrawal(incoming: &Incoming) -> Option<&'static str> {
    let below = matches!(&incoming.parts()[..], ["v1", "distributions", id] if !id.is_empty());
    (below && incoming.method == Method::DELETE).then_some("withdraw")
}

fn handle(
    world: &mut World,
    incoming: &Incoming,
    fault: Option<&Fault>,
    name: &'static str,
    create: Create,
) -> Outgoing {
    contract::guarded(world, incoming, fault, |world| {
        if incoming.method == Method::GET {
            return look_up(world.known.gateways.entry(name).or_default(), incoming, fault);
        }
        if incoming.method == Method::DELETE {
            return withdraw(world, incoming, name);
        }
        contract::once(world, name, incoming, fault, |world| {
            post(world, incoming, fault, name, create)
        })
    })
}

fn look_up(gateway: &Gateway, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let Some(id) = incoming.query.get("externalId") else {
        return problem(422, "invalid", "externalId is missing in the query");
    };
    let hidden = contract::deviates(fault, Deviation::LookUp);
    let items: Vec<_> = gateway.0.get(id).into_iter().filter(|_| !hidden).collect();
    Outgoing::json(200, &json!({ "items": items }))
}

/// What is not there any more is not found, either way.
fn withdraw(world: &mut World, incoming: &Incoming, name: &'static str) -> Outgoing {
    let (known, now) = (&mut world.known, world.now);
    let parts = incoming.parts();
    let id = parts.last().copied().unwrap_or_default();
    if !known.withdraw(name, |effect| effect.remote_id == id, now) {
        return problem(404, "not_found", "there is none of this id, or not any more");
    }
    let is_it = |item: &Value| item.get("distributionId").and_then(Value::as_str) == Some(id);
    known.gateways.entry(name).or_default().0.retain(|_, item| !is_it(item));
    Outgoing::text(204, "text/plain", "")
}

fn post(
    world: &mut World,
    incoming: &Incoming,
    fault: Option<&Fault>,
    name: &'static str,
    create: Create,
) -> Result<Outgoing, Outgoing> {
    let (known, now) = (&mut world.known, world.now);
    let lax = contract::deviates(fault, Deviation::Validation);
    let Some(Value::Object(body)) = incoming.json() else {
        return Err(problem(400, "malformed", "the body is no JSON object"));
    };
    let external_id = body
        .get("externalId")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if external_id.is_empty() && !lax {
        return Err(problem(422, "invalid", "externalId is missing"));
    }
    let number = known.number();
    let gateway = known.gateways.entry(name).or_default();
    if gateway.0.contains_key(&external_id) && !contract::deviates(fault, Deviation::UniqueName) {
        return Err(problem(409, "exists", "the externalId exists under another key"));
    }
    let mut item = match create(&body, number) {
        Err(wrong) if !lax => return Err(problem(422, "invalid", &wrong)),
        item => item.unwrap_or_default(),
    };
    let named = item.get("distributionId").or_else(|| item.get("deliveryId"));
    let remote_id = named.and_then(Value::as_str).unwrap_or_default().to_owned();
    item.insert("externalId".to_owned(), external_id.clone().into());
    let item = Value::Object(item);
    gateway.0.insert(external_id.clone(), item.clone());
    known.effects.push(Effect {
        withdrawn_at: None,
        channel: name,
        account: incoming.token_end(),
        our_id: external_id,
        remote_id,
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
