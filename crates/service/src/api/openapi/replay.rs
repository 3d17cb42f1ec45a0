//! The body of `events/replay`, for the document only: what is read, and how, is
//! `fanfare_core::decode::replay`. Written by hand, since no derived schema says
//! that one of several fields is needed.

use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::LINE_PATTERN;

/// Which events are published again.
pub(in crate::api) struct ReplayBody;

/// Any of them is a condition.
const FIELDS: [&str; 3] = ["since", "eventId", "deadOnly"];

impl ToSchema for ReplayBody {}

impl PartialSchema for ReplayBody {
    fn schema() -> RefOr<Schema> {
        let said = "Which events; every given condition must hold, and one must be given.";
        let any = AnyOfBuilder::new().description(Some(said));
        let any = FIELDS.into_iter().fold(any, |any, needed| any.item(with(needed)));
        any.into()
    }
}

/// The fields, of which this one must be there; `false` for `deadOnly` is no condition.
fn with(needed: &str) -> Object {
    let open = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    let object = FIELDS
        .into_iter()
        .fold(open, |object, name| object.property(name, field(name, name == needed)));
    object.required(needed).build()
}

fn field(name: &str, needed: bool) -> Object {
    let kind = |kind: Type| {
        if needed {
            SchemaType::Type(kind)
        } else {
            SchemaType::from_iter([kind, Type::Null])
        }
    };
    match name {
        "since" => ObjectBuilder::new()
            .schema_type(kind(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("Published first at or after this time."))
            .build(),
        "eventId" => ObjectBuilder::new()
            .schema_type(kind(Type::String))
            .min_length(Some(1))
            .max_length(Some(256))
            .pattern(Some(LINE_PATTERN))
            .description(Some("Of this event."))
            .build(),
        _ => ObjectBuilder::new()
            .schema_type(kind(Type::Boolean))
            .enum_values(needed.then_some([json!(true)]))
            .description(Some("Only those that Kafka has refused for good."))
            .build(),
    }
}
