//! Every limit of every channel, at it and one beyond it.

use serde_json::{Value, json};

use super::{found, full};
use crate::channel::{Channel, Mode};

/// The faults of one channel after one value of the full request was replaced.
fn after(channel: Channel, pointer: &str, value: Value) -> Vec<(String, &'static str)> {
    let mut body = full();
    body["channels"] = json!([channel]);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut place = &mut body;
    for token in parent.split('/').skip(1) {
        place = &mut place[token];
    }
    place[name] = value;
    found(&body, Mode::Live)
        .into_iter()
        .map(|(pointer, code, laid_to)| {
            assert_eq!(laid_to, Some(channel), "{pointer} {code}");
            (pointer, code)
        })
        .collect()
}

/// Where a value is put, the value, and the one fault that follows, if any.
type Case<'c> = (&'c str, Value, Option<(&'c str, &'c str)>);

fn assert_after(channel: Channel, cases: &[Case<'_>]) {
    for (pointer, value, expected) in cases {
        let found = after(channel, pointer, value.clone());
        let found: Vec<(&str, &str)> = found.iter().map(|(p, c)| (p.as_str(), *c)).collect();
        let expected: Vec<(&str, &str)> = expected.iter().copied().collect();
        assert_eq!(found, expected, "{pointer} = {value:.80}");
    }
}

#[test]
fn wooridongne_tv() {
    let regions = "/channelOptions/WooridongneTV/regions";
    let slots = "/channelOptions/WooridongneTV/timeSlots";
    let budget = "/channelOptions/WooridongneTV/budget";
    let many = |count: usize| -> Value { (0..count).map(|number| format!("11680{number:05}")).collect() };
    let hours = |count: u16| -> Value {
        (0..count)
            .map(|slot| {
                let (start, end) = (slot * 30, slot * 30 + 30);
                format!("{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
            })
            .collect()
    };
    assert_after(
        Channel::WooridongneTV,
        &[
            ("/contentUrls", json!({"audioUrl": "https://a.kr/a.mp3"}), None),
            ("/contentUrls", json!({}), Some(("/contentUrls", "required"))),
            (regions, json!([]), Some((regions, "required"))),
            (regions, many(20), None),
            (regions, many(21), Some((regions, "too_many"))),
            (
                regions,
                json!(["9900000000"]),
                Some((&format!("{regions}/0"), "bad_region")),
            ),
            (
                regions,
                json!(["1168000000", "1168000000"]),
                Some((&format!("{regions}/1"), "repeated")),
            ),
            (
                regions,
                json!(["4211000000", "1168000000", "5111000000"]),
                Some((&format!("{regions}/2"), "repeated")),
            ),
            (slots, hours(24), None),
            (slots, hours(25), Some((slots, "too_many"))),
            (
                slots,
                json!(["11:00-14:00", "13:59-15:00"]),
                Some((&format!("{slots}/1"), "overlapping")),
            ),
            (budget, json!(10_000), None),
            (budget, json!(9_999), Some((budget, "out_of_range"))),
            (budget, json!(100_000_000), None),
            (budget, json!(100_000_001), Some((budget, "out_of_range"))),
            (budget, Value::Null, Some((budget, "required"))),
        ],
    );
}

#[test]
fn ringo_biz() {
    let audio = "/contentUrls/audioUrl";
    let number = "/channelOptions/RingoBiz/phoneNumber";
    assert_after(
        Channel::RingoBiz,
        &[
            (audio, json!("https://a.kr/a.wav"), None),
            (audio, json!("https://a.kr/a"), None),
            (audio, json!("https://a.kr/a.ogg"), Some((audio, "unsupported_format"))),
            (audio, json!("https://a.kr/a.jpg"), Some((audio, "unsupported_format"))),
            (audio, Value::Null, Some((audio, "required"))),
            (number, json!("1588-1234"), None),
            (number, json!("010-123-456"), Some((number, "bad_phone_number"))),
            (number, json!("０２-555-0134"), Some((number, "bad_phone_number"))),
            (number, Value::Null, Some((number, "required"))),
        ],
    );
}

#[test]
fn genie_tv() {
    let region = "/channelOptions/GenieTV/region";
    let budget = "/channelOptions/GenieTV/budget";
    let schedule = "/channelOptions/GenieTV/schedule";
    let start = &*format!("{schedule}/startDate");
    let end = &*format!("{schedule}/endDate");
    let days = |start: &str, end: &str| json!({"startDate": start, "endDate": end});
    let parts = |parts: Value| {
        let mut days = days("2026-12-01", "2026-12-14");
        days["dayparts"] = parts;
        days
    };
    let second = &*format!("{schedule}/dayparts/1");
    assert_after(
        Channel::GenieTV,
        &[
            ("/contentUrls", json!({"videoUrl": "https://a.kr/a.mp4"}), None),
            (
                "/contentUrls",
                json!({"audioUrl": "https://a.kr/a.mp3"}),
                Some(("/contentUrls/videoUrl", "required")),
            ),
            (region, json!("1200000000"), None),
            (region, json!("11680"), Some((region, "bad_region"))),
            (region, json!("2826000000"), Some((region, "bad_region"))),
            (region, Value::Null, Some((region, "required"))),
            (budget, json!(100_000), None),
            (budget, json!(99_999), Some((budget, "out_of_range"))),
            (budget, json!(100_000_000), None),
            (budget, json!(100_000_001), Some((budget, "out_of_range"))),
            (budget, Value::Null, Some((budget, "required"))),
            // It is 18:00 on 22 November in Korea.
            (schedule, days("2026-11-22", "2026-11-22"), None),
            (schedule, days("2026-11-21", "2026-11-22"), Some((start, "in_the_past"))),
            (schedule, days("2027-11-23", "2027-11-23"), None),
            (
                schedule,
                days("2027-11-24", "2027-11-24"),
                Some((start, "too_far_ahead")),
            ),
            (
                schedule,
                days("2026-12-02", "2026-12-01"),
                Some((end, "end_before_start")),
            ),
            (schedule, days("2026-12-01", "2027-03-02"), None),
            (schedule, days("2026-12-01", "2027-03-03"), Some((end, "out_of_range"))),
            (schedule, Value::Null, Some((schedule, "required"))),
            (
                schedule,
                parts(json!(["18:00-22:00", "22:00-24:00", "00:00-06:00"])),
                None,
            ),
            (
                schedule,
                parts(json!(["18:00-22:00", "21:59-23:00"])),
                Some((second, "overlapping")),
            ),
            (
                schedule,
                parts(json!(["00:00-24:00", "23:00-24:00"])),
                Some((second, "overlapping")),
            ),
        ],
    );
}

#[test]
fn genie_tv_s_schedule_may_not_begin_before_the_distribution() {
    let mut body = full();
    body["channels"] = json!(["GenieTV"]);
    // 2 December, 01:00 in Korea.
    body["scheduledAt"] = json!("2026-12-01T16:00:00Z");
    let found = found(&body, Mode::Live);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].0.as_str(), found[0].1),
        ("/channelOptions/GenieTV/schedule/startDate", "in_the_past")
    );
}

