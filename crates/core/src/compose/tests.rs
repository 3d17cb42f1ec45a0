//! What each channel is sent, given and invented.

mod counting;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::genie_tv::impression_schedule;
use super::warning::{HASHTAGS_LEFT_OUT, LINK_LEFT_OUT, by_night, left_out};
use super::{Composed, compose};
use crate::channel::{Channel, Mode};
use crate::decode::decode;
use crate::region::Region;
use crate::request::{Daypart, DistributeRequest, Schedule};

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

fn request(extra: Value) -> DistributeRequest {
    let mut body = json!({
        "eventId": "evt-1",
        "channels": Channel::ALL.map(Channel::name),
        "contentUrls": {
            "imageUrl": "https://a.kr/a.jpg", "audioUrl": "https://a.kr/a.mp3",
            "videoUrl": "https://a.kr/a.mp4",
        },
    });
    let Value::Object(extra) = extra else {
        panic!("an object")
    };
    body.as_object_mut().unwrap().extend(extra);
    let decoded = decode(&body, &[], now());
    assert_eq!(decoded.faults, []);
    decoded.request.unwrap()
}

fn content_of(extra: Value, channel: Channel, mode: Mode) -> (Value, Vec<&'static str>) {
    let Composed { content, invented } = compose(&request(extra), channel, mode, now());
    (serde_json::to_value(content).unwrap(), invented)
}

fn content() -> Value {
    json!({"content": {
        "title": "제목", "body": "본문\r\n둘째 줄\n", "hashtags": ["빵집", "할인"],
        "link": "https://shop.kr/a",
    }})
}

#[test]
fn texts_are_composed_from_the_content() {
    for (channel, field, expected) in [
        (
            Channel::Instagram,
            "caption",
            "제목\n\n본문\n둘째 줄\n\nhttps://shop.kr/a\n\n#빵집 #할인",
        ),
        (Channel::NaverBlog, "title", "제목"),
        (
            Channel::NaverBlog,
            "content",
            "본문\n둘째 줄\n\nhttps://shop.kr/a\n\n#빵집 #할인",
        ),
        (Channel::KakaoChannel, "message", "제목\n\n본문\n둘째 줄"),
        (Channel::KakaoChannel, "imageLink", "https://shop.kr/a"),
    ] {
        for mode in [Mode::Mock, Mode::Live] {
            let (value, invented) = content_of(content(), channel, mode);
            assert_eq!(value[field], expected, "{channel} {field}");
            assert!(invented.is_empty());
        }
    }
}

#[test]
fn a_channel_s_own_option_wins() {
    let mut extra = content();
    extra["channelOptions"] = json!({
        "Instagram": {"caption": "내 문구"},
        "NaverBlog": {"title": "내 제목", "content": "내 본문"},
        "KakaoChannel": {"message": "내 메시지", "buttons": [{"name": "열기", "url": "https://b.kr/"}]},
    });
    let value = |channel| content_of(extra.clone(), channel, Mode::Live).0;
    assert_eq!(value(Channel::Instagram)["caption"], "내 문구");
    let blog = value(Channel::NaverBlog);
    assert_eq!(blog["title"], "내 제목");
    assert_eq!(blog["content"], "내 본문\n\nhttps://shop.kr/a\n\n#빵집 #할인");
    let kakao = value(Channel::KakaoChannel);
    assert_eq!(kakao["message"], "내 메시지");
    assert_eq!(kakao["buttons"], json!([{"name": "열기", "url": "https://b.kr/"}]));

    extra["channelOptions"]["Instagram"]["hashtags"] = json!(["내태그"]);
    let value = content_of(extra, Channel::Instagram, Mode::Live).0;
    assert_eq!(value["caption"], "내 문구\n\n#내태그");
}

