//! Once: keys, replays, claims; and what a caller may prefer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::support::{Answer, DISTRIBUTE, Service};
use crate::{bare, with};

fn id_of(answer: &Answer) -> String {
    answer.json()["distributionId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_same_key_gives_the_same_distribution() {
    let service = Service::start().await;
    let key = [("idempotency-key", "order-1")];
    let body = bare("evt-1", &["Instagram", "NaverBlog"]);
    let first = service.post_with(DISTRIBUTE, &key, &body).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let reordered = json!({
        "contentUrls": ["https://cdn.example.com/a.jpg"], "allowRepeat": false,
        "channels": ["Instagram", "NaverBlog"], "eventId": "evt-1"
    });
    let second = service.post_with(DISTRIBUTE, &key, &reordered).await;
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(first.success(200), second.success(200));

    let other = service
        .post_with(DISTRIBUTE, &key, &bare("evt-2", &["Instagram"]))
        .await;
    let problem = other.problem(422, "idempotency_key_reused");
    assert_eq!(problem["distributionId"], first.json()["distributionId"]);
    service
        .get("/api/distribution/evt-2/status")
        .await
        .problem(404, "event_not_found");
    service.stop().await;
}

#[tokio::test]
async fn without_a_key_the_claims_tell_a_repeat_from_a_conflict() {
    let service = Service::start().await;
    let body = bare("evt-1", &["Instagram"]);
    let first = service.distribute(&body).await;
    let again = service.distribute(&body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(id_of(&first), id_of(&again));

    let wider = bare("evt-1", &["NaverBlog", "Instagram"]);
    let conflict = service.distribute(&wider).await;
    let problem = conflict.problem(409, "already_distributed");
    assert_eq!(
        problem["existing"],
        json!([{"channel": "Instagram", "distributionId": id_of(&first)}])
    );
    assert!(problem["detail"].as_str().unwrap().contains("allowRepeat"), "{problem}");

    let repeated = service.distribute(&with(wider, "allowRepeat", json!(true))).await;
    repeated.success(200);
    assert_ne!(id_of(&repeated), id_of(&first));
    let status = service.get("/api/distribution/evt-1/status").await.success(200);
    assert_eq!(status["distributionId"], id_of(&repeated));
    assert_eq!(status["distributions"], json!([id_of(&first)]));
    service.stop().await;
}

#[tokio::test]
async fn fifty_at_once_with_one_key_are_one() {
    let service = Arc::new(Service::start().await);
    let requests = (0..50).map(|_| {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let key = [("idempotency-key", "order-1")];
            let answer = service
                .post_with(DISTRIBUTE, &key, &bare("evt-1", &["Instagram"]))
                .await;
            answer.success(200);
            (id_of(&answer), answer.header("idempotent-replayed").to_owned())
        })
    });
    let requests: Vec<_> = requests.collect();
    let (mut ids, mut first) = (BTreeSet::new(), 0);
    for request in requests {
        let (id, replayed) = request.await.unwrap();
        ids.insert(id);
        first += usize::from(replayed.is_empty());
    }
    assert_eq!((ids.len(), first), (1, 1));
    let listed = service.get("/api/distributions").await.success(200);
    assert_eq!(listed["distributions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn bad_keys_are_refused_before_anything_happens() {
    let service = Service::start().await;
    let long = "k".repeat(256);
    let body = bare("evt-1", &["Instagram"]);
    for keys in [
        &[("idempotency-key", "")][..],
        &[("idempotency-key", &long)],
        &[("idempotency-key", "a b")],
        &[("idempotency-key", "a"), ("idempotency-key", "a")],
    ] {
        let answer = service.post_with(DISTRIBUTE, keys, &body).await;
        answer.problem(400, "bad_idempotency_key");
    }
    let fits = "k".repeat(255);
    service
        .post_with(DISTRIBUTE, &[("idempotency-key", &fits)], &body)
        .await
        .success(200);
    service.stop().await;
}

#[tokio::test]
async fn what_is_scheduled_is_accepted_at_once_and_found_under_its_location() {
    let service = Service::start().await;
    let later = Timestamp::from_second(now().as_second() + 3 * 86_400).unwrap();
    let body = with(bare("evt-1", &["Instagram"]), "scheduledAt", json!(later.to_string()));
    let answer = service.distribute(&body).await;
    let accepted = answer.success(202);
    assert_eq!(accepted["status"], "PENDING");
    assert_eq!(accepted["openChannels"], json!(["Instagram"]));
    assert_eq!(accepted["results"][0]["status"], "WAITING");
    assert!(accepted["results"][0]["retryAt"].is_string(), "{accepted}");
    let location = answer.header("location");
    assert_eq!(location, format!("/api/distributions/{}", id_of(&answer)));
    let found = service.get(location).await.success(200);
    assert_eq!(found["scheduledAt"], later.to_string());
    assert_eq!(found["results"], accepted["results"]);
    let replayed = service.distribute(&body).await;
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    assert_eq!(replayed.success(202), accepted);
    service.stop().await;
}

#[tokio::test]
async fn preferences_are_applied_and_said() {
    let service = Service::start().await;
    for (place, (prefer, applied)) in [
        ("wait=10", "wait=10"),
        ("wait=600", "wait=60"),
        ("respond-async, wait=5", "respond-async, wait=5"),
        ("handling=lenient", ""),
        ("wait=never", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let body = bare(&format!("evt-{place}"), &["Instagram"]);
        let answer = service.post_with(DISTRIBUTE, &[("prefer", prefer)], &body).await;
        assert_eq!(answer.header("preference-applied"), applied, "{prefer}");
        assert_eq!(answer.success(200)["status"], "COMPLETED");
    }
    let asynchronous = [("prefer", "respond-async")];
    let answer = service
        .post_with(DISTRIBUTE, &asynchronous, &bare("evt-a", &["Instagram"]))
        .await;
    assert_eq!(answer.header("preference-applied"), "respond-async");
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    service.stop().await;
}

#[tokio::test]
async fn what_is_too_much_is_told_when_to_come_back() {
    let service = Service::start_as(|config| {
        config.engine.max_in_flight = 1;
        config.ledger.commit_delay_ms = 300;
    })
    .await;
    let service = Arc::new(service);
    let requests = (0..5).map(|place| {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service.distribute(&bare(&format!("evt-{place}"), &["Instagram"])).await;
            if answer.status != 200 {
                answer.problem(429, "overloaded");
                assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
            }
            answer.status
        })
    });
    let mut statuses = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        statuses.push(request.await.unwrap());
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_stop_lets_requests_end_and_closes_the_door() {
    let service = Arc::new(Service::start().await);
    let address = service.address;
    let requests = (0..20).map(|place| {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service.distribute(&bare(&format!("evt-{place}"), &["Instagram"])).await;
            assert!(matches!(answer.status, 200 | 202 | 503), "{answer:?}");
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    let service = Arc::into_inner(service).unwrap();
    tokio::time::timeout(Duration::from_secs(15), service.stop())
        .await
        .unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

fn now() -> Timestamp {
    use fanfare::clock::{Clock, SystemClock};
    SystemClock::default().now()
}
