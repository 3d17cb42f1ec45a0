//! Instagram's token is renewed and exchanged, and what must be true of what comes of it.

use fanfare_channels::instagram::token::{InstagramTokens, Renewed};
use fanfare_channels::secret::Secret;
use fanfare_core::delivery::Failure;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::drive::within;
use crate::input::{Answer, Headers};
use crate::server::{DATE, Server, first_line};
use crate::subjects::{TOKEN, now};

/// The app's, which is sent to exchange one.
const APP_SECRET: &str = "canary/app&secret-0123";

/// What a channel may give.
const GIVEN: &str = "IGAAcanary-given-0123";

/// A token lives 60 days (`docs/channels/instagram.md`): who believed more would renew it too late.
const LIFE_MAX: SignedDuration = SignedDuration::from_hours(60 * 24);

/// Longer ones are none.
const TOKEN_MAX: usize = 4_000;

pub(crate) async fn drive(tokens: &InstagramTokens, server: &Server) {
    let renewed = within(tokens.renew(now())).await;
    is_sound(&renewed, &[TOKEN], &server.given());
    let exchanged = within(tokens.exchange(&Secret::new(APP_SECRET), now())).await;
    is_sound(&exchanged, &[TOKEN, APP_SECRET], &server.given());
}

/// Whatever was answered: nothing that was sent is shown (I16), nor what was given, and what
/// is taken for a token was given by a success, and lives no longer than one can.
fn is_sound(outcome: &Result<Renewed, Failure>, sent: &[&str], given: &[Answer]) {
    let shown = format!("{outcome:?}");
    for secret in sent {
        assert!(!shown.contains(*secret), "{secret} is shown");
    }
    let [answer] = given else {
        panic!("{} answers to one question", given.len());
    };
    let is_given = token_of(answer).is_some_and(|token| token == GIVEN);
    assert!(!(is_given && shown.contains(GIVEN)), "the new token is shown");
    let Ok(renewed) = outcome else { return };
    let token = renewed.token.as_ref().expect("the old one stays, and nobody says why");
    assert!((200..300).contains(&answer.status), "a token by {}", answer.status);
    if let Some(given) = token_of(answer) {
        assert_eq!(given, token.reveal(), "another token than the one that was given");
    }
    assert!(token.reveal().len() <= TOKEN_MAX && token.reveal().bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(end) = renewed.expires_at {
        let life = end.duration_since(time_of(answer));
        assert!((SignedDuration::ZERO..=LIFE_MAX).contains(&life), "it lives for {life}");
    }
}

/// Nothing where the body is no JSON in all that it holds: clients read what they need.
fn token_of(answer: &Answer) -> Option<String> {
    let body = match answer.headers {
        Headers::FirstLine => first_line(&answer.body).1,
        _ => &answer.body,
    };
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("access_token")?.as_str().map(str::to_owned)
}

/// By the server's clock, where it says.
fn time_of(answer: &Answer) -> Timestamp {
    let date = match answer.headers {
        Headers::Date => Some(DATE.to_owned()),
        Headers::FirstLine => Some(first_line(&answer.body).0),
        _ => None,
    };
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date.trim()).ok());
    date.map_or_else(now, |date| date.timestamp())
}
