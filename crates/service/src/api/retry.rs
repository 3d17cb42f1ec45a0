//! `POST /api/distributions/{id}/retry`: a second chance for channels that
//! failed or were called off. It is answered like `distribute`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fanfare_core::channel::Channel;
use fanfare_core::decode::ask;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ask::{granted, known, stands};
use super::body::JsonBody;
use super::caller::{Caller, DistributionInPath};
use super::distribute::{self, DistributeAnswer};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::{self, problems};
use super::prefer::Preferences;
use super::state::Api;
use crate::perform::Ask;

/// Which channels are to be tried again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::ask` reads")]
pub(super) struct RetryBody {
    /// Each must have failed or been called off. Absent or empty: all that have; what
    /// was taken down (`withdrawn`) only where nothing else has.
    channels: Option<Vec<Channel>>,
    /// Why, in words of yours; it stands in the history.
    #[schema(schema_with = openapi::reason)]
    reason: Option<String>,
}

/// Tries again what failed or was called off.
///
/// Each channel takes its hold on the event again and begins a new generation.
/// Nothing is sent where it has become known meanwhile that the channel took the
/// last one: that is the outcome then.
#[utoipa::path(
    post,
    path = "/api/distributions/{id}/retry",
    operation_id = "retry",
    tag = "distributions",
    params(
        ("id" = Uuid, Path, description = "The `distributionId`"),
        ("Prefer" = Option<String>, Header, example = "wait=10", description = "As for `distribute`."),
    ),
    request_body(content = RetryBody, example = json!({"channels": ["Instagram"]})),
    responses(
        (status = 200, body = DistributeAnswer, description = "Nothing moves any more.",
            headers(("Preference-Applied" = String, description = "Which preferences were honoured"))),
        (status = 202, body = DistributeAnswer, description = "It moves or waits. Its state is at `Location`.",
            headers(
                ("Location" = String, description = "Where its state is: `/api/distributions/{id}`"),
                ("Preference-Applied" = String, description = "Which preferences were honoured"),
            )),
        (status = 400, response = problems::BadRequest),
        (status = 404, response = problems::NotFound),
        (status = 408, response = problems::BodyTooSlow),
        (status = 409, response = problems::NotPossible),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 429, response = problems::Overloaded),
        (status = 503, response = problems::NotNow),
    )
)]
pub(super) async fn retry(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DistributionInPath(id): DistributionInPath,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let preferences = Preferences::of(&headers);
    let wait = preferences.wait(state.limits.default_wait);
    known(&state, &caller, id).await?;
    let (channels, reason) = ask::retry(&body).map_err(ApiError::Invalid)?;
    let _place = state.places.take(wait)?;
    let by = caller.key_name(&state).await?;
    granted(&state, &caller, id, &Ask::Retry { channels, by, reason }).await?;
    let distribution = stands(&state, &caller, id, wait).await?;
    Ok(preferences.said(distribute::answer(&distribution, language)?))
}
