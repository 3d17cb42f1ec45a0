//! Which URLs are followed: every spelling of every address that is not public.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use crate::validate::url::{is_public, media_url};

fn is_allowed(text: &str) -> bool {
    media_url(text, &[]).is_ok()
}

#[test]
fn urls_of_the_public_web_are_allowed() {
    for text in [
        "https://cdn.example.com/a.jpg",
        "http://cdn.example.com:80/a.jpg",
        "https://cdn.example.com:443/a.jpg?x=1#y",
        "HTTPS://CDN.Example.COM/a.jpg",
        "https://cdn.example.com./a.jpg",
        "https://예시.한국/사진.jpg",
        "https://8.8.8.8/a.jpg",
        "https://[2606:4700:4700::1111]/a.jpg",
        "https://notlocalhost.kr/a.jpg",
        "https://local.kr/a@b.jpg",
    ] {
        assert!(is_allowed(text), "{text}: {:?}", media_url(text, &[]));
    }
}

#[test]
fn what_is_no_plain_web_url_is_refused() {
    for text in [
        "",
        "cdn.example.com/a.jpg",
        "//cdn.example.com/a.jpg",
        "ftp://cdn.example.com/a.jpg",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:image/png;base64,AA==",
        "gopher://cdn.example.com/",
        "https:cdn.example.com/a.jpg",
        "https:/cdn.example.com/a.jpg",
        "https:///cdn.example.com/a.jpg",
        "https://",
        "https://:443/",
        "https://?a.example.com",
        "https://user@cdn.example.com/",
        "https://user:pass@cdn.example.com/",
        "https://@cdn.example.com/",
        "https://:@cdn.example.com/",
        "https://cdn.example.com:8080/",
        "https://cdn.example.com:22/",
        "https://cdn.example.com:0/",
        "https://cdn.example.com:99999/",
        "https://cdn.example.com\\@10.0.0.1/",
        "https:\\\\cdn.example.com/",
        "https://cdn.example.com/\ta.jpg",
        "https://cdn.exa\nmple.com/a.jpg",
        "https://cdn.example.com/a b.jpg",
        " https://cdn.example.com/",
        "https://cdn.example.com/\u{a0}",
        "https://cdn.example.com/\u{85}",
        "https://cdn.example.com/\u{3000}",
        "https://cdn.example.com/\0",
        "ht\ttps://cdn.example.com/",
        "https://exa mple.com/",
        "https://a..b^c.kr/",
        "https://[::1/",
    ] {
        assert!(!is_allowed(text), "{text:?}");
    }
}

#[test]
fn names_inside_a_network_are_refused() {
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "LocalHost.",
        "a.localhost",
        "a.b.localhost.",
        "localhost.localdomain",
        "printer.local",
        "PRINTER.LOCAL",
        "metadata.google.internal",
        "metadata.google.internal.",
        "intranet",
        "redis",
        "router.home.arpa",
        "nas.lan",
        ".example.com",
        "metadata",
        "a.metadata",
        "instance-data",
        "instance-data.ec2.internal",
        "api.default.svc",
        "api.default.svc.cluster.local",
        "a.localdomain",
        "a.lan.",
        "home.arpa",
        "%6c%6f%63alhost",
        "ｌｏｃａｌｈｏｓｔ",
        "local\u{ad}host",
    ] {
        let text = format!("http://{host}/a.jpg");
        assert!(!is_allowed(&text), "{text}");
    }
}

#[test]
fn names_that_can_not_exist_are_refused() {
    let label = |length: usize| "a".repeat(length);
    // Three longest labels with their dots are 192 characters.
    let name = |last: usize| format!("{0}.{0}.{0}.{1}", label(63), label(last));
    for (host, allowed) in [
        (format!("{}.kr", label(63)), true),
        (format!("{}.kr", label(64)), false),
        (format!("{}.kr", "가".repeat(63)), false),
        (name(61), true),
        (format!("{}.", name(61)), true),
        (name(62), false),
        ("m.example.com".to_owned(), true),
        ("m..example.com".to_owned(), false),
        ("example.com..".to_owned(), false),
        (".".to_owned(), false),
    ] {
        let text = format!("https://{host}/a.jpg");
        assert_eq!(is_allowed(&text), allowed, "{text}");
    }
}

