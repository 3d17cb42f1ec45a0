//! A request to distribute, as the rest of the system knows it.
//!
//! How it is read from JSON, with every fault named, is in `decode`; whether a
//! channel can serve it is in `validate`. What is here has been read and is
//! stored as the body that the distribution was accepted with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::channel::Channel;
use crate::ids::EventId;

/// What `POST /api/distribution/distribute` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DistributeRequest {
    /// The event, 1 to 256 characters; an integer on the wire is taken as text.
    pub event_id: EventId,
    /// Where to announce it: one to six, none twice; results keep this order.
    pub channels: Vec<Channel>,
    /// The media, by kind.
    pub content_urls: ContentUrls,
    /// Texts from which each channel's own are composed.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub content: Content,
    /// What single channels need or override.
    #[serde(default, skip_serializing_if = "ChannelOptions::is_empty")]
    pub channel_options: ChannelOptions,
    /// When to begin; absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// What to do where a channel cannot be served.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_invalid: OnInvalid,
    /// Announce again although the event already holds a channel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow_repeat: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Media by kind; on the wire an object, or an array typed by file extension.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentUrls {
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// A sound, for the ring-back tone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_url: Option<String>,
    /// A film, for television and Reels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
}

/// Texts from which the channels' own are composed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// A headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Words without `#`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashtags: Vec<String>,
    /// Where readers go for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Content {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What single channels need or override. Absent for a channel that needs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelOptions {
    /// For 우리동네TV.
    #[serde(rename = "WooridongneTV", default, skip_serializing_if = "Option::is_none")]
    pub wooridongne_tv: Option<WooridongneTvOptions>,
    /// For 링고비즈.
    #[serde(rename = "RingoBiz", default, skip_serializing_if = "Option::is_none")]
    pub ringo_biz: Option<RingoBizOptions>,
    /// For 지니TV.
    #[serde(rename = "GenieTV", default, skip_serializing_if = "Option::is_none")]
    pub genie_tv: Option<GenieTvOptions>,
    /// For Instagram.
    #[serde(rename = "Instagram", default, skip_serializing_if = "Option::is_none")]
    pub instagram: Option<InstagramOptions>,
    /// For Naver Blog.
    #[serde(rename = "NaverBlog", default, skip_serializing_if = "Option::is_none")]
    pub naver_blog: Option<NaverBlogOptions>,
    /// For Kakao Channel.
    #[serde(rename = "KakaoChannel", default, skip_serializing_if = "Option::is_none")]
    pub kakao_channel: Option<KakaoChannelOptions>,
}

impl ChannelOptions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where and when 우리동네TV shows the event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WooridongneTvOptions {
    /// Administrative codes, ten digits each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Times of day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub time_slots: Vec<Daypart>,
    /// KRW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
}

/// Whose ring-back tone is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RingoBizOptions {
    /// As Korea writes it, or E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

/// Where, when and for how much 지니TV shows the event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenieTvOptions {
    /// An administrative code, ten digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The days and the times of day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// KRW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
}

/// Days and times of day, in Korean time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// First day.
    pub start_date: Date,
    /// Last day, included.
    pub end_date: Date,
    /// Times of day; none means all day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dayparts: Vec<Daypart>,
}

/// A time of day from one minute to another, `18:00-22:00` on the wire.
/// The end `24:00` is kept as midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Daypart {
    /// First minute.
    pub start: Time,
    /// The minute after the last one; midnight means the end of the day.
    pub end: Time,
}

/// What Instagram is told beside `content`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstagramOptions {
    /// Replaces the composed caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Replaces `content.hashtags`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashtags: Vec<String>,
    /// A carousel's pictures, in place of `contentUrls.imageUrl`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_urls: Vec<String>,
    /// Whether the film is shown as a Reel; where nothing is said, it is if there is no
    /// picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reel: Option<bool>,
}

/// What Naver Blog is told beside `content`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NaverBlogOptions {
    /// Replaces `content.title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Replaces `content.body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// What Kakao Channel is told beside `content`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KakaoChannelOptions {
    /// Replaces the composed message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Up to five links below the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<KakaoButton>,
    /// The tenant's list of consenting recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_list_ref: Option<String>,
}

/// A link below a Kakao message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KakaoButton {
    /// What stands on it.
    pub name: String,
    /// Where it leads.
    pub url: String,
}

/// What to do where a channel cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnInvalid {
    /// Refuse the whole request.
    #[default]
    Reject,
    /// Send to the rest; the channel is FAILED, `validation_failed`.
    Skip,
}

impl Daypart {
    /// Reads `HH:MM-HH:MM`; the end may be `24:00`; `None` where it is not one
    /// or does not end after it starts.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let start = minute_of_day(start)?;
        let end = minute_of_day(end)?;
        (start < end).then(|| Self {
            start: time_of(start),
            end: time_of(end),
        })
    }

    /// How long it is, in minutes.
    pub fn minutes(&self) -> u16 {
        let start = minutes_of(self.start);
        let end = if self.end == Time::midnight() {
            24 * 60
        } else {
            minutes_of(self.end)
        };
        end - start
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 24 * 60).then_some(minute)
}

