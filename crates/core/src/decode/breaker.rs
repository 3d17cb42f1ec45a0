//! Reads what an operator orders of a channel's breaker.

use jiff::Timestamp;
use serde_json::Value;

use super::ask::finished;
use super::found::quoted;
use super::limits;
use super::reader::{Node, Reader};
use super::suggest::near;
use crate::fault::Fault;
use crate::resilience::breaker::BreakerAction;
use crate::text::Text;
use crate::validate::code;

/// Reads `{action, reason}`: what is ordered, and why.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn breaker(body: &Value) -> Result<(BreakerAction, Option<String>), Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let object = reader.object(&Node::root(body), &["action", "reason"]);
    let action = object.as_ref().and_then(|object| {
        let node = object.get("action");
        if node.is_none() {
            reader.required("/action", ACTION);
        }
        node.and_then(|node| reader.breaker_action(&node))
    });
    let reason = object.as_ref().and_then(|object| object.get("reason"));
    let reason = reason.and_then(|node| reader.text(&node, limits::REASON));
    // Without an action there is a fault, and it is never used.
    finished(reader, (action.unwrap_or(BreakerAction::Close), reason))
}

const ACTION: (&str, &str) = (
    "`action`: force_open, close, disable or reset",
    "`action` 값 (force_open, close, disable, reset 중 하나)",
);

impl Reader<'_> {
    fn breaker_action(&mut self, node: &Node<'_>) -> Option<BreakerAction> {
        let name = self.text(node, limits::WORD)?;
        let action = BreakerAction::from_name(&name);
        if action.is_none() {
            self.fault(&node.pointer, code::UNKNOWN_VALUE, unknown(&name));
        }
        action
    }
}

fn unknown(name: &str) -> Text {
    let names = BreakerAction::ALL.map(BreakerAction::name);
    let (found, known) = (quoted(name), names.join(", "));
    match near(name, &names) {
        Some(near) => Text::new(
            format!("There is no action {found}; did you mean `{near}`? The actions are {known}."),
            format!("{found} 동작은 없습니다. 혹시 `{near}`인가요? 사용할 수 있는 동작: {known}"),
        ),
        None => Text::new(
            format!("There is no action {found}; the actions are {known}."),
            format!("{found} 동작은 없습니다. 사용할 수 있는 동작: {known}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_read_with_its_reason() {
        for action in BreakerAction::ALL {
            assert_eq!(breaker(&json!({"action": action.name()})), Ok((action, None)));
        }
        let body = json!({"action": "force_open", "reason": "점검"});
        assert_eq!(breaker(&body), Ok((BreakerAction::ForceOpen, Some("점검".to_owned()))));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, pointer, expected) in [
            (json!([]), "", code::WRONG_TYPE),
            (json!({}), "/action", code::REQUIRED),
            (json!({"action": "open"}), "/action", code::UNKNOWN_VALUE),
            (json!({"action": "FORCE_OPEN"}), "/action", code::UNKNOWN_VALUE),
            (json!({"action": 1}), "/action", code::WRONG_TYPE),
            (json!({"action": "close", "reason": 7}), "/reason", code::WRONG_TYPE),
            (json!({"action": "close", "why": "x"}), "/why", code::UNKNOWN_FIELD),
        ] {
            let faults = breaker(&body).expect_err("it is refused");
            let faults: Vec<_> = faults
                .iter()
                .map(|fault| (fault.pointer.as_str(), fault.code))
                .collect();
            assert_eq!(faults, [(pointer, expected)], "{body}");
        }
        let faults = breaker(&json!({"action": "forceOpen"})).expect_err("it is refused");
        assert!(faults[0].detail.en.contains("did you mean `force_open`?"), "{faults:?}");
    }
}
