//! The pages themselves: Korean first, English below it, on a phone's screen,
//! with nothing from elsewhere: the post's picture is looked at, and given from here. Every word of a
//! request is text. It works without scripts; they only copy and share.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanfare_channels::media::Picture;
use fanfare_channels::naver_blog::ticket::Ticket;
use fanfare_core::channel::Mode;
use fanfare_core::compose::{ChannelContent, NaverBlogContent, compose};
use fanfare_core::distribution::Distribution;
use fanfare_core::korea;
use fanfare_core::text::Text;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::api::problem::ForPeople;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Where Naver's editor is, for whoever is logged in.
const EDITOR: &str = "https://blog.naver.com/GoBlogWrite.naver";

/// Only this style and this script, the post's picture from here, and nothing from elsewhere.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src 'self'; connect-src 'self'; form-action \
         'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
});

/// A page that says one thing.
pub(super) enum Page {
    Done {
        post_url: Option<String>,
        is_verified: bool,
    },
    Over,
    Replaced,
    Unknown,
    AnotherSite,
    NoPicture(Text),
    Busy,
}

/// What was pasted, and why it is not the post's address.
pub(super) struct Fault<'f> {
    pub(super) pasted: &'f str,
    pub(super) wrong: &'f Text,
}

/// The post as its page shows it.
pub(super) struct Post {
    pub(super) content: NaverBlogContent,
    pub(super) picture: Shown,
}

/// What is shown of the post's picture.
pub(super) enum Shown {
    /// It has none.
    Nothing,
    /// It is there, beside the page.
    At(String),
    /// It can't be had: why.
    Missing(Text),
}

pub(super) fn content_of(distribution: &Distribution, ticket: &Ticket, now: Timestamp) -> NaverBlogContent {
    let request = &distribution.request.request;
    match compose(request, ticket.channel, Mode::Live, now).content {
        ChannelContent::NaverBlog(content) => content,
        // Only the blog is handed off.
        _ => NaverBlogContent::default(),
    }
}

