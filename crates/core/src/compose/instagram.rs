//! What Instagram is sent: a picture and a caption.
//!
//! The caption is title, body, link and hashtags with blank lines between them.
//! `caption` replaces all of that; Instagram's own `hashtags`, where given, are
//! still put below it.

use serde::Serialize;

use super::{Invented, invented_text, joined, tag_line, title_and_body};
use crate::channel::Mode;
use crate::request::DistributeRequest;

/// What Instagram is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstagramContent {
    /// A JPEG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// The text below it, hashtags included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

pub(super) fn compose(request: &DistributeRequest, invented: &mut Invented) -> InstagramContent {
    InstagramContent {
        image_url: request.content_urls.image_url.clone(),
        caption: caption(request, invented),
    }
}

/// The whole caption in `mode`; none where there is no text for one.
pub fn caption_of(request: &DistributeRequest, mode: Mode) -> Option<String> {
    caption(request, &mut Invented::new(mode))
}

/// The whole caption; none where there is no text for one.
pub(crate) fn caption(request: &DistributeRequest, invented: &mut Invented) -> Option<String> {
    let own = own_caption(request);
    let link = request.content.link.as_deref().filter(|_| own.is_none());
    let text = own.map(str::to_owned).or_else(|| title_and_body(request));
    let text = invented.or(text, "/caption", || invented_text(request))?;
    let tags = tag_line(hashtags(request));
    let parts = [Some(text.as_str()), link, tags.as_deref()];
    Some(joined(parts.into_iter().flatten()))
}

/// The words that become hashtags below the text.
pub(crate) fn hashtags(request: &DistributeRequest) -> &[String] {
    let own = request.channel_options.instagram.as_ref();
    match own.map(|options| options.hashtags.as_slice()) {
        Some(own) if !own.is_empty() => own,
        _ if own_caption(request).is_some() => &[],
        _ => &request.content.hashtags,
    }
}

fn own_caption(request: &DistributeRequest) -> Option<&str> {
    let options = request.channel_options.instagram.as_ref()?;
    options.caption.as_deref()
}
