//! Taking down what is live: it is gone at the channel, that is said and published,
//! and the event may be announced there anew; and who may not, and what can't.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fanfare::config::AuthRequired;
use fanfare_core::api_key::Scope;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bare;
use crate::live::{goes_wrong, in_review, live, once, request, result, simulator};
use crate::program::{Program, free_address};
use crate::support::{DISTRIBUTE, PATIENCE, Service, ask_elsewhere};

const TV: &str = "WooridongneTV";

fn withdraw_of(answer: &Value, channel: &str) -> String {
    format!(
        "/api/distributions/{}/channels/{channel}/withdraw",
        answer["distributionId"].as_str().unwrap()
    )
}

/// What of a channel can be seen now.
fn seen(simulator: &RunningSimulator, channel: &str) -> usize {
    let effects = simulator.effects();
    let there = |effect: &&fanfare_simulator::Effect| effect.channel == channel && effect.withdrawn_at.is_none();
    effects.iter().filter(there).count()
}

fn only_tv(simulator: &RunningSimulator, event: &str) -> Value {
    let mut body = request(simulator, event);
    body["channels"] = json!([TV]);
    body["channelOptions"] = json!({"WooridongneTV": {"regions": ["1114000000"], "budget": 50_000}});
    body
}

/// As it stands once `done` says so.
async fn once_so(base: &str, id: &str, done: impl Fn(&Value) -> bool) -> Value {
    let url = format!("{base}/api/distributions/{id}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stands = ask_elsewhere("GET", &url, b"").await.json();
        if done(&stands) {
            return stands;
        }
        assert!(Instant::now() < deadline, "{stands}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_live_is_taken_down_said_published_and_may_be_announced_anew() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    let booking = result(&answer, TV)["distributionId"].clone();
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1);
    let reason = json!({"reason": "가격이 틀렸습니다"});
    let path = withdraw_of(&answer, TV);
    let withdrawn = service.post(&path, &reason).await.success(200);
    assert_eq!(withdrawn["withdrawal"]["effect"], "withdrawn", "{withdrawn}");
    assert_eq!(withdrawn["status"], "PARTIALLY_COMPLETED");
    let tv = result(&withdrawn, TV);
    assert_eq!((&tv["status"], &tv["code"]), (&json!("CANCELLED"), &json!("withdrawn")));
    assert_eq!(
        (&tv["distributionId"], &tv["channelState"]),
        (&booking, &json!("accepted")),
        "it was live, as this"
    );
    assert_eq!(result(&withdrawn, "Instagram")["status"], "SUCCESS");
    assert_eq!(
        (seen(&simulator, "wooridongne-tv"), seen(&simulator, "instagram")),
        (0, 1)
    );
    let page = ask_elsewhere("GET", simulator.base_url(), b"").await;
    assert!(String::from_utf8_lossy(&page.body).contains("Withdrawn"));
    // Who and why, and the attempt.
    let history = service
        .get(&path.replace(&format!("channels/{TV}/withdraw"), "history"))
        .await;
    let history = history.success(200)["history"].clone();
    let asked = history
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["reason"] == reason["reason"]);
    assert_eq!(asked.unwrap()["actor"], "person");
    let attempts = service
        .get(&path.replace(&format!("channels/{TV}/withdraw"), "attempts"))
        .await;
    let attempts = attempts.success(200)["attempts"].clone();
    let of_tv: Vec<_> = attempts
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["channel"] == TV)
        .collect();
    let runs: Vec<_> = of_tv.iter().map(|one| (&one["generation"], &one["attempt"])).collect();
    assert_eq!(runs, [(&json!(1), &json!(1)), (&json!(2), &json!(1))], "{attempts}");
    // A version of its own.
    let events = service.get("/api/events?after=0").await.success(200);
    let versions: Vec<_> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["data"]["version"].clone())
        .collect();
    assert_eq!(versions, [json!(1), json!(2)], "{events}");
    // Asked again, nothing is done again.
    let again = service.post(&path, &json!({})).await.success(200);
    assert_eq!(again["withdrawal"]["effect"], "withdrawn");
    let status = service.get("/api/distribution/evt-1/status").await.success(200);
    assert_eq!(result(&status, TV)["code"], "withdrawn", "{status}");
    // The event is free there.
    let anew = service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    assert_ne!(anew["distributionId"], answer["distributionId"]);
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1);
    service.stop().await;
}