#[test]
fn addresses_that_are_not_public_are_refused_however_spelt() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "１２７．０．０．１",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "0x0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "168.63.129.16",
        "0xa83f8110",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "256.256.256.256",
        "1.2.3.4.5",
        "0x100000000",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::8.8.8.8]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[fc00::1]",
        "[fdff::1]",
        "[fe80::1]",
        "[febf::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001::1]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[2001:10::1]",
        "[2002:7f00:1::]",
        "[2002:808:808::]",
        "[3fff::1]",
        "[5f00::1]",
        "[fe80::1%25eth0]",
    ] {
        let text = format!("http://{host}/a.jpg");
        assert!(!is_allowed(&text), "{text}");
    }
}

#[test]
fn the_neighbours_of_what_is_refused_are_public() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2606:4700::1",
        "3fff:1000::1",
    ] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn the_operator_s_own_hosts_are_allowed_exactly() {
    let allowed = [
        "127.0.0.1:9000".to_owned(),
        "Storage.internal".to_owned(),
        "[::1]:9000".to_owned(),
    ];
    for (text, expected) in [
        ("http://127.0.0.1:9000/a.jpg", true),
        ("http://0x7f000001:9000/a.jpg", true),
        ("http://[::1]:9000/a.jpg", true),
        ("http://storage.internal/a.jpg", true),
        ("https://storage.internal/a.jpg", true),
        ("http://127.0.0.1/a.jpg", false),
        ("http://127.0.0.1:9001/a.jpg", false),
        ("http://storage.internal:9000/a.jpg", false),
        ("http://a.storage.internal/a.jpg", false),
        ("http://u@storage.internal/a.jpg", false),
        ("ftp://storage.internal/a.jpg", false),
        ("http://storage.internal/a\n.jpg", false),
    ] {
        assert_eq!(media_url(text, &allowed).is_ok(), expected, "{text}");
    }
}

#[test]
fn a_password_is_not_repeated() {
    let detail = media_url("https://user:hunter2@cdn.example.com/", &[]).unwrap_err();
    assert!(
        !detail.en.contains("hunter2") && !detail.ko.contains("hunter2"),
        "{detail:?}"
    );
}

/// An address of a private, loopback, link-local or shared network.
fn inside() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[b, c, d]| [10, b, c, d]),
        any::<[u8; 3]>().prop_map(|[b, c, d]| [127, b, c, d]),
        any::<[u8; 3]>().prop_map(|[b, c, d]| [0, b, c, d]),
        any::<[u8; 2]>().prop_map(|[c, d]| [169, 254, c, d]),
        any::<[u8; 2]>().prop_map(|[c, d]| [192, 168, c, d]),
        (16..32_u8, any::<[u8; 2]>()).prop_map(|(b, [c, d])| [172, b, c, d]),
        (64..128_u8, any::<[u8; 2]>()).prop_map(|(b, [c, d])| [100, b, c, d]),
        (224..=255_u8, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| [a, b, c, d]),
    ]
    .prop_map(Ipv4Addr::from)
}

fn number(value: u32, spelling: u8) -> String {
    match spelling {
        0 => value.to_string(),
        1 => format!("0x{value:x}"),
        2 => format!("0X{value:08X}"),
        _ => format!("0{value:o}"),
    }
}

proptest! {
    #[test]
    fn no_spelling_of_an_address_inside_is_allowed(
        address in inside(), spelling in any::<[u8; 4]>(), parts in 1..=4_usize, dot in any::<bool>(),
    ) {
        let bits = u32::from(address);
        // The last part takes the bits that the earlier ones leave.
        let mut host: Vec<String> = (0..parts - 1)
            .map(|place| number(u32::from(address.octets()[place]), spelling[place] % 4))
            .collect();
        let left = 8 * (5 - parts);
        let last = if left == 32 { bits } else { bits & ((1 << left) - 1) };
        host.push(number(last, spelling[3] % 4));
        let text = format!("http://{}{}/a.jpg", host.join("."), if dot { "." } else { "" });
        prop_assert!(!is_allowed(&text), "{text}");
        let mapped = format!("http://[{}]/a.jpg", address.to_ipv6_mapped());
        prop_assert!(!is_allowed(&mapped), "{mapped}");
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), tail in "[a-z0-9.:@/\\\\\\[\\]%#?-]{0,40}") {
        let _ = media_url(&text, &[]);
        if let Ok(url) = media_url(&format!("http://{tail}"), &[]) {
            prop_assert!(matches!(url.scheme(), "http" | "https"));
            prop_assert!(url.username().is_empty() && url.password().is_none());
            // What was allowed is allowed again in the form that is stored.
            prop_assert!(is_allowed(url.as_str()), "{url}");
        }
    }
}
