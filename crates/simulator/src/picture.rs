//! Looks at a picture, a film or a sound that a channel is told to fetch, as the real one does:
//! only where it lies on this machine, since a simulator calls nobody else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::channels::media;
use crate::server::Shared;

/// The largest file that is looked at.
const BYTES_MOST: usize = 32 * 1_024 * 1_024;

/// What takes longer is not there.
const DEADLINE: Duration = Duration::from_secs(2);

/// What was found at an address.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// It is elsewhere, and was not looked for.
    Elsewhere,
    /// Nothing that could be fetched.
    Nothing,
    /// A file.
    File(Bytes),
}

/// Fetches it.
pub(crate) async fn fetch(shared: &Shared, url: &str) -> Found {
    let url = Url::parse(url).ok();
    let Some((url, address)) = url.and_then(|url| Some((url.clone(), address(&url)?))) else {
        return Found::Elsewhere;
    };
    if let Some(name) = url.as_str().strip_prefix(&format!("{}/media/", shared.base_url)) {
        let file = media::file(&shared.world().media, name);
        return file.map_or(Found::Nothing, |(_, bytes)| Found::File(bytes));
    }
    match tokio::time::timeout(DEADLINE, get(&url, address)).await {
        Ok(Some(bytes)) => Found::File(bytes),
        Ok(None) | Err(_) => Found::Nothing,
    }
}

/// On this machine, and nowhere else.
fn address(url: &Url) -> Option<SocketAddr> {
    let ip: IpAddr = match url.host()? {
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
        Host::Domain(_) => return None,
    };
    (url.scheme() == "http" && ip.is_loopback()).then_some(SocketAddr::new(ip, url.port_or_known_default()?))
}

async fn get(url: &Url, address: SocketAddr) -> Option<Bytes> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = Request::get(url.path()).header("host", address.to_string());
    let answer = sender
        .send_request(request.body(Empty::<Bytes>::new()).ok()?)
        .await
        .ok()?;
    if answer.status() != 200 {
        return None;
    }
    Some(
        Limited::new(answer.into_body(), BYTES_MOST)
            .collect()
            .await
            .ok()?
            .to_bytes(),
    )
}

/// Width and height of a JPEG, by its frame's header; `None` for anything else.
pub(crate) fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else {
            return None;
        };
        let segment = rest.get(4..2 + usize::from(u16::from_be_bytes([high, low])))?;
        // Frames; tables and extensions are among their numbers.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let [_, h1, h0, w1, w0, ..] = *segment else { return None };
            let side = |pair| u32::from(u16::from_be_bytes(pair));
            return Some((side([w1, w0]), side([h1, h0])));
        }
        rest = &rest[4 + segment.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_says_its_size_and_nothing_else_does() {
        let stub = media::file(&std::collections::HashMap::new(), "a.jpg").unwrap().1;
        assert_eq!(jpeg_size(&stub), Some((640, 640)));
        for end in 0..100 {
            let size = jpeg_size(&stub[..end]);
            assert!(size.is_none_or(|size| size == (640, 640)), "{end}");
        }
        for other in [
            &b""[..],
            b"\xff\xd8",
            b"\xff\xd8\xff\xc0\0\0",
            b"\xff\xd8\xff\xe0\0\x02\xff",
            b"\x89PNG",
        ] {
            assert_eq!(jpeg_size(other), None);
        }
    }

    #[test]
    fn only_this_machine_is_asked() {
        for (url, asked) in [
            ("http://127.0.0.1:80/a.jpg", true),
            ("http://[::1]/a.jpg", true),
            ("https://127.0.0.1/a.jpg", false),
            ("http://10.0.0.1/a.jpg", false),
            ("http://a.kr/a.jpg", false),
        ] {
            assert_eq!(address(&Url::parse(url).unwrap()).is_some(), asked, "{url}");
        }
    }
}
