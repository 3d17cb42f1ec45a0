//! An event that is announced more than once: on other channels, and again.

use serde_json::json;

use crate::support::Service;
use crate::{bare, with};

#[tokio::test]
async fn an_event_may_hold_other_channels_later_and_its_status_is_the_newest() {
    let service = Service::start().await;
    let first = service.distribute(&bare("evt-1", &["Instagram"])).await.success(200);
    let second = service.distribute(&bare("evt-1", &["NaverBlog"])).await.success(200);
    for cache in ["hit", "hit"] {
        let status = service.get("/api/distribution/evt-1/status").await;
        assert_eq!(status.header("x-cache"), cache);
        let status = status.success(200);
        assert_eq!(status["distributionId"], second["distributionId"]);
        assert_eq!(status["distributions"], json!([first["distributionId"]]));
        assert_eq!(status["results"], second["results"]);
    }
    // Each body is still answered with its own distribution.
    let again = service.distribute(&bare("evt-1", &["Instagram"])).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.success(200), first);
    service.stop().await;
}

#[tokio::test]
async fn a_repeat_that_is_allowed_takes_the_claim_over() {
    let service = Service::start().await;
    let body = bare("evt-1", &["Instagram", "KakaoChannel"]);
    let first = service.distribute(&body).await.success(200);
    let other = with(
        bare("evt-1", &["Instagram"]),
        "content",
        json!({ "title": "다시 한 번" }),
    );
    let refused = service.distribute(&other).await.problem(409, "already_distributed");
    assert_eq!(refused["distributionId"], first["distributionId"]);
    let repeated = service
        .distribute(&with(other.clone(), "allowRepeat", json!(true)))
        .await
        .success(200);
    assert_ne!(repeated["distributionId"], first["distributionId"]);
    let again = service
        .distribute(&with(other.clone(), "allowRepeat", json!(true)))
        .await;
    assert_eq!(
        again.header("idempotent-replayed"),
        "true",
        "the same body is a repeat of the repeat"
    );
    assert_eq!(again.success(200), repeated);
    // Instagram is the newer one's now, KakaoChannel still the first one's.
    let holders = service
        .distribute(&with(body, "content", json!({ "title": "셋" })))
        .await
        .problem(409, "already_distributed");
    let of = |channel: &str| {
        let existing = holders["existing"]
            .as_array()
            .unwrap()
            .iter()
            .find(|held| held["channel"] == channel);
        existing.unwrap()["distributionId"].clone()
    };
    assert_eq!(of("Instagram"), repeated["distributionId"]);
    assert_eq!(of("KakaoChannel"), first["distributionId"]);
    let events = service.get("/api/events?after=0").await.success(200);
    assert_eq!(
        events["events"].as_array().unwrap().len(),
        2,
        "each is published under its own id"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_channel_that_failed_holds_nothing() {
    let service = Service::start().await;
    let skip = with(bare("evt-1", &["RingoBiz", "Instagram"]), "onInvalid", json!("skip"));
    service.distribute(&skip).await.success(200);
    let mut mended = bare("evt-1", &["RingoBiz"]);
    mended["contentUrls"]["audioUrl"] = json!("https://cdn.example.com/a.mp3");
    assert_eq!(service.distribute(&mended).await.success(200)["status"], "COMPLETED");
    service.stop().await;
}
