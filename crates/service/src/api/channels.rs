//! `GET /api/channels`: what there is to choose from, what each channel needs,
//! and within which limits. The figures are those that `validate` checks.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::decode::ask::result_fields;
use fanfare_core::delivery::Failure;
use fanfare_core::resilience::breaker::{BreakerState, BreakerView};
use fanfare_core::text::Language;
use fanfare_core::validate::instagram::HashtagsMax;
use fanfare_core::validate::{
    AdmitSettings, genie_tv, instagram, kakao_channel, naver_blog, ringo_biz, wooridongne_tv,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::breaker::Breaker;
use super::caller::Caller;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::state::Api;
use super::token::Token;
use super::view;

/// All channels.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelList {
    /// In the order of the contract. More may be added.
    channels: Vec<ChannelInfo>,
}

/// What one channel is and needs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelInfo {
    /// Its name in requests and results.
    name: Channel,
    /// The name that shop owners know.
    #[schema(example = "우리동네TV")]
    korean_name: &'static str,
    /// Whether it is really called.
    mode: Mode,
    /// What keeps it from being called; absent where nothing does. Requests are
    /// accepted all the same, and fail or wait for this channel alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ChannelProblem>,
    /// Whether it is called at the moment, by the node that answers.
    breaker: Breaker,
    /// Whether it is called with the account of who asks, where its last calls failed and
    /// others' may not have; absent where nothing is the matter with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_breaker: Option<Breaker>,
    /// How the token stands that it is called with, where that lapses and is renewed
    /// by the service; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
    /// Of a channel that is really called: which account the requests of who asks are
    /// sent with. `own`: their own; `shared`: the one that the service is configured with;
    /// `none`: there is none. More words may be added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "shared")]
    account: Option<&'static str>,
    /// What a request must have for it, in its present mode.
    required_inputs: Vec<RequiredInput>,
    /// Within which limits.
    limits: Vec<ChannelLimit>,
    /// What a success gives, beside `channel`, `status`, `mode` and `channelState`.
    result_fields: &'static [&'static str],
}

/// What keeps a channel from being called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelProblem {
    /// A stable word.
    #[schema(example = "channel_not_configured")]
    code: String,
    /// What is wrong, and what to do.
    message: String,
}

impl ChannelProblem {
    pub(super) fn of(failure: &Failure, language: Language) -> Self {
        Self {
            code: failure.code.to_string(),
            message: failure.detail.get(language).to_owned(),
        }
    }
}

/// One thing that a request must have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequiredInput {
    /// JSON pointers, of which one must be there.
    #[schema(example = json!(["/contentUrls/imageUrl"]))]
    any_of: &'static [&'static str],
}

/// One limit of a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelLimit {
    /// What is limited: a JSON pointer into the request.
    #[schema(example = "/channelOptions/Instagram/caption")]
    pointer: &'static str,
    /// What is counted. More words may be added.
    #[schema(example = "utf16Units")]
    unit: &'static str,
    /// At least so much.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
    /// At most so much.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    /// With the unit `format`: the file extensions that are taken.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    formats: &'static [&'static str],
}

/// Lists the channels, what each needs, and within which limits.
#[utoipa::path(
    get,
    path = "/api/channels",
    operation_id = "listChannels",
    tag = "channels",
    responses((status = 200, body = ChannelList, description = "All channels."))
)]
pub(super) async fn list_channels(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
) -> Result<Response, ApiError> {
    let mut channels = Vec::with_capacity(Channel::ALL.len());
    for channel in Channel::ALL {
        let mode = state.admit.modes[channel.index()];
        let problem = state.engine.channel_problem(&caller.tenant, channel).await?;
        let account = state.accounts.standing(&caller.tenant, channel).await?;
        channels.push(ChannelInfo {
            problem: problem.map(|failure| ChannelProblem::of(&failure, language)),
            breaker: Breaker::of(state.engine.breaker(channel)),
            account_breaker: state.engine.account_breaker(&caller.tenant, channel).map(Breaker::of),
            token: Token::of(&state, channel, &account, language),
            account: (mode == Mode::Live).then_some(account.whose),
            ..info(channel, &state.admit)
        });
    }
    view::json(StatusCode::OK, &ChannelList { channels })
}

