//! The address of a post on Naver Blog, out of whatever its owner pastes: the
//! address bar's, the app's, or what its share button copies, which has words
//! around it. Whether there is such a post is not seen here.

use std::fmt;

use url::Url;

use super::naver_blog::POST_HOSTS;
use crate::text::Text;

/// Longest text that is looked through, in bytes.
const TEXT_MAX: usize = 2_048;

/// Longest id of a blog, and of a post; wider than any that was seen \[U\].
const BLOG_MAX: usize = 40;
const NUMBER_MAX: usize = 20;

/// A post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NaverPost {
    /// Whose blog, in lower case: Naver's ids are.
    pub blog: String,
    /// The post's `logNo`, digits.
    pub number: String,
}

impl NaverPost {
    /// Finds the address in what was pasted; `own` is the only blog that it may
    /// be on, where one is named.
    ///
    /// # Errors
    /// What is wrong with it, for who pasted it.
    pub fn find(pasted: &str, own: Option<&str>) -> Result<Self, Text> {
        let url = address_in(pasted).ok_or_else(no_address)?;
        let host = url.host_str().unwrap_or_default();
        if host == "naver.me" {
            return Err(shortened());
        }
        if !POST_HOSTS.contains(&host) || url.port().is_some() || !url.username().is_empty() || url.password().is_some()
        {
            return Err(elsewhere());
        }
        let post = Self::of_path(&url)
            .or_else(|| Self::of_query(&url))
            .ok_or_else(no_post)?;
        match own {
            Some(own) if !own.eq_ignore_ascii_case(&post.blog) => Err(another_blog(own)),
            _ => Ok(post),
        }
    }

    /// Whether an address is this post's.
    pub fn is_at(&self, address: &str) -> bool {
        Self::find(address, None).is_ok_and(|post| post == *self)
    }

    /// `/{blog}/{number}`.
    fn of_path(url: &Url) -> Option<Self> {
        let mut parts = url.path_segments()?.filter(|part| !part.is_empty());
        let (blog, number) = (parts.next()?, parts.next()?);
        parts.next().is_none().then(|| Self::new(blog, number))?
    }

    /// `/PostView.naver?blogId={blog}&logNo={number}`.
    fn of_query(url: &Url) -> Option<Self> {
        if !url.path().starts_with("/PostView.") {
            return None;
        }
        let value = |name: &str| {
            url.query_pairs()
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        Self::new(&value("blogId")?, &value("logNo")?)
    }

    fn new(blog: &str, number: &str) -> Option<Self> {
        let sound = is_blog_id(blog)
            && (1..=NUMBER_MAX).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit());
        sound.then(|| Self {
            blog: blog.to_ascii_lowercase(),
            number: number.to_owned(),
        })
    }
}

/// Whether a blog can be called that: the name in its address, not the address.
pub fn is_blog_id(text: &str) -> bool {
    let is_blog = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=BLOG_MAX).contains(&text.len()) && text.bytes().all(is_blog)
}

/// Where it is seen.
impl fmt::Display for NaverPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://blog.naver.com/{}/{}", self.blog, self.number)
    }
}

/// The first address in it, up to the next blank; a phone's field has taken the
/// line break before it out. One without `https://`, as some show it, too.
fn address_in(pasted: &str) -> Option<Url> {
    if pasted.len() > TEXT_MAX {
        return None;
    }
    let begins = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| pasted.find(scheme))
        .min();
    let rest = if let Some(at) = begins {
        pasted[at..].to_owned()
    } else {
        let bare = POST_HOSTS
            .iter()
            .filter_map(|host| pasted.find(&format!("{host}/")))
            .min()?;
        format!("https://{}", &pasted[bare..])
    };
    Url::parse(rest.split_whitespace().next()?).ok()
}

fn no_address() -> Text {
    Text::new(
        "No address was found in it. Copy the post's address, such as https://blog.naver.com/myshop/223456789012.",
        "주소를 찾지 못했습니다. https://blog.naver.com/myshop/223456789012처럼 글의 주소를 복사해 붙여 주세요.",
    )
}

