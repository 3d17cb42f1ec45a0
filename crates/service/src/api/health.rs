//! `/healthz`: the process runs. `/readyz`: it takes requests, and why not.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::text::{Language, Text};
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;
use crate::perform::RelayView;

/// A database that needs longer to answer a ping is not ready.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, `ready`.
    #[schema(example = "ok")]
    status: &'static str,
    /// `readyz` only, where events go to Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<EventsHealth>,
}

/// How the way to Kafka is. It does not make the service unready: distributions
/// go on, and events are kept until they can be published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsHealth {
    /// Events that Kafka has not acknowledged, as of some seconds ago.
    unpublished: u64,
    /// Events that Kafka has refused for good: `GET /api/events/dead`.
    dead: u64,
    /// What keeps them from being published; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl EventsHealth {
    fn of(view: RelayView, language: Language) -> Self {
        Self {
            unpublished: view.backlog.unpublished,
            dead: view.backlog.dead,
            problem: view.trouble.map(|trouble| trouble.what.get(language).to_owned()),
        }
    }
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
    view::json(
        StatusCode::OK,
        &Health {
            status: "ok",
            events: None,
        },
    )
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
pub(super) async fn readyz(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
) -> Result<Response, ApiError> {
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
        let events = state.engine.relay().map(|view| EventsHealth::of(view, language));
        let status = "ready";
        view::json(StatusCode::OK, &Health { status, events })
    } else {
        Err(ApiError::NotReady(reasons))
    }
}
