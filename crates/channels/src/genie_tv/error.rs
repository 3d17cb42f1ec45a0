//! What 지니TV's refusals and a booking's states mean for us: the one table. The
//! statuses are those of the common contract (`contract.rs`), the states
//! `OpenDirect`'s, the reasons our own proposal.

use fanfare_core::channel::ChannelState;
use jiff::Timestamp;

use crate::contract::{Heard, heard_by_reason};
use crate::failure;
use crate::http::Answer;

/// How a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has asked for it.
    Draft,
    /// It is being looked at.
    Pending,
    /// It is booked, or shown already.
    Booked(ChannelState),
    /// It is not shown, and will not be.
    Declined,
    /// A word that is not in the contract.
    Unknown,
}

impl State {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "Draft" => Self::Draft,
            "PendingBooking" => Self::Pending,
            "Booked" => Self::Booked(ChannelState::Accepted),
            "InFlight" | "Finished" => Self::Booked(ChannelState::Live),
            "Declined" | "Canceled" => Self::Declined,
            _ => Self::Unknown,
        }
    }
}

/// A refusal that names its reason is told by it, all else by its status.
pub(super) fn heard(answer: &Answer, now: Timestamp) -> Heard {
    heard_by_reason(answer, now, |reason| match reason {
        "creative_rejected" => Some(failure::media_rejected()),
        "no_inventory" => Some(failure::no_inventory()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fanfare_core::attempt::Retry;
    use http::header::CONTENT_TYPE;
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn every_state_of_a_booking() {
        for (word, state) in [
            ("Draft", State::Draft),
            ("PendingBooking", State::Pending),
            ("Booked", State::Booked(ChannelState::Accepted)),
            ("InFlight", State::Booked(ChannelState::Live)),
            ("Finished", State::Booked(ChannelState::Live)),
            ("Declined", State::Declined),
            ("Canceled", State::Declined),
            ("booked", State::Unknown),
            ("", State::Unknown),
        ] {
            assert_eq!(State::of(word), state, "{word}");
        }
    }

    #[test]
    fn every_reason_of_a_refusal() {
        let said = |status: u16, kind: &str, body: &str| {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]),
                body: Bytes::copy_from_slice(body.as_bytes()),
                cut: false,
            };
            match heard(&answer, Timestamp::UNIX_EPOCH) {
                Heard::Refused(why, Retry::Never) => why.code.into_owned(),
                other => format!("{other:?}"),
            }
        };
        let problem = "application/problem+json";
        for (status, kind, body, code) in [
            (422, problem, r#"{"code": "creative_rejected"}"#, "media_rejected"),
            (415, problem, r#"{"code": "creative_rejected"}"#, "media_rejected"),
            (422, problem, r#"{"code": "no_inventory"}"#, "no_inventory"),
            (409, problem, r#"{"code": "no_inventory"}"#, "no_inventory"),
            (422, problem, r#"{"code": "something_new"}"#, "content_rejected"),
            (422, problem, "{}", "content_rejected"),
            // It may be anybody's.
            (
                422,
                "application/json",
                r#"{"code": "no_inventory"}"#,
                "content_rejected",
            ),
            // Nothing follows from what a broken server says.
            (500, problem, r#"{"code": "no_inventory"}"#, "Unclear"),
            (200, problem, r#"{"code": "no_inventory"}"#, "Taken"),
        ] {
            assert_eq!(said(status, kind, body), code, "{status} {kind} {body}");
        }
    }
}
