//! 지니TV, after IAB `OpenDirect` 2.1: order → line → creative → assignment → book.
//! The contract is our own proposal. An order's name is unique in its account.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, World};

pub(crate) const SERVED: Served = Served {
    name: "genie-tv",
    steps: &["order", "line", "creative", "assignment", "book", "lookup"],
    step,
    handle,
    throttled: too_many_requests,
};

/// What an account has.
#[derive(Default)]
pub(crate) struct Orders {
    /// By account and name.
    orders: BTreeMap<(String, String), Value>,
    /// By id.
    lines: BTreeMap<String, Value>,
}

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::POST, ["accounts", _, "orders"]) => Some("order"),
        (&Method::POST, ["accounts", _, "orders", _, "lines"]) => Some("line"),
        (&Method::POST, ["accounts", _, "creatives"]) => Some("creative"),
        (&Method::POST, ["accounts", _, "assignments"]) => Some("assignment"),
        (&Method::PUT, ["accounts", _, "orders", _, "lines", _]) => Some("book"),
        (&Method::GET, ["accounts", _, "orders"] | ["accounts", _, "orders", _, "lines", _]) => Some("lookup"),
        _ => None,
    }
}

fn handle(world: &mut World, incoming: &Incoming, _fault: Option<&Fault>) -> Outgoing {
    if !is_good(incoming.bearer()) {
        return Outgoing::problem(401, "Unauthorized", "the token is missing, wrong or expired");
    }
    let body = incoming.json().unwrap_or_default();
    match (step(incoming), &incoming.parts()[..]) {
        (Some("order"), [_, account, _]) => order(world, account, body),
        (Some("line"), [_, _, _, order, _]) => line(world, order, body),
        (Some("creative"), _) => made(world, "CR", body),
        (Some("assignment"), _) => made(world, "AS", body),
        (Some("book"), [.., line]) => book(world, line, incoming),
        (Some("lookup"), [_, account, _]) => find_order(world, account, incoming),
        (Some("lookup"), [.., line]) => match world.known.genie_tv.lines.get(*line) {
            Some(line) => Outgoing::json(200, line),
            None => Outgoing::problem(404, "Not Found", "no such line"),
        },
        _ => Outgoing::not_found(),
    }
}

fn order(world: &mut World, account: &str, mut body: Value) -> Outgoing {
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() || name.chars().count() > 100 {
        return Outgoing::problem(422, "Unprocessable Content", "name must have 1 to 100 characters");
    }
    let place = (account.to_owned(), name);
    if world.known.genie_tv.orders.contains_key(&place) {
        return Outgoing::problem(409, "Conflict", "an order of this name exists");
    }
    body["id"] = format!("OR-{:08}", world.known.number()).into();
    world.known.genie_tv.orders.insert(place, body.clone());
    Outgoing::json(201, &body)
}

fn find_order(world: &World, account: &str, incoming: &Incoming) -> Outgoing {
    let name = incoming.query.get("name").cloned().unwrap_or_default();
    let found = world.known.genie_tv.orders.get(&(account.to_owned(), name));
    Outgoing::json(200, &json!({"orders": found.into_iter().collect::<Vec<_>>()}))
}

fn line(world: &mut World, order: &str, mut body: Value) -> Outgoing {
    if !world.known.genie_tv.orders.values().any(|known| known["id"] == order) {
        return Outgoing::problem(404, "Not Found", "no such order");
    }
    let id = format!("LN-{:08}", world.known.number());
    body["id"] = id.clone().into();
    body["orderid"] = order.into();
    body["bookingstatus"] = "Draft".into();
    world.known.genie_tv.lines.insert(id, body.clone());
    Outgoing::json(201, &body)
}

fn made(world: &mut World, kind: &str, mut body: Value) -> Outgoing {
    if !body.is_object() {
        return Outgoing::problem(400, "Bad Request", "the body is no JSON object");
    }
    body["id"] = format!("{kind}-{:08}", world.known.number()).into();
    Outgoing::json(201, &body)
}

fn book(world: &mut World, line: &str, incoming: &Incoming) -> Outgoing {
    let now = world.now;
    let Some(known) = world.known.genie_tv.lines.get_mut(line) else {
        return Outgoing::problem(404, "Not Found", "no such line");
    };
    if !incoming.query.contains_key("book") {
        return Outgoing::problem(400, "Bad Request", "only ?book is known");
    }
    let first = known["bookingstatus"] == "Draft";
    known["bookingstatus"] = "Booked".into();
    known["impressionSchedule"] = known["targeting"].clone();
    let booked = known.clone();
    if first {
        world.known.effects.push(Effect {
            channel: "genie-tv",
            our_id: booked["orderid"].as_str().unwrap_or_default().to_owned(),
            remote_id: line.to_owned(),
            at: now,
            content: booked.clone(),
        });
    }
    Outgoing::json(200, &booked)
}
