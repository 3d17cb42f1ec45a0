//! Notices: operators and owners are told, once, what went wrong and what to do.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock, ManualClock, SystemClock};
use fanfare::config::{ChannelConfig, ChannelProtocol, Config, EndpointKind, NoticeEndpoint, NoticeLanguage};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::bare;
use crate::live::{in_review_as, simulator};
use crate::receiver::{Got, Mood, Receiver};
use crate::shared_cache::new_event;
use crate::support::{DISTRIBUTE, PATIENCE, Service, ask_elsewhere};

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A webhook in English, which is told everything.
pub(crate) fn webhook(name: &str, receiver: &Receiver) -> NoticeEndpoint {
    NoticeEndpoint {
        name: name.to_owned(),
        kind: EndpointKind::Webhook,
        url: Secret::new(receiver.url()),
        secret: vec![Secret::new(SECRET)],
        secret_file: None,
        from: None,
        to: Vec::new(),
        language: NoticeLanguage::En,
        events: None,
        tenant: None,
        allow_inside: true,
    }
}

/// A chat in Korean.
pub(crate) fn chat(name: &str, receiver: &Receiver) -> NoticeEndpoint {
    NoticeEndpoint {
        kind: EndpointKind::Slack,
        secret: Vec::new(),
        language: NoticeLanguage::Ko,
        ..webhook(name, receiver)
    }
}

/// Instagram through a gateway that is not there: it fails at once.
pub(crate) fn failing(config: &mut Config) {
    config.channels.instagram = ChannelConfig {
        mode: Mode::Live,
        protocol: ChannelProtocol::Gateway,
        base_url: Some("http://127.0.0.1:9".to_owned()),
        access_token: Some(Secret::new("canary-token")),
        ..ChannelConfig::default()
    };
    config.engine.max_attempts = 1;
}

pub(crate) fn request(event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": ["Instagram", "KakaoChannel"],
        "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
        "channelOptions": {"Instagram": {"caption": "여는 날"}},
    })
}

pub(crate) fn verify(got: &Got) {
    Webhook::new(SECRET).unwrap().verify(&got.body, &got.headers).unwrap();
}

async fn endpoint(service: &Service, name: &str) -> Value {
    let answer = service.get("/api/notices").await.success(200);
    let endpoints = answer["endpoints"].as_array().unwrap();
    endpoints
        .iter()
        .find(|endpoint| endpoint["name"] == name)
        .unwrap()
        .clone()
}

