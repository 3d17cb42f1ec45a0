//! The body of `POST /api/stop`, for the document only: what is read, and how, is
//! `fanfare_core::decode::sending`. Written by hand, since no derived schema says
//! that a stop needs a reason, and that only one tenant's sending names a tenant.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::LINE_PATTERN;

/// Whose sending is to stop or go on, and why.
pub(in crate::api) struct StopBody;

impl ToSchema for StopBody {}

impl PartialSchema for StopBody {
    fn schema() -> RefOr<Schema> {
        let said = "Whose sending is to stop or go on. A stop says why; only the scope `tenant` names a tenant.";
        let one = OneOfBuilder::new().description(Some(said));
        let orders = ["stop", "resume"].into_iter();
        let orders = orders.flat_map(|action| [(action, "all"), (action, "tenant")]);
        orders
            .fold(one, |one, (action, scope)| one.item(order(action, scope)))
            .into()
    }
}

fn order(action: &str, scope: &str) -> Object {
    let stops = action == "stop";
    let object = ObjectBuilder::new()
        .title(Some(format!("{action} {scope}")))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .property("scope", word(scope, true, scope_words(scope)))
        .required("scope")
        // Left out, it is a stop.
        .property("action", word(action, !stops, "`stop` is the default."))
        .property("tenant", tenant(scope))
        .property("reason", reason(stops));
    object.required(if stops { "reason" } else { "action" }).build()
}

fn scope_words(scope: &str) -> &'static str {
    match scope {
        "all" => "Everybody's, for an `admin` key of the operator's tenant.",
        _ => "One tenant's.",
    }
}

fn tenant(scope: &str) -> Object {
    match scope {
        "all" => ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null)).build(),
        _ => line(
            false,
            64,
            "Whose; one's own where it is absent. Another's is for the operator.",
        ),
    }
}

/// This word and no other.
fn word(word: &str, needed: bool, said: &str) -> Object {
    let null = (!needed).then_some(serde_json::Value::Null);
    text(needed)
        .enum_values(Some([word.into()].into_iter().chain(null)))
        .description(Some(said))
        .build()
}

/// Why; it stands in the history.
pub(super) fn reason(needed: bool) -> Object {
    line(needed, 500, "For those who ask later.")
}

fn line(needed: bool, most: usize, said: &str) -> Object {
    text(needed)
        .min_length(Some(1))
        .max_length(Some(most))
        .pattern(Some(LINE_PATTERN))
        .description(Some(said))
        .build()
}

fn text(needed: bool) -> ObjectBuilder {
    let kind = if needed {
        SchemaType::Type(Type::String)
    } else {
        SchemaType::from_iter([Type::String, Type::Null])
    };
    ObjectBuilder::new().schema_type(kind)
}

#[cfg(test)]
mod tests {
    use fanfare_core::decode::sending::sending;
    use fanfare_core::ids::TenantId;
    use serde_json::{Value, json};

    use super::*;

    /// Whether one of the described bodies has these fields, and all that it needs.
    fn is_described(body: &Value) -> bool {
        let schema = serde_json::to_value(StopBody::schema()).unwrap();
        let of = |kind: &Value| {
            let (body, known) = (body.as_object().unwrap(), kind["properties"].as_object().unwrap());
            let needed = kind["required"].as_array().unwrap();
            let fits = |(name, value): (&String, &Value)| {
                let words = known.get(name).map(|field| &field["enum"]);
                match words {
                    Some(Value::Array(words)) => words.contains(value),
                    Some(_) => known[name]["type"] != "null",
                    None => false,
                }
            };
            needed.iter().all(|name| body.contains_key(name.as_str().unwrap())) && body.iter().all(fits)
        };
        schema["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|kind| of(kind))
            .count()
            == 1
    }

    #[test]
    fn what_is_described_is_what_is_taken() {
        for body in [
            json!({"scope": "all", "reason": "x"}),
            json!({"scope": "all", "action": "stop", "reason": "x"}),
            json!({"scope": "all", "action": "resume"}),
            json!({"scope": "all", "action": "resume", "reason": "x"}),
            json!({"scope": "tenant", "reason": "x"}),
            json!({"scope": "tenant", "tenant": "cafe", "action": "resume"}),
            json!({"scope": "all"}),
            json!({"scope": "tenant", "action": "stop"}),
            json!({"reason": "x"}),
            json!({"scope": "all", "tenant": "cafe", "reason": "x"}),
            json!({"scope": "some", "reason": "x"}),
            json!({"scope": "all", "action": "halt", "reason": "x"}),
            json!({"scope": "all", "reason": "x", "until": "y"}),
        ] {
            let is_taken = sending(&body, &TenantId::default()).is_ok();
            assert_eq!(is_described(&body), is_taken, "{body}");
        }
    }
}
