//! Reads what a person asks of a distribution: a redrive, calling it off, or what
//! came of a channel that is in review or waits for a person.

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::limits;
use super::options::unknown_channel;
use super::reader::{Node, Reader};
use crate::channel::{Channel, ChannelState};
use crate::engine::Verdict;
use crate::fault::Fault;
use crate::receipt::{Receipt, ResultFields};
use crate::text::Text;
use crate::validate::{code, instagram, naver_blog};

/// The channels that are to be tried again (none means all that can be), and why,
/// where that is said.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn retry(body: &Value) -> Result<(Vec<Channel>, Option<String>), Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let object = reader.object(&Node::root(body), &["channels", "reason"]);
    let get = |name| object.as_ref().and_then(|object| object.get(name));
    let channels = get("channels").and_then(|node| reader.channel_names(&node));
    let reason = get("reason").and_then(|node| reader.text(&node, limits::REASON));
    finished(reader, (channels.unwrap_or_default(), reason))
}

/// Why a distribution is called off, where that is said.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn reason(body: &Value) -> Result<Option<String>, Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let object = reader.object(&Node::root(body), &["reason"]);
    let reason = object.and_then(|object| object.get("reason"));
    let reason = reason.and_then(|node| reader.text(&node, limits::REASON));
    finished(reader, reason)
}

/// What a person saw on `channel`, and in their words why it is so, where that is
/// said. A link is believed only on the channel's own
/// hosts and on `hosts`, those of the configured API.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn resolve(body: &Value, channel: Channel, hosts: &[String]) -> Result<(Verdict, Option<String>), Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let known: Vec<_> = ["live", "reason"]
        .iter()
        .chain(result_fields(channel))
        .copied()
        .collect();
    let Some(object) = reader.object(&Node::root(body), &known) else {
        return finished(reader, (Verdict::NotLive, None));
    };
    let live = object.get("live");
    if live.is_none() {
        reader.required("/live", LIVE);
    }
    let live = live.and_then(|node| reader.boolean(&node));
    let reason = object.get("reason").and_then(|node| reader.text(&node, limits::REASON));
    let mut text = |name| object.get(name).and_then(|node| reader.text(&node, limits::NAME));
    let mut fields = ResultFields {
        distribution_id: text("distributionId"),
        update_timestamp: text("updateTimestamp"),
        ad_id: text("adId"),
        impression_schedule: text("impressionSchedule"),
        post_id: text("postId"),
        message_id: text("messageId"),
        ..ResultFields::default()
    };
    fields.estimated_views = object.get("estimatedViews").and_then(|node| reader.whole_number(&node));
    fields.post_url = object
        .get("postUrl")
        .and_then(|node| reader.post_url(&node, channel, hosts));
    if live == Some(false) && fields != ResultFields::default() {
        reader.fault("/live", code::UNKNOWN_VALUE, not_live_and_there());
    }
    let verdict = if live == Some(true) {
        Verdict::Live(Receipt {
            state: ChannelState::Live,
            fields,
        })
    } else {
        Verdict::NotLive
    };
    finished(reader, (verdict, reason))
}

const LIVE: (&str, &str) = (
    "true if it can be seen on the channel, else false",
    "채널에 게시되어 있으면 true, 아니면 false",
);

/// The result fields of the contract, by channel.
pub const fn result_fields(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::WooridongneTV => &["distributionId", "estimatedViews"],
        Channel::RingoBiz => &["updateTimestamp"],
        Channel::GenieTV => &["adId", "impressionSchedule"],
        Channel::Instagram => &["postUrl", "postId"],
        Channel::NaverBlog => &["postUrl"],
        Channel::KakaoChannel => &["messageId"],
    }
}

impl Reader<'_> {
    pub(super) fn channel_names(&mut self, node: &Node<'_>) -> Option<Vec<Channel>> {
        let wanted = ("an array of channel names", "채널 이름 배열");
        self.list(node, wanted, Self::channel_name)
    }

    fn channel_name(&mut self, node: &Node<'_>) -> Option<Channel> {
        let name = self.text(node, limits::WORD)?;
        let channel = Channel::from_name(&name);
        if channel.is_none() {
            self.fault(&node.pointer, code::UNKNOWN_CHANNEL, unknown_channel(&name));
        }
        channel
    }

    fn post_url(&mut self, node: &Node<'_>, channel: Channel, hosts: &[String]) -> Option<String> {
        let text = self.text(node, limits::URL)?;
        let url = Url::parse(&text).ok();
        if url.is_some_and(|url| is_of(&url, channel, hosts)) {
            return Some(text);
        }
        let known: Vec<_> = own_hosts(channel)
            .iter()
            .map(|host| format!("https://{host}/…"))
            .collect();
        let known = known.join(", ");
        let detail = Text::new(
            format!("Give the post's own address on the channel: {known}."),
            format!("채널에 게시된 글의 주소를 적어 주세요: {known}"),
        );
        self.fault(&node.pointer, code::URL_NOT_ALLOWED, detail);
        None
    }
}