#[test]
fn instagram() {
    let image = "/contentUrls/imageUrl";
    let shared = "/content/hashtags";
    let options = "/channelOptions/Instagram";
    let caption = &*format!("{options}/caption");
    let own = &*format!("{options}/hashtags");
    let tags = |count: usize| -> Vec<String> { (0..count).map(|number| format!("태그{number}")).collect() };
    let text = |text: String| json!({"caption": text});
    let inline = |mark: &str, count: usize| json!({"caption": format!("{mark}a ").repeat(count)});
    assert_after(
        Channel::Instagram,
        &[
            (image, json!("https://a.kr/a.jpeg"), None),
            (image, json!("https://a.kr/a"), None),
            (image, json!("https://a.kr/a.png"), None),
            (image, json!("https://a.kr/a.webp"), Some((image, "unsupported_format"))),
            (image, json!("https://a.kr/a.svg"), Some((image, "unsupported_format"))),
            (image, Value::Null, Some((image, "required"))),
            (options, text("가".repeat(2_200)), None),
            (options, text("가".repeat(2_201)), Some((caption, "too_long"))),
            (options, text("😀".repeat(1_100)), None),
            (options, text("😀".repeat(1_101)), Some((caption, "too_long"))),
            (options, inline("@", 20), None),
            (options, inline("@", 21), Some((caption, "too_many"))),
            (options, inline("#", 5), None),
            (options, inline("#", 6), Some((caption, "too_many"))),
            (options, json!({"hashtags": tags(5)}), None),
            (options, json!({"hashtags": tags(6)}), Some((own, "too_many"))),
            (options, json!({"hashtags": tags(31)}), Some((own, "too_many"))),
            (shared, json!(tags(5)), None),
            (shared, json!(tags(6)), Some((shared, "too_many"))),
            (shared, json!(["빵_집2"]), None),
            (shared, json!(["빵 집"]), Some(("/content/hashtags/0", "bad_hashtag"))),
            (shared, json!(["a!"]), Some(("/content/hashtags/0", "bad_hashtag"))),
            (shared, json!(["##a"]), Some(("/content/hashtags/0", "bad_hashtag"))),
            (shared, json!(["#"]), Some(("/content/hashtags/0", "bad_hashtag"))),
            (
                shared,
                json!(["Sale", "sale"]),
                Some(("/content/hashtags/1", "repeated")),
            ),
            ("/content", json!({"title": "제목만"}), None),
            (
                "/content",
                json!({"hashtags": ["a"]}),
                Some(("/content/body", "required")),
            ),
            (
                "/content/body",
                json!("가".repeat(2_200)),
                Some(("/content/body", "too_long")),
            ),
        ],
    );
}

