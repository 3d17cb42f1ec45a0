//! What the contracts for channels without a published API have in common; they
//! are our own proposal: a bearer token, an idempotency key that is remembered
//! for a day and answered like the first time, a conflict where it comes with
//! another request, and refusals as problems (RFC 9457) that name a `code`.
//!
//! And how a partner may fall short of it, for trying what notices.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::is_good;
use crate::exchange::{Incoming, Outgoing};
use crate::fault::{Deviation, Fault};
use crate::world::World;

/// A key is forgotten after this time.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Characters of a key.
const KEY_MOST: usize = 255;

/// The keys that one channel remembers.
#[derive(Default)]
pub(crate) struct Keys(HashMap<String, First>);

/// What a key was first used for, and what was answered.
struct First {
    at: Timestamp,
    request: (String, Bytes),
    answer: Outgoing,
}

/// A refusal.
pub(crate) fn problem(status: u16, code: &str, detail: &str) -> Outgoing {
    let known = StatusCode::from_u16(status).ok();
    let title = known.and_then(|status| status.canonical_reason()).unwrap_or("Refused");
    let value = json!({"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail});
    Outgoing::text(status, "application/problem+json", value.to_string())
}

/// Lets in whoever has a token, and answers as the contract says, or falls short
/// of it as the fault says.
pub(crate) fn guarded(
    world: &mut World,
    incoming: &Incoming,
    fault: Option<&Fault>,
    work: impl FnOnce(&mut World) -> Outgoing,
) -> Outgoing {
    let answer = if is_good(incoming.bearer()) || deviates(fault, Deviation::Token) {
        work(world)
    } else {
        problem(401, "unauthorized", "the token is missing, wrong or expired").with("www-authenticate", "Bearer")
    };
    if answer.status.is_client_error() && deviates(fault, Deviation::Problems) {
        return Outgoing::text(answer.status.as_u16(), "text/html", "<html><body>Error</body></html>");
    }
    answer
}

/// Does the work once for a key.
pub(crate) fn once(
    world: &mut World,
    channel: &'static str,
    incoming: &Incoming,
    fault: Option<&Fault>,
    work: impl FnOnce(&mut World) -> Result<Outgoing, Outgoing>,
) -> Outgoing {
    let key = incoming.header("idempotency-key").unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > KEY_MOST {
        return problem(
            422,
            "key_missing",
            "Idempotency-Key is missing or has more than 255 characters",
        );
    }
    let now = world.now;
    let request = (
        format!("{} /{}?{:?}", incoming.method, incoming.path.join("/"), incoming.query),
        incoming.body.clone(),
    );
    let keys = world.known.keys.entry(channel).or_default();
    let first = keys
        .0
        .get(&key)
        .filter(|first| now.duration_since(first.at) < KEY_LIFETIME);
    if let Some(first) = first.filter(|_| !deviates(fault, Deviation::Replay)) {
        if first.request != request && !deviates(fault, Deviation::KeyConflict) {
            return problem(409, "key_reused", "the key was used with another request");
        }
        return first.answer.clone().with("idempotent-replayed", "true");
    }
    let answer = match work(world) {
        Ok(answer) => answer,
        Err(refusal) => return refusal,
    };
    let first = First {
        at: now,
        request,
        answer: answer.clone(),
    };
    world.known.keys.entry(channel).or_default().0.insert(key, first);
    if let Some(Fault::ProcessingConflict) = fault {
        return problem(409, "in_progress", "a request with this key is still being processed");
    }
    answer
}

pub(crate) fn deviates(fault: Option<&Fault>, from: Deviation) -> bool {
    matches!(fault, Some(Fault::Deviates { from: fault }) if *fault == from)
}