/// The post, ready to be copied, and where its address is to be pasted.
pub(super) fn task(post: &Post, until: Timestamp, (blog, fault): (Option<&str>, Option<&Fault<'_>>)) -> Response {
    let until = korea::minute(until);
    let body = format!(
        "<h1>네이버 블로그에 올려 주세요<small>Please post this on your Naver Blog</small></h1>\
         <p>{until}까지 올리고 주소를 붙여 넣어 주세요.<small>Post it and paste its address by {until}, Korean time.</small></p>\
         <h2>1. 글 복사<small>Copy the post</small></h2>\
         <label for=post>제목과 본문 <small>Title and text</small></label><textarea id=post rows=11 readonly>\n{post}</textarea>\
         <button type=button data-copy=post>제목과 본문 복사<small>Copy title and text</small></button>{picture}\
         <button type=button id=share hidden>글과 사진 공유<small>Share text and picture</small></button>\
         <h2>2. 블로그에 올리기<small>Publish it on the blog</small></h2>{which}\
         <a class=button href=\"{EDITOR}\" target=_blank rel=\"noopener noreferrer\">블로그 글쓰기 열기<small>Open the blog's editor</small></a>\
         <h2>3. 올린 글의 주소<small>The post's address</small></h2>{form}",
        post = escaped(&whole(&post.content)),
        picture = picture(&post.picture),
        which = blog.map(which).unwrap_or_default(),
        form = form(fault),
    );
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    html(status, "네이버 블로그에 올려 주세요", &body)
}

/// All that is to be copied, in one go: the title is the first line.
fn whole(content: &NaverBlogContent) -> String {
    let parts = [&content.title, &content.content];
    let parts: Vec<_> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
    parts.join("\n\n")
}

fn which(blog: &str) -> String {
    let address = escaped(&format!("blog.naver.com/{blog}"));
    format!("<p>{address} 블로그에 올려 주세요.<small>It belongs on {address}.</small></p>")
}

fn picture(shown: &Shown) -> String {
    match shown {
        Shown::Nothing => String::new(),
        Shown::At(place) => format!(
            "<img id=image src=\"{}\" alt=\"\"><p>사진을 길게 눌러 저장하세요.<small>Press and hold the picture to save it.</small></p>",
            escaped(place)
        ),
        Shown::Missing(why) => format!("<p class=error role=alert>{}</p>", sentence(&no_picture(why))),
    }
}

fn no_picture(why: &Text) -> Text {
    Text::new(
        format!("The picture can't be shown. {}", why.en),
        format!("사진을 불러올 수 없습니다. {}", why.ko),
    )
}

/// The picture itself; nobody between keeps it, since the link is a secret.
pub(super) fn picture_file(picture: &Picture) -> Response {
    let mut response = Response::new(Body::from(picture.bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(picture.kind.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=600"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn form(fault: Option<&Fault<'_>>) -> String {
    let error = fault.map(|fault| format!("<p class=error role=alert>{}</p>", sentence(fault.wrong)));
    format!(
        "<form method=post>{}<label for=postUrl>주소 붙여 넣기 <small>Paste the address</small></label>\
         <input id=postUrl name=postUrl inputmode=url autocomplete=off autocapitalize=off required maxlength=2000 \
         placeholder=\"https://blog.naver.com/…\" value=\"{}\">\
         <button class=main>완료<small>Done</small></button></form>",
        error.unwrap_or_default(),
        escaped(fault.map(|fault| fault.pasted).unwrap_or_default())
    )
}

/// Both languages, as the pages show them.
pub(super) fn sentence(text: &Text) -> String {
    format!("{}<small>{}</small>", escaped(&text.ko), escaped(&text.en))
}

/// A page that says one thing.
pub(super) fn of(status: StatusCode, page: Page) -> Response {
    let (title, rest) = words(page);
    let mut response = html(status, &title.ko, &format!("<h1>{}</h1>{rest}", sentence(&title)));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn words(page: Page) -> (Text, String) {
    let (title, rest) = match page {
        Page::Done { post_url, is_verified } => return done(post_url.as_deref(), is_verified),
        Page::Over => (
            Text::new("The time for this post is over", "이 글의 기한이 지났습니다"),
            Text::new(
                "If it is still wanted, ask for a new link. If you have posted it already, tell who sent you this one.",
                "아직 필요하다면 새 링크를 요청해 주세요. 이미 올렸다면 링크를 보낸 분에게 알려 주세요.",
            ),
        ),
        Page::Replaced => (
            Text::new("There is a newer link for this post", "이 글의 새 링크가 있습니다"),
            Text::new("Please use the newest one.", "가장 최근에 받은 링크를 사용해 주세요."),
        ),
        Page::Unknown => (
            Text::new("This link leads nowhere", "없는 링크입니다"),
            Text::new(
                "It may have been copied only in part. Open it from the message that it came with.",
                "주소의 일부만 복사되었을 수 있습니다. 받은 메시지에서 다시 열어 주세요.",
            ),
        ),
        Page::AnotherSite => (
            Text::new("Nothing was changed", "바뀐 것이 없습니다"),
            Text::new(
                "The form was sent from another site. Open the link itself, and paste the address there.",
                "다른 사이트에서 보낸 요청입니다. 링크를 직접 열어 주소를 붙여 넣어 주세요.",
            ),
        ),
        Page::NoPicture(why) => (Text::new("There is no picture", "사진이 없습니다"), no_picture(&why)),
        Page::Busy => (
            Text::new("Please try again in a moment", "잠시 후 다시 시도해 주세요"),
            Text::new(
                "It could not be kept just now. Go back, and press the button once more.",
                "지금은 저장하지 못했습니다. 뒤로 가서 버튼을 한 번 더 눌러 주세요.",
            ),
        ),
    };
    (title, format!("<p>{}</p>", sentence(&rest)))
}

fn done(post_url: Option<&str>, is_verified: bool) -> (Text, String) {
    let proof = if is_verified {
        Text::new(
            "The post was seen in the blog's public feed.",
            "블로그의 공개 피드에서 글을 확인했습니다.",
        )
    } else {
        Text::new(
            "Its address was kept. It has not been seen in the blog's public feed yet, which is usual for the first minutes.",
            "주소를 저장했습니다. 블로그의 공개 피드에서 아직 확인하지 못했는데, 처음 몇 분 동안은 흔한 일입니다.",
        )
    };
    let link = post_url
        .map(escaped)
        .map(|url| format!("<a class=button href=\"{url}\" target=_blank rel=\"noopener noreferrer\">{url}</a>"));
    let title = Text::new("It is done. Thank you!", "완료되었습니다. 감사합니다!");
    (
        title,
        format!("<p>{}</p>{}", sentence(&proof), link.unwrap_or_default()),
    )
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=ko><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta name=robots content=noindex><title>{}</title><style>{STYLE}</style></head><body><main>{body}</main>\
         <script>{SCRIPT}</script></body></html>",
        escaped(title)
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.extensions_mut().insert(ForPeople);
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, "text/html; charset=utf-8");
    set(CONTENT_LANGUAGE, "ko");
    set(CACHE_CONTROL, "no-store");
    set(CONTENT_SECURITY_POLICY, &POLICY);
    // The link is a secret; but a form's page must be told to us.
    set(REFERRER_POLICY, "same-origin");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
