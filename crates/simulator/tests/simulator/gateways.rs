//! The contracts that are our own proposal, as a partner would keep them:
//! the gateway's keys and ids, 지니TV's orders and reviews, 링고비즈's tones.

use std::time::Duration;

use serde_json::{Value, json};

use super::{JSON, TOKEN, ask, effects, faults, start};

#[tokio::test]
async fn a_gateway_knows_its_keys_and_ids() {
    let simulator = start().await;
    let booking = |id: &str, budget: u64| {
        json!({"externalId": id, "mediaUrl": "https://a.kr/a.mp4", "regions": ["1114000000"], "timeSlots": [], "budget": budget})
            .to_string()
    };
    let path = "/wooridongne-tv/v1/distributions";
    let post = async |key: &str, body: &str| {
        let headers = [TOKEN, JSON, ("idempotency-key", key)];
        ask(&simulator, "POST", path, &headers, body).await
    };
    let first = post("k1", &booking("e1", 50_000)).await;
    assert_eq!((first.0, &first.1["estimatedViews"]), (202, &json!(5_000)));
    assert_eq!(
        post("k1", &booking("e1", 50_000)).await,
        first,
        "the first answer again"
    );
    assert_eq!(post("k1", &booking("e1", 60_000)).await.0, 409, "another body");
    assert_eq!(post("k2", &booking("e1", 50_000)).await.0, 409, "a known id");
    assert_eq!(post("k3", &booking("e3", 1)).await.0, 422);
    assert_eq!(post("k4", "[").await.0, 400);
    assert_eq!(
        ask(&simulator, "POST", path, &[TOKEN, JSON], &booking("e5", 50_000))
            .await
            .0,
        422,
        "no key"
    );
    assert_eq!(
        ask(&simulator, "POST", path, &[JSON, ("idempotency-key", "k")], "{}")
            .await
            .0,
        401
    );
    let found = ask(&simulator, "GET", &format!("{path}?externalId=e1"), &[TOKEN], "").await;
    assert_eq!(found.1["items"][0], first.1);
    let absent = ask(&simulator, "GET", &format!("{path}?externalId=e9"), &[TOKEN], "").await;
    assert_eq!(absent, (200, json!({"items": []})));
    assert_eq!(effects(&simulator).await.len(), 1);
}

fn new_order() -> Value {
    json!({
        "name": "n", "currency": "KRW", "budget": 300_000, "startdate": "2027-12-01", "enddate": "2027-12-14",
        "providerdata": {"campaignid": "c", "campaignname": "봄"},
    })
}

fn new_line() -> Value {
    json!({
        "name": "n", "productid": "p", "ratetype": "CPMV", "quantity": 30_000, "startdate": "2027-12-01",
        "enddate": "2027-12-14", "targeting": {"regions": ["1168000000"], "dayparts": []},
    })
}

/// A key is its own for each request, and remembered for a day.
#[tokio::test]
async fn genie_tv_reviews_a_booking_and_airs_it_once() {
    let simulator = start().await;
    let account = "/genie-tv/accounts/1";
    let send = async |method: &str, path: &str, key: &str, body: &Value| {
        let headers = [TOKEN, JSON, ("idempotency-key", key)];
        ask(
            &simulator,
            method,
            &format!("{account}/{path}"),
            &headers,
            &body.to_string(),
        )
        .await
    };
    let order = new_order();
    let made = send("POST", "orders", "k1", &order).await;
    assert_eq!(made.0, 201, "{made:?}");
    assert_eq!(
        send("POST", "orders", "k1", &order).await,
        made,
        "the first answer again"
    );
    assert_eq!(send("POST", "orders", "k2", &order).await.0, 409, "a known name");
    let mut long = order.clone();
    long["name"] = json!("n".repeat(101));
    assert_eq!(send("POST", "orders", "k3", &long).await.0, 422);
    assert_eq!(
        send("POST", "orders", "k1", &long).await.0,
        409,
        "the key of another request"
    );
    let order = made.1["id"].as_str().unwrap();
    let line = send("POST", &format!("orders/{order}/lines"), "k4", &new_line())
        .await
        .1;
    assert_eq!(line["bookingstatus"], "Draft");
    let line = format!("orders/{order}/lines/{}", line["id"].as_str().unwrap());
    let book = format!("{line}?book");
    let bare = send("PUT", &book, "k5", &json!({})).await;
    assert_eq!((bare.0, &bare.1["code"]), (422, &json!("creative_missing")));
    let creative = send(
        "POST",
        "creatives",
        "k6",
        &json!({"name": "n", "url": "https://a.kr/a.mp4"}),
    )
    .await
    .1;
    let assigned = json!({"lineid": line.rsplit('/').next(), "creativeid": creative["id"]});
    assert_eq!(send("POST", "assignments", "k7", &assigned).await.0, 201);
    assert_eq!(send("POST", "assignments", "k8", &assigned).await.0, 409, "once");
    let pending = send("PUT", &book, "k9", &json!({})).await;
    assert_eq!(
        (pending.0, &pending.1["bookingstatus"]),
        (202, &json!("PendingBooking"))
    );
    assert!(effects(&simulator).await.is_empty(), "not before the review");
    let status = async || {
        let path = format!("{account}/{line}");
        ask(&simulator, "GET", &path, &[TOKEN], "").await.1["bookingstatus"].clone()
    };
    simulator.clock().advance(Duration::from_secs(1));
    assert_eq!(status().await, "Booked");
    assert_eq!(
        send("PUT", &book, "k9", &json!({})).await,
        pending,
        "the first answer again"
    );
    let again = send("PUT", &book, "k10", &json!({})).await;
    assert_eq!((again.0, &again.1["bookingstatus"]), (200, &json!("Booked")));
    assert_eq!(effects(&simulator).await.len(), 1, "a line is booked once");
    simulator.clock().advance(Duration::from_hours(24 * 800));
    assert_eq!(status().await, "Finished");
    let elsewhere = ask(&simulator, "GET", &format!("/genie-tv/accounts/2/{line}"), &[TOKEN], "").await;
    assert_eq!(elsewhere.0, 404, "another account's");
    // Its name is known for ever, its key for a day.
    assert_eq!(send("POST", "orders", "k1", &long).await.0, 422);
}

