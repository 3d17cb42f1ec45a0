//! The simulated channels from outside, as the channels' documents describe
//! them: good paths, refusals, faults, control routes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod gateways;
mod instagram;
mod kakao_channel;
mod tokens;

use std::time::Duration;

use fanfare_simulator::{Clock, RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const TOKEN: (&str, &str) = ("authorization", "Bearer token");

async fn start() -> RunningSimulator {
    let settings = SimulatorSettings {
        clock: Clock::fixed("2026-11-24T01:00:00Z".parse().unwrap()),
        ..SimulatorSettings::default()
    };
    Simulator::start(settings).await.unwrap()
}

/// All that comes until the connection is closed.
async fn raw(
    simulator: &RunningSimulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> String {
    let body = body.as_ref();
    let mut wire = TcpStream::connect(simulator.address).await.unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let headers = headers.concat();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    wire.write_all(&[request.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    // A cut connection may be an error or an end.
    _ = tokio::time::timeout(Duration::from_secs(10), wire.read_to_end(&mut answer))
        .await
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn ask(
    simulator: &RunningSimulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let answer = raw(simulator, method, path, headers, body).await;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (
        head[9..12].parse().unwrap(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

async fn faults(simulator: &RunningSimulator, rules: Value) -> (u16, Value) {
    ask(
        simulator,
        "PUT",
        "/_simulator/faults",
        &[JSON],
        &json!({ "rules": rules }).to_string(),
    )
    .await
}

async fn effects(simulator: &RunningSimulator) -> Vec<Value> {
    let (_, answer) = ask(simulator, "GET", "/_simulator/effects", &[], "").await;
    answer["effects"].as_array().unwrap().clone()
}

async fn graph(simulator: &RunningSimulator, method: &str, path: &str, form: &str) -> (u16, Value) {
    ask(
        simulator,
        method,
        &format!("/instagram/v26.0/{path}"),
        &[TOKEN, FORM],
        form,
    )
    .await
}

async fn container(simulator: &RunningSimulator) -> String {
    let (status, made) = graph(simulator, "POST", "1/media", "image_url=https://a.kr/a.jpg&caption=hi").await;
    assert_eq!(status, 200, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn instagram_goes_from_container_to_permalink() {
    let simulator = start().await;
    let id = container(&simulator).await;
    let read = async || {
        graph(&simulator, "GET", &format!("{id}?fields=status_code,status"), "")
            .await
            .1
    };
    assert_eq!(read().await["status_code"], "IN_PROGRESS");
    let early = graph(&simulator, "POST", &format!("1/media_publish?creation_id={id}"), "").await;
    assert_eq!((early.0, &early.1["error"]["code"]), (400, &json!(9007)));
    simulator.clock().advance(Duration::from_secs(1));
    assert_eq!(read().await["status_code"], "FINISHED");
    let (status, media) = graph(&simulator, "POST", "1/media_publish", &format!("creation_id={id}")).await;
    assert_eq!((status, read().await["status_code"].as_str()), (200, Some("PUBLISHED")));
    let media = media["id"].as_str().unwrap();
    let (_, link) = graph(&simulator, "GET", &format!("{media}?fields=permalink"), "").await;
    let page = link["permalink"].as_str().unwrap().replace(simulator.base_url(), "");
    assert!(raw(&simulator, "GET", &page, &[], "").await.contains("hi"));
    let (_, list) = graph(&simulator, "GET", "1/media?fields=id,caption", "").await;
    assert_eq!(
        (&list["data"][0]["id"], &list["data"][0]["caption"]),
        (&json!(media), &json!("hi"))
    );
    let (_, quota) = graph(
        &simulator,
        "GET",
        "1/content_publishing_limit?fields=quota_usage,config",
        "",
    )
    .await;
    assert_eq!(quota["data"][0]["quota_usage"], 1);
    let again = graph(&simulator, "POST", "1/media_publish", &format!("creation_id={id}")).await;
    assert_eq!((again.0, &again.1["error"]["error_subcode"]), (400, &json!(2_207_006)));
    assert_eq!(effects(&simulator).await.len(), 1);
}

#[tokio::test]
async fn instagram_refuses_what_meta_refuses() {
    let simulator = start().await;
    let long = format!("image_url=https://a.kr/a.jpg&caption={}", "x".repeat(2_201));
    let tags = format!("image_url=https://a.kr/a.jpg&caption={}", "%23a+".repeat(31));
    for (form, code, subcode) in [
        ("image_url=https://a.kr/a.png", 36_001, json!(2_207_005)),
        ("image_url=https://a.invalid/a.jpg", 9_004, json!(2_207_052)),
        ("caption=x", 100, Value::Null),
        (&long, 36_004, json!(2_207_010)),
        (&tags, 100, json!(2_207_040)),
    ] {
        let (status, answer) = graph(&simulator, "POST", "1/media", form).await;
        let error = &answer["error"];
        assert_eq!(
            (status, &error["code"], &error["error_subcode"]),
            (400, &json!(code), &subcode),
            "{form:.60}"
        );
    }
    let wrong = ask(
        &simulator,
        "GET",
        "/instagram/v26.0/1/media?access_token=expired",
        &[],
        "",
    )
    .await;
    assert_eq!(wrong.1["error"]["code"], 190);
    let id = container(&simulator).await;
    simulator.clock().advance(Duration::from_hours(24));
    let (_, read) = graph(&simulator, "GET", &format!("{id}?fields=status_code"), "").await;
    assert_eq!(read["status_code"], "EXPIRED");
    assert_eq!(
        graph(&simulator, "GET", "17890000000009999?fields=status_code", "")
            .await
            .1["error"]["error_subcode"],
        33
    );
    assert!(effects(&simulator).await.is_empty());
}

#[tokio::test]
async fn the_other_channels_have_their_good_path() {
    let simulator = start().await;
    let tone = json!({"externalId": "e", "audioUrl": "https://a.kr/a.wav"}).to_string();
    let path = "/ringo-biz/v1/lines/+8225550134/ringback-tone";
    let ringing = ask(&simulator, "PUT", path, &[TOKEN, JSON, ("idempotency-key", "k")], &tone).await;
    assert_eq!(ringing.0, 200);
    assert_eq!(ask(&simulator, "GET", path, &[TOKEN], "").await, ringing);

    let call = |password: &str| {
        format!(
            "<methodCall><methodName>metaWeblog.newPost</methodName><params><param><value><string>b</string></value></param>\
             <param><value><string>u</string></value></param><param><value><string>{password}</string></value></param>\
             <param><value><struct><member><name>title</name><value><string>T</string></value></member></struct></value>\
             </param><param><value><boolean>1</boolean></value></param></params></methodCall>"
        )
    };
    let posted = raw(&simulator, "POST", "/naver-blog/xmlrpc", &[], &call("p")).await;
    assert!(posted.contains("<methodResponse><params>"), "{posted}");
    let refused = raw(&simulator, "POST", "/naver-blog/xmlrpc", &[], &call("wrong")).await;
    assert!(
        refused.starts_with("HTTP/1.1 200") && refused.contains("<fault>"),
        "{refused}"
    );
    let channels: Vec<_> = effects(&simulator)
        .await
        .iter()
        .map(|effect| effect["channel"].clone())
        .collect();
    assert_eq!(channels, ["ringo-biz", "naver-blog"]);
    let jpeg = raw(&simulator, "GET", "/media/any.jpg", &[], "").await;
    assert!(jpeg.contains("image/jpeg"), "{jpeg}");
}

#[tokio::test]
async fn a_fault_meets_what_it_is_meant_for_and_does_the_work_or_not() {
    let body = json!({"externalId": "e", "channel": "Instagram"}).to_string();
    for (fault, answered, done) in [
        (json!({"kind": "drop-before"}), None, 0),
        (json!({"kind": "drop-after"}), None, 1),
        (
            json!({"kind": "answer", "status": 503, "headers": {"Retry-After": "7"}}),
            Some("503"),
            0,
        ),
        (
            json!({"kind": "answer", "status": 500, "perform": true}),
            Some("500"),
            1,
        ),
        (
            json!({"kind": "garbage", "what": "html", "perform": true}),
            Some("200"),
            1,
        ),
        (json!({"kind": "garbage", "what": "truncated"}), Some("200"), 0),
        (json!({"kind": "throttle", "minutes": 2}), Some("429"), 0),
        (json!({"kind": "processing-conflict"}), Some("409"), 1),
        (json!({"kind": "delay", "millis": 1}), Some("202"), 1),
        (json!({"kind": "perform-late", "seconds": 30}), None, 0),
    ] {
        let simulator = start().await;
        let rule = json!([{"channel": "gateway", "step": "create", "times": 1, "fault": fault}]);
        assert_eq!(faults(&simulator, rule).await.0, 200, "{fault}");
        let headers = [TOKEN, JSON, ("idempotency-key", "k")];
        let answer = raw(&simulator, "POST", "/gateway/v1/deliveries", &headers, &body).await;
        assert_eq!(answer.get(9..12), answered, "{fault}: {answer}");
        assert_eq!(effects(&simulator).await.len(), done, "{fault}");
        simulator.clock().advance(Duration::from_secs(31));
        let late = usize::from(fault["kind"] == "perform-late");
        assert_eq!(effects(&simulator).await.len(), done + late, "{fault}");
        let (status, _) = ask(&simulator, "POST", "/gateway/v1/deliveries", &headers, &body).await;
        assert_eq!(
            (status, effects(&simulator).await.len()),
            (202, 1),
            "{fault}: once only"
        );
    }
}

#[tokio::test]
async fn the_control_routes_say_what_is_wrong() {
    let simulator = start().await;
    for (rules, words) in [
        (
            json!([{"channel": "tiktok", "fault": {"kind": "drop-after"}}]),
            "instagram",
        ),
        (
            json!([{"channel": "instagram", "step": "post", "fault": {"kind": "drop-after"}}]),
            "publish",
        ),
        (json!([{"fault": {"kind": "explode"}}]), "drop-after"),
        (json!([{"fualt": 1}]), "fualt"),
        (
            json!([{"probability": 2.0, "fault": {"kind": "drop-after"}}]),
            "probability",
        ),
        (json!([{"fault": {"kind": "answer", "status": 99}}]), "200 to 599"),
    ] {
        let (status, problem) = faults(&simulator, rules.clone()).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(status == 422 && detail.contains(words), "{rules}: {status} {detail}");
    }
    let (status, _) = ask(
        &simulator,
        "POST",
        "/_simulator/clock",
        &[JSON],
        r#"{"advanceSeconds": -1}"#,
    )
    .await;
    assert_eq!(status, 422);
    assert_eq!(ask(&simulator, "GET", "/nothing", &[], "").await.0, 404);
}

#[tokio::test]
async fn the_page_shows_text_as_text() {
    let simulator = start().await;
    let evil = "image_url=https://a.kr/a.jpg&caption=<script>alert(1)</script>";
    let (_, made) = graph(&simulator, "POST", "1/media", evil).await;
    simulator.clock().advance(Duration::from_secs(1));
    graph(
        &simulator,
        "POST",
        "1/media_publish",
        &format!("creation_id={}", made["id"].as_str().unwrap()),
    )
    .await;
    let page = raw(&simulator, "GET", "/", &[], "").await;
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
    assert_eq!(ask(&simulator, "POST", "/_simulator/reset", &[], "").await.0, 200);
    assert!(effects(&simulator).await.is_empty());
}
