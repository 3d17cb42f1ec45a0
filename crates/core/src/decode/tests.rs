//! What `decode` says to every kind of bad body, and that it reads good ones.

mod times;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Decoded, decode, limits};
use crate::channel::Channel;
use crate::request::OnInvalid;
use crate::text::Text;
use crate::validate::code;

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

fn decoded(body: &Value) -> Decoded {
    decode(body, &[], now())
}

/// A sound request with one field put in or replaced.
fn with(field: &str, value: Value) -> Value {
    let mut body = json!({
        "eventId": "evt-1",
        "channels": ["Instagram", "GenieTV"],
        "contentUrls": {"imageUrl": "https://cdn.example.com/a.jpg"},
    });
    body[field] = value;
    body
}

fn found(body: &Value) -> Vec<(String, &'static str)> {
    let faults = decoded(body).faults;
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

fn assert_found(body: &Value, expected: &[(&str, &str)]) {
    let found = found(body);
    let found: Vec<(&str, &str)> = found.iter().map(|(p, c)| (p.as_str(), *c)).collect();
    assert_eq!(found, expected, "{body}");
}

#[test]
fn a_full_request_is_read_whole() {
    let body = json!({
        "eventId": 42,
        "channels": Channel::ALL.map(Channel::name),
        "contentUrls": [
            "https://cdn.example.com/a.JPG?v=2", "https://cdn.example.com/b.mp3",
            "https://cdn.example.com/c.mp4",
        ],
        "content": {
            "title": "가을 할인", "body": "모든 빵 20%\n주말까지", "hashtags": ["#빵집", "할인"],
            "link": "https://shop.example.com",
        },
        "channelOptions": {
            "WooridongneTV": {"regions": ["1168000000"], "timeSlots": ["18:00-24:00"], "budget": 50000},
            "RingoBiz": {"phoneNumber": "02-555-0134"},
            "GenieTV": {
                "region": "1168000000", "budget": 300_000,
                "schedule": {"startDate": "2026-12-01", "endDate": "2026-12-14", "dayparts": ["18:00-22:00"]},
            },
            "Instagram": {"caption": "문구", "hashtags": ["a"]},
            "NaverBlog": {"title": "제목", "content": "본문"},
            "KakaoChannel": {
                "message": "안내", "recipientListRef": "list-1",
                "buttons": [{"name": "자세히", "url": "https://shop.example.com/a"}],
            },
        },
        "scheduledAt": "2026-11-23T09:00:00+09:00",
        "onInvalid": "skip",
        "allowRepeat": true,
    });
    let read = decoded(&body);
    assert_eq!(read.faults, []);
    let request = read.request.unwrap();
    assert_eq!(request.event_id.as_str(), "42");
    assert_eq!(request.content.hashtags, ["빵집", "할인"]);
    assert_eq!(request.on_invalid, OnInvalid::Skip);
    let mut canonical = body.clone();
    canonical["eventId"] = json!("42");
    canonical["content"]["hashtags"] = json!(["빵집", "할인"]);
    canonical["content"]["link"] = json!("https://shop.example.com/");
    canonical["scheduledAt"] = json!("2026-11-23T00:00:00Z");
    canonical["contentUrls"] = json!({
        "imageUrl": "https://cdn.example.com/a.JPG?v=2",
        "audioUrl": "https://cdn.example.com/b.mp3",
        "videoUrl": "https://cdn.example.com/c.mp4",
    });
    assert_eq!(serde_json::to_value(request).unwrap(), canonical);
}

#[test]
fn null_is_absent() {
    let mut body = with("content", Value::Null);
    for field in ["channelOptions", "scheduledAt", "onInvalid", "allowRepeat"] {
        body[field] = Value::Null;
    }
    body["contentUrls"]["audioUrl"] = Value::Null;
    assert_found(&body, &[]);
    assert_found(&with("eventId", Value::Null), &[("/eventId", "required")]);
}

#[test]
fn every_fault_is_found_at_once() {
    let body = json!({
        "eventId": " ", "channels": ["kakao", 7, "Instagram", "Instagram"],
        "contentUrls": "https://a.kr/a.jpg", "content": [], "allowRepeat": "yes",
        "onInvalid": "ignore", "scheduledAt": 5, "extra": 1, "tenantId": "a",
    });
    assert_found(
        &body,
        &[
            ("/extra", "unknown_field"),
            ("/tenantId", "unknown_field"),
            ("/eventId", "blank"),
            ("/channels/0", "unknown_channel"),
            ("/channels/1", "wrong_type"),
            ("/channels/3", "repeated_channel"),
            ("/contentUrls", "wrong_type"),
            ("/content", "wrong_type"),
            ("/scheduledAt", "wrong_type"),
            ("/onInvalid", "unknown_value"),
            ("/allowRepeat", "wrong_type"),
        ],
    );
    assert_eq!(decoded(&body).request, None);
}

#[test]
fn an_event_id_is_a_text_or_a_whole_number() {
    for (value, expected) in [
        (json!("evt-1"), "evt-1"),
        (json!(0), "0"),
        (json!(-7), "-7"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("이벤트 1"), "이벤트 1"),
        (json!("\u{200B}a"), "\u{200B}a"),
        (json!(i64::MIN), "-9223372036854775808"),
        (json!("가".repeat(256)), &*"가".repeat(256)),
    ] {
        let request = decoded(&with("eventId", value)).request.unwrap();
        assert_eq!(request.event_id.as_str(), expected);
    }
    for (value, code) in [
        (json!(1.5), code::WRONG_TYPE),
        (json!(1.0), code::WRONG_TYPE),
        (json!(true), code::WRONG_TYPE),
        (json!(["a"]), code::WRONG_TYPE),
        (json!({}), code::WRONG_TYPE),
        (json!(""), code::BLANK),
        (json!(" \u{3000}"), code::BLANK),
        (json!("\u{200B}"), code::BLANK),
        (json!("\u{FEFF}\u{2060}\u{AD} \u{3164}"), code::BLANK),
        (json!("\u{7f}\t"), code::BLANK),
        (json!("가".repeat(257)), code::TOO_LONG),
        (json!("a\nb"), code::CONTROL_CHARACTER),
        (json!("a\u{7f}"), code::CONTROL_CHARACTER),
        (json!("a\0b"), code::NUL_CHARACTER),
    ] {
        assert_found(&with("eventId", value), &[("/eventId", code)]);
    }
}

#[test]
fn a_whole_number_beyond_64_bits_is_to_be_sent_as_text() {
    for text in ["18446744073709551616", "-9223372036854775809", "1e30"] {
        let fault = &decoded(&with("eventId", serde_json::from_str(text).unwrap())).faults[0];
        assert_eq!((&*fault.pointer, fault.code), ("/eventId", code::WRONG_TYPE));
        let Text { en, ko } = &fault.detail;
        assert!(
            en.contains("64 bits") && en.contains("text in quotation marks"),
            "{fault:?}"
        );
        assert!(ko.contains("64비트") && ko.contains("따옴표"), "{fault:?}");
    }
}

#[test]
fn channels_are_named_exactly_and_once() {
    for (value, expected) in [
        (json!([]), &[("/channels", "required")][..]),
        (json!("Instagram"), &[("/channels", "wrong_type")]),
        (json!({"0": "Instagram"}), &[("/channels", "wrong_type")]),
        (json!(["instagram"]), &[("/channels/0", "unknown_channel")]),
        (json!([null]), &[("/channels/0", "wrong_type")]),
        (json!(vec!["Instagram"; 101]), &[("/channels", "too_many")]),
    ] {
        let body = with("channels", value);
        assert_found(&body, expected);
        assert_eq!(decoded(&body).request, None);
    }
    let fault = &decoded(&with("channels", json!(["Kakao"]))).faults[0];
    assert!(fault.detail.en.contains("did you mean `KakaoChannel`?"), "{fault:?}");
    assert!(fault.detail.ko.contains("혹시 `KakaoChannel`인가요?"), "{fault:?}");
    for channel in Channel::ALL {
        assert!(fault.detail.en.contains(channel.name()));
    }
    let read = decoded(&with("channels", json!(["TikTok", "GenieTV"])));
    assert_eq!(read.request.unwrap().channels, [Channel::GenieTV]);
}

#[test]
fn content_urls_in_an_array_are_typed_by_extension() {
    for (value, expected) in [
        (json!([]), &[][..]),
        (
            json!(["https://a.kr/a"]),
            &[("/contentUrls/0", "ambiguous_content_url")],
        ),
        (
            json!(["https://a.kr/a.svg"]),
            &[("/contentUrls/0", "ambiguous_content_url")],
        ),
        (
            json!(["https://a.kr/a.png", "https://a.kr/b.mp3", "https://a.kr/b.jpg"]),
            &[("/contentUrls/2", "ambiguous_content_url")],
        ),
        (
            json!(["http://10.0.0.1/a.png"]),
            &[("/contentUrls/0", "url_not_allowed")],
        ),
        (json!([5]), &[("/contentUrls/0", "wrong_type")]),
        (
            json!({"image": "https://a.kr/a.png"}),
            &[("/contentUrls/image", "unknown_field")],
        ),
        (
            json!({"imageUrl": ["https://a.kr"]}),
            &[("/contentUrls/imageUrl", "wrong_type")],
        ),
        (json!({"imageUrl": ""}), &[("/contentUrls/imageUrl", "url_not_allowed")]),
        (
            json!({"videoUrl": "https://a.kr/a\0"}),
            &[("/contentUrls/videoUrl", "nul_character")],
        ),
    ] {
        assert_found(&with("contentUrls", value), expected);
    }
    let mut absent = with("content", json!({}));
    absent.as_object_mut().unwrap().remove("contentUrls");
    assert_found(&absent, &[("/contentUrls", "required")]);
}

#[test]
fn a_url_s_length_ends_at_its_limit() {
    let url = |length: usize| format!("https://a.kr/{}", "a".repeat(length - 13));
    let body = |length| with("contentUrls", json!({"imageUrl": url(length)}));
    assert_found(&body(2_048), &[]);
    assert_found(&body(2_049), &[("/contentUrls/imageUrl", "too_long")]);
}

#[test]
fn texts_keep_their_rules() {
    for (value, expected) in [
        (json!({"title": "가".repeat(200), "body": "나".repeat(65_536)}), &[][..]),
        (json!({"title": "가".repeat(201)}), &[("/content/title", "too_long")]),
        (json!({"body": "나".repeat(65_537)}), &[("/content/body", "too_long")]),
        (json!({"body": "a\r\n\tb"}), &[]),
        (json!({"body": "a\u{1}b"}), &[("/content/body", "control_character")]),
        (json!({"body": "a\u{FFFE}"}), &[("/content/body", "control_character")]),
        (json!({"title": "a\nb"}), &[("/content/title", "control_character")]),
        (json!({"body": "\0"}), &[("/content/body", "nul_character")]),
        (json!({"body": "\n "}), &[("/content/body", "blank")]),
        (json!({"body": 5}), &[("/content/body", "wrong_type")]),
        (json!({"hashtags": "빵집"}), &[("/content/hashtags", "wrong_type")]),
        (
            json!({"hashtags": ["a", "b\0", 5]}),
            &[
                ("/content/hashtags/1", "nul_character"),
                ("/content/hashtags/2", "wrong_type"),
            ],
        ),
        (json!({"hashtags": vec!["a"; 100]}), &[]),
        (
            json!({"hashtags": vec!["a"; 101]}),
            &[("/content/hashtags", "too_many")],
        ),
        (json!({"hashtags": ["가".repeat(100)]}), &[]),
        (
            json!({"hashtags": ["가".repeat(101)]}),
            &[("/content/hashtags/0", "too_long")],
        ),
        (json!({"link": "ftp://a.kr"}), &[("/content/link", "url_not_allowed")]),
        (json!({"hashTags": []}), &[("/content/hashTags", "unknown_field")]),
    ] {
        assert_found(&with("content", value), expected);
    }
}

#[test]
fn options_keep_their_shapes() {
    let genie = |value: Value| with("channelOptions", json!({"GenieTV": value}));
    let at = |field: &str| format!("/channelOptions/GenieTV/{field}");
    let days = |start: &str, end: &str| json!({"startDate": start, "endDate": end});
    for (value, field, code) in [
        (json!({"budget": 1.5}), "budget", code::WRONG_TYPE),
        (json!({"budget": "100"}), "budget", code::WRONG_TYPE),
        (json!({"budget": -1}), "budget", code::OUT_OF_RANGE),
        (json!({"budget": 1e30}), "budget", code::WRONG_TYPE),
        (json!({"region": 1_168_000_000}), "region", code::WRONG_TYPE),
        (json!({"schedule": "2026-12-01"}), "schedule", code::WRONG_TYPE),
        (
            json!({"schedule": {"startDate": "2026-12-01"}}),
            "schedule/endDate",
            code::REQUIRED,
        ),
        (
            json!({"schedule": days("2026-02-30", "2026-12-01")}),
            "schedule/startDate",
            code::BAD_DATE,
        ),
        (
            json!({"schedule": days("2026-12-01", "2026-13-01")}),
            "schedule/endDate",
            code::BAD_DATE,
        ),
        (
            json!({"schedule": days("2026-12-01", "20261201")}),
            "schedule/endDate",
            code::BAD_DATE,
        ),
        (
            json!({"schedule": days("2026-12-1", "2026-12-01")}),
            "schedule/startDate",
            code::BAD_DATE,
        ),
        (json!({"dayparts": []}), "dayparts", code::UNKNOWN_FIELD),
    ] {
        assert_found(&genie(value), &[(&at(field), code)]);
    }
    let mut schedule = days("2026-12-01", "2026-12-02");
    schedule["dayparts"] = json!(["18:00-22:00", "22:00-18:00", "9:00-10:00"]);
    let parts = at("schedule/dayparts");
    assert_found(
        &genie(json!({"schedule": schedule})),
        &[
            (&format!("{parts}/1"), code::BAD_DAYPART),
            (&format!("{parts}/2"), code::BAD_DAYPART),
        ],
    );
}

#[test]
fn a_fault_in_a_chosen_channel_s_options_is_laid_to_it() {
    let options = json!({
        "GenieTV": {"budget": "a"}, "KakaoChannel": {"buttons": [{"name": "a"}]}, "kakao": {},
        "Tik/Tok": {},
    });
    let faults = decoded(&with("channelOptions", options)).faults;
    let found: Vec<_> = faults
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code, fault.channel))
        .collect();
    assert_eq!(
        found,
        [
            ("/channelOptions/Tik~1Tok", "unknown_channel", None),
            ("/channelOptions/kakao", "unknown_channel", None),
            ("/channelOptions/GenieTV/budget", "wrong_type", Some(Channel::GenieTV)),
            ("/channelOptions/KakaoChannel/buttons/0/url", "required", None),
        ]
    );
}

