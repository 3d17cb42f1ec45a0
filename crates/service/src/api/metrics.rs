//! `/metrics`, in Prometheus's text format: figures of all tenants together,
//! never content. Prometheus brings a key as a bearer token (`authorization` in
//! its `scrape_config`).

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::state::Api;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Shows the service's metrics.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain", description = "Prometheus's text format."))
)]
pub(super) async fn metrics(State(state): State<Arc<Api>>) -> Response {
    ([(CONTENT_TYPE, TEXT_FORMAT)], state.metrics.render()).into_response()
}
