//! Whatever the texts are: a composed one has its parts in their order and nothing else,
//! an override wins, and a text that is said to fit does, by a count of another make.

use proptest::prelude::*;
use serde_json::json;

use super::{now, request};
use crate::advertising::advertisement;
use crate::channel::{Channel, Mode};
use crate::compose::{ChannelContent, compose};
use crate::request::{Content, DistributeRequest, InstagramOptions, KakaoChannelOptions, NaverBlogOptions};
use crate::validate::kakao_channel::Frame;
use crate::validate::{AdmitSettings, check, code, faults, instagram, kakao_channel, naver_blog};

/// What editors and people write: line breaks of all sorts, marks, wide characters.
fn text() -> impl Strategy<Value = String> {
    "([가-힣a-z0-9 .#@_]|\\r\\n|\\r|\\n|🌸|é|（광고）){0,40}"
}

/// A text about as long as a channel takes, so that both sides of its limit are met.
fn about(limit: usize) -> impl Strategy<Value = String> {
    let unit = prop::sample::select(vec!["가", "a", "🌸", "a\n", "\r\n가", "é"]);
    (unit, text(), limit.saturating_sub(90)..limit + 20).prop_map(|(unit, rest, length)| {
        let times = length
            / unit
                .chars()
                .filter(|char| *char != '\r')
                .map(char::len_utf16)
                .sum::<usize>();
        unit.repeat(times) + &rest
    })
}

fn content() -> impl Strategy<Value = Content> {
    let tag = "[가-힣a-z0-9_]{1,8}";
    let link = prop::option::of(Just("https://shop.kr/a".to_owned()));
    let parts = (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::collection::vec(tag, 0..4),
        link,
    );
    parts.prop_map(|(title, body, hashtags, link)| Content {
        title,
        body,
        hashtags,
        link,
    })
}

/// With Instagram's caption, the blog's text and Kakao's message, as far as they are there.
fn request_of(content: Content, own: [Option<String>; 3]) -> DistributeRequest {
    let mut request = request(json!({"contentUrls": {"imageUrl": "https://a.kr/a.jpg"}}));
    request.content = content;
    let [caption, text, message] = own;
    let options = &mut request.channel_options;
    options.instagram = Some(InstagramOptions {
        caption,
        ..InstagramOptions::default()
    });
    options.naver_blog = Some(NaverBlogOptions {
        content: text,
        ..NaverBlogOptions::default()
    });
    options.kakao_channel = Some(KakaoChannelOptions {
        message,
        ..KakaoChannelOptions::default()
    });
    request
}

/// The text that `channel` is sent.
fn sent(request: &DistributeRequest, channel: Channel) -> Option<String> {
    match compose(request, channel, Mode::Live, now()).content {
        ChannelContent::Instagram(content) => content.caption,
        ChannelContent::NaverBlog(content) => content.content,
        ChannelContent::KakaoChannel(content) => content.message,
        other => panic!("{other:?} has no text"),
    }
}

/// As a person would tidy it: every line break the same, none at the ends.
fn tidied(part: &str) -> String {
    let lines: Vec<&str> = part.split("\r\n").flat_map(|line| line.split(['\r', '\n'])).collect();
    lines.join("\n").trim().to_owned()
}