#[tokio::test]
async fn genie_tv_declines_with_a_reason_and_nothing_airs() {
    let simulator = start().await;
    let rules = json!([{"step": "book", "fault": {"kind": "declined", "reason": "자막"}}]);
    assert_eq!(faults(&simulator, rules).await.0, 200);
    let account = "/genie-tv/accounts/1";
    let send = async |method: &str, path: &str, body: &Value| {
        let headers = [TOKEN, JSON, ("idempotency-key", path)];
        ask(
            &simulator,
            method,
            &format!("{account}/{path}"),
            &headers,
            &body.to_string(),
        )
        .await
        .1
    };
    let order = send("POST", "orders", &new_order()).await;
    let path = format!("orders/{}/lines", order["id"].as_str().unwrap());
    let line = send("POST", &path, &new_line()).await["id"].clone();
    let creative = send("POST", "creatives", &json!({"name": "n", "url": "https://a.kr/a.mp4"})).await;
    send(
        "POST",
        "assignments",
        &json!({"lineid": line, "creativeid": creative["id"]}),
    )
    .await;
    let line = format!("{path}/{}", line.as_str().unwrap());
    send("PUT", &format!("{line}?book"), &json!({})).await;
    simulator.clock().advance(Duration::from_secs(1));
    let declined = ask(&simulator, "GET", &format!("{account}/{line}"), &[TOKEN], "")
        .await
        .1;
    assert_eq!(
        (&declined["bookingstatus"], &declined["ext"]["declineReason"]),
        (&json!("Declined"), &json!("자막"))
    );
    let headers = [TOKEN, JSON, ("idempotency-key", "again")];
    let again = ask(&simulator, "PUT", &format!("{account}/{line}?book"), &headers, "{}").await;
    assert_eq!((again.0, &again.1["code"]), (409, &json!("declined")));
    assert!(effects(&simulator).await.is_empty());
}

#[tokio::test]
async fn a_tone_is_replaced_once_and_an_old_key_brings_none_back() {
    let simulator = start().await;
    let path = "/ringo-biz/v1/lines/+8225550134/ringback-tone";
    let put = async |key: &str, body: Value| {
        let headers = [TOKEN, JSON, ("idempotency-key", key)];
        ask(&simulator, "PUT", path, &headers, &body.to_string()).await
    };
    let tone = |id: &str, file: &str| json!({"externalId": id, "audioUrl": format!("https://a.kr/{file}")});
    let none = ask(&simulator, "GET", path, &[TOKEN], "").await;
    assert_eq!((none.0, &none.1["code"]), (404, &json!("tone_not_found")));
    let first = put("k1", tone("e1", "a.mp3")).await;
    assert_eq!((first.0, first.1["sha256"].as_str().map(str::len)), (200, Some(64)));
    simulator.clock().advance(Duration::from_secs(1));
    assert_eq!(
        put("k1b", tone("e1", "a.mp3")).await,
        first,
        "the same tone: nothing changes"
    );
    assert_eq!(
        put("k1", tone("e1", "b.mp3")).await.0,
        409,
        "the key of another request"
    );
    assert_eq!(put("k2", tone("e1", "b.mp3")).await.0, 409, "the id of another sound");
    assert_eq!(put("k3", tone("e3", "b.wav")).await.0, 200);
    assert_eq!(put("k1", tone("e1", "a.mp3")).await, first, "the first answer again");
    let now = ask(&simulator, "GET", path, &[TOKEN], "").await.1;
    assert_eq!(now["externalId"], "e3", "and no more than the answer");
    assert_eq!(effects(&simulator).await.len(), 2);
    for (id, file, status, code) in [("e4", "a.ogg", 415, "audio_rejected"), ("", "a.mp3", 422, "invalid")] {
        let refused = put("k4", tone(id, file)).await;
        assert_eq!((refused.0, &refused.1["code"]), (status, &json!(code)));
    }
    let unknown = "/ringo-biz/v1/lines/12/ringback-tone";
    let headers = [TOKEN, JSON, ("idempotency-key", "k5")];
    let refused = ask(&simulator, "PUT", unknown, &headers, &tone("e5", "a.mp3").to_string()).await;
    assert_eq!((refused.0, &refused.1["code"]), (404, &json!("line_not_found")));
}