/// A redrive sends it again, too; unless another request holds the channel now.
#[tokio::test]
async fn what_was_taken_down_may_be_retried() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    let path = withdraw_of(&answer, TV);
    service.post(&path, &json!({})).await.success(200);
    let retry = path.replace(&format!("channels/{TV}/withdraw"), "retry");
    let retried = service.post(&retry, &json!({})).await.success(200);
    assert_eq!(result(&retried, TV)["status"], "SUCCESS", "{retried}");
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1);
    let withdrawn = service.post(&path, &json!({})).await.success(200);
    assert_eq!(result(&withdrawn, TV)["code"], "withdrawn");
    // What was live before is not shown as what this comes to.
    let refused = json!({"kind": "answer", "status": 422, "body": {"title": "no"}});
    goes_wrong(&simulator, &once("wooridongne-tv", "create", &refused)).await;
    let refused = service.post(&retry, &json!({})).await.success(200);
    let shown = result(&refused, TV);
    assert_eq!(
        (&shown["status"], &shown["channelState"], &shown["distributionId"]),
        (&json!("FAILED"), &Value::Null, &Value::Null),
        "{shown}"
    );
    service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    service
        .post(&retry, &json!({}))
        .await
        .problem(409, "already_distributed");
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1);
    service.stop().await;
}

/// Whatever becomes of the first call, it is made again until the channel says so.
#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let simulator = simulator().await;
    for (event, fault) in [
        ("evt-before", json!({"kind": "drop-before"})),
        ("evt-after", json!({"kind": "drop-after"})),
        ("evt-500", json!({"kind": "answer", "status": 500, "perform": true})),
        ("evt-html", json!({"kind": "garbage", "what": "html"})),
        ("evt-hang", json!({"kind": "hang", "perform": true})),
        ("evt-busy", json!({"kind": "throttle", "minutes": 0})),
    ] {
        // Of one, retries are held back that are too many.
        let service = Service::start_as(live(simulator.base_url())).await;
        let answer = service.distribute(&only_tv(&simulator, event)).await.success(200);
        goes_wrong(&simulator, &once("wooridongne-tv", "withdraw", &fault)).await;
        let withdrawn = service.post(&withdraw_of(&answer, TV), &json!({})).await.success(200);
        assert_eq!(result(&withdrawn, TV)["code"], "withdrawn", "{event}: {withdrawn}");
        assert_eq!(seen(&simulator, "wooridongne-tv"), 0, "{event}");
        service.stop().await;
    }
}

#[tokio::test]
async fn what_the_channel_refuses_stays_live_and_says_what_to_do() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    let path = withdraw_of(&answer, TV);
    for status in [401, 403, 404, 405, 409] {
        let refusal = json!({"kind": "answer", "status": status, "body": {"error": "no"}});
        goes_wrong(&simulator, &once("wooridongne-tv", "withdraw", &refusal)).await;
        let refused = service
            .post_with(&path, &[("accept-language", "ko")], &json!({}))
            .await
            .success(200);
        let withdrawal = &refused["withdrawal"];
        assert_eq!(withdrawal["effect"], "stays_live", "{status}: {refused}");
        let message = withdrawal["message"].as_str().unwrap();
        assert!(
            message.contains("아직 게시되어 있습니다") && message.contains("직접 삭제"),
            "{message}"
        );
        let tv = result(&refused, TV);
        assert_eq!(
            (&tv["status"], &tv["code"]),
            (&json!("SUCCESS"), &json!("withdrawal_failed"))
        );
        assert!(tv["distributionId"].is_string());
        assert_eq!(refused["successChannels"], json!([TV]));
    }
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1);
    service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1, "it holds its claim");
    let withdrawn = service.post(&path, &json!({})).await.success(200);
    assert_eq!(withdrawn["withdrawal"]["effect"], "withdrawn", "it may be asked again");
    service.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_breaker_or_a_stop_is_told_at_once() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    let path = withdraw_of(&answer, TV);
    let stop = json!({"scope": "all", "action": "stop", "reason": "wrong"});
    service.post("/api/stop", &stop).await.success(200);
    let empty = json!({});
    let asked = service.post(&path, &empty);
    let asked = tokio::time::timeout(PATIENCE / 2, asked)
        .await
        .expect("it waits")
        .success(202);
    assert_eq!(asked["withdrawal"]["effect"], "under_way", "{asked}");
    assert_eq!(seen(&simulator, "wooridongne-tv"), 1);
    service.stop().await;
}

