//! `POST /api/stop` and `GET /api/stop`: the switch that holds all sending, or one
//! tenant's, on every replica.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::api_key::Scope;
use fanfare_core::decode::sending::{self, Ordered};
use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingAction, SendingOrder, SendingScope};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::openapi::stop::StopBody;
use super::state::Api;
use super::view;

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
    /// Whether who operates the service ordered it. A tenant's own orders leave it as
    /// it is.
    of_service: bool,
    /// Who ordered it: the name of an API key and the beginning of it. Of the
    /// service's keys a tenant sees none.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
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
            of_service: order.scope.is_of_service(),
            actor: Some(order.actor),
            reason: order.reason,
            at: order.at,
        }
    }
}

impl StopView {
    /// As a tenant sees it.
    fn for_tenant(mut self) -> Self {
        self.actor = self.actor.filter(|_| !self.of_service);
        self
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
/// accepted. `all` and a tenant's are apart: each is resumed by itself. What the
/// service's operator has stopped of a tenant, the tenant cannot resume; the operator
/// can resume what the tenant has stopped, too.
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
    let scope = match scope {
        SendingScope::Tenant(tenant) if tenant != caller.tenant => SendingScope::OfService(tenant),
        scope => scope,
    };
    if scope.is_of_service() {
        caller.needs_of_service(&state, Scope::Admin).await?;
    }
    let order = SendingOrder {
        scope,
        action,
        actor: caller.name(&state).await?,
        reason,
        at: state.clock.now(),
    };
    if let (SendingScope::OfService(tenant), SendingAction::Resume) = (&order.scope, action) {
        // It goes on whoever stopped it.
        let scope = SendingScope::Tenant(tenant.clone());
        state
            .engine
            .order_sending(&SendingOrder { scope, ..order.clone() })
            .await?;
    }
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
    let views = stops.map(StopView::from);
    let stopped = if sees_all {
        views.collect()
    } else {
        views.map(StopView::for_tenant).collect()
    };
    view::json(StatusCode::OK, &Stopped { stopped })
}
