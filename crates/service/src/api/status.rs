//! `GET /api/distribution/{eventId}/status`: where an event's newest
//! distribution stands. The cache is asked first, then the store.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use fanfare_core::distribution::DistributionStatus;
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::result::ChannelResult;
use fanfare_core::text::Language;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, EventInPath};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view;
use crate::status::CachedStatus;

/// Says where the answer comes from.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// Where an event stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventStatus {
    /// What is announced.
    #[schema(value_type = String)]
    event_id: EventId,
    /// Its newest distribution, which the rest speaks of.
    distribution_id: DistributionId,
    /// Where it stands. More words may be added.
    status: DistributionStatus,
    /// One entry for each channel, in the order of the request.
    results: Vec<ChannelResult>,
    /// Published outcomes so far; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    version: Option<u32>,
    /// The event's other distributions, newest first, at most 20.
    #[schema(max_items = 20)]
    distributions: Vec<DistributionId>,
}

impl EventStatus {
    fn of(known: &CachedStatus, language: Language) -> Self {
        Self {
            event_id: known.event_id.clone(),
            distribution_id: known.distribution_id,
            status: known.status,
            results: known.results(language),
            version: Some(known.version).filter(|version| *version > 0),
            distributions: known.others.to_vec(),
        }
    }
}

/// Shows where an event stands: its newest distribution, and the ids of the others.
#[utoipa::path(
    get,
    path = "/api/distribution/{eventId}/status",
    operation_id = "getEventStatus",
    tag = "distribution",
    params(("eventId" = String, Path, description = "The event, percent-encoded", example = "evt-2026-001")),
    responses(
        (status = 200, body = EventStatus, description = "Where it stands.",
            headers(("X-Cache" = String, description = "`hit`: from the cache; `miss`: from the database"))),
        (status = 404, response = problems::NotFound),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn get_event_status(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    EventInPath(event): EventInPath,
) -> Result<Response, ApiError> {
    let cached = state.cache.get(&caller.tenant, &event).await;
    let hit = cached.is_some();
    let known = match cached {
        Some(known) => known,
        None => stored(&state, &caller, &event).await?,
    };
    let mut response = view::json_in(language, StatusCode::OK, &EventStatus::of(&known, language))?;
    let said = HeaderValue::from_static(if hit { "hit" } else { "miss" });
    response.headers_mut().insert(X_CACHE, said);
    Ok(response)
}

/// Reads it from the store, and caches it if it rests: an entry ends after an
/// hour, and the performer puts only what has just come to rest.
async fn stored(state: &Api, caller: &Caller, event: &EventId) -> Result<CachedStatus, ApiError> {
    let newest = state.store.newest_of_event(&caller.tenant, event).await?;
    let newest = newest.ok_or(ApiError::EventUnknown)?;
    let known = CachedStatus::new(&newest.distribution, newest.others.into());
    if !newest.distribution.moves() {
        state.cache.put(known.clone()).await;
    }
    Ok(known)
}
