//! Fetches a picture that a user named.
//!
//! The address was looked at when the request was accepted; here its name is
//! resolved, and only addresses of the public internet are connected to, or
//! hosts that the operator allows. No redirect is followed, no proxy asked, and
//! what the server says of the file's kind is not believed: its first bytes say.
//!
//! Deliberately absent so far: keeping what was fetched for other channels, and
//! fitting it to what a channel takes.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_core::attempt::Retry;
use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;
use fanfare_core::validate::url::{is_allowed, media_url};
use http::Request;
use url::Url;

use crate::connect::LeadsInside;
use crate::failure;
use crate::http::{ExchangeError, HttpClient, HttpSettings, SetupError};

/// Largest picture. As base64 it fits into the 8 MB that PHP takes by default.
pub const PICTURE_MAX: usize = 5 * 1024 * 1024;

/// Fetches pictures; clones share the connections.
#[derive(Debug, Clone)]
pub struct MediaClient {
    /// For addresses that the operator allows.
    anywhere: HttpClient,
    /// For all others.
    public: HttpClient,
    allow_hosts: Arc<[String]>,
}

/// A picture, as it is.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its bytes.
    pub bytes: Bytes,
    /// What its first bytes say that it is.
    pub kind: PictureKind,
}

/// Formats that browsers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is inside a network.
    #[error("the address is not allowed: {}", .0.en)]
    NotAllowed(Text),
    /// Its server could not be reached, or broke off.
    #[error("the picture's server could not be reached")]
    Unreachable(#[source] ExchangeError),
    /// Its server is out of order, or busy.
    #[error("the picture's server answered {0}")]
    Away(u16),
    /// Its server does not give it.
    #[error("the picture's server answered {0}")]
    Refused(u16),
    /// It is too large.
    #[error("the picture has more than {PICTURE_MAX} bytes")]
    TooLarge,
    /// It is something else.
    #[error("what is there is no JPEG, PNG, GIF or WebP")]
    NoPicture,
}

impl MediaClient {
    /// `allow_hosts` (`host` or `host:port`) may be anywhere; `deadline` is for
    /// one picture.
    ///
    /// # Errors
    /// [`SetupError`] where the system's trusted certificates can't be read.
    pub fn new(allow_hosts: &[String], deadline: Duration) -> Result<Self, SetupError> {
        let allow_hosts: Arc<[String]> = allow_hosts.into();
        let settings = HttpSettings {
            deadline,
            connect_timeout: deadline / 2,
            max_answer_bytes: PICTURE_MAX,
        };
        Ok(Self {
            anywhere: HttpClient::new(&settings)?,
            public: HttpClient::public(&settings)?,
            allow_hosts,
        })
    }

    /// Decided here alone, of host and port together: an allowed port opens no
    /// other one of its host.
    fn http_for(&self, url: &Url) -> &HttpClient {
        if is_allowed(url, &self.allow_hosts) {
            &self.anywhere
        } else {
            &self.public
        }
    }

    /// Fetches the picture at `url`.
    pub async fn picture(&self, url: &str) -> Result<Picture, MediaError> {
        let url = media_url(url, &self.allow_hosts).map_err(MediaError::NotAllowed)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.as_str().parse().unwrap_or_default();
        let answer = self.http_for(&url).send(request).await.map_err(not_fetched)?;
        match answer.status.as_u16() {
            200 => {}
            status @ (408 | 425 | 429 | 500..) => return Err(MediaError::Away(status)),
            status => return Err(MediaError::Refused(status)),
        }
        if answer.cut {
            return Err(MediaError::TooLarge);
        }
        let kind = PictureKind::of(&answer.body).ok_or(MediaError::NoPicture)?;
        Ok(Picture {
            bytes: answer.body,
            kind,
        })
    }
}

impl PictureKind {
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// Such as `image/jpeg`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// Of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }
}

impl MediaError {
    /// What follows for a delivery that needs the picture.
    pub(crate) fn into_refusal(self) -> (Failure, Retry) {
        let words = self.words();
        let rejected = || failure::media_rejected().said(&words);
        match self {
            Self::NotAllowed(detail) => (cause::URL_NOT_ALLOWED.because(detail).said(&words), Retry::Never),
            Self::NoPicture | Self::TooLarge | Self::Refused(_) => (rejected(), Retry::Never),
            Self::Unreachable(_) | Self::Away(_) => (rejected(), Retry::Backoff),
        }
    }

    /// What went wrong, down to its cause, for the person who decides.
    pub fn words(&self) -> String {
        let mut words = self.to_string();
        let mut cause = self.source();
        while let Some(inner) = cause {
            words = format!("{words}: {inner}");
            cause = inner.source();
        }
        words
    }
}

/// A name that leads inside is refused for good; everything else may pass.
fn not_fetched(error: ExchangeError) -> MediaError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<LeadsInside>() {
            return MediaError::NotAllowed(leads_inside());
        }
        cause = inner.source();
    }
    MediaError::Unreachable(error)
}

fn leads_inside() -> Text {
    Text::new(
        "The picture's host is not on the public internet. Use a public address, or have the operator allow the host.",
        "이미지 주소가 공개 인터넷에 있지 않습니다. 공개 주소를 쓰거나 운영자에게 호스트 허용을 요청해 주세요.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_where_it_is_resolved() {
        // Past the look at the address itself, as a name in a public zone would be.
        let allow_hosts: [String; 0] = [];
        let settings = HttpSettings::default();
        let public = HttpClient::public(&settings).unwrap();
        let request = Request::get("http://localhost/a.jpg").body(Bytes::new()).unwrap();
        let refused = not_fetched(public.send(request).await.unwrap_err());
        assert!(matches!(refused, MediaError::NotAllowed(_)), "{refused:?}");
        let client = MediaClient::new(&allow_hosts, settings.deadline).unwrap();
        for url in [
            "http://127.0.0.1/a.jpg",
            "http://[::ffff:10.0.0.1]/a.jpg",
            "ftp://a.kr/a.jpg",
        ] {
            let refused = client.picture(url).await.unwrap_err();
            assert!(matches!(refused, MediaError::NotAllowed(_)), "{url}: {refused:?}");
        }
    }

    /// A name in a public zone may lead inside: by its look no address shows it.
    #[test]
    fn a_port_that_is_allowed_opens_no_other_one() {
        let allow_hosts = ["store.example.com:9000", "cdn.example.com"].map(str::to_owned);
        let client = MediaClient::new(&allow_hosts, Duration::from_secs(1)).unwrap();
        for (url, anywhere) in [
            ("http://store.example.com:9000/a.jpg", true),
            ("http://store.example.com/a.jpg", false),
            ("https://store.example.com/a.jpg", false),
            ("http://cdn.example.com/a.jpg", true),
            ("https://cdn.example.com/a.jpg", true),
            ("https://other.example.com/a.jpg", false),
        ] {
            let url = media_url(url, &client.allow_hosts).unwrap();
            assert_eq!(
                std::ptr::eq(client.http_for(&url), &raw const client.anywhere),
                anywhere,
                "{url}"
            );
        }
    }

    #[test]
    fn its_first_bytes_say_what_it_is() {
        for (bytes, kind) in [
            (&b"\xff\xd8\xff\xe0"[..], Some("jpg")),
            (b"\x89PNG\r\n\x1a\n", Some("png")),
            (b"GIF89a", Some("gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"<svg onload=alert(1)>", None),
            (b"", None),
        ] {
            assert_eq!(PictureKind::of(bytes).map(PictureKind::extension), kind);
        }
    }
}
