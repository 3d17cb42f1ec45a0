//! One channel of a preview: what it would get, when, and what is to be known of it.

use fanfare_core::advertising::Night;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::compose::warning::{self, Warning};
use fanfare_core::compose::{ChannelContent, Composed, compose};
use fanfare_core::delivery::Failure;
use fanfare_core::fault::Fault;
use fanfare_core::ids::DistributionId;
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Language;
use fanfare_core::validate::kakao_channel::Frame;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Standing, is_tried};
use crate::api::caller::Caller;
use crate::api::channels::ChannelProblem;
use crate::api::error::ApiError;
use crate::api::problem::ProblemFault;
use crate::api::spending::{SpendPreview, Spending};
use crate::api::state::Api;

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
    /// What it would be sent; its fields are the channel's own. Where this service puts
    /// around a message what the law wants (Kakao Channel, live: `(광고)`, the sender, the
    /// opt-out), it stands here as people get it.
    #[schema(value_type = Object)]
    content: Value,
    /// What mock mode invents because the request lacks it: JSON pointers below
    /// `/channelOptions/{channel}`. In live mode nothing is invented.
    invented: Vec<&'static str>,
    /// From when on it may be sent, where it would begin at an hour at which the law or the
    /// channel allows no advertising (Kakao Channel, live); null where it may be sent at once,
    /// or at `scheduledAt`.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    sendable_from: Option<Timestamp>,
    /// What is wrong with it.
    faults: Vec<ProblemFault>,
    /// What is not wrong with it, and should be known. Empty where there is nothing.
    warnings: Vec<PreviewWarning>,
    /// What it would cost, in KRW: the budget, where the channel is really called; null
    /// where that is not known before sending, or nothing.
    #[schema(required = true)]
    cost: Option<u64>,
    /// How much may be spent on it, and is; absent where there is no cap. Beyond one,
    /// `faults` says `spend_cap_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<SpendPreview>,
    /// How many more posts the channel takes of the account for now, by its own word
    /// (Instagram, live: in the last 24 hours); null where it has no such quota, or says
    /// nothing within two seconds.
    #[schema(required = true)]
    quota: Option<u64>,
}

/// One thing to know of what would be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PreviewWarning {
    /// Where in the body: a JSON pointer (RFC 6901). Absent where it is not about a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/content/hashtags")]
    pointer: Option<&'static str>,
    /// A stable word for programs: `hashtags_left_out`, `link_left_out`, `night_hours`,
    /// `quota_exhausted`, `hand_off`. More may be added.
    #[schema(example = "hashtags_left_out")]
    code: &'static str,
    /// What, and what can be done, in the language of `Accept-Language`.
    detail: String,
}

impl PreviewWarning {
    fn of(warning: &Warning, language: Language) -> Self {
        Self {
            pointer: Some(warning.pointer).filter(|pointer| !pointer.is_empty()),
            code: warning.code,
            detail: warning.detail.get(language).to_owned(),
        }
    }
}

/// What all channels' previews are made from.
pub(super) struct Viewer<'r> {
    pub(super) standing: &'r Standing,
    pub(super) request: &'r DistributeRequest,
    pub(super) spending: &'r Spending,
    /// What is put around Kakao Channel's messages.
    pub(super) frame: Option<&'r Frame>,
    /// Whether a person puts it on Naver Blog.
    pub(super) is_handed_over: bool,
    pub(super) faults: &'r [Fault],
    pub(super) language: Language,
    pub(super) now: Timestamp,
}

impl Viewer<'_> {
    /// All of the request, in its order.
    pub(super) async fn channels(&self, state: &Api, caller: &Caller) -> Result<Vec<ChannelPreview>, ApiError> {
        let mut channels = Vec::with_capacity(self.request.channels.len());
        for channel in self.request.channels.iter().copied() {
            let held_back = state.engine.held_back(&caller.tenant, channel).await?;
            let mode = state.admit.modes[channel.index()];
            let quota = match mode {
                Mode::Live => state.engine.post_quota(&caller.tenant, channel, self.now).await,
                Mode::Mock => None,
            };
            channels.push(self.channel(channel, mode, held_back, quota)?);
        }
        Ok(channels)
    }

    fn channel(
        &self,
        channel: Channel,
        mode: Mode,
        held_back: Option<Failure>,
        quota: Option<u64>,
    ) -> Result<ChannelPreview, ApiError> {
        let faults = self.faults_of(Some(channel));
        let Composed { content, invented } = compose(self.request, channel, mode, self.now);
        let frame = self.frame.filter(|_| mode == Mode::Live);
        let content = match (content, frame) {
            (ChannelContent::KakaoChannel(bare), Some(frame)) => ChannelContent::KakaoChannel(bare.framed(frame)),
            (content, _) => content,
        };
        let content =
            serde_json::to_value(&content).map_err(|error| ApiError::internal("composing a preview", error))?;
        // Whoever puts nothing around its messages leaves the hour to another, too.
        let is_ours = channel == Channel::KakaoChannel && frame.is_some();
        let begins_at = self.request.scheduled_at.map_or(self.now, |at| at.max(self.now));
        let sendable_from = Night::KAKAO.over_at(begins_at).filter(|_| is_ours);
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
            quota,
            warnings: self.warnings(channel, mode, sendable_from, quota),
            sendable_from,
        })
    }

    fn warnings(
        &self,
        channel: Channel,
        mode: Mode,
        sendable_from: Option<Timestamp>,
        quota: Option<u64>,
    ) -> Vec<PreviewWarning> {
        let mut warnings = warning::left_out(self.request, channel);
        warnings.extend(sendable_from.map(|until| warning::by_night(self.request, until)));
        // What it takes later, nobody knows.
        let is_used_up = quota == Some(0) && self.request.scheduled_at.is_none();
        warnings.extend(is_used_up.then(warning::quota_used_up));
        let is_by_hand = channel == Channel::NaverBlog && mode == Mode::Live && self.is_handed_over;
        warnings.extend(is_by_hand.then(warning::by_hand));
        let shown = |warning| PreviewWarning::of(warning, self.language);
        warnings.iter().map(shown).collect()
    }

    pub(super) fn faults_of(&self, channel: Option<Channel>) -> Vec<ProblemFault> {
        let own = self.faults.iter().filter(|fault| fault.channel == channel);
        own.map(|fault| ProblemFault::of(fault, self.language)).collect()
    }
}
