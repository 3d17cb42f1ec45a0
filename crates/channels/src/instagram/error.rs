//! Meta's error codes, and what each means for us: the one table. The codes are
//! Meta's (error reference of the Instagram platform); what follows from them is
//! partly our own judgement, as `docs/channels.md` marks.

use std::time::Duration;

use fanfare_core::delivery::Failure;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::wire;
use crate::failure;
use crate::http::{Answer, ExchangeError};

/// What an answer that is no success means. What follows depends on the step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing left this machine.
    NotSent(Failure),
    /// The same request will be refused again.
    Refused(Failure),
    /// Meta could not fetch the picture.
    NotFetched(Failure),
    /// The container is not ready.
    NotReady(Failure),
    /// The container is of no more use; it was not published.
    ContainerDead(Failure),
    /// The container can't be found, or not yet.
    ContainerMissing(Failure),
    /// The day's posts are used up.
    DailyCap(Failure),
    /// Too many calls; how long the headers say to wait.
    Throttled(Failure, Duration),
    /// Nothing can be concluded: a fault of the server, a code that nobody
    /// knows, no answer at all.
    Unclear(Failure),
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorFields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorFields {
    message: String,
    code: i64,
    error_subcode: Option<i64>,
    error_user_msg: Option<String>,
    fbtrace_id: Option<String>,
}

impl Meaning {
    /// Of an answer whose status is no success.
    pub(super) fn of_answer(answer: &Answer, now: Timestamp) -> Self {
        let wait = wire::hold(&answer.headers).or_else(|| answer.retry_after(now));
        let wait = wait.unwrap_or_default();
        match answer.json() {
            Ok(ErrorBody { error }) => Self::of_code(error.code, error.error_subcode, wait, &error.words()),
            Err(_) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                Self::Throttled(failure::rate_limited().said(&answer.words()), wait)
            }
            Err(_) => Self::Unclear(failure::unavailable().said(&answer.words())),
        }
    }

    /// Of an exchange without an answer.
    pub(super) fn of_exchange(error: &ExchangeError) -> Self {
        let why = failure::unavailable().said(&error.words());
        match error {
            ExchangeError::NotSent(..) => Self::NotSent(why),
            ExchangeError::Lost { .. } => Self::Unclear(why),
        }
    }

    /// Of a container whose status is ERROR: it was never published.
    pub(super) fn of_container(subcode: Option<i64>, words: &str) -> Self {
        match Self::of_subcode(subcode.unwrap_or_default(), words) {
            Some(meaning @ (Self::Refused(_) | Self::NotFetched(_))) => meaning,
            _ => Self::ContainerDead(failure::media_rejected().said(words)),
        }
    }

    fn of_code(code: i64, subcode: Option<i64>, wait: Duration, words: &str) -> Self {
        let said = |failure: Failure| failure.said(words);
        let known = subcode.and_then(|subcode| Self::of_subcode(subcode, words));
        if let Some(known) = known {
            return known;
        }
        match code {
            102 | 190 => Self::Refused(said(failure::auth_expired())),
            10 | 200..=299 => Self::Refused(said(failure::permission_denied())),
            368 => Self::Refused(said(failure::account_restricted())),
            // With a subcode that nobody knows, a throttle may be anything.
            4 if subcode.is_some() => Self::Unclear(said(failure::unavailable())),
            4 | 17 | 32 | 341 | 613 | 80_002 => Self::Throttled(said(failure::rate_limited()), wait),
            9_004 => Self::NotFetched(said(failure::media_rejected())),
            9_007 => Self::NotReady(said(failure::unavailable())),
            100 if subcode == Some(33) => Self::ContainerMissing(said(failure::unavailable())),
            // 1, 2 and all that is not listed. 506, "duplicate", too: the post
            // that is there already may be the one that is looked for.
            _ => Self::Unclear(said(failure::unavailable())),
        }
    }

    fn of_subcode(subcode: i64, words: &str) -> Option<Self> {
        let said = |failure: Failure| failure.said(words);
        Some(match subcode {
            // Suspected spam: it has been seen to be live all the same.
            2_207_001 | 2_207_051 => Self::Unclear(said(failure::unavailable())),
            2_207_003 | 2_207_052 => Self::NotFetched(said(failure::media_rejected())),
            2_207_020 | 2_207_032 | 2_207_053 | 2_207_006 => Self::ContainerDead(said(failure::unavailable())),
            2_207_008 => Self::ContainerMissing(said(failure::unavailable())),
            2_207_027 => Self::NotReady(said(failure::unavailable())),
            2_207_042 => Self::DailyCap(said(failure::quota_exhausted())),
            2_207_050 => Self::Refused(said(failure::account_restricted())),
            2_207_004 | 2_207_005 | 2_207_009 | 2_207_026 => Self::Refused(said(failure::media_rejected())),
            2_207_010 | 2_207_023 | 2_207_028 | 2_207_040 => Self::Refused(said(failure::content_rejected())),
            _ => return None,
        })
    }
}

impl ErrorFields {
    fn words(&self) -> String {
        let subcode = self
            .error_subcode
            .map(|subcode| format!("/{subcode}"))
            .unwrap_or_default();
        let words = self.error_user_msg.as_deref().unwrap_or(&self.message);
        let trace = self.fbtrace_id.as_deref().unwrap_or("-");
        format!("{}{subcode} {words} (fbtrace_id {trace})", self.code)
    }
}
