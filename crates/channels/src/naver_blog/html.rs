//! The post as HTML: a picture, paragraphs, a footer by which it is known again.
//! Every word is text; no markup of the request's gets through.

use std::fmt::Write as _;

use fanfare_core::compose::NaverBlogContent;
use quick_xml::escape::{escape, partial_escape};
use url::Url;

/// `mark` is what the post is known again by.
pub(super) fn post(content: &NaverBlogContent, image: &str, mark: &str) -> String {
    let title = content.title.as_deref().unwrap_or_default();
    // Writing to a string can't fail.
    let mut html = format!("<p><img src=\"{}\" alt=\"{}\" /></p>", escape(image), escape(title));
    for paragraph in content.content.as_deref().unwrap_or_default().split("\n\n") {
        _ = write!(html, "\n<p>{}</p>", inner(paragraph.trim()));
    }
    _ = write!(html, "\n<p><small>{}</small></p>", escape(mark));
    html
}

/// The title. `WordPress` takes it for HTML as well, and shows its author's
/// markup; seen there.
pub(super) fn title(content: &NaverBlogContent) -> String {
    partial_escape(content.title.as_deref().unwrap_or_default()).into_owned()
}

/// A paragraph that is an address alone can be followed.
fn inner(paragraph: &str) -> String {
    let text = escape(paragraph);
    let url = Url::parse(paragraph).ok();
    let is_link =
        !paragraph.contains(char::is_whitespace) && url.is_some_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_link {
        return format!("<a href=\"{text}\">{text}</a>");
    }
    text.replace('\n', "<br />")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(title: &str, content: &str) -> String {
        let content = NaverBlogContent {
            title: Some(title.to_owned()),
            content: Some(content.to_owned()),
            image_url: None,
        };
        post(&content, "https://a.kr/a.jpg?x=1&y=\"2", "fanfare-1-1")
    }

    #[test]
    fn paragraphs_lines_and_a_link() {
        assert_eq!(
            html("여는 날", "하나\n둘\n\nhttps://shop.kr/a?b=1&c=2\n\n#빵집"),
            "<p><img src=\"https://a.kr/a.jpg?x=1&amp;y=&quot;2\" alt=\"여는 날\" /></p>\n<p>하나<br />둘</p>\n\
             <p><a href=\"https://shop.kr/a?b=1&amp;c=2\">https://shop.kr/a?b=1&amp;c=2</a></p>\n<p>#빵집</p>\n\
             <p><small>fanfare-1-1</small></p>"
        );
    }

    #[test]
    fn markup_is_text() {
        let html = html(
            "\"><script>",
            "<script>alert(1)</script>\n\njavascript:alert(1)\n\n<img onerror=x>",
        );
        for bad in ["<script", "onerror=x>", "href=\"javascript"] {
            assert!(!html.contains(bad), "{html}");
        }
    }
}
