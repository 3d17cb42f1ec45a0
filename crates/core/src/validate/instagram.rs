//! What Instagram's content publishing API accepts
//! (developers.facebook.com/docs/instagram-platform/content-publishing).
//!
//! A picture's size and shape, and a film's length and codecs, are checked after
//! acceptance, on the bytes.

use std::time::Duration;

use jiff::Timestamp;

use super::code;
use super::rule::{Checks, units};
use crate::channel::{Channel, Mode};
use crate::compose::instagram::Shown;
use crate::compose::{Invented, instagram};
use crate::decode::found::quoted;
use crate::fault::Fault;
use crate::film::{Codecs, FilmRule};
use crate::picture::{Aspect, PictureKind, PictureRule};
use crate::request::DistributeRequest;
use crate::text::Text;

/// Where its posts are seen.
pub const POST_HOSTS: [&str; 2] = ["www.instagram.com", "instagram.com"];

/// Longest caption in characters, counted as UTF-16 units; Instagram \[V\].
pub const CAPTION_MAX: usize = 2_200;
/// Hashtags that people's posts may have since December 2025
/// (help.instagram.com/351460621611097) \[V3\]; where nothing else is configured.
pub const HASHTAGS_MAX: usize = 5;
/// Hashtags that the API takes at all; Instagram \[V\].
pub const HASHTAGS_API_MAX: usize = 30;
/// Hashtags that a post may have here: 1 to what the API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashtagsMax(usize);

impl HashtagsMax {
    /// None where the API could not keep it.
    pub fn new(max: usize) -> Option<Self> {
        (1..=HASHTAGS_API_MAX).contains(&max).then_some(Self(max))
    }

    /// So many.
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for HashtagsMax {
    fn default() -> Self {
        Self(HASHTAGS_MAX)
    }
}

/// Mentions of other accounts in one caption; Instagram \[V\].
pub const MENTIONS_MAX: usize = 20;
/// Image formats by file extension: Instagram takes JPEG alone \[V\], and PNG is made
/// into it.
pub const IMAGE_FORMATS: [&str; 3] = ["jpg", "jpeg", "png"];
/// Pictures of a carousel; Instagram \[V\].
pub const CAROUSEL: (usize, usize) = (2, 10);
/// Film formats by file extension; Instagram \[V\].
pub const VIDEO_FORMATS: [&str; 2] = ["mp4", "mov"];
/// What a Reel's film itself must be; Instagram \[V\]. What it calls 300 MB is taken
/// for the larger of two readings: a little more, Instagram itself refuses.
pub const FILM: FilmRule = FilmRule {
    bytes_max: 300 * 1_024 * 1_024,
    shortest: Duration::from_secs(3),
    longest: Duration::from_mins(15),
    video: Codecs::H264_AND_HEVC,
    audio: Codecs::AAC,
};
/// What the picture itself must be; Instagram \[V\].
pub const PICTURE: PictureRule = PictureRule {
    kinds: &[PictureKind::Jpeg],
    bytes_max: 8_000_000,
    width_min: 320,
    width_max: 1_440,
    shapes: Some((Aspect(4, 5), Aspect(191, 100))),
};

/// Everything that keeps Instagram from serving `request`.
pub fn check(request: &DistributeRequest, mode: Mode, _now: Timestamp) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::Instagram);
    check_shown(&mut checks, request);
    let tags = tags_pointer(&checks, request);
    for (place, tag) in instagram::hashtags(request).iter().enumerate() {
        check_hashtag(&mut checks, &format!("{tags}/{place}"), tag);
    }
    check_repeats(&mut checks, &tags, instagram::hashtags(request));
    let text = text_pointer(&checks, request);
    match instagram::caption(request, &mut Invented::new(mode)) {
        Some(caption) => check_caption(&mut checks, (&text, &tags), request, &caption),
        None if mode == Mode::Live => checks.required(
            text,
            (
                "a caption in content.body or channelOptions.Instagram.caption",
                "게시글 문구(content.body 또는 channelOptions.Instagram.caption)",
            ),
        ),
        None => {}
    }
    checks.into_faults()
}

fn check_shown(checks: &mut Checks, request: &DistributeRequest) {
    let own = request.channel_options.instagram.as_ref();
    if own.is_some_and(|options| options.reel == Some(true) && !options.image_urls.is_empty()) {
        let detail = Text::new(
            "A post is a Reel or a carousel, not both; leave out reel or imageUrls.",
            "릴스와 여러 장 게시물은 함께 쓸 수 없습니다. reel과 imageUrls 중 하나를 빼 주세요.",
        );
        return checks.fault(checks.option("imageUrls"), code::CONFLICTING, detail);
    }
    match Shown::of(request) {
        Shown::Picture(Some(url)) => checks.format("/contentUrls/imageUrl", url, &IMAGE_FORMATS),
        Shown::Picture(None) => checks.required(
            "/contentUrls/imageUrl",
            ("a picture in contentUrls.imageUrl", "이미지(contentUrls.imageUrl)"),
        ),
        Shown::Carousel(urls) => check_carousel(checks, urls),
        Shown::Reel(Some(url)) => checks.format("/contentUrls/videoUrl", url, &VIDEO_FORMATS),
        Shown::Reel(None) => checks.required(
            "/contentUrls/videoUrl",
            (
                "a film in contentUrls.videoUrl for a Reel",
                "릴스에 쓸 영상(contentUrls.videoUrl)",
            ),
        ),
    }
}

