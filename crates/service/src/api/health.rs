//! `/healthz`: the process runs. `/readyz`: it takes requests, and why not.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::text::Text;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;

/// A database that needs longer to answer a ping is not ready.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, `ready`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Says that the process runs. For liveness: it asks nothing else.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "operation",
    responses((status = 200, body = Health, description = "It runs."))
)]
pub(super) async fn healthz() -> Result<Response, ApiError> {
    view::json(StatusCode::OK, &Health { status: "ok" })
}

/// Says whether the service takes requests: it has started, is not stopping,
/// and its database can be written.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "operation",
    responses(
        (status = 200, body = Health, description = "It takes requests."),
        (status = 503, response = problems::NotReady),
    )
)]
pub(super) async fn readyz(State(state): State<Arc<Api>>) -> Result<Response, ApiError> {
    let mut reasons = Vec::new();
    if !*state.ready.borrow() {
        reasons.push(Text::new(
            "The service is starting or stopping.",
            "서비스가 시작하거나 종료하는 중입니다.",
        ));
    }
    match tokio::time::timeout(PING_DEADLINE, state.store.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database is not ready");
            reasons.push(Text::new(
                "The database cannot be written.",
                "데이터베이스에 쓸 수 없습니다.",
            ));
        }
        Err(_elapsed) => {
            reasons.push(Text::new(
                "The database does not answer.",
                "데이터베이스가 응답하지 않습니다.",
            ));
        }
    }
    if reasons.is_empty() {
        view::json(StatusCode::OK, &Health { status: "ready" })
    } else {
        Err(ApiError::NotReady(reasons))
    }
}
