//! What 링고비즈's refusals mean for us: the one table. The statuses are those of
//! the common contract (`contract.rs`), the reasons our own proposal.

use http::StatusCode;
use jiff::Timestamp;

use crate::contract::{Heard, heard_by_reason, problem_code};
use crate::failure;
use crate::http::Answer;

/// A refusal that names its reason is told by it, all else by its status.
pub(super) fn heard(answer: &Answer, now: Timestamp) -> Heard {
    heard_by_reason(answer, now, |reason| match reason {
        "audio_rejected" => Some(failure::media_rejected()),
        "line_not_found" => Some(failure::line_not_found()),
        "line_not_verified" => Some(failure::number_not_verified()),
        _ => None,
    })
}

/// The line is known, and plays no tone of anybody's.
pub(super) fn has_no_tone(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND && problem_code(answer).as_deref() == Some("tone_not_found")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fanfare_core::attempt::Retry;
    use http::HeaderMap;
    use http::header::CONTENT_TYPE;

    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]),
            body: Bytes::copy_from_slice(body.as_bytes()),
            cut: false,
        }
    }

    const PROBLEM: &str = "application/problem+json";

    #[test]
    fn every_reason_of_a_refusal() {
        for (status, kind, body, code) in [
            (415, PROBLEM, r#"{"code": "audio_rejected"}"#, "media_rejected"),
            (422, PROBLEM, r#"{"code": "audio_rejected"}"#, "media_rejected"),
            (404, PROBLEM, r#"{"code": "line_not_found"}"#, "line_not_found"),
            (403, PROBLEM, r#"{"code": "line_not_verified"}"#, "number_not_verified"),
            (422, PROBLEM, r#"{"code": "something_new"}"#, "content_rejected"),
            (403, PROBLEM, "{}", "permission_denied"),
            // Something else answers at the address.
            (404, "text/html", "<html>", "channel_misconfigured"),
            (
                404,
                "application/json",
                r#"{"code": "line_not_found"}"#,
                "channel_misconfigured",
            ),
            // Nothing follows from what a broken server says.
            (500, PROBLEM, r#"{"code": "line_not_found"}"#, "Unclear"),
        ] {
            let heard = match heard(&answer(status, kind, body), Timestamp::UNIX_EPOCH) {
                Heard::Refused(why, Retry::Never) => why.code.into_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(heard, code, "{status} {kind} {body}");
        }
    }

    #[test]
    fn only_the_channel_itself_can_say_that_there_is_no_tone() {
        assert!(has_no_tone(&answer(404, PROBLEM, r#"{"code": "tone_not_found"}"#)));
        for (status, kind, body) in [
            (404, "text/html", "<html>"),
            (404, "application/json", r#"{"code": "tone_not_found"}"#),
            (404, PROBLEM, r#"{"code": "line_not_found"}"#),
            (500, PROBLEM, r#"{"code": "tone_not_found"}"#),
        ] {
            assert!(!has_no_tone(&answer(status, kind, body)), "{status} {kind} {body}");
        }
    }
}
