//! What a person should know of content that nothing is wrong with: what of it a channel
//! is not sent, and what else keeps a post from being seen at once.
//!
//! Only what is certain before anything is sent. Nothing is ever cut: a text that is too
//! long is a fault (`validate`).

use jiff::Timestamp;

use crate::cause;
use crate::channel::Channel;
use crate::korea::minute;
use crate::request::DistributeRequest;
use crate::text::Text;

/// Hashtags of `content` that the channel is not sent.
pub const HASHTAGS_LEFT_OUT: &str = "hashtags_left_out";
/// The link of `content` that the channel is not sent.
pub const LINK_LEFT_OUT: &str = "link_left_out";

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where in the request: a JSON pointer; empty where it is not about a part of it.
    pub pointer: &'static str,
    /// A stable word.
    pub code: &'static str,
    /// What, and what can be done.
    pub detail: Text,
}

/// What of `content` this channel is not sent.
pub fn left_out(request: &DistributeRequest, channel: Channel) -> Vec<Warning> {
    let (own, tags_too) = match channel {
        Channel::Instagram => {
            let options = request.channel_options.instagram.as_ref();
            let Some(caption) = options.and_then(|options| options.caption.as_deref()) else {
                return Vec::new();
            };
            (caption, options.is_some_and(|options| options.hashtags.is_empty()))
        }
        // The link is the picture's, if not a button's.
        Channel::KakaoChannel => {
            let options = request.channel_options.kakao_channel.as_ref();
            let message = options.and_then(|options| options.message.as_deref());
            let tags = &request.content.hashtags;
            let text = message.or(request.content.body.as_deref()).unwrap_or_default();
            return tags_left_out(tags, text).into_iter().collect();
        }
        // Television and the ring-back tone have no text; the blog is sent all of it.
        Channel::WooridongneTV | Channel::RingoBiz | Channel::GenieTV | Channel::NaverBlog => return Vec::new(),
    };
    let tags = tags_too
        .then(|| tags_left_out(&request.content.hashtags, own))
        .flatten();
    let link = request.content.link.as_deref().filter(|link| !own.contains(*link));
    let link = link.map(|_| Warning {
        pointer: "/content/link",
        code: LINK_LEFT_OUT,
        detail: Text::new(
            "content.link is not sent: a caption of the channel's own takes the place of all of content. Put the link \
             into the caption if it is to stand there.",
            "채널 전용 문구(caption)가 있어 content.link는 들어가지 않습니다. 링크가 필요하면 문구에 직접 적어 주세요.",
        ),
    });
    tags.into_iter().chain(link).collect()
}

/// Those that do not stand in the text anyway.
fn tags_left_out(tags: &[String], text: &str) -> Option<Warning> {
    let missing = |tag: &&String| !text.contains(&format!("#{tag}"));
    let missing: Vec<_> = tags.iter().filter(missing).map(|tag| format!("#{tag}")).collect();
    let all = missing.join(" ");
    (!missing.is_empty()).then(|| Warning {
        pointer: "/content/hashtags",
        code: HASHTAGS_LEFT_OUT,
        detail: Text::new(
            format!("Not sent to this channel: {all}. Put them into its own text if they are to stand there."),
            format!("이 채널에는 {all} 해시태그가 들어가지 않습니다. 필요하면 채널 전용 문구에 직접 적어 주세요."),
        ),
    })
}

/// It would begin by night, and waits until `until`.
pub fn by_night(request: &DistributeRequest, until: Timestamp) -> Warning {
    let until = minute(until);
    Warning {
        pointer: if request.scheduled_at.is_some() {
            "/scheduledAt"
        } else {
            ""
        },
        code: cause::NIGHT_HOURS.code,
        detail: Text::new(
            format!("Advertisements may not be sent at that hour: it is sent from {until}, Korean time."),
            format!("이 시각에는 광고를 보낼 수 없어 한국 시간 {until}부터 발송됩니다."),
        ),
    }
}

/// The channel takes no more posts now.
pub fn quota_used_up() -> Warning {
    Warning {
        pointer: "",
        code: cause::QUOTA_EXHAUSTED.code,
        detail: Text::new(cause::QUOTA_EXHAUSTED.en, cause::QUOTA_EXHAUSTED.ko),
    }
}

/// A person puts it there.
pub fn by_hand() -> Warning {
    Warning {
        pointer: "",
        code: cause::HAND_OFF.code,
        detail: Text::new(
            "The channel takes posts from people alone: the finished post waits for its owner, who puts it there by a \
             link that is told.",
            "이 채널은 사람이 직접 게시해야 합니다. 완성된 글을 링크로 전달하며, 점주가 게시를 마무리합니다.",
        ),
    }
}
