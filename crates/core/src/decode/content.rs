//! Reads `contentUrls`, as an object or an array, and `content`.

use serde_json::Value;

use super::limits;
use super::reader::{Node, Reader};
use crate::request::{Content, ContentUrls};
use crate::text::Text;
use crate::validate::code;
use crate::validate::media::{self, MediaKind};
use crate::validate::url::media_url;

impl Reader<'_> {
    /// The media, by kind.
    pub(super) fn content_urls(&mut self, node: &Node<'_>) -> Option<ContentUrls> {
        match node.value {
            Value::Array(_) => self.urls_of_array(node),
            Value::Object(_) => self.urls_of_object(node),
            _ => {
                self.wrong_type(
                    node,
                    (
                        "an object such as {\"imageUrl\": \"https://…\"}, or an array of URLs",
                        "{\"imageUrl\": \"https://…\"} 같은 객체 또는 URL 배열",
                    ),
                );
                None
            }
        }
    }

    fn urls_of_object(&mut self, node: &Node<'_>) -> Option<ContentUrls> {
        let object = self.object(node, &["imageUrl", "audioUrl", "videoUrl"])?;
        let mut url = |name| object.get(name).and_then(|node| self.url(&node));
        Some(ContentUrls {
            image_url: url("imageUrl"),
            audio_url: url("audioUrl"),
            video_url: url("videoUrl"),
        })
    }

    fn urls_of_array(&mut self, node: &Node<'_>) -> Option<ContentUrls> {
        let mut urls = ContentUrls::default();
        for item in self.items(node, ("an array of URLs", "URL 배열"))? {
            let Some(url) = self.url(&item) else { continue };
            let Some(kind) = media::kind_of(&url) else {
                self.fault(&item.pointer, code::AMBIGUOUS_CONTENT_URL, no_kind());
                continue;
            };
            let place = place_for(&mut urls, kind);
            if place.is_some() {
                self.fault(&item.pointer, code::AMBIGUOUS_CONTENT_URL, second_of(kind));
            } else {
                *place = Some(url);
            }
        }
        Some(urls)
    }

    /// A URL of the public web, in the form in which every parser reads it alike.
    pub(super) fn url(&mut self, node: &Node<'_>) -> Option<String> {
        let text = self.url_text(node)?;
        match media_url(&text, self.allow_hosts) {
            Ok(url) => Some(url.into()),
            Err(detail) => {
                self.fault(&node.pointer, code::URL_NOT_ALLOWED, detail);
                None
            }
        }
    }

    /// The text of a URL. Stray characters are the URL rule's to name.
    fn url_text(&mut self, node: &Node<'_>) -> Option<String> {
        match node.value {
            Value::String(text) if text.chars().count() <= limits::URL.max && !text.contains('\0') => {
                Some(text.clone())
            }
            _ => self.text(node, limits::URL),
        }
    }

    /// The texts from which the channels' own are composed.
    pub(super) fn content(&mut self, node: &Node<'_>) -> Option<Content> {
        let object = self.object(node, &["title", "body", "hashtags", "link"])?;
        Some(Content {
            title: object.get("title").and_then(|node| self.text(&node, limits::TITLE)),
            body: object.get("body").and_then(|node| self.text(&node, limits::TEXT)),
            hashtags: object
                .get("hashtags")
                .and_then(|node| self.hashtags(&node))
                .unwrap_or_default(),
            link: object.get("link").and_then(|node| self.url(&node)),
        })
    }

    /// Words; a `#` before one is taken off.
    pub(super) fn hashtags(&mut self, node: &Node<'_>) -> Option<Vec<String>> {
        let wanted = (
            "an array of words such as [\"빵집\", \"할인\"]",
            "[\"빵집\", \"할인\"] 같은 단어 배열",
        );
        self.list(node, wanted, |reader, item| {
            let text = reader.text(item, limits::HASHTAG)?;
            Some(text.strip_prefix('#').unwrap_or(&text).to_owned())
        })
    }
}

/// Where in the body the URL of one kind stands, or would stand.
pub(crate) fn place_of(body: &Value, kind: MediaKind) -> String {
    let Some(Value::Array(items)) = body.get("contentUrls") else {
        return format!("/contentUrls/{}", kind.field());
    };
    let of_kind = |item: &Value| item.as_str().and_then(media::kind_of) == Some(kind);
    match items.iter().position(of_kind) {
        Some(place) => format!("/contentUrls/{place}"),
        None => "/contentUrls".to_owned(),
    }
}

/// The kind of the URL that stands at `pointer`, as far as it can be told.
pub(crate) fn kind_at(body: &Value, pointer: &str) -> Option<MediaKind> {
    let token = pointer.strip_prefix("/contentUrls/")?;
    match body.get("contentUrls")? {
        Value::Array(items) => media::kind_of(items.get(token.parse::<usize>().ok()?)?.as_str()?),
        _ => MediaKind::ALL.into_iter().find(|kind| kind.field() == token),
    }
}

fn place_for(urls: &mut ContentUrls, kind: MediaKind) -> &mut Option<String> {
    match kind {
        MediaKind::Image => &mut urls.image_url,
        MediaKind::Audio => &mut urls.audio_url,
        MediaKind::Video => &mut urls.video_url,
    }
}

fn no_kind() -> Text {
    let known = media::listed_extensions();
    Text::new(
        format!(
            "The file extension does not tell whether this is a picture, a sound or a film \
             (known: {known}); use the object form \
             {{\"imageUrl\": …, \"audioUrl\": …, \"videoUrl\": …}}."
        ),
        format!(
            "확장자만으로 이미지, 음원, 영상을 구분할 수 없습니다(사용 가능: {known}). \
             {{\"imageUrl\": …, \"audioUrl\": …, \"videoUrl\": …}} 객체 형식으로 보내 주세요."
        ),
    )
}

fn second_of(kind: MediaKind) -> Text {
    let field = kind.field();
    Text::new(
        format!(
            "This is the second URL for `{field}`; use the object form {{\"{field}\": …}} to say which one is meant."
        ),
        format!("`{field}`에 해당하는 URL이 둘 이상입니다. {{\"{field}\": …}} 객체 형식으로 하나만 지정해 주세요."),
    )
}
