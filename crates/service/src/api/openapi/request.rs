//! The body of `distribute` and `preview`, for the document only: what is read,
//! and how, is `fanfare_core::decode`, and these types say the same. A channel's
//! narrower limits hold where it is chosen; `GET /api/channels` lists them.

#![expect(dead_code, reason = "these types only describe; none is ever made")]

use fanfare_core::channel::Channel;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What is to be announced, where, and how. Optional fields may be `null`,
/// which is the same as absent. Other fields than these are refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct DistributeBody {
    /// The event. A whole number is taken as text.
    event_id: EventIdBody,
    /// Where to announce it; each once. The results keep this order.
    #[schema(min_items = 1, max_items = 6)]
    channels: Vec<Channel>,
    /// The media.
    content_urls: ContentUrlsBody,
    /// Texts from which each channel's own are composed.
    content: Option<ContentBody>,
    /// What single channels need or override.
    channel_options: Option<ChannelOptionsBody>,
    /// When to begin: RFC 3339 with an offset, not past, at most 366 days ahead.
    /// Absent means now.
    #[schema(format = DateTime, example = "2026-12-01T09:00:00+09:00")]
    scheduled_at: Option<String>,
    /// What to do where a channel cannot be served.
    on_invalid: Option<OnInvalidBody>,
    /// Announce again although the event already holds a channel.
    #[schema(default = false)]
    allow_repeat: Option<bool>,
}

/// What `distribute` would be sent. An event and at least one channel must be
/// read; all else may be anything, further fields too, and its faults are listed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PreviewBody {
    /// The event. A whole number is taken as text.
    event_id: EventIdBody,
    /// Where to announce it.
    #[schema(min_items = 1)]
    channels: Vec<Channel>,
    /// The media; right is a `ContentUrlsBody`.
    #[schema(required = false)]
    content_urls: Value,
    /// Texts; right is a `ContentBody`.
    #[schema(required = false)]
    content: Value,
    /// What single channels need or override; right is a `ChannelOptionsBody`.
    #[schema(required = false)]
    channel_options: Value,
    /// When to begin; right is RFC 3339 with an offset.
    #[schema(required = false)]
    scheduled_at: Value,
    /// What to do where a channel cannot be served; right is an `OnInvalidBody`.
    #[schema(required = false)]
    on_invalid: Value,
    /// Announce again although the event already holds a channel; right is a boolean.
    #[schema(required = false)]
    allow_repeat: Value,
}

/// A text that is not blank, without control characters, or a whole number.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum EventIdBody {
    /// As the Event Service names it.
    #[schema(title = "text")]
    Text(EventText),
    /// Taken as text.
    #[schema(title = "number")]
    Number(i64),
}

/// An event's id, as text.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 256, pattern = r"\S", example = "evt-2026-001")]
pub(in crate::api) struct EventText(String);

/// An object by kind, or an array whose URLs are told apart by their file
/// extension (jpg jpeg png webp gif; mp3 wav m4a aac ogg; mp4 mov m4v webm), one
/// of each kind. An extension that does not tell is refused: use the object.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum ContentUrlsBody {
    /// By kind.
    #[schema(title = "by kind")]
    ByKind(MediaByKindBody),
    /// By file extension.
    #[schema(title = "by file extension")]
    ByExtension(Vec<MediaUrl>),
}

/// Media by kind.
#[expect(clippy::struct_field_names, reason = "the contract's own names")]
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct MediaByKindBody {
    /// A picture.
    image_url: Option<MediaUrl>,
    /// A sound, for the ring-back tone.
    audio_url: Option<MediaUrl>,
    /// A film, for television and Instagram's Reels.
    video_url: Option<MediaUrl>,
}

/// A URL of the public web: http or https, port 80 or 443, no user info, no
/// local or private address.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, format = "uri", max_length = 2048, example = "https://cdn.example.com/events/spring.jpg")]
pub(in crate::api) struct MediaUrl(String);

/// Texts from which the channels' own are composed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct ContentBody {
    /// A headline, in one line.
    #[schema(min_length = 1, max_length = 200, example = "봄맞이 할인")]
    title: Option<String>,
    /// The text itself.
    #[schema(min_length = 1, max_length = 65_536)]
    body: Option<String>,
    /// Words; a `#` before one is taken off.
    #[schema(max_items = 100)]
    hashtags: Option<Vec<Hashtag>>,
    /// Where readers go for more.
    link: Option<MediaUrl>,
}

/// One word, with or without `#`.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "할인")]
pub(in crate::api) struct Hashtag(String);

