//! A second chance for many deliveries at once: what an operator does after an
//! outage, and what must not come of it.

use fanfare::config::{AuthRequired, Config};
use fanfare_core::api_key::Scope;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::bare;
use crate::live::{effects, goes_wrong, in_review, live, request, result, simulator};
use crate::support::{Answer, DISTRIBUTE, Key, Service};

const REDRIVE: &str = "/api/distributions/redrive";
const EVENTS: usize = 12;

/// Live, and what fails once has failed; no breaker comes between.
fn hasty(simulator: &RunningSimulator) -> impl Fn(&mut Config) + use<> {
    let change = live(simulator.base_url());
    move |config| {
        change(config);
        config.engine.max_attempts = 1;
        config.breaker.consecutive_failures = 1_000;
        config.breaker.minimum_number_of_calls = 1_000;
    }
}

/// Instagram is out of order while these events are distributed.
async fn outage(service: &Service, simulator: &RunningSimulator, headers: &[(&str, &str)], events: usize) {
    let dead = json!([{"channel": "instagram", "step": "create", "fault": {"kind": "drop-before"}}]);
    goes_wrong(simulator, &dead).await;
    for number in 0..events {
        let answer = service
            .post_with(DISTRIBUTE, headers, &request(simulator, &format!("evt-{number}")))
            .await;
        let answer = answer.success(200);
        assert_eq!(answer["failedChannels"], json!(["Instagram"]), "{answer}");
    }
    goes_wrong(simulator, &json!([])).await;
}

fn which() -> Value {
    json!({"channels": ["Instagram"], "codes": ["channel_unavailable"]})
}

/// The real run of what the look has found.
fn order(filter: &Value, look: &Value, limit: usize) -> Value {
    let mut order = filter.clone();
    order["dryRun"] = json!(false);
    order["cursor"] = look["next"].clone();
    order["reason"] = json!("장애 복구");
    order["limit"] = json!(limit);
    order
}

/// All steps, as a client goes through them.
async fn redriven(service: &Service, filter: &Value, look: &Value, limit: usize) -> Vec<Value> {
    let mut steps: Vec<Value> = Vec::new();
    loop {
        let from = steps.last().unwrap_or(look);
        if from["next"].is_null() {
            return steps;
        }
        steps.push(service.post(REDRIVE, &order(filter, from, limit)).await.success(200));
    }
}

