//! What the blog is sent: a title, a text and a picture.
//!
//! Plain text: the channel client makes HTML of it. Link and hashtags stand
//! below the text, whichever text it is.

use serde::Serialize;

use super::{Invented, invented_text, joined, tag_line};
use crate::request::DistributeRequest;

/// What the blog is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NaverBlogContent {
    /// The post's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The post's text, link and hashtags included; plain, paragraphs apart by
    /// a blank line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The picture above the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

pub(crate) fn compose(request: &DistributeRequest, invented: &mut Invented) -> NaverBlogContent {
    let own = request.channel_options.naver_blog.as_ref();
    let shared = &request.content;
    let title = own
        .and_then(|options| options.title.clone())
        .or_else(|| shared.title.clone());
    let text = own
        .and_then(|options| options.content.clone())
        .or_else(|| shared.body.clone());
    let text = invented.or(text, "/content", || invented_text(request));
    let tags = tag_line(&shared.hashtags);
    let whole = |text: String| {
        let parts = [Some(text.as_str()), shared.link.as_deref(), tags.as_deref()];
        joined(parts.into_iter().flatten())
    };
    NaverBlogContent {
        title: invented.or(title, "/title", || format!("이벤트 {}", request.event_id)),
        content: text.map(whole),
        image_url: request.content_urls.image_url.clone(),
    }
}
