//! 지니TV, after IAB `OpenDirect` 2.1: order → line → creative → assignment → book.
//! The contract is our own proposal. An order's name is unique in its account. A
//! booking is reviewed before it counts: `PendingBooking`, then `Booked` or
//! `Declined`; a line is booked once, whatever is asked.
//!
//! What may stand in an order, a line and a creative is in `genie_tv/rules.rs`.

mod rules;

use std::collections::BTreeMap;

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::contract::{self, problem};
use super::{Served, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::{Deviation, Fault};
use crate::world::{Effect, Known, World};

const NAME: &str = "genie-tv";

/// How long a review takes.
const REVIEW: SignedDuration = SignedDuration::from_millis(500);

pub(crate) const SERVED: Served = Served {
    name: NAME,
    steps: &[
        "order",
        "line",
        "creative",
        "assignment",
        "book",
        "status",
        "lookup",
        "withdraw",
    ],
    step,
    handle,
    throttled: too_many_requests,
};

/// What the accounts have, each thing by its id.
#[derive(Default)]
pub(crate) struct Accounts {
    orders: BTreeMap<String, Owned>,
    lines: BTreeMap<String, Owned>,
    creatives: BTreeMap<String, Owned>,
    assignments: BTreeMap<String, Owned>,
    reviews: Vec<Review>,
}

struct Owned {
    account: String,
    value: Value,
}

/// A booking that is being looked at.
struct Review {
    line: String,
    ends: Timestamp,
    declined: Option<String>,
}

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::POST, ["accounts", _, "orders"]) => Some("order"),
        (&Method::POST, ["accounts", _, "orders", _, "lines"]) => Some("line"),
        (&Method::POST, ["accounts", _, "creatives"]) => Some("creative"),
        (&Method::POST, ["accounts", _, "assignments"]) => Some("assignment"),
        (&Method::PUT, ["accounts", _, "orders", _, "lines", _]) if incoming.query.contains_key("cancel") => {
            Some("withdraw")
        }
        (&Method::PUT, ["accounts", _, "orders", _, "lines", _]) => Some("book"),
        (&Method::GET, ["accounts", _, "orders", _, "lines", _]) => Some("status"),
        (
            &Method::GET,
            ["accounts", _, "orders" | "creatives" | "assignments"] | ["accounts", _, "orders", _, "lines"],
        ) => Some("lookup"),
        _ => None,
    }
}

fn handle(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    contract::guarded(world, incoming, fault, |world| {
        let now = world.now;
        match (incoming.method.clone(), &incoming.parts()[..]) {
            (Method::GET, [_, account, .., line]) if step(incoming) == Some("status") => {
                if let Some(Fault::Declined { reason }) = fault {
                    take_back(&mut world.known, line, reason, now);
                }
                match world.known.genie_tv.lines.get(*line) {
                    Some(known) if known.account == *account => Outgoing::json(200, &shown(known, now)),
                    _ => problem(404, "not_found", "no such line"),
                }
            }
            (Method::GET, [_, account, .., list]) => look_up(&world.known.genie_tv, account, list, incoming, fault),
            (_, [_, account, ..]) => {
                let account = (*account).to_owned();
                contract::once(world, NAME, incoming, fault, |world| {
                    change(world, &account, incoming, fault)
                })
            }
            _ => Outgoing::not_found(),
        }
    })
}

