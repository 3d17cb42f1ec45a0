//! The closed set of channels, and what a channel is.
//!
//! A channel's rules are in `validate/<channel>.rs`, what it is sent in
//! `compose/<channel>.rs`, and its client in the crate `fanfare-channels`.
//! This file is the one line where the set is closed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place where an event can be announced. The variant's name is the wire name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Channel {
    /// 우리동네TV, KT's screens in the neighbourhood.
    WooridongneTV,
    /// 링고비즈, KT's ring-back tone for businesses.
    RingoBiz,
    /// 지니TV, KT's IPTV.
    GenieTV,
    /// Instagram, through Meta's content publishing API.
    Instagram,
    /// Naver Blog.
    NaverBlog,
    /// Kakao Channel, through brand messages.
    KakaoChannel,
}

impl Channel {
    /// Every channel, in the order in which the contract names them.
    pub const ALL: [Self; 6] = [
        Self::WooridongneTV,
        Self::RingoBiz,
        Self::GenieTV,
        Self::Instagram,
        Self::NaverBlog,
        Self::KakaoChannel,
    ];

    /// The name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WooridongneTV => "WooridongneTV",
            Self::RingoBiz => "RingoBiz",
            Self::GenieTV => "GenieTV",
            Self::Instagram => "Instagram",
            Self::NaverBlog => "NaverBlog",
            Self::KakaoChannel => "KakaoChannel",
        }
    }

    /// The name that shop owners know.
    pub const fn korean_name(self) -> &'static str {
        match self {
            Self::WooridongneTV => "우리동네TV",
            Self::RingoBiz => "링고비즈",
            Self::GenieTV => "지니TV",
            Self::Instagram => "인스타그램",
            Self::NaverBlog => "네이버 블로그",
            Self::KakaoChannel => "카카오톡 채널",
        }
    }

    /// The name in configuration variables, `FANFARE_CHANNELS__<this>__MODE`;
    /// in lower case it is the table's name in the configuration file.
    pub const fn config_name(self) -> &'static str {
        match self {
            Self::WooridongneTV => "WOORIDONGNE_TV",
            Self::RingoBiz => "RINGO_BIZ",
            Self::GenieTV => "GENIE_TV",
            Self::Instagram => "INSTAGRAM",
            Self::NaverBlog => "NAVER_BLOG",
            Self::KakaoChannel => "KAKAO_CHANNEL",
        }
    }

    /// The place in [`Channel::ALL`], for tables with one entry a channel.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The channel of exactly this wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// What somebody who wrote `name` most likely meant: the same letters in
    /// another case or with other separators, its Korean name, a name that begins
    /// alike (`kakao`, `naver`, `genie`), or what people call it for short.
    pub fn suggest(name: &str) -> Option<Self> {
        let letters = letters_of(name);
        if letters.is_empty() {
            return None;
        }
        let begins_alike = |channel: &Self| {
            let own = letters_of(channel.name());
            own == letters
                || letters_of(channel.korean_name()) == letters
                || letters.chars().count() >= 4 && (own.starts_with(&letters) || letters.starts_with(&own))
        };
        let alias = ALIASES.iter().find(|(alias, _)| *alias == letters);
        alias
            .map(|(_, channel)| *channel)
            .or_else(|| Self::ALL.into_iter().find(begins_alike))
    }
}

/// What people call channels, as [`letters_of`] gives it.
const ALIASES: [(&str, Channel); 16] = [
    ("wooritv", Channel::WooridongneTV),
    ("uridongnetv", Channel::WooridongneTV),
    ("우리동네", Channel::WooridongneTV),
    ("우리tv", Channel::WooridongneTV),
    ("링고", Channel::RingoBiz),
    ("통화연결음", Channel::RingoBiz),
    ("지니", Channel::GenieTV),
    ("인스타", Channel::Instagram),
    ("ig", Channel::Instagram),
    ("네이버", Channel::NaverBlog),
    ("블로그", Channel::NaverBlog),
    ("blog", Channel::NaverBlog),
    ("카카오", Channel::KakaoChannel),
    ("카카오채널", Channel::KakaoChannel),
    ("카카오톡", Channel::KakaoChannel),
    ("카톡", Channel::KakaoChannel),
];

fn letters_of(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a channel is really called. Shown on every result, event and page,
/// so that a mock can't pass for the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Mode {
    /// Nothing leaves the process; the channel succeeds at once.
    #[default]
    Mock,
    /// The channel's own API is called.
    Live,
}

impl Mode {
    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mock => "mock",
            Self::Live => "live",
        }
    }
}

/// How far the proof of a success goes; the order is the rank (I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ChannelState {
    /// The channel took it.
    Accepted,
    /// The channel says that it can be seen.
    Live,
    /// We looked, and it can be seen.
    Verified,
    /// All recipients are final.
    Delivered,
    /// The channel took it back or refused it later.
    Declined,
}

impl ChannelState {
    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Live => "live",
            Self::Verified => "verified",
            Self::Delivered => "delivered",
            Self::Declined => "declined",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_the_place_in_all() {
        for (place, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel.index(), place);
            assert_eq!(Channel::from_name(channel.name()), Some(channel));
        }
    }

    #[test]
    fn the_wire_name_is_the_serde_name() {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
        }
    }

    #[test]
    fn a_near_miss_is_answered_with_the_right_name() {
        for (wrong, right) in [
            ("kakaochannel", Channel::KakaoChannel),
            ("KAKAO_CHANNEL", Channel::KakaoChannel),
            ("Kakao", Channel::KakaoChannel),
            ("지니TV", Channel::GenieTV),
            ("naver-blog", Channel::NaverBlog),
            ("insta", Channel::Instagram),
            ("WooriTV", Channel::WooridongneTV),
            ("UriDongneTV", Channel::WooridongneTV),
            ("우리동네 TV", Channel::WooridongneTV),
            ("카카오채널", Channel::KakaoChannel),
            ("카카오톡", Channel::KakaoChannel),
            ("네이버블로그", Channel::NaverBlog),
            ("블로그", Channel::NaverBlog),
            ("Blog", Channel::NaverBlog),
            ("인스타", Channel::Instagram),
            ("링고", Channel::RingoBiz),
            ("지니", Channel::GenieTV),
        ] {
            assert_eq!(Channel::suggest(wrong), Some(right), "{wrong}");
        }
        assert_eq!(Channel::suggest("TikTok"), None);
        assert_eq!(Channel::suggest(""), None);
        assert_eq!(Channel::suggest("TV"), None);
    }
}
