//! What each channel is sent, from the request's `content` and its overrides.
//!
//! A channel's own option always wins over `content`. In mock mode what is
//! missing is invented, the same for the same request and day, and named; in
//! live mode nothing is, and what is missing stays out: `validate` has said so.
//! How it is sent, and in which words the channel's API wants it, is the
//! channel client's.

pub mod genie_tv;
pub mod instagram;
pub mod kakao_channel;
pub mod naver_blog;
pub mod ringo_biz;
pub mod warning;
pub mod wooridongne_tv;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

pub use self::genie_tv::GenieTvContent;
pub use self::instagram::InstagramContent;
pub use self::kakao_channel::KakaoChannelContent;
pub use self::naver_blog::NaverBlogContent;
pub use self::ringo_biz::RingoBizContent;
pub use self::wooridongne_tv::WooridongneTvContent;
use crate::channel::{Channel, Mode};
use crate::request::DistributeRequest;

/// What one channel is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The content itself.
    pub content: ChannelContent,
    /// JSON pointers, below `/channelOptions/<channel>`, of what was invented.
    /// Always empty in live mode.
    pub invented: Vec<&'static str>,
}

/// The content of one channel; as JSON, the channel's own object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ChannelContent {
    /// For 우리동네TV.
    WooridongneTV(WooridongneTvContent),
    /// For 링고비즈.
    RingoBiz(RingoBizContent),
    /// For 지니TV.
    GenieTV(GenieTvContent),
    /// For Instagram.
    Instagram(InstagramContent),
    /// For Naver Blog.
    NaverBlog(NaverBlogContent),
    /// For Kakao Channel.
    KakaoChannel(KakaoChannelContent),
}

/// Composes what `channel` is sent at `now`.
pub fn compose(request: &DistributeRequest, channel: Channel, mode: Mode, now: Timestamp) -> Composed {
    let mut invented = Invented::new(mode);
    let content = match channel {
        Channel::WooridongneTV => ChannelContent::WooridongneTV(wooridongne_tv::compose(request, &mut invented)),
        Channel::RingoBiz => ChannelContent::RingoBiz(ringo_biz::compose(request, &mut invented)),
        Channel::GenieTV => ChannelContent::GenieTV(genie_tv::compose(request, &mut invented, now)),
        Channel::Instagram => ChannelContent::Instagram(instagram::compose(request, &mut invented)),
        Channel::NaverBlog => ChannelContent::NaverBlog(naver_blog::compose(request, &mut invented)),
        Channel::KakaoChannel => ChannelContent::KakaoChannel(kakao_channel::compose(request, &mut invented)),
    };
    Composed {
        content,
        invented: invented.pointers,
    }
}

/// Invents in mock mode what is missing, and remembers what that was.
#[derive(Debug)]
pub(crate) struct Invented {
    mode: Mode,
    pointers: Vec<&'static str>,
}

impl Invented {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            pointers: Vec::new(),
        }
    }

    /// `given`, or in mock mode what `invent` makes.
    fn or<T>(&mut self, given: Option<T>, pointer: &'static str, invent: impl FnOnce() -> T) -> Option<T> {
        match (given, self.mode) {
            (None, Mode::Mock) => {
                self.pointers.push(pointer);
                Some(invent())
            }
            (given, Mode::Mock | Mode::Live) => given,
        }
    }
}

/// Title and body, as far as there are any, a blank line between them.
fn title_and_body(request: &DistributeRequest) -> Option<String> {
    let content = &request.content;
    let parts = [content.title.as_deref(), content.body.as_deref()];
    let text = joined(parts.into_iter().flatten());
    (!text.is_empty()).then_some(text)
}

/// The text of a mock that was given none.
fn invented_text(request: &DistributeRequest) -> String {
    format!("이벤트 {} 안내입니다.", request.event_id)
}

/// Parts with a blank line between them, their line breaks all `\n`: channels
/// count line breaks, and a client's editor is not to decide how many there are.
fn joined<'t>(parts: impl Iterator<Item = &'t str>) -> String {
    let parts: Vec<String> = parts
        .map(|part| part.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("\n\n")
}

/// `#word #word`; nothing where there are none.
fn tag_line(tags: &[String]) -> Option<String> {
    let tags: Vec<String> = tags.iter().map(|tag| format!("#{tag}")).collect();
    (!tags.is_empty()).then(|| tags.join(" "))
}
