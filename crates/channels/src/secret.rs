//! Text that must never be shown.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::http::Answer;

/// Shorter ones would be found in every answer.
const FOUND_LEAST: usize = 12;

/// A token or a password. It is shown as stars wherever it is printed; only
/// [`Secret::reveal`] gives it, where a request is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl<'de> Deserialize<'de> for Secret {
    /// The error does not repeat what was there, as serde's own would.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from);
        text.map(Self)
            .map_err(|_told| D::Error::custom("it must be text, in quotes"))
    }
}

impl Secret {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives it, to be sent to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// An answer that repeats it, as an error may, with stars in its place: what a
    /// channel said is kept, and shown to people.
    pub(crate) fn kept_out_of(&self, mut answer: Answer) -> Answer {
        let secret = self.0.trim().as_bytes();
        let is_there = |body: &[u8]| body.windows(secret.len()).any(|part| part == secret);
        if secret.len() >= FOUND_LEAST && is_there(&answer.body) {
            let text = String::from_utf8_lossy(&answer.body).replace(self.0.trim(), "***");
            answer.body = text.into();
        }
        answer
    }

    /// Nothing but white space is no secret.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// A secret that may be replaced while it is used; clones are the same one.
#[derive(Debug, Clone)]
pub struct Token(Arc<RwLock<Secret>>);

impl Token {
    /// As it is now.
    pub fn get(&self) -> Secret {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls that begin from now on are made with this.
    pub fn set(&self, secret: Secret) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secret;
    }
}

impl From<Secret> for Token {
    fn from(secret: Secret) -> Self {
        Self(Arc::new(RwLock::new(secret)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::new("canary");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    }

    #[test]
    fn an_answer_that_repeats_it_is_starred() {
        let answer = |body: &'static str| Answer {
            status: http::StatusCode::BAD_REQUEST,
            headers: http::HeaderMap::new(),
            body: body.into(),
            cut: false,
        };
        let secret = Secret::new("canary-canary\n");
        let words = secret
            .kept_out_of(answer("Malformed access token canary-canary."))
            .words();
        assert_eq!(words, "400 Malformed access token ***.");
        assert_eq!(secret.kept_out_of(answer("가 \u{0}")).body, answer("가 \u{0}").body);
        let short = Secret::new("token").kept_out_of(answer("no token"));
        assert_eq!(short.words(), "400 no token", "a word is no secret");
    }
}