/// How the endpoint is, once it is so.
async fn becomes(service: &Service, name: &str, so: impl Fn(&Value) -> bool) -> Value {
    let looked = async {
        loop {
            let endpoint = endpoint(service, name).await;
            if so(&endpoint) {
                return endpoint;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if let Ok(endpoint) = tokio::time::timeout(PATIENCE, looked).await {
        return endpoint;
    }
    panic!("it stays {}", endpoint(service, name).await)
}

#[tokio::test]
async fn a_channel_that_failed_is_told_once_signed_and_in_the_endpoint_s_language() {
    let (ops, chat_room) = (Receiver::start().await, Receiver::start().await);
    let service = Service::start_as(|config| {
        failing(config);
        config.public_url = Some("https://fanfare.example".to_owned());
        let mut all = webhook("ops", &ops);
        all.events = Some(vec!["delivery.failed".to_owned(), "distribution.settled".to_owned()]);
        config.notices = vec![all, chat("chat", &chat_room)];
    })
    .await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED", "{answer}");
    let id = answer["distributionId"].as_str().unwrap();
    let told = ops.wait_for(2).await;
    told.iter().for_each(verify);
    let (failed, settled) = (told[0].json(), told[1].json());
    assert_eq!(failed["type"], "delivery.failed");
    let data = &failed["data"];
    for (field, value) in [
        ("tenant", json!("default")),
        ("distributionId", json!(id)),
        ("eventId", json!("evt-1")),
        ("channel", json!("Instagram")),
        ("mode", json!("live")),
        ("status", json!("FAILED")),
        ("code", json!("channel_unavailable")),
        ("whoActs", json!("caller")),
        ("generation", json!(1)),
        ("link", json!(format!("https://fanfare.example/api/distributions/{id}"))),
    ] {
        assert_eq!(data[field], value, "{field}: {failed}");
    }
    assert!(data["nextStep"].as_str().unwrap().contains("/retry"), "{failed}");
    assert_eq!(
        (&settled["type"], &settled["data"]["status"]),
        (&json!("distribution.settled"), &json!("PARTIALLY_COMPLETED"))
    );
    let text = chat_room.wait_for(1).await[0].json()["text"]
        .as_str()
        .unwrap()
        .to_owned();
    for words in [
        "인스타그램",
        "evt-1",
        "조치할 사람",
        "https://fanfare.example/api/distributions/",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // What comes later comes after it: so nothing came twice.
    service.distribute(&request("evt-2")).await.success(200);
    let ids: Vec<_> = ops.wait_for(4).await.iter().map(Got::id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 4, "{ids:?}");
    assert_eq!(chat_room.wait_for(2).await.len(), 2);
    let metrics = service.get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(
        metrics.contains("fanfare_notices_total{endpoint=\"ops\",outcome=\"delivered\"}"),
        "{metrics}"
    );
    service.stop().await;
}

#[tokio::test]
async fn an_outcome_that_is_not_known_says_not_to_post_it() {
    let (receiver, simulator) = (Receiver::start().await, simulator().await);
    let (service, id) = in_review_as(&simulator, |config| config.notices = vec![webhook("ops", &receiver)]).await;
    let told = receiver.wait_for(1).await[0].json();
    assert_eq!(told["type"], "delivery.needs_review");
    let data = &told["data"];
    assert_eq!(
        (&data["whoActs"], &data["code"]),
        (&json!("operator"), &json!("outcome_unknown"))
    );
    let step = data["nextStep"].as_str().unwrap();
    assert!(
        step.starts_with("Do not post it yourself.") && step.contains(&format!("{id}/channels/Instagram/resolve")),
        "{told}"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_hand_off_brings_its_link_and_a_day_before_the_end_again() {
    let (receiver, simulator) = (Receiver::start().await, simulator().await);
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let service = Service::start_at(Arc::clone(&clock) as _, |config| {
        config.channels.naver_blog = ChannelConfig {
            mode: Mode::Live,
            base_url: Some(format!("{}/naver-blog", simulator.base_url())),
            account_id: Some("shop".to_owned()),
            ..ChannelConfig::default()
        };
        config.notices = vec![webhook("owner", &receiver)];
    })
    .await;
    let body = json!({
        "eventId": "evt-1", "channels": ["NaverBlog"],
        "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
        "content": {"title": "여는 날", "body": "10% 할인", "link": "https://shop.example.com/a"},
    });
    // Nothing is published of it: it only waits.
    let answer = service.post_with(DISTRIBUTE, &[("prefer", "wait=0")], &body).await;
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    let told = receiver.wait_for(1).await[0].json();
    assert_eq!(told["type"], "delivery.action_required");
    assert_eq!(told["data"]["whoActs"], "owner");
    let link = told["data"]["link"].as_str().unwrap();
    let page = ask_elsewhere("GET", link, b"").await;
    assert_eq!(page.status, 200, "who is told can open it: {link}");
    assert_eq!(told["data"]["until"], "2026-11-29T09:00:00Z");

    clock.advance(Duration::from_hours(24 * 6));
    let again = receiver.wait_for(2).await[1].json();
    assert_eq!(
        (&again["type"], &again["data"]["reminder"], &again["data"]["link"]),
        (&told["type"], &json!(true), &json!(link))
    );
    let step = again["data"]["nextStep"].as_str().unwrap();
    assert!(step.contains("by 2026-11-29 18:00 in Seoul"), "{step}");
    service.stop().await;
}

/// The mails in a Maildir that hold these words.
fn mails(folder: &Path, words: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("new")) else {
        return Vec::new();
    };
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    texts.filter(|text| text.contains(words)).collect()
}

#[tokio::test]
async fn a_mail_reaches_a_real_server() {
    let server = std::env::var("FANFARE_TEST_SMTP")
        .expect("set FANFARE_TEST_SMTP (smtp://host:port/path/of/its/Maildir), or say scripts/servers run …");
    let url = url::Url::parse(&server).unwrap();
    let (host, port, folder) = (url.host_str().unwrap(), url.port().unwrap(), Path::new(url.path()));
    // The Maildir may hold what other runs were told.
    let own = format!("{}@example.com", new_event());
    let receiver = Receiver::start().await;
    let service = Service::start_as(|config| {
        failing(config);
        config.notices = vec![NoticeEndpoint {
            kind: EndpointKind::Email,
            url: Secret::new(format!("smtp://{host}:{port}")),
            secret: Vec::new(),
            from: Some("Fanfare <fanfare@example.com>".to_owned()),
            to: vec![own.clone(), "both@example.com".to_owned()],
            language: NoticeLanguage::Ko,
            ..webhook("mail", &receiver)
        }];
    })
    .await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    let shown = becomes(&service, "mail", |mail| mail["lastDeliveredAt"].is_string()).await;
    assert_eq!(
        (&shown["state"], &shown["pending"]),
        (&json!("ok"), &json!(0)),
        "{shown}"
    );
    let came = mails(folder, &own);
    assert_eq!(came.len(), 1, "{came:?}");
    let mail = &came[0];
    for words in [
        "From: Fanfare <fanfare@example.com>",
        "both@example.com",
        "Subject: =?utf-8?",
        "Message-ID: <",
    ] {
        assert!(mail.contains(words), "{words}: {mail}");
    }
    let (_, body) = mail.split_once("\n\n").unwrap();
    let body: String = body.split_whitespace().collect();
    let body = if mail.contains("base64") {
        use base64::Engine as _;
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(body).unwrap()).unwrap()
    } else {
        panic!("another encoding: {mail}")
    };
    let id = answer["distributionId"].as_str().unwrap();
    assert!(body.contains("조치할 사람") && body.contains(id), "{body}");
    service.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_is_tried_again_and_after_days_told_nothing_more() {
    let (ops, other) = (Receiver::start().await, Receiver::start().await);
    ops.be(Mood::Busy(120));
    let start = SystemClock::default().now();
    let clock = Arc::new(ManualClock::new(start));
    let change = |config: &mut Config| {
        failing(config);
        config.notices = vec![webhook("ops", &ops), webhook("other", &other)];
        config.notices[1].events = Some(vec!["endpoint.disabled".to_owned()]);
    };
    let service = Service::start_at(Arc::clone(&clock) as _, change).await;
    service.distribute(&request("evt-1")).await.success(200);
    let first = ops.wait_for(1).await.remove(0);
    verify(&first);
    let shown = becomes(&service, "ops", |ops| ops["state"] == "failing").await;
    let paused: jiff::Timestamp = shown["pausedUntil"].as_str().unwrap().parse().unwrap();
    assert!(paused.duration_since(start).as_secs() >= 120, "Retry-After: {shown}");
    assert!(shown["lastFailure"].as_str().unwrap().contains("503 busy"), "{shown}");
    assert_eq!((&shown["pending"], &shown["failures"]), (&json!(1), &json!(1)));

    clock.advance(Duration::from_hours(71));
    let again = ops.wait_for(2).await.remove(1);
    assert_eq!((again.id(), &again.body), (first.id(), &first.body), "the same message");
    assert_ne!(again.headers["webhook-timestamp"], first.headers["webhook-timestamp"]);
    becomes(&service, "ops", |ops| ops["failures"] == 2).await;
    assert_eq!(other.all().len(), 0);

    clock.advance(Duration::from_hours(2));
    let shown = becomes(&service, "ops", |ops| ops["state"] == "disabled").await;
    assert_eq!(shown["pending"], 0, "it is too old to be told: {shown}");
    let told = other.wait_for(1).await[0].json();
    assert_eq!(
        (&told["type"], &told["data"]["endpoint"]),
        (&json!("endpoint.disabled"), &json!("ops"))
    );
    // It is told nothing, until a person says so.
    service.distribute(&request("evt-2")).await.success(200);
    ops.be(Mood::Well);
    clock.advance(Duration::from_hours(1));
    becomes(&service, "ops", |ops| ops["pending"] == 1).await;
    assert_eq!(ops.all().len(), 3);
    let service = service.restart_at_as(Arc::clone(&clock) as _, change).await;
    assert_eq!(
        endpoint(&service, "ops").await["state"],
        "disabled",
        "a restart changes nothing"
    );
    let enabled = service.post("/api/notices/ops/enable", &Value::Null).await.success(200);
    assert_eq!(enabled["state"], "ok");
    let told = ops.wait_for(4).await;
    assert_eq!(told[3].json()["data"]["eventId"], "evt-2");
    becomes(&service, "ops", |ops| ops["pending"] == 0).await;
    service.stop().await;
}

/// A distribution that is deleted after a day must not live on in what was told of it.
#[tokio::test]
async fn notices_are_forgotten_with_what_they_speak_of() {
    let ops = Receiver::start().await;
    ops.be(Mood::Busy(1));
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let change = |config: &mut Config| {
        failing(config);
        config.retention.days = 1;
        config.notices = vec![webhook("forgetful", &ops)];
    };
    let service = Service::start_at(Arc::clone(&clock) as _, change).await;
    service.distribute(&request("evt-1")).await.success(200);
    becomes(&service, "forgetful", |ops| ops["failures"] == 1).await;
    clock.advance(Duration::from_hours(25));
    let service = service.restart_at_as(Arc::clone(&clock) as _, change).await;
    let shown = becomes(&service, "forgetful", |ops| ops["pending"] == 0).await;
    assert_ne!(shown["state"], "disabled", "it was forgotten, not given up: {shown}");
    let metrics = service.get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(
        metrics.contains("fanfare_notices_total{endpoint=\"forgetful\",outcome=\"forgotten\"} 1"),
        "{metrics}"
    );
    service.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_again_when_it_is_configured_anew() {
    let receiver = Receiver::start().await;
    receiver.be(Mood::Gone);
    let service = Service::start_as(|config| {
        failing(config);
        config.notices = vec![webhook("ops", &receiver)];
    })
    .await;
    service.distribute(&request("evt-1")).await.success(200);
    let shown = becomes(&service, "ops", |ops| ops["state"] == "disabled").await;
    assert!(shown["lastFailure"].as_str().unwrap().contains("410"), "{shown}");
    receiver.be(Mood::Well);
    let service = service
        .restart_as(|config| {
            failing(config);
            config.notices = vec![webhook("ops", &receiver)];
            config.notices[0].url = Secret::new(format!("{}/new", receiver.url()));
        })
        .await;
    let shown = becomes(&service, "ops", |ops| ops["pending"] == 0).await;
    assert_eq!(shown["state"], "ok", "{shown}");
    assert_eq!(receiver.all().len(), 2);
    service.stop().await;
}

#[tokio::test]
async fn a_breaker_is_told_when_it_opens_and_when_it_has_closed() {
    let receiver = Receiver::start().await;
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let change = |config: &mut Config| config.notices = vec![webhook("ops", &receiver)];
    let service = Service::start_at(Arc::clone(&clock) as _, change).await;
    let path = "/api/channels/Instagram/breaker";
    service.post(path, &json!({"action": "force_open"})).await.success(200);
    let told = receiver.wait_for(1).await[0].json();
    assert_eq!(
        (&told["type"], &told["data"]["channel"]),
        (&json!("breaker.opened"), &json!("Instagram"))
    );
    // A restart, too, finds it open and has nothing new to tell.
    let service = service.restart_at_as(Arc::clone(&clock) as _, change).await;
    service.post(path, &json!({"action": "close"})).await.success(200);
    clock.advance(Duration::from_mins(1));
    let told = receiver.wait_for(2).await;
    assert_eq!(told[1].json()["type"], "breaker.closed");
    service.stop().await;
}

/// Nobody is at Kafka's address. None of it is lost, so it is told once.
#[tokio::test]
async fn events_that_wait_for_kafka_are_told_of_once() {
    let receiver = Receiver::start().await;
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let service = Service::start_at(Arc::clone(&clock) as _, |config| {
        config.kafka_brokers = Some("127.0.0.1:9".to_owned());
        // Events are counted between two tries to publish them.
        config.kafka.message_timeout_ms = 1_000;
        config.notices = vec![webhook("ops", &receiver)];
    })
    .await;
    service.distribute(&bare("evt-1", &["Instagram"])).await.success(200);
    clock.advance(Duration::from_mins(6));
    let told = receiver.wait_for(1).await[0].json();
    assert_eq!(
        (&told["type"], &told["data"]["whoActs"], &told["data"]["count"]),
        (&json!("relay.behind"), &json!("operator"), &json!(1))
    );
    // What is told next comes after it.
    clock.advance(Duration::from_mins(1));
    let order = json!({"action": "force_open"});
    service.post("/api/channels/GenieTV/breaker", &order).await.success(200);
    let told = receiver.wait_for(2).await;
    assert_eq!((told.len(), &told[1].json()["type"]), (2, &json!("breaker.opened")));
    service.stop().await;
}

#[tokio::test]
async fn an_owner_is_told_what_concerns_their_tenant_alone() {
    let (own, all) = (Receiver::start().await, Receiver::start().await);
    let service = Service::start_as(|config| {
        failing(config);
        config.notices = vec![webhook("own", &own), webhook("all", &all)];
        config.notices[0].tenant = Some("bakery".to_owned());
    })
    .await;
    let cafe = service.key("cafe", &[fanfare_core::api_key::Scope::Distribute]).await;
    let bakery = service.key("bakery", &[fanfare_core::api_key::Scope::Distribute]).await;
    service
        .post_with(DISTRIBUTE, &[cafe.header()], &request("evt-1"))
        .await
        .success(200);
    service
        .post_with(DISTRIBUTE, &[bakery.header()], &request("evt-2"))
        .await
        .success(200);
    assert_eq!(all.wait_for(2).await.len(), 2);
    let told = own.wait_for(1).await;
    assert_eq!((told.len(), &told[0].json()["data"]["tenant"]), (1, &json!("bakery")));
    service.stop().await;
}

#[tokio::test]
async fn without_endpoints_nothing_is_kept_and_an_unknown_one_is_a_problem() {
    let service = Service::start().await;
    assert_eq!(service.get("/api/notices").await.success(200), json!({"endpoints": []}));
    service.distribute(&bare("evt-1", &["Instagram"])).await.success(200);
    let unknown = service.post("/api/notices/ops/enable", &Value::Null).await;
    unknown.problem(404, "notice_endpoint_not_found");
    service.stop().await;
}
