//! `POST /api/distribution/distribute`: announces an event on every chosen
//! channel, and answers as soon as nothing moves, or when the wait is over.
//!
//! What is checked is core's business, what happens is the engine's; here is
//! how it is asked and answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::fault::Fault;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey};
use fanfare_core::request::CanonicalRequest;
use fanfare_core::result::ChannelResult;
use fanfare_core::text::{Language, Text};
use fanfare_core::validate::{self, Admitted};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::look_ahead::LookAhead;
use super::openapi::problems;
use super::openapi::request::DistributeBody;
use super::prefer::Preferences;
use super::replay;
use super::spending;
use super::state::Api;
use super::view::{self, Standing};
use crate::perform::{Answer, NewDistribution};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Characters of an idempotency key.
const KEY_MAX: usize = 255;

/// What came of a request to distribute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DistributeAnswer {
    /// Under this id the distribution is found from now on.
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
}

impl DistributeAnswer {
    pub(super) fn of(distribution: &Distribution, language: Language) -> Self {
        let standing = Standing::of(distribution);
        Self {
            distribution_id: distribution.id,
            event_id: distribution.event_id.clone(),
            status: distribution.status,
            success_channels: standing.success,
            failed_channels: standing.failed,
            open_channels: standing.open,
            results: view::results(distribution, language),
        }
    }
}

