//! Bad HTTP: slow, large, wrongly typed, wrongly addressed.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::bare;
use crate::support::{DISTRIBUTE, Service};

const HEAD: &str = "POST /api/distribution/distribute HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "measures the real time that a client waits")]
async fn a_trickle_of_headers_is_closed() {
    let service = Service::start_as(|config| config.http.header_timeout_ms = 300).await;
    let mut wire = service.connect().await;
    let begun = Instant::now();
    wire.send("GET /healthz HTTP/1.1\r\nhost: a\r\n").await;
    let trickle = async {
        for place in 0..20 {
            wire.send(format!("x-{place}: y\r\n")).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        wire.rest().await
    };
    assert_eq!(trickle.await, "");
    assert!(begun.elapsed() < Duration::from_secs(5));
    service.stop().await;
}

#[tokio::test]
async fn a_trickle_of_body_is_a_408() {
    let service = Service::start_as(|config| config.http.body_timeout_ms = 300).await;
    let mut wire = service.connect().await;
    wire.send(format!("{HEAD}content-length: 100\r\n\r\n{{\"eve")).await;
    let answer = wire.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.contains("body_too_slow") && answer.contains("connection: close"),
        "{answer}"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413() {
    let service = Service::start().await;
    let mut declared = service.connect().await;
    declared.send(format!("{HEAD}content-length: 1500001\r\n\r\n")).await;
    let answer = declared.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("body_too_large"), "{answer}");

    let mut chunked = service.connect().await;
    chunked.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n")).await;
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, " ".repeat(100_000));
    for _ in 0..15 {
        chunked.send(&chunk).await;
    }
    // One byte more than the limit, then nothing: the answer does not wait.
    chunked.send("1\r\n \r\n").await;
    let answer = chunked.answer().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("body_too_large"), "{answer}");

    let huge = " ".repeat(1_500_000);
    let json = [("content-type", "application/json")];
    let fits = service.ask("POST", DISTRIBUTE, &json, huge.as_bytes()).await;
    fits.problem(400, "malformed_json");
    service.stop().await;
}

#[tokio::test]
async fn only_plain_json_is_taken() {
    let service = Service::start().await;
    let body = bare("evt-1", &["Instagram"]).to_string();
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json; charset=euc-kr")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[
            ("content-type", "application/json"),
            ("content-type", "application/json"),
        ],
    ] {
        let answer = service.ask("POST", DISTRIBUTE, headers, body.as_bytes()).await;
        answer.problem(415, "unsupported_media_type");
        assert_eq!(answer.header("accept"), "application/json");
    }
    for encoding in ["gzip", "br", "identity, gzip", "deflate"] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        let answer = service.ask("POST", DISTRIBUTE, &headers, body.as_bytes()).await;
        answer.problem(415, "unsupported_content_encoding");
    }
    let headers = [
        ("content-type", "application/json; charset=UTF-8"),
        ("content-encoding", "identity"),
    ];
    service
        .ask("POST", DISTRIBUTE, &headers, body.as_bytes())
        .await
        .success(200);
    service.stop().await;
}

#[tokio::test]
async fn headers_over_64_kb_are_a_431() {
    let service = Service::start().await;
    let large = "x".repeat(65 * 1024);
    let answer = service.ask("GET", "/healthz", &[("x-large", &large)], b"").await;
    answer.problem(431, "headers_too_large");
    let value = "x".repeat(600);
    let names: Vec<_> = (0..150).map(|place| format!("x-{place}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
    service
        .ask("GET", "/healthz", &many, b"")
        .await
        .problem(431, "headers_too_large");
    let large = "x".repeat(60 * 1024);
    service
        .ask("GET", "/healthz", &[("x-large", &large)], b"")
        .await
        .success(200);
    service.stop().await;
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_names_the_right_ones() {
    let service = Service::start().await;
    for (method, path, allowed) in [
        ("GET", DISTRIBUTE, "POST"),
        ("PUT", DISTRIBUTE, "POST"),
        ("FOO", DISTRIBUTE, "POST"),
        ("DELETE", "/api/distributions", "GET,HEAD"),
        ("POST", "/api/distribution/e/status", "GET,HEAD"),
        ("OPTIONS", "/api/events", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let answer = service.ask(method, path, &[], b"").await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
    let head = service.ask("HEAD", "/healthz", &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    service.stop().await;
}

#[tokio::test]
async fn a_wrong_path_is_a_404() {
    let service = Service::start().await;
    for path in [
        "/",
        "/api",
        "/api/distribution",
        "/api/distribution/distribute/",
        "/api//events",
        "/docs/../x",
        "/%FF",
    ] {
        service.get(path).await.problem(404, "path_not_found");
    }
    service
        .ask("POST", "/nothing", &[("content-type", "text/plain")], b"x")
        .await
        .problem(404, "path_not_found");
    service.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_closed() {
    let service = Service::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut wire = service.connect().await;
        wire.send(bytes).await;
        let answer = wire.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    // Two lengths, or a length and chunks, are how requests are smuggled.
    for lengths in [
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: -1\r\n",
        "content-length: 2x\r\n",
    ] {
        let mut wire = service.connect().await;
        wire.send(format!("{HEAD}{lengths}\r\n{{}}")).await;
        let answer = wire.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lengths}: {answer}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_harms_nobody() {
    let service = Service::start().await;
    for cut in [10, 60, 120, 150] {
        let body = bare("evt-1", &["Instagram"]).to_string();
        let request = format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len());
        let mut wire = service.connect().await;
        wire.send(&request.as_bytes()[..cut]).await;
        drop(wire);
    }
    let mut wire = service.connect().await;
    wire.send(format!("{HEAD}content-length: 30\r\nconnection: close\r\n\r\n{{}}"))
        .await;
    drop(wire);
    service.get("/readyz").await.success(200);
    service
        .get("/api/distribution/evt-1/status")
        .await
        .problem(404, "event_not_found");
    service.stop().await;
}

#[tokio::test]
async fn a_trace_is_continued_and_else_begun() {
    let service = Service::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = service.ask("GET", "/nothing", &[("traceparent", &parent)], b"").await;
    assert_eq!(answer.problem(404, "path_not_found")["traceId"], trace);
    let believed = service
        .ask(
            "GET",
            "/nothing",
            &[("x-request-id", "mine"), ("traceparent", "nonsense")],
            b"",
        )
        .await;
    let own = believed.problem(404, "path_not_found")["traceId"].clone();
    assert_ne!(own, json!("mine"));
    assert_ne!(
        own,
        service.get("/nothing").await.problem(404, "path_not_found")["traceId"]
    );
    service.stop().await;
}
