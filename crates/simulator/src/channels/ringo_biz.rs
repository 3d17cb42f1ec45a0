//! 링고비즈: one ring-back tone a line, replaced as a whole. The contract is our
//! own proposal.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, World};

pub(crate) const SERVED: Served = Served {
    name: "ringo-biz",
    steps: &["replace", "lookup"],
    step,
    handle,
    throttled: too_many_requests,
};

/// The tone of each line, by its number in E.164.
pub(crate) type Lines = BTreeMap<String, Value>;

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::PUT, ["v1", "lines", _, "ringback-tone"]) => Some("replace"),
        (&Method::GET, ["v1", "lines", _, "ringback-tone"]) => Some("lookup"),
        _ => None,
    }
}

fn handle(world: &mut World, incoming: &Incoming, _fault: Option<&Fault>) -> Outgoing {
    if !is_good(incoming.bearer()) {
        return Outgoing::problem(401, "Unauthorized", "the token is missing, wrong or expired");
    }
    let line = incoming.path[2].clone();
    if incoming.method == Method::GET {
        let tone = world.known.ringo_biz.get(&line);
        return tone.map_or_else(
            || Outgoing::problem(404, "Not Found", "the line has no tone"),
            |tone| Outgoing::json(200, tone),
        );
    }
    let body = incoming.json().unwrap_or_default();
    let is_number = line
        .strip_prefix('+')
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_number || body["audioUrl"].as_str().is_none_or(str::is_empty) {
        return Outgoing::problem(
            422,
            "Unprocessable Content",
            "a line in E.164 and an audioUrl are needed",
        );
    }
    let tone = json!({"updateTimestamp": world.now.to_string(), "sha256": body["sha256"]});
    // The same sound again changes nothing that anybody hears.
    let same = world
        .known
        .ringo_biz
        .get(&line)
        .is_some_and(|known| known["sha256"] == body["sha256"]);
    world.known.ringo_biz.insert(line.clone(), tone.clone());
    if !same || body["sha256"].is_null() {
        world.known.effects.push(Effect {
            channel: "ringo-biz",
            our_id: incoming.header("idempotency-key").unwrap_or_default().to_owned(),
            remote_id: line,
            at: world.now,
            content: body,
        });
    }
    Outgoing::json(200, &tone)
}
