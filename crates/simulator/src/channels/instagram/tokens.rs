//! Tokens, as Meta documents them with Instagram Login: one that is short-lived is
//! exchanged for one of 60 days, which is renewed while it is good and at least a
//! day old. What Meta says where it refuses that is documented nowhere.
//!
//! A token that was not made here counts as made when it is first seen.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{error, is_good};
use crate::exchange::{Incoming, Outgoing};
use crate::world::Known;

const SHORT: SignedDuration = SignedDuration::from_hours(1);
const LONG: SignedDuration = SignedDuration::from_hours(60 * 24);
const OLD_ENOUGH: SignedDuration = SignedDuration::from_hours(24);

/// By what they are.
#[derive(Default)]
pub(crate) struct Tokens(BTreeMap<String, Token>);

#[derive(Clone, Copy)]
struct Token {
    made: Timestamp,
    lives: SignedDuration,
}

impl Tokens {
    /// One with `short` in it lives an hour.
    fn get(&mut self, token: &str, now: Timestamp) -> Token {
        let lives = if token.contains("short") { SHORT } else { LONG };
        *self.0.entry(token.to_owned()).or_insert(Token { made: now, lives })
    }

    pub(super) fn is_good(&mut self, token: Option<&str>, now: Timestamp) -> bool {
        let lives = |token| now < self.get(token, now).end();
        is_good(token) && token.is_some_and(lives)
    }
}

impl Token {
    fn end(self) -> Timestamp {
        self.made.saturating_add(self.lives).unwrap_or(Timestamp::MAX)
    }
}

/// `GET /access_token` and `GET /refresh_access_token`; the token was good.
pub(super) fn answer(known: &mut Known, incoming: &Incoming, now: Timestamp) -> Outgoing {
    let asked = |name: &str| incoming.query.get(name).map(String::as_str).unwrap_or_default();
    let given = asked("access_token");
    let token = known.instagram_tokens.get(given, now);
    let wrong = match (incoming.parts()[0], asked("grant_type")) {
        ("access_token", "ig_exchange_token") if !is_good(Some(asked("client_secret"))) => {
            "Error validating client secret."
        }
        ("access_token", "ig_exchange_token") if token.lives == SHORT => "",
        ("access_token", "ig_exchange_token") => "The token is long-lived already",
        ("refresh_access_token", "ig_refresh_token") if token.lives == SHORT => {
            "Only long-lived tokens can be refreshed"
        }
        ("refresh_access_token", "ig_refresh_token") if now.duration_since(token.made) < OLD_ENOUGH => {
            "The token must be at least 24 hours old"
        }
        ("refresh_access_token", "ig_refresh_token") => "",
        _ => "Unsupported grant_type",
    };
    if !wrong.is_empty() {
        return error(100, None, wrong);
    }
    let made = format!("IGAAsimulated{:012}", known.number());
    let new = Token { made: now, lives: LONG };
    known.instagram_tokens.0.insert(made.clone(), new);
    Outgoing::json(
        200,
        &json!({"access_token": made, "token_type": "bearer", "expires_in": LONG.as_secs()}),
    )
}

/// `GET /debug_token`.
pub(super) fn debug(known: &mut Known, incoming: &Incoming, now: Timestamp) -> Outgoing {
    let asked = incoming
        .query
        .get("input_token")
        .map(String::as_str)
        .unwrap_or_default();
    let end = known.instagram_tokens.get(asked, now).end();
    let data = json!({"is_valid": now < end, "type": "USER", "expires_at": end.as_second()});
    Outgoing::json(200, &json!({ "data": data }))
}
