//! 링고비즈: one ring-back tone a line, replaced as a whole. The contract is our
//! own proposal. The tone that is there already, set again, changes nothing. A sound that
//! lies on this machine is fetched, and must be the one whose hash is given.

use std::collections::BTreeMap;

use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::contract::{self, problem};
use super::{Served, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::{Deviation, Fault};
use crate::picture::Found;
use crate::world::{Effect, World};

const NAME: &str = "ringo-biz";

/// Endings of a sound that a telephone exchange can be given.
const FORMATS: [&str; 2] = [".mp3", ".wav"];

pub(crate) const SERVED: Served = Served {
    name: NAME,
    steps: &["replace", "lookup", "withdraw"],
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
        (&Method::DELETE, ["v1", "lines", _, "ringback-tone"]) => Some("withdraw"),
        _ => None,
    }
}

fn handle(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    let line = incoming.path[2].clone();
    contract::guarded(world, incoming, fault, |world| {
        if incoming.method == Method::GET {
            return look_up(world, &line, fault);
        }
        if incoming.method == Method::DELETE {
            return withdraw(world, &line, incoming);
        }
        contract::once(world, NAME, incoming, fault, |world| {
            replace(world, line, incoming, fault)
        })
    })
}

fn look_up(world: &World, line: &str, fault: Option<&Fault>) -> Outgoing {
    let tone = world.known.ringo_biz.get(line);
    match tone.filter(|_| !contract::deviates(fault, Deviation::LookUp)) {
        Some(tone) => Outgoing::json(200, tone),
        None => problem(404, "tone_not_found", "the line has no tone"),
    }
}

/// Only the tone that is named is taken away.
fn withdraw(world: &mut World, line: &str, incoming: &Incoming) -> Outgoing {
    let Some(wanted) = incoming.query.get("externalId") else {
        return problem(422, "invalid", "externalId is missing in the query");
    };
    let (known, now) = (&mut world.known, world.now);
    match known.ringo_biz.get(line) {
        None => return problem(404, "tone_not_found", "the line has no tone"),
        Some(tone) if tone["externalId"] != **wanted => {
            return problem(409, "other_tone", "the line plays another tone");
        }
        Some(_) => {}
    }
    known.ringo_biz.remove(line);
    known.withdraw(NAME, |effect| effect.our_id == *wanted && effect.remote_id == line, now);
    Outgoing::text(204, "text/plain", "")
}

fn replace(world: &mut World, line: String, incoming: &Incoming, fault: Option<&Fault>) -> Result<Outgoing, Outgoing> {
    let Some(body) = incoming.json().filter(Value::is_object) else {
        return Err(problem(400, "malformed", "the body is no JSON object"));
    };
    let sha256 = sha256(&body, &incoming.picture);
    if !contract::deviates(fault, Deviation::Validation) {
        check(&line, &body)?;
        let given = body["sha256"].as_str();
        if given.is_some_and(|given| !given.eq_ignore_ascii_case(&sha256)) {
            return Err(problem(422, "audio_rejected", "the sound has another sha256"));
        }
    }
    let known = world.known.ringo_biz.get(&line);
    let is = |field: &str| known.is_some_and(|known| known[field] == body[field]);
    let same = is("externalId") && is("audioUrl") && known.is_some_and(|known| known["sha256"] == *sha256);
    if is("externalId") && !same && !contract::deviates(fault, Deviation::UniqueName) {
        return Err(problem(409, "exists", "the externalId stands for another sound"));
    }
    if let Some(known) = known.filter(|_| same) {
        return Ok(Outgoing::json(200, known));
    }
    let tone = json!({
        "externalId": body["externalId"], "audioUrl": body["audioUrl"], "sha256": sha256,
        "updateTimestamp": world.now.to_string(),
    });
    world.known.ringo_biz.insert(line.clone(), tone.clone());
    world.known.effects.push(Effect {
        withdrawn_at: None,
        channel: NAME,
        account: incoming.token_end(),
        our_id: body["externalId"].as_str().unwrap_or_default().to_owned(),
        remote_id: line,
        at: world.now,
        content: body,
    });
    Ok(Outgoing::json(200, &tone))
}

fn check(line: &str, body: &Value) -> Result<(), Outgoing> {
    let digits = line.strip_prefix("+82").unwrap_or_default();
    if !(8..=11).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(problem(
            404,
            "line_not_found",
            "no such line; one is named in E.164, +82…",
        ));
    }
    let external_id = body["externalId"].as_str().unwrap_or_default();
    if !(1..=200).contains(&external_id.len()) {
        return Err(problem(422, "invalid", "externalId must have 1 to 200 characters"));
    }
    let audio = body["audioUrl"].as_str().and_then(|text| Url::parse(text).ok());
    let Some(audio) = audio.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return Err(problem(422, "invalid", "audioUrl must be an http or https URL"));
    };
    if !FORMATS
        .iter()
        .any(|ending| audio.path().to_ascii_lowercase().ends_with(ending))
    {
        return Err(problem(415, "audio_rejected", "only .mp3 and .wav can be played"));
    }
    let hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !body["sha256"].is_null() && !body["sha256"].as_str().is_some_and(hash) {
        return Err(problem(422, "invalid", "sha256 must be 64 hexadecimal digits"));
    }
    let time = |text: &str| text.parse::<Timestamp>().is_ok();
    if !body["effectiveAt"].is_null() && !body["effectiveAt"].as_str().is_some_and(time) {
        return Err(problem(422, "invalid", "effectiveAt must be a time with its offset"));
    }
    Ok(())
}

/// Of the sound that was fetched. Where it lies elsewhere nothing is fetched, and what the
/// caller gives is believed; where it gives none, that of the address stands in for it.
fn sha256(body: &Value, sound: &Found) -> String {
    let address = || body["audioUrl"].as_str().unwrap_or_default().as_bytes();
    let hash = match (sound, body["sha256"].as_str()) {
        (Found::File(bytes), _) => Sha256::digest(bytes),
        (Found::Elsewhere | Found::Nothing, Some(given)) => return given.to_ascii_lowercase(),
        (Found::Elsewhere | Found::Nothing, None) => Sha256::digest(address()),
    };
    hash.iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
