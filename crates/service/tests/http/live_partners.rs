//! 지니TV and 링고비즈 live, by configuration alone, beside the two others: over
//! HTTP, at the simulator, which keeps its own record of what came to be.

use std::time::Duration;

use fanfare::config::{ChannelConfig, Config};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::live::{effects, goes_wrong, once, result, simulator};
use crate::media::hex;
use crate::support::{DISTRIBUTE, PATIENCE, Service, schedule};

/// Both live at this address, with what each needs.
pub(crate) fn live(base_url: &str) -> impl Fn(&mut Config) + use<> {
    let channel = |prefix: &str| ChannelConfig {
        mode: Mode::Live,
        base_url: Some(format!("{base_url}/{prefix}")),
        access_token: Some(Secret::new("canary-token")),
        account_id: Some("acc-1".to_owned()),
        product_id: Some("prime-time-30s".to_owned()),
        verified_numbers: [("default".to_owned(), vec!["02-555-0134".to_owned()])].into(),
        poll_interval_ms: 20,
        ..ChannelConfig::default()
    };
    let channels = (channel("genie-tv"), channel("ringo-biz"));
    let sounds = base_url.trim_start_matches("http://").to_owned();
    move |config| {
        config.media.allow_hosts = vec![sounds.clone()];
        (config.channels.genie_tv, config.channels.ringo_biz) = channels.clone();
        config.calls.deadline_ms = 1_000;
        config.engine.initial_interval_ms = 20;
    }
}

pub(crate) fn request(simulator: &RunningSimulator, event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": ["GenieTV", "RingoBiz"],
        "contentUrls": {"videoUrl": sound(simulator, "a.mp4"), "audioUrl": sound(simulator, "a.mp3")},
        "channelOptions": {
            "GenieTV": {
                "region": "1168000000", "budget": 300_000,
                "schedule": schedule(),
            },
            "RingoBiz": {"phoneNumber": "02-555-0134"},
        },
    })
}

fn sound(simulator: &RunningSimulator, file: &str) -> String {
    format!("{}/media/{file}", simulator.base_url())
}

/// When the channel shows this status, or any of them.
async fn until(service: &Service, path: &str, channel: &str, wanted: &[&str]) -> Value {
    let reached = async {
        loop {
            let shown = service.get(path).await.success(200);
            let status = result(&shown, channel)["status"].as_str().unwrap().to_owned();
            if wanted.contains(&&*status) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("{channel} never came to be {wanted:?}"))
}

pub(crate) fn path_of(answer: &Value) -> String {
    format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap())
}

