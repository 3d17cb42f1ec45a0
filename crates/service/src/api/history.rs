//! `GET /api/distributions/{id}/history`: everything that happened to a
//! distribution, gap-free: who, when, and with which token (I11).

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::channel::Channel;
use fanfare_core::history::{HistoryEntry, Transition};
use fanfare_core::ids::DistributionId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, DistributionInPath};
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;

/// The history of a distribution.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    /// Which.
    distribution_id: DistributionId,
    /// Oldest first, without gaps.
    history: Vec<HistoryView>,
}

/// All that one commit changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryView {
    /// From 1, without gaps.
    #[schema(minimum = 1)]
    number: u32,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who decided it.
    #[schema(value_type = String)]
    actor: Cow<'static, str>,
    /// Why, in the words of who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The fencing token of the node that decided it.
    token: u64,
    /// In the order in which they happened.
    transitions: Vec<TransitionView>,
}

/// One change of a status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransitionView {
    /// Whose; absent where it is the distribution's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    /// From where; absent where it came to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    from: Option<Cow<'static, str>>,
    /// To where.
    #[schema(value_type = String)]
    to: Cow<'static, str>,
    /// Which generation, for a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u32>,
    /// Which attempt, for a channel that has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    /// Why, where it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<Cow<'static, str>>,
}

impl From<HistoryEntry> for HistoryView {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            number: entry.number,
            at: entry.at,
            actor: entry.actor,
            reason: entry.reason,
            token: entry.token.0,
            transitions: entry.transitions.into_iter().map(TransitionView::from).collect(),
        }
    }
}

impl From<Transition> for TransitionView {
    fn from(transition: Transition) -> Self {
        Self {
            channel: transition.channel,
            from: transition.from,
            to: transition.to,
            generation: transition.generation,
            attempt: transition.attempt,
            code: transition.code,
        }
    }
}

/// Shows everything that happened to a distribution, oldest first.
#[utoipa::path(
    get,
    path = "/api/distributions/{id}/history",
    operation_id = "getHistory",
    tag = "distributions",
    params(("id" = Uuid, Path, description = "The `distributionId`")),
    responses(
        (status = 200, body = History, description = "Its history."),
        (status = 404, response = problems::NotFound),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn get_history(
    State(state): State<Arc<Api>>,
    caller: Caller,
    DistributionInPath(id): DistributionInPath,
) -> Result<Response, ApiError> {
    let history = state.store.history(&caller.tenant, id).await?;
    let history = history.ok_or(ApiError::DistributionUnknown)?;
    let history = History {
        distribution_id: id,
        history: history.into_iter().map(HistoryView::from).collect(),
    };
    view::json(StatusCode::OK, &history)
}
