//! What the contract gives, field by field.

use serde_json::{Value, json};

use crate::support::{DISTRIBUTE, Service};
use crate::{all_six, bare, with};

#[tokio::test]
async fn the_bare_request_succeeds_on_all_six_without_configuration() {
    let service = Service::start().await;
    let answer = service.distribute(&all_six("evt-1")).await.success(200);
    assert_eq!(answer["eventId"], "evt-1");
    assert_eq!(answer["status"], "COMPLETED");
    assert_eq!(answer["successChannels"], all_six("")["channels"]);
    assert_eq!(answer["failedChannels"], json!([]));
    assert_eq!(answer["openChannels"], json!([]));
    assert!(answer["distributionId"].as_str().unwrap().len() == 36);
    assert_eq!(answer.as_object().unwrap().len(), 7, "{answer}");
    for (result, fields) in answer["results"].as_array().unwrap().iter().zip([
        &["distributionId", "estimatedViews"][..],
        &["updateTimestamp"],
        &["adId", "impressionSchedule"],
        &["postUrl", "postId"],
        &["postUrl"],
        &["messageId"],
    ]) {
        assert_eq!(result["status"], "SUCCESS", "{result}");
        assert_eq!(result["mode"], "mock", "{result}");
        assert!(result["channelState"].is_string(), "{result}");
        for field in fields {
            assert!(!result[field].is_null(), "{field} of {result}");
        }
        assert_eq!(result.as_object().unwrap().len(), 4 + fields.len(), "{result}");
    }
    assert_eq!(answer["results"][0]["estimatedViews"], 1_000);
    service.stop().await;
}

#[tokio::test]
async fn results_keep_the_order_of_the_request_and_only_chosen_channels_run() {
    let service = Service::start().await;
    let channels = ["KakaoChannel", "WooridongneTV", "Instagram"];
    let answer = service.distribute(&bare("evt-1", &channels)).await.success(200);
    let results = answer["results"].as_array().unwrap().iter();
    let order: Vec<_> = results.map(|result| result["channel"].as_str().unwrap()).collect();
    assert_eq!(order, channels);
    service.stop().await;
}

#[tokio::test]
async fn an_integer_event_is_taken_as_text_and_null_as_absent() {
    let service = Service::start().await;
    let body = with(bare("", &["Instagram"]), "eventId", json!(42));
    let body = with(body, "scheduledAt", Value::Null);
    let answer = service
        .distribute(&with(body, "content", Value::Null))
        .await
        .success(200);
    assert_eq!(answer["eventId"], "42");
    let status = service.get("/api/distribution/42/status").await.success(200);
    assert_eq!(status["distributionId"], answer["distributionId"]);
    service.stop().await;
}

#[tokio::test]
async fn content_urls_may_be_an_array() {
    let service = Service::start().await;
    let urls = json!(["https://cdn.example.com/a.mp3", "https://cdn.example.com/a.jpg"]);
    let answer = service.distribute(&with(all_six("evt-1"), "contentUrls", urls)).await;
    assert_eq!(answer.success(200)["status"], "COMPLETED");
    service.stop().await;
}

#[tokio::test]
async fn a_channel_that_cannot_be_served_is_skipped_where_that_is_asked_for() {
    let service = Service::start().await;
    let body = with(bare("evt-1", &["RingoBiz", "Instagram"]), "onInvalid", json!("skip"));
    let answer = service.distribute(&body).await.success(200);
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED");
    assert_eq!(answer["successChannels"], json!(["Instagram"]));
    assert_eq!(answer["failedChannels"], json!(["RingoBiz"]));
    let failed = &answer["results"][0];
    assert_eq!(failed["status"], "FAILED");
    assert_eq!(failed["code"], "validation_failed");
    assert!(
        failed["message"].as_str().unwrap().contains("/contentUrls/audioUrl"),
        "{failed}"
    );

    let none = with(bare("evt-2", &["RingoBiz"]), "onInvalid", json!("skip"));
    let faults = service.distribute(&none).await.faults();
    assert_eq!(faults, [("/contentUrls/audioUrl".to_owned(), "required".to_owned())]);
    service.stop().await;
}

