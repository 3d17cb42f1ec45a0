//! Requests as a whole: what is admitted, what is skipped, what is refused.

mod channels;
mod laid;
mod url;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{AdmitSettings, Admitted, admit, code, faults, kakao_channel};
use crate::channel::{Channel, Mode};
use crate::ids::TenantId;
use crate::verified::VerifiedNumbers;

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// What is added by law counts as well, and is told apart from what was written.
#[test]
fn what_is_put_around_a_kakao_message_counts() {
    let frame = kakao_channel::Frame {
        label: true,
        sender: "봄 빵집".to_owned(),
        opt_out: "080-555-0100".to_owned(),
    };
    // `(광고) `, two line breaks, and `봄 빵집 | 무료수신거부 080-555-0100`.
    let (around, lines) = (5 + 2 + 26, 2);
    let longest = kakao_channel::MESSAGE_MAX - around;
    let broken = |breaks: usize| format!("a{}b", "\n".repeat(breaks));
    for (mode, message, code) in [
        (Mode::Live, "가".repeat(longest), None),
        (Mode::Live, "가".repeat(longest + 1), Some(code::TOO_LONG)),
        (
            Mode::Live,
            "가".repeat(kakao_channel::MESSAGE_MAX + 1),
            Some(code::TOO_LONG),
        ),
        (Mode::Mock, "가".repeat(longest + 1), None),
        (Mode::Live, broken(kakao_channel::NEWLINES_MAX - lines), None),
        (
            Mode::Live,
            broken(kakao_channel::NEWLINES_MAX - lines + 1),
            Some(code::TOO_MANY_LINES),
        ),
    ] {
        let body = json!({
            "eventId": "e", "channels": ["KakaoChannel"], "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
            "channelOptions": {"KakaoChannel": {"message": message}},
        });
        let settings = AdmitSettings {
            kakao_frame: Some(frame.clone()),
            ..settings(mode)
        };
        let (_, faults) = faults(&body, &settings, now());
        let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, Vec::from_iter(code), "{} {mode:?}", message.len());
    }
}

/// Five where nothing is configured, and never more than the API's thirty.
#[test]
fn a_post_has_as_many_hashtags_as_are_configured() {
    use super::instagram::HashtagsMax;
    assert_eq!((HashtagsMax::new(0), HashtagsMax::new(31)), (None, None));
    let place = "/channelOptions/Instagram/hashtags";
    for (most, count, sentence) in [
        (None, 5, None),
        (None, 6, Some("at most 5 hashtags")),
        (Some(1), 2, Some("at most 1 hashtags")),
        (Some(12), 12, None),
        (Some(12), 13, Some("at most 12 hashtags")),
        (Some(30), 30, None),
        (Some(30), 31, Some("at most 30 hashtags at all")),
        (Some(12), 31, Some("at most 30 hashtags at all")),
    ] {
        let tags: Vec<String> = (0..count).map(|number| format!("tag{number}")).collect();
        let body = json!({
            "eventId": "e", "channels": ["Instagram"], "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
            "channelOptions": {"Instagram": {"caption": "문구", "hashtags": tags}},
        });
        for mode in [Mode::Mock, Mode::Live] {
            let settings = AdmitSettings {
                hashtags_max: most.map_or_else(HashtagsMax::default, |most| HashtagsMax::new(most).unwrap()),
                ..settings(mode)
            };
            let (_, faults) = faults(&body, &settings, now());
            assert_eq!(
                faults.len(),
                usize::from(sentence.is_some()),
                "{most:?} {count} {mode:?}: {faults:?}"
            );
            if let Some(sentence) = sentence {
                assert_eq!((&*faults[0].pointer, faults[0].code), (place, code::TOO_MANY));
                assert!(faults[0].detail.en.contains(sentence), "{}", faults[0].detail.en);
            }
        }
    }
}

