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
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::IntoIter;

use bytes::{Bytes, BytesMut};
use fanfare_core::text::Text;
use fanfare_core::validate::url::{is_public, media_url};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use tower_service::Service;
use url::Url;

use crate::http::{Cause, SetupError};

/// Largest picture. As base64 it fits into the 8 MB that PHP takes by default.
pub const PICTURE_MAX: usize = 5 * 1024 * 1024;

/// Fetches pictures; clones share the connections.
#[derive(Debug, Clone)]
pub struct MediaClient {
    inner: Client<HttpsConnector<HttpConnector<PublicOnly>>, Empty<Bytes>>,
    deadline: Duration,
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
    Unreachable(#[source] Cause),
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
        let mut tcp = HttpConnector::new_with_resolver(PublicOnly(Arc::clone(&allow_hosts)));
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider())?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Self {
            inner: Client::builder(TokioExecutor::new()).build(connector),
            deadline,
            allow_hosts,
        })
    }

    /// Fetches the picture at `url`.
    pub async fn picture(&self, url: &str) -> Result<Picture, MediaError> {
        let url = media_url(url, &self.allow_hosts).map_err(MediaError::NotAllowed)?;
        let fetched = tokio::time::timeout(self.deadline, self.fetch(&url)).await;
        let bytes = fetched.map_err(|elapsed| MediaError::Unreachable(elapsed.into()))??;
        let kind = PictureKind::of(&bytes).ok_or(MediaError::NoPicture)?;
        Ok(Picture { bytes, kind })
    }

    async fn fetch(&self, url: &Url) -> Result<Bytes, MediaError> {
        let request = Request::get(url.as_str()).header("user-agent", concat!("fanfare/", env!("CARGO_PKG_VERSION")));
        let request = request.body(Empty::new());
        let request = request.map_err(|error| MediaError::Unreachable(error.into()))?;
        let response = self.inner.request(request).await.map_err(not_fetched)?;
        match response.status().as_u16() {
            200 => {}
            status @ (408 | 425 | 429 | 500..) => return Err(MediaError::Away(status)),
            status => return Err(MediaError::Refused(status)),
        }
        let (mut body, mut bytes) = (response.into_body(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.map_err(not_fetched)?.into_data() else {
                continue;
            };
            if bytes.len() + chunk.len() > PICTURE_MAX {
                return Err(MediaError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
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
fn not_fetched(error: impl Error + Send + Sync + 'static) -> MediaError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if is_inside(inner) {
            return MediaError::NotAllowed(leads_inside());
        }
        cause = inner.source();
    }
    MediaError::Unreachable(error.into())
}

/// An I/O error shows the source of what it wraps, not what it wraps.
fn is_inside(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<LeadsInside>() || wrapped.is_some_and(|inner| is_inside(inner))
}

/// Resolves names, and leaves out what is not on the public internet.
#[derive(Debug, Clone)]
struct PublicOnly(Arc<[String]>);

#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not on the public internet")]
struct LeadsInside;

impl Service<Name> for PublicOnly {
    type Response = IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<IntoIter<SocketAddr>>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let is_named = |allowed: &String| {
            let host = allowed.rsplit_once(':').map_or(&**allowed, |(host, _)| host);
            host.eq_ignore_ascii_case(name.as_str())
        };
        let anywhere = self.0.iter().any(is_named);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found.filter(|address| anywhere || is_public(address.ip())).collect();
            if addresses.is_empty() {
                return Err(io::Error::other(LeadsInside));
            }
            Ok(addresses.into_iter())
        })
    }
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
        let deadline = Duration::from_secs(5);
        let refused = |mut resolver: PublicOnly| async move { resolver.call("localhost".parse().unwrap()).await.err() };
        assert!(is_inside(&refused(PublicOnly(Arc::default())).await.unwrap()));
        let allowed: Arc<[String]> = Arc::from(["localhost:9000".to_owned()]);
        assert!(refused(PublicOnly(allowed)).await.is_none());
        let client = MediaClient::new(&[], deadline).unwrap();
        for url in [
            "http://127.0.0.1/a.jpg",
            "http://[::ffff:10.0.0.1]/a.jpg",
            "ftp://a.kr/a.jpg",
        ] {
            let refused = client.picture(url).await.unwrap_err();
            assert!(matches!(refused, MediaError::NotAllowed(_)), "{url}: {refused:?}");
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
