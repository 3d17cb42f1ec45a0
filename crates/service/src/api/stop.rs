//! `POST /api/stop` and `GET /api/stop`: the switch that holds all sending, or one
//! tenant's, on every replica.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::api_key::Scope;
use fanfare_core::decode::sending::{self, Ordered};
use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingOrder, SendingScope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;

/// Whose sending is to stop or go on, and why.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::sending` reads")]
pub(super) struct StopBody {
    /// `all`: everybody's, for an `admin` key of the operator's tenant. `tenant`: one
    /// tenant's.
    #[schema(example = "tenant", pattern = "^(all|tenant)$")]
    scope: String,
    /// Whose, with the scope `tenant`; one's own where it is absent.
    #[schema(min_length = 1, pattern = r"\S")]
    tenant: Option<String>,
    /// `stop`, which is the default, or `resume`.
    #[schema(example = "stop", pattern = "^(stop|resume)$")]
    action: Option<String>,
    /// For those who ask later; a stop says it.
    #[schema(min_length = 1, max_length = 500, pattern = r"^(?=.*\S)[^\x00-\x1F\x7F-\x9F]+$")]
    reason: Option<String>,
}

/// An order to sending.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopView {
    /// `all` or `tenant`.
    #[schema(value_type = String)]
    scope: &'static str,
    /// Whose, where it is one tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// `stop` or `resume`.
    #[schema(value_type = String)]
    action: &'static str,
    /// Who ordered it: the name of an API key and the beginning of it.
    actor: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<SendingOrder> for StopView {
    fn from(order: SendingOrder) -> Self {
        Self {
            scope: order.scope.name(),
            tenant: order.scope.tenant().cloned(),
            action: order.action.name(),
            actor: order.actor,
            reason: order.reason,
            at: order.at,
        }
    }
}

/// What is stopped now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stopped {
    /// Empty where everything is sent. A tenant's key sees what holds its own
    /// sending; the operator's sees all.
    stopped: Vec<StopView>,
}

/// Stops all sending, or one tenant's, or lets it go on.
///
/// While it is stopped, nothing begins: requests are accepted, and their channels
/// wait with the code `sending_stopped`, without an attempt spent. What is under way
/// ends, and unknown outcomes are looked up. Every replica obeys within two seconds;
/// the order holds over restarts. What waited goes on in the order in which it was
/// accepted. `all` and a tenant's own stop are apart: each is resumed by itself.
#[utoipa::path(
    post,
    path = "/api/stop",
    operation_id = "orderSending",
    tag = "channels",
    request_body(content = StopBody, example = json!({"scope": "tenant", "reason": "The owner asked us to."})),
    responses(
        (status = 200, body = StopView, description = "The order is kept."),
        (status = 400, response = problems::BadRequest),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn order_sending(
    State(state): State<Arc<Api>>,
    Extension(_): AskedLanguage,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let Ordered { scope, action, reason } = sending::sending(&body, &caller.tenant).map_err(ApiError::Invalid)?;
    if scope != SendingScope::Tenant(caller.tenant.clone()) {
        caller.needs_of_service(&state, Scope::Admin).await?;
    }
    let order = SendingOrder {
        scope,
        action,
        actor: caller.name(&state).await?,
        reason,
        at: state.clock.now(),
    };
    state.engine.order_sending(&order).await?;
    view::json(StatusCode::OK, &StopView::from(order))
}

/// Shows whose sending is stopped, by whom and why.
#[utoipa::path(
    get,
    path = "/api/stop",
    operation_id = "getStopped",
    tag = "channels",
    responses((status = 200, body = Stopped, description = "What is stopped.")),
)]
pub(super) async fn get_stopped(State(state): State<Arc<Api>>, caller: Caller) -> Result<Response, ApiError> {
    let sees_all = caller.tenant == TenantId::default();
    let concerns = |order: &SendingOrder| {
        let whose = order.scope.tenant();
        sees_all || whose.is_none_or(|tenant| *tenant == caller.tenant)
    };
    let stops = state.engine.stops().into_iter().filter(concerns);
    let stopped = stops.map(StopView::from).collect();
    view::json(StatusCode::OK, &Stopped { stopped })
}
