//! `POST /api/channels/KakaoChannel/results`: NHN Cloud's webhook, by which it tells that
//! results of messages have come. Who has the signature that was set with it may call;
//! all that follows is that the channel is asked soon, instead of at its next look.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use fanfare_channels::kakao_channel::webhook::{SIGNATURE, told_of};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Delivery;
use fanfare_core::fault::Fault;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::text::Text;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;

const CHANNEL: Channel = Channel::KakaoChannel;

/// What is looked at within this time anyway needs no hook.
const SOON: Duration = Duration::from_mins(1);

/// Distributions that one hook is heard about; the results of others are seen at their
/// next look.
const MOST: usize = 100;

/// As NHN Cloud's webhook guide has it; of each hook, one field is read.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes; the channel's client reads")]
pub(super) struct Hooks {
    /// `MESSAGE_RESULT_UPDATE`; others are let pass.
    event: String,
    hooks: Vec<Hook>,
}

/// One message's.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes; the channel's client reads")]
pub(super) struct Hook {
    /// By which this service knows its own.
    recipient_grouping_key: Option<String>,
}

/// Hears that results of Kakao messages have come.
///
/// For NHN Cloud's webhook, with the signature that was set there
/// (`channels.kakao_channel.webhook_signature`); without that setting every call is
/// refused. What became of the messages is not taken from the body: the channel is asked
/// half a minute later, and what it says then is shown, published and told.
#[utoipa::path(
    post,
    path = "/api/channels/KakaoChannel/results",
    operation_id = "hearOfKakaoResults",
    tag = "channels",
    params(("X-Toast-Webhook-Signature" = String, Header, description = "The signature that was set with the webhook")),
    request_body(content = Hooks, example = json!({
        "hooksId": "202007271010101010sadasdavas", "webhookConfigId": "1", "productName": "KakaoTalk Bizmessage",
        "appKey": "akb3dukdmdjsdSvgk", "event": "MESSAGE_RESULT_UPDATE",
        "hooks": [{"requestId": "2026112200000001", "recipientSeq": 1, "resultCode": "1000",
            "recipientGroupingKey": "01a21dcbbeaa7c82b73d0d21993d391f.default"}],
    })),
    responses(
        (status = 204, description = "Heard."),
        (status = 400, response = problems::BadRequest),
        (status = 403, response = problems::WrongSignature),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn hear(
    State(state): State<Arc<Api>>,
    _signed: Signed,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    let told = told_of(&body).ok_or_else(|| ApiError::Invalid(vec![no_hooks()]))?;
    for (tenant, id) in told.into_iter().take(MOST) {
        ask_soon(&state, &tenant, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The call bears the signature.
pub(super) struct Signed;

impl FromRequestParts<Arc<Api>> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let expected = state.kakao_signature.as_ref().ok_or(ApiError::WrongSignature)?;
        let brought = parts
            .headers
            .get(SIGNATURE)
            .map(HeaderValue::as_bytes)
            .unwrap_or_default();
        // Of two hashes, what differs first tells nothing of the texts.
        if Sha256::digest(brought) == Sha256::digest(expected.reveal()) {
            Ok(Self)
        } else {
            Err(ApiError::WrongSignature)
        }
    }
}

/// What is not there, or not waited for, is let pass: a hook may be older than what is
/// kept, and whoever signs it learns nothing of it.
async fn ask_soon(state: &Api, tenant: &TenantId, id: DistributionId) -> Result<(), ApiError> {
    let found = state.engine.latest(tenant, id).await?;
    let delivery = found.as_ref().and_then(|found| found.delivery(CHANNEL));
    let soon = state.clock.now().saturating_add(SOON).unwrap_or(Timestamp::MAX);
    let looks_later = |one: &Delivery| one.is_observed() && one.next_attempt_at.is_some_and(|at| at > soon);
    if delivery.is_some_and(looks_later) {
        state.engine.observe(tenant, id, CHANNEL).await?;
    }
    Ok(())
}

fn no_hooks() -> Fault {
    let detail = Text::new(
        "NHN Cloud's webhook is expected: `event`, and a list `hooks`.",
        "NHN Cloud 웹훅 본문이어야 합니다: `event`와 `hooks` 목록이 필요합니다.",
    );
    Fault::new("", "not_a_webhook", detail)
}