/// Beside the caption, which is there already.
#[test]
fn a_carousel_on_instagram() {
    let pictures = "/channelOptions/Instagram/imageUrls";
    let third = &*format!("{pictures}/2");
    let many =
        |count: usize| -> Vec<String> { (0..count).map(|number| format!("https://a.kr/{number}.jpg")).collect() };
    let with = |count: usize, last: &str| [many(count), vec![last.to_owned()]].concat();
    let only = |urls: Vec<String>| json!({"imageUrls": urls});
    assert_after(
        Channel::Instagram,
        &[
            ("/channelOptions/Instagram", only(many(1)), Some((pictures, "too_few"))),
            ("/channelOptions/Instagram", only(many(2)), None),
            ("/channelOptions/Instagram", only(many(10)), None),
            (
                "/channelOptions/Instagram",
                only(many(11)),
                Some((pictures, "too_many")),
            ),
            (
                "/channelOptions/Instagram",
                only(many(101)),
                Some((pictures, "too_many")),
            ),
            // As none: the one picture is there.
            ("/channelOptions/Instagram", only(many(0)), None),
            ("/channelOptions/Instagram", only(with(2, "https://a.kr/b")), None),
            ("/channelOptions/Instagram", only(with(2, "https://a.kr/b.png")), None),
            (
                "/channelOptions/Instagram",
                only(with(2, "https://a.kr/b.gif")),
                Some((third, "unsupported_format")),
            ),
            (
                "/channelOptions/Instagram",
                only(with(2, "http://10.0.0.1/b.jpg")),
                Some((third, "url_not_allowed")),
            ),
            (
                "/channelOptions/Instagram",
                json!({"imageUrls": "https://a.kr/b.jpg"}),
                Some((pictures, "wrong_type")),
            ),
            (
                "/channelOptions/Instagram",
                json!({"imageUrls": ["https://a.kr/b.jpg", 2, "https://a.kr/c.jpg"]}),
                Some((&format!("{pictures}/1"), "wrong_type")),
            ),
            (
                "/channelOptions/Instagram",
                json!({"imageUrls": many(2), "reel": true}),
                Some((pictures, "conflicting")),
            ),
        ],
    );
}

#[test]
fn a_carousel_needs_no_other_picture() {
    let mut body = full();
    body["channels"] = json!(["Instagram"]);
    body["contentUrls"] = json!({});
    body["channelOptions"]["Instagram"] = json!({"imageUrls": ["https://a.kr/1.jpg", "https://a.kr/2.jpg"]});
    assert_eq!(found(&body, Mode::Live), []);
    body["channelOptions"]["Instagram"]["imageUrls"][0] = json!("ftp://a.kr/1.jpg");
    let pointer = "/channelOptions/Instagram/imageUrls/0".to_owned();
    let expected = [(pointer, "url_not_allowed", Some(Channel::Instagram))];
    assert_eq!(
        found(&body, Mode::Live),
        expected,
        "that no other one is missed is no fault"
    );
}

