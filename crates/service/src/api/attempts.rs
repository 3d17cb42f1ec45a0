//! `GET /api/distributions/{id}/attempts`: every run of every channel's
//! protocol, and how it ended.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::attempt::Attempt;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Phase;
use fanfare_core::ids::DistributionId;
use fanfare_core::text::Language;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, DistributionInPath};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;

/// All attempts of a distribution.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptList {
    /// Which.
    distribution_id: DistributionId,
    /// By channel in the order of the request, then by generation and attempt;
    /// a channel's current one is its last.
    attempts: Vec<AttemptView>,
}

/// One run of a channel's protocol.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptView {
    /// Where.
    channel: Channel,
    /// From 1; a redrive, a decision of a person, or the channel's later word opens the next.
    #[schema(minimum = 1)]
    generation: u32,
    /// From 1 within the generation.
    #[schema(minimum = 1)]
    attempt: u32,
    /// How far it came. More words may be added.
    phase: Phase,
    /// Why it did not succeed: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why it did not succeed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The channel's own code and words, or what broke off: for the person who
    /// decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_said: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl AttemptView {
    fn of(attempt: &Attempt, language: Language) -> Self {
        let failure = attempt.failure.as_ref();
        Self {
            channel: attempt.channel,
            generation: attempt.generation,
            attempt: attempt.attempt,
            phase: attempt.phase,
            code: failure.map(|failure| failure.code.clone().into_owned()),
            message: failure.map(|failure| failure.detail.get(language).to_owned()),
            channel_said: failure.and_then(|failure| failure.channel_said.clone()),
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
        }
    }
}

/// Shows every attempt on every channel, and how it ended.
#[utoipa::path(
    get,
    path = "/api/distributions/{id}/attempts",
    operation_id = "listAttempts",
    tag = "distributions",
    params(("id" = Uuid, Path, description = "The `distributionId`")),
    responses(
        (status = 200, body = AttemptList, description = "All attempts."),
        (status = 404, response = problems::NotFound),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn list_attempts(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DistributionInPath(id): DistributionInPath,
) -> Result<Response, ApiError> {
    let attempts = state.store.attempts(&caller.tenant, id).await?;
    let attempts = attempts.ok_or(ApiError::DistributionUnknown)?;
    let list = AttemptList {
        distribution_id: id,
        attempts: attempts
            .iter()
            .map(|attempt| AttemptView::of(attempt, language))
            .collect(),
    };
    view::json_in(language, StatusCode::OK, &list)
}