fn shortened() -> Text {
    Text::new(
        "naver.me is a shortened address. Open the post, and copy the address that begins with blog.naver.com.",
        "naver.me는 단축 주소입니다. 글을 연 다음 blog.naver.com으로 시작하는 주소를 복사해 주세요.",
    )
}

fn elsewhere() -> Text {
    Text::new(
        "This is not on Naver Blog. The address begins with https://blog.naver.com/ or https://m.blog.naver.com/.",
        "네이버 블로그 주소가 아닙니다. https://blog.naver.com/ 또는 https://m.blog.naver.com/으로 시작해야 합니다.",
    )
}

fn no_post() -> Text {
    Text::new(
        "This is the blog's address, not the post's. Open the post itself: its address ends with a number.",
        "블로그 주소이고 글의 주소가 아닙니다. 글을 직접 열어 주세요. 글의 주소는 숫자로 끝납니다.",
    )
}

fn another_blog(own: &str) -> Text {
    Text::new(
        format!("This post is on another blog. It must be on blog.naver.com/{own}."),
        format!("다른 블로그의 글입니다. blog.naver.com/{own}의 글이어야 합니다."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_naver_s_own_buttons_copy_is_found() {
        let post = NaverPost {
            blog: "my_shop".to_owned(),
            number: "223456789012".to_owned(),
        };
        for pasted in [
            "https://blog.naver.com/my_shop/223456789012",
            "https://m.blog.naver.com/my_shop/223456789012?fromRss=true&trackingCode=rss",
            "http://blog.naver.com/My_Shop/223456789012/",
            "m.blog.naver.com/my_shop/223456789012",
            "https://m.blog.naver.com/PostView.naver?blogId=my_shop&logNo=223456789012&proxyReferer=",
            "https://blog.naver.com/PostView.nhn?logNo=223456789012&blogId=my_shop#comment",
            "여는 날 10% 할인 : 네이버 블로그https://m.blog.naver.com/my_shop/223456789012",
            "여는 날 10% 할인 : 네이버 블로그\nhttps://m.blog.naver.com/my_shop/223456789012\n",
        ] {
            assert_eq!(NaverPost::find(pasted, Some("MY_shop")), Ok(post.clone()), "{pasted}");
            assert!(post.is_at(pasted));
        }
        assert_eq!(post.to_string(), "https://blog.naver.com/my_shop/223456789012");
    }

    #[test]
    fn anything_else_is_refused_in_words_that_help() {
        for (pasted, words) in [
            ("", "No address"),
            ("여는 날", "No address"),
            (&"x".repeat(3_000), "No address"),
            ("javascript:alert(1)", "No address"),
            ("https://naver.me/x1y2", "shortened"),
            ("evil.blog.naver.com", "No address"),
            ("https://evil.example/?u=https://blog.naver.com/a/1", "not on Naver"),
            ("https://blog.naver.com.evil.example/a/1", "not on Naver"),
            ("https://evil.example/blog.naver.com/a/1", "not on Naver"),
            ("https://blog.naver.com@evil.example/a/1", "not on Naver"),
            ("https://u:p@blog.naver.com/a/1", "not on Naver"),
            ("https://blog.naver.com:8443/a/1", "not on Naver"),
            ("https://blog.naver.com/a", "not the post's"),
            ("https://blog.naver.com/a/b", "not the post's"),
            ("https://blog.naver.com/a/1/2", "not the post's"),
            ("https://blog.naver.com/a/123456789012345678901", "not the post's"),
            (
                "https://blog.naver.com/PostList.naver?blogId=a&logNo=1",
                "not the post's",
            ),
            ("https://blog.naver.com/<script>/1", "not the post's"),
            ("https://blog.naver.com/other/1", "another blog"),
        ] {
            let refused = NaverPost::find(pasted, Some("shop")).unwrap_err();
            assert!(refused.en.contains(words), "{pasted}: {}", refused.en);
        }
    }
}
