//! `POST /api/distributions/{id}/channels/{channel}/withdraw`: takes down what is live
//! on a channel. It is answered like `cancel`, and says what it came to.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::decode::ask;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::DistributionId;
use fanfare_core::text::{Language, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::granted_of_channel;
use super::body::JsonBody;
use super::caller::{Caller, DeliveryInPath};
use super::distribute::{self, DistributeAnswer};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::{self, problems};
use super::prefer::Preferences;
use super::state::Api;
use crate::perform::{Ask, Withdrawal};

/// Why it is taken down.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; `decode::ask` reads")]
pub(super) struct WithdrawBody {
    #[schema(schema_with = openapi::reason)]
    reason: Option<String>,
}

/// How the distribution stands, and what the withdrawal came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WithdrawAnswer {
    #[serde(flatten)]
    standing: DistributeAnswer,
    withdrawal: WithdrawalView,
}

/// What it came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WithdrawalView {
    /// Where.
    channel: Channel,
    /// `withdrawn`: it is not there any more. `under_way`: it is live still, and the
    /// channel is asked, by itself, until it is gone. `stays_live`: it could not be
    /// taken down; a person must. More may be added.
    #[schema(value_type = String, example = "withdrawn")]
    effect: &'static str,
    /// The same in words: what happened and what is to be done.
    message: String,
}

impl WithdrawalView {
    fn of(delivery: &Delivery, language: Language) -> Self {
        let (effect, words) = match Withdrawal::of(delivery) {
            Withdrawal::UnderWay => ("under_way", told(delivery)),
            Withdrawal::Failed => ("stays_live", told(delivery)),
            Withdrawal::Done => ("withdrawn", told(delivery)),
            // It was redriven since.
            Withdrawal::Live | Withdrawal::Moves | Withdrawal::NothingLive => ("withdrawn", sent_again()),
        };
        Self {
            channel: delivery.channel,
            effect,
            message: words.get(language).to_owned(),
        }
    }
}

fn told(delivery: &Delivery) -> Text {
    delivery
        .failure
        .as_ref()
        .map_or_else(sent_again, |why| why.detail.clone())
}

fn sent_again() -> Text {
    Text::new(
        "It was taken down, and somebody has had it sent again since.",
        "내려졌고, 이후 누군가 다시 보내도록 요청했습니다.",
    )
}

/// Takes down what is live on a channel.
///
/// Only what is SUCCESS is taken down; it stays so until the channel says that it is
/// gone, and is CANCELLED, `withdrawn`, then: the event is free to be announced there
/// again, and the outcome is published anew. A channel that does not answer is asked
/// again; one that refuses for good leaves it live, `withdrawal_failed`, and says why.
/// What has been asked before is answered as it stands. 우리동네TV, 링고비즈, 지니TV and
/// a blog that speaks `MetaWeblog` can; Instagram, Kakao Channel and a post that was
/// handed to a person can't: `withdrawal_unsupported` says what is done instead.
#[utoipa::path(
    post,
    path = "/api/distributions/{id}/channels/{channel}/withdraw",
    operation_id = "withdraw",
    tag = "distributions",
    params(
        ("id" = Uuid, Path, description = "The `distributionId`"),
        ("channel" = String, Path, description = "The channel's name, such as `WooridongneTV`"),
        ("Prefer" = Option<String>, Header, example = "wait=10", description = "As for `distribute`."),
    ),
    request_body(content = WithdrawBody, example = json!({"reason": "가격이 틀렸습니다."})),
    responses(
        (status = 200, body = WithdrawAnswer, description = "It is gone, or it could not be taken down: `withdrawal` says which.",
            headers(("Preference-Applied" = String, description = "Which preferences were honoured"))),
        (status = 202, body = WithdrawAnswer, description = "It is being taken down. Its state is at `Location`.",
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
pub(super) async fn withdraw(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DeliveryInPath(id, channel): DeliveryInPath,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    permitted(&state, &caller, id, channel).await?;
    let reason = ask::reason(&body).map_err(ApiError::Invalid)?;
    let preferences = Preferences::of(&headers);
    let by = caller.key_name(&state).await?;
    granted_of_channel(&state, &caller, id, &Ask::Withdraw { channel, by, reason }).await?;
    let wait = preferences.wait(state.limits.default_wait);
    // It is asked for; who finds no place to wait in is told how it stands now.
    let place = state.places.take(wait);
    let wait = if place.is_ok() { wait } else { Duration::ZERO };
    let distribution = state.engine.withdrawn(&caller.tenant, id, channel, wait).await?;
    let distribution = distribution.ok_or(ApiError::DistributionUnknown)?;
    Ok(preferences.said(answer(&distribution, channel, language)?))
}

/// A channel that can't do it is not asked, and the delivery not touched.
async fn permitted(state: &Api, caller: &Caller, id: DistributionId, channel: Channel) -> Result<(), ApiError> {
    let distribution = state.store.distribution(&caller.tenant, id).await?;
    let distribution = distribution.ok_or(ApiError::DistributionUnknown)?;
    let delivery = distribution.delivery(channel);
    let is_live = |delivery: &&Delivery| {
        delivery.mode == Mode::Live && delivery.status == DeliveryStatus::Success && !delivery.is_withdrawing()
    };
    if !delivery.is_some_and(|delivery| is_live(&delivery)) {
        return Ok(());
    }
    match state.engine.cannot_withdraw(&caller.tenant, channel).await? {
        Some(how) => Err(ApiError::WithdrawalUnsupported(channel, how)),
        None => Ok(()),
    }
}

/// `202` while it goes on, whatever the rest of the distribution does.
fn answer(distribution: &Distribution, channel: Channel, language: Language) -> Result<Response, ApiError> {
    let Some(delivery) = distribution.delivery(channel) else {
        return Err(ApiError::ChannelUnknown(channel.name().to_owned()));
    };
    let answer = WithdrawAnswer {
        withdrawal: WithdrawalView::of(delivery, language),
        standing: DistributeAnswer::of(distribution, language),
    };
    let status = if delivery.is_withdrawing() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    distribute::answer_as(status, distribution, language, &answer)
}