fn time_of(minute: u16) -> Time {
    let minute = minute % (24 * 60);
    let part = |value: u16| i8::try_from(value).unwrap_or(0);
    Time::constant(part(minute / 60), part(minute % 60), 0, 0)
}

fn minutes_of(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

impl fmt::Display for Daypart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end_hour = if self.end == Time::midnight() {
            24
        } else {
            self.end.hour()
        };
        let (start, end) = (self.start, self.end);
        write!(
            f,
            "{:02}:{:02}-{end_hour:02}:{:02}",
            start.hour(),
            start.minute(),
            end.minute()
        )
    }
}

impl From<Daypart> for String {
    fn from(daypart: Daypart) -> Self {
        daypart.to_string()
    }
}

impl TryFrom<String> for Daypart {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no time of day such as \"18:00-22:00\""))
    }
}

/// SHA-256 of a request's canonical body: two requests with the same one ask
/// for the same thing, however their JSON was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestHash(pub [u8; 32]);

impl RequestHash {
    /// Of the canonical body.
    pub fn of(canonical: &str) -> Self {
        Self(Sha256::digest(canonical.as_bytes()).into())
    }
}

/// A request together with its canonical body, made once at acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalRequest {
    /// What was asked.
    pub request: DistributeRequest,
    /// The same as JSON: defaults and `null` left out, fields in a fixed order.
    pub json: String,
    /// Of `json`.
    pub hash: RequestHash,
    /// Files that are sent later, as they were when the request was accepted: each
    /// address, and the SHA-256 of what lay there. They are no part of what was asked,
    /// and so not of `json`.
    pub files: BTreeMap<String, String>,
}

/// The field of a stored request that holds its files.
const FILES: &str = "acceptedFiles";

impl CanonicalRequest {
    /// Writes the canonical body.
    pub fn new(request: DistributeRequest) -> Self {
        // Unreachable: every field has a JSON form. An empty body would only
        // make two such requests look alike, which the claim then tells apart.
        let json = serde_json::to_string(&request).unwrap_or_default();
        let hash = RequestHash::of(&json);
        Self {
            request,
            json,
            hash,
            files: BTreeMap::new(),
        }
    }

    /// The canonical body as it is stored: with its files, if any, in a field that no
    /// request can have.
    pub fn stored(&self) -> Cow<'_, str> {
        let Some(body) = self.json.strip_suffix('}').filter(|_| !self.files.is_empty()) else {
            return Cow::Borrowed(&self.json);
        };
        Cow::Owned(format!("{body},\"{FILES}\":{}}}", serde_json::json!(self.files)))
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// Where it is no request.
    pub fn from_stored(stored: &str, hash: RequestHash) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Files {
            #[serde(default)]
            accepted_files: BTreeMap<String, String>,
        }

        let request: DistributeRequest = serde_json::from_str(stored)?;
        // Few have any, and to read them all twice would cost. A text can't hold the field's
        // name so: its quotes are escaped.
        let (json, files) = if stored.contains(&format!("\"{FILES}\":")) {
            let Files { accepted_files } = serde_json::from_str(stored)?;
            (serde_json::to_string(&request)?, accepted_files)
        } else {
            (stored.to_owned(), BTreeMap::new())
        };
        Ok(Self {
            request,
            json,
            hash,
            files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its name and hash stay the same: a repeat is known by them, and a program of before
    /// reads past the files.
    #[test]
    fn the_files_of_a_request_are_stored_beside_what_was_asked() {
        let body = r#"{"eventId":"\"acceptedFiles\":","channels":["Instagram"],"contentUrls":{},"content":{},"channelOptions":{},"onInvalid":"reject"}"#;
        let asked = CanonicalRequest::new(serde_json::from_str(body).unwrap());
        assert_eq!(asked.stored(), asked.json);
        assert_eq!(CanonicalRequest::from_stored(&asked.json, asked.hash).unwrap(), asked);
        let mut seen = asked.clone();
        let file = ("https://a.kr/\"}a.jpg".to_owned(), "00ff".to_owned());
        seen.files.extend([file]);
        let stored = seen.stored();
        assert_eq!(CanonicalRequest::from_stored(&stored, seen.hash).unwrap(), seen);
        let before: DistributeRequest = serde_json::from_str(&stored).unwrap();
        assert_eq!(CanonicalRequest::new(before).hash, asked.hash);
        assert!(CanonicalRequest::from_stored("{}", asked.hash).is_err());
    }

    #[test]
    fn a_daypart_is_read_and_written_alike() {
        for text in ["00:00-24:00", "18:00-22:30", "09:05-09:06"] {
            assert_eq!(Daypart::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "18:00",
            "22:00-18:00",
            "18:00-18:00",
            "25:00-26:00",
            "18:60-19:00",
            "24:00-24:00",
            "1:00-2:00",
            "00:00-24:01",
            "+1:00-02:00",
        ] {
            assert_eq!(Daypart::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_daypart_knows_its_length() {
        assert_eq!(Daypart::parse("18:00-24:00").unwrap().minutes(), 360);
        assert_eq!(Daypart::parse("09:05-09:06").unwrap().minutes(), 1);
    }
}
