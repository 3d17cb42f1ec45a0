//! What answers have in common: how a distribution is shown, and how JSON is
//! sent. What only one endpoint shows is in its own file.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::result::ChannelResult;
use fanfare_core::text::Language;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::language::tag_of;

/// Sends JSON that is not to be cached by anybody between.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(body).map_err(|error| ApiError::internal("writing an answer", error))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Sends JSON whose messages are in the caller's language.
pub(super) fn json_in(language: Language, status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    let mut response = json(status, body)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(tag_of(language)));
    headers.insert(VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}

/// Channels by how they stand; every channel of the request is in one of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// SUCCESS.
    pub(super) success: Vec<Channel>,
    /// FAILED or CANCELLED.
    pub(super) failed: Vec<Channel>,
    /// Everything else: it may still succeed.
    pub(super) open: Vec<Channel>,
}

impl Standing {
    /// In the order of the request.
    pub(super) fn of(distribution: &Distribution) -> Self {
        let mut standing = Self::default();
        for delivery in &distribution.deliveries {
            let place = match delivery.status {
                DeliveryStatus::Success => &mut standing.success,
                DeliveryStatus::Failed | DeliveryStatus::Cancelled => &mut standing.failed,
                DeliveryStatus::Pending
                | DeliveryStatus::InProgress
                | DeliveryStatus::Retrying
                | DeliveryStatus::Waiting
                | DeliveryStatus::NeedsReview
                | DeliveryStatus::ActionRequired => &mut standing.open,
            };
            place.push(delivery.channel);
        }
        standing
    }
}

/// One entry of `results` for each channel, in the order of the request.
pub(super) fn results(distribution: &Distribution, language: Language) -> Vec<ChannelResult> {
    let deliveries = distribution.deliveries.iter();
    deliveries
        .map(|delivery| ChannelResult::of(delivery, language))
        .collect()
}

/// The version that was published last; `None` before the first.
pub(super) fn published_version(distribution: &Distribution) -> Option<u32> {
    Some(distribution.version).filter(|version| *version > 0)
}

/// A distribution as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DistributionView {
    /// Its name; later ones sort after earlier ones.
    distribution_id: DistributionId,
    /// What is announced.
    #[schema(value_type = String)]
    event_id: EventId,
    /// Where it stands. More words may be added.
    status: DistributionStatus,
    /// Channels that succeeded.
    success_channels: Vec<Channel>,
    /// Channels that failed or were cancelled.
    failed_channels: Vec<Channel>,
    /// Channels that may still succeed.
    open_channels: Vec<Channel>,
    /// One entry for each channel, in the order of the request.
    results: Vec<ChannelResult>,
    /// Published outcomes so far; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    version: Option<u32>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When it begins, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_at: Option<Timestamp>,
    /// When the latest published outcome came to rest; absent while it moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
}

impl DistributionView {
    /// As it stands now.
    pub(super) fn of(distribution: &Distribution, language: Language) -> Self {
        let standing = Standing::of(distribution);
        Self {
            distribution_id: distribution.id,
            event_id: distribution.event_id.clone(),
            status: distribution.status,
            success_channels: standing.success,
            failed_channels: standing.failed,
            open_channels: standing.open,
            results: results(distribution, language),
            version: published_version(distribution),
            accepted_at: distribution.accepted_at,
            scheduled_at: distribution.request.request.scheduled_at,
            completed_at: distribution.completed_at,
        }
    }
}
