//! Stopping all sending, or one tenant's: nothing begins, what is under way ends,
//! requests are accepted, and it all goes on when it may.

use std::time::Duration;

use fanfare::config::AuthRequired;
use fanfare_core::api_key::Scope;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::live::{effects, goes_wrong, live, request, result, simulator};
use crate::support::{Answer, DISTRIBUTE, Key, PATIENCE, Service};
use crate::{all_six, bare};

const STOP: &str = "/api/stop";

fn everything(action: &str) -> Value {
    json!({"scope": "all", "action": action, "reason": "점검"})
}

/// As it stands once it has that status.
async fn comes_to(service: &Service, answer: &Value, status: &str) -> Value {
    let path = format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stands = service.get(&path).await.success(200);
        if stands["status"] == status {
            return stands;
        }
        assert!(Instant::now() < deadline, "{stands}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_stopped_waits_over_a_restart_and_goes_on() {
    let service = Service::start().await;
    assert_eq!(service.get(STOP).await.success(200), json!({"stopped": []}));
    let order = service.post(STOP, &everything("stop")).await.success(200);
    assert_eq!(
        (&order["scope"], &order["action"], &order["reason"]),
        (&json!("all"), &json!("stop"), &json!("점검"))
    );
    let mut accepted = Vec::new();
    for event in ["evt-1", "evt-2"] {
        let answer = service.distribute(&all_six(event)).await.success(202);
        assert_eq!(answer["status"], "PENDING", "{answer}");
        for held in answer["results"].as_array().unwrap() {
            assert_eq!(
                (&held["status"], &held["code"], &held["whoActs"]),
                (&json!("WAITING"), &json!("sending_stopped"), &json!("operator"))
            );
        }
        accepted.push(answer);
    }
    let service = service.restart_as(|_| {}).await;
    let late = service.distribute(&bare("evt-3", &["Instagram"])).await.success(202);
    assert_eq!(late["results"][0]["code"], "sending_stopped");
    let stopped = service.get(STOP).await.success(200);
    assert_eq!(stopped["stopped"], json!([order]));
    let metrics = service.get("/metrics").await;
    let gauge = "fanfare_sending_stopped{scope=\"all\"} 1";
    assert!(String::from_utf8_lossy(&metrics.body).contains(gauge));

    service.post(STOP, &everything("resume")).await.success(200);
    for answer in accepted.iter().chain([&late]) {
        let stands = comes_to(&service, answer, "COMPLETED").await;
        let path = format!(
            "/api/distributions/{}/attempts",
            answer["distributionId"].as_str().unwrap()
        );
        let attempts = service.get(&path).await.success(200);
        assert_eq!(
            attempts["attempts"].as_array().unwrap().len(),
            stands["results"].as_array().unwrap().len(),
            "no attempt was spent: {attempts}"
        );
    }
    assert_eq!(service.get(STOP).await.success(200), json!({"stopped": []}));
    service.stop().await;
}

#[tokio::test]
async fn what_is_under_way_ends() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let slow = json!([{"channel": "instagram", "step": "publish", "fault": {"kind": "delay", "millis": 400}}]);
    goes_wrong(&simulator, &slow).await;
    let prefer = [("prefer", "wait=0")];
    let accepted = service
        .post_with(DISTRIBUTE, &prefer, &request(&simulator, "evt-1"))
        .await;
    let accepted = accepted.success(202);
    service.post(STOP, &everything("stop")).await.success(200);
    comes_to(&service, &accepted, "COMPLETED").await;
    let held = service.distribute(&request(&simulator, "evt-2")).await.success(202);
    assert_eq!(result(&held, "Instagram")["code"], "sending_stopped");
    // What is stopped can be called off.
    let cancel = format!("/api/distributions/{}/cancel", held["distributionId"].as_str().unwrap());
    let cancelled = service.post(&cancel, &json!({})).await.success(200);
    assert_eq!(cancelled["status"], "CANCELLED");
    service.post(STOP, &everything("resume")).await.success(200);
    assert_eq!(effects(&simulator, "instagram"), 1);
    service.stop().await;
}

async fn post(service: &Service, path: &str, key: &Key, body: &Value) -> Answer {
    service.post_with(path, &[key.header()], body).await
}

