//! Requests that can be read but not be carried out: every fault by pointer.

use serde_json::{Value, json};

use crate::support::Service;
use crate::{all_six, bare, with};

async fn refused(service: &Service, body: &Value, pointer: &str, code: &str) {
    let faults = service.distribute(body).await.faults();
    assert!(
        faults.contains(&(pointer.to_owned(), code.to_owned())),
        "{pointer} {code}: {faults:?}"
    );
}

#[tokio::test]
async fn events_and_channels() {
    let service = Service::start().await;
    let good = || bare("evt-1", &["Instagram"]);
    for (body, pointer, code) in [
        (with(good(), "eventId", json!("")), "/eventId", "blank"),
        (with(good(), "eventId", json!("   ")), "/eventId", "blank"),
        (with(good(), "eventId", json!("\u{200b}")), "/eventId", "blank"),
        (with(good(), "eventId", json!("x".repeat(257))), "/eventId", "too_long"),
        (with(good(), "eventId", Value::Null), "/eventId", "required"),
        (with(good(), "channels", json!([])), "/channels", "required"),
        (with(good(), "channels", Value::Null), "/channels", "required"),
        (
            with(good(), "channels", json!(["TikTok"])),
            "/channels/0",
            "unknown_channel",
        ),
        (
            with(good(), "channels", json!(["instagram"])),
            "/channels/0",
            "unknown_channel",
        ),
        (
            with(good(), "channels", json!(["Instagram", "Instagram"])),
            "/channels/1",
            "repeated_channel",
        ),
        (with(good(), "contentUrls", Value::Null), "/contentUrls", "required"),
        (
            with(good(), "onInvalid", json!("ignore")),
            "/onInvalid",
            "unknown_value",
        ),
    ] {
        refused(&service, &body, pointer, code).await;
    }
    let wrong = service.distribute(&with(good(), "channels", json!(["kakao"]))).await;
    let problem = wrong.problem(422, "validation_failed");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean `KakaoChannel`?"), "{detail}");
    let longest = with(good(), "eventId", json!("가".repeat(256)));
    service.distribute(&longest).await.success(200);
    service.stop().await;
}

#[tokio::test]
async fn times() {
    let service = Service::start().await;
    let good = || bare("evt-1", &["Instagram"]);
    for (time, code) in [
        ("2020-01-01T00:00:00Z", "in_the_past"),
        ("2999-01-01T00:00:00Z", "too_far_ahead"),
        ("2026-12-01T09:00:00", "offset_missing"),
        ("2026-02-30T09:00:00Z", "bad_time"),
        ("2026-12-01T09:00+25:00", "bad_time"),
        ("2020-01-01T09:00+09:00", "in_the_past"),
        ("tomorrow", "bad_time"),
    ] {
        refused(
            &service,
            &with(good(), "scheduledAt", json!(time)),
            "/scheduledAt",
            code,
        )
        .await;
    }
    let schedule = |start: &str, end: &str| {
        let options = json!({"GenieTV": {"schedule": {"startDate": start, "endDate": end}}});
        with(bare("evt-1", &["GenieTV"]), "channelOptions", options)
    };
    let place = "/channelOptions/GenieTV/schedule/startDate";
    refused(&service, &schedule("2026-02-30", "2026-03-01"), place, "bad_date").await;
    refused(&service, &schedule("2020-01-01", "2020-01-02"), place, "in_the_past").await;
    service.stop().await;
}

#[tokio::test]
async fn channels_limits() {
    let service = Service::start().await;
    let with_options = |channel: &str, options: Value| {
        let mut body = with(all_six("evt-1"), "channels", json!([channel]));
        body["channelOptions"] = json!({ channel: options });
        body
    };
    for (channel, options, pointer, code) in [
        (
            "Instagram",
            json!({"caption": "x".repeat(2_201)}),
            "caption",
            "too_long",
        ),
        ("Instagram", json!({"hashtags": ["a b"]}), "hashtags/0", "bad_hashtag"),
        ("NaverBlog", json!({"title": "x".repeat(101)}), "title", "too_long"),
        (
            "KakaoChannel",
            json!({"message": "x".repeat(1_301)}),
            "message",
            "too_long",
        ),
        (
            "RingoBiz",
            json!({"phoneNumber": "12345"}),
            "phoneNumber",
            "bad_phone_number",
        ),
        (
            "RingoBiz",
            json!({"phoneNumber": "+1 212 555 0134"}),
            "phoneNumber",
            "bad_phone_number",
        ),
        ("GenieTV", json!({"region": "9999999999"}), "region", "bad_region"),
        ("GenieTV", json!({"budget": 1}), "budget", "out_of_range"),
        ("GenieTV", json!({"budget": -1}), "budget", "out_of_range"),
        (
            "WooridongneTV",
            json!({"timeSlots": ["25:00-26:00"]}),
            "timeSlots/0",
            "bad_daypart",
        ),
    ] {
        let body = with_options(channel, options);
        let pointer = format!("/channelOptions/{channel}/{pointer}");
        refused(&service, &body, &pointer, code).await;
        let problem = service.distribute(&body).await.problem(422, "validation_failed");
        let laid = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|error| error["channel"] == channel);
        assert!(laid, "{problem}");
    }
    service.stop().await;
}

#[tokio::test]
async fn all_faults_are_found_at_once_and_nothing_is_kept() {
    let service = Service::start().await;
    let body = json!({
        "eventId": "", "channels": ["Instagram", "TikTok"], "contentUrls": {"imageUrl": "http://10.0.0.1/a.jpg"},
        "content": {"title": 5}, "scheduledAt": "soon", "unknown": 1
    });
    let faults = service.distribute(&body).await.faults();
    let places: Vec<_> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    for place in [
        "/eventId",
        "/channels/1",
        "/contentUrls/imageUrl",
        "/content/title",
        "/scheduledAt",
        "/unknown",
    ] {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    let listed = service.get("/api/distributions").await.success(200);
    assert_eq!(listed["distributions"], json!([]));
    service.stop().await;
}
