//! Bad JSON is a 400 that names the place; JSON of the wrong shape is a 422.

use serde_json::json;

use crate::support::{DISTRIBUTE, Service};
use crate::{bare, with};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn malformed_json_is_refused_with_its_place() {
    let service = Service::start().await;
    let good = bare("evt-1", &["Instagram"]).to_string();
    let deep = format!("{{\"eventId\": {}{}}}", "[".repeat(128), "]".repeat(128));
    for (body, words) in [
        (String::new(), "empty"),
        (good[..good.len() - 1].to_owned(), "ends too early"),
        (format!("{good} x"), "trailing"),
        (format!("{good}{good}"), "trailing"),
        ("{\"eventId\": NaN}".to_owned(), "Line 1, column 13"),
        (deep, "nested too deeply"),
        ("{\"eventId\": \"a\",\n\"eventId\": \"b\"}".to_owned(), "Line 2"),
        (
            "{\"content\": {\"title\": \"a\", \"title\": \"a\"}}".to_owned(),
            "\"title\" stands twice",
        ),
        ("\u{feff}{}".to_owned(), "Line 1"),
    ] {
        for path in [DISTRIBUTE, "/api/distribution/preview"] {
            let problem = service.ask("POST", path, &JSON, body.as_bytes()).await;
            let problem = problem.problem(400, "malformed_json");
            assert!(
                problem["detail"].as_str().unwrap().contains(words),
                "{words}: {problem}"
            );
        }
    }
    let headers = [("content-type", "application/json"), ("accept-language", "ko")];
    let doubled = service.ask("POST", DISTRIBUTE, &headers, br#"{"a": 1, "a": 2}"#).await;
    let doubled = doubled.problem(400, "malformed_json");
    assert!(!doubled["detail"].as_str().unwrap().contains("stands"), "{doubled}");
    let bytes = b"{\"eventId\": \"\xff\"}";
    let problem = service
        .ask("POST", DISTRIBUTE, &JSON, bytes)
        .await
        .problem(400, "malformed_json");
    assert!(problem["detail"].as_str().unwrap().contains("UTF-8"), "{problem}");
    service.stop().await;
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_named_by_pointer() {
    let service = Service::start().await;
    let good = || bare("evt-1", &["Instagram"]);
    for (body, pointer, code) in [
        (json!([]), "", "wrong_type"),
        (json!("text"), "", "wrong_type"),
        (json!(null), "", "wrong_type"),
        (with(good(), "tenantId", json!("other")), "/tenantId", "unknown_field"),
        (with(good(), "eventID", json!("a")), "/eventID", "unknown_field"),
        (with(good(), "a/b~c", json!(1)), "/a~1b~0c", "unknown_field"),
        (with(good(), "content", json!([])), "/content", "wrong_type"),
        (
            with(good(), "content", json!({"title": 5})),
            "/content/title",
            "wrong_type",
        ),
        (
            with(good(), "content", json!({"title": "a\u{0}b"})),
            "/content/title",
            "nul_character",
        ),
        (with(good(), "eventId", json!("a\u{0}")), "/eventId", "nul_character"),
        (with(good(), "eventId", json!(1.5)), "/eventId", "wrong_type"),
        (with(good(), "eventId", json!(true)), "/eventId", "wrong_type"),
        (with(good(), "channels", json!("Instagram")), "/channels", "wrong_type"),
        (with(good(), "allowRepeat", json!("yes")), "/allowRepeat", "wrong_type"),
        (
            with(good(), "channelOptions", json!({"GenieTV": {"budget": "1000"}})),
            "/channelOptions/GenieTV/budget",
            "wrong_type",
        ),
        (
            with(good(), "channelOptions", json!({"GenieTV": {"budget": 1.5}})),
            "/channelOptions/GenieTV/budget",
            "wrong_type",
        ),
    ] {
        let faults = service.distribute(&body).await.faults();
        assert!(
            faults.contains(&(pointer.to_owned(), code.to_owned())),
            "{pointer} {code}: {faults:?}"
        );
    }
    let long = with(good(), "content", json!({"title": "x".repeat(1_000_000)}));
    let faults = service.distribute(&long).await.faults();
    assert_eq!(faults, [("/content/title".to_owned(), "too_long".to_owned())]);
    service.stop().await;
}

#[tokio::test]
async fn a_hostile_body_makes_no_large_answer() {
    let service = Service::start().await;
    let fields = (0..50_000).map(|place| (format!("f{place}"), json!(1)));
    let many = serde_json::Value::Object(fields.collect());
    let answer = service.distribute(&many).await;
    answer.problem(422, "validation_failed");
    assert!(answer.body.len() < 200_000, "{}", answer.body.len());
    let long = with(bare("evt-1", &["Instagram"]), &"x".repeat(1_000_000), json!(1));
    let answer = service.distribute(&long).await;
    answer.problem(422, "validation_failed");
    assert!(answer.body.len() < 10_000, "{}", answer.body.len());
    service.stop().await;
}
