//! `POST /api/distribution/preview`: what each channel would get and what is
//! wrong, without sending or storing anything.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::cause;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::compose::{Composed, compose};
use fanfare_core::delivery::Failure;
use fanfare_core::distribution::Distribution;
use fanfare_core::fault::Fault;
use fanfare_core::ids::{DistributionId, EventId};
use fanfare_core::request::{CanonicalRequest, DistributeRequest, OnInvalid};
use fanfare_core::text::Language;
use fanfare_core::validate::{self, AdmitSettings};
use fanfare_ledger::Filter;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::caller::Caller;
use super::channels::ChannelProblem;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::openapi::request::PreviewBody;
use super::problem::ProblemFault;
use super::replay;
use super::spending::{SpendPreview, Spending};
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

/// What one channel would get.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelPreview {
    /// Where.
    channel: Channel,
    /// Whether the channel would really be called.
    mode: Mode,
    /// Whether `distribute` would send to it: nothing is wrong with it, nor with
    /// the request; nor, unless `onInvalid` is `skip`, with another channel. A
    /// repeat sends nothing, nor does a request with a channel that is held, nor one
    /// that would be held back at the moment (`problem`).
    would_send: bool,
    /// What keeps it from being sent now, though `distribute` would accept it: sending
    /// is stopped, the channel's breaker is open, the channel is not set up. Where only
    /// nothing answers at the channel's address, it would be tried. Absent where
    /// nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ChannelProblem>,
    /// The distribution of another body by which the event already holds this
    /// channel: `distribute` would answer 409 `already_distributed`. Absent where
    /// there is none, or `allowRepeat` takes the channel over.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<DistributionId>,
    /// What it would be sent; its fields are the channel's own.
    #[schema(value_type = Object)]
    content: Value,
    /// What mock mode invents because the request lacks it: JSON pointers below
    /// `/channelOptions/{channel}`. In live mode nothing is invented.
    invented: Vec<&'static str>,
    /// What is wrong with it.
    faults: Vec<ProblemFault>,
    /// What it would cost, in KRW: the budget, where the channel is really called; null
    /// where that is not known before sending, or nothing.
    #[schema(required = true)]
    cost: Option<u64>,
    /// How much may be spent on it, and is; absent where there is no cap. Beyond one,
    /// `faults` says `spend_cap_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<SpendPreview>,
    /// How many more messages the channel takes today; null where there is no
    /// quota or it is not known, as for every channel in this version.
    #[schema(required = true)]
    quota: Option<u64>,
}

/// Shows what each channel would get, and everything that is wrong. Nothing is
/// sent or stored. Faults are no error here: the answer is 200 wherever an event
/// and at least one channel can be read.
///
/// Whether the law lets a channel's messages be sent at that hour is not shown by
/// this version.
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
    let admit = state.admit_for(&caller).await?;
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
        faults: &faults,
        language,
        now,
    };
    let mut channels = Vec::with_capacity(request.channels.len());
    for channel in request.channels.iter().copied() {
        let held_back = state.engine.held_back(&caller.tenant, channel).await?;
        channels.push(viewer.channel(channel, state.admit.modes[channel.index()], held_back)?);
    }
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

/// What all channels' previews are made from.
struct Viewer<'r> {
    standing: &'r Standing,
    request: &'r DistributeRequest,
    spending: &'r Spending,
    faults: &'r [Fault],
    language: Language,
    now: Timestamp,
}

impl Viewer<'_> {
    fn channel(&self, channel: Channel, mode: Mode, held_back: Option<Failure>) -> Result<ChannelPreview, ApiError> {
        let faults = self.faults_of(Some(channel));
        let Composed { content, invented } = compose(self.request, channel, mode, self.now);
        let content =
            serde_json::to_value(&content).map_err(|error| ApiError::internal("composing a preview", error))?;
        let held = self.standing.held.iter().find(|(held, _)| *held == channel);
        let begins = self.standing.accepted && self.standing.replay_of.is_none();
        Ok(ChannelPreview {
            channel,
            mode,
            would_send: begins && faults.is_empty() && held_back.as_ref().is_none_or(is_tried),
            problem: held_back.map(|failure| ChannelProblem::of(&failure, self.language)),
            held_by: held.map(|(_, holder)| *holder),
            content,
            invented,
            faults,
            cost: self.spending.cost(channel),
            spend: self.spending.caps(channel),
            quota: None,
        })
    }

    fn faults_of(&self, channel: Option<Channel>) -> Vec<ProblemFault> {
        let own = self.faults.iter().filter(|fault| fault.channel == channel);
        own.map(|fault| ProblemFault::of(fault, self.language)).collect()
    }
}