/// What is booked stands on the tenant's own account at the channel, and is taken down there.
#[tokio::test]
async fn a_tenant_books_with_its_own_account() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config: &mut Config| {
        change(config);
        let verified = &mut config.channels.ringo_biz.verified_numbers;
        verified.insert("cafe".to_owned(), vec!["02-555-0134".to_owned()]);
    })
    .await;
    let key = service.key("cafe", &[fanfare_core::api_key::Scope::Admin]).await;
    let headers = [key.header()];
    for (channel, account) in [
        (
            "GenieTV",
            json!({"accountId": "cafe-7", "productId": "late-15s", "accessToken": "canary-of-cafe"}),
        ),
        ("RingoBiz", json!({"accessToken": "canary-of-cafe"})),
    ] {
        let path = format!("/api/channels/{channel}/account");
        service.send("PUT", &path, &headers, &account).await.success(200);
    }
    let booked = service
        .post_with(DISTRIBUTE, &headers, &request(&simulator, "evt-1"))
        .await;
    let booked = booked.success(200);
    assert_eq!(booked["status"], "COMPLETED", "{booked}");
    let made = simulator.effects();
    let of = |channel: &str| made.iter().find(|effect| effect.channel == channel).unwrap();
    assert_eq!(
        (&*of("genie-tv").account, &of("genie-tv").content["productid"]),
        ("cafe-7", &json!("late-15s"))
    );
    assert_eq!(of("ringo-biz").account, "f-cafe");
    let withdraw = format!("{}/channels/GenieTV/withdraw", path_of(&booked));
    let withdrawn = service.post_with(&withdraw, &headers, &json!({})).await;
    assert_eq!(withdrawn.success(200)["withdrawal"]["effect"], "withdrawn");
    assert!(simulator.effects().iter().any(|effect| effect.withdrawn_at.is_some()));
    // What stands on that account is taken down with it, as long as it is known; another
    // account can't, and is not asked.
    let again = service
        .post_with(DISTRIBUTE, &headers, &request(&simulator, "evt-2"))
        .await
        .success(200);
    let path = "/api/channels/GenieTV/account";
    service.ask("DELETE", path, &headers, b"").await.success(200);
    let service = service.restart_as(live(simulator.base_url())).await;
    let withdraw = format!("{}/channels/GenieTV/withdraw", path_of(&again));
    let refused = service.post_with(&withdraw, &headers, &json!({})).await.success(200);
    assert_eq!(refused["withdrawal"]["effect"], "stays_live", "{refused}");
    let account = json!({"accountId": "cafe-7", "productId": "late-15s", "accessToken": "canary-of-cafe"});
    service.send("PUT", path, &headers, &account).await.success(200);
    let withdrawn = service.post_with(&withdraw, &headers, &json!({})).await.success(200);
    assert_eq!(withdrawn["withdrawal"]["effect"], "withdrawn", "{withdrawn}");
    service.stop().await;
}

#[tokio::test]
async fn both_are_really_called_and_their_own_fields_are_answered() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let (tv, tone) = (result(&answer, "GenieTV"), result(&answer, "RingoBiz"));
    assert_eq!(
        (&tv["mode"], &tv["channelState"]),
        (&json!("live"), &json!("accepted")),
        "booked, and not on the air yet"
    );
    assert!(
        tv["impressionSchedule"].as_str().unwrap().contains("1168000000"),
        "{tv}"
    );
    assert_eq!(tone["channelState"], "live");
    let made = simulator.effects();
    let line = made.iter().find(|effect| effect.channel == "genie-tv").unwrap();
    assert_eq!(tv["adId"], json!(line.remote_id));
    // 300,000 KRW at our price of 10,000 KRW for 1,000 views.
    assert_eq!(
        (&line.content["quantity"], &line.content["productid"]),
        (&json!(30_000), &json!("prime-time-30s"))
    );
    let ringing = made.iter().find(|effect| effect.channel == "ringo-biz").unwrap();
    assert_eq!(
        (ringing.remote_id.as_str(), &ringing.content["audioUrl"]),
        ("+8225550134", &json!(sound(&simulator, "a.mp3")))
    );
    assert_eq!(
        ringing.content["sha256"],
        hex(include_bytes!("../../../simulator/src/channels/silence.mp3")),
        "the channel sets that sound and no other"
    );
    assert!(ringing.our_id.ends_with(".1"), "{}", ringing.our_id);
    let again = service.distribute(&request(&simulator, "evt-1")).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(simulator.effects().len(), 2, "a repeat of the request repeats nothing");
    service.stop().await;
}

/// What the channel says no to is FAILED with its reason; a retry is a new order.
#[tokio::test]
async fn a_decline_is_told_with_its_reason_and_a_retry_orders_anew() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let declined = json!({"kind": "declined", "reason": "자막이 너무 작습니다"});
    goes_wrong(&simulator, &once("genie-tv", "book", &declined)).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED");
    let tv = result(&answer, "GenieTV");
    assert_eq!((&tv["status"], &tv["code"]), (&json!("FAILED"), &json!("declined")));
    assert_eq!(effects(&simulator, "genie-tv"), 0);
    let path = path_of(&answer);
    let attempts = service.get(&format!("{path}/attempts")).await.success(200);
    assert!(attempts.to_string().contains("자막이 너무 작습니다"), "{attempts}");
    let answer = service.post(&format!("{path}/retry"), &json!({})).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let made = simulator.effects();
    let lines: Vec<_> = made.iter().filter(|effect| effect.channel == "genie-tv").collect();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].our_id.ends_with(".2"),
        "a generation of its own: {}",
        lines[0].our_id
    );
    assert_eq!(effects(&simulator, "ringo-biz"), 1, "what was live was left alone");
    service.stop().await;
}

