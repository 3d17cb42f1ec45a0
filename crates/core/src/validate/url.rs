//! Which URLs of a request are followed, by us or by a channel.
//!
//! Syntax and address literals only. That a name *resolves* into a private
//! network can be seen only where it is resolved: the guarded HTTP client asks
//! [`is_public`] again for every address, at every fetch.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::decode::found::quoted;
use crate::text::Text;

/// Names that mean a place inside some network; so do all names below them.
const INSIDE: [&str; 13] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    // Of a cluster, and of the clouds' metadata.
    "svc",
    "metadata",
    "instance-data",
];

/// Longest name, and longest part of one between dots; RFC 1035, section 2.3.4.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// Azure answers its machines' metadata and DNS at this address; it is public
/// by the registry, and inside by what it does.
const AZURE_METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Reads a URL of the public web: `http` or `https`, no user info, port 80 or
/// 443, and a host that is neither inside a network nor an address that is not
/// globally routable, however that is spelt.
///
/// A host of `allow_hosts` (`host` or `host:port`, the operator's own storage)
/// may be anywhere, and have the port that is named there.
pub fn media_url(text: &str, allow_hosts: &[String]) -> Result<Url, Text> {
    // Before parsing: the parser takes tabs and line breaks out, and reads a
    // backslash as a slash, so that another parser would see another host.
    check_raw(text)?;
    let url = Url::parse(text).map_err(|error| unreadable(text, error))?;
    if is_allowed(&url, allow_hosts) {
        return Ok(url);
    }
    if !matches!(url.port(), None | Some(80 | 443)) {
        return Err(refused(
            text,
            "only ports 80 and 443 are allowed",
            "80번과 443번 포트만 사용할 수 있습니다",
        ));
    }
    match url.host() {
        Some(Host::Domain(name)) => check_name(text, name)?,
        Some(Host::Ipv4(address)) => check_address(text, address.into())?,
        Some(Host::Ipv6(address)) => check_address(text, address.into())?,
        None => return Err(no_host(text)),
    }
    Ok(url)
}

/// Whether packets to an address may leave for the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The special-purpose registry of RFC 6890, as far as it is not global, and
/// one address that only looks global.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special && address != AZURE_METADATA
}

/// Only what is given out as global unicast, less what wraps an IPv4 address
/// (6to4, Teredo) or is for documentation. Loopback, unique local, link-local,
/// multicast, mapped, compatible and NAT64 addresses are outside of `2000::/3`.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let unicast = first & 0xe000 == 0x2000;
    let special = match first {
        0x2001 => second < 0x0200 || second == 0x0db8,
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    unicast && !special
}

fn check_raw(text: &str) -> Result<(), Text> {
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(refused(
            text,
            "it has a blank, a control character or a backslash; write those percent-encoded",
            "공백, 제어 문자, 역슬래시는 사용할 수 없습니다. 퍼센트 인코딩해 주세요",
        ));
    }
    let scheme_end = text.find("://").filter(|end| {
        let scheme = &text[..*end];
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    });
    let Some(scheme_end) = scheme_end else {
        return Err(refused(
            text,
            "it must start with https:// or http://",
            "https:// 또는 http://로 시작해야 합니다",
        ));
    };
    let rest = &text[scheme_end + 3..];
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(no_host(text));
    }
    if authority.contains('@') {
        return Err(refused(
            text,
            "it must not carry a user name or a password",
            "사용자 이름이나 비밀번호를 넣을 수 없습니다",
        ));
    }
    Ok(())
}

fn check_name(text: &str, name: &str) -> Result<(), Text> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_inside = |inside: &str| {
        name.strip_suffix(inside)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_label = |label: &str| (1..=LABEL_MAX).contains(&label.len());
    if name.len() > NAME_MAX || !name.split('.').all(is_label) {
        return Err(refused(
            text,
            "its host is not a name that can exist: one between dots is empty or longer than 63 characters, \
             or all of it is longer than 253",
            "있을 수 없는 호스트 이름입니다. 점 사이가 비었거나 63자를 넘거나, 전체가 253자를 넘습니다",
        ));
    }
    if !name.contains('.') || INSIDE.iter().any(|inside| is_inside(inside)) {
        return Err(refused(
            text,
            "its host is not a name of the public internet",
            "공개 인터넷의 도메인이 아닙니다",
        ));
    }
    Ok(())
}

fn check_address(text: &str, address: IpAddr) -> Result<(), Text> {
    if is_public(address) {
        return Ok(());
    }
    Err(refused(
        text,
        &format!("the address {address} is not on the public internet"),
        &format!("{address} 주소는 공개 인터넷에 있지 않습니다"),
    ))
}

/// Whether the operator allows this address, wherever it leads: by its host, on
/// ports 80 and 443, or by host and port.
pub fn is_allowed(url: &Url, allow_hosts: &[String]) -> bool {
    allow_hosts.iter().any(|allowed| is_named(url, allowed))
}

fn is_named(url: &Url, allowed: &str) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let port = url.port_or_known_default();
    if host.eq_ignore_ascii_case(allowed) {
        return matches!(port, Some(80 | 443));
    }
    allowed
        .rsplit_once(':')
        .and_then(|(name, number)| Some((name, number.parse::<u16>().ok()?)))
        .is_some_and(|(name, number)| host.eq_ignore_ascii_case(name) && port == Some(number))
}

fn unreadable(text: &str, error: url::ParseError) -> Text {
    refused(text, &format!("it can't be read ({error})"), "주소를 읽을 수 없습니다")
}

fn no_host(text: &str) -> Text {
    refused(text, "it names no host", "호스트가 없습니다")
}

fn refused(text: &str, en: &str, ko: &str) -> Text {
    // What stands before an @ may be a password; it is not repeated.
    let found = match text.rsplit_once('@') {
        Some((_, rest)) => quoted(&format!("…@{rest}")),
        None => quoted(text),
    };
    Text::new(
        format!(
            "The URL {found} is not allowed: {en}. Use a public address such as https://cdn.example.com/event.jpg."
        ),
        format!(
            "사용할 수 없는 주소입니다({found}): {ko}. https://cdn.example.com/event.jpg처럼 누구나 접근할 수 있는 주소를 적어 주세요."
        ),
    )
}
