//! `GET /api/notices` and `POST /api/notices/{endpoint}/enable`: how the endpoints
//! for notices are, and telling one again that was disabled.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_ledger::notices::Endpoint;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;

/// Who is told what goes wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoticeEndpoints {
    /// By name; empty where none is configured.
    endpoints: Vec<NoticeEndpointView>,
}

/// An endpoint for notices.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoticeEndpointView {
    /// Its name in the configuration.
    name: String,
    /// `ok`; `failing`: it is tried again; `disabled`: it has failed for days, or
    /// said that it is gone, and is told nothing more. More may be added.
    #[schema(value_type = String, example = "ok")]
    state: &'static str,
    /// What it still has to be told.
    pending: u64,
    /// When the oldest of that happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_pending_at: Option<Timestamp>,
    /// Failures since the last success.
    failures: u32,
    /// When the first of those was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Why the last one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
    /// It is left alone until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_until: Option<Timestamp>,
    /// When the last success was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_delivered_at: Option<Timestamp>,
    /// Since when it is told nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
}

impl From<Endpoint> for NoticeEndpointView {
    fn from(endpoint: Endpoint) -> Self {
        let health = endpoint.health;
        let state = match (health.disabled_at, health.failures) {
            (Some(_), _) => "disabled",
            (None, 0) => "ok",
            (None, _) => "failing",
        };
        Self {
            name: endpoint.name,
            state,
            pending: endpoint.pending,
            oldest_pending_at: endpoint.oldest,
            failures: health.failures,
            failing_since: health.failing_since,
            last_failure: health.last_failure,
            paused_until: health.paused_until,
            last_delivered_at: health.last_delivered_at,
            disabled_at: health.disabled_at,
        }
    }
}

/// Shows how the endpoints for notices are.
///
/// They are configured by `[[notices]]`. What they are sent is described in
/// `/asyncapi.yaml`.
#[utoipa::path(
    get,
    path = "/api/notices",
    operation_id = "listNoticeEndpoints",
    tag = "operation",
    responses(
        (status = 200, body = NoticeEndpoints, description = "All endpoints."),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn list_endpoints(State(state): State<Arc<Api>>) -> Result<Response, ApiError> {
    let endpoints = state.store.endpoints().await?;
    let endpoints = endpoints.into_iter().map(NoticeEndpointView::from).collect();
    view::json(StatusCode::OK, &NoticeEndpoints { endpoints })
}

/// Has an endpoint told again that was disabled, or that is left alone for a while.
///
/// What it was to be told meanwhile is sent now.
#[utoipa::path(
    post,
    path = "/api/notices/{endpoint}/enable",
    operation_id = "enableNoticeEndpoint",
    tag = "operation",
    params(("endpoint" = String, Path, description = "The endpoint's name, such as `ops`")),
    responses(
        (status = 200, body = NoticeEndpointView, description = "It is told again."),
        (status = 404, response = problems::NotFound),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn enable_endpoint(
    State(state): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    if !state.store.enable_endpoint(&name, state.clock.now()).await? {
        return Err(ApiError::NoticeEndpointUnknown);
    }
    let endpoints = state.store.endpoints().await?;
    let own = endpoints.into_iter().find(|endpoint| endpoint.name == name);
    let own = own.ok_or(ApiError::NoticeEndpointUnknown)?;
    view::json(StatusCode::OK, &NoticeEndpointView::from(own))
}
