//! `POST /api/channels/{channel}/breaker`: an operator forces a channel's breaker
//! open, closes, disables or resets it, on every replica.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::channel::Channel;
use fanfare_core::decode::breaker;
use fanfare_core::resilience::breaker::{BreakerOrder, BreakerState, BreakerView};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::{self, problems};
use super::state::Api;
use super::view;

/// What is ordered, and why.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::breaker` reads")]
pub(super) struct BreakerBody {
    /// `force_open`: the channel is not called until another order. `close`: calls
    /// pass and are judged again. `disable`: calls pass and are not judged until
    /// another order. `reset`: as after a start.
    #[schema(example = "force_open", pattern = "^(force_open|close|disable|reset)$")]
    action: String,
    /// For those who ask later.
    #[schema(schema_with = openapi::reason)]
    reason: Option<String>,
}

/// Where a channel's breaker stands on the node that answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Breaker {
    /// `CLOSED`: calls pass. `OPEN`: none does until `nextProbeAt`. `HALF_OPEN`: a
    /// few find out whether the channel is back. `FORCED_OPEN`, `DISABLED`: an
    /// operator said so. More may be added.
    #[schema(value_type = String, example = "CLOSED")]
    state: &'static str,
    /// Since when; absent where it has not changed since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// When the next call finds out whether the channel is back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_probe_at: Option<Timestamp>,
}

impl Breaker {
    pub(super) fn of(view: BreakerView) -> Self {
        Self {
            state: view.state.name(),
            since: view.since,
            next_probe_at: view.next_probe_at.filter(|_| view.state == BreakerState::Open),
        }
    }
}

/// The order as it is kept, and where the breaker stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BreakerAnswer {
    /// Whose breaker.
    channel: Channel,
    /// What was ordered.
    action: &'static str,
    /// Who ordered it: the name of an API key and the beginning of it.
    actor: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Where it stands now, on the node that answers. The others follow within
    /// two seconds.
    breaker: Breaker,
}

/// Orders something of a channel's breaker.
///
/// The order is kept with its actor and reason, is obeyed by every replica within
/// two seconds, and holds over restarts. What waits for the breaker goes on as
/// soon as it may.
#[utoipa::path(
    post,
    path = "/api/channels/{channel}/breaker",
    operation_id = "orderBreaker",
    tag = "channels",
    params(("channel" = String, Path, description = "The channel's name, such as `Instagram`")),
    request_body(content = BreakerBody, example = json!({"action": "force_open", "reason": "The channel asked us to."})),
    responses(
        (status = 200, body = BreakerAnswer, description = "The order is kept."),
        (status = 400, response = problems::BadRequest),
        (status = 404, response = problems::NotFound),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn order_breaker(
    State(state): State<Arc<Api>>,
    Extension(_): AskedLanguage,
    caller: Caller,
    Path(name): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let Some(channel) = Channel::from_name(&name) else {
        return Err(ApiError::ChannelUnknown(name));
    };
    let (action, reason) = breaker::breaker(&body).map_err(ApiError::Invalid)?;
    let order = BreakerOrder {
        channel,
        action,
        actor: caller.name(&state).await?,
        reason,
        at: state.clock.now(),
    };
    let view = state.engine.order(&order).await?;
    let answer = BreakerAnswer {
        channel,
        action: action.name(),
        actor: order.actor,
        reason: order.reason,
        at: order.at,
        breaker: Breaker::of(view),
    };
    view::json(StatusCode::OK, &answer)
}
