//! Circuit breakers: a channel that dies is left alone, and an operator's orders
//! are obeyed, kept and said.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bare;
use crate::live::{effects, goes_wrong, live, request, result, simulator};
use crate::support::{PATIENCE, Service};

const BREAKER: &str = "/api/channels/Instagram/breaker";

async fn breaker(service: &Service) -> Value {
    let answer = service.get("/api/channels").await.success(200);
    let channels = answer["channels"].as_array().unwrap();
    let channel = channels.iter().find(|channel| channel["name"] == "Instagram");
    channel.unwrap()["breaker"].clone()
}

/// The results of a distribution, once nothing of it waits.
async fn settled(service: &Service, id: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = service.get(&format!("/api/distributions/{id}")).await.success(200);
        if answer["status"] == "COMPLETED" || Instant::now() > deadline {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_channel_that_is_forced_open_waits_while_the_others_go_on() {
    let service = Service::start().await;
    assert_eq!(breaker(&service).await, json!({"state": "CLOSED"}));
    let order = json!({"action": "force_open", "reason": "점검"});
    let ordered = service.post(BREAKER, &order).await.success(200);
    assert_eq!(ordered["breaker"]["state"], "FORCED_OPEN", "{ordered}");
    assert_eq!(
        (&ordered["channel"], &ordered["action"], &ordered["reason"]),
        (&json!("Instagram"), &json!("force_open"), &json!("점검"))
    );
    assert_eq!(breaker(&service).await["state"], "FORCED_OPEN");

    let answer = service.distribute(&bare("evt-1", &["Instagram", "NaverBlog"])).await;
    let answer = answer.success(200);
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED", "{answer}");
    let held = &answer["results"][0];
    assert_eq!(
        (&held["status"], &held["code"], &held["whoActs"], &held["retryable"]),
        (
            &json!("WAITING"),
            &json!("breaker_open"),
            &json!("nobody"),
            &json!(true)
        )
    );
    assert!(held["retryAt"].is_string(), "{held}");

    service.post(BREAKER, &json!({"action": "close"})).await.success(200);
    let id = answer["distributionId"].as_str().unwrap();
    let settled = settled(&service, id).await;
    assert_eq!(settled["status"], "COMPLETED", "{settled}");
    assert_eq!(breaker(&service).await["state"], "CLOSED");
    service.stop().await;
}

#[tokio::test]
async fn an_order_holds_over_a_restart_until_another_one() {
    let service = Service::start().await;
    for action in ["disable", "force_open"] {
        service.post(BREAKER, &json!({"action": action})).await.success(200);
    }
    let service = service.restart_as(|_| {}).await;
    let answer = service.distribute(&bare("evt-1", &["Instagram"])).await.success(202);
    assert_eq!(answer["results"][0]["code"], "breaker_open", "{answer}");
    assert_eq!(breaker(&service).await["state"], "FORCED_OPEN");
    service.post(BREAKER, &json!({"action": "reset"})).await.success(200);
    let service = service.restart_as(|_| {}).await;
    assert_eq!(breaker(&service).await, json!({"state": "CLOSED"}));
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_ordered_is_said_and_changes_nothing() {
    let service = Service::start().await;
    let order = json!({"action": "force_open"});
    let unknown = service.post("/api/channels/instagram/breaker", &order).await;
    unknown.problem(404, "channel_not_found");
    for (body, pointer, code) in [
        (json!({}), "/action", "required"),
        (json!({"action": "open"}), "/action", "unknown_value"),
        (json!({"action": "close", "until": 1}), "/until", "unknown_field"),
    ] {
        let problem = service.post(BREAKER, &body).await.problem(422, "validation_failed");
        let fault = &problem["errors"][0];
        assert_eq!(
            (&fault["pointer"], &fault["code"]),
            (&json!(pointer), &json!(code)),
            "{body}"
        );
    }
    assert_eq!(breaker(&service).await, json!({"state": "CLOSED"}));
    service.stop().await;
}

/// The other channel succeeds meanwhile; nothing is lost, and nothing sent twice.
#[tokio::test]
async fn a_channel_that_dies_is_left_alone_until_it_is_back() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let dead = json!([{"channel": "instagram", "fault": {"kind": "answer", "status": 503}}]);
    goes_wrong(&simulator, &dead).await;
    let deadline = Instant::now() + PATIENCE;
    let mut number = 0;
    let prefer = [("prefer", "respond-async")];
    while breaker(&service).await["state"] != "OPEN" {
        assert!(Instant::now() < deadline, "it does not open");
        number += 1;
        let body = request(&simulator, &format!("evt-{number}"));
        service.post_with(crate::support::DISTRIBUTE, &prefer, &body).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let answer = service.distribute(&request(&simulator, "evt-held")).await.success(200);
    assert_eq!(result(&answer, "WooridongneTV")["status"], "SUCCESS", "{answer}");
    let held = result(&answer, "Instagram");
    assert_eq!(
        (&held["status"], &held["code"]),
        (&json!("WAITING"), &json!("breaker_open"))
    );
    assert_eq!(effects(&simulator, "instagram"), 0);

    goes_wrong(&simulator, &json!([])).await;
    service.post(BREAKER, &json!({"action": "close"})).await.success(200);
    let id = answer["distributionId"].as_str().unwrap();
    let settled = settled(&service, id).await;
    assert_eq!(result(&settled, "Instagram")["status"], "SUCCESS", "{settled}");
    let of_held = |effect: &&fanfare_simulator::Effect| {
        effect.channel == "instagram" && effect.content["caption"] == "여는 날 evt-held"
    };
    assert_eq!(simulator.effects().iter().filter(of_held).count(), 1);
    service.stop().await;
}

/// Whether the preview would send, and what it says that holds the channel back.
async fn previewed(service: &Service) -> (Value, Value) {
    let body = bare("evt-9", &["Instagram"]);
    let preview = service.post("/api/distribution/preview", &body).await.success(200);
    assert_eq!(preview["wouldBeAccepted"], true, "{preview}");
    let channel = &preview["channels"][0];
    (channel["wouldSend"].clone(), channel["problem"]["code"].clone())
}

#[tokio::test]
async fn the_preview_says_what_holds_a_channel_back() {
    let service = Service::start().await;
    assert_eq!(previewed(&service).await, (json!(true), Value::Null));
    service
        .post(BREAKER, &json!({"action": "force_open"}))
        .await
        .success(200);
    assert_eq!(previewed(&service).await, (json!(false), json!("breaker_open")));
    let stop = json!({"scope": "all", "reason": "점검"});
    service.post("/api/stop", &stop).await.success(200);
    assert_eq!(previewed(&service).await, (json!(false), json!("sending_stopped")));
    let resume = json!({"scope": "all", "action": "resume"});
    service.post("/api/stop", &resume).await.success(200);
    service.post(BREAKER, &json!({"action": "close"})).await.success(200);
    assert_eq!(previewed(&service).await, (json!(true), Value::Null));
    let unusable = |config: &mut fanfare::config::Config| {
        config.channels.instagram.mode = fanfare_core::channel::Mode::Live;
    };
    let service = service.restart_as(unusable).await;
    let mut body = bare("evt-9", &["Instagram"]);
    body["content"] = json!({"body": "여는 날"});
    let preview = service.post("/api/distribution/preview", &body).await.success(200);
    let channel = &preview["channels"][0];
    assert_eq!(
        (&channel["wouldSend"], &channel["problem"]["code"]),
        (&json!(false), &json!("channel_not_configured")),
        "{preview}"
    );
    service.stop().await;
}
