//! Notices of several nodes: each is told once, by whichever of them, and goes on
//! when one dies.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cluster::{Cluster, given};
use crate::load::call;
use crate::receiver::{Got, Receiver};
use crate::support::DISTRIBUTE;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_notice_is_told_once_whichever_node_knows_of_it() {
    let receiver = Receiver::start().await;
    let notices = format!(
        "[{{name = \"ops\", kind = \"webhook\", url = \"{}\", secret = \"{SECRET}\", allow_inside = true}}]",
        receiver.url()
    );
    let settings = [
        ("FANFARE_NOTICES", notices.as_str()),
        ("FANFARE_ENGINE__MAX_ATTEMPTS", "1"),
        ("FANFARE_CHANNELS__INSTAGRAM__PROTOCOL", "gateway"),
        ("FANFARE_CHANNELS__INSTAGRAM__BASE_URL", "http://127.0.0.1:9"),
    ];
    let cluster = Cluster::start_over(2, &given("FANFARE_TEST_DATABASE_URL"), &settings).await;
    let distribute = async |cluster: &Cluster, node: usize, event: &str| {
        let body = json!({
            "eventId": event, "channels": ["Instagram"], "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
            "channelOptions": {"Instagram": {"caption": "여는 날"}},
        });
        let (status, answer) = call(cluster.nodes[node].address, "POST", DISTRIBUTE, Some(&body))
            .await
            .unwrap();
        assert_eq!((status, &answer["status"]), (200, &json!("FAILED")), "{answer}");
    };
    // Fewer than would open a breaker.
    for number in 0..4 {
        distribute(&cluster, number % 2, &format!("evt-{number}")).await;
    }
    receiver.wait_for(4).await;
    let order = json!({"action": "force_open", "reason": "test"});
    let path = "/api/channels/GenieTV/breaker";
    let (status, answer) = call(cluster.nodes[0].address, "POST", path, Some(&order))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    receiver.wait_for(5).await;
    cluster.nodes[0].signal("KILL");
    for number in 4..6 {
        distribute(&cluster, 1, &format!("evt-{number}")).await;
    }
    let told = receiver.wait_for(7).await;
    let ids: BTreeSet<_> = told.iter().map(Got::id).collect();
    assert_eq!((told.len(), ids.len()), (7, 7));
    let opened = told.iter().filter(|got| got.json()["type"] == "breaker.opened").count();
    assert_eq!(opened, 1, "both nodes' breakers are open");
}