/// What single channels need or override, under the channel's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChannelOptionsBody {
    /// For 우리동네TV.
    #[serde(rename = "WooridongneTV")]
    wooridongne_tv: Option<WooridongneTvBody>,
    /// For 링고비즈.
    #[serde(rename = "RingoBiz")]
    ringo_biz: Option<RingoBizBody>,
    /// For 지니TV.
    #[serde(rename = "GenieTV")]
    genie_tv: Option<GenieTvBody>,
    /// For Instagram.
    #[serde(rename = "Instagram")]
    instagram: Option<InstagramBody>,
    /// For Naver Blog.
    #[serde(rename = "NaverBlog")]
    naver_blog: Option<NaverBlogBody>,
    /// For Kakao Channel.
    #[serde(rename = "KakaoChannel")]
    kakao_channel: Option<KakaoChannelBody>,
}

/// Where and when 우리동네TV shows the event.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct WooridongneTvBody {
    /// Administrative codes.
    #[schema(max_items = 100)]
    regions: Option<Vec<RegionCode>>,
    /// Times of day that do not overlap.
    #[schema(max_items = 100)]
    time_slots: Option<Vec<Daypart>>,
    /// KRW, 10,000 to 100,000,000.
    #[schema(minimum = 0, example = 100_000)]
    budget: Option<u64>,
}

/// Whose ring-back tone is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct RingoBizBody {
    /// As Korea writes it, or E.164.
    #[schema(min_length = 1, max_length = 64, example = "02-555-0134")]
    phone_number: Option<String>,
}

/// Where, when and for how much 지니TV shows the event.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct GenieTvBody {
    /// An administrative code.
    region: Option<RegionCode>,
    /// The days and the times of day.
    schedule: Option<ScheduleBody>,
    /// KRW, 100,000 to 100,000,000.
    #[schema(minimum = 0, example = 300_000)]
    budget: Option<u64>,
}

/// A Korean administrative code: ten digits.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "1168000000")]
pub(in crate::api) struct RegionCode(String);

/// Days and times of day, in Korean time.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct ScheduleBody {
    /// First day, not past.
    #[schema(format = Date, example = "2026-12-01")]
    start_date: String,
    /// Last day, included; at most 92 days in all.
    #[schema(format = Date, example = "2026-12-14")]
    end_date: String,
    /// Times of day that do not overlap; none means all day.
    #[schema(max_items = 100)]
    dayparts: Option<Vec<Daypart>>,
}

/// From one minute to a later one of the same day; the end may be `24:00`.
#[derive(Deserialize, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
    example = "18:00-22:00"
)]
pub(in crate::api) struct Daypart(String);

/// What Instagram is told beside `content`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct InstagramBody {
    /// Replaces the composed caption; at most 2,200 characters, hashtags included.
    #[schema(min_length = 1, max_length = 65_536)]
    caption: Option<String>,
    /// Replaces `content.hashtags`; at most 5.
    #[schema(max_items = 100)]
    hashtags: Option<Vec<Hashtag>>,
    /// A carousel's pictures, 2 to 10 JPEG or PNG, in place of `contentUrls.imageUrl`.
    /// An empty list is as none.
    #[schema(max_items = 100)]
    image_urls: Option<Vec<MediaUrl>>,
    /// `true` shows the film of `contentUrls.videoUrl` as a Reel, whatever picture there
    /// is; `false` never does. Where nothing is said, the film is shown if there is no
    /// picture.
    reel: Option<bool>,
}

/// What Naver Blog is told beside `content`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct NaverBlogBody {
    /// Replaces `content.title`; at most 100 characters.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Replaces `content.body`; at most 50,000 characters.
    #[schema(min_length = 1, max_length = 65_536)]
    content: Option<String>,
}

/// What Kakao Channel is told beside `content`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct KakaoChannelBody {
    /// Replaces the composed message; at most 1,300 characters.
    #[schema(min_length = 1, max_length = 65_536)]
    message: Option<String>,
    /// Links below the message; at most 5.
    #[schema(max_items = 100)]
    buttons: Option<Vec<KakaoButtonBody>>,
    /// The tenant's list of consenting recipients.
    #[schema(min_length = 1, max_length = 200)]
    recipient_list_ref: Option<String>,
}

/// A link below a Kakao message.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct KakaoButtonBody {
    /// What stands on it; at most 14 characters.
    #[schema(min_length = 1, max_length = 200, example = "자세히 보기")]
    name: String,
    /// Where it leads.
    url: MediaUrl,
}

/// What to do where a channel cannot be served.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum OnInvalidBody {
    /// Refuse the whole request; the default.
    Reject,
    /// Send to the rest; the channel is FAILED, `validation_failed`.
    Skip,
}
