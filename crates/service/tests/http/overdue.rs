//! The watchdog: deliveries that neither move nor wait for a known time or person.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock, ManualClock, SystemClock};
use serde_json::json;

use crate::live::{goes_wrong, live, request, simulator};
use crate::notices::webhook;
use crate::receiver::Receiver;
use crate::support::{DISTRIBUTE, Service};

/// A channel that hangs fills its lane; what is behind it waits for nothing else.
#[tokio::test]
async fn deliveries_that_do_not_go_on_are_told_of_once_to_the_operator() {
    let (operator, owner) = (Receiver::start().await, Receiver::start().await);
    let simulator = simulator().await;
    let hangs = json!([{"channel": "wooridongne-tv", "step": "create", "fault": {"kind": "hang"}}]);
    goes_wrong(&simulator, &hangs).await;
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let change = live(simulator.base_url());
    let service = Service::start_at(Arc::clone(&clock) as _, |config| {
        change(config);
        // Longer than the whole test: the first is under way all the time.
        config.calls.deadline_ms = 600_000;
        config.nodes.lease_s = 616;
        config.http.stop_timeout_s = 1;
        config.channels.wooridongne_tv.concurrency = 1;
        config.notices = vec![webhook("operator", &operator), webhook("owner", &owner)];
        config.notices[1].tenant = Some("default".to_owned());
    })
    .await;
    for event in ["evt-1", "evt-2"] {
        let mut body = request(&simulator, event);
        body["channels"] = json!(["WooridongneTV"]);
        let answer = service
            .post_with(DISTRIBUTE, &[("prefer", "respond-async")], &body)
            .await;
        answer.success(202);
    }
    clock.advance(Duration::from_mins(6));
    let told = operator.wait_for(1).await[0].json();
    assert_eq!(
        (&told["type"], &told["data"]["channel"], &told["data"]["whoActs"]),
        (&json!("delivery.overdue"), &json!("WooridongneTV"), &json!("operator"))
    );
    // What is told next comes after it; and of a breaker its owners hear, too.
    clock.advance(Duration::from_mins(1));
    let order = json!({"action": "force_open"});
    service.post("/api/channels/GenieTV/breaker", &order).await.success(200);
    let told = operator.wait_for(2).await;
    assert_eq!((told.len(), &told[1].json()["type"]), (2, &json!("breaker.opened")));
    let told = owner.wait_for(1).await;
    assert_eq!((told.len(), &told[0].json()["type"]), (1, &json!("breaker.opened")));
    service.stop().await;
}
