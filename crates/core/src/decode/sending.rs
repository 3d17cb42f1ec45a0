//! Reads what an operator orders of sending: that it stops, or goes on.

use jiff::Timestamp;
use serde_json::Value;

use super::ask::finished;
use super::found::quoted;
use super::limits;
use super::reader::{Node, Reader};
use super::suggest::near;
use crate::fault::Fault;
use crate::ids::TenantId;
use crate::sending::{SendingAction, SendingScope};
use crate::text::Text;
use crate::validate::code;

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Whose sending.
    pub scope: SendingScope,
    /// What.
    pub action: SendingAction,
    /// Why; a stop says it.
    pub reason: Option<String>,
}

/// Reads `{scope, tenant, action, reason}`. Without `tenant`, the scope `tenant` is
/// `own`; without `action`, it is a stop.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn sending(body: &Value, own: &TenantId) -> Result<Ordered, Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let object = reader.object(&Node::root(body), &["scope", "tenant", "action", "reason"]);
    let get = |name| object.as_ref().and_then(|object| object.get(name));
    let action = get("action").and_then(|node| reader.one_of(&node, &["stop", "resume"]));
    let action = action.map_or(SendingAction::Stop, |name| {
        SendingAction::from_name(name).unwrap_or(SendingAction::Stop)
    });
    let tenant = get("tenant").and_then(|node| reader.text(&node, limits::WORD));
    let scope = get("scope").and_then(|node| reader.one_of(&node, &["all", "tenant"]));
    let reason = get("reason").and_then(|node| reader.text(&node, limits::REASON));
    if object.is_some() && get("scope").is_none() {
        reader.required("/scope", SCOPE);
    }
    if object.is_some() && get("reason").is_none() && action == SendingAction::Stop {
        reader.required("/reason", REASON);
    }
    if scope == Some("all") && get("tenant").is_some() {
        reader.fault("/tenant", code::UNKNOWN_FIELD, all_has_no_tenant());
    }
    let scope = match scope {
        Some("tenant") => SendingScope::Tenant(tenant.map_or_else(|| own.clone(), TenantId::new)),
        // Without one there is a fault, and it is never used.
        _ => SendingScope::All,
    };
    let ordered = Ordered { scope, action, reason };
    finished(reader, ordered)
}

const SCOPE: (&str, &str) = (
    "`scope`: all (everybody's sending) or tenant (one tenant's)",
    "`scope` 값: all(전체 발송) 또는 tenant(한 테넌트의 발송)",
);

const REASON: (&str, &str) = (
    "`reason`: why sending is stopped, for those who ask later",
    "`reason` 값: 나중에 확인할 수 있도록 발송을 중지하는 이유",
);

fn all_has_no_tenant() -> Text {
    Text::new(
        "The scope `all` is everybody's sending. Leave `tenant` out, or send the scope `tenant`.",
        "scope `all`은 전체 발송입니다. `tenant`를 빼거나 scope를 `tenant`로 보내 주세요.",
    )
}

impl Reader<'_> {
    pub(super) fn one_of(&mut self, node: &Node<'_>, known: &[&'static str]) -> Option<&'static str> {
        let name = self.text(node, limits::WORD)?;
        let found = known.iter().copied().find(|word| *word == name);
        if found.is_none() {
            self.fault(&node.pointer, code::UNKNOWN_VALUE, unknown(&name, known));
        }
        found
    }
}

fn unknown(name: &str, known: &[&str]) -> Text {
    let (found, all) = (quoted(name), known.join(", "));
    match near(name, known) {
        Some(near) => Text::new(
            format!("There is no {found} here; did you mean `{near}`? Known are {all}."),
            format!("{found} 값은 없습니다. 혹시 `{near}`인가요? 사용할 수 있는 값: {all}"),
        ),
        None => Text::new(
            format!("There is no {found} here; known are {all}."),
            format!("{found} 값은 없습니다. 사용할 수 있는 값: {all}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_read_with_its_reason() {
        let own = TenantId::new("cafe");
        let read = |body: Value| sending(&body, &own).map(|ordered| (ordered.scope, ordered.action));
        let tenant = |name| SendingScope::Tenant(TenantId::new(name));
        for (body, scope, action) in [
            (
                json!({"scope": "all", "reason": "점검"}),
                SendingScope::All,
                SendingAction::Stop,
            ),
            (
                json!({"scope": "tenant", "reason": "점검"}),
                tenant("cafe"),
                SendingAction::Stop,
            ),
            (
                json!({"scope": "tenant", "tenant": "bakery", "action": "resume"}),
                tenant("bakery"),
                SendingAction::Resume,
            ),
        ] {
            assert_eq!(read(body), Ok((scope, action)));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, pointer, expected) in [
            (json!([]), "", code::WRONG_TYPE),
            (json!({"reason": "점검"}), "/scope", code::REQUIRED),
            (json!({"scope": "all"}), "/reason", code::REQUIRED),
            (
                json!({"scope": "everybody", "reason": "x"}),
                "/scope",
                code::UNKNOWN_VALUE,
            ),
            (
                json!({"scope": "all", "action": "halt", "reason": "x"}),
                "/action",
                code::UNKNOWN_VALUE,
            ),
            (
                json!({"scope": "all", "tenant": "cafe", "reason": "x"}),
                "/tenant",
                code::UNKNOWN_FIELD,
            ),
            (
                json!({"scope": "all", "reason": "x", "until": 1}),
                "/until",
                code::UNKNOWN_FIELD,
            ),
        ] {
            let faults = sending(&body, &TenantId::default()).expect_err("it is refused");
            let found: Vec<_> = faults.iter().map(|fault| (&*fault.pointer, fault.code)).collect();
            assert_eq!(found, [(pointer, expected)], "{body}");
        }
    }
}
