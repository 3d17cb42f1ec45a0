//! Accounts of tenants, handed over and replaced: what is taken, what is refused, and that
//! nothing is repeated on another account.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock, ManualClock, SystemClock};
use fanfare::config::Config;
use fanfare_channels::secret::Secret;
use fanfare_simulator::RunningSimulator;
use serde_json::json;

use crate::accounts::{SHARED, Tenant, accounts, instagram, path_of};
use crate::live::{goes_wrong, live, once, request, result, simulator};
use crate::support::{DISTRIBUTE, Key, PATIENCE, Service};

/// A new token is taken at any time; another account not while something is unfinished.
#[tokio::test]
async fn another_account_is_refused_while_something_is_unfinished() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config: &mut Config| {
        change(config);
        config.engine.max_look_ups = 2;
    })
    .await;
    let shop = Tenant::of(&service, "shop").await;
    let other = Tenant::of(&service, "other").await;
    shop.put("Instagram", &instagram("17841", "canary-first-token"))
        .await
        .success(200);
    let silent = json!([
        {"channel": "instagram", "step": "publish", "times": 1, "fault": {"kind": "drop-after"}},
        {"channel": "instagram", "step": "status", "fault": {"kind": "answer", "status": 500}},
    ]);
    let body = request(&simulator, "evt-1");
    goes_wrong(&simulator, &json!([silent[0]])).await;
    let headers = [shop.key.header(), ("prefer", "wait=0")];
    let accepted = service.post_with(DISTRIBUTE, &headers, &body).await.json();
    let published = async {
        while accounts(&simulator, "instagram", "evt-1").is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, published).await.unwrap();
    goes_wrong(&simulator, &json!([silent[1]])).await;
    let path = path_of(&accepted);
    let reviewed = async {
        while result(&shop.get(&path).await.json(), "Instagram")["status"] != "NEEDS_REVIEW" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reviewed)
        .await
        .expect("it never came to review");

    let replaced = shop.put("Instagram", &instagram("17842", "canary-second")).await;
    let problem = replaced.problem(409, "account_in_use");
    assert_eq!(
        problem["existing"][0]["distributionId"], accepted["distributionId"],
        "{problem}"
    );
    assert!(problem["detail"].as_str().unwrap().contains("resolve"), "{problem}");
    assert!(!problem.to_string().contains("canary"), "I16");
    shop.remove("Instagram").await.problem(409, "account_in_use");
    let shown = shop.get("/api/channels/Instagram/account").await.success(200);
    assert_eq!(shown["accountId"], "17841", "nothing was changed");
    // A new token is no other account; nor is another tenant's, or another channel, in the way.
    shop.put("Instagram", &instagram("17841", "canary-renewed-token"))
        .await
        .success(200);
    other
        .put("Instagram", &instagram("17842", "canary-other-token"))
        .await
        .success(200);
    shop.put("WooridongneTV", &json!({"accessToken": "canary-of-tv"}))
        .await
        .success(200);

    let resolve = format!("{path}/channels/Instagram/resolve");
    shop.post(&resolve, &json!({"live": true})).await.success(200);
    shop.put("Instagram", &instagram("17842", "canary-second"))
        .await
        .success(200);
    goes_wrong(&simulator, &json!([])).await;
    let answer = shop.post(DISTRIBUTE, &request(&simulator, "evt-2")).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(accounts(&simulator, "instagram", "evt-2"), ["17842"]);
    service.stop().await;
}

/// What is scheduled has not begun: it begins with the account that is there then.
#[tokio::test]
async fn what_only_waits_for_its_time_is_not_in_the_way() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let shop = Tenant::of(&service, "shop").await;
    let mut body = request(&simulator, "evt-1");
    body["scheduledAt"] = json!(tomorrow());
    shop.post(DISTRIBUTE, &body).await.success(202);
    shop.put("Instagram", &instagram("17841", "canary-first-token"))
        .await
        .success(200);
    shop.put("Instagram", &instagram("17842", "canary-second-token"))
        .await
        .success(200);
    service.stop().await;
}

fn tomorrow() -> String {
    (SystemClock::default().now() + jiff::SignedDuration::from_hours(24)).to_string()
}

/// The configuration names this account, and a doubt soon goes to a person.
fn configured_with(simulator: &RunningSimulator, account: &'static str) -> impl FnOnce(&mut Config) + use<> {
    let change = live(simulator.base_url());
    move |config| {
        change(config);
        config.channels.instagram.account_id = Some(account.to_owned());
        config.engine.max_look_ups = 2;
    }
}

