//! What the derived schemas cannot say by themselves.
//!
//! Derived from `Option`, everything optional would also be nullable. Answers
//! leave out what is absent, parameters cannot be null at all; only request
//! bodies (`…Body`) take `null` for absent.

use utoipa::Number;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Array, Object, OneOf, Schema, SchemaType, Type};
use utoipa::openapi::{Components, RefOr};

/// Enums of answers, which later versions may extend.
const MAY_GROW: [&str; 6] = [
    "Channel",
    "ChannelState",
    "DeliveryStatus",
    "DistributionStatus",
    "Mode",
    "Phase",
];

/// Parameters are there or not.
pub(super) fn parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            without_null(schema);
        }
    }
}

/// Goes through all schemas.
pub(super) fn schemas(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(schema) = schema {
            if !name.ends_with("Body") {
                absent_not_null(schema);
            }
            if MAY_GROW.contains(&name.as_str()) {
                may_grow(schema);
            }
            match name.as_str() {
                "DistributeBody" => channels_once(schema),
                "EventIdBody" => whole_numbers(schema),
                _ => {}
            }
        }
    }
}

/// A property that may be absent is never null.
fn absent_not_null(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            let required = &object.required;
            let optional = object
                .properties
                .iter_mut()
                .filter(|(name, _)| !required.contains(*name));
            optional.for_each(|(_, property)| without_null(property));
        }
        Schema::AllOf(all) => {
            for part in &mut all.items {
                if let RefOr::T(part) = part {
                    absent_not_null(part);
                }
            }
        }
        _ => {}
    }
}

fn without_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(Object { schema_type, .. }) | Schema::Array(Array { schema_type, .. })) => {
            if let SchemaType::Array(types) = schema_type {
                types.retain(|known| *known != Type::Null);
                if let [only] = types.as_slice() {
                    *schema_type = SchemaType::Type(only.clone());
                }
            }
        }
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => {
            items.retain(|item| !is_null(item));
            if items.len() == 1 {
                *schema = items.remove(0);
            }
        }
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn may_grow(schema: &mut Schema) {
    if let Schema::Object(object) = schema {
        let said = object.description.get_or_insert_default();
        said.push_str("\n\nMore words may be added: read an unknown one without failing.");
    }
}

fn channels_once(schema: &mut Schema) {
    if let Schema::Object(object) = schema
        && let Some(RefOr::T(Schema::Array(channels))) = object.properties.get_mut("channels")
    {
        channels.unique_items = true;
    }
}

/// All that JSON readers hold exactly: below zero 64 bits with a sign, above it
/// 64 bits without; no format says that.
fn whole_numbers(schema: &mut Schema) {
    let Schema::OneOf(kinds) = schema else { return };
    for kind in &mut kinds.items {
        if let RefOr::T(Schema::Object(object)) = kind
            && object.schema_type == SchemaType::Type(Type::Integer)
        {
            object.format = None;
            object.minimum = isize::try_from(i64::MIN).ok().map(Number::Int);
            object.maximum = usize::try_from(u64::MAX).ok().map(Number::UInt);
        }
    }
}
