//! Where a tenant's own blog may be. Its address is the only one that a tenant names and
//! that is sent a password, so it is held to more than the addresses of media: it must be
//! on the public internet, by `https`, but for hosts that the operator allows
//! (`blog_hosts`). That a *name* leads inside is seen where it is resolved: calls to it go
//! out by an HTTP client that connects to public addresses alone.

use fanfare_core::text::Text;
use fanfare_core::validate::url::{is_allowed, media_url};
use url::Url;

/// Reads it.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(crate) fn endpoint(text: &str, blog_hosts: &[String]) -> Result<Url, Text> {
    let url = media_url(text, blog_hosts).map_err(|_of_media| not_public())?;
    if url.scheme() != "https" && !is_allowed(&url, blog_hosts) {
        return Err(not_public());
    }
    Ok(url)
}

fn not_public() -> Text {
    Text::new(
        "`endpoint` must be the address at which the blog takes posts by XML-RPC, on the public internet and by https://, \
         such as https://shop.example.com/xmlrpc.php. Another host is for the operator to allow \
         (channels.naver_blog.blog_hosts).",
        "`endpoint`에는 블로그의 XML-RPC 주소를 적어 주세요. 누구나 접근할 수 있는 https:// 주소여야 합니다. 예: \
         https://shop.example.com/xmlrpc.php. 다른 호스트는 운영자가 허용해야 합니다(channels.naver_blog.blog_hosts).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blog_is_on_the_public_internet_and_hears_its_password_in_private() {
        let allowed = ["blog.internal:8443".to_owned(), "127.0.0.1:9000".to_owned()];
        for good in [
            "https://shop.example.com/xmlrpc.php",
            "https://shop.example.com/?rest=1",
            "https://blog.internal:8443/xmlrpc.php",
            "http://127.0.0.1:9000/rpc",
        ] {
            assert!(endpoint(good, &allowed).is_ok(), "{good}");
        }
        for bad in [
            "",
            "shop.example.com",
            "http://shop.example.com/xmlrpc.php",
            "https://author:canary@shop.example.com/xmlrpc.php",
            "https://shop.example.com:8443/xmlrpc.php",
            "https://blog.internal/xmlrpc.php",
            "https://10.0.0.7/xmlrpc.php",
            "https://[::1]/xmlrpc.php",
            "https://169.254.169.254/latest",
            "http://127.0.0.1:9001/rpc",
            "ftp://shop.example.com/",
        ] {
            let refused = endpoint(bad, &allowed).expect_err(bad);
            assert!(!refused.en.contains("canary"), "{refused:?}");
        }
    }
}