/// A review outlives the wait and the process.
#[tokio::test]
async fn a_review_goes_on_after_the_answer_and_after_a_restart() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config| {
        change(config);
        config.http.stop_timeout_s = 1;
    })
    .await;
    let slow = json!({"kind": "slow-review", "seconds": 3_600});
    goes_wrong(&simulator, &once("genie-tv", "book", &slow)).await;
    let wait = [("prefer", "wait=1")];
    let answer = service
        .post_with(DISTRIBUTE, &wait, &request(&simulator, "evt-1"))
        .await;
    assert_eq!(answer.status, 202);
    let answer = answer.json();
    let tv = result(&answer, "GenieTV");
    assert_eq!(tv["status"], "IN_PROGRESS", "a poll is under way, however slow: {tv}");
    let path = path_of(&answer);
    let service = service.restart_as(live(simulator.base_url())).await;
    until(&service, &path, "GenieTV", &["IN_PROGRESS"]).await;
    simulator.clock().advance(Duration::from_hours(1));
    let shown = until(&service, &path, "GenieTV", &["SUCCESS", "FAILED", "NEEDS_REVIEW"]).await;
    assert_eq!(shown["status"], "COMPLETED", "{shown}");
    assert_eq!(
        (effects(&simulator, "genie-tv"), effects(&simulator, "ringo-biz")),
        (1, 1)
    );
    service.stop().await;
}

/// The channel did it, and its answer was lost: at the booking, at the look at it,
/// and at one step before. (What is lost at more of them waits for the retry budget.)
#[tokio::test]
async fn a_lie_is_found_out() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    for (event, before, fault) in [
        ("evt-drop", "order", json!({"kind": "drop-after"})),
        (
            "evt-500",
            "line",
            json!({"kind": "answer", "status": 500, "perform": true}),
        ),
        (
            "evt-html",
            "creative",
            json!({"kind": "garbage", "what": "html", "perform": true}),
        ),
        ("evt-busy", "assignment", json!({"kind": "processing-conflict"})),
    ] {
        let rule = |channel: &str, step: &str| json!({"channel": channel, "step": step, "times": 1, "fault": fault});
        let steps = [before, "book", "status"];
        let mut rules: Vec<_> = steps.iter().map(|step| rule("genie-tv", step)).collect();
        rules.push(rule("ringo-biz", "replace"));
        goes_wrong(&simulator, &json!(rules)).await;
        let made = (effects(&simulator, "genie-tv"), effects(&simulator, "ringo-biz"));
        let answer = service.distribute(&request(&simulator, event)).await.json();
        let shown = until(
            &service,
            &path_of(&answer),
            "GenieTV",
            &["SUCCESS", "FAILED", "NEEDS_REVIEW"],
        )
        .await;
        assert_eq!(result(&shown, "GenieTV")["status"], "SUCCESS", "{event}: {shown}");
        assert_eq!(result(&shown, "RingoBiz")["status"], "SUCCESS", "{event}: {shown}");
        let after = (effects(&simulator, "genie-tv"), effects(&simulator, "ringo-biz"));
        assert_eq!(after, (made.0 + 1, made.1 + 1), "{event}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_line_that_is_not_verified_is_refused_before_anything_is_sent() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let mut body = request(&simulator, "evt-1");
    body["channelOptions"]["RingoBiz"]["phoneNumber"] = json!("02-555-0199");
    let refusal = service.distribute(&body).await;
    let refusal = refusal.problem(422, "validation_failed");
    assert_eq!(refusal["errors"][0]["code"], "number_not_verified", "{refusal}");
    assert_eq!(refusal["errors"][0]["pointer"], "/channelOptions/RingoBiz/phoneNumber");
    assert!(simulator.effects().is_empty());
    service.stop().await;
}

#[tokio::test]
async fn what_the_configuration_lacks_is_said_and_harms_no_other() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config| {
        change(config);
        config.channels.genie_tv.product_id = None;
        config.channels.instagram.mode = Mode::Live;
    })
    .await;
    let channels = service.get("/api/channels").await.success(200);
    let problem = |name: &str| {
        let all = channels["channels"].as_array().unwrap();
        let channel = all.iter().find(|channel| channel["name"] == name).unwrap();
        channel["problem"]["message"].as_str().unwrap_or_default().to_owned()
    };
    assert!(
        problem("GenieTV").contains("channels.genie_tv.product_id"),
        "{channels}"
    );
    assert_eq!(problem("RingoBiz"), "");
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(result(&answer, "GenieTV")["code"], "channel_not_configured");
    assert_eq!(result(&answer, "RingoBiz")["status"], "SUCCESS");
    service.stop().await;
}

