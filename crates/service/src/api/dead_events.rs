//! `GET /api/events/dead`: events that Kafka has refused for good, for the
//! operator, who publishes them again when the reason is gone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use fanfare_core::event::{DISTRIBUTION_COMPLETED, DistributionCompleted};
use fanfare_ledger::outbox::DeadLetter;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::error::ApiError;
use super::events::position;
use super::openapi::problems;
use super::query::Query;
use super::state::Api;
use super::view;

/// A part of the dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadEventPage {
    /// Oldest first.
    #[schema(max_items = 200)]
    events: Vec<DeadEventView>,
    /// Pass it as `after` to go on: the last position of this page, or `after`
    /// itself where the page is empty.
    next: u64,
}

/// An event that Kafka has refused for good.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadEventView {
    /// Where it stands in the journal.
    position: u64,
    /// The one id of this outcome, however often it is published.
    id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "DistributionCompleted")]
    kind: &'static str,
    /// How often it was refused.
    refusals: u32,
    /// Why, in Kafka's words.
    #[schema(example = "MessageSizeTooLarge (Broker: Message size too large)")]
    reason: String,
    /// Since when it is tried no more.
    #[schema(value_type = String, format = DateTime)]
    dead_at: Timestamp,
    /// What it says.
    data: DistributionCompleted,
}

impl From<DeadLetter> for DeadEventView {
    fn from(dead: DeadLetter) -> Self {
        Self {
            position: dead.entry.position,
            id: dead.entry.event_uuid,
            kind: DISTRIBUTION_COMPLETED,
            refusals: dead.entry.refusals,
            reason: dead.reason,
            dead_at: dead.dead_at,
            data: dead.entry.event,
        }
    }
}

/// Reads the events that Kafka has refused for good, oldest first.
///
/// They are in the journal like all others, and later outcomes of the same event
/// are published. `POST /api/events/replay` has them published again.
#[utoipa::path(
    get,
    path = "/api/events/dead",
    operation_id = "listDeadEvents",
    tag = "events",
    params(
        ("after" = Option<u64>, Query, minimum = 0,
            description = "Those after this position only; from the beginning if absent"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Events at once; 50 if absent"),
    ),
    responses(
        (status = 200, body = DeadEventPage, description = "A part of the dead letters."),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn list_dead_events(
    State(state): State<Arc<Api>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, ApiError> {
    let mut query = Query::of(&uri, &["after", "limit"]);
    let after = query.read("after", position).unwrap_or(0);
    let limit = query.limit();
    query.finish()?;
    let dead = state.store.dead_letters(&caller.tenant, after, limit).await?;
    let page = DeadEventPage {
        next: dead.last().map_or(after, |last| last.entry.position),
        events: dead.into_iter().map(DeadEventView::from).collect(),
    };
    view::json(StatusCode::OK, &page)
}