#[test]
fn an_unknown_field_is_answered_with_a_near_one() {
    let detail = |field: &str| decoded(&with(field, json!(1))).faults[0].detail.clone();
    assert!(detail("eventID").en.contains("did you mean `eventId`?"));
    assert!(detail("allow_repeat").ko.contains("혹시 `allowRepeat`인가요?"));
    assert!(detail("tenantId").en.contains("not a field of the request"));
    assert!(detail("tenantId").ko.contains("요청에 쓰는 항목이 아니므로"));
    assert!(detail("zzz").en.contains("known here: eventId, channels"));
    let long = decoded(&with(&"k".repeat(100_000), json!(1)));
    assert!(long.faults[0].pointer.len() < 200);
}

#[test]
fn a_body_that_is_no_object_is_one_fault() {
    for body in [json!([]), json!("a"), json!(5), Value::Null] {
        assert_found(&body, &[("", "wrong_type")]);
    }
}

#[test]
fn a_hostile_body_makes_no_endless_answer() {
    let mut body = with("content", json!({}));
    for number in 0..10_000 {
        body[format!("field{number}")] = json!(1);
    }
    let faults = decoded(&body).faults;
    assert_eq!(faults.len(), limits::FAULTS + 1);
    assert_eq!(faults.last().unwrap().code, code::TOO_MANY_FAULTS);
}

/// Any JSON at all, its field names often those that a request has.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "eventId",
        "channels",
        "contentUrls",
        "content",
        "channelOptions",
        "scheduledAt",
        "onInvalid",
        "allowRepeat",
        "imageUrl",
        "title",
        "body",
        "hashtags",
        "link",
        "GenieTV",
        "Instagram",
        "KakaoChannel",
        "region",
        "schedule",
        "startDate",
        "dayparts",
        "budget",
        "buttons",
        "caption",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["Instagram", "GenieTV", "2026-12-01", "https://a.kr/a.jpg"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(body in any_json()) {
        let read = decoded(&body);
        for fault in &read.faults {
            prop_assert!(code::ALL.contains(&fault.code));
            prop_assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'));
            prop_assert!(!fault.detail.en.is_empty() && !fault.detail.ko.is_empty());
        }
        prop_assert!(read.request.is_some() || !read.faults.is_empty());
    }
}