/// Nobody waits longer than they want; it goes on by itself, a restart between.
#[tokio::test]
async fn who_does_not_wait_is_told_that_it_goes_on() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&only_tv(&simulator, "evt-1")).await.success(200);
    let busy = json!({"kind": "answer", "status": 429, "headers": {"retry-after": "1"}});
    goes_wrong(
        &simulator,
        &json!([{"channel": "wooridongne-tv", "step": "withdraw", "fault": busy}]),
    )
    .await;
    let path = withdraw_of(&answer, TV);
    let asked = service.post_with(&path, &[("prefer", "wait=0")], &json!({})).await;
    assert!(asked.header("location").starts_with("/api/distributions/"));
    let asked = asked.success(202);
    assert_eq!(asked["withdrawal"]["effect"], "under_way", "{asked}");
    assert_eq!(
        (&asked["status"], &result(&asked, TV)["code"]),
        (&json!("COMPLETED"), &json!("withdraw_requested"))
    );
    service
        .post_with(&path, &[("prefer", "wait=0")], &json!({}))
        .await
        .success(202);
    goes_wrong(&simulator, &json!([])).await;
    let service = service.restart_as(live(simulator.base_url())).await;
    let base = format!("http://{}", service.address);
    let id = answer["distributionId"].as_str().unwrap();
    once_so(&base, id, |stands| result(stands, TV)["code"] == "withdrawn").await;
    assert_eq!(seen(&simulator, "wooridongne-tv"), 0);
    service.stop().await;
}

#[tokio::test]
async fn what_can_t_be_taken_down_is_refused_with_what_to_do() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    let instagram = service.post(&withdraw_of(&answer, "Instagram"), &json!({})).await;
    let refused = instagram.problem(409, "withdrawal_unsupported");
    assert!(refused["detail"].as_str().unwrap().contains("Instagram"), "{refused}");
    assert_eq!(seen(&simulator, "instagram"), 1);
    let path = withdraw_of(&answer, TV);
    for (path, body, status, code) in [
        (path.clone(), json!({"why": "x"}), 422, "validation_failed"),
        (path.clone(), json!({"reason": " "}), 422, "validation_failed"),
        (path.replace(TV, "GenieTV"), json!({}), 404, "channel_not_found"),
        (path.replace(TV, "wooridongne"), json!({}), 404, "channel_not_found"),
        (
            path.replace("/api/distributions/", "/api/distributions/x"),
            json!({}),
            404,
            "distribution_not_found",
        ),
    ] {
        service.post(&path, &body).await.problem(status, code);
    }
    // Nothing is live yet, or may be.
    let refused = json!({"kind": "answer", "status": 422, "body": {}});
    goes_wrong(&simulator, &once("wooridongne-tv", "create", &refused)).await;
    let failed = service.distribute(&only_tv(&simulator, "evt-2")).await.success(200);
    service
        .post(&withdraw_of(&failed, TV), &json!({}))
        .await
        .problem(409, "nothing_live");
    let hangs = json!([{"channel": "wooridongne-tv", "step": "create", "fault": {"kind": "hang"}}]);
    goes_wrong(&simulator, &hangs).await;
    let body = only_tv(&simulator, "evt-4");
    let moving = service
        .post_with(DISTRIBUTE, &[("prefer", "respond-async")], &body)
        .await
        .success(202);
    service
        .post(&withdraw_of(&moving, TV), &json!({}))
        .await
        .problem(409, "still_moving");
    service.stop().await;
}

#[tokio::test]
async fn what_is_in_review_is_resolved_first() {
    let simulator = simulator().await;
    let (service, path) = in_review(&simulator).await;
    let withdraw = format!("{path}/channels/Instagram/withdraw");
    let refused = service.post(&withdraw, &json!({})).await.problem(409, "nothing_live");
    assert!(refused["detail"].as_str().unwrap().contains("resolve"), "{refused}");
    service.stop().await;
}

