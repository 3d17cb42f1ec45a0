//! The public feed of a blog on Naver: `https://rss.blog.naver.com/{blog}.xml`.
//!
//! It says that a post can be seen; that a post is absent says nothing, as the
//! feed lags behind and its owner may have switched it off.

use bytes::Bytes;
use fanfare_core::validate::naver_post::NaverPost;
use http::{Request, StatusCode};
use quick_xml::Reader;
use quick_xml::events::Event;
use url::Url;

use crate::http::HttpClient;

/// Where Naver's feeds are.
pub const FEEDS: &str = "https://rss.blog.naver.com";

/// Addresses that are looked at; a feed of Naver's has some fifty posts.
const ADDRESSES_MAX: usize = 400;

/// Feeds of blogs.
#[derive(Debug, Clone)]
pub(super) struct Feeds {
    pub(super) http: HttpClient,
    pub(super) base: Url,
}

impl Feeds {
    /// Whether the blog's feed has the post. `false` where it has not, or not
    /// yet, or can't be read.
    pub(super) async fn have(&self, post: &NaverPost) -> bool {
        let mut url = self.base.clone();
        // Refused only by addresses such as `mailto:`, which are no base.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(&format!("{}.xml", post.blog));
        }
        let Ok(request) = Request::get(url.as_str()).body(Bytes::new()) else {
            return false;
        };
        let Ok(answer) = self.http.send(request).await else {
            return false;
        };
        let text = String::from_utf8_lossy(&answer.body);
        answer.status == StatusCode::OK && addresses(&text).iter().any(|address| post.is_at(address))
    }
}

/// The addresses of a feed's entries, as far as it can be read: its newest come
/// first, and it may be cut off.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut reader = Reader::from_str(text);
    let mut is_address = false;
    let mut address = String::new();
    while found.len() < ADDRESSES_MAX {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                is_address = matches!(tag.name().0, "link" | "guid");
                address.clear();
            }
            Ok(Event::Text(text)) if is_address => address.push_str(&text.xml10_content()),
            Ok(Event::CData(text)) if is_address => address.push_str(&text.xml10_content()),
            // Beside characters, only `&amp;` stands in an address.
            Ok(Event::GeneralRef(reference)) if is_address => match reference.resolve_char_ref() {
                Ok(Some(c)) => address.push(c),
                _ => address.push('&'),
            },
            Ok(Event::End(_)) if is_address => {
                is_address = false;
                found.push(std::mem::take(&mut address).trim().to_owned());
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_however_they_are_written_and_wherever_it_ends() {
        let feed = "<?xml version=\"1.0\"?><rss><channel><title>x</title><link>https://blog.naver.com/shop</link>\
                    <item><title><![CDATA[<a>]]></title><link><![CDATA[https://blog.naver.com/shop/1?fromRss=true&trackingCode=rss]]></link>\
                    <guid>https://blog.naver.com/shop/2</guid></item>\
                    <item><link>https://blog.naver.com/PostView.naver?blogId=shop&amp;logNo=3</link></item><item><li";
        let found = addresses(feed);
        assert_eq!(found.len(), 4, "{found:?}");
        for (number, there) in [("1", true), ("2", true), ("3", true), ("4", false)] {
            let post = NaverPost {
                blog: "shop".to_owned(),
                number: number.to_owned(),
            };
            assert_eq!(found.iter().any(|address| post.is_at(address)), there, "{number}");
        }
        for nonsense in [
            "",
            "{}",
            "<a><b></a>",
            "<!DOCTYPE x [<!ENTITY y \"z\">]><link>&y;</link>",
        ] {
            assert!(addresses(nonsense).len() < 2, "{nonsense}");
        }
    }
}