fn check_carousel(checks: &mut Checks, urls: &[String]) {
    let pointer = checks.option("imageUrls");
    let (least, most) = CAROUSEL;
    if urls.len() < least {
        let detail = Text::new(
            format!(
                "A carousel has at least {least} pictures, found {}; add some, or give the only one in contentUrls.imageUrl.",
                urls.len()
            ),
            format!(
                "여러 장 게시물에는 이미지가 {least}장 이상 필요합니다(현재 {}장). 더 추가하거나 한 장이면 contentUrls.imageUrl에 적어 \
                 주세요.",
                urls.len()
            ),
        );
        checks.fault(pointer.as_str(), code::TOO_FEW, detail);
    }
    let found = (urls.len(), most);
    checks.at_most(
        &pointer,
        code::TOO_MANY,
        found,
        ("pictures in a carousel", "여러 장 게시물의 이미지는", "장"),
    );
    for (place, url) in urls.iter().enumerate() {
        checks.format(&format!("{pointer}/{place}"), url, &IMAGE_FORMATS);
    }
}

fn check_caption(checks: &mut Checks, (text, tags): (&str, &str), request: &DistributeRequest, caption: &str) {
    checks.at_most(
        text,
        code::TOO_LONG,
        (units(caption), CAPTION_MAX),
        (
            "characters in a caption, hashtags included",
            "게시글은 해시태그를 포함해",
            "자",
        ),
    );
    checks.at_most(
        text,
        code::TOO_MANY,
        (count_marked(caption, '@', is_account), MENTIONS_MAX),
        ("mentions in a caption", "게시글의 멘션(@)은", "개"),
    );
    let found = (count_marked(caption, '#', is_tag), HASHTAGS_API_MAX);
    let pointer = if instagram::hashtags(request).is_empty() {
        text
    } else {
        tags
    };
    checks.at_most(
        pointer,
        code::TOO_MANY,
        found,
        ("hashtags at all", "해시태그는 API 기준", "개"),
    );
}

/// What keeps `request` from being posted with no more than `most` hashtags, although
/// the API would take it.
pub(super) fn check_hashtags(request: &DistributeRequest, mode: Mode, most: HashtagsMax) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::Instagram);
    let caption = instagram::caption(request, &mut Invented::new(mode));
    let found = caption.map_or(0, |caption| count_marked(&caption, '#', is_tag));
    let pointer = if instagram::hashtags(request).is_empty() {
        text_pointer(&checks, request)
    } else {
        tags_pointer(&checks, request)
    };
    // What the API does not take is said already.
    if found <= HASHTAGS_API_MAX {
        let noun = ("hashtags", "해시태그는", "개");
        checks.at_most(&pointer, code::TOO_MANY, (found, most.get()), noun);
    }
    checks.into_faults()
}

fn check_hashtag(checks: &mut Checks, pointer: &str, tag: &str) {
    if tag.is_empty() || !tag.chars().all(is_tag) {
        let found = quoted(tag);
        let detail = Text::new(
            format!("The hashtag {found} may have letters, digits and _ only: no blanks, no #, no punctuation."),
            format!("해시태그 {found}에는 글자, 숫자, 밑줄(_)만 쓸 수 있습니다. 공백, #, 문장 부호는 빼 주세요."),
        );
        checks.fault(pointer, code::BAD_HASHTAG, detail);
    }
}

fn check_repeats(checks: &mut Checks, pointer: &str, tags: &[String]) {
    for (place, tag) in tags.iter().enumerate() {
        let same = |other: &String| other.to_lowercase() == tag.to_lowercase();
        if tags[..place].iter().any(same) {
            checks.repeated(&format!("{pointer}/{place}"), tag);
        }
    }
}

fn tags_pointer(checks: &Checks, request: &DistributeRequest) -> String {
    let own = request.channel_options.instagram.as_ref();
    if own.is_some_and(|options| !options.hashtags.is_empty()) {
        checks.option("hashtags")
    } else {
        "/content/hashtags".to_owned()
    }
}

fn text_pointer(checks: &Checks, request: &DistributeRequest) -> String {
    let own = request.channel_options.instagram.as_ref();
    if own.is_some_and(|options| options.caption.is_some()) {
        checks.option("caption")
    } else if request.content.body.is_none() && request.content.title.is_some() {
        "/content/title".to_owned()
    } else {
        "/content/body".to_owned()
    }
}

/// How often `mark` stands before something that belongs to it, at the start or
/// after something that does not.
fn count_marked(text: &str, mark: char, belongs: fn(char) -> bool) -> usize {
    let mut before = None;
    let mut count = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let starts = before.is_none_or(|before| !belongs(before));
        if character == mark && starts && characters.peek().is_some_and(|next| belongs(*next)) {
            count += 1;
        }
        before = Some(character);
    }
    count
}

fn is_tag(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_account(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.')
}
