//! What a blog's refusal means: the one table. The rows are those of the facts
//! that were gathered about `MetaWeblog`; what follows from a row is partly our
//! own judgement, as `docs/channels/naver-blog.md` marks.

use std::time::Duration;

use fanfare_core::attempt::Retry;
use fanfare_core::delivery::Failure;
use jiff::Timestamp;

use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::status;

/// A throttled blog that does not say for how long is left alone so long.
const THROTTLE_PAUSE: Duration = Duration::from_mins(1);

/// What an answer that is no success means. What follows depends on the step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing left this machine.
    NotSent(Failure),
    /// The same call will be refused again, and had no effect.
    Refused(Failure),
    /// Too many calls; how long to wait.
    Throttled(Failure, Duration),
    /// Nothing can be concluded.
    Unclear(Failure),
}

impl Meaning {
    /// Of an answer whose HTTP status is no success.
    pub(super) fn of_status(answer: &Answer, now: Timestamp) -> Self {
        let said = |failure: Failure| failure.said(&answer.words());
        match status::refusal(answer, now) {
            Some((why, Retry::Never)) => Self::Refused(said(why)),
            Some((why, Retry::After(wait))) => Self::Throttled(said(why), wait),
            Some((why, Retry::Backoff)) => Self::Throttled(said(why), THROTTLE_PAUSE),
            None if matches!(answer.status.as_u16(), 400 | 415 | 422) => {
                Self::Refused(said(failure::content_rejected()))
            }
            None => Self::Unclear(said(failure::unavailable())),
        }
    }

    /// Of a fault, which comes with status 200.
    pub(super) fn of_fault(code: i64, words: &str) -> Self {
        let said = |failure: Failure| failure.said(&format!("fault {code} {words}"));
        match code {
            401 | 403 => Self::Refused(said(failure::auth_expired())),
            _ if words.to_ascii_lowercase().contains("api password") => Self::Refused(said(failure::auth_expired())),
            400 | 404 => Self::Refused(said(failure::content_rejected())),
            // Malformed, no such method, or XML-RPC is switched off.
            405 | -32_700 | -32_602..=-32_600 => Self::Refused(said(failure::misconfigured())),
            _ => Self::Unclear(said(failure::unavailable())),
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
            Self::NotSent(why) | Self::Refused(why) | Self::Throttled(why, _) | Self::Unclear(why) => why,
        }
    }

    /// In words, of a look-up that came to nothing.
    pub(super) fn into_doubt(self) -> Failure {
        match self {
            Self::NotSent(why) | Self::Throttled(why, _) | Self::Unclear(why) => failure::in_doubt(why),
            // What to mend is known.
            Self::Refused(why) => why,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn named(meaning: &Meaning) -> (&'static str, &str) {
        match meaning {
            Meaning::NotSent(why) => ("not sent", &why.code),
            Meaning::Refused(why) => ("refused", &why.code),
            Meaning::Throttled(why, _) => ("throttled", &why.code),
            Meaning::Unclear(why) => ("unclear", &why.code),
        }
    }

    #[test]
    fn every_row_of_the_faults() {
        for (code, words, expected) in [
            (401, "Sorry, you are not allowed to post.", ("refused", "auth_expired")),
            (403, "Incorrect username or password.", ("refused", "auth_expired")),
            (0, "The API password is wrong", ("refused", "auth_expired")),
            (404, "Sorry, no such post.", ("refused", "content_rejected")),
            (400, "Insufficient arguments", ("refused", "content_rejected")),
            (
                405,
                "XML-RPC services are disabled",
                ("refused", "channel_misconfigured"),
            ),
            (
                -32_700,
                "parse error. not well formed",
                ("refused", "channel_misconfigured"),
            ),
            (
                -32_601,
                "requested method does not exist",
                ("refused", "channel_misconfigured"),
            ),
            (500, "the post could not be created", ("unclear", "channel_unavailable")),
            (7, "", ("unclear", "channel_unavailable")),
        ] {
            assert_eq!(named(&Meaning::of_fault(code, words)), expected, "{code}");
        }
    }

    #[test]
    fn every_row_of_the_statuses() {
        for (status, expected) in [
            (302, ("refused", "channel_misconfigured")),
            (404, ("refused", "channel_misconfigured")),
            (401, ("refused", "auth_expired")),
            (403, ("refused", "permission_denied")),
            (400, ("refused", "content_rejected")),
            (413, ("refused", "content_rejected")),
            (429, ("throttled", "rate_limited")),
            (409, ("unclear", "channel_unavailable")),
            (500, ("unclear", "channel_unavailable")),
            (503, ("unclear", "channel_unavailable")),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                cut: false,
            };
            let meaning = Meaning::of_status(&answer, Timestamp::UNIX_EPOCH);
            assert_eq!(named(&meaning), expected, "{status}");
            if let Meaning::Throttled(_, wait) = meaning {
                assert_eq!(wait, Duration::from_mins(1), "where it does not say");
            }
        }
    }
}