/// What is shown of a picture and a film, by what is asked.
#[test]
fn a_reel_on_instagram() {
    let (image, video) = ("/contentUrls/imageUrl", "/contentUrls/videoUrl");
    let mp4 = json!("https://a.kr/a.mp4");
    let both = json!({"imageUrl": "https://a.kr/a.jpg", "videoUrl": mp4});
    for (urls, reel, expected) in [
        (json!({"videoUrl": mp4}), Value::Null, None),
        (json!({"videoUrl": mp4}), json!(true), None),
        (json!({"videoUrl": "https://a.kr/a.MOV"}), json!(true), None),
        (json!({"videoUrl": "https://a.kr/a"}), json!(true), None),
        (json!({"videoUrl": mp4}), json!(false), Some((image, "required"))),
        (both.clone(), Value::Null, None),
        (both.clone(), json!(true), None),
        (both, json!(false), None),
        (
            json!({"imageUrl": "https://a.kr/a.jpg"}),
            json!(true),
            Some((video, "required")),
        ),
        (json!({}), Value::Null, Some((image, "required"))),
        (
            json!({"videoUrl": "https://a.kr/a.webm"}),
            Value::Null,
            Some((video, "unsupported_format")),
        ),
        // A film that is not shown there may be what it is.
        (
            json!({"imageUrl": "https://a.kr/a.jpg", "videoUrl": "https://a.kr/a.webm"}),
            Value::Null,
            None,
        ),
        (
            json!({"videoUrl": mp4}),
            json!("yes"),
            Some(("/channelOptions/Instagram/reel", "wrong_type")),
        ),
    ] {
        let mut body = full();
        body["channels"] = json!(["Instagram"]);
        body["contentUrls"] = urls.clone();
        body["channelOptions"]["Instagram"] = json!({"reel": reel});
        let found = found(&body, Mode::Live);
        let found: Vec<_> = found.iter().map(|(pointer, code, _)| (&**pointer, *code)).collect();
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(found, expected, "{urls} {reel}");
    }
}

#[test]
fn naver_blog() {
    let image = "/contentUrls/imageUrl";
    let options = "/channelOptions/NaverBlog";
    let title = |count: usize| json!({"title": "가".repeat(count)});
    let text = |count: usize| json!({"content": "가".repeat(count)});
    // The link and the hashtags stand below the text.
    let below = "\n\nhttps://shop.example.com/autumn\n\n#빵집 #할인".chars().count();
    assert_after(
        Channel::NaverBlog,
        &[
            (image, json!("https://a.kr/a.webp"), None),
            (image, json!("https://a.kr/a.tiff"), Some((image, "unsupported_format"))),
            (image, Value::Null, Some((image, "required"))),
            (options, title(100), None),
            (
                options,
                title(101),
                Some(("/channelOptions/NaverBlog/title", "too_long")),
            ),
            (options, text(50_000 - below), None),
            (
                options,
                text(50_001 - below),
                Some(("/channelOptions/NaverBlog/content", "too_long")),
            ),
            (
                "/content/title",
                json!("가".repeat(101)),
                Some(("/content/title", "too_long")),
            ),
            (
                "/content/body",
                json!("가".repeat(50_000)),
                Some(("/content/body", "too_long")),
            ),
            ("/content/title", Value::Null, Some(("/content/title", "required"))),
            ("/content/body", Value::Null, Some(("/content/body", "required"))),
        ],
    );
}

#[test]
fn kakao_channel() {
    let image = "/contentUrls/imageUrl";
    let options = "/channelOptions/KakaoChannel";
    let message = &*format!("{options}/message");
    let buttons = &*format!("{options}/buttons");
    let text = |text: String| json!({"message": text});
    let button = |name: &str| json!({"name": name, "url": "https://shop.example.com"});
    let named = |count: usize| json!({"buttons": [button(&"가".repeat(count))]});
    let several = |count: usize| json!({"buttons": vec![button("열기"); count]});
    assert_after(
        Channel::KakaoChannel,
        &[
            (image, json!("https://a.kr/a.png"), None),
            (image, json!("https://a.kr/a.gif"), Some((image, "unsupported_format"))),
            (image, Value::Null, Some((image, "required"))),
            (options, text("가".repeat(1_300)), None),
            (options, text("가".repeat(1_301)), Some((message, "too_long"))),
            (options, text(format!("a{}b", "\n".repeat(99))), None),
            (options, text(format!("a{}b", "\r\n".repeat(99))), None),
            (
                options,
                text(format!("a{}b", "\n".repeat(100))),
                Some((message, "too_many_lines")),
            ),
            (options, several(5), None),
            (options, several(6), Some((buttons, "too_many"))),
            (options, named(14), None),
            (options, named(15), Some((&format!("{buttons}/0/name"), "too_long"))),
            (
                options,
                json!({"buttons": [{"name": "열기", "url": "http://localhost"}]}),
                Some((&format!("{buttons}/0/url"), "url_not_allowed")),
            ),
            ("/content", json!({"title": "제목만"}), None),
            ("/content", json!({}), Some(("/content/body", "required"))),
        ],
    );
}
