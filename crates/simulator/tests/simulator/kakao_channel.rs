//! The simulated Kakao Channel from outside, as NHN Cloud's guide describes it.

use std::time::Duration;

use fanfare_simulator::{Clock, RunningSimulator, Simulator, SimulatorSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::raw;

const ROOT: &str = "/kakao-channel/brand-message/v1.0/appkeys/a";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn start(now: &str) -> RunningSimulator {
    let settings = SimulatorSettings {
        clock: Clock::fixed(now.parse::<Timestamp>().unwrap()),
        ..SimulatorSettings::default()
    };
    Simulator::start(settings).await.unwrap()
}

/// By day.
async fn by_day() -> RunningSimulator {
    start("2026-11-24T10:00:00+09:00").await
}

async fn ask(simulator: &RunningSimulator, head: &str, body: &[u8]) -> Value {
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let (method, path) = line.split_once(' ').unwrap();
    let mut headers: Vec<_> = headers.lines().filter_map(|header| header.split_once(": ")).collect();
    headers.push(("x-secret-key", "s"));
    let answer = raw(simulator, method, &format!("{ROOT}{path}"), &headers, body).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "failures come with 200: {answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn upload(simulator: &RunningSimulator, image: &[u8]) -> Value {
    let head = b"--b\r\ncontent-disposition: form-data; name=\"imageType\"\r\n\r\nIMAGE\r\n--b\r\n\
                 content-disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n";
    let body = [&head[..], image, b"\r\n--b--\r\n"].concat();
    ask(
        simulator,
        "POST /images\ncontent-type: multipart/form-data; boundary=b",
        &body,
    )
    .await
}

fn png(width: u32, height: u32) -> Vec<u8> {
    [PNG, &width.to_be_bytes(), &height.to_be_bytes()].concat()
}

async fn message(simulator: &RunningSimulator, numbers: &[&str]) -> Value {
    let uploaded = upload(simulator, &png(800, 600)).await;
    let people = numbers
        .iter()
        .map(|number| json!({"recipientNo": number, "targeting": "I"}));
    json!({"senderKey": "k", "chatBubbleType": "IMAGE", "content": "(광고) 안녕", "senderGroupingKey": "g",
        "image": {"imageUrl": uploaded["image"]["imageUrl"]}, "unsubscribeNo": "080-555-0100",
        "buttons": [{"name": "보기", "type": "WL", "linkMo": "https://a.kr"}],
        "recipientList": people.collect::<Vec<_>>()})
}

async fn send(simulator: &RunningSimulator, key: &str, message: &Value) -> Value {
    let head = format!("POST /freestyle-messages\ncontent-type: application/json\nx-nc-api-idempotency-key: {key}");
    ask(simulator, &head, message.to_string().as_bytes()).await
}

async fn found(simulator: &RunningSimulator, query: &str) -> Value {
    ask(simulator, &format!("GET /messages?{query}"), b"").await["messageSearchResultResponse"].clone()
}

fn code(answer: &Value) -> i64 {
    assert_eq!(answer["header"]["isSuccessful"], answer["header"]["resultCode"] == 0);
    answer["header"]["resultCode"].as_i64().unwrap()
}

#[tokio::test]
async fn a_picture_has_a_format_a_size_and_a_shape() {
    let simulator = by_day().await;
    for (image, wanted) in [
        (png(500, 250), 0),
        // 1000 / 750 is a hair over 1.333.
        (png(750, 1_000), 3_024),
        (png(1_000, 1_333), 0),
        (png(499, 400), 3_024),
        (png(1_000, 1_334), 3_024),
        (png(1_000, 499), 3_024),
        (b"GIF89a".to_vec(), 3_024),
        ([PNG, &vec![0; 5 * 1024 * 1024]].concat(), 3_024),
    ] {
        let answer = upload(&simulator, &image).await;
        assert_eq!(code(&answer), wanted, "{:?}", &image[..image.len().min(24)]);
    }
    assert_eq!(code(&ask(&simulator, "POST /images", b"").await), -2_000);
}

#[tokio::test]
async fn only_what_was_uploaded_and_fits_is_sent() {
    let simulator = by_day().await;
    let good = message(&simulator, &["01055550107"]).await;
    for (pointer, value, wanted) in [
        ("/senderKey", json!("wrong"), -1_006),
        ("/chatBubbleType", json!("TEXT"), -2_001),
        ("/content", json!(""), 3_014),
        ("/content", json!("a".repeat(1_301)), 3_014),
        ("/content", json!("a\n".repeat(100)), 3_014),
        ("/image/imageUrl", json!("https://a.kr/a.jpg"), 3_024),
        ("/senderGroupingKey", json!("g".repeat(101)), -2_000),
        ("/unsubscribeNo", json!("02-555-0100"), -2_004),
        ("/buttons/0/name", json!("a".repeat(15)), -2_002),
        ("/buttons/0/type", json!("AL"), -2_002),
        ("/recipientList", json!([]), -2_003),
        ("/recipientList", vec![json!({}); 1_001].into(), -2_003),
        ("/recipientList/0/targeting", json!("M"), 1_022),
        ("/recipientList/0/recipientNo", json!("0212345678"), 3_008),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert_eq!(code(&send(&simulator, "k", &bad).await), wanted, "{pointer}");
    }
    assert!(simulator.effects().is_empty());
    assert_eq!(code(&send(&simulator, "k", &good).await), 0, "a refusal uses up no key");
    assert_eq!(simulator.effects().len(), 1);
}

#[tokio::test]
async fn a_key_is_refused_for_ten_minutes_and_not_replayed() {
    let simulator = by_day().await;
    let good = message(&simulator, &["01055550107"]).await;
    assert_eq!(code(&send(&simulator, "k", &good).await), 0);
    assert_eq!(code(&send(&simulator, "k", &good).await), -1_005);
    simulator.clock().advance(Duration::from_secs(599));
    assert_eq!(code(&send(&simulator, "k", &good).await), -1_005);
    simulator.clock().advance(Duration::from_secs(1));
    assert_eq!(code(&send(&simulator, "k", &good).await), 0);
    assert_eq!(simulator.effects().len(), 2, "nobody relies on it");
}

#[tokio::test]
async fn by_night_nothing_is_sent() {
    for (now, wanted) in [
        ("2026-11-24T20:49:59+09:00", 0),
        ("2026-11-24T20:50:00+09:00", 3_022),
        ("2026-11-25T07:59:59+09:00", 3_022),
        ("2026-11-25T08:00:00+09:00", 0),
    ] {
        let simulator = start(now).await;
        let good = message(&simulator, &["01055550107"]).await;
        assert_eq!(code(&send(&simulator, "k", &good).await), wanted, "{now}");
    }
}

#[tokio::test]
async fn what_was_sent_is_found_later_and_known_later_still() {
    let simulator = by_day().await;
    let good = message(
        &simulator,
        &["01055550107", "01055550000", "01055550001", "01055550005"],
    )
    .await;
    let sent = send(&simulator, "k", &good).await;
    let results: Vec<_> = sent["message"]["sendResults"].as_array().unwrap().iter().collect();
    let codes: Vec<_> = results
        .iter()
        .map(|result| result["resultCode"].as_i64().unwrap())
        .collect();
    assert_eq!(codes, [0, 3_018, 0, 0], "partly refused");
    let dates = "startRequestDate=2026-11-24%2009:00&endRequestDate=2026-11-24%2011:00";
    let by_key = format!("senderGroupingKey=g&{dates}");
    assert_eq!(found(&simulator, &by_key).await["totalCount"], 0, "not yet");
    simulator.clock().advance(Duration::from_secs(3));
    let page = found(&simulator, &format!("{by_key}&pageSize=1")).await;
    assert_eq!(
        (&page["totalCount"], page["messages"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
    assert_eq!(page["messages"][0]["messageStatus"], "READY");
    simulator.clock().advance(Duration::from_secs(3));
    let id = sent["message"]["requestId"].as_str().unwrap();
    let page = found(&simulator, &format!("requestId={id}")).await;
    let became = page["messages"].as_array().unwrap().iter();
    let became: Vec<_> = became.map(|message| message["resultCode"].as_str().unwrap()).collect();
    assert_eq!(became, ["MRC01", "3019", "3005"]);
    let one = ask(&simulator, &format!("GET /messages/{id}/1"), b"").await;
    assert_eq!(one["message"]["messageStatus"], "COMPLETED");
    assert_eq!(
        found(&simulator, &format!("senderGroupingKey=x&{dates}")).await["totalCount"],
        0
    );
    assert_eq!(
        code(&ask(&simulator, "GET /messages?senderGroupingKey=g", b"").await),
        -2_000
    );
}

#[tokio::test]
async fn where_all_are_refused_there_is_no_request() {
    let simulator = by_day().await;
    let none = message(&simulator, &["01055550000"]).await;
    let sent = send(&simulator, "k", &none).await;
    assert_eq!((code(&sent), &sent["message"]["requestId"]), (3_018, &Value::Null));
    assert!(simulator.effects().is_empty());
}