#[tokio::test]
async fn a_tenant_stops_its_own_sending_and_no_others() {
    let service = Service::start_as(|config| config.auth.required = AuthRequired::Always).await;
    let admin = service.key("default", &[Scope::Admin]).await;
    let operator = service.key("default", &[Scope::Operate]).await;
    let cafe = service
        .key("cafe", &[Scope::Operate, Scope::Distribute, Scope::Read])
        .await;
    let own = json!({"scope": "tenant", "reason": "공사"});
    let order = post(&service, STOP, &cafe, &own).await.success(200);
    assert_eq!((&order["scope"], &order["tenant"]), (&json!("tenant"), &json!("cafe")));
    assert!(order["actor"].as_str().unwrap().starts_with("test (ff_"), "{order}");
    let body = bare("evt-1", &["Instagram"]);
    let held = post(&service, DISTRIBUTE, &cafe, &body).await.success(202);
    assert_eq!(held["results"][0]["code"], "sending_stopped");
    let sent = post(&service, DISTRIBUTE, &admin, &body).await.success(200);
    assert_eq!(sent["status"], "COMPLETED");

    // What is not theirs changes nothing.
    let all = everything("stop");
    post(&service, STOP, &operator, &all)
        .await
        .problem(403, "insufficient_scope");
    let of_cafe = json!({"scope": "tenant", "tenant": "cafe", "action": "resume"});
    post(&service, STOP, &operator, &of_cafe)
        .await
        .problem(403, "insufficient_scope");
    post(&service, STOP, &cafe, &all)
        .await
        .problem(403, "insufficient_scope");
    let of_default = json!({"scope": "tenant", "tenant": "default", "reason": "x"});
    post(&service, STOP, &cafe, &of_default)
        .await
        .problem(403, "insufficient_scope");
    let faults = post(&service, STOP, &admin, &json!({"reason": "점검"})).await.faults();
    assert_eq!(faults, [("/scope".to_owned(), "required".to_owned())]);
    let seen = service.ask("GET", STOP, &[admin.header()], b"").await.success(200);
    assert_eq!(seen["stopped"], json!([order]));

    post(&service, STOP, &admin, &of_cafe).await.success(200);
    let status = "/api/distribution/evt-1/status";
    let deadline = Instant::now() + PATIENCE;
    while service.ask("GET", status, &[cafe.header()], b"").await.success(200)["status"] != "COMPLETED" {
        assert!(Instant::now() < deadline, "it does not go on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    service.stop().await;
}

async fn stopped(service: &Service, key: &Key) -> Value {
    service.ask("GET", STOP, &[key.header()], b"").await.success(200)["stopped"].take()
}

#[tokio::test]
async fn what_the_operator_stops_no_tenant_resumes_or_sees_the_key_of() {
    let service = Service::start_as(|config| config.auth.required = AuthRequired::Always).await;
    let admin = service.key("default", &[Scope::Admin]).await;
    let cafe = service.key("cafe", &[Scope::Admin]).await;
    let bakery = service.key("bakery", &[Scope::Operate, Scope::Read]).await;
    let of_cafe = |action: &str| json!({"scope": "tenant", "tenant": "cafe", "action": action, "reason": "점검"});
    let theirs = post(&service, STOP, &admin, &of_cafe("stop")).await.success(200);
    assert_eq!(theirs["ofService"], true, "{theirs}");
    // Neither at once, nor by a stop of their own that they resume.
    for action in ["resume", "stop", "resume"] {
        let own = post(&service, STOP, &cafe, &of_cafe(action)).await.success(200);
        assert_eq!(own["ofService"], false, "{own}");
    }
    let body = bare("evt-1", &["Instagram"]);
    let held = post(&service, DISTRIBUTE, &cafe, &body).await.success(202);
    assert_eq!(held["results"][0]["code"], "sending_stopped");
    let mut seen = theirs.clone();
    assert!(seen.as_object_mut().unwrap().remove("actor").is_some());
    assert_eq!(stopped(&service, &cafe).await, json!([seen]));
    assert_eq!(stopped(&service, &admin).await, json!([theirs]));
    assert_eq!(stopped(&service, &bakery).await, json!([]));
    post(&service, STOP, &admin, &everything("stop")).await.success(200);
    for tenant in [&cafe, &bakery] {
        let all = stopped(&service, tenant).await[0].take();
        assert_eq!((&all["scope"], &all["actor"]), (&json!("all"), &Value::Null));
    }
    // Who operates the service lets a tenant go on whoever stopped it.
    let own = post(&service, STOP, &cafe, &of_cafe("stop")).await.success(200);
    assert_eq!(stopped(&service, &cafe).await.as_array().unwrap().len(), 3);
    assert!(stopped(&service, &cafe).await.as_array().unwrap().contains(&own));
    for order in [everything("resume"), of_cafe("resume")] {
        post(&service, STOP, &admin, &order).await.success(200);
    }
    assert_eq!(stopped(&service, &admin).await, json!([]));
    service.stop().await;
}