/// The fields of what Instagram shows, by what is asked.
#[test]
fn instagram_shows_a_picture_a_carousel_or_a_reel() {
    let (image, video) = ("https://a.kr/a.jpg", "https://a.kr/a.mp4");
    let pictures = json!(["https://a.kr/1.jpg", "https://a.kr/2.jpg"]);
    let film = json!({"videoUrl": video});
    let both = json!({"imageUrl": image, "videoUrl": video});
    for (urls, options, expected) in [
        (&both, json!({}), json!({"imageUrl": image})),
        (&both, json!({"reel": false}), json!({"imageUrl": image})),
        (&both, json!({"reel": true}), json!({"videoUrl": video})),
        (&film, json!({}), json!({"videoUrl": video})),
        (&film, json!({"reel": false}), json!({})),
        (&both, json!({"imageUrls": pictures}), json!({"imageUrls": pictures})),
        (&film, json!({"imageUrls": pictures}), json!({"imageUrls": pictures})),
    ] {
        let mut options = options.clone();
        options["caption"] = json!("문구");
        let extra = json!({"contentUrls": urls, "channelOptions": {"Instagram": options}});
        for mode in [Mode::Mock, Mode::Live] {
            let (mut value, invented) = content_of(extra.clone(), Channel::Instagram, mode);
            assert_eq!(value["caption"].take(), "문구");
            value.as_object_mut().unwrap().remove("caption");
            assert_eq!((value, invented), (expected.clone(), vec![]), "{urls} {options}");
        }
    }
}

#[test]
fn a_link_becomes_a_button() {
    let (value, _) = content_of(content(), Channel::KakaoChannel, Mode::Live);
    assert_eq!(
        value["buttons"],
        json!([{"name": "자세히 보기", "url": "https://shop.kr/a"}])
    );
}

#[test]
fn mock_mode_invents_what_is_missing_and_says_so() {
    for (channel, pointers, expected) in [
        (
            Channel::WooridongneTV,
            &["/regions", "/budget"][..],
            json!({
                "mediaUrl": "https://a.kr/a.mp4", "regions": ["1114000000"], "timeSlots": [],
                "budget": 10_000,
            }),
        ),
        (
            Channel::RingoBiz,
            &["/phoneNumber"],
            json!({
                "phoneNumber": "070-0000-0000", "phoneNumberE164": "+827000000000",
                "audioUrl": "https://a.kr/a.mp3",
            }),
        ),
        (
            Channel::GenieTV,
            &["/region", "/schedule", "/budget"],
            json!({
                "creativeUrl": "https://a.kr/a.mp4", "region": "1100000000", "regionName": "서울특별시",
                "schedule": {"startDate": "2026-11-23", "endDate": "2026-11-29"}, "budget": 100_000,
                "impressionSchedule": "2026-11-23/2026-11-29 00:00-24:00 KST 1100000000 1428/day",
            }),
        ),
        (
            Channel::Instagram,
            &["/caption"],
            json!({"imageUrl": "https://a.kr/a.jpg", "caption": "이벤트 evt-1 안내입니다."}),
        ),
        (
            Channel::NaverBlog,
            &["/content", "/title"],
            json!({
                "title": "이벤트 evt-1", "content": "이벤트 evt-1 안내입니다.",
                "imageUrl": "https://a.kr/a.jpg",
            }),
        ),
        (
            Channel::KakaoChannel,
            &["/message"],
            json!({
                "imageUrl": "https://a.kr/a.jpg", "message": "이벤트 evt-1 안내입니다.", "buttons": [],
            }),
        ),
    ] {
        let (value, invented) = content_of(json!({}), channel, Mode::Mock);
        assert_eq!(value, expected, "{channel}");
        assert_eq!(invented, pointers, "{channel}");
    }
}

#[test]
fn live_mode_invents_nothing() {
    for channel in Channel::ALL {
        let (value, invented) = content_of(json!({}), channel, Mode::Live);
        assert!(invented.is_empty(), "{channel}");
        for field in [
            "budget",
            "region",
            "schedule",
            "phoneNumber",
            "caption",
            "message",
            "title",
            "content",
        ] {
            assert_eq!(value.get(field), None, "{channel} {field}");
        }
    }
}

#[test]
fn codes_and_numbers_are_sent_in_their_present_form() {
    let extra = json!({"channelOptions": {
        "WooridongneTV": {"regions": ["4211000000"]},
        "GenieTV": {"region": "2911000000"},
        "RingoBiz": {"phoneNumber": "+82 2 555 0134"},
    }});
    let value = |channel| content_of(extra.clone(), channel, Mode::Mock).0;
    assert_eq!(value(Channel::WooridongneTV)["regions"], json!(["5111000000"]));
    assert_eq!(value(Channel::GenieTV)["region"], "1221000000");
    assert_eq!(value(Channel::RingoBiz)["phoneNumber"], "02-555-0134");
}