#[test]
fn a_list_that_there_is_not_is_a_fault_where_kakao_is_live() {
    for (mode, named, expected) in [
        (Mode::Live, "regulars", 1),
        (Mode::Live, "friends", 0),
        (Mode::Mock, "regulars", 0),
    ] {
        let mut body = full();
        body["channelOptions"]["KakaoChannel"] = json!({"recipientListRef": named});
        let settings = AdmitSettings {
            unknown_list: Some("regulars".to_owned()),
            ..settings(mode)
        };
        let (_, faults) = faults(&body, &settings, now());
        assert_eq!(faults.len(), expected, "{faults:?}");
        for fault in faults {
            assert_eq!(fault.code, code::UNKNOWN_RECIPIENT_LIST);
            assert_eq!(fault.pointer, "/channelOptions/KakaoChannel/recipientListRef");
            assert_eq!(fault.channel, Some(Channel::KakaoChannel));
        }
    }
}

fn settings(mode: Mode) -> AdmitSettings {
    AdmitSettings {
        modes: [mode; 6],
        verified_numbers: Arc::new(VerifiedNumbers::new(LINES).unwrap()),
        ..AdmitSettings::default()
    }
}

/// Lines that were verified, and for whom.
const LINES: [(&str, &str); 3] = [
    ("default", "02-555-0134"),
    ("default", "1588-1234"),
    ("cafe-1", "02-555-0199"),
];

fn names() -> [&'static str; 6] {
    Channel::ALL.map(Channel::name)
}

/// The contract's own request: nothing but its three fields.
fn bare() -> Value {
    json!({
        "eventId": "evt-1",
        "channels": names(),
        "contentUrls": {
            "imageUrl": "https://cdn.example.com/a.jpg", "audioUrl": "https://cdn.example.com/b.mp3",
        },
    })
}

/// All that six live channels need.
fn full() -> Value {
    let mut body = bare();
    body["content"] = json!({
        "title": "가을 빵 축제", "body": "이번 주말, 모든 빵 20% 할인", "hashtags": ["빵집", "할인"],
        "link": "https://shop.example.com/autumn",
    });
    body["channelOptions"] = json!({
        "WooridongneTV": {"regions": ["1168000000"], "timeSlots": ["11:00-14:00"], "budget": 50_000},
        "RingoBiz": {"phoneNumber": "02-555-0134"},
        "GenieTV": {
            "region": "1168000000", "budget": 300_000,
            "schedule": {"startDate": "2026-12-01", "endDate": "2026-12-14", "dayparts": ["18:00-22:00"]},
        },
    });
    body
}

/// Pointer, code and channel of every fault.
fn found(body: &Value, mode: Mode) -> Vec<(String, &'static str, Option<Channel>)> {
    let (_, faults) = faults(body, &settings(mode), now());
    faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.code, fault.channel))
        .collect()
}