fn change(world: &mut World, account: &str, incoming: &Incoming, fault: Option<&Fault>) -> Result<Outgoing, Outgoing> {
    if let (Some("book"), [.., order, _, line]) = (step(incoming), &incoming.parts()[..]) {
        return book(world, account, (order, line), incoming, fault);
    }
    if let (Some("withdraw"), [.., order, _, line]) = (step(incoming), &incoming.parts()[..]) {
        return cancel(world, account, (order, line));
    }
    let Some(body) = incoming.json().filter(Value::is_object) else {
        return Err(problem(400, "malformed", "the body is no JSON object"));
    };
    let lax = contract::deviates(fault, Deviation::Validation);
    let known = &world.known.genie_tv;
    let sound = match (step(incoming), &incoming.parts()[..]) {
        (Some("order"), _) => {
            let taken = |order: &Owned| order.account == account && order.value["name"] == body["name"];
            if known.orders.values().any(taken) && !contract::deviates(fault, Deviation::UniqueName) {
                return Err(problem(409, "exists", "an order of this name exists"));
            }
            rules::order(&body, world.now)
        }
        (Some("line"), [.., order, _]) => match known.orders.get(*order) {
            Some(order) if order.account == account => rules::line(&body, &order.value),
            _ => return Err(problem(404, "not_found", "no such order")),
        },
        (Some("creative"), _) => rules::creative(&body),
        _ => assignable(known, account, &body)?,
    };
    match sound {
        Err(wrong) if !lax => Err(wrong),
        _ => Ok(make(world, account, incoming, body)),
    }
}

/// A line shows a creative once.
fn assignable(known: &Accounts, account: &str, body: &Value) -> Result<Result<(), Outgoing>, Outgoing> {
    let has = |things: &BTreeMap<String, Owned>, field: &str| {
        let thing = body[field].as_str().and_then(|id| things.get(id));
        thing.is_some_and(|thing| thing.account == account)
    };
    if !has(&known.lines, "lineid") || !has(&known.creatives, "creativeid") {
        return Ok(Err(problem(
            422,
            "invalid",
            "lineid and creativeid must name what the account has",
        )));
    }
    let same = |other: &Owned| {
        ["lineid", "creativeid"]
            .iter()
            .all(|field| other.value[*field] == body[*field])
    };
    if known.assignments.values().any(same) {
        return Err(problem(409, "exists", "the line shows this creative already"));
    }
    Ok(Ok(()))
}

fn make(world: &mut World, account: &str, incoming: &Incoming, mut value: Value) -> Outgoing {
    let number = world.known.number();
    let known = &mut world.known.genie_tv;
    let (prefix, things) = match step(incoming) {
        Some("order") => ("OR", &mut known.orders),
        Some("line") => {
            value["orderid"] = incoming.path[3].clone().into();
            value["bookingstatus"] = "Draft".into();
            ("LN", &mut known.lines)
        }
        Some("creative") => ("CR", &mut known.creatives),
        _ => ("AS", &mut known.assignments),
    };
    let id = format!("{prefix}-{number:08}");
    value["id"] = id.clone().into();
    let account = account.to_owned();
    let answer = Outgoing::json(201, &value);
    things.insert(id, Owned { account, value });
    answer
}

/// By name, or by another field of it; all where none is given.
fn look_up(known: &Accounts, account: &str, list: &str, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let things = match list {
        "orders" => &known.orders,
        "lines" => &known.lines,
        "creatives" => &known.creatives,
        _ => &known.assignments,
    };
    let order = incoming.path.get(3);
    let wanted = |thing: &&Owned| {
        let fits = |(field, value): (&String, &String)| thing.value[field] == **value;
        thing.account == account
            && order.is_none_or(|order| thing.value["orderid"] == **order)
            && incoming.query.iter().all(fits)
            && !contract::deviates(fault, Deviation::LookUp)
    };
    let found: Vec<_> = things.values().filter(wanted).map(|thing| &thing.value).collect();
    Outgoing::json(200, &json!({ list: found }))
}

