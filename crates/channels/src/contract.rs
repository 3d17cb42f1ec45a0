//! What the contracts that we propose to partners have in common: how long a key
//! is remembered, what an answer means by its status, and how a refusal names its
//! reason. `CHANNELS` marks all of it as our own proposal; `api/partners/` is the
//! form in which a partner reads it.
//!
//! What single channels add stands with them; nothing is called from here.

use std::time::Duration;

use fanfare_core::attempt::Retry;
use fanfare_core::delivery::Failure;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::failure;
use crate::http::Answer;
use crate::status;

/// For so long a gateway answers a repeated key like the first time.
pub const KEY_WINDOW: Duration = Duration::from_hours(24);

/// Longest remote id that is believed.
const REMOTE_ID_MAX: usize = 200;

/// What the contract says of an answer to a creating call, by its status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is created.
    Taken,
    /// The key or the id is known: what exists is to be looked up.
    Known,
    /// It provably had no effect.
    Refused(Failure, Retry),
    /// The contract says nothing of it.
    Unclear,
}

/// The one table of the contract.
pub(crate) fn heard(answer: &Answer, now: Timestamp) -> Heard {
    if let Some((why, retry)) = status::refusal(answer, now) {
        return Heard::Refused(why, retry);
    }
    match answer.status.as_u16() {
        200..=299 => Heard::Taken,
        400 | 415 | 422 => Heard::Refused(failure::content_rejected(), Retry::Never),
        409 => Heard::Known,
        425 => Heard::Refused(failure::unavailable(), status::told(answer, now)),
        503 => match status::told(answer, now) {
            told @ Retry::After(_) => Heard::Refused(failure::unavailable(), told),
            Retry::Never | Retry::Backoff => Heard::Unclear,
        },
        _ => Heard::Unclear,
    }
}

/// A refusal that names its reason is told by it, where `reason` knows it; all
/// else by its status.
pub(crate) fn heard_by_reason(answer: &Answer, now: Timestamp, reason: fn(&str) -> Option<Failure>) -> Heard {
    let refusal = answer.status.is_client_error();
    let named = refusal.then(|| problem_code(answer)).flatten();
    match named.as_deref().and_then(reason) {
        Some(why) => Heard::Refused(why, Retry::Never),
        None => heard(answer, now),
    }
}

/// A remote id that can be kept: text, neither empty nor absurdly long.
pub(crate) fn remote_id(item: &Value, field: &str) -> Option<String> {
    let id = item.get(field)?.as_str()?;
    let sound = !id.is_empty() && id.len() <= REMOTE_ID_MAX && !id.chars().any(char::is_control);
    sound.then(|| id.to_owned())
}

/// The reason that a refusal names: the member `code` of a problem (RFC 9457).
/// Nothing where something else has answered, such as a proxy.
pub(crate) fn problem_code(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    let kind = answer.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with("application/problem+json") {
        return None;
    }
    answer.json::<Problem>().ok().map(|problem| problem.code)
}

/// A remote id that becomes part of an address.
pub(crate) fn path_id(item: &Value, field: &str) -> Option<String> {
    remote_id(item, field).filter(|id| is_path_id(id))
}

/// Whether a text can stand in an address as it is, and cannot lead elsewhere.
pub fn is_path_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    (1..=REMOTE_ID_MAX).contains(&id.len()) && id.bytes().all(plain) && id.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(http::header::RETRY_AFTER, text.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::new(),
            cut: false,
        }
    }

    #[test]
    fn an_id_in_an_address_leads_nowhere_else() {
        for good in ["LN-00000001", "a.b", "9B0878BE_1~"] {
            assert!(is_path_id(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../x", "a b", "a?b", "가", "%2e"] {
            assert!(!is_path_id(bad), "{bad}");
        }
        assert!(!is_path_id(&"x".repeat(201)));
    }

    #[test]
    fn every_row_of_the_contract() {
        let refused = |status, told| match heard(&answer(status, told), Timestamp::UNIX_EPOCH) {
            Heard::Refused(why, retry) => Some((why.code.into_owned(), retry)),
            Heard::Taken | Heard::Known | Heard::Unclear => None,
        };
        for (status, told, code, retry) in [
            (400, None, "content_rejected", Retry::Never),
            (413, None, "content_rejected", Retry::Never),
            (415, None, "content_rejected", Retry::Never),
            (422, None, "content_rejected", Retry::Never),
            (401, None, "auth_expired", Retry::Never),
            (403, None, "permission_denied", Retry::Never),
            (404, None, "channel_misconfigured", Retry::Never),
            (302, None, "channel_misconfigured", Retry::Never),
            (425, None, "channel_unavailable", Retry::Backoff),
            (
                425,
                Some("7"),
                "channel_unavailable",
                Retry::After(Duration::from_secs(7)),
            ),
            (429, None, "rate_limited", Retry::Backoff),
            (429, Some("7"), "rate_limited", Retry::After(Duration::from_secs(7))),
            (429, Some("-7"), "rate_limited", Retry::Backoff),
            (429, Some(""), "rate_limited", Retry::Backoff),
            (429, Some("  "), "rate_limited", Retry::Backoff),
            (
                503,
                Some("99999999999999999999999"),
                "channel_unavailable",
                Retry::After(Duration::from_hours(1)),
            ),
            (
                503,
                Some("Thu, 01 Jan 1970 00:01:00 GMT"),
                "channel_unavailable",
                Retry::After(Duration::from_mins(1)),
            ),
            (
                503,
                Some("Wed, 31 Dec 1969 23:00:00 GMT"),
                "channel_unavailable",
                Retry::After(Duration::from_secs(1)),
            ),
        ] {
            assert_eq!(
                refused(status, told),
                Some((code.to_owned(), retry)),
                "{status} {told:?}"
            );
        }
        let heard = |status| heard(&answer(status, None), Timestamp::UNIX_EPOCH);
        assert_eq!(
            (heard(200), heard(202), heard(409)),
            (Heard::Taken, Heard::Taken, Heard::Known)
        );
        for status in [303, 418, 500, 502, 503, 504, 599] {
            assert_eq!(heard(status), Heard::Unclear, "{status}");
        }
    }
}
