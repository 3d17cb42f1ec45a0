//! The statuses that refuse wherever they come from: HTTP's own meaning (RFC 9110)
//! leaves no doubt that nothing was done. What a channel adds stands with it.

use fanfare_core::attempt::Retry;
use fanfare_core::delivery::Failure;
use jiff::Timestamp;

use crate::failure;
use crate::http::Answer;

/// What such a status refuses for, and whether another attempt can help; nothing
/// where the status is another one.
pub(crate) fn refusal(answer: &Answer, now: Timestamp) -> Option<(Failure, Retry)> {
    let why = match answer.status.as_u16() {
        // The request has not been acted upon (RFC 9110, 15.4): no API redirects,
        // so this is something else.
        301 | 302 | 307 | 308 | 404 | 405 => failure::misconfigured(),
        401 => failure::auth_expired(),
        403 => failure::permission_denied(),
        413 => failure::content_rejected(),
        429 => return Some((failure::rate_limited(), told(answer, now))),
        _ => return None,
    };
    Some((why, Retry::Never))
}

/// As long as it asks to be left alone, or else a backoff.
pub(crate) fn told(answer: &Answer, now: Timestamp) -> Retry {
    answer.retry_after(now).map_or(Retry::Backoff, Retry::After)
}
