//! `POST /api/distributions/{id}/cancel`: calls a distribution off. It is answered
//! like `distribute`, and says of each channel what that comes to.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::decode::ask;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::text::{Language, Text};
use serde::{Deserialize, Serialize};
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
use crate::perform::{Ask, CallOff};

/// Why it is called off.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::ask` reads")]
pub(super) struct CancelBody {
    #[schema(schema_with = openapi::reason)]
    reason: Option<String>,
}

/// How the distribution stands, and what calling it off came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelAnswer {
    #[serde(flatten)]
    standing: DistributeAnswer,
    /// One entry for each channel, in the order of the request.
    cancellation: Vec<Cancellation>,
}

/// What it came to on one channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellation {
    /// Where.
    channel: Channel,
    /// `cancelled`: the service does not send it; where a person was to post it, look
    /// whether that was done. `under_way`: its call comes to its end; it may still be
    /// published, or become CANCELLED, and is not tried again. `went_live`: it was under
    /// way, and was published all the same.
    /// `stays_live`: it was published before and stays so. `in_review`: a person
    /// decides. `failed`: it has failed. More may be added.
    #[schema(value_type = String, example = "cancelled")]
    effect: &'static str,
    /// The same in words.
    message: String,
}

impl CancelAnswer {
    fn of(distribution: &Distribution, language: Language) -> Self {
        let deliveries = distribution.deliveries.iter();
        let cancellation = deliveries.map(|delivery| {
            let (effect, words) = effect(CallOff::of(delivery), delivery);
            Cancellation {
                channel: delivery.channel,
                effect,
                message: words.get(language).to_owned(),
            }
        });
        Self {
            cancellation: cancellation.collect(),
            standing: DistributeAnswer::of(distribution, language),
        }
    }
}

/// As it stands once it was called off.
fn effect(effect: CallOff, delivery: &Delivery) -> (&'static str, Text) {
    let (word, en, ko) = match (effect, delivery.status) {
        (CallOff::Closed, DeliveryStatus::Success) if delivery.is_withdrawing() => {
            return ("under_way", cause::WITHDRAW_REQUESTED.text());
        }
        // It was under way, and has come to its end since.
        (CallOff::Closed, DeliveryStatus::Success) if delivery.called_off => (
            "went_live",
            "The channel was already being called, and has published it. Withdraw it (`withdraw`) if it must \
             go, or take it down on the channel itself.",
            "이미 채널을 호출하고 있었고 그대로 게시되었습니다. 내려야 한다면 `withdraw`를 요청하거나 채널에서 직접 삭제해 주세요.",
        ),
        (CallOff::Closed, DeliveryStatus::Failed) if delivery.called_off => (
            "failed",
            "The channel was already being called, and it failed there; nothing was published, and nothing more happens.",
            "이미 채널을 호출하고 있었지만 실패했습니다. 게시되지 않았으며 더 진행되지 않습니다.",
        ),
        (CallOff::Closed, DeliveryStatus::Success) => (
            "stays_live",
            "It was published before, and stays live. Withdraw it (`withdraw`) if it must go, or take it down on the \
             channel itself.",
            "이미 게시되어 그대로 유지됩니다. 내려야 한다면 `withdraw`를 요청하거나 채널에서 직접 삭제해 주세요.",
        ),
        (CallOff::Closed, DeliveryStatus::Failed) => (
            "failed",
            "It had failed before; nothing more happens.",
            "이미 실패한 채널이라 더 진행되지 않습니다.",
        ),
        (CallOff::InReview, _) => (
            "in_review",
            "It was sent, and whether it took effect is not known. A person decides (`resolve`); it is not sent again \
             by itself.",
            "이미 전송했으나 반영 여부를 알 수 없습니다. 담당자가 확인해 결정(`resolve`)해야 하며, 자동으로 다시 보내지 않습니다.",
        ),
        (CallOff::UnderWay, _) => (
            "under_way",
            "The channel was already being called. That is not interrupted: it comes to its end, may still be \
             published, and is not tried again.",
            "이미 채널을 호출하고 있어 중단하지 않고 끝까지 확인합니다. 게시될 수도 있으며, 다시 시도하지는 않습니다.",
        ),
        (CallOff::Closed | CallOff::Cancelled, _) => return ("cancelled", why_cancelled(delivery)),
    };
    (word, Text::new(en, ko))
}

/// It has not begun, or its attempt had no effect; or a person was to post it, and may
/// have: its own words tell which.
fn why_cancelled(delivery: &Delivery) -> Text {
    let why = delivery.failure.clone();
    let why = why.filter(|_| delivery.status == DeliveryStatus::Cancelled);
    why.unwrap_or_else(|| cause::CANCELLED.failure()).detail
}

/// Calls a distribution off.
///
/// What has not begun becomes CANCELLED and gives its hold on the event back. What
/// is live stays live. A call that is under way is not interrupted: where nothing has
/// had an effect before it, and it has none, the channel becomes CANCELLED, else it
/// comes to its end, and no further attempt follows; where its outcome is unknown, it
/// is looked up, and what is in review stays a person's. Answered at once, unless `Prefer: wait=N`
/// asks for the end of what is under way.
#[utoipa::path(
    post,
    path = "/api/distributions/{id}/cancel",
    operation_id = "cancel",
    tag = "distributions",
    params(
        ("id" = Uuid, Path, description = "The `distributionId`"),
        ("Prefer" = Option<String>, Header, example = "wait=10", description = "As for `distribute`; without it, no wait."),
    ),
    request_body(content = CancelBody, example = json!({"reason": "비가 와서 행사를 미룹니다."})),
    responses(
        (status = 200, body = CancelAnswer, description = "Nothing moves any more.",
            headers(("Preference-Applied" = String, description = "Which preferences were honoured"))),
        (status = 202, body = CancelAnswer, description = "Some of it is still under way. Its state is at `Location`.",
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
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn cancel(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DistributionInPath(id): DistributionInPath,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    known(&state, &caller, id).await?;
    let reason = ask::reason(&body).map_err(ApiError::Invalid)?;
    let preferences = Preferences::of(&headers);
    let by = caller.key_name(&state).await?;
    granted(&state, &caller, id, &Ask::Cancel { by, reason }).await?;
    let wait = preferences.wait(Duration::ZERO);
    // It is called off; who finds no place to wait in is told how it stands now.
    if !wait.is_zero()
        && let Ok(_place) = state.places.take(wait)
    {
        stands(&state, &caller, id, wait).await?;
    }
    // Who waits for news may hear of this a moment later than the database.
    let distribution = state.store.distribution(&caller.tenant, id).await?;
    let distribution = distribution.ok_or(ApiError::DistributionUnknown)?;
    let answer = CancelAnswer::of(&distribution, language);
    Ok(preferences.said(distribute::answer_with(&distribution, language, &answer)?))
}