fn admitted(body: &Value, mode: Mode) -> Admitted {
    admit(body, &settings(mode), now()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn the_bare_request_is_admitted_in_mock_mode() {
    let mut array = bare();
    array["contentUrls"] = json!(["https://cdn.example.com/a.jpg", "https://cdn.example.com/b.mp3"]);
    let mut numbered = bare();
    numbered["eventId"] = json!(42);
    for body in [bare(), array, numbered] {
        let admitted = admitted(&body, Mode::Mock);
        assert_eq!(admitted.request.channels, Channel::ALL);
        assert!(admitted.skipped.is_empty());
    }
}

#[test]
fn each_channel_alone_needs_no_more_than_its_own() {
    for (channel, urls) in [
        ("WooridongneTV", json!({"videoUrl": "https://a.kr/a.mp4"})),
        ("RingoBiz", json!({"audioUrl": "https://a.kr/a.wav"})),
        ("GenieTV", json!({"videoUrl": "https://a.kr/a.mp4"})),
        ("Instagram", json!({"imageUrl": "https://a.kr/a.jpeg"})),
        ("NaverBlog", json!({"imageUrl": "https://a.kr/a.png"})),
        ("KakaoChannel", json!({"imageUrl": "https://a.kr/a.png"})),
    ] {
        admitted(
            &json!({"eventId": "e", "channels": [channel], "contentUrls": urls}),
            Mode::Mock,
        );
    }
}

#[test]
fn the_full_request_is_admitted_in_both_modes() {
    for mode in [Mode::Mock, Mode::Live] {
        admitted(&full(), mode);
    }
}

#[test]
fn live_mode_needs_what_mock_mode_invents() {
    let expected: Vec<_> = [
        ("/content/title", Channel::NaverBlog),
        ("/content/body", Channel::Instagram),
        ("/content/body", Channel::NaverBlog),
        ("/content/body", Channel::KakaoChannel),
        ("/channelOptions/WooridongneTV/regions", Channel::WooridongneTV),
        ("/channelOptions/WooridongneTV/budget", Channel::WooridongneTV),
        ("/channelOptions/RingoBiz/phoneNumber", Channel::RingoBiz),
        ("/channelOptions/GenieTV/region", Channel::GenieTV),
        ("/channelOptions/GenieTV/schedule", Channel::GenieTV),
        ("/channelOptions/GenieTV/budget", Channel::GenieTV),
    ]
    .map(|(pointer, channel)| (pointer.to_owned(), code::REQUIRED, Some(channel)))
    .to_vec();
    let mut found = found(&bare(), Mode::Live);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    found.retain(|fault| !expected.contains(fault));
    assert_eq!(found, []);
}

#[test]
fn one_channel_s_mode_does_not_bind_another() {
    let mut settings = settings(Mode::Mock);
    settings.modes[Channel::RingoBiz.index()] = Mode::Live;
    let faults = admit(&bare(), &settings, now()).unwrap_err();
    let found: Vec<_> = faults.iter().map(|fault| (&*fault.pointer, fault.channel)).collect();
    assert_eq!(
        found,
        [("/channelOptions/RingoBiz/phoneNumber", Some(Channel::RingoBiz))]
    );
}

/// Another tenant's line is like one that nobody verified; a mock touches none.
#[test]
fn a_tone_is_replaced_on_a_line_of_one_s_own_only() {
    let pointer = "/channelOptions/RingoBiz/phoneNumber";
    let mut body = full();
    body["channels"] = json!(["RingoBiz"]);
    for (tenant, number, mode, refused) in [
        ("default", "02-555-0134", Mode::Live, false),
        ("default", "+82 2-555-0134", Mode::Live, false),
        ("default", "02-555-0199", Mode::Live, true),
        ("default", "02-555-0111", Mode::Live, true),
        ("cafe-1", "02-555-0199", Mode::Live, false),
        ("cafe-1", "02-555-0134", Mode::Live, true),
        ("default", "02-555-0111", Mode::Mock, false),
    ] {
        body["channelOptions"]["RingoBiz"]["phoneNumber"] = json!(number);
        let settings = AdmitSettings {
            tenant: TenantId::new(tenant),
            ..settings(mode)
        };
        let (_, faults) = faults(&body, &settings, now());
        let found: Vec<_> = faults.iter().map(|fault| (&*fault.pointer, fault.code)).collect();
        let expected = if refused {
            vec![(pointer, code::NUMBER_NOT_VERIFIED)]
        } else {
            Vec::new()
        };
        assert_eq!(found, expected, "{tenant} {number} {mode:?}");
    }
}

#[test]
fn skip_sends_to_the_rest() {
    let mut body = full();
    body["onInvalid"] = json!("skip");
    body["channelOptions"]["RingoBiz"]["phoneNumber"] = json!("114");
    body["channelOptions"]["GenieTV"]["budget"] = json!("much");
    let skipped: Vec<_> = admitted(&body, Mode::Live)
        .skipped
        .into_iter()
        .map(|(channel, faults)| (channel, faults.len(), faults[0].code))
        .collect();
    assert_eq!(
        skipped,
        [
            (Channel::RingoBiz, 1, code::BAD_PHONE_NUMBER),
            (Channel::GenieTV, 1, code::WRONG_TYPE),
        ]
    );
    body["onInvalid"] = json!("reject");
    assert_eq!(admit(&body, &settings(Mode::Live), now()).unwrap_err().len(), 2);
}

#[test]
fn skip_does_not_help_where_nothing_is_left_or_all_is_concerned() {
    let mut all = bare();
    all["onInvalid"] = json!("skip");
    all["channels"] = json!(["RingoBiz"]);
    all["contentUrls"] = json!({"imageUrl": "https://a.kr/a.jpg"});
    assert!(admit(&all, &settings(Mode::Mock), now()).is_err());
    for (field, value) in [
        ("channels", json!(["Instagram", "TikTok"])),
        (
            "contentUrls",
            json!(["http://127.0.0.1/a", "https://a.kr/a.mp3", "https://a.kr/a.jpg"]),
        ),
        (
            "contentUrls",
            json!(["https://a.kr/a.mp3", "https://a.kr/a.jpg", "https://a.kr/b.jpg"]),
        ),
        ("scheduledAt", json!("2026-11-01T00:00:00Z")),
        ("channelOptions", json!({"Tik": {}})),
    ] {
        let mut body = bare();
        body["onInvalid"] = json!("skip");
        body[field] = value;
        assert!(admit(&body, &settings(Mode::Mock), now()).is_err(), "{field}");
    }
}

#[test]
fn what_is_there_but_unreadable_is_not_called_missing() {
    let mut body = full();
    body["contentUrls"]["audioUrl"] = json!("http://localhost/b.mp3");
    body["content"]["body"] = json!("\0");
    body["channelOptions"]["GenieTV"]["schedule"]["startDate"] = json!("2026-02-30");
    let found: Vec<_> = found(&body, Mode::Live)
        .into_iter()
        .map(|(pointer, code, _)| (pointer, code))
        .collect();
    assert_eq!(
        found,
        [
            ("/contentUrls/audioUrl".to_owned(), code::URL_NOT_ALLOWED),
            ("/content/body".to_owned(), code::NUL_CHARACTER),
            ("/channelOptions/GenieTV/schedule/startDate".to_owned(), code::BAD_DATE),
        ]
    );
}

#[test]
fn faults_point_into_an_array_of_urls() {
    let mut body = bare();
    body["channels"] = json!(["Instagram", "RingoBiz"]);
    body["contentUrls"] = json!(["https://a.kr/a.mp4", "https://a.kr/a.webp"]);
    assert_eq!(
        found(&body, Mode::Mock),
        [
            (
                "/contentUrls/1".to_owned(),
                code::UNSUPPORTED_FORMAT,
                Some(Channel::Instagram)
            ),
            ("/contentUrls".to_owned(), code::REQUIRED, Some(Channel::RingoBiz)),
        ]
    );
}

#[test]
fn faults_come_in_the_order_of_the_contract_and_once() {
    let body = json!({
        "allowRepeat": 1, "zzz": 1, "onInvalid": 1, "scheduledAt": 1,
        "channelOptions": {"Instagram": {"x": 1}, "GenieTV": {"x": 1}},
        "content": 1, "contentUrls": 1, "channels": ["GenieTV", "Instagram", "x"], "eventId": "e",
    });
    let pointers: Vec<String> = found(&body, Mode::Mock)
        .into_iter()
        .map(|(pointer, ..)| pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/channels/2",
            "/contentUrls",
            "/content",
            "/channelOptions/GenieTV/x",
            "/channelOptions/Instagram/x",
            "/scheduledAt",
            "/onInvalid",
            "/allowRepeat",
            "/zzz",
        ]
    );
}

#[test]
fn the_operator_s_storage_is_admitted() {
    let mut settings = settings(Mode::Mock);
    settings.allow_hosts = vec!["minio.internal:9000".to_owned()];
    let mut body = bare();
    body["contentUrls"]["imageUrl"] = json!("http://minio.internal:9000/a.jpg");
    assert!(admit(&body, &settings, now()).is_ok());
    assert!(admit(&body, &AdmitSettings::default(), now()).is_err());
}

#[test]
fn a_bad_event_id_does_not_hide_the_channels_faults() {
    let mut body = bare();
    body["eventId"] = json!(" ");
    body["contentUrls"]["imageUrl"] = json!("https://a.kr/a.gif");
    let (request, _) = faults(&body, &settings(Mode::Mock), now());
    assert_eq!(request, None);
    assert_eq!(
        found(&body, Mode::Mock),
        [
            ("/eventId".to_owned(), code::BLANK, None),
            (
                "/contentUrls/imageUrl".to_owned(),
                code::UNSUPPORTED_FORMAT,
                Some(Channel::Instagram)
            ),
            (
                "/contentUrls/imageUrl".to_owned(),
                code::UNSUPPORTED_FORMAT,
                Some(Channel::KakaoChannel)
            ),
        ]
    );
}
