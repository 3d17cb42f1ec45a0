//! Who asks, and for what: the tenant, and the ids in the path.
//!
//! There is one tenant as long as there are no API keys; when there are, this
//! is the one place that reads them. An id that is malformed is answered like
//! one that is absent: a caller learns nothing from the difference.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use fanfare_core::ids::{DistributionId, EventId, TenantId};

use super::error::ApiError;
use super::state::Api;

/// Characters of an event's id; longer ones are never accepted.
const EVENT_ID_MAX: usize = 256;

/// Who asks.
pub(super) struct Caller {
    /// Whose data may be seen.
    pub(super) tenant: TenantId,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        Ok(Self {
            tenant: state.tenant.clone(),
        })
    }
}

/// The distribution that the path names.
pub(super) struct DistributionInPath(pub(super) DistributionId);

impl FromRequestParts<Arc<Api>> for DistributionInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let text = text_in_path(parts, state).await;
        let id = text.and_then(|text| text.parse().ok());
        id.map(Self).ok_or(ApiError::DistributionUnknown)
    }
}

/// The event that the path names.
pub(super) struct EventInPath(pub(super) EventId);

impl FromRequestParts<Arc<Api>> for EventInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let text = text_in_path(parts, state).await;
        let event = text.and_then(|text| event_of(&text));
        event.map(Self).ok_or(ApiError::EventUnknown)
    }
}

/// Bytes that are not UTF-8 are no id either.
async fn text_in_path(parts: &mut Parts, state: &Arc<Api>) -> Option<String> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.ok().map(|Path(text)| text)
}

/// An event's id as acceptance takes it; `None` for what it never took, so that
/// a database is not asked for it.
pub(super) fn event_of(text: &str) -> Option<EventId> {
    let possible =
        !text.trim().is_empty() && text.chars().count() <= EVENT_ID_MAX && !text.chars().any(char::is_control);
    possible.then(|| EventId::new(text))
}