/// The mark in the checkpoint: whatever has changed meanwhile, a look-up asks the account
/// with which it was begun, or nobody.
#[tokio::test]
async fn a_doubt_is_not_cleared_on_another_account() {
    let simulator = simulator().await;
    let with = |account| configured_with(&simulator, account);
    let service = Service::start_as(with("17841")).await;
    // Never published: who may look would find that, and publish it.
    goes_wrong(
        &simulator,
        &once("instagram", "publish", &json!({"kind": "hang", "perform": false})),
    )
    .await;
    let headers = [("prefer", "wait=0")];
    let accepted = service
        .post_with(DISTRIBUTE, &headers, &request(&simulator, "evt-1"))
        .await
        .json();
    let path = path_of(&accepted);
    let tried = async {
        while simulator.faults_met() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.expect("it was never tried");
    let service = service.restart_as(with("17842")).await;
    let said = async {
        loop {
            let shown = service.get(&path).await.success(200);
            let attempts = service.get(&format!("{path}/attempts")).await.success(200);
            assert_ne!(result(&shown, "Instagram")["status"], "SUCCESS", "it was repeated");
            if attempts.to_string().contains("begun with another account") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, said).await.expect("it was not said");
    assert_eq!(accounts(&simulator, "instagram", "evt-1"), [""; 0]);
    service.stop().await;
}

/// Asks for a picture's container that Meta does not finish before it is told to; the
/// distribution's path.
async fn begun(simulator: &RunningSimulator, service: &Service, headers: &[(&str, &str)]) -> String {
    let slow = json!({"kind": "answer", "status": 200, "body": {"status_code": "IN_PROGRESS", "id": "1"}});
    goes_wrong(
        simulator,
        &json!([{"channel": "instagram", "step": "status", "fault": slow}]),
    )
    .await;
    let headers = [headers, &[("prefer", "wait=0")]].concat();
    let accepted = service
        .post_with(DISTRIBUTE, &headers, &request(simulator, "evt-1"))
        .await
        .json();
    let polled = async {
        while simulator.faults_met() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, polled)
        .await
        .expect("it was never begun");
    path_of(&accepted)
}

/// Waits until Instagram's delivery stands so.
async fn stands(service: &Service, path: &str, key: Option<&Key>, status: &str) {
    let headers: Vec<_> = key.map(Key::header).into_iter().collect();
    let mut shown = json!(null);
    let stands = async {
        loop {
            shown = service.ask("GET", path, &headers, b"").await.success(200);
            if result(&shown, "Instagram")["status"] == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, stands).await.is_ok();
    assert!(in_time, "it never was {status}: {shown}");
}

/// What is required of others now takes nothing from what is under way.
#[tokio::test]
async fn what_was_begun_with_the_shared_account_goes_on_with_it() {
    let simulator = simulator().await;
    let with = |require: bool| {
        let change = live(simulator.base_url());
        move |config: &mut Config| {
            change(config);
            config.channels.instagram.require_own_account = require;
        }
    };
    let service = Service::start_as(with(false)).await;
    let shop = Tenant::of(&service, "shop").await;
    let path = begun(&simulator, &service, &[shop.key.header()]).await;
    let key = shop.key;
    let service = service.restart_as(with(true)).await;
    goes_wrong(&simulator, &json!([])).await;
    stands(&service, &path, Some(&key), "SUCCESS").await;
    assert_eq!(accounts(&simulator, "instagram", "evt-1"), [SHARED]);
    service.stop().await;
}

/// Nobody can be asked to stop it there: a person finds out, and says.
#[tokio::test]
async fn what_was_begun_with_an_account_that_is_gone_can_be_called_off_and_settled() {
    let simulator = simulator().await;
    let with = |account| configured_with(&simulator, account);
    let service = Service::start_as(with("17841")).await;
    let path = begun(&simulator, &service, &[]).await;
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let service = service.restart_at_as(Arc::clone(&clock) as _, with("17842")).await;
    stands(&service, &path, None, "WAITING").await;
    service
        .post(&format!("{path}/cancel"), &json!({"reason": "the account is gone"}))
        .await
        .success(200);
    let passing = async {
        loop {
            clock.advance(Duration::from_mins(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = stands(&service, &path, None, "NEEDS_REVIEW") => {}
        () = passing => unreachable!("it has no end"),
    }
    let resolve = format!("{path}/channels/Instagram/resolve");
    service.post(&resolve, &json!({"live": false})).await.success(200);
    assert_eq!(accounts(&simulator, "instagram", "evt-1"), [""; 0]);
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_kept_is_said_and_keeps_nothing() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let [operator, shop] = [
        Tenant::of(&service, "default").await,
        Tenant::of(&service, "shop").await,
    ];
    for (body, faults) in [
        (
            json!({}),
            &[("/accountId", "required"), ("/accessToken", "required")][..],
        ),
        (
            json!({"accountId": "a/b", "accessToken": "canary token", "baseUrl": "https://evil.example"}),
            &[
                ("/baseUrl", "unknown_field"),
                ("/accountId", "bad_account"),
                ("/accessToken", "bad_account"),
            ],
        ),
        (json!("canary-token"), &[("", "wrong_type")]),
        (
            json!({"accountId": 17841, "accessToken": "t"}),
            &[("/accountId", "wrong_type")],
        ),
    ] {
        let answer = shop.put("Instagram", &body).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!said.contains("canary"), "I16: {said}");
        let found = answer.faults();
        let found: Vec<_> = found.iter().map(|(place, code)| (&**place, &**code)).collect();
        assert_eq!(found, faults, "{body}");
    }
    let good = instagram("17841", "canary-good-token");
    shop.put("instagram", &good).await.problem(404, "channel_not_found");
    for (body, fault) in [
        (json!({}), ("/accountId", "required")),
        (json!({"accountId": "blog.naver.com/x"}), ("/accountId", "bad_account")),
        (
            json!({"accountId": "x", "accessToken": "t"}),
            ("/accessToken", "unknown_field"),
        ),
    ] {
        let found = shop.put("NaverBlog", &body).await.faults();
        let found: Vec<_> = found.iter().map(|(place, code)| (&**place, &**code)).collect();
        assert_eq!(found, [fault], "{body}");
    }
    operator
        .put("Instagram", &good)
        .await
        .problem(409, "account_of_service");
    operator.remove("Instagram").await.problem(409, "account_of_service");
    let shown = shop.get("/api/channels/Instagram/account").await.success(200);
    assert_eq!(shown["account"], "shared", "nothing was kept");

    // An operator names a tenant; nobody else names another.
    let path = "/api/channels/Instagram/account?tenant=shop";
    let stranger = Tenant::of(&service, "stranger").await;
    for (method, body) in [("GET", &b""[..]), ("DELETE", b"")] {
        let answer = service.ask(method, path, &[stranger.key.header()], body).await;
        answer.problem(403, "operator_only");
    }
    let answer = service.send("PUT", path, &[stranger.key.header()], &good).await;
    answer.problem(403, "operator_only");
    let kept = service
        .send("PUT", path, &[operator.key.header()], &good)
        .await
        .success(200);
    assert_eq!((&kept["tenant"], &kept["account"]), (&json!("shop"), &json!("own")));
    let shown = shop.get("/api/channels/Instagram/account").await.success(200);
    assert_eq!(shown["accountId"], "17841");
    let twice = service
        .ask("GET", &format!("{path}&tenant=x"), &[operator.key.header()], b"")
        .await;
    twice.problem(422, "validation_failed");
    service.stop().await;
}

/// A database that was moved without its key: nothing is sent with another account.
#[tokio::test]
async fn an_account_that_does_not_open_is_nobody_else_s_turn() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let simulator = simulator().await;
    let with = |keys: &'static str| {
        let change = live(simulator.base_url());
        move |config: &mut Config| {
            change(config);
            config.credentials_key = Some(Secret::new(keys));
        }
    };
    let service = Service::start_as(with(KEY)).await;
    let shop = Tenant::of(&service, "shop").await;
    shop.put("Instagram", &instagram("17841", "canary-shop-token"))
        .await
        .success(200);
    let key = shop.key;
    let service = service.restart_as(with(OTHER)).await;
    let shop = Tenant { service: &service, key };
    let answer = shop.post(DISTRIBUTE, &request(&simulator, "evt-1")).await.success(200);
    assert_eq!(
        result(&answer, "Instagram")["code"],
        "channel_not_configured",
        "{answer}"
    );
    assert_eq!(accounts(&simulator, "instagram", "evt-1"), [""; 0]);
    let replaced = shop.put("Instagram", &instagram("17842", "canary-other")).await;
    replaced.problem(503, "credentials_unavailable");
    let key = shop.key;
    // The new key is put before the old one, then stands alone.
    let both: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let service = service.restart_as(with(both)).await;
    let service = service.restart_as(with(OTHER)).await;
    let shop = Tenant { service: &service, key };
    let answer = shop.post(DISTRIBUTE, &request(&simulator, "evt-2")).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(accounts(&simulator, "instagram", "evt-2"), ["17841"]);
    // One whose key is lost can be removed, and handed over again.
    let key = shop.key;
    let service = service.restart_as(with(KEY)).await;
    let shop = Tenant { service: &service, key };
    assert_eq!(shop.remove("Instagram").await.success(200)["account"], "shared");
    let again = instagram("17842", "canary-handed-over");
    assert_eq!(shop.put("Instagram", &again).await.success(200)["account"], "own");
    service.stop().await;
}