/// Announces an event on the chosen channels.
///
/// The answer comes as soon as nothing moves any more, at the latest after 30
/// seconds (`Prefer: wait=N`, `Prefer: respond-async`); the work goes on after a
/// 202. A request that was accepted before is answered with the same
/// distribution in its present state, recognised by its `Idempotency-Key`
/// (kept for 24 hours) or, without one, by its body while a channel of it is
/// held. All faults of a request are found before anything is accepted or sent.
#[utoipa::path(
    post,
    path = "/api/distribution/distribute",
    operation_id = "distribute",
    tag = "distribution",
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
            description = "The caller's name for this request. Once, 1 to 255 visible ASCII characters. The same \
                key with the same body gives the same distribution, with another body 422 `idempotency_key_reused`."),
        ("Prefer" = Option<String>, Header, example = "wait=10",
            description = "`wait=N`: wait up to N seconds, 0 to 60; more is cut to 60. `respond-async`: do not wait, \
                or, together with `wait`, no longer than that (RFC 7240). Others are ignored."),
    ),
    request_body(
        content = DistributeBody,
        description = "At most 1.5 MB of JSON in UTF-8, no key twice, not compressed.",
        examples(
            ("three fields" = (summary = "All that is needed in mock mode", value = json!({
                "eventId": "evt-2026-001",
                "channels": ["WooridongneTV", "Instagram", "KakaoChannel"],
                "contentUrls": { "imageUrl": "https://cdn.example.com/events/spring.jpg" }
            }))),
            ("with texts and options" = (summary = "Texts, options and a time", value = json!({
                "eventId": "evt-2026-002",
                "channels": ["GenieTV", "Instagram"],
                "contentUrls": { "imageUrl": "https://cdn.example.com/events/spring.jpg" },
                "content": { "title": "봄맞이 할인", "body": "이번 주말 전 품목 20% 할인합니다.", "hashtags": ["봄", "할인"] },
                "channelOptions": { "GenieTV": { "region": "1168000000", "budget": 300_000 } },
                "onInvalid": "skip"
            })))
        )
    ),
    responses(
        (status = 200, body = DistributeAnswer,
            description = "Nothing moves: COMPLETED, PARTIALLY_COMPLETED, FAILED or CANCELLED.",
            headers(
                ("Idempotent-Replayed" = String, description = "`true` where the request was accepted before"),
                ("Preference-Applied" = String, description = "Which preferences were honoured"),
            )),
        (status = 202, body = DistributeAnswer,
            description = "Accepted; it moves, waits, or begins at `scheduledAt`. Its state is at `Location`.",
            headers(
                ("Location" = String, description = "Where its state is: `/api/distributions/{id}`"),
                ("Idempotent-Replayed" = String, description = "`true` where the request was accepted before"),
                ("Preference-Applied" = String, description = "Which preferences were honoured"),
            )),
        (status = 400, response = problems::BadRequest),
        (status = 408, response = problems::BodyTooSlow),
        (status = 409, response = problems::AlreadyDistributed),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 429, response = problems::Overloaded),
        (status = 503, response = problems::NotNow),
    )
)]
pub(super) async fn distribute(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key(&headers)?;
    let preferences = Preferences::of(&headers);
    let wait = preferences.wait(state.limits.default_wait);
    // Until the answer.
    let place;
    let admit = state.admit_of(&caller, &body).await?;
    let now = state.clock.now();
    let (id, replayed, scheduled) = match validate::admit(&body, &admit, now) {
        Ok(admitted) => {
            let scheduled = admitted.request.scheduled_at.is_some();
            let ahead = LookAhead::of(&admitted, state.admit.modes, now);
            let answers_after = if scheduled { Duration::ZERO } else { wait };
            place = state.places.take(answers_after.max(ahead.patience()))?;
            let mut new = new_distribution(&state, &caller, admitted, idempotency_key);
            new.request.files = ahead.look(&state, &caller.tenant, &new.request, now).await?;
            let (id, replayed) = accepted(spending::accept(&state, new).await)?;
            (id, replayed, scheduled)
        }
        Err(faults) => match replay::of_the_past(&state, &caller, &body, idempotency_key.as_ref(), &faults).await? {
            Some(id) => {
                place = state.places.take(wait)?;
                (id, true, false)
            }
            None => return Err(ApiError::Invalid(faults)),
        },
    };
    let wait = if scheduled { Duration::ZERO } else { wait };
    let distribution = state.engine.rest(&caller.tenant, id, wait).await?;
    drop(place);
    let distribution =
        distribution.ok_or_else(|| ApiError::internal("reading what was accepted", "it is not there"))?;
    let mut response = answer(&distribution, language)?;
    if replayed {
        let headers = response.headers_mut();
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(preferences.said(response))
}

fn new_distribution(
    state: &Api,
    caller: &Caller,
    admitted: Admitted,
    idempotency_key: Option<IdempotencyKey>,
) -> NewDistribution {
    NewDistribution {
        tenant: caller.tenant.clone(),
        request: CanonicalRequest::new(admitted.request),
        skipped: admitted.skipped.iter().map(skipped).collect(),
        modes: state.admit.modes,
        idempotency_key,
    }
}

/// Under which id, and whether it was accepted before.
fn accepted(answer: Answer) -> Result<(DistributionId, bool), ApiError> {
    match answer {
        Answer::Accepted(id) => Ok((id, false)),
        Answer::Replayed(id) => Ok((id, true)),
        Answer::KeyReused(id) => Err(ApiError::KeyReused(id)),
        Answer::Held(holders) => Err(ApiError::AlreadyDistributed(holders)),
        Answer::OverSpent(over) => Err(ApiError::Invalid(spending::faults(&over))),
        Answer::Overloaded { retry_after } => Err(ApiError::Overloaded { retry_after }),
        Answer::Behind(behind) => Err(ApiError::Behind(behind)),
        Answer::Unavailable { retry_after } => Err(ApiError::Unavailable { retry_after }),
    }
}

/// 200 where nothing moves, else 202 with the place of its state.
pub(super) fn answer(distribution: &Distribution, language: Language) -> Result<Response, ApiError> {
    answer_with(distribution, language, &DistributeAnswer::of(distribution, language))
}

/// The same with another body.
pub(super) fn answer_with(
    distribution: &Distribution,
    language: Language,
    body: &impl Serialize,
) -> Result<Response, ApiError> {
    let status = match distribution.status {
        DistributionStatus::Pending | DistributionStatus::InProgress => StatusCode::ACCEPTED,
        DistributionStatus::Completed
        | DistributionStatus::PartiallyCompleted
        | DistributionStatus::Failed
        | DistributionStatus::Cancelled => StatusCode::OK,
    };
    answer_as(status, distribution, language, body)
}

/// The same with another status.
pub(super) fn answer_as(
    status: StatusCode,
    distribution: &Distribution,
    language: Language,
    body: &impl Serialize,
) -> Result<Response, ApiError> {
    let mut response = view::json_in(language, status, body)?;
    if status == StatusCode::ACCEPTED {
        let location = format!("/api/distributions/{}", distribution.id);
        let location =
            HeaderValue::try_from(location).map_err(|error| ApiError::internal("writing a location", error))?;
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// The caller's name for the request, where there is one.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    let fits = (1..=KEY_MAX).contains(&value.len());
    match value.to_str() {
        Ok(key) if visible && fits && values.next().is_none() => Ok(Some(IdempotencyKey::new(key))),
        _ => Err(ApiError::BadIdempotencyKey),
    }
}

/// All that is wrong with a skipped channel, in one sentence each.
fn skipped((channel, faults): &(Channel, Vec<Fault>)) -> (Channel, Failure) {
    let words = |language| {
        let each = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.pointer, fault.detail.get(language)));
        each.collect::<Vec<_>>().join(" ")
    };
    let detail = Text::new(words(Language::En), words(Language::Ko));
    (*channel, cause::VALIDATION_FAILED.because(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[&[u8]]) -> Result<Option<IdempotencyKey>, ApiError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        idempotency_key(&headers)
    }

    #[test]
    fn a_key_is_one_to_255_visible_characters() {
        assert_eq!(key(&[]).unwrap(), None);
        assert_eq!(key(&[b"a"]).unwrap(), Some(IdempotencyKey::new("a")));
        assert!(key(&[&[b'x'; 255]]).unwrap().is_some());
        for bad in [&b""[..], &[b'x'; 256], b"a b", b"a\tb", "키".as_bytes(), b"\xff"] {
            assert!(matches!(key(&[bad]), Err(ApiError::BadIdempotencyKey)), "{bad:?}");
        }
        assert!(key(&[b"a", b"a"]).is_err());
    }

    #[test]
    fn a_skipped_channel_says_all_that_is_wrong_with_it() {
        let fault = |pointer| Fault::new(pointer, "too_long", Text::new("Too long.", "너무 깁니다."));
        let (channel, failure) = skipped(&(Channel::Instagram, vec![fault("/a"), fault("/b")]));
        assert_eq!(channel, Channel::Instagram);
        assert_eq!(failure.code, "validation_failed");
        assert_eq!(failure.detail.en, "/a: Too long. /b: Too long.");
        assert_eq!(failure.detail.ko, "/a: 너무 깁니다. /b: 너무 깁니다.");
    }
}