/// How many were left out, and why.
fn skipped(answer: &Value) -> Vec<(String, u64)> {
    let skipped = answer["skipped"].as_array().unwrap().iter();
    skipped
        .map(|one| {
            assert!(!one["message"].as_str().unwrap().is_empty());
            (
                one["reason"].as_str().unwrap().to_owned(),
                one["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

async fn stands(service: &Service, event: &str) -> Value {
    service
        .get(&format!("/api/distribution/{event}/status"))
        .await
        .success(200)
}

#[tokio::test]
async fn after_an_outage_all_that_failed_succeeds_once() {
    let simulator = simulator().await;
    let service = Service::start_as(hasty(&simulator)).await;
    outage(&service, &simulator, &[], EVENTS).await;
    assert_eq!(effects(&simulator, "instagram"), 0);

    let before = service.get("/api/distributions?limit=200").await.success(200);
    let look = service.post(REDRIVE, &which()).await.success(200);
    assert_eq!(
        (&look["dryRun"], &look["matched"], &look["redrivable"]),
        (&json!(true), &json!(12), &json!(12))
    );
    let cause = json!({"channel": "Instagram", "code": "channel_unavailable", "matched": 12, "redrivable": 12});
    assert_eq!((&look["byCause"], &look["alreadyLive"]), (&json!([cause]), &json!(0)));
    assert_eq!(look["sample"].as_array().unwrap().len(), 10);
    assert_eq!(service.post(REDRIVE, &which()).await.success(200)["matched"], 12);
    let after = service.get("/api/distributions?limit=200").await.success(200);
    assert_eq!(before, after, "a dry run changes nothing");
    assert_eq!(effects(&simulator, "instagram"), 0);

    let steps = redriven(&service, &which(), &look, 5).await;
    let counts: Vec<_> = steps.iter().map(|step| step["redriven"].as_u64().unwrap()).collect();
    assert_eq!(counts, [5, 5, 2], "{steps:?}");
    for step in &steps {
        assert_eq!(
            step["outcomes"],
            json!([{"status": "SUCCESS", "count": step["redriven"]}]),
            "{step}"
        );
        assert_eq!((skipped(step), &step["dryRun"]), (vec![], &json!(false)));
    }
    for number in 0..EVENTS {
        assert_eq!(stands(&service, &format!("evt-{number}")).await["status"], "COMPLETED");
    }
    for channel in ["instagram", "wooridongne-tv"] {
        assert_eq!(effects(&simulator, channel), EVENTS, "{channel}: once each");
    }

    // Nothing is left; the same step again finds nothing either.
    let again = service.post(REDRIVE, &which()).await.success(200);
    assert_eq!((&again["matched"], &again["next"]), (&json!(0), &Value::Null));
    let stale = service.post(REDRIVE, &order(&which(), &look, 5)).await.success(200);
    assert_eq!(
        (&stale["redriven"], &stale["results"], &stale["next"]),
        (&json!(0), &json!([]), &Value::Null)
    );
    assert_eq!(effects(&simulator, "instagram"), EVENTS);

    let id = steps[0]["results"][0]["distributionId"].as_str().unwrap();
    let history = service
        .get(&format!("/api/distributions/{id}/history"))
        .await
        .success(200);
    let entries = history["history"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["reason"] == "장애 복구"), "{history}");
    service.stop().await;
}

/// A person who is told to leave it alone would be told so for ever.
#[tokio::test]
async fn what_was_in_doubt_at_its_last_attempt_and_is_proved_absent_can_be_redriven() {
    let simulator = simulator().await;
    let service = Service::start_as(hasty(&simulator)).await;
    let lost = json!([{"channel": "instagram", "step": "publish", "times": 1, "fault": {"kind": "drop-before"}}]);
    goes_wrong(&simulator, &lost).await;
    let answer = service.distribute(&request(&simulator, "evt-1")).await.success(200);
    let failed = result(&answer, "Instagram");
    assert_eq!(
        (
            &failed["status"],
            &failed["code"],
            &failed["retryable"],
            &failed["whoActs"]
        ),
        (&json!("FAILED"), &json!("found_absent"), &json!(true), &json!("caller")),
        "{answer}"
    );
    let filter = json!({"channels": ["Instagram"], "codes": ["found_absent"]});
    let look = service.post(REDRIVE, &filter).await.success(200);
    assert_eq!(look["redrivable"], 1, "{look}");
    redriven(&service, &filter, &look, 5).await;
    assert_eq!(stands(&service, "evt-1").await["status"], "COMPLETED");
    assert_eq!(effects(&simulator, "instagram"), 1);
    service.stop().await;
}

#[tokio::test]
async fn what_failed_again_is_for_another_look() {
    let simulator = simulator().await;
    let service = Service::start_as(hasty(&simulator)).await;
    outage(&service, &simulator, &[], 3).await;
    let look = service.post(REDRIVE, &which()).await.success(200);
    let dead = json!([{"channel": "instagram", "step": "create", "times": 1, "fault": {"kind": "drop-before"}}]);
    goes_wrong(&simulator, &dead).await;
    let steps = redriven(&service, &which(), &look, 1).await;
    let first = &steps[0]["results"][0];
    assert_eq!(
        (&first["status"], &first["code"]),
        (&json!("FAILED"), &json!("channel_unavailable"))
    );
    assert_eq!(steps.len(), 3, "{steps:?}");
    // The order carries the time of the look: what failed since is not in it.
    let again = service.post(REDRIVE, &order(&which(), &look, 50)).await.success(200);
    assert_eq!(again["redriven"], 0, "{again}");
    let look = service.post(REDRIVE, &which()).await.success(200);
    assert_eq!(look["redrivable"], 1);
    let until = json!({"until": "2026-01-01T00:00:00Z"});
    assert_eq!(service.post(REDRIVE, &until).await.success(200)["matched"], 0);
    let since = json!({"since": "2026-01-01T00:00:00+09:00"});
    assert_eq!(service.post(REDRIVE, &since).await.success(200)["matched"], 1);
    assert_eq!(redriven(&service, &which(), &look, 50).await[0]["redriven"], 1);
    assert_eq!(effects(&simulator, "instagram"), 3);
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_redriven_is_counted_and_left_alone() {
    let simulator = simulator().await;
    let service = Service::start_as(hasty(&simulator)).await;
    outage(&service, &simulator, &[], 4).await;
    // Announced anew by hand: the claim is another's.
    service
        .distribute(&bare_instagram(&simulator, "evt-0", "다시"))
        .await
        .success(200);
    // And once more, which failed, too.
    let dead = json!([{"channel": "instagram", "step": "create", "times": 1, "fault": {"kind": "drop-before"}}]);
    goes_wrong(&simulator, &dead).await;
    service
        .distribute(&bare_instagram(&simulator, "evt-1", "다시"))
        .await
        .success(200);
    // Wrong for the channel, whenever it is sent.
    let mut wrong = request(&simulator, "evt-9");
    wrong["onInvalid"] = json!("skip");
    wrong["channelOptions"]["Instagram"]["caption"] = json!("가".repeat(3_000));
    service.distribute(&wrong).await.success(200);

    let filter = json!({"channels": ["Instagram"]});
    let look = service.post(REDRIVE, &filter).await.success(200);
    let expected = [("not_retryable", 1), ("claim_held", 1), ("superseded", 1)];
    let expected = expected.map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(skipped(&look), expected, "{look}");
    assert_eq!((&look["matched"], &look["redrivable"]), (&json!(6), &json!(3)));

    let breaker = "/api/channels/Instagram/breaker";
    service
        .post(breaker, &json!({"action": "force_open"}))
        .await
        .success(200);
    let held = service.post(REDRIVE, &filter).await.success(200);
    assert!(skipped(&held).contains(&("channel_held".to_owned(), 3)), "{held}");
    assert_eq!(held["next"], Value::Null);
    // Held since the look: nothing of it is queued behind the breaker.
    let step = service.post(REDRIVE, &order(&filter, &look, 50)).await.success(200);
    assert_eq!(
        (&step["redriven"], step["results"].as_array().unwrap().len()),
        (&json!(0), 6),
        "{step}"
    );
    service.post(breaker, &json!({"action": "close"})).await.success(200);

    let steps = redriven(&service, &filter, &look, 50).await;
    assert_eq!(
        (&steps[0]["redriven"], skipped(&steps[0])),
        (&json!(3), expected.to_vec())
    );
    assert_eq!(effects(&simulator, "instagram"), 4, "one for each event");
    service.stop().await;
}

/// It may be live: a person says so, or that it is not, and then it is redriven.
#[tokio::test]
async fn what_is_in_review_is_counted_and_never_sent() {
    let simulator = simulator().await;
    let (service, path) = in_review(&simulator).await;
    let filter = json!({"channels": ["Instagram"]});
    let look = service.post(REDRIVE, &filter).await.success(200);
    assert_eq!(skipped(&look), [("outcome_unknown".to_owned(), 1)], "{look}");
    assert_eq!((&look["redrivable"], &look["next"]), (&json!(0), &Value::Null));
    let resolve = format!("{path}/channels/Instagram/resolve");
    service.post(&resolve, &json!({"live": false})).await.success(200);
    let look = service.post(REDRIVE, &filter).await.success(200);
    assert_eq!((&look["redrivable"], skipped(&look)), (&json!(1), vec![]));
    assert_eq!(redriven(&service, &filter, &look, 50).await[0]["redriven"], 1);
    service.stop().await;
}

/// Who says that it is not live may have a second post made.
#[tokio::test]
async fn who_resolved_it_and_why_stands_in_the_history() {
    let simulator = simulator().await;
    let (service, path) = in_review(&simulator).await;
    let resolve = format!("{path}/channels/Instagram/resolve");
    let key = service.key("default", &[Scope::Operate, Scope::Read]).await;
    let seen = json!({"live": false, "reason": "피드에 없음"});
    service.post_with(&resolve, &[key.header()], &seen).await.success(200);
    let history = service
        .ask("GET", &format!("{path}/history"), &[key.header()], b"")
        .await
        .success(200);
    let entries = history["history"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["reason"] == "피드에 없음").unwrap();
    assert!(entry["actor"].as_str().unwrap().starts_with("test (ff_"), "{entry}");
    service.stop().await;
}

fn bare_instagram(simulator: &RunningSimulator, event: &str, caption: &str) -> Value {
    let mut body = request(simulator, event);
    body["channels"] = json!(["Instagram"]);
    body["channelOptions"] = json!({"Instagram": {"caption": caption}});
    body
}

async fn post(service: &Service, key: &Key, headers: &[(&str, &str)], body: &Value) -> Answer {
    let headers: Vec<_> = [key.header()].into_iter().chain(headers.iter().copied()).collect();
    service.post_with(REDRIVE, &headers, body).await
}

#[tokio::test]
async fn a_tenant_redrives_only_its_own() {
    let simulator = simulator().await;
    let change = hasty(&simulator);
    let service = Service::start_as(|config| {
        change(config);
        config.auth.required = AuthRequired::Always;
    })
    .await;
    let cafe = service.key("cafe", &[Scope::Admin]).await;
    let bakery = service.key("bakery", &[Scope::Operate, Scope::Distribute]).await;
    let reader = service.key("bakery", &[Scope::Read, Scope::Distribute]).await;
    outage(&service, &simulator, &[cafe.header()], 2).await;
    outage(&service, &simulator, &[bakery.header()], 3).await;
    post(&service, &reader, &[], &which())
        .await
        .problem(403, "insufficient_scope");

    let of_cafe = post(&service, &cafe, &[], &which()).await.success(200);
    let of_bakery = post(&service, &bakery, &[], &which()).await.success(200);
    assert_eq!((&of_cafe["matched"], &of_bakery["matched"]), (&json!(2), &json!(3)));
    // One tenant's cursor is no other's.
    let stolen = order(&which(), &of_cafe, 50);
    post(&service, &bakery, &[], &stolen).await.problem(400, "bad_cursor");
    let step = post(&service, &bakery, &[], &order(&which(), &of_bakery, 50))
        .await
        .success(200);
    assert_eq!(step["redriven"], 3);
    assert_eq!(effects(&simulator, "instagram"), 3);
    let of_cafe = post(&service, &cafe, &[], &which()).await.success(200);
    assert_eq!(of_cafe["matched"], 2, "another tenant's are not touched");

    // Who asked stands in the history.
    let id = step["results"][0]["distributionId"].as_str().unwrap();
    let key = service.key("bakery", &[Scope::Read]).await;
    let path = format!("/api/distributions/{id}/history");
    let history = service.ask("GET", &path, &[key.header()], b"").await.success(200);
    let entries = history["history"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["reason"] == "장애 복구").unwrap();
    assert!(entry["actor"].as_str().unwrap().starts_with("test (ff_"), "{entry}");
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_and_changes_nothing() {
    let service = Service::start().await;
    service.distribute(&bare("evt-1", &["Instagram"])).await.success(200);
    let before = service.get("/api/distributions").await.success(200);
    for (body, pointer, code) in [
        (json!({}), "", "required"),
        (json!({"channels": []}), "", "required"),
        (json!({"channels": ["Radio"]}), "/channels/0", "unknown_channel"),
        (json!({"codes": ["chanel_unavailable"]}), "/codes/0", "unknown_value"),
        (json!({"since": "2026-01-01"}), "/since", "offset_missing"),
        (
            json!({"eventId": "evt-1", "state": "FAILED"}),
            "/state",
            "unknown_field",
        ),
        (
            json!({"eventId": "evt-1", "dryRun": false, "reason": "x"}),
            "/cursor",
            "required",
        ),
        (
            json!({"eventId": "evt-1", "dryRun": false, "cursor": "x"}),
            "/reason",
            "required",
        ),
    ] {
        let faults = service.post(REDRIVE, &body).await.faults();
        assert_eq!(faults, [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    for (language, words) in [
        ("en", "did you mean `channel_unavailable`"),
        ("ko", "혹시 `channel_unavailable`인가요"),
    ] {
        let headers = [("accept-language", language)];
        let body = json!({"codes": ["chanel_unavailable"]});
        let problem = service
            .post_with(REDRIVE, &headers, &body)
            .await
            .problem(422, "validation_failed");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    }
    let forged = json!({"eventId": "evt-1", "dryRun": false, "cursor": "AbCd", "reason": "x"});
    service.post(REDRIVE, &forged).await.problem(400, "bad_cursor");
    service
        .ask("GET", REDRIVE, &[], b"")
        .await
        .problem(405, "method_not_allowed");
    assert_eq!(service.get("/api/distributions").await.success(200), before);
    service.stop().await;
}