/// Takes the parts off from the front, one blank line after each.
fn has_just(whole: &str, parts: &[Option<&str>]) -> bool {
    let parts: Vec<String> = parts
        .iter()
        .flatten()
        .map(|part| tidied(part))
        .filter(|part| !part.is_empty())
        .collect();
    let mut rest = whole;
    for (place, part) in parts.iter().enumerate() {
        let gap = if place == 0 { "" } else { "\n\n" };
        let Some(after) = rest.strip_prefix(gap).and_then(|rest| rest.strip_prefix(part.as_str())) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}

/// UTF-16 units: an emoji has two.
fn utf16(text: &str) -> usize {
    text.chars().map(|char| if char > '\u{FFFF}' { 2 } else { 1 }).sum()
}

fn line_breaks(text: &str) -> usize {
    text.split('\n').count() - 1
}

/// `#` before a word and after none.
fn hashtags(text: &str) -> usize {
    let belongs = |char: &char| char.is_alphanumeric() || *char == '_';
    let characters: Vec<char> = text.chars().collect();
    let is_tag = |place: usize| {
        let before = place.checked_sub(1).map(|before| &characters[before]);
        characters[place] == '#' && characters.get(place + 1).is_some_and(belongs) && !before.is_some_and(belongs)
    };
    (0..characters.len()).filter(|place| is_tag(*place)).count()
}

fn says(request: &DistributeRequest, channel: Channel, code: &str) -> bool {
    check(request, channel, Mode::Live, now())
        .iter()
        .any(|fault| fault.code == code)
}

proptest! {
    #[test]
    fn a_composed_text_has_its_parts_in_their_order(content in content()) {
        let tags: Vec<String> = content.hashtags.iter().map(|tag| format!("#{tag}")).collect();
        let tags = tags.join(" ");
        let (title, body) = (content.title.as_deref(), content.body.as_deref());
        let (link, tags) = (content.link.as_deref(), Some(tags.as_str()));
        let request = request_of(content.clone(), [None, None, None]);
        // Link and hashtags alone are no text.
        let says_something = [title, body].into_iter().flatten().any(|text| !tidied(text).is_empty());
        for (channel, is_there, parts) in [
            (Channel::Instagram, says_something, vec![title, body, link, tags]),
            (Channel::NaverBlog, body.is_some(), vec![body, link, tags]),
            (Channel::KakaoChannel, says_something, vec![title, body]),
        ] {
            let text = sent(&request, channel);
            prop_assert_eq!(text.is_some(), is_there, "{}: {:?}", channel, parts);
            let text = text.unwrap_or_default();
            prop_assert!(!is_there || has_just(&text, &parts), "{channel}: {text:?} of {parts:?}");
        }
    }

    #[test]
    fn an_override_wins_whatever_the_content_is(content in content(), own in text()) {
        let request = request_of(content.clone(), [Some(own.clone()), Some(own.clone()), Some(own.clone())]);
        let tags: Vec<String> = content.hashtags.iter().map(|tag| format!("#{tag}")).collect();
        let tags = tags.join(" ");
        let own = Some(own.as_str());
        for (channel, parts) in [
            (Channel::Instagram, vec![own]),
            (Channel::NaverBlog, vec![own, content.link.as_deref(), Some(&tags)]),
            (Channel::KakaoChannel, vec![own]),
        ] {
            let text = sent(&request, channel).unwrap();
            prop_assert!(has_just(&text, &parts), "{channel}: {text:?}");
        }
    }

    #[test]
    fn a_caption_that_is_said_to_fit_does(
        content in content(),
        own in prop::option::of(prop_oneof![about(instagram::CAPTION_MAX), "[가a_# ]{0,40}"]),
    ) {
        let request = request_of(content, [own, None, None]);
        let caption = sent(&request, Channel::Instagram).unwrap_or_default();
        let says = |code| says(&request, Channel::Instagram, code);
        prop_assert_eq!(says(code::TOO_LONG), utf16(&caption) > instagram::CAPTION_MAX, "{}", utf16(&caption));
        if hashtags(&caption) > instagram::HASHTAGS_API_MAX {
            prop_assert!(says(code::TOO_MANY), "{}", caption);
        } else if !caption.contains('@') {
            prop_assert!(!says(code::TOO_MANY), "{}", caption);
        }
    }

    #[test]
    fn a_post_that_is_said_to_fit_does(content in content(), own in about(naver_blog::CONTENT_MAX)) {
        let request = request_of(content, [None, Some(own), None]);
        let found = sent(&request, Channel::NaverBlog).unwrap().chars().fold(0, |count, _| count + 1);
        let said = says(&request, Channel::NaverBlog, code::TOO_LONG);
        prop_assert_eq!(said, found > naver_blog::CONTENT_MAX, "{}", found);
    }

    /// With all that is put around it, since that is what is sent.
    #[test]
    fn a_message_that_is_said_to_fit_does(
        own in prop_oneof![about(kakao_channel::MESSAGE_MAX), "(가|\\r\\n|\\n){85,220}"],
        label in any::<bool>(),
    ) {
        let frame = Frame { label, sender: "봄 빵집".to_owned(), opt_out: "080-555-0100".to_owned() };
        let body = json!({
            "eventId": "e", "channels": ["KakaoChannel"], "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
            "channelOptions": {"KakaoChannel": {"message": own}},
        });
        let settings = AdmitSettings {
            modes: [Mode::Live; 6],
            kakao_frame: Some(frame.clone()),
            ..AdmitSettings::default()
        };
        let (read, faults) = faults(&body, &settings, now());
        prop_assume!(faults.iter().all(|fault| [code::TOO_LONG, code::TOO_MANY_LINES].contains(&fault.code)));
        let message = sent(&read.unwrap(), Channel::KakaoChannel).unwrap();
        let whole = advertisement(&message, frame.label, &frame.sender, &frame.opt_out);
        let (said_long, said_lines) = (
            faults.iter().any(|fault| fault.code == code::TOO_LONG),
            faults.iter().any(|fault| fault.code == code::TOO_MANY_LINES),
        );
        let longest = utf16(&message).max(utf16(&whole));
        let lines = line_breaks(&message).max(line_breaks(&whole));
        prop_assert_eq!(said_long, longest > kakao_channel::MESSAGE_MAX, "{} characters", longest);
        prop_assert_eq!(said_lines, lines > kakao_channel::NEWLINES_MAX, "{} line breaks", lines);
    }
}
