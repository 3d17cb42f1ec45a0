//! What NHN Cloud tells unasked: whatever stands there, only distributions are named by it
//! that could be this service's, as it named them, and nothing else of it counts.
#![no_main]

use std::collections::BTreeSet;

use fanfare_channels::kakao_channel::webhook::told_of;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// As `fanfare keys` makes a tenant: more bytes it never has.
const TENANT_MAX: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let told = told_of(&body);
    let keys = keys(&body);
    for (tenant, id) in told.iter().flatten() {
        let (tenant, reference) = (tenant.as_str(), format!("{}.{tenant}", id.0.simple()));
        assert!(keys.contains(reference.as_str()), "{reference:?} is not what was told");
        let is_plain = tenant
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        assert!(
            is_plain && (1..=TENANT_MAX).contains(&tenant.len()),
            "{tenant:?} is nobody's"
        );
    }
    // People's numbers (I20) stand beside the keys.
    let hooks: Vec<_> = keys.iter().map(|key| json!({"recipientGroupingKey": key})).collect();
    let bare = json!({"event": body.get("event"), "hooks": hooks});
    if told.is_some() {
        assert_eq!(told_of(&bare), told, "something else than the keys counts");
    }
});

/// By which the hooks name what they tell of.
fn keys(body: &Value) -> BTreeSet<&str> {
    let hooks = body.get("hooks").and_then(Value::as_array);
    let key = |hook| Value::get(hook, "recipientGroupingKey")?.as_str();
    hooks.into_iter().flatten().filter_map(key).collect()
}