fn info(channel: Channel, admit: &AdmitSettings) -> ChannelInfo {
    let (facts, mode) = (facts(channel, admit), admit.modes[channel.index()]);
    let live = facts.needed_live.iter().filter(|_| mode == Mode::Live);
    let required = facts.needed.iter().chain(live);
    ChannelInfo {
        name: channel,
        korean_name: channel.korean_name(),
        mode,
        problem: None,
        breaker: Breaker::of(BreakerView {
            state: BreakerState::Closed,
            since: None,
            next_probe_at: None,
        }),
        account_breaker: None,
        token: None,
        account: None,
        required_inputs: required.map(|any_of| RequiredInput { any_of }).collect(),
        limits: facts.limits,
        result_fields: result_fields(channel),
    }
}

/// What does not depend on the configuration.
struct Facts {
    /// In both modes.
    needed: &'static [&'static [&'static str]],
    /// In live mode only: a mock invents it.
    needed_live: &'static [&'static [&'static str]],
    limits: Vec<ChannelLimit>,
}

const IMAGE: &str = "/contentUrls/imageUrl";
const AUDIO: &str = "/contentUrls/audioUrl";
const VIDEO: &str = "/contentUrls/videoUrl";
const PICTURES: &str = "/channelOptions/Instagram/imageUrls";
const TITLE: &str = "/content/title";
const BODY: &str = "/content/body";

fn facts(channel: Channel, admit: &AdmitSettings) -> Facts {
    match channel {
        Channel::WooridongneTV => of_wooridongne_tv(),
        Channel::RingoBiz => Facts {
            needed: &[&[AUDIO]],
            needed_live: &[&["/channelOptions/RingoBiz/phoneNumber"]],
            limits: vec![formats(AUDIO, &ringo_biz::AUDIO_FORMATS)],
        },
        Channel::GenieTV => of_genie_tv(),
        Channel::Instagram => of_instagram(admit.hashtags_max),
        Channel::NaverBlog => of_naver_blog(),
        Channel::KakaoChannel => of_kakao_channel(),
    }
}

fn of_wooridongne_tv() -> Facts {
    Facts {
        needed: &[&[IMAGE, AUDIO, VIDEO]],
        needed_live: &[
            &["/channelOptions/WooridongneTV/regions"],
            &["/channelOptions/WooridongneTV/budget"],
        ],
        limits: vec![
            at_most(
                "/channelOptions/WooridongneTV/regions",
                "items",
                wooridongne_tv::REGIONS_MAX,
            ),
            at_most(
                "/channelOptions/WooridongneTV/timeSlots",
                "items",
                wooridongne_tv::TIME_SLOTS_MAX,
            ),
            budget(
                "/channelOptions/WooridongneTV/budget",
                (wooridongne_tv::BUDGET_MIN, wooridongne_tv::BUDGET_MAX),
            ),
        ],
    }
}

fn of_genie_tv() -> Facts {
    let days = usize::try_from(genie_tv::SCHEDULE_DAYS_MAX).unwrap_or_default();
    Facts {
        needed: &[],
        needed_live: &[
            &[VIDEO, IMAGE],
            &["/channelOptions/GenieTV/region"],
            &["/channelOptions/GenieTV/schedule"],
            &["/channelOptions/GenieTV/budget"],
        ],
        limits: vec![
            at_most("/channelOptions/GenieTV/schedule", "days", days),
            at_most(
                "/channelOptions/GenieTV/schedule/dayparts",
                "items",
                genie_tv::DAYPARTS_MAX,
            ),
            budget(
                "/channelOptions/GenieTV/budget",
                (genie_tv::BUDGET_MIN, genie_tv::BUDGET_MAX),
            ),
        ],
    }
}

fn of_instagram(hashtags_max: HashtagsMax) -> Facts {
    let (least, most) = instagram::CAROUSEL;
    Facts {
        needed: &[&[IMAGE, PICTURES, VIDEO]],
        needed_live: &[&["/channelOptions/Instagram/caption", BODY, TITLE]],
        limits: vec![
            formats(IMAGE, &instagram::IMAGE_FORMATS),
            ChannelLimit {
                min: Some(least as u64),
                ..at_most(PICTURES, "items", most)
            },
            formats(PICTURES, &instagram::IMAGE_FORMATS),
            formats(VIDEO, &instagram::VIDEO_FORMATS),
            at_most(
                "/channelOptions/Instagram/caption",
                "utf16Units",
                instagram::CAPTION_MAX,
            ),
            at_most("/channelOptions/Instagram/caption", "mentions", instagram::MENTIONS_MAX),
            at_most("/channelOptions/Instagram/hashtags", "items", hashtags_max.get()),
        ],
    }
}

fn of_naver_blog() -> Facts {
    Facts {
        needed: &[&[IMAGE]],
        needed_live: &[
            &["/channelOptions/NaverBlog/title", TITLE],
            &["/channelOptions/NaverBlog/content", BODY],
        ],
        limits: vec![
            formats(IMAGE, &naver_blog::IMAGE_FORMATS),
            at_most("/channelOptions/NaverBlog/title", "characters", naver_blog::TITLE_MAX),
            at_most(
                "/channelOptions/NaverBlog/content",
                "characters",
                naver_blog::CONTENT_MAX,
            ),
        ],
    }
}

fn of_kakao_channel() -> Facts {
    Facts {
        needed: &[&[IMAGE]],
        needed_live: &[&["/channelOptions/KakaoChannel/message", BODY, TITLE]],
        limits: vec![
            formats(IMAGE, &kakao_channel::IMAGE_FORMATS),
            at_most(
                "/channelOptions/KakaoChannel/message",
                "utf16Units",
                kakao_channel::MESSAGE_MAX,
            ),
            at_most(
                "/channelOptions/KakaoChannel/message",
                "lineBreaks",
                kakao_channel::NEWLINES_MAX,
            ),
            at_most(
                "/channelOptions/KakaoChannel/buttons",
                "items",
                kakao_channel::BUTTONS_MAX,
            ),
            at_most(
                "/channelOptions/KakaoChannel/buttons/0/name",
                "utf16Units",
                kakao_channel::BUTTON_NAME_MAX,
            ),
        ],
    }
}

fn at_most(pointer: &'static str, unit: &'static str, max: usize) -> ChannelLimit {
    ChannelLimit {
        pointer,
        unit,
        min: None,
        max: Some(max as u64),
        formats: &[],
    }
}

fn budget(pointer: &'static str, (min, max): (u64, u64)) -> ChannelLimit {
    ChannelLimit {
        pointer,
        unit: "KRW",
        min: Some(min),
        max: Some(max),
        formats: &[],
    }
}

fn formats(pointer: &'static str, formats: &'static [&'static str]) -> ChannelLimit {
    ChannelLimit {
        pointer,
        unit: "format",
        min: None,
        max: None,
        formats,
    }
}

#[cfg(test)]
mod tests {
    use fanfare_core::validate::{code, faults};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    /// Every `required` fault that an empty request earns is announced, and
    /// nothing is announced that is not missed.
    #[test]
    fn what_is_announced_as_required_is_what_validate_misses() {
        for mode in [Mode::Mock, Mode::Live] {
            let settings = AdmitSettings {
                modes: [mode; 6],
                ..AdmitSettings::default()
            };
            for channel in Channel::ALL {
                let body: Value = json!({"eventId": "e", "channels": [channel], "contentUrls": {}});
                let (_, faults) = faults(&body, &settings, Timestamp::UNIX_EPOCH);
                let missed = faults.iter().filter(|fault| fault.code == code::REQUIRED);
                let missed: Vec<_> = missed.map(|fault| fault.pointer.as_str()).collect();
                let announced = info(channel, &settings).required_inputs;
                assert_eq!(announced.len(), missed.len(), "{channel} {mode:?}: {missed:?}");
                for pointer in missed {
                    let known = |input: &RequiredInput| input.any_of.iter().any(|known| known.starts_with(pointer));
                    assert!(announced.iter().any(known), "{channel} {mode:?}: {pointer}");
                }
            }
        }
    }
}
