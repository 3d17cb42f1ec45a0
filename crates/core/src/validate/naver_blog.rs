//! What a blog accepts. Naver's own writing API is closed since 2020 and its
//! limits were never published; these are our proposal, wide enough for any
//! blog that speaks `MetaWeblog`.

use jiff::Timestamp;

use super::code;
use super::rule::Checks;
use crate::channel::{Channel, Mode};
use crate::compose::{Invented, naver_blog};
use crate::fault::Fault;
use crate::picture::{PictureKind, PictureRule};
use crate::request::DistributeRequest;

/// Where its posts are seen.
pub const POST_HOSTS: [&str; 2] = ["blog.naver.com", "m.blog.naver.com"];

/// Longest title in characters (Unicode scalar values); our proposal \[D\].
pub const TITLE_MAX: usize = 100;
/// Longest composed post in characters (Unicode scalar values); our proposal \[D\].
pub const CONTENT_MAX: usize = 50_000;
/// Image formats by file extension; our proposal \[D\], what browsers show.
pub const IMAGE_FORMATS: [&str; 5] = ["jpg", "jpeg", "png", "gif", "webp"];
/// What the picture itself must be for a blog that it is uploaded to: as base64 it
/// fits into the 8 MB that PHP takes by default; our proposal \[D\].
pub const PICTURE: PictureRule = PictureRule {
    kinds: &[PictureKind::Jpeg, PictureKind::Png, PictureKind::Gif, PictureKind::Webp],
    bytes_max: 5 * 1_024 * 1_024,
    width_min: 1,
    width_max: u32::MAX,
    shapes: None,
};

/// Everything that keeps the blog from serving `request`.
pub fn check(request: &DistributeRequest, mode: Mode, _now: Timestamp) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::NaverBlog);
    match &request.content_urls.image_url {
        Some(url) => checks.format("/contentUrls/imageUrl", url, &IMAGE_FORMATS),
        None => checks.required(
            "/contentUrls/imageUrl",
            ("a picture in contentUrls.imageUrl", "이미지(contentUrls.imageUrl)"),
        ),
    }
    let post = naver_blog::compose(request, &mut Invented::new(Mode::Live));
    check_title(&mut checks, request, mode, post.title.as_deref());
    check_content(&mut checks, request, mode, post.content.as_deref());
    checks.into_faults()
}

fn check_title(checks: &mut Checks, request: &DistributeRequest, mode: Mode, title: Option<&str>) {
    let own = request.channel_options.naver_blog.as_ref();
    let pointer = match own.and_then(|options| options.title.as_ref()) {
        Some(_) => checks.option("title"),
        None => "/content/title".to_owned(),
    };
    match title {
        Some(title) => checks.at_most(
            &pointer,
            code::TOO_LONG,
            (title.chars().count(), TITLE_MAX),
            ("characters in a title", "제목은", "자"),
        ),
        None if mode == Mode::Live => checks.required(
            pointer,
            (
                "a title in content.title or channelOptions.NaverBlog.title",
                "제목(content.title 또는 channelOptions.NaverBlog.title)",
            ),
        ),
        None => {}
    }
}

fn check_content(checks: &mut Checks, request: &DistributeRequest, mode: Mode, content: Option<&str>) {
    let own = request.channel_options.naver_blog.as_ref();
    let pointer = match own.and_then(|options| options.content.as_ref()) {
        Some(_) => checks.option("content"),
        None => "/content/body".to_owned(),
    };
    match content {
        Some(content) => checks.at_most(
            &pointer,
            code::TOO_LONG,
            (content.chars().count(), CONTENT_MAX),
            (
                "characters in a post, link and hashtags included",
                "본문은 링크와 해시태그를 포함해",
                "자",
            ),
        ),
        None if mode == Mode::Live => checks.required(
            pointer,
            (
                "a text in content.body or channelOptions.NaverBlog.content",
                "본문(content.body 또는 channelOptions.NaverBlog.content)",
            ),
        ),
        None => {}
    }
}
