//! `POST /api/events/replay`: has events published to Kafka again, under the ids
//! that they have.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::decode::replay;
use fanfare_ledger::outbox::Replay;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::error::ApiError;
use super::openapi::problems;
use super::openapi::replay::ReplayBody;
use super::state::Api;
use super::view;

/// What is published again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayAnswer {
    /// So many events. What is on its way already is not among them.
    replayed: u64,
}

/// Has events published to Kafka again.
///
/// Each keeps its id, so that a reader recognises what it has seen. The answer
/// does not wait for Kafka.
#[utoipa::path(
    post,
    path = "/api/events/replay",
    operation_id = "replayEvents",
    tag = "events",
    request_body(content = ReplayBody, example = json!({"since": "2026-12-01T09:00:00+09:00", "deadOnly": true})),
    responses(
        (status = 200, body = ReplayAnswer, description = "They are on their way."),
        (status = 400, response = problems::BadRequest),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn replay_events(
    State(state): State<Arc<Api>>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let asked = replay::replay(&body).map_err(ApiError::Invalid)?;
    let which = Replay {
        since: asked.since,
        event_id: asked.event_id,
        dead_only: asked.dead_only,
    };
    let replayed = state.store.replay(&caller.tenant, &which).await?;
    state.engine.wake_relay();
    view::json(StatusCode::OK, &ReplayAnswer { replayed })
}
