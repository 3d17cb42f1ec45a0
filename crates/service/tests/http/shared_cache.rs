//! Statuses in Redis: the given key to the letter, and what several services
//! see of each other through it.

use fanfare::config::Config;
use fanfare_channels::secret::Secret;
use redis::AsyncCommands;
use serde_json::{Value, json};

use crate::redis_server::{connect, shared_url};
use crate::support::{Answer, Service};
use crate::{all_six, bare, with};

/// An event that no other test knows, on a server that they share.
pub(crate) fn new_event() -> String {
    use fanfare::clock::{Clock, SystemClock};
    use fanfare_core::ids::DistributionId;
    use rand::SeedableRng;
    use rand::rngs::{StdRng, SysRng};
    let mut rng = StdRng::try_from_rng(&mut SysRng).unwrap();
    format!("evt-{}", DistributionId::new(SystemClock::default().now(), &mut rng))
}

/// Uses the Redis of this URL.
pub(crate) fn with_redis(url: &str) -> impl FnOnce(&mut Config) {
    let url = Secret::new(url);
    |config| config.redis_url = Some(url)
}

pub(crate) async fn status(service: &Service, event: &str) -> Answer {
    service.get(&format!("/api/distribution/{event}/status")).await
}

/// A service of its own database, which must come to know of an event through
/// Redis alone.
async fn service() -> Service {
    Service::start_as(with_redis(&shared_url())).await
}

#[tokio::test]
async fn the_given_key_holds_the_given_value_for_an_hour_when_the_answer_comes() {
    let (service, event) = (service().await, new_event());
    let answer = service.distribute(&all_six(&event)).await.success(200);
    let mut redis = connect(&shared_url()).await;
    let key = format!("distribution:{event}");
    let text: String = redis.get(&key).await.unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        value,
        json!({ "status": answer["status"], "results": answer["results"] })
    );
    let begin = r#"{"status":"COMPLETED","results":[{"channel":"WooridongneTV","status":"SUCCESS","mode":"mock","#;
    assert!(text.starts_with(begin), "{text}");
    let left: i64 = redis.ttl(&key).await.unwrap();
    assert!((3_590..=3_600).contains(&left), "{left}");
    service.stop().await;
}

#[tokio::test]
async fn what_one_service_put_another_answers_in_any_language() {
    let (first, second, event) = (service().await, service().await, new_event());
    let mut body = bare(&event, &["Instagram", "GenieTV"]);
    body["onInvalid"] = json!("skip");
    body["contentUrls"] = json!({ "imageUrl": "https://cdn.example.com/a.jpg" });
    body["channelOptions"] = json!({ "GenieTV": { "budget": -1 } });
    let answer = first.distribute(&body).await.success(200);
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED", "{answer}");
    for language in ["en", "ko"] {
        let asked = async |service: &Service| {
            let path = format!("/api/distribution/{event}/status");
            let answer = service.ask("GET", &path, &[("accept-language", language)], b"").await;
            assert_eq!(answer.header("x-cache"), "hit", "{language}");
            answer.success(200)
        };
        let status = asked(&second).await;
        assert_eq!(status, asked(&first).await);
        let id = answer["distributionId"].as_str().unwrap();
        let stored = first
            .ask(
                "GET",
                &format!("/api/distributions/{id}"),
                &[("accept-language", language)],
                b"",
            )
            .await
            .success(200);
        assert_eq!(status["results"], stored["results"], "as the database has it");
        assert!(stored["results"][1]["message"].is_string(), "{stored}");
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn what_is_deleted_in_redis_is_missed_once() {
    let (service, event) = (service().await, new_event());
    let put = service.distribute(&bare(&event, &["Instagram"])).await.success(200);
    assert_eq!(status(&service, &event).await.header("x-cache"), "hit");
    let mut redis = connect(&shared_url()).await;
    let key = format!("distribution:{event}");
    let keys = [key.clone(), format!("fanfare:status:{{{key}}}")];
    assert_eq!(redis.del::<_, u32>(&keys[..]).await.unwrap(), 2);
    for cache in ["miss", "hit"] {
        let answer = status(&service, &event).await;
        assert_eq!(answer.header("x-cache"), cache);
        assert_eq!(answer.success(200)["results"], put["results"]);
    }
    assert!(
        redis.exists::<_, bool>(&key).await.unwrap(),
        "the given key is back too"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_repeat_replaces_what_is_cached() {
    let (service, event) = (service().await, new_event());
    let body = bare(&event, &["Instagram"]);
    let first = service.distribute(&body).await.success(200);
    let again = with(body, "allowRepeat", json!(true));
    let again = with(again, "channels", json!(["Instagram", "NaverBlog"]));
    let second = service.distribute(&again).await.success(200);
    let answer = status(&service, &event).await;
    assert_eq!(answer.header("x-cache"), "hit");
    let shown = answer.success(200);
    assert_eq!(shown["distributionId"], second["distributionId"]);
    assert_eq!(shown["distributions"], json!([first["distributionId"]]));
    let mut redis = connect(&shared_url()).await;
    let text: String = redis.get(format!("distribution:{event}")).await.unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["results"], second["results"]);
    service.stop().await;
}

#[tokio::test]
async fn no_number_of_a_recipient_is_in_redis() {
    let (service, event) = (service().await, new_event());
    let mut body = all_six(&event);
    body["channelOptions"] = json!({ "RingoBiz": { "phoneNumber": "010-9876-5432" } });
    service.distribute(&body).await.success(200);
    let mut redis = connect(&shared_url()).await;
    let key = format!("distribution:{event}");
    for key in [key.clone(), format!("fanfare:status:{{{key}}}")] {
        let text: String = redis.get(&key).await.unwrap();
        for number in ["9876", "5432"] {
            assert!(
                !text.contains(&format!("{number}-")) && !text.contains(&format!("-{number}")),
                "{key}"
            );
        }
        assert!(!text.contains("98765432") && !text.contains("phoneNumber"), "{key}");
    }
    service.stop().await;
}
