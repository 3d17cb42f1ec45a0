//! The HTTP API: one endpoint, one file, and what they share.
//!
//! | file | does |
//! |---|---|
//! | `distribute`, `preview`, `status`, `distributions`, `distribution`, `attempts`, `history`, `progress`, `retry`, `redrive`, `cancel`, `resolve`, `withdraw`, `events`, `dead_events`, `replay_events`, `channels`, `account`, `breaker`, `stop`, `notices`, `handoff`, `media`, `health`, `metrics`, `docs` | one endpoint each, or one small family |
//! | `routes` | what each route asks for |
//! | `caller` | who asks: keys, tenants, ids in the path |
//! | `envelope` | what every request passes: trace id, language, panics, problems |
//! | `error`, `problem` | what can go wrong, and how it is said |
//! | `body`, `query`, `prefer`, `language`, `cursor` | read a part of a request, strictly |
//! | `view` | how distributions are shown |
//! | `spending` | caps on what may be spent, at the door |
//! | `ask` | what routes share by which a person asks something of a distribution |
//! | `place` | how many requests may wait for channels at once |
//! | `waiting` | the door before the service can start |
//! | `openapi` | puts the document together |
//!
//! Nothing is decided here: core says what is right, the engine what happens,
//! the ledger what was. This module knows those, the status cache, the API keys, the
//! accounts of tenants, the clock, and who takes a handed-off post back (`fanfare_channels`).

mod account;
mod ask;
mod attempts;
mod body;
mod breaker;
mod caller;
mod cancel;
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
mod handoff;
mod health;
mod history;
mod kakao_results;
mod language;
mod look_ahead;
mod media;
mod metrics;
mod notices;
mod openapi;
mod place;
mod prefer;
mod preview;
mod problem;
mod progress;
mod query;
mod redrive;
mod replay;
mod replay_events;
mod resolve;
mod retry;
mod routes;
mod spending;
mod state;
mod status;
mod stop;
mod token;
mod view;
mod waiting;
mod withdraw;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use fanfare_core::api_key::Scope;

use self::routes::{Needs, Routes};
use self::state::Api;

pub use self::openapi::document;
pub use self::state::{ApiLimits, ApiState};
pub use self::waiting::waiting_router;

/// Every route, and what it asks for.
fn routes() -> Routes {
    Routes::default()
        .post("/api/distribution/distribute", DISTRIBUTE, distribute::distribute)
        .post("/api/distribution/preview", DISTRIBUTE, preview::preview)
        .get("/api/distribution/{event_id}/status", READ, status::get_event_status)
        .get("/api/distributions", READ, distributions::list_distributions)
        .post("/api/distributions/redrive", OPERATE, redrive::redrive)
        .get("/api/distributions/{id}", READ, distribution::get_distribution)
        .get("/api/distributions/{id}/attempts", READ, attempts::list_attempts)
        .get("/api/distributions/{id}/history", READ, history::get_history)
        .get("/api/distributions/{id}/events", READ, progress::follow_distribution)
        .post("/api/distributions/{id}/retry", OPERATE, retry::retry)
        .post("/api/distributions/{id}/cancel", OPERATE, cancel::cancel)
        .post(
            "/api/distributions/{id}/channels/{channel}/resolve",
            OPERATE,
            resolve::resolve,
        )
        .post(
            "/api/distributions/{id}/channels/{channel}/withdraw",
            OPERATE,
            withdraw::withdraw,
        )
        .get("/api/events", READ, events::list_events)
        .get("/api/events/dead", READ, dead_events::list_dead_events)
        .post("/api/events/replay", OPERATE, replay_events::replay_events)
        .get("/api/channels", READ, channels::list_channels)
        // A breaker is all tenants'.
        .post(
            "/api/channels/{channel}/breaker",
            Needs::OfService(Scope::Operate),
            breaker::order_breaker,
        )
        // Of another tenant than the key's, they ask for more.
        .get("/api/channels/{channel}/account", ADMIN, account::get_account)
        .put("/api/channels/{channel}/account", ADMIN, account::put_account)
        .delete("/api/channels/{channel}/account", ADMIN, account::delete_account)
        // Who has the signature may.
        .post(
            "/api/channels/KakaoChannel/results",
            Needs::Nothing,
            kakao_results::hear,
        )
        .get("/api/stop", READ, stop::get_stopped)
        // Of all, or another tenant's, it asks for more.
        .post("/api/stop", OPERATE, stop::order_sending)
        // An endpoint is told of all tenants.
        .get(
            "/api/notices",
            Needs::OfService(Scope::Operate),
            notices::list_endpoints,
        )
        .post(
            "/api/notices/{endpoint}/enable",
            Needs::OfService(Scope::Operate),
            notices::enable_endpoint,
        )
        // Who holds the link may, whoever they are.
        .get("/handoff/{token}", Needs::Nothing, handoff::show)
        .post("/handoff/{token}", Needs::Nothing, handoff::done)
        .get("/handoff/{token}/picture", Needs::Nothing, handoff::picture)
        // Channels that fetch a picture hold no key.
        .get("/media/{sha256}", Needs::Nothing, media::get_media)
        .get("/healthz", Needs::Nothing, health::healthz)
        .get("/readyz", Needs::Nothing, health::readyz)
        // Its figures are those of all tenants together.
        .get("/metrics", Needs::OfService(Scope::Operate), metrics::metrics)
        .get("/openapi.json", Needs::Nothing, docs::openapi_json)
        .get("/asyncapi.yaml", Needs::Nothing, docs::asyncapi_yaml)
        .get("/docs", Needs::Nothing, docs::docs)
        .get("/docs/", Needs::Nothing, docs::docs_index)
        .get("/docs/{file}", Needs::Nothing, docs::docs_file)
}

const DISTRIBUTE: Needs = Needs::Scope(Scope::Distribute);
const READ: Needs = Needs::Scope(Scope::Read);
const ADMIN: Needs = Needs::Scope(Scope::Admin);
const OPERATE: Needs = Needs::Scope(Scope::Operate);

/// The API: its routes behind the guard, and everything under the one layer.
pub fn router(state: ApiState) -> Router {
    let (router, needs) = routes().into_parts();
    let state = Arc::new(Api::new(state, needs));
    router
        .route_layer(from_fn_with_state(Arc::clone(&state), caller::guard))
        .fallback(|| async { error::ApiError::PathUnknown })
        .layer(from_fn_with_state(Arc::clone(&state), envelope::envelope))
        .with_state(state)
}
