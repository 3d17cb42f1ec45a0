//! `POST /api/distribution/preview`: what each channel would get and what is
//! wrong, without sending or storing anything. One channel's part is in `channel.rs`.

mod channel;

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::distribution::Distribution;
use fanfare_core::fault::Fault;
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::request::{CanonicalRequest, OnInvalid};
use fanfare_core::validate::{self, AdmitSettings};
use fanfare_ledger::Filter;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::channel::{ChannelPreview, Viewer};
use super::body::JsonBody;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::openapi::request::PreviewBody;
use super::problem::ProblemFault;
use super::replay;
use super::spending::Spending;
use super::state::Api;
use super::view;

/// An event's newest distributions, among which a channel's holder is looked
/// for. It is the last one that did not fail there.
const HOLDERS_AMONG: usize = 200;

/// What a request would do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Preview {
    /// What would be announced.
    #[schema(value_type = String)]
    event_id: EventId,
    /// Whether `distribute` would accept this body, sent now without an
    /// `Idempotency-Key`, or answer it as a repeat (`replayOf`). Quotas and how
    /// much is in flight are not asked here.
    would_be_accepted: bool,
    /// This body was accepted before: `distribute` would send nothing and answer
    /// with this distribution. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<DistributionId>,
    /// What is wrong with the request as a whole.
    faults: Vec<ProblemFault>,
    /// In the order of the request.
    channels: Vec<ChannelPreview>,
}

/// Shows what each channel would get, and everything that is wrong. Nothing is
/// sent or stored. Faults are no error here: the answer is 200 wherever an event
/// and at least one channel can be read.
#[utoipa::path(
    post,
    path = "/api/distribution/preview",
    operation_id = "preview",
    tag = "distribution",
    request_body(
        content = PreviewBody,
        description = "The same body as for `distribute`; what that would refuse is listed here.",
        example = json!({
            "eventId": "evt-2026-001",
            "channels": ["WooridongneTV", "Instagram", "KakaoChannel"],
            "contentUrls": { "imageUrl": "https://cdn.example.com/events/spring.jpg" }
        })
    ),
    responses(
        (status = 200, body = Preview, description = "What it would do."),
        (status = 400, response = problems::BadRequest),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn preview(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let admit = state.admit_of(&caller, &body).await?;
    let (request, mut faults) = validate::faults(&body, &admit, now);
    let Some(request) = request else {
        return Err(ApiError::Invalid(faults));
    };
    let mut standing = standing((&state, &caller), &body, &admit, &faults, now).await?;
    let spending = Spending::of(&state, &caller, &request, now).await?;
    let beyond = spending.faults();
    if standing.replay_of.is_none() && !beyond.is_empty() {
        let some_are_left = faulty(&faults, &beyond) < request.channels.len();
        standing.accepted &= request.on_invalid == OnInvalid::Skip && some_are_left;
        faults.extend(beyond);
    }
    let viewer = Viewer {
        standing: &standing,
        request: &request,
        spending: &spending,
        frame: admit.kakao_frame.as_ref(),
        is_handed_over: state.hand_off.is_some(),
        faults: &faults,
        language,
        now,
    };
    let channels = viewer.channels(&state, &caller).await?;
    let preview = Preview {
        would_be_accepted: standing.accepted,
        replay_of: standing.replay_of,
        faults: viewer.faults_of(None),
        channels,
        event_id: request.event_id.clone(),
    };
    view::json_in(language, StatusCode::OK, &preview)
}

/// Channels with which something is wrong.
fn faulty(faults: &[Fault], beyond: &[Fault]) -> usize {
    let all = faults.iter().chain(beyond);
    let mut channels: Vec<_> = all.filter_map(|fault| fault.channel).collect();
    channels.sort_unstable_by_key(|channel| channel.index());
    channels.dedup();
    channels.len()
}

/// What `distribute` would make of the body.
struct Standing {
    accepted: bool,
    replay_of: Option<DistributionId>,
    /// Channels that others hold.
    held: Vec<(Channel, DistributionId)>,
}

/// Asks as the Ledger does on acceptance: the same body first, then the claims.
async fn standing(
    (state, caller): (&Api, &Caller),
    body: &Value,
    admit: &AdmitSettings,
    faults: &[Fault],
    now: Timestamp,
) -> Result<Standing, ApiError> {
    let Ok(admitted) = validate::admit(body, admit, now) else {
        let replay_of = replay::of_the_past(state, caller, body, None, faults).await?;
        return Ok(Standing {
            accepted: replay_of.is_some(),
            replay_of,
            held: Vec::new(),
        });
    };
    let skipped = admitted.skipped;
    let wanted = |channel: Channel| !skipped.iter().any(|(skipped, _)| *skipped == channel);
    let request = CanonicalRequest::new(admitted.request);
    let holders = holders(state, caller, &request, wanted).await?;
    let same = holders.iter().find(|(_, holder)| holder.request.hash == request.hash);
    let replay_of = same.map(|(_, holder)| holder.id);
    let held = holders.iter().map(|(channel, holder)| (*channel, holder.id));
    let held = held.filter(|_| replay_of.is_none() && !request.request.allow_repeat);
    let held: Vec<_> = held.collect();
    Ok(Standing {
        accepted: held.is_empty(),
        replay_of,
        held,
    })
}

/// Who holds the wanted channels of the event, in the order of the request.
async fn holders(
    state: &Api,
    caller: &Caller,
    request: &CanonicalRequest,
    wanted: impl Fn(Channel) -> bool,
) -> Result<Vec<(Channel, Arc<Distribution>)>, ApiError> {
    let filter = Filter {
        event_id: Some(request.request.event_id.clone()),
        ..Filter::default()
    };
    let known = state.store.list(&caller.tenant, &filter, None, HOLDERS_AMONG).await?;
    let known: Vec<_> = known.into_iter().map(Arc::new).collect();
    let channels = request.request.channels.iter().filter(|channel| wanted(**channel));
    let held = channels.filter_map(|channel| {
        let holds = |one: &&Arc<Distribution>| one.delivery(*channel).is_some_and(|delivery| delivery.holds_claim);
        known.iter().find(holds).map(|holder| (*channel, Arc::clone(holder)))
    });
    Ok(held.collect())
}

/// Whether it is tried all the same: that nothing answered at the channel a minute ago
/// is no reason not to.
pub(super) fn is_tried(problem: &Failure) -> bool {
    problem.code == cause::CHANNEL_UNREACHABLE.code
}
