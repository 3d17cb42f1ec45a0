//! What a preview asks of live channels before anything is sent.

use serde_json::{Value, json};

use crate::live::{goes_wrong, live, once, request, simulator};
use crate::support::Service;

/// By the channel's own word, and it waits for nobody who does not give it.
#[tokio::test]
async fn the_preview_says_what_instagram_still_takes() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let preview = async |event: &str| {
        let asked = request(&simulator, event);
        service.post("/api/distribution/preview", &asked).await.success(200)["channels"].clone()
    };
    let shown = preview("evt-1").await;
    assert_eq!((&shown[0]["quota"], &shown[1]["quota"]), (&Value::Null, &json!(100)));
    assert_eq!(shown[1]["warnings"], json!([]));
    service.distribute(&request(&simulator, "evt-1")).await.success(200);
    assert_eq!(preview("evt-2").await[1]["quota"], 99);

    let used_up = json!({"data": [{"quota_usage": 100, "config": {"quota_total": 100, "quota_duration": 86_400}}]});
    let fault = json!({"kind": "answer", "status": 200, "body": used_up});
    goes_wrong(&simulator, &once("instagram", "quota", &fault)).await;
    let shown = preview("evt-2").await;
    assert_eq!(shown[1]["quota"], 0);
    assert_eq!(shown[1]["warnings"][0]["code"], "quota_exhausted", "{shown}");
    let fault = json!({"kind": "answer", "status": 500, "body": {}});
    goes_wrong(&simulator, &once("instagram", "quota", &fault)).await;
    assert!(preview("evt-2").await[1]["quota"].is_null());

    // A channel whose breaker is open is not asked.
    let open = json!({"action": "force_open"});
    let path = "/api/channels/Instagram/breaker";
    service.post(path, &open).await.success(200);
    assert!(preview("evt-2").await[1]["quota"].is_null());
    service.stop().await;
}