/// I16.
#[tokio::test]
async fn a_token_is_shown_nowhere() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let refused = json!([{"step": "replace", "fault": {"kind": "answer", "status": 422, "body": "no"}},
        {"step": "order", "fault": {"kind": "answer", "status": 403, "body": "no"}}]);
    goes_wrong(&simulator, &refused).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(answer["status"], "FAILED", "{answer}");
    for path in ["", "/attempts", "/history"] {
        let shown = service.get(&format!("{}{path}", path_of(&answer))).await;
        assert!(!String::from_utf8_lossy(&shown.body).contains("canary"), "{path}");
    }
    service.stop().await;
}

/// Both are taken down, and that is true of the channels' own record.
#[tokio::test]
async fn a_booking_is_cancelled_and_a_tone_taken_away() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    for (channel, prefix) in [("GenieTV", "genie-tv"), ("RingoBiz", "ringo-biz")] {
        let path = format!("{}/channels/{channel}/withdraw", path_of(&answer));
        let withdrawn = service.post(&path, &json!({})).await.success(200);
        assert_eq!(withdrawn["withdrawal"]["effect"], "withdrawn", "{withdrawn}");
        let of_channel = simulator
            .effects()
            .into_iter()
            .filter(|effect| effect.channel == prefix);
        assert!(
            of_channel.into_iter().all(|effect| effect.withdrawn_at.is_some()),
            "{channel}"
        );
    }
    let anew = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(anew["status"], "COMPLETED", "{anew}");
    service.stop().await;
}

/// A later event's tone is not taken away for an earlier one's sake.
#[tokio::test]
async fn another_event_s_tone_stays() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let mut first = request(&simulator, "evt-1");
    first["channels"] = json!(["RingoBiz"]);
    first["channelOptions"] = json!({"RingoBiz": {"phoneNumber": "02-555-0134"}});
    let mut second = first.clone();
    second["eventId"] = json!("evt-2");
    second["contentUrls"]["audioUrl"] = json!(sound(&simulator, "b.mp3"));
    let first = service.distribute(&first).await.success(200);
    service.distribute(&second).await.success(200);
    let path = format!("{}/channels/RingoBiz/withdraw", path_of(&first));
    let withdrawn = service.post(&path, &json!({})).await.success(200);
    assert_eq!(withdrawn["withdrawal"]["effect"], "withdrawn", "ours plays no more");
    assert!(simulator.effects().iter().all(|effect| effect.withdrawn_at.is_none()));
    service.stop().await;
}
