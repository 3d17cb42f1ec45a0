//! What Kakao Channel's client counts for the frequency cap, and when it takes it back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanfare_channels::api::Api;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::kakao_channel::recipients::{Recipient, Recipients, RecipientsError};
use fanfare_channels::secret::Secret;
use fanfare_core::attempt::StepOutcome;
use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cases::once;
use crate::kakao::{Friends, MANY, client_for, friends, sent};
use crate::kakao_steps::{SENT, Walk};

/// A list that notes what is counted for the frequency cap, and what is taken back.
#[derive(Debug)]
struct Recording(Friends, Mutex<Vec<String>>);

impl Recording {
    fn note(&self, what: &str, request: &str) {
        self.1.lock().unwrap().push(format!("{what} {request}"));
    }

    /// Of the first request of this delivery.
    fn of_the_first(&self, walk: &Walk) -> Vec<String> {
        let first = format!(" {}.1", walk.call.delivery.idempotency_key());
        let notes = self.1.lock().unwrap();
        let what = notes.iter().filter_map(|note| note.strip_suffix(first.as_str()));
        what.map(str::to_owned).collect()
    }
}

#[async_trait]
impl Recipients for Recording {
    async fn of(&self, tenant: &TenantId, list: &str) -> Result<Vec<Recipient>, RecipientsError> {
        self.0.of(tenant, list).await
    }

    async fn admit(
        &self,
        _tenant: &TenantId,
        request: &str,
        people: Vec<Secret>,
        _now: Timestamp,
    ) -> Result<Vec<Secret>, RecipientsError> {
        self.note("admit", request);
        Ok(people)
    }

    async fn release(&self, _tenant: &TenantId, request: &str) {
        self.note("release", request);
    }
}

/// A client for this address, with that list.
fn recorded(walk: &Walk, base_url: &str, list: &Arc<Recording>) -> Arc<dyn ChannelClient> {
    let deadline = Duration::from_millis(250);
    let http = HttpClient::new(&HttpSettings {
        deadline,
        connect_timeout: deadline,
        ..HttpSettings::default()
    });
    let base = format!("{base_url}/{}", MANY.name).parse().unwrap();
    let pictures = walk.simulated.base_url().trim_start_matches("http://");
    let api = Api::new(http.unwrap(), base, Secret::new("token"));
    client_for(api, pictures, Arc::clone(list) as Arc<dyn Recipients>)
}

/// What is counted of the first request, and taken back: its sending fails so, or the
/// channel is not there at all.
async fn counted_after(fault: Option<Value>) -> Vec<String> {
    let mut walk = Walk::start_at("2026-11-24T10:00:00+09:00").await;
    let list = Arc::new(Recording(Friends(friends(23)), Mutex::default()));
    let live = recorded(&walk, walk.simulated.base_url(), &list);
    walk.client = Arc::clone(&live);
    walk.goes_on(SENT - 1).await;
    if let Some(fault) = fault {
        walk.simulated.goes_wrong(&once("send", &fault)).await;
        let outcome = walk.step().await;
        assert!(matches!(outcome, StepOutcome::Unknown(_)), "{fault}: {outcome:?}");
        assert_eq!(
            list.of_the_first(&walk),
            ["admit"],
            "{fault}: it may have reached somebody"
        );
        walk.is_looked_up().await;
    } else {
        walk.client = recorded(&walk, "http://127.0.0.1:1", &list);
        let outcome = walk.step().await;
        assert!(matches!(outcome, StepOutcome::Rejected { .. }), "{outcome:?}");
        assert_eq!(list.of_the_first(&walk), ["admit", "release"]);
        walk.client = live;
    }
    walk.is_all_sent().await;
    assert_eq!(sent(&walk.simulated).len(), 23);
    list.of_the_first(&walk)
}

/// It counts before it is sent, and is taken back where it provably reached nobody,
/// and only there.
#[tokio::test]
async fn what_may_have_reached_somebody_counts_and_what_has_not_is_taken_back() {
    let lost_and_done = counted_after(Some(json!({"kind": "drop-after"}))).await;
    assert_eq!(lost_and_done, ["admit"], "found, it counts once");
    let lost_and_absent = counted_after(Some(json!({"kind": "drop-before"}))).await;
    assert_eq!(lost_and_absent, ["admit", "release", "admit"]);
    let not_sent = counted_after(None).await;
    assert_eq!(not_sent, ["admit", "release", "admit"]);
}
