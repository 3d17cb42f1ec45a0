//! Channels, health, metrics, the `OpenAPI` document and the page that shows it.

use serde_json::Value;

use crate::support::{DISTRIBUTE, Service};
use crate::{all_six, bare};

#[tokio::test]
async fn the_channels_say_what_they_need() {
    let service = Service::start().await;
    let list = service.get("/api/channels").await.success(200);
    let channels = list["channels"].as_array().unwrap();
    let names: Vec<_> = channels.iter().map(|channel| channel["name"].clone()).collect();
    assert_eq!(Value::Array(names), all_six("")["channels"]);
    for channel in channels {
        assert_eq!(channel["mode"], "mock");
        assert!(
            channel["koreanName"].is_string() && channel["limits"].is_array(),
            "{channel}"
        );
        assert!(!channel["resultFields"].as_array().unwrap().is_empty(), "{channel}");
    }
    assert_eq!(channels[3]["requiredInputs"][0]["anyOf"][0], "/contentUrls/imageUrl");
    service.stop().await;
}

#[tokio::test]
async fn it_is_healthy_ready_and_measured() {
    let service = Service::start().await;
    assert_eq!(service.get("/healthz").await.success(200)["status"], "ok");
    assert_eq!(service.get("/readyz").await.success(200)["status"], "ready");
    service
        .get("/api/distribution/e/status")
        .await
        .problem(404, "event_not_found");
    let metrics = service.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("text/plain"));
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("fanfare_http_request_duration_seconds"), "{text}");
    // A caller's text is no label.
    assert!(
        text.contains("/api/distribution/{event_id}/status") && !text.contains("/distribution/e/"),
        "{text}"
    );
    service.stop().await;
}

#[tokio::test]
async fn what_the_http_library_refuses_is_bare_and_described() {
    let service = Service::start().await;
    let long = |bytes: usize| format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(bytes));
    let many = "x: y\r\n".repeat(300);
    for (request, status) in [
        (long(66_000), "414"),
        (
            format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "y".repeat(132_000)),
            "431",
        ),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: \u{1}\r\n\r\n".to_owned(), "400"),
        (
            "GET / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n".to_owned(),
            "400",
        ),
    ] {
        let mut wire = service.connect().await;
        wire.send(&request).await;
        let answer = wire.answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{status} has a body: {answer}");
    }
    // As long as the library lets it through, the answer is ours.
    let mut wire = service.connect().await;
    wire.send(format!(
        "GET /{} HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(65_000),
        "y".repeat(999)
    ))
    .await;
    let answer = wire.answer().await;
    assert!(answer.contains("headers_too_large"), "{answer}");
    service.stop().await;
}

#[tokio::test]
async fn the_preview_takes_what_the_document_says() {
    let service = Service::start().await;
    let mut body = bare("evt-1", &["Instagram"]);
    body["eventId"] = Value::from(u64::MAX);
    body["further"] = Value::from(1);
    let preview = service.post("/api/distribution/preview", &body).await.success(200);
    assert_eq!(preview["faults"][0]["pointer"], "/further", "{preview}");
    body["eventId"] = Value::from(i64::MIN);
    body.as_object_mut().unwrap().remove("further");
    service.post(DISTRIBUTE, &body).await.success(200);
    service.stop().await;
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let service = Service::start().await;
    let document = service.get("/openapi.json").await.success(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 26, "{:?}", paths.keys());
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            let concrete = path
                .replace("{eventId}", "e")
                .replace("{id}", "x")
                .replace("{channel}", "Instagram")
                .replace("{endpoint}", "ops");
            let answer = service.ask(&method.to_uppercase(), &concrete, &[], b"").await;
            assert_ne!(answer.status, 405, "{method} {path}");
            let documented = &item[method]["responses"][answer.status.to_string()];
            assert!(!documented.is_null(), "{method} {path} answered {}", answer.status);
        }
    }
    service.stop().await;
}

/// Whoever tries them out of the page, today or next year, must get an answer of every channel.
#[tokio::test]
async fn the_examples_of_a_request_can_be_sent() {
    let service = Service::start().await;
    let document = service.get("/openapi.json").await.success(200);
    let body = &document["paths"][DISTRIBUTE]["post"]["requestBody"]["content"]["application/json"];
    let examples = body["examples"].as_object().unwrap();
    assert!(!examples.is_empty());
    for (name, example) in examples {
        let answer = service.distribute(&example["value"]).await.success(200);
        assert_eq!(answer["status"], "COMPLETED", "{name}: {answer}");
    }
    service.stop().await;
}

#[tokio::test]
async fn the_page_shows_it_out_of_the_binary() {
    let service = Service::start().await;
    let moved = service.get("/docs").await;
    assert_eq!((moved.status, moved.header("location")), (308, "/docs/"));
    let page = service.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    for (file, encoding) in [
        ("swagger-ui-bundle.js", "gzip"),
        ("swagger-ui.css", "gzip"),
        ("swagger-initializer.js", ""),
    ] {
        let answer = service.get(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-encoding"), encoding, "{file}");
        assert_eq!(answer.body.starts_with(&[0x1f, 0x8b]), encoding == "gzip", "{file}");
    }
    service.get("/docs/nothing.js").await.problem(404, "path_not_found");
    service.stop().await;
}