#[tokio::test]
async fn messages_are_korean_or_english_as_asked() {
    let service = Service::start().await;
    let body = with(bare("evt-1", &["RingoBiz", "Instagram"]), "onInvalid", json!("skip"));
    let korean = [("accept-language", "ko-KR,ko;q=0.9,en;q=0.8")];
    let answer = service.post_with(DISTRIBUTE, &korean, &body).await;
    assert_eq!(answer.header("content-language"), "ko");
    let message = answer.success(200)["results"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("음원"), "{message}");

    let status = service.get("/api/distribution/evt-1/status").await;
    assert_eq!(status.header("content-language"), "en");
    assert!(
        !status.success(200)["results"][0]["message"]
            .as_str()
            .unwrap()
            .contains("음원")
    );

    let problem = service.post_with(DISTRIBUTE, &korean, &json!({})).await;
    assert_eq!(problem.header("content-language"), "ko");
    assert!(
        problem.problem(422, "validation_failed")["title"]
            .as_str()
            .unwrap()
            .contains("요청")
    );
    service.stop().await;
}

#[tokio::test]
async fn the_preview_shows_everything_and_sends_nothing() {
    let service = Service::start().await;
    let preview = |body: Value| {
        let service = &service;
        async move { service.post("/api/distribution/preview", &body).await }
    };
    let good = preview(bare("evt-1", &["Instagram", "GenieTV"])).await.success(200);
    assert_eq!(good["eventId"], "evt-1");
    assert_eq!(good["wouldBeAccepted"], true);
    for channel in good["channels"].as_array().unwrap() {
        assert_eq!(channel["wouldSend"], true, "{channel}");
        assert_eq!(channel["mode"], "mock");
        assert_eq!(channel["faults"], json!([]));
        assert!(channel["content"].is_object(), "{channel}");
        // A mock costs nothing, has no quota, and has no hours.
        assert!(channel["cost"].is_null() && channel["quota"].is_null());
        assert_eq!(
            (&channel["sendableFrom"], &channel["warnings"]),
            (&Value::Null, &json!([]))
        );
    }
    assert!(
        !good["channels"][1]["invented"].as_array().unwrap().is_empty(),
        "{good}"
    );

    let bad = preview(bare("evt-1", &["RingoBiz", "Instagram"])).await.success(200);
    assert_eq!(bad["wouldBeAccepted"], false);
    assert_eq!(bad["channels"][0]["faults"][0]["pointer"], "/contentUrls/audioUrl");
    assert_eq!(bad["channels"][1]["wouldSend"], false);

    let skipping = with(bare("evt-1", &["RingoBiz", "Instagram"]), "onInvalid", json!("skip"));
    let skipping = preview(skipping).await.success(200);
    assert_eq!(skipping["channels"][0]["wouldSend"], false);
    assert_eq!(skipping["channels"][1]["wouldSend"], true);

    preview(json!({"eventId": "evt-1"}))
        .await
        .problem(422, "validation_failed");
    service
        .get("/api/distribution/evt-1/status")
        .await
        .problem(404, "event_not_found");
    service.stop().await;
}

#[tokio::test]
async fn the_preview_knows_who_holds_a_channel() {
    let service = Service::start().await;
    let body = bare("evt-1", &["Instagram", "NaverBlog"]);
    let first = service.distribute(&body).await.success(200)["distributionId"].clone();
    let preview = |body: Value| {
        let service = &service;
        async move { service.post("/api/distribution/preview", &body).await.success(200) }
    };
    let same = preview(body).await;
    assert_eq!(
        (&same["wouldBeAccepted"], &same["replayOf"]),
        (&json!(true), &first),
        "{same}"
    );
    assert_eq!(same["channels"][0]["wouldSend"], false, "a repeat sends nothing");

    let other = bare("evt-1", &["KakaoChannel", "Instagram"]);
    let held = preview(other.clone()).await;
    assert_eq!(held["wouldBeAccepted"], false);
    assert!(
        held["replayOf"].is_null() && held["channels"][0]["heldBy"].is_null(),
        "{held}"
    );
    assert_eq!(held["channels"][1]["heldBy"], first);
    assert_eq!(held["channels"][0]["wouldSend"], false);
    service.distribute(&other).await.problem(409, "already_distributed");

    let repeat = with(other, "allowRepeat", json!(true));
    let taken = preview(repeat.clone()).await;
    assert_eq!(
        (&taken["wouldBeAccepted"], &taken["channels"][1]["wouldSend"]),
        (&json!(true), &json!(true))
    );
    assert!(taken["channels"][1]["heldBy"].is_null(), "{taken}");
    let second = service.distribute(&repeat).await.success(200)["distributionId"].clone();
    assert_eq!(preview(repeat).await["replayOf"], second);

    let elsewhere = preview(bare("evt-1", &["GenieTV"])).await;
    assert_eq!(elsewhere["wouldBeAccepted"], true);
    service.stop().await;
}