#[test]
fn the_impression_schedule_is_exact() {
    let region = Region::parse("1168000000").unwrap();
    let schedule = |start: &str, end: &str, dayparts: &[&str]| Schedule {
        start_date: start.parse().unwrap(),
        end_date: end.parse().unwrap(),
        dayparts: dayparts.iter().map(|text| Daypart::parse(text).unwrap()).collect(),
    };
    for (schedule, budget, expected) in [
        // 300,000 KRW buy 30,000 views: 2,142.86 on each of 14 days.
        (
            schedule("2026-12-01", "2026-12-14", &["18:00-22:00"]),
            300_000,
            "2026-12-01/2026-12-14 18:00-22:00 KST 1168000000 2142/day",
        ),
        (
            schedule("2026-12-01", "2026-12-01", &["09:00-12:00", "18:00-24:00"]),
            100_000,
            "2026-12-01/2026-12-01 09:00-12:00,18:00-24:00 KST 1168000000 10000/day",
        ),
        // Over a leap day, and one won short of one more view a day.
        (
            schedule("2028-02-28", "2028-03-01", &[]),
            100_019,
            "2028-02-28/2028-03-01 00:00-24:00 KST 1168000000 3333/day",
        ),
        (
            schedule("2028-02-28", "2028-03-01", &[]),
            100_020,
            "2028-02-28/2028-03-01 00:00-24:00 KST 1168000000 3334/day",
        ),
        // Absurd values, which the preview may show beside their faults.
        (
            schedule("2026-12-02", "2026-12-01", &[]),
            u64::MAX,
            "2026-12-02/2026-12-01 00:00-24:00 KST 1168000000 1844674407370955161/day",
        ),
    ] {
        assert_eq!(impression_schedule(&region, &schedule, budget), expected);
    }
}

#[test]
fn a_mock_s_invented_days_follow_a_planned_begin() {
    // 1 December, 01:00 in Korea.
    let extra = json!({"scheduledAt": "2026-11-30T16:00:00Z"});
    let (value, _) = content_of(extra, Channel::GenieTV, Mode::Mock);
    assert_eq!(value["schedule"]["startDate"], "2026-12-02");
}

#[test]
fn what_a_channel_is_not_sent_is_said() {
    let codes = |extra: Value, channel| {
        let warnings = left_out(&request(extra), channel);
        warnings.iter().map(|warning| warning.code).collect::<Vec<_>>()
    };
    let with = |options: Value| {
        let mut extra = content();
        extra["channelOptions"] = options;
        extra
    };
    for channel in Channel::ALL {
        let expected = match channel {
            Channel::KakaoChannel => vec![HASHTAGS_LEFT_OUT],
            _ => Vec::new(),
        };
        assert_eq!(codes(content(), channel), expected, "{channel}");
    }
    let instagram = |options: Value| codes(with(json!({ "Instagram": options })), Channel::Instagram);
    assert_eq!(
        instagram(json!({"caption": "내 문구 #빵집"})),
        [HASHTAGS_LEFT_OUT, LINK_LEFT_OUT]
    );
    assert_eq!(
        instagram(json!({"caption": "내 문구", "hashtags": ["따로"]})),
        [LINK_LEFT_OUT]
    );
    assert!(instagram(json!({"caption": "#빵집 #할인 https://shop.kr/a"})).is_empty());
    let said = left_out(
        &request(with(json!({"Instagram": {"caption": "내 문구 #빵집"}}))),
        Channel::Instagram,
    );
    assert!(said[0].detail.en.contains("#할인") && !said[0].detail.en.contains("#빵집"));
    let kakao = with(json!({"KakaoChannel": {"message": "오세요 #빵집 #할인"}}));
    assert!(codes(kakao, Channel::KakaoChannel).is_empty());
}

#[test]
fn a_night_says_until_when_and_whose_choice_it_was() {
    let until = "2026-11-24T23:00:00Z".parse().unwrap();
    let now = by_night(&request(json!({})), until);
    assert!(
        now.pointer.is_empty() && now.detail.en.contains("2026-11-25 08:00"),
        "{now:?}"
    );
    let later = request(json!({"scheduledAt": "2026-11-24T22:00:00+09:00"}));
    assert_eq!(by_night(&later, until).pointer, "/scheduledAt");
}