fn book(
    world: &mut World,
    account: &str,
    (order, line): (&str, &str),
    incoming: &Incoming,
    fault: Option<&Fault>,
) -> Result<Outgoing, Outgoing> {
    let now = world.now;
    let known = &mut world.known.genie_tv;
    let assigned = known
        .assignments
        .values()
        .any(|assignment| assignment.value["lineid"] == line);
    let Some(thing) = known.lines.get_mut(line).filter(|thing| thing.account == account) else {
        return Err(problem(404, "not_found", "no such line"));
    };
    if thing.value["orderid"] != order || !incoming.query.contains_key("book") {
        return Err(problem(400, "malformed", "PUT …/orders/{order}/lines/{line}?book"));
    }
    match thing.value["bookingstatus"].as_str() {
        Some("Draft") if !assigned => return Err(problem(422, "creative_missing", "the line shows nothing")),
        Some("Draft") => {}
        Some("Declined" | "Canceled") => return Err(problem(409, "declined", "the line was declined; make another")),
        _ => return Ok(Outgoing::json(200, &shown(thing, now))),
    }
    thing.value["bookingstatus"] = "PendingBooking".into();
    let answer = Outgoing::json(202, &thing.value);
    let takes = match fault {
        Some(Fault::SlowReview { seconds }) => SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX)),
        _ => REVIEW,
    };
    known.reviews.push(Review {
        line: line.to_owned(),
        ends: now.saturating_add(takes).unwrap_or(Timestamp::MAX),
        declined: match fault {
            Some(Fault::Declined { reason }) => Some(reason.clone()),
            _ => None,
        },
    });
    Ok(answer)
}

/// What is cancelled already, or was declined, stays as it is.
fn cancel(world: &mut World, account: &str, (order, line): (&str, &str)) -> Result<Outgoing, Outgoing> {
    let now = world.now;
    let known = &mut world.known;
    let thing = known.genie_tv.lines.get_mut(line);
    let Some(thing) = thing.filter(|thing| thing.account == account && thing.value["orderid"] == order) else {
        return Err(problem(404, "not_found", "no such line"));
    };
    match shown(thing, now)["bookingstatus"].as_str() {
        Some("Finished") => return Err(problem(409, "finished", "the line has been shown to its end")),
        Some("Declined" | "Canceled") => {}
        _ => thing.value["bookingstatus"] = "Canceled".into(),
    }
    let answer = Outgoing::json(200, &thing.value);
    known.genie_tv.reviews.retain(|review| review.line != line);
    known.withdraw(NAME, |effect| effect.remote_id == line, now);
    Ok(answer)
}

/// What was booked is not shown after all.
fn take_back(known: &mut Known, line: &str, reason: &str, now: Timestamp) {
    let booked = known.genie_tv.lines.get_mut(line);
    let Some(Owned { value, .. }) = booked.filter(|line| line.value["bookingstatus"] == "Booked") else {
        return;
    };
    value["bookingstatus"] = "Declined".into();
    value["ext"] = json!({ "declineReason": reason });
    known.withdraw(NAME, |effect| effect.remote_id == line, now);
}

/// Time has passed: ends the reviews that are due.
pub(crate) fn review(known: &mut Known, now: Timestamp) {
    let Known { genie_tv, effects, .. } = known;
    let (due, open): (Vec<_>, Vec<_>) = std::mem::take(&mut genie_tv.reviews)
        .into_iter()
        .partition(|review| review.ends <= now);
    genie_tv.reviews = open;
    for Review { line, ends, declined } in due {
        let Some(Owned { value, account }) = genie_tv.lines.get_mut(&line) else {
            continue;
        };
        if let Some(reason) = declined {
            value["bookingstatus"] = "Declined".into();
            value["ext"] = json!({ "declineReason": reason });
            continue;
        }
        value["bookingstatus"] = "Booked".into();
        value["ext"] = json!({"impressionSchedule": rules::impressions(value)});
        effects.push(Effect {
            withdrawn_at: None,
            channel: NAME,
            account: account.clone(),
            our_id: value["name"].as_str().unwrap_or_default().to_owned(),
            remote_id: line,
            at: ends,
            content: value.clone(),
        });
    }
}

/// What is booked airs from its first day to its last.
fn shown(line: &Owned, now: Timestamp) -> Value {
    let mut value = line.value.clone();
    if value["bookingstatus"] == "Booked" {
        value["bookingstatus"] = rules::airs(&value, now).into();
    }
    value
}
