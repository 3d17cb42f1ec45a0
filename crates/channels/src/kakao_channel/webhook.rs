//! What NHN Cloud tells unasked: that results have come (`MESSAGE_RESULT_UPDATE`, its
//! webhook guide). It is only taken for a sign that it is time to ask: what became of
//! each message the channel says itself, under the account that sent it. So a hook that
//! comes twice, late, or from somebody who has found out the signature, changes nothing.
//!
//! Deliberately absent: the results in it, which bear people's numbers (I20).

use std::collections::BTreeSet;

use fanfare_core::ids::{DistributionId, TenantId};
use serde_json::Value;
use uuid::Uuid;

/// The header with the words that were set with the webhook, sent as they are: NHN Cloud
/// signs nothing.
pub const SIGNATURE: &str = "x-toast-webhook-signature";

/// The event that is listened to; others are let pass.
const EVENT: &str = "MESSAGE_RESULT_UPDATE";

/// Of the channel, for a grouping key.
const REFERENCE_MAX: usize = 100;

/// By which a hook names the distribution: the recipients' grouping key of each message.
/// Nothing where the tenant's name is too long for it; then the results are seen at the
/// next look.
pub(super) fn reference(tenant: &TenantId, distribution: DistributionId) -> Option<String> {
    let reference = format!("{}.{}", distribution.0.simple(), tenant.as_str());
    (reference.chars().count() <= REFERENCE_MAX).then_some(reference)
}

/// The distributions of which there are results; nothing where that is no such hook.
pub fn told_of(body: &Value) -> Option<BTreeSet<(TenantId, DistributionId)>> {
    let event = body.get("event")?.as_str()?;
    let hooks = body.get("hooks")?.as_array()?;
    let hooks = hooks.iter().filter(|_| event == EVENT);
    Some(
        hooks
            .filter_map(|hook| read(hook.get("recipientGroupingKey")?.as_str()?))
            .collect(),
    )
}

/// Only what this service writes: a database is not asked for anything else.
fn read(text: &str) -> Option<(TenantId, DistributionId)> {
    let (id, tenant) = text.split_once('.')?;
    let (id, tenant) = (DistributionId(Uuid::try_parse(id).ok()?), TenantId::named(tenant)?);
    (reference(&tenant, id).as_deref() == Some(text)).then_some((tenant, id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_with_a_message_is_read_of_its_hook() {
        let (tenant, id) = (TenantId::new("cafe.1"), DistributionId(Uuid::from_u128(7)));
        let reference = reference(&tenant, id).unwrap();
        let hook = json!({"recipientGroupingKey": reference, "recipientNo": "01000000007", "resultCode": "1000"});
        let body = json!({"event": EVENT, "hooks": [hook, hook, {"recipientGroupingKey": "somebody else's"}, {}]});
        assert_eq!(told_of(&body), Some(BTreeSet::from([(tenant, id)])));
    }

    #[test]
    fn other_events_are_let_pass_and_other_bodies_are_none() {
        let body = json!({"event": "UPDATE_TEMPLATE_STATUS", "hooks": [{"recipientGroupingKey": "0.a"}]});
        assert_eq!(told_of(&body), Some(BTreeSet::new()));
        for body in [
            json!({}),
            json!([]),
            json!({"event": 1, "hooks": []}),
            json!({"event": EVENT, "hooks": {}}),
        ] {
            assert_eq!(told_of(&body), None, "{body}");
        }
    }

    #[test]
    fn what_this_service_writes_to_nobody_is_let_pass() {
        let id = Uuid::from_u128(0xabc).simple().to_string();
        let (upper, long) = (id.to_uppercase(), "x".repeat(65));
        for reference in [
            format!("{upper}.cafe"),
            format!("{id}.{long}"),
            format!("{id}.cafe\0"),
            format!("{id}.cafe 1"),
            format!("{id}.카페"),
            format!("{id}."),
            id,
        ] {
            let body = json!({"event": EVENT, "hooks": [{"recipientGroupingKey": reference}]});
            assert_eq!(told_of(&body), Some(BTreeSet::new()), "{reference:?}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_left_out() {
        let id = DistributionId(Uuid::nil());
        assert!(reference(&TenantId::new("가".repeat(67).as_str()), id).is_some());
        assert!(reference(&TenantId::new("가".repeat(68).as_str()), id).is_none());
    }
}
