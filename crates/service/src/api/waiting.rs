//! What the door says while the service can't start yet, because its database is
//! not there: alive, not ready, come back.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fanfare_core::text::Text;

use super::envelope::TraceIds;
use super::error::ApiError;
use super::language::language_of;
use super::{health, problem};

/// The door of a service that waits for its database.
pub fn waiting_router() -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .fallback(not_ready)
        .with_state(Arc::new(TraceIds::default()))
}

async fn not_ready(State(traces): State<Arc<TraceIds>>, request: Request) -> Response {
    let why = Text::new(
        "The service waits for its database.",
        "서비스가 데이터베이스를 기다리고 있습니다.",
    );
    let response = ApiError::NotReady(vec![why]).into_response();
    problem::write(response, language_of(request.headers()), traces.of(request.headers()))
}
