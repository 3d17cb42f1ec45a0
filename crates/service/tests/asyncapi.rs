//! `docs/asyncapi.yaml`, held against the code: names, words, headers and the
//! example are what is really published.

#![expect(clippy::unwrap_used, reason = "what a test did not expect is to stop it")]

use std::collections::BTreeSet;

use fanfare::config::Config;
use fanfare::notify::payload::{Data, Payload};
use fanfare::outbox::cloud_event;
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::DistributionStatus;
use fanfare_core::event::{DISTRIBUTION_COMPLETED, DistributionCompleted};
use fanfare_core::notice::NoticeKind;
use fanfare_core::receipt::ResultFields;
use fanfare_core::recipients::RecipientCounts;
use fanfare_core::result::ChannelResult;
use jiff::Timestamp;
use serde_json::{Map, Number, Value, json};
use uuid::Uuid;
use yaml_rust2::{Yaml, YamlLoader};

fn document() -> Value {
    let text = include_str!("../../../docs/asyncapi.yaml");
    value(&YamlLoader::load_from_str(text).unwrap()[0])
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => text.as_str().into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Real(number) => number.parse::<Number>().unwrap().into(),
        Yaml::Boolean(flag) => (*flag).into(),
        Yaml::Null => Value::Null,
        Yaml::Array(items) => items.iter().map(value).collect(),
        Yaml::Hash(fields) => {
            let field = |(name, field): (&Yaml, &Yaml)| (name.as_str().unwrap().to_owned(), value(field));
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
        other => panic!("{other:?} is not expected in the document"),
    }
}

