//! `/_simulator/…`: what came to be, what was asked, and what is to go wrong.

use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::exchange::{Incoming, Outgoing};
use crate::fault::{Faults, Rule};
use crate::server::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Advance {
    advance_seconds: f64,
}

pub(crate) fn handle(shared: &Shared, incoming: &Incoming) -> Outgoing {
    let mut world = shared.world();
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::GET, ["effects"]) => {
            let of = incoming.query.get("channel");
            let wanted = |channel: &str| of.is_none_or(|of| of == channel);
            let effects: Vec<_> = world
                .known
                .effects
                .iter()
                .filter(|effect| wanted(effect.channel))
                .collect();
            Outgoing::json(200, &json!({ "effects": effects }))
        }
        (&Method::GET, ["requests"]) => {
            let seen: Vec<_> = world.seen().collect();
            Outgoing::json(200, &json!({ "requests": seen }))
        }
        (&Method::GET, ["faults"]) => Outgoing::json(200, &json!({"rules": world.faults.rules()})),
        (&Method::PUT, ["faults"]) => {
            let rules = match serde_json::from_slice::<Rules>(&incoming.body) {
                Ok(Rules { rules }) => rules,
                Err(error) => return refused(&error.to_string()),
            };
            match Faults::new(rules, world.now) {
                Ok(faults) => {
                    world.faults = faults;
                    Outgoing::json(200, &json!({"rules": world.faults.rules()}))
                }
                Err(error) => refused(&error.to_string()),
            }
        }
        (&Method::DELETE, ["faults"]) => {
            world.faults = Faults::default();
            Outgoing::json(200, &json!({"rules": []}))
        }
        (&Method::POST, ["reset"]) => {
            world.reset();
            Outgoing::json(200, &json!({"effects": []}))
        }
        (&Method::POST, ["clock"]) => match serde_json::from_slice::<Advance>(&incoming.body) {
            Ok(Advance { advance_seconds }) if (0.0..=1e9).contains(&advance_seconds) => {
                shared.clock.advance(Duration::from_secs_f64(advance_seconds));
                Outgoing::json(200, &json!({"now": shared.clock.now()}))
            }
            Ok(_) => refused("advanceSeconds must be from 0 to 1000000000"),
            Err(error) => refused(&error.to_string()),
        },
        _ => Outgoing::not_found(),
    }
}

fn refused(why: &str) -> Outgoing {
    Outgoing::problem(422, "Unprocessable Content", why)
}
