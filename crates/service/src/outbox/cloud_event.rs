//! An outcome as a message: `CloudEvents` 1.0 in Kafka's binary mode, where the
//! body is the event as it is and its attributes are headers.

use std::collections::BTreeMap;

use fanfare_core::event::DISTRIBUTION_COMPLETED;
use fanfare_core::ids::TenantId;
use fanfare_ledger::outbox::OutboxEntry;

use super::publisher::Message;

/// How events are dressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSettings {
    /// `ce_source`: which system says it.
    pub source: String,
    /// Headers that every message gets beside its own.
    pub headers: BTreeMap<String, String>,
}

/// The headers of every message, in their order. `ce_tenant` is there for
/// tenants other than the default one.
pub const HEADERS: [&str; 9] = [
    "ce_specversion",
    "ce_type",
    "ce_source",
    "ce_id",
    "ce_time",
    "ce_subject",
    "ce_tenant",
    "content-type",
    "traceparent",
];

/// The entry as a message.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn message(entry: &OutboxEntry, settings: &EventSettings) -> Result<Message, serde_json::Error> {
    let event = &entry.event;
    let tenant = Some(&entry.tenant).filter(|tenant| **tenant != TenantId::default());
    let value = |name: &str| match name {
        "ce_specversion" => Some("1.0".to_owned()),
        "ce_type" => Some(DISTRIBUTION_COMPLETED.to_owned()),
        "ce_source" => Some(settings.source.clone()),
        "ce_id" => Some(entry.event_uuid.to_string()),
        "ce_time" => Some(event.completed_at.to_string()),
        "ce_subject" => Some(event.event_id.to_string()),
        "ce_tenant" => tenant.map(ToString::to_string),
        "content-type" => Some("application/json".to_owned()),
        "traceparent" => Some(traceparent(entry)),
        _ => None,
    };
    let own = HEADERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), value(name)?)));
    let further = settings
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    Ok(Message {
        key: event.event_id.to_string(),
        headers: own.chain(further).collect(),
        payload: serde_json::to_vec(event)?,
    })
}

/// The distribution is the trace, as it is for calls to channels; this version
/// of its outcome is the span.
fn traceparent(entry: &OutboxEntry) -> String {
    let span = entry.event_uuid.simple().to_string();
    format!("00-{}-{}-01", entry.event.distribution_id.0.simple(), &span[..16])
}
