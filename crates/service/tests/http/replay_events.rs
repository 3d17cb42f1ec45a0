//! Publishing events again, and those that are dead, where there is no Kafka:
//! how they are asked for. What Kafka then gets is in `tests/kafka.rs`.

use serde_json::{Value, json};

use crate::bare;
use crate::support::Service;

const REPLAY: &str = "/api/events/replay";

#[tokio::test]
async fn without_kafka_there_is_nothing_to_publish_again() {
    let service = Service::start().await;
    service.distribute(&bare("evt-1", &["Instagram"])).await.success(200);
    let which = json!({"since": "2020-01-01T00:00:00+09:00"});
    let answer = service.post(REPLAY, &which).await.success(200);
    assert_eq!(answer, json!({"replayed": 0}));
    let dead = service.get("/api/events/dead?after=7").await.success(200);
    assert_eq!(dead, json!({"events": [], "next": 7}));
    assert_eq!(service.get("/readyz").await.success(200)["events"], Value::Null);
    service.stop().await;
}

#[tokio::test]
async fn what_is_published_again_must_be_said() {
    let service = Service::start().await;
    for (body, pointer, code) in [
        (json!({}), "", "required"),
        (json!({"deadOnly": false}), "", "required"),
        (json!({"since": "2026-01-01"}), "/since", "offset_missing"),
        (json!({"eventId": 7, "deadOnly": true}), "/eventId", "wrong_type"),
        (json!({"deadOnly": true, "all": true}), "/all", "unknown_field"),
    ] {
        let faults = service.post(REPLAY, &body).await.faults();
        assert_eq!(faults, [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    let korean = [("accept-language", "ko")];
    let problem = service.post_with(REPLAY, &korean, &json!({})).await;
    let problem = problem.problem(422, "validation_failed");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("다시 발행"), "{detail}");
    service
        .ask("GET", REPLAY, &[], b"")
        .await
        .problem(405, "method_not_allowed");
    service.get("/api/events/dead?limit=0").await.faults();
    service.stop().await;
}

#[tokio::test]
async fn the_topic_s_document_is_served() {
    let service = Service::start().await;
    let answer = service.get("/asyncapi.yaml").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/yaml")
    );
    assert!(answer.body.starts_with(b"# What fanfare publishes"));
    service.stop().await;
}
