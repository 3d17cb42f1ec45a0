//! Meta's error codes, and what each means for us: the one table. The codes are
//! Meta's (error reference of the Instagram platform); what follows from them is
//! partly our own judgement, as `docs/channels/instagram.md` marks.

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
    /// The same request is not to be made again by itself: what acts on accounts that do
    /// has acted already. Of a publish it says nothing: it has been seen to be live.
    Blocked(Failure),
    /// Meta could not fetch the picture.
    NotFetched(Failure),
    /// Meta could not fetch it in time: the same may do.
    FetchTimedOut(Failure),
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

    /// What went wrong, where nothing follows from it.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::NotSent(why)
            | Self::Refused(why)
            | Self::Blocked(why)
            | Self::NotFetched(why)
            | Self::FetchTimedOut(why)
            | Self::NotReady(why)
            | Self::ContainerDead(why)
            | Self::ContainerMissing(why)
            | Self::DailyCap(why)
            | Self::Throttled(why, _)
            | Self::Unclear(why) => why,
        }
    }

    /// Of a container whose status is ERROR: it was never published.
    pub(super) fn of_container(subcode: Option<i64>, words: &str) -> Self {
        match Self::of_subcode(subcode.unwrap_or_default(), words) {
            Some(meaning @ (Self::Refused(_) | Self::Blocked(_) | Self::NotFetched(_) | Self::FetchTimedOut(_))) => {
                meaning
            }
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
            // The post that is there already may be the one that is published.
            506 => Self::Blocked(said(failure::repeated())),
            // 1, 2 and all that is not listed.
            _ => Self::Unclear(said(failure::unavailable())),
        }
    }

    fn of_subcode(subcode: i64, words: &str) -> Option<Self> {
        let said = |failure: Failure| failure.said(words);
        Some(match subcode {
            2_207_001 => Self::Unclear(said(failure::unavailable())),
            // Suspected spam.
            2_207_051 => Self::Blocked(said(failure::account_restricted())),
            2_207_003 => Self::FetchTimedOut(said(failure::media_unavailable())),
            2_207_052 => Self::NotFetched(said(failure::media_rejected())),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What each listed code means, as one word.
    fn meaning(code: i64, subcode: Option<i64>) -> (&'static str, String) {
        match Meaning::of_code(code, subcode, Duration::ZERO, "") {
            Meaning::NotSent(why) => ("not sent", why.code.into()),
            Meaning::Refused(why) => ("refused", why.code.into()),
            Meaning::Blocked(why) => ("blocked", why.code.into()),
            Meaning::NotFetched(why) => ("not fetched", why.code.into()),
            Meaning::FetchTimedOut(why) => ("not in time", why.code.into()),
            Meaning::NotReady(why) => ("not ready", why.code.into()),
            Meaning::ContainerDead(why) => ("dead", why.code.into()),
            Meaning::ContainerMissing(why) => ("missing", why.code.into()),
            Meaning::DailyCap(why) => ("cap", why.code.into()),
            Meaning::Throttled(why, _) => ("throttled", why.code.into()),
            Meaning::Unclear(why) => ("unclear", why.code.into()),
        }
    }

    #[test]
    fn every_row_of_the_table() {
        let sub = |subcode: i64| Some(2_207_000 + subcode);
        for (code, subcode, expected, told) in [
            (1, None, "unclear", "channel_unavailable"),
            (2, None, "unclear", "channel_unavailable"),
            (-1, sub(1), "unclear", "channel_unavailable"),
            (-2, sub(3), "not in time", "media_unavailable"),
            (-2, sub(20), "dead", "channel_unavailable"),
            (-1, sub(32), "dead", "channel_unavailable"),
            (-1, sub(53), "dead", "channel_unavailable"),
            (24, sub(6), "dead", "channel_unavailable"),
            (24, sub(8), "missing", "channel_unavailable"),
            (9_007, sub(27), "not ready", "channel_unavailable"),
            (9_004, sub(52), "not fetched", "media_rejected"),
            (9, sub(42), "cap", "quota_exhausted"),
            (4, None, "throttled", "rate_limited"),
            (17, None, "throttled", "rate_limited"),
            (32, None, "throttled", "rate_limited"),
            (341, None, "throttled", "rate_limited"),
            (613, None, "throttled", "rate_limited"),
            (80_002, None, "throttled", "rate_limited"),
            (4, sub(51), "blocked", "account_restricted"),
            (4, sub(999), "unclear", "channel_unavailable"),
            (25, sub(50), "refused", "account_restricted"),
            (368, None, "refused", "account_restricted"),
            (506, None, "blocked", "content_rejected"),
            (10, None, "refused", "permission_denied"),
            (200, None, "refused", "permission_denied"),
            (299, None, "refused", "permission_denied"),
            (102, None, "refused", "auth_expired"),
            (190, Some(463), "refused", "auth_expired"),
            (36_000, sub(4), "refused", "media_rejected"),
            (36_001, sub(5), "refused", "media_rejected"),
            (36_003, sub(9), "refused", "media_rejected"),
            (36_004, sub(10), "refused", "content_rejected"),
            (352, sub(26), "refused", "media_rejected"),
            (100, sub(23), "refused", "content_rejected"),
            (100, sub(28), "refused", "content_rejected"),
            (100, sub(40), "refused", "content_rejected"),
            (100, Some(33), "missing", "channel_unavailable"),
            (100, None, "unclear", "channel_unavailable"),
            (77_777, None, "unclear", "channel_unavailable"),
        ] {
            assert_eq!(
                meaning(code, subcode),
                (expected, told.to_owned()),
                "{code}/{subcode:?}"
            );
        }
    }
}
