//! One tenant's account that the channel does not answer well: its own deliveries wait,
//! the others' go on, and whom it concerns is told.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock, ManualClock, SystemClock};
use fanfare::config::Config;
use fanfare_core::api_key::Scope;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::accounts::{Tenant, accounts, instagram};
use crate::live::{goes_wrong, live, request, result, simulator};
use crate::notices::webhook;
use crate::receiver::Receiver;
use crate::support::{DISTRIBUTE, PATIENCE, Service};

/// What `GET /api/channels` says of both breakers of a channel.
async fn breakers(tenant: &Tenant<'_>) -> (Value, Value) {
    let channel = tenant.channel("Instagram").await;
    (
        channel["breaker"]["state"].clone(),
        channel["accountBreaker"]["state"].clone(),
    )
}

/// With accounts of their own.
async fn tenants(service: &Service) -> [Tenant<'_>; 2] {
    let tenants = [Tenant::of(service, "bakery").await, Tenant::of(service, "cafe").await];
    for (tenant, id, token) in [
        (&tenants[0], "17841", "canary-bakery"),
        (&tenants[1], "17842", "canary-cafe00"),
    ] {
        tenant.put("Instagram", &instagram(id, token)).await.success(200);
    }
    tenants
}

/// Instagram is away for one account alone.
async fn fails_until_it_opens(cafe: &Tenant<'_>, simulator: &RunningSimulator) {
    let away = json!({"kind": "answer", "status": 503});
    let rules = json!([{"channel": "instagram", "tokenEnd": "cafe00", "fault": away}]);
    goes_wrong(simulator, &rules).await;
    let deadline = Instant::now() + PATIENCE;
    let mut number = 0;
    while breakers(cafe).await.1 != "OPEN" {
        assert!(Instant::now() < deadline, "it does not open");
        number += 1;
        let headers = [cafe.key.header(), ("prefer", "respond-async")];
        let body = request(simulator, &format!("evt-{number}"));
        cafe.service.post_with(DISTRIBUTE, &headers, &body).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn goes_on(simulator: &RunningSimulator, event: &str) {
    let deadline = Instant::now() + PATIENCE;
    while accounts(simulator, "instagram", event).is_empty() {
        assert!(Instant::now() < deadline, "it does not go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_account_in_trouble_is_nobody_else_s_trouble() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let [bakery, cafe] = tenants(&service).await;
    fails_until_it_opens(&cafe, &simulator).await;
    let held = cafe
        .post(DISTRIBUTE, &request(&simulator, "evt-held"))
        .await
        .success(200);
    let waits = result(&held, "Instagram");
    assert_eq!(
        (&waits["status"], &waits["code"]),
        (&json!("WAITING"), &json!("breaker_open")),
        "{held}"
    );
    let message = waits["message"].as_str().unwrap();
    assert!(message.contains("others' are not affected"), "{message}");
    let preview = cafe
        .post("/api/distribution/preview", &request(&simulator, "evt-next"))
        .await
        .success(200);
    let mut previewed = preview["channels"].as_array().unwrap().iter();
    let of_instagram = previewed.find(|channel| channel["channel"] == "Instagram").unwrap();
    assert_eq!(of_instagram["problem"]["code"], "breaker_open", "{preview}");

    let answer = bakery
        .post(DISTRIBUTE, &request(&simulator, "evt-bakery"))
        .await
        .success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(accounts(&simulator, "instagram", "evt-bakery"), ["17841"]);
    assert_eq!(breakers(&bakery).await, (json!("CLOSED"), Value::Null));
    assert_eq!(breakers(&cafe).await, (json!("CLOSED"), json!("OPEN")));

    goes_wrong(&simulator, &json!([])).await;
    let operator = service.key("default", &[Scope::Operate]).await;
    let (close, headers) = (json!({"action": "close"}), [operator.header()]);
    let ordered = service.post_with("/api/channels/Instagram/breaker", &headers, &close);
    ordered.await.success(200);
    goes_on(&simulator, "evt-held").await;
    assert_eq!(accounts(&simulator, "instagram", "evt-held"), ["17842"]);
    assert_eq!(breakers(&cafe).await, (json!("CLOSED"), Value::Null));
    service.stop().await;
}

/// The operator, and its own tenant: once when it opens, and once when it has closed.
#[tokio::test]
async fn whom_an_account_in_trouble_concerns_is_told() {
    let simulator = simulator().await;
    let [ops, of_bakery, of_cafe] = [
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    ];
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let change = live(simulator.base_url());
    let service = Service::start_at(Arc::clone(&clock) as _, |config: &mut Config| {
        change(config);
        config.notices = vec![
            webhook("ops", &ops),
            webhook("bakery", &of_bakery),
            webhook("cafe", &of_cafe),
        ];
        for (endpoint, tenant) in [(1, "bakery"), (2, "cafe")] {
            config.notices[endpoint].tenant = Some(tenant.to_owned());
        }
        for endpoint in &mut config.notices {
            endpoint.events = Some(vec!["breaker.opened".to_owned(), "breaker.closed".to_owned()]);
        }
    })
    .await;
    let [_, cafe] = tenants(&service).await;
    fails_until_it_opens(&cafe, &simulator).await;
    for receiver in [&ops, &of_cafe] {
        let told = receiver.wait_for(1).await[0].json();
        let data = &told["data"];
        assert_eq!(
            (&told["type"], &data["channel"], &data["tenant"]),
            (&json!("breaker.opened"), &json!("Instagram"), &json!("cafe")),
            "{told}"
        );
        assert!(data["title"].as_str().unwrap().contains("`cafe`"), "{told}");
    }
    goes_wrong(&simulator, &json!([])).await;
    // A call finds out that it is in order again.
    let deadline = Instant::now() + PATIENCE;
    while breakers(&cafe).await.1 != Value::Null {
        assert!(Instant::now() < deadline, "it does not close");
        clock.advance(Duration::from_secs(31));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    clock.advance(Duration::from_secs(31));
    for receiver in [&ops, &of_cafe] {
        let told = receiver.wait_for(2).await;
        assert_eq!((told.len(), &told[1].json()["type"]), (2, &json!("breaker.closed")));
    }
    assert_eq!(of_bakery.all().len(), 0, "it is none of its business");
    service.stop().await;
}
