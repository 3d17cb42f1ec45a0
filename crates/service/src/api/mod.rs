//! The HTTP API: one endpoint, one file, and what they share.
//!
//! | file | does |
//! |---|---|
//! | `distribute`, `preview`, `status`, `distributions`, `distribution`, `attempts`, `history`, `progress`, `retry`, `resolve`, `events`, `dead_events`, `replay_events`, `channels`, `health`, `metrics`, `docs` | one endpoint each, or one small family |
//! | `envelope` | what every request passes: trace id, language, panics, problems |
//! | `error`, `problem` | what can go wrong, and how it is said |
//! | `body`, `query`, `caller`, `prefer`, `language`, `cursor` | read a part of a request, strictly |
//! | `view` | how distributions are shown |
//! | `waiting` | the door before the service can start |
//! | `openapi` | puts the document together |
//!
//! Nothing is decided here: core says what is right, the engine what happens,
//! the ledger what was. This module knows those, the status cache and the clock.

mod attempts;
mod body;
mod caller;
mod channels;
mod cursor;
mod dead_events;
mod distribute;
mod distribution;
mod distributions;
mod docs;
mod envelope;
mod error;
mod events;
mod health;
mod history;
mod language;
mod metrics;
mod openapi;
mod prefer;
mod preview;
mod problem;
mod progress;
mod query;
mod replay;
mod replay_events;
mod resolve;
mod retry;
mod state;
mod status;
mod view;
mod waiting;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use self::state::Api;

pub use self::openapi::document;
pub use self::state::{ApiLimits, ApiState};
pub use self::waiting::waiting_router;

/// Every route of the API, under the one layer.
pub fn router(state: ApiState) -> Router {
    let state = Arc::new(Api::from(state));
    Router::new()
        .route("/api/distribution/distribute", post(distribute::distribute))
        .route("/api/distribution/preview", post(preview::preview))
        .route("/api/distribution/{event_id}/status", get(status::get_event_status))
        .route("/api/distributions", get(distributions::list_distributions))
        .route("/api/distributions/{id}", get(distribution::get_distribution))
        .route("/api/distributions/{id}/attempts", get(attempts::list_attempts))
        .route("/api/distributions/{id}/history", get(history::get_history))
        .route("/api/distributions/{id}/events", get(progress::follow_distribution))
        .route("/api/distributions/{id}/retry", post(retry::retry))
        .route(
            "/api/distributions/{id}/channels/{channel}/resolve",
            post(resolve::resolve),
        )
        .route("/api/events", get(events::list_events))
        .route("/api/events/dead", get(dead_events::list_dead_events))
        .route("/api/events/replay", post(replay_events::replay_events))
        .route("/api/channels", get(channels::list_channels))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(docs::openapi_json))
        .route("/asyncapi.yaml", get(docs::asyncapi_yaml))
        .route("/docs", get(docs::docs))
        .route("/docs/", get(docs::docs_index))
        .route("/docs/{file}", get(docs::docs_file))
        .fallback(|| async { error::ApiError::PathUnknown })
        .layer(from_fn_with_state(Arc::clone(&state), envelope::envelope))
        .with_state(state)
}
