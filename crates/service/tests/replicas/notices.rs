//! Notices of several nodes: each is told once, by whichever of them; of one that
//! dies in the midst of it, none is lost and none comes as another.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::cluster::{Cluster, PATIENCE, given};
use crate::load::call;
use crate::observed::{count, database};
use crate::receiver::{Got, Mood, Receiver};
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
        // Links are the same, whichever node gives them.
        ("FANFARE_PUBLIC_URL", "https://fanfare.example"),
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
    let before = receiver.wait_for(5).await;
    // While the other stands still, the first one holds the endpoint, and dies in the
    // midst of a sending; one more waits behind it.
    nobody_tells(&cluster).await;
    receiver.be(Mood::Silent);
    cluster.nodes[1].signal("STOP");
    distribute(&cluster, 0, "evt-4").await;
    let unheard = receiver.wait_for(6).await.remove(5);
    distribute(&cluster, 0, "evt-5").await;
    cluster.nodes[0].signal("KILL");
    cluster.nodes[1].signal("CONT");
    receiver.be(Mood::Well);
    distribute(&cluster, 1, "evt-6").await;
    // Not before the dead one's hold is over.
    let told = patiently(&receiver, 9).await;
    distribute(&cluster, 1, "evt-7").await;
    let told = patiently(&receiver, told.len() + 1).await;
    assert_eq!(told.len(), 10, "nothing else came");
    let ids: BTreeSet<_> = told.iter().map(Got::id).collect();
    assert_eq!(ids.len(), 9);
    let again: Vec<_> = told.iter().filter(|got| got.id() == unheard.id()).collect();
    assert_eq!((again.len(), &again[1].body), (2, &unheard.body), "the same message");
    assert!(before.iter().all(|got| got.id() != unheard.id()));
    let mut events: Vec<_> = told.iter().filter_map(event).collect();
    events.sort();
    events.dedup();
    let expected: Vec<_> = (0..8).map(|number| format!("evt-{number}")).collect();
    assert_eq!(events, expected, "none is lost");
    let opened = told.iter().filter(|got| got.json()["type"] == "breaker.opened").count();
    assert_eq!(opened, 1, "both nodes' breakers are open");
}

/// Waits until all is told and no node holds an endpoint.
async fn nobody_tells(cluster: &Cluster) {
    let database = database(cluster).await;
    let busy = "SELECT (SELECT count(*) FROM notice_endpoints WHERE held_by IS NOT NULL)
         + (SELECT count(*) FROM notices WHERE due_at IS NOT NULL)";
    let deadline = Instant::now() + PATIENCE;
    while count(&database, busy).await > 0 {
        assert!(Instant::now() < deadline, "somebody is still told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn event(got: &Got) -> Option<String> {
    Some(got.json()["data"]["eventId"].as_str()?.to_owned())
}

/// All that came, once it is as many; longer than the receiver waits by itself.
async fn patiently(receiver: &Receiver, count: usize) -> Vec<Got> {
    let deadline = Instant::now() + PATIENCE;
    while receiver.all().len() < count && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    receiver.wait_for(count).await
}
