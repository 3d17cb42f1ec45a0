//! What Instagram is sent: a picture, several as a carousel, or a film as a Reel;
//! and a caption.
//!
//! A Reel where `reel` says so, or where there is nothing but a film to show: all that
//! Instagram's API makes of a film is a Reel. A picture wins where nothing is said, since
//! the film may be meant for television.
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
    /// A picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// A carousel's pictures, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_urls: Vec<String>,
    /// A Reel's film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    /// The text below it, hashtags included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// What is shown, as far as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'r> {
    /// One picture.
    Picture(Option<&'r str>),
    /// Several, side by side.
    Carousel(&'r [String]),
    /// A film.
    Reel(Option<&'r str>),
}

impl<'r> Shown<'r> {
    /// What this request has Instagram show.
    pub fn of(request: &'r DistributeRequest) -> Self {
        let urls = &request.content_urls;
        let (image, video) = (urls.image_url.as_deref(), urls.video_url.as_deref());
        let options = request.channel_options.instagram.as_ref();
        let pictures = options.map_or(&[][..], |options| &options.image_urls);
        match options.and_then(|options| options.reel) {
            Some(true) => Self::Reel(video),
            _ if !pictures.is_empty() => Self::Carousel(pictures),
            None if image.is_none() && video.is_some() => Self::Reel(video),
            None | Some(false) => Self::Picture(image),
        }
    }
}

pub(super) fn compose(request: &DistributeRequest, invented: &mut Invented) -> InstagramContent {
    let content = InstagramContent {
        image_url: None,
        image_urls: Vec::new(),
        video_url: None,
        caption: caption(request, invented),
    };
    match Shown::of(request) {
        Shown::Picture(url) => InstagramContent {
            image_url: url.map(str::to_owned),
            ..content
        },
        Shown::Carousel(urls) => InstagramContent {
            image_urls: urls.to_vec(),
            ..content
        },
        Shown::Reel(url) => InstagramContent {
            video_url: url.map(str::to_owned),
            ..content
        },
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