/// On the channel's own hosts, or where the operator has configured its API.
fn is_of(url: &Url, channel: Channel, hosts: &[String]) -> bool {
    let Some(host) = url.host_str() else { return false };
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let with_port = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let own = url.scheme() == "https" && url.port().is_none() && own_hosts(channel).contains(&host);
    let configured = matches!(url.scheme(), "http" | "https") && hosts.contains(&with_port);
    own || configured
}

/// Where a channel's posts are seen.
const fn own_hosts(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::Instagram => &instagram::POST_HOSTS,
        Channel::NaverBlog => &naver_blog::POST_HOSTS,
        // They give no link.
        Channel::WooridongneTV | Channel::RingoBiz | Channel::GenieTV | Channel::KakaoChannel => &[],
    }
}

pub(super) fn finished<T>(reader: Reader<'_>, read: T) -> Result<T, Vec<Fault>> {
    let faults = reader.into_faults();
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

fn not_live_and_there() -> Text {
    Text::new(
        "It can't be absent and have an id or a link. Send true if it is there, or leave the others out.",
        "게시되지 않았다면 ID나 링크를 함께 보낼 수 없습니다. 게시되어 있으면 true로, 아니면 나머지를 빼 주세요.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults<T: std::fmt::Debug>(read: Result<T, Vec<Fault>>) -> Vec<(String, &'static str)> {
        let faults = read.expect_err("it is refused");
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn channels_to_retry_may_be_left_out() {
        assert_eq!(retry(&json!({})), Ok((vec![], None)));
        let body = json!({"channels": ["NaverBlog"], "reason": "장애 복구"});
        let expected = (vec![Channel::NaverBlog], Some("장애 복구".to_owned()));
        assert_eq!(retry(&body), Ok(expected));
        for (body, pointer, code) in [
            (json!([]), "", code::WRONG_TYPE),
            (json!({"channel": "NaverBlog"}), "/channel", code::UNKNOWN_FIELD),
            (json!({"channels": "NaverBlog"}), "/channels", code::WRONG_TYPE),
            (json!({"reason": " "}), "/reason", code::BLANK),
            (json!({"channels": ["naver"]}), "/channels/0", code::UNKNOWN_CHANNEL),
        ] {
            assert_eq!(faults(retry(&body)), [(pointer.to_owned(), code)], "{body}");
        }
    }

    #[test]
    fn a_reason_to_call_off_may_be_left_out() {
        assert_eq!(reason(&json!({})), Ok(None));
        assert_eq!(reason(&json!({"reason": "비"})), Ok(Some("비".to_owned())));
        for (body, pointer, code) in [
            (json!([]), "", code::WRONG_TYPE),
            (json!({"why": "비"}), "/why", code::UNKNOWN_FIELD),
            (json!({"reason": 7}), "/reason", code::WRONG_TYPE),
        ] {
            assert_eq!(faults(reason(&body)), [(pointer.to_owned(), code)], "{body}");
        }
    }

    #[test]
    fn a_verdict_has_the_channel_s_own_fields() {
        let hosts = ["127.0.0.1:9099".to_owned()];
        for url in ["https://www.instagram.com/p/A1/", "http://127.0.0.1:9099/instagram/p/1"] {
            let body = json!({"live": true, "postUrl": url, "postId": "1"});
            let Ok((Verdict::Live(Receipt { fields, .. }), None)) = resolve(&body, Channel::Instagram, &hosts) else {
                panic!("{body}")
            };
            assert_eq!(
                (fields.post_url.as_deref(), fields.post_id.as_deref()),
                (Some(url), Some("1"))
            );
        }
        assert_eq!(
            resolve(&json!({"live": false, "reason": "없음"}), Channel::Instagram, &[]),
            Ok((Verdict::NotLive, Some("없음".to_owned())))
        );
        for (body, pointer, code) in [
            (json!({}), "/live", code::REQUIRED),
            (json!({"live": "yes"}), "/live", code::WRONG_TYPE),
            (json!({"live": false, "postId": "1"}), "/live", code::UNKNOWN_VALUE),
            (json!({"live": true, "adId": "1"}), "/adId", code::UNKNOWN_FIELD),
            (
                json!({"live": true, "postUrl": "https://evil.example/p/1"}),
                "/postUrl",
                code::URL_NOT_ALLOWED,
            ),
            (
                json!({"live": true, "postUrl": "https://u@www.instagram.com/p/1"}),
                "/postUrl",
                code::URL_NOT_ALLOWED,
            ),
            (
                json!({"live": true, "postUrl": "http://www.instagram.com/p/1"}),
                "/postUrl",
                code::URL_NOT_ALLOWED,
            ),
            (
                json!({"live": true, "postUrl": "javascript:alert(1)"}),
                "/postUrl",
                code::URL_NOT_ALLOWED,
            ),
            (json!({"live": true, "postUrl": 7}), "/postUrl", code::WRONG_TYPE),
        ] {
            assert_eq!(
                faults(resolve(&body, Channel::Instagram, &[])),
                [(pointer.to_owned(), code)],
                "{body}"
            );
        }
    }
}
