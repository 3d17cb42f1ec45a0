//! Reads which events are to be published again.

use jiff::Timestamp;
use serde_json::Value;

use super::ask::finished;
use super::limits;
use super::reader::{Node, Reader};
use super::times::timestamp;
use crate::fault::Fault;
use crate::ids::EventId;

/// Which events; every given condition must hold, and one is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayAsked {
    /// Published first at or after.
    pub since: Option<Timestamp>,
    /// Of this event.
    pub event_id: Option<EventId>,
    /// Dead letters only.
    pub dead_only: bool,
}

/// Reads `{since, eventId, deadOnly}`.
///
/// # Errors
/// Everything that is wrong with the body; that it has no condition is wrong
/// too, since a slip must not publish a year's events again.
pub fn replay(body: &Value) -> Result<ReplayAsked, Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let Some(object) = reader.object(&Node::root(body), &["since", "eventId", "deadOnly"]) else {
        return finished(reader, ReplayAsked::default());
    };
    let since = object.get("since").map(|node| reader.past_time(&node));
    let event_id = object
        .get("eventId")
        .map(|node| reader.text(&node, limits::EVENT_ID).map(EventId::new));
    let dead_only = object.get("deadOnly").map(|node| reader.boolean(&node));
    if since.is_none() && event_id.is_none() && dead_only.is_none_or(|dead| dead == Some(false)) {
        reader.required("", CONDITION);
    }
    let asked = ReplayAsked {
        since: since.flatten(),
        event_id: event_id.flatten(),
        dead_only: dead_only.flatten().unwrap_or_default(),
    };
    finished(reader, asked)
}

const CONDITION: (&str, &str) = (
    "`since`, `eventId` or `\"deadOnly\": true`, so that it is clear what is published again",
    "다시 발행할 대상을 정하는 `since`, `eventId`, `\"deadOnly\": true` 중 하나 이상",
);

impl Reader<'_> {
    /// A moment, with its offset.
    pub(super) fn past_time(&mut self, node: &Node<'_>) -> Option<Timestamp> {
        let text = self.text(node, limits::WORD)?;
        match timestamp(&text) {
            Ok(at) => Some(at),
            Err((code, detail)) => {
                self.fault(&node.pointer, code, detail);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validate::code;

    #[test]
    fn conditions_are_read_together() {
        let body = json!({"since": "2026-12-01T09:00:00+09:00", "eventId": "evt-1", "deadOnly": true});
        let expected = ReplayAsked {
            since: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            event_id: Some(EventId::new("evt-1")),
            dead_only: true,
        };
        assert_eq!(replay(&body), Ok(expected));
        assert!(replay(&json!({"deadOnly": true})).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, pointer, expected) in [
            (json!([]), "", code::WRONG_TYPE),
            (json!({}), "", code::REQUIRED),
            (json!({"deadOnly": false}), "", code::REQUIRED),
            (json!({"since": null}), "", code::REQUIRED),
            (json!({"since": "2026-12-01T09:00:00"}), "/since", code::OFFSET_MISSING),
            (json!({"since": "yesterday"}), "/since", code::BAD_TIME),
            (json!({"since": 7}), "/since", code::WRONG_TYPE),
            (json!({"eventId": ""}), "/eventId", code::BLANK),
            (json!({"deadOnly": "yes"}), "/deadOnly", code::WRONG_TYPE),
            (
                json!({"deadOnly": true, "event_id": "evt-1"}),
                "/event_id",
                code::UNKNOWN_FIELD,
            ),
        ] {
            let faults = replay(&body).expect_err("it is refused");
            let faults: Vec<_> = faults
                .iter()
                .map(|fault| (fault.pointer.as_str(), fault.code))
                .collect();
            assert_eq!(faults, [(pointer, expected)], "{body}");
        }
    }
}
