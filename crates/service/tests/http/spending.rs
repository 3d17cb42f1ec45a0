//! Caps on what a tenant may spend: what is beyond one is refused and says why, and
//! nothing of it is sent.

use fanfare::config::{Config, SpendCapConfig};
use fanfare_core::api_key::Scope;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::live::{effects, goes_wrong, live, result, simulator};
use crate::support::{DISTRIBUTE, Service, days_ahead};
use crate::with;

const PREVIEW: &str = "/api/distribution/preview";
const TV: &str = "WooridongneTV";
const BUDGET: &str = "/channelOptions/WooridongneTV/budget";

/// 우리동네TV is really called; everybody may spend so much on it.
fn capped(
    simulator: &RunningSimulator,
    per_event: Option<u64>,
    per_month: Option<u64>,
) -> impl Fn(&mut Config) + use<> {
    let change = live(simulator.base_url());
    move |config| {
        change(config);
        config.engine.max_attempts = 1;
        let cap = SpendCapConfig { per_event, per_month };
        config.channels.wooridongne_tv.spend_caps.insert("*".to_owned(), cap);
    }
}

/// To 우리동네TV for 50,000 KRW.
fn request(simulator: &RunningSimulator, event: &str, channels: &[&str]) -> Value {
    with(crate::live::request(simulator, event), "channels", json!(channels))
}

#[tokio::test]
async fn what_is_beyond_a_month_s_cap_is_refused_and_said() {
    let simulator = simulator().await;
    let service = Service::start_as(capped(&simulator, None, Some(120_000))).await;
    for event in ["evt-1", "evt-2"] {
        let answer = service
            .distribute(&request(&simulator, event, &[TV]))
            .await
            .success(200);
        assert_eq!(answer["status"], "COMPLETED", "{answer}");
    }
    let third = request(&simulator, "evt-3", &[TV, "Instagram"]);
    let refused = service.distribute(&third).await;
    assert_eq!(refused.faults(), [(BUDGET.to_owned(), "spend_cap_exceeded".to_owned())]);
    let error = &refused.json()["errors"][0];
    assert_eq!(error["channel"], TV);
    for figure in ["120000", "100000", "50000"] {
        assert!(error["detail"].as_str().unwrap().contains(figure), "{error}");
    }
    let korean = service
        .post_with(DISTRIBUTE, &[("accept-language", "ko")], &third)
        .await;
    let detail = korean.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("우리동네TV") && detail.contains("120000원"), "{detail}");
    service
        .get("/api/distribution/evt-3/status")
        .await
        .problem(404, "event_not_found");

    // A repeat of what was accepted is none of new money.
    let again = service.distribute(&request(&simulator, "evt-1", &[TV])).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    // The other channels go on where the request says so.
    let skipping = service
        .distribute(&with(third, "onInvalid", json!("skip")))
        .await
        .success(200);
    let tv = result(&skipping, TV);
    assert_eq!(
        (&tv["status"], &tv["code"], &tv["whoActs"]),
        (&json!("FAILED"), &json!("spend_cap_exceeded"), &json!("operator"))
    );
    assert_eq!(skipping["successChannels"], json!(["Instagram"]));
    let alone = with(request(&simulator, "evt-4", &[TV]), "onInvalid", json!("skip"));
    service.distribute(&alone).await.problem(422, "validation_failed");
    assert_eq!(effects(&simulator, "wooridongne-tv"), 2);
    service.stop().await;
}

#[tokio::test]
async fn a_preview_shows_what_is_left() {
    let simulator = simulator().await;
    let service = Service::start_as(capped(&simulator, Some(60_000), Some(90_000))).await;
    let body = request(&simulator, "evt-1", &[TV, "Instagram"]);
    let before = service.post(PREVIEW, &body).await.success(200);
    let spend = |event, month| json!({"perEvent": {"cap": 60_000, "spent": event}, "perMonth": {"cap": 90_000, "spent": month}});
    assert_eq!(before["channels"][0]["spend"], spend(0, 0), "{before}");
    assert_eq!(
        (&before["channels"][0]["cost"], &before["channels"][1]["cost"]),
        (&json!(50_000), &Value::Null)
    );
    assert_eq!(
        (&before["wouldBeAccepted"], &before["channels"][1]["spend"]),
        (&json!(true), &Value::Null)
    );
    service.distribute(&body).await.success(200);

    let repeat = service.post(PREVIEW, &body).await.success(200);
    assert_eq!(
        (&repeat["wouldBeAccepted"], &repeat["channels"][0]["faults"]),
        (&json!(true), &json!([]))
    );
    let next = request(&simulator, "evt-2", &[TV, "Instagram"]);
    let beyond = service.post(PREVIEW, &next).await.success(200);
    assert_eq!(beyond["channels"][0]["spend"], spend(0, 50_000));
    assert_eq!(beyond["channels"][0]["faults"][0]["code"], "spend_cap_exceeded");
    let would = |preview: &Value| {
        let of = |place: usize| preview["channels"][place]["wouldSend"].clone();
        (preview["wouldBeAccepted"].clone(), of(0), of(1))
    };
    assert_eq!(would(&beyond), (json!(false), json!(false), json!(false)));
    let skipping = service
        .post(PREVIEW, &with(next, "onInvalid", json!("skip")))
        .await
        .success(200);
    assert_eq!(would(&skipping), (json!(true), json!(false), json!(true)));
    assert_eq!(effects(&simulator, "wooridongne-tv"), 1);
    service.stop().await;
}

