//! `POST /api/distribution/preview`: what each channel would get and what is
//! wrong, without sending or storing anything.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::compose::{Composed, compose};
use fanfare_core::fault::Fault;
use fanfare_core::ids::EventId;
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Language;
use fanfare_core::validate;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::openapi::request::DistributeBody;
use super::problem::ProblemFault;
use super::state::Api;
use super::view;

/// What a request would do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Preview {
    /// What would be announced.
    #[schema(value_type = String)]
    event_id: EventId,
    /// Whether `distribute` would accept this body. Channels that the event
    /// already holds, and quotas, are not asked here.
    would_be_accepted: bool,
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
    /// the request; nor, unless `onInvalid` is `skip`, with another channel.
    would_send: bool,
    /// What it would be sent; its fields are the channel's own.
    #[schema(value_type = Object)]
    content: Value,
    /// What mock mode invents because the request lacks it: JSON pointers below
    /// `/channelOptions/{channel}`. In live mode nothing is invented.
    invented: Vec<&'static str>,
    /// What is wrong with it.
    faults: Vec<ProblemFault>,
    /// What it would cost, in KRW; null where that is not known before sending,
    /// as for every channel in this version.
    #[schema(required = true)]
    cost: Option<u64>,
    /// How many more messages the channel takes today; null where there is no
    /// quota or it is not known, as for every channel in this version.
    #[schema(required = true)]
    quota: Option<u64>,
}

/// Shows what each channel would get, and everything that is wrong. Nothing is
/// sent or stored. Faults are no error here: the answer is 200 wherever an event
/// and at least one channel can be read.
#[utoipa::path(
    post,
    path = "/api/distribution/preview",
    operation_id = "preview",
    tag = "distribution",
    request_body(content = DistributeBody, description = "The same body as for `distribute`."),
    responses(
        (status = 200, body = Preview, description = "What it would do."),
        (status = 400, response = problems::BadRequest),
        (status = 408, response = problems::BodyTooSlow),
        (status = 413, response = problems::BodyTooLarge),
        (status = 415, response = problems::UnsupportedMediaType),
        (status = 422, response = problems::Invalid),
    )
)]
pub(super) async fn preview(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let (request, faults) = validate::faults(&body, &state.admit, now);
    let Some(request) = request else {
        return Err(ApiError::Invalid(faults));
    };
    let viewer = Viewer {
        accepted: validate::admit(&body, &state.admit, now).is_ok(),
        request: &request,
        faults: &faults,
        language,
        now,
    };
    let channels = request.channels.iter();
    let channels = channels.map(|channel| viewer.channel(*channel, state.admit.modes[channel.index()]));
    let preview = Preview {
        would_be_accepted: viewer.accepted,
        faults: viewer.faults_of(None),
        channels: channels.collect::<Result<_, _>>()?,
        event_id: request.event_id.clone(),
    };
    view::json_in(language, StatusCode::OK, &preview)
}

/// What all channels' previews are made from.
struct Viewer<'r> {
    accepted: bool,
    request: &'r DistributeRequest,
    faults: &'r [Fault],
    language: Language,
    now: Timestamp,
}

impl Viewer<'_> {
    fn channel(&self, channel: Channel, mode: Mode) -> Result<ChannelPreview, ApiError> {
        let faults = self.faults_of(Some(channel));
        let Composed { content, invented } = compose(self.request, channel, mode, self.now);
        let content =
            serde_json::to_value(&content).map_err(|error| ApiError::internal("composing a preview", error))?;
        Ok(ChannelPreview {
            channel,
            mode,
            would_send: self.accepted && faults.is_empty(),
            content,
            invented,
            faults,
            cost: None,
            quota: None,
        })
    }

    fn faults_of(&self, channel: Option<Channel>) -> Vec<ProblemFault> {
        let own = self.faults.iter().filter(|fault| fault.channel == channel);
        own.map(|fault| ProblemFault::of(fault, self.language)).collect()
    }
}
