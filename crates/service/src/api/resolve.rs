//! `POST /api/distributions/{id}/channels/{channel}/resolve`: a person says what
//! came of a channel whose outcome nobody knows, or that was handed to a person. The
//! history says who said so.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use fanfare_core::decode::ask;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ask::{granted_of_channel, known, stands};
use super::body::JsonBody;
use super::caller::{Caller, DeliveryInPath};
use super::distribute::{self, DistributeAnswer};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::{self, problems};
use super::state::Api;
use crate::perform::Ask;

/// What a person saw on the channel. Beside `live`, the channel's own result
/// fields may be given, as `GET /api/channels` lists them.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::ask` reads")]
pub(super) struct ResolveBody {
    /// Whether it can be seen there.
    live: bool,
    #[schema(schema_with = openapi::reason)]
    reason: Option<String>,
    /// Instagram, Naver Blog: the post's address, on the channel's own host.
    #[schema(min_length = 1, max_length = 2048, pattern = r"\S")]
    post_url: Option<String>,
    /// Instagram.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    post_id: Option<String>,
    /// 우리동네TV.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    distribution_id: Option<String>,
    /// 우리동네TV.
    #[schema(minimum = 0)]
    estimated_views: Option<u64>,
    /// 링고비즈.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    update_timestamp: Option<String>,
    /// 지니TV.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    ad_id: Option<String>,
    /// 지니TV.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    impression_schedule: Option<String>,
    /// Kakao Channel.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    message_id: Option<String>,
}

/// Says what came of a channel that is in review, or was handed to a person.
///
/// `{"live": true}` makes it SUCCESS; `{"live": false}` makes it FAILED
/// `not_live`, after which `retry` may send it again. Either opens a new
/// generation, and the outcome is published anew. What waits for a breaker while nobody
/// knows whether it took effect is resolved in the same way: who has looked on the
/// channel need not wait.
#[utoipa::path(
    post,
    path = "/api/distributions/{id}/channels/{channel}/resolve",
    operation_id = "resolve",
    tag = "distributions",
    params(
        ("id" = Uuid, Path, description = "The `distributionId`"),
        ("channel" = String, Path, description = "The channel's name, such as `Instagram`"),
    ),
    request_body(content = ResolveBody, example = json!({
        "live": true, "postUrl": "https://www.instagram.com/p/DA1b2C3d4/"
    })),
    responses(
        (status = 200, body = DistributeAnswer, description = "Nothing moves any more."),
        (status = 202, body = DistributeAnswer, description = "Other channels move or wait."),
        (status = 400, response = problems::BadRequest),
        (status = 404, response = problems::NotFound),
        (status = 408, response = problems::BodyTooSlow),
        (status = 409, response = problems::NotPossible),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn resolve(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DeliveryInPath(id, channel): DeliveryInPath,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    known(&state, &caller, id).await?;
    let (verdict, reason) =
        ask::resolve(&body, channel, &state.post_hosts[channel.index()]).map_err(ApiError::Invalid)?;
    let by = caller.key_name(&state).await?;
    let resolved = Ask::Resolve {
        channel,
        verdict,
        by,
        reason,
    };
    granted_of_channel(&state, &caller, id, &resolved).await?;
    let distribution = stands(&state, &caller, id, Duration::ZERO).await?;
    distribute::answer(&distribution, language)
}