#[tokio::test]
async fn what_failed_gives_back_and_a_redrive_must_find_it_again() {
    let simulator = simulator().await;
    let service = Service::start_as(capped(&simulator, None, Some(60_000))).await;
    let dead = json!([{"channel": "wooridongne-tv", "step": "create", "times": 1,
        "fault": {"kind": "answer", "status": 401}}]);
    goes_wrong(&simulator, &dead).await;
    let failed = service
        .distribute(&request(&simulator, "evt-1", &[TV]))
        .await
        .success(200);
    assert_eq!(failed["status"], "FAILED", "{failed}");
    let second = service
        .distribute(&request(&simulator, "evt-2", &[TV]))
        .await
        .success(200);
    assert_eq!(second["status"], "COMPLETED");

    let path = format!("/api/distributions/{}", failed["distributionId"].as_str().unwrap());
    let before = service.get(&path).await.success(200);
    let refused = service.post(&format!("{path}/retry"), &json!({})).await;
    let problem = refused.problem(409, "spend_cap_exceeded");
    assert!(problem["detail"].as_str().unwrap().contains("60000"), "{problem}");
    let which = json!({"channels": [TV]});
    let look = service.post("/api/distributions/redrive", &which).await.success(200);
    let order = json!({"channels": [TV], "dryRun": false, "cursor": look["next"], "reason": "장애 복구"});
    let step = service.post("/api/distributions/redrive", &order).await.success(200);
    assert_eq!(
        (&step["redriven"], &step["skipped"][0]["reason"]),
        (&json!(0), &json!("spend_cap_exceeded")),
        "{step}"
    );
    assert_eq!(service.get(&path).await.success(200), before, "nothing was changed");
    assert_eq!(effects(&simulator, "wooridongne-tv"), 1);

    // Under a higher cap it goes.
    let service = service.restart_as(capped(&simulator, None, Some(100_000))).await;
    let retried = service.post(&format!("{path}/retry"), &json!({})).await.success(200);
    assert_eq!(retried["status"], "COMPLETED", "{retried}");
    service
        .distribute(&request(&simulator, "evt-3", &[TV]))
        .await
        .problem(422, "validation_failed");
    service.stop().await;
}

#[tokio::test]
async fn requests_at_once_do_not_share_what_is_left_and_tenants_do_not_share_a_cap() {
    let simulator = simulator().await;
    let service = Service::start_as(capped(&simulator, None, Some(150_000))).await;
    let cafe = service.key("cafe", &[Scope::Admin]).await;
    let bakery = service.key("bakery", &[Scope::Admin]).await;
    let header = [cafe.header()];
    let bodies: Vec<_> = (0..8)
        .map(|number| request(&simulator, &format!("evt-{number}"), &[TV]))
        .collect();
    let asked = bodies.iter().map(|body| service.post_with(DISTRIBUTE, &header, body));
    let answers = futures_util::future::join_all(asked).await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(accepted, 3, "{answers:?}");
    for body in &bodies[..3] {
        service
            .post_with(DISTRIBUTE, &[bakery.header()], body)
            .await
            .success(200);
    }
    assert_eq!(effects(&simulator, "wooridongne-tv"), 6);
    service.stop().await;
}

#[tokio::test]
async fn an_event_s_cap_holds_over_repeats_and_what_is_called_off_gives_back() {
    let simulator = simulator().await;
    let service = Service::start_as(capped(&simulator, Some(60_000), None)).await;
    service
        .distribute(&request(&simulator, "evt-1", &[TV]))
        .await
        .success(200);
    let mut repeat = request(&simulator, "evt-1", &[TV]);
    repeat["allowRepeat"] = json!(true);
    repeat["channelOptions"][TV]["budget"] = json!(20_000);
    let refused = service.distribute(&repeat).await;
    assert_eq!(refused.faults(), [(BUDGET.to_owned(), "spend_cap_exceeded".to_owned())]);
    repeat["channelOptions"][TV]["budget"] = json!(10_000);
    service.distribute(&repeat).await.success(200);

    let mut later = request(&simulator, "evt-2", &[TV]);
    later["scheduledAt"] = json!(days_ahead(90).to_string());
    let scheduled = service.distribute(&later).await.success(202);
    let mut again = request(&simulator, "evt-2", &[TV]);
    again["allowRepeat"] = json!(true);
    service.distribute(&again).await.problem(422, "validation_failed");
    let cancel = format!(
        "/api/distributions/{}/cancel",
        scheduled["distributionId"].as_str().unwrap()
    );
    service.post(&cancel, &json!({})).await.success(200);
    service.distribute(&again).await.success(200);
    assert_eq!(effects(&simulator, "wooridongne-tv"), 3);
    service.stop().await;
}

#[tokio::test]
async fn a_mock_spends_nothing() {
    let cap = SpendCapConfig {
        per_event: Some(0),
        per_month: None,
    };
    let service = Service::start_as(|config| {
        config.channels.wooridongne_tv.spend_caps.insert("*".to_owned(), cap);
    })
    .await;
    let images = json!({"imageUrl": "https://media.example.com/a.jpg"});
    let body = with(request(&simulator().await, "evt-1", &[TV]), "contentUrls", images);
    let preview = service.post(PREVIEW, &body).await.success(200);
    assert_eq!(
        (&preview["channels"][0]["cost"], &preview["wouldBeAccepted"]),
        (&Value::Null, &json!(true))
    );
    service.distribute(&body).await.success(200);
    service.stop().await;
}