#[tokio::test]
async fn a_mock_is_withdrawn_at_once() {
    let service = Service::start().await;
    let answer = service.distribute(&bare("evt-1", &["KakaoChannel"])).await.success(200);
    let withdrawn = service
        .post(&withdraw_of(&answer, "KakaoChannel"), &json!({}))
        .await
        .success(200);
    assert_eq!(withdrawn["status"], "CANCELLED", "{withdrawn}");
    assert_eq!(result(&withdrawn, "KakaoChannel")["code"], "withdrawn");
    service.stop().await;
}

#[tokio::test]
async fn another_tenant_sees_none_and_a_key_needs_the_scope() {
    let service = Service::start_as(|config| config.auth.required = AuthRequired::Always).await;
    let mine = service.key("mine", &Scope::ALL).await;
    let other = service.key("other", &Scope::ALL).await;
    let reader = service.key("mine", &[Scope::Read, Scope::Distribute]).await;
    let body = bare("evt-1", &["Instagram"]);
    let answer = service
        .post_with(DISTRIBUTE, &[mine.header()], &body)
        .await
        .success(200);
    let path = withdraw_of(&answer, "Instagram");
    let (none, here) = (other.header(), mine.header());
    service
        .post_with(&path, &[none], &json!({}))
        .await
        .problem(404, "distribution_not_found");
    service
        .post_with(&path, &[reader.header()], &json!({}))
        .await
        .problem(403, "insufficient_scope");
    service.post_with(&path, &[here], &json!({})).await.success(200);
    let history = path.replace("channels/Instagram/withdraw", "history");
    let history = service.ask("GET", &history, &[here], b"").await.success(200);
    let named = history["history"].as_array().unwrap().iter().any(|entry| {
        entry["transitions"][0]["code"] == "withdraw_requested" && entry["actor"].as_str().unwrap().contains("ff_")
    });
    assert!(named, "{history}");
    service.stop().await;
}

async fn program(address: SocketAddr, data: &Path, simulator: &RunningSimulator) -> Program {
    let base_url = format!("{}/wooridongne-tv", simulator.base_url());
    let pictures = format!("[\"{}\"]", simulator.address);
    let variables = [
        ("FANFARE_CHANNELS__WOORIDONGNE_TV__MODE", "live"),
        ("FANFARE_CHANNELS__WOORIDONGNE_TV__BASE_URL", &*base_url),
        ("FANFARE_CHANNELS__WOORIDONGNE_TV__ACCESS_TOKEN", "canary-token"),
        ("FANFARE_MEDIA__ALLOW_HOSTS", &*pictures),
    ];
    Program::start(address, data, &variables).await
}

/// Killed between the intent and the answer, whether the channel did it or not.
#[tokio::test]
async fn a_kill_in_the_midst_is_made_good() {
    for performed in [false, true] {
        let simulator = simulator().await;
        let data = tempfile::TempDir::new().unwrap();
        let address = free_address();
        let base = format!("http://{address}");
        let service = program(address, data.path(), &simulator).await;
        let body = only_tv(&simulator, "evt-1").to_string();
        let answer = ask_elsewhere("POST", &format!("{base}{DISTRIBUTE}"), body.as_bytes()).await;
        let answer = answer.success(200);
        let hangs = json!({"kind": "hang", "perform": performed});
        goes_wrong(&simulator, &once("wooridongne-tv", "withdraw", &hangs)).await;
        let url = format!("{base}{}", withdraw_of(&answer, TV));
        let asking = tokio::spawn(async move { ask_elsewhere("POST", &url, b"{}").await });
        let deadline = Instant::now() + PATIENCE;
        while simulator.faults_met() == 0 {
            assert!(Instant::now() < deadline, "it was never called");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(service);
        asking.abort();
        let service = program(address, data.path(), &simulator).await;
        let id = answer["distributionId"].as_str().unwrap();
        let stands = once_so(&base, id, |stands| result(stands, TV)["code"] == "withdrawn").await;
        assert_eq!(stands["status"], "CANCELLED", "{stands}");
        assert_eq!(seen(&simulator, "wooridongne-tv"), 0);
        let events = ask_elsewhere("GET", &format!("{base}/api/events?after=0"), b"")
            .await
            .json();
        assert_eq!(events["events"].as_array().unwrap().len(), 2, "{events}");
        drop(service);
    }
}
