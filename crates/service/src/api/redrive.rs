//! `POST /api/distributions/redrive`: a second chance for many deliveries at once, by
//! filter. Unless it is told otherwise it only looks (`redrive/plan.rs`); then it goes
//! step by step (`redrive/step.rs`), each of which says where the next one begins.
//!
//! Nothing goes around the engine: each distribution is asked for as `retry` asks.

mod cursor;
mod plan;
mod step;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fanfare_core::decode::redrive as decode;
use fanfare_core::decode::redrive::RedriveOrder;
use fanfare_core::redrive::{FailedDelivery, Obstacle, RedriveFilter};
use fanfare_core::text::Language;
use fanfare_ledger::StoreError;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use self::cursor::Place;
use self::plan::RedrivePlan;
use self::step::RedriveStep;
use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::openapi::redrive::RedriveBody;
use super::prefer::Preferences;
use super::preview::is_tried;
use super::state::Api;
use super::view;

/// What a dry run found, or what came of a step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RedriveAnswer {
    /// Of a dry run.
    Plan(RedrivePlan),
    /// Of a step.
    Step(RedriveStep),
}

/// Deliveries that are not redriven, for one reason.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Skipped {
    /// `outcome_unknown`, `not_retryable`, `called_off`, `claim_held`, `superseded`,
    /// `still_moving`, `channel_held`, `channel_behind`, `spend_cap_exceeded`, `owned_elsewhere`, `changed`. More may be added.
    #[schema(value_type = String, example = "claim_held")]
    reason: &'static str,
    /// How many.
    count: u64,
    /// The reason in words, and what to do.
    message: String,
}

impl Skipped {
    fn all(counts: &BTreeMap<Obstacle, u64>, language: Language) -> Vec<Self> {
        let skipped = |(obstacle, count): (&Obstacle, &u64)| Self {
            reason: obstacle.name(),
            count: *count,
            message: obstacle.text().get(language).to_owned(),
        };
        counts.iter().map(skipped).collect()
    }
}

/// What a step works with.
struct Run<'a> {
    state: &'a Api,
    caller: &'a Caller,
    filter: &'a RedriveFilter,
    order: &'a RedriveOrder,
    by: Option<String>,
}

/// Tries again many deliveries that failed, by filter: after an outage, for instance.
///
/// Without `"dryRun": false` it only looks: how many there are by channel and cause,
/// how many of these can't be redriven and why, and a `next`. A real run passes that as
/// `cursor`, with the same filter and a reason: it takes what had failed when that
/// was looked at, oldest first, in steps of `limit` deliveries, and each step waits
/// (`Prefer: wait=N`) for what comes of it before it says where the `next` one begins.
/// So no more than one step's deliveries are under way at once. A step that is
/// asked for again, or was cut off, redrives nothing twice: what it redrove is not
/// FAILED any more. Only the latest distribution of an event is redriven on each
/// channel; what was called off is not.
#[utoipa::path(
    post,
    path = "/api/distributions/redrive",
    operation_id = "redrive",
    tag = "distributions",
    params(
        ("Prefer" = Option<String>, Header, example = "wait=10", description = "As for `distribute`; a dry run does not wait."),
    ),
    request_body(content = RedriveBody, example = json!({
        "channels": ["Instagram"], "codes": ["channel_unavailable"], "since": "2026-12-01T09:00:00+09:00"
    })),
    responses(
        (status = 200, body = RedriveAnswer, description = "What was found, or what came of the step.",
            headers(("Preference-Applied" = String, description = "Which preferences were honoured"))),
        (status = 400, response = problems::BadRequest),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::NotNow),
    )
)]
pub(super) async fn redrive(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let asked = decode::redrive(&body).map_err(ApiError::Invalid)?;
    let Some(order) = asked.order else {
        let plan = plan::plan(&state, &caller, &asked.filter, language).await?;
        return view::json_in(language, StatusCode::OK, &RedriveAnswer::Plan(plan));
    };
    let preferences = Preferences::of(&headers);
    let wait = preferences.wait(state.limits.default_wait);
    let _place = state.places.take(wait)?;
    let run = Run {
        state: &state,
        caller: &caller,
        filter: &asked.filter,
        order: &order,
        by: caller.key_name(&state).await?,
    };
    let step = step::step(&run, wait, language).await?;
    let answer = view::json_in(language, StatusCode::OK, &RedriveAnswer::Step(step))?;
    Ok(preferences.said(answer))
}

/// The same filter, for what had come to stand so when the dry run looked.
fn failed_by(filter: &RedriveFilter, place: Place) -> RedriveFilter {
    let after = Timestamp::from_microsecond(place.as_of.saturating_add(1)).unwrap_or(Timestamp::MAX);
    RedriveFilter {
        until: Some(filter.until.map_or(after, |until| until.min(after))),
        ..filter.clone()
    }
}

/// What stands in a delivery's way at the moment, here.
async fn obstacle(state: &Api, caller: &Caller, delivery: &FailedDelivery) -> Result<Option<Obstacle>, StoreError> {
    let obstacle = Obstacle::of(delivery);
    if obstacle.is_some() || delivery.is_known_live {
        return Ok(obstacle);
    }
    let why = state.engine.held_back(&caller.tenant, delivery.channel).await?;
    Ok(why.filter(|why| !is_tried(why)).map(|_| Obstacle::ChannelHeld))
}