fn schema(name: &str) -> Value {
    document()["components"]["schemas"][name].clone()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

fn list(array: &Value) -> BTreeSet<String> {
    let items = array.as_array().unwrap().iter();
    items.map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// A result in which every field is there.
fn full_result() -> ChannelResult {
    let text = || Some("text".to_owned());
    ChannelResult {
        channel: Channel::Instagram,
        status: DeliveryStatus::Success,
        mode: Mode::Mock,
        channel_state: Some(ChannelState::Live),
        fields: ResultFields {
            distribution_id: text(),
            estimated_views: Some(1),
            update_timestamp: text(),
            ad_id: text(),
            impression_schedule: text(),
            post_url: text(),
            post_id: text(),
            message_id: text(),
        },
        recipients: Some(RecipientCounts::default()),
        code: text(),
        message: text(),
        who_acts: text(),
        retryable: Some(false),
        // Not published: see `DistributionCompleted::of`.
        action_url: None,
        action_until: None,
        retry_at: Some(Timestamp::UNIX_EPOCH),
    }
}

fn event(results: Vec<ChannelResult>) -> DistributionCompleted {
    DistributionCompleted {
        event_id: fanfare_core::ids::EventId::new("evt-1"),
        channels: vec![Channel::Instagram],
        results,
        completed_at: Timestamp::UNIX_EPOCH,
        distribution_id: fanfare_core::ids::DistributionId(Uuid::nil()),
        version: 1,
        status: DistributionStatus::Completed,
    }
}

#[test]
fn the_schemas_have_the_fields_that_are_published() {
    let written = serde_json::to_value(event(vec![full_result()])).unwrap();
    let described = schema("DistributionCompleted");
    assert_eq!(names(&described["properties"]), names(&written));
    assert_eq!(list(&described["required"]), names(&written), "each is always there");
    let described = schema("ChannelResult");
    assert_eq!(names(&described["properties"]), names(&written["results"][0]));
    let bare = ChannelResult {
        channel_state: None,
        fields: ResultFields::default(),
        recipients: None,
        code: None,
        message: None,
        who_acts: None,
        retryable: None,
        retry_at: None,
        ..full_result()
    };
    assert_eq!(
        list(&described["required"]),
        names(&serde_json::to_value(bare).unwrap())
    );
    let described = schema("RecipientCounts");
    assert_eq!(
        names(&described["properties"]),
        names(&written["results"][0]["recipients"])
    );
    assert_eq!(list(&described["required"]), names(&described["properties"]));
    let described = schema("BlockedCounts");
    assert_eq!(
        names(&described["properties"]),
        names(&written["results"][0]["recipients"]["blockedBy"])
    );
    assert_eq!(list(&described["required"]), names(&described["properties"]));
}

#[test]
fn the_words_are_those_of_the_code() {
    let words = |schema: &Value| list(&schema["enum"]);
    let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(words(&schema("Channel")), own(&Channel::ALL.map(Channel::name)));
    assert_eq!(
        words(&schema("DeliveryStatus")),
        own(&DeliveryStatus::ALL.map(DeliveryStatus::name))
    );
    let statuses = DistributionStatus::ALL.map(DistributionStatus::name);
    assert_eq!(words(&schema("DistributionStatus")), own(&statuses));
    let mode = &schema("ChannelResult")["properties"]["mode"];
    assert_eq!(words(mode), own(&[Mode::Mock, Mode::Live].map(Mode::name)));
    for state in words(&schema("ChannelState")) {
        serde_json::from_value::<ChannelState>(json!(state)).unwrap();
    }
}

#[test]
fn topic_headers_and_name_are_those_of_the_code() {
    let document = document();
    let defaults = Config::default().kafka;
    assert_eq!(document["channels"]["outcomes"]["address"], defaults.topic.as_str());
    let headers = schema("Headers");
    let known: BTreeSet<_> = cloud_event::HEADERS.map(str::to_owned).into();
    assert_eq!(names(&headers["properties"]), known);
    let mut required = known;
    required.remove("ce_tenant");
    assert_eq!(list(&headers["required"]), required);
    assert_eq!(headers["properties"]["ce_source"]["default"], defaults.source.as_str());
    assert_eq!(headers["properties"]["ce_type"]["const"], DISTRIBUTION_COMPLETED);
    assert_eq!(
        document["components"]["messages"][DISTRIBUTION_COMPLETED]["name"],
        DISTRIBUTION_COMPLETED
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// A notice in which every field is there.
fn full_notice() -> Payload {
    let text = || Some("text".to_owned());
    Payload {
        kind: NoticeKind::DeliveryFailed.name(),
        timestamp: Timestamp::UNIX_EPOCH,
        data: Data {
            tenant: text(),
            distribution_id: text(),
            event_id: text(),
            status: Some("FAILED"),
            version: Some(1),
            channel: Some(Channel::Instagram),
            mode: Some(Mode::Mock),
            generation: Some(1),
            until: Some(Timestamp::UNIX_EPOCH),
            reminder: true,
            code: text(),
            channel_said: text(),
            count: Some(1),
            since: Some(Timestamp::UNIX_EPOCH),
            expires_at: Some(Timestamp::UNIX_EPOCH),
            endpoint: text(),
            ..Data::default()
        },
    }
}

#[test]
fn the_notices_are_those_of_the_code() {
    let written = serde_json::to_value(full_notice()).unwrap();
    assert_eq!(names(&schema("Notice")["properties"]), names(&written));
    let described = schema("NoticeData");
    assert_eq!(names(&described["properties"]), names(&written["data"]));
    let bare = serde_json::to_value(Data::default()).unwrap();
    assert_eq!(list(&described["required"]), names(&bare));
    let kinds: BTreeSet<_> = NoticeKind::ALL.map(|kind| kind.name().to_owned()).into();
    assert_eq!(list(&schema("NoticeKind")["enum"]), kinds);
    let message = &document()["components"]["messages"]["Notice"]["examples"][0];
    assert!(names(&message["payload"]["data"]).is_subset(&names(&described["properties"])));
    assert_eq!(
        names(&message["headers"]),
        names(&schema("NoticeHeaders")["properties"])
    );
}

#[test]
fn the_example_reads_and_writes_the_same() {
    let message = &document()["components"]["messages"][DISTRIBUTION_COMPLETED];
    let example = &message["examples"][0];
    let read: DistributionCompleted = serde_json::from_value(example["payload"].clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), example["payload"]);
    assert_eq!(example["headers"]["ce_subject"], read.event_id.as_str());
    assert_eq!(example["headers"]["ce_time"], example["payload"]["completedAt"]);
}

/// Every `$ref` of the document.
fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 8);
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}
