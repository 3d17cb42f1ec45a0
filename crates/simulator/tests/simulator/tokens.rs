//! Instagram's tokens: an hour, exchanged for sixty days, renewed when a day old and
//! before they lapse.

use std::time::Duration;

use serde_json::Value;

use super::{ask, effects, start};
use fanfare_simulator::RunningSimulator;

const DAY: Duration = Duration::from_hours(24);

async fn get(simulator: &RunningSimulator, path: &str) -> (u16, Value) {
    ask(simulator, "GET", &format!("/instagram/{path}"), &[], "").await
}

async fn renew(simulator: &RunningSimulator, token: &str) -> (u16, Value) {
    let path = format!("refresh_access_token?grant_type=ig_refresh_token&access_token={token}");
    get(simulator, &path).await
}

async fn exchange(simulator: &RunningSimulator, token: &str, secret: &str) -> (u16, Value) {
    let path = format!("access_token?grant_type=ig_exchange_token&client_secret={secret}&access_token={token}");
    get(simulator, &path).await
}

fn given(answer: &(u16, Value)) -> String {
    assert_eq!(
        (answer.0, &answer.1["token_type"]),
        (200, &"bearer".into()),
        "{answer:?}"
    );
    assert_eq!(answer.1["expires_in"], 60 * DAY.as_secs());
    answer.1["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_short_lived_token_is_exchanged_within_its_hour() {
    let simulator = start().await;
    assert_eq!(exchange(&simulator, "short", "wrong").await.0, 400);
    assert_eq!(renew(&simulator, "short").await.0, 400, "only a long-lived one is");
    let long = given(&exchange(&simulator, "short", "secret").await);
    assert_eq!(exchange(&simulator, &long, "secret").await.0, 400, "once is enough");
    simulator.clock().advance(Duration::from_hours(1));
    assert_eq!(exchange(&simulator, "short", "secret").await.1["error"]["code"], 190);
    let media = format!("v26.0/1/media?access_token={long}");
    assert_eq!(get(&simulator, &media).await.0, 200);
}

#[tokio::test]
async fn a_long_lived_token_is_renewed_when_it_is_a_day_old_and_has_not_lapsed() {
    let simulator = start().await;
    let first = given(&exchange(&simulator, "short", "secret").await);
    simulator.clock().advance(Duration::from_secs(24 * 3_600 - 1));
    assert_eq!(renew(&simulator, &first).await.0, 400, "too young");
    simulator.clock().advance(Duration::from_secs(1));
    let second = given(&renew(&simulator, &first).await);
    assert_ne!(second, first);
    simulator.clock().advance(59 * DAY);
    assert_eq!(
        renew(&simulator, &first).await.1["error"]["error_subcode"],
        463,
        "it has lapsed"
    );
    let debug = format!("v26.0/debug_token?input_token={second}&access_token={second}");
    let (_, told) = get(&simulator, &debug).await;
    let left = told["data"]["expires_at"].as_i64().unwrap() - simulator.clock().now().as_second();
    assert_eq!(u64::try_from(left).unwrap(), DAY.as_secs());
    given(&renew(&simulator, &second).await);
    simulator.clock().advance(DAY);
    let media = format!("v26.0/1/media?access_token={second}");
    assert_eq!(get(&simulator, &media).await.1["error"]["code"], 190);
    assert!(effects(&simulator).await.is_empty());
}
