//! The body of `distributions/redrive`, for the document only: what is read, and how,
//! is `fanfare_core::decode::redrive`. Written by hand, since no derived schema says
//! that one of several conditions is needed, and what only a real run takes.

use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::decode::redrive::MAX_LIMIT;
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, Array, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat,
    SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::{LINE_PATTERN, stop};

/// Which deliveries are redriven, and how.
pub(in crate::api) struct RedriveBody;

/// Any of them is a condition.
const CONDITIONS: [&str; 5] = ["channels", "codes", "eventId", "since", "until"];

impl ToSchema for RedriveBody {}

impl PartialSchema for RedriveBody {
    fn schema() -> RefOr<Schema> {
        let said = "Which deliveries; every given condition must hold, and one must be given. A real run \
            (`\"dryRun\": false`) needs a `cursor` and a `reason`.";
        let any = AnyOfBuilder::new().description(Some(said));
        let kinds = CONDITIONS.into_iter().flat_map(|needed| [look(needed), run(needed)]);
        kinds.fold(any, AnyOfBuilder::item).into()
    }
}

/// A dry run with this condition.
fn look(needed: &str) -> Object {
    let dry_run = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Boolean, Type::Null]))
        .enum_values(Some([json!(true), Value::Null]))
        .description(Some("Absent: it is one."));
    with(needed).property("dryRun", dry_run.build()).build()
}

/// A real run with this condition.
fn run(needed: &str) -> Object {
    let dry_run = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Boolean))
        .enum_values(Some([json!(false)]));
    let cursor = text(true, 200, "`next` of the dry run, then of each step.");
    let limit = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .minimum(Some(1))
        .maximum(Some(MAX_LIMIT))
        .description(Some(
            "Deliveries of a step, but for those of one distribution, which stay together; 50 if absent.",
        ));
    with(needed)
        .property("dryRun", dry_run.build())
        .property("cursor", cursor)
        .property("reason", stop::reason(true))
        .property("limit", limit.build())
        .required("dryRun")
        .required("cursor")
        .required("reason")
        .build()
}

/// The conditions, of which this one must be there.
fn with(needed: &str) -> ObjectBuilder {
    let open = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    let object = CONDITIONS.into_iter().fold(open, |object, name| {
        object.property(name, condition(name, name == needed))
    });
    object.required(needed)
}

fn condition(name: &str, needed: bool) -> Schema {
    match name {
        "channels" => {
            let names = Channel::ALL.map(Channel::name);
            list(needed, &names, "To one of these channels.").into()
        }
        "codes" => {
            let codes = cause::ALL.map(|cause| cause.code);
            list(needed, &codes, "Failed for one of these codes.").into()
        }
        "eventId" => text(needed, 256, "Of this event.").into(),
        "since" => time(needed, "Failed at or after this time.").into(),
        _ => time(needed, "Failed before this time, and after `since`.").into(),
    }
}

fn list(needed: bool, words: &[&str], said: &str) -> Array {
    let word = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words.iter().copied()));
    ArrayBuilder::new()
        .schema_type(kind(needed, Type::Array))
        .items(word.build())
        .min_items(needed.then_some(1))
        .max_items(Some(100))
        .description(Some(said))
        .build()
}

fn text(needed: bool, most: usize, said: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(kind(needed, Type::String))
        .min_length(Some(1))
        .max_length(Some(most))
        .pattern(Some(LINE_PATTERN))
        .description(Some(said))
        .build()
}

fn time(needed: bool, said: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(kind(needed, Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(said))
        .build()
}

fn kind(needed: bool, kind: Type) -> SchemaType {
    if needed {
        SchemaType::Type(kind)
    } else {
        SchemaType::from_iter([kind, Type::Null])
    }
}
