//! Endpoints for notices, which several nodes have configured otherwise for a while.

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::notice::{Notice, NoticeKind, Subject, Subscription};
use fanfare_ledger::notices::{FORGOTTEN, Holder, Notices, SILENT};
use fanfare_ledger::{PostgresStore, Store};
use jiff::Timestamp;

use super::database::Database;
use super::nodes::at;

type Configured = Vec<(String, String)>;

fn configured(endpoints: &[(&str, &str)]) -> Configured {
    let own = |(name, print): &(&str, &str)| ((*name).to_owned(), (*print).to_owned());
    endpoints.iter().map(own).collect()
}

/// A node that begins.
async fn node(database: &Database, endpoints: &Configured, now: Timestamp) -> PostgresStore {
    let store = database.store().await;
    store.configure_endpoints(endpoints, now).await.unwrap();
    let subscriptions: Vec<_> = endpoints
        .iter()
        .map(|(name, _)| Subscription {
            endpoint: name.clone(),
            kinds: NoticeKind::ALL.into(),
            tenant: None,
        })
        .collect();
    store.subscribe(Arc::from(subscriptions));
    store
}

/// Whether the node may send to `ops`.
async fn holds(store: &PostgresStore, endpoints: &Configured, now: Timestamp) -> bool {
    let token = store.begin_incarnation(now).await.unwrap();
    let (endpoint, fingerprint) = endpoints.iter().find(|(name, _)| name == "ops").unwrap().clone();
    let holder = Holder {
        endpoint,
        fingerprint,
        token,
    };
    let held = store.hold_endpoint(&holder, now, now + Duration::from_secs(30)).await;
    store.release_endpoint(&holder).await.unwrap();
    held.unwrap().is_some()
}

async fn tell(store: &PostgresStore, key: &str, now: Timestamp) {
    let subject = Subject::Relay {
        since: now,
        unpublished: 1,
    };
    store
        .raise_alarm(key, 1, &Notice::of_service(subject, now))
        .await
        .unwrap();
}

async fn names(store: &PostgresStore) -> Vec<(String, u64)> {
    let endpoints = store.endpoints().await.unwrap();
    endpoints.into_iter().map(|one| (one.name, one.pending)).collect()
}

fn after(span: jiff::SignedDuration, from: Timestamp) -> Timestamp {
    from.checked_add(span).unwrap()
}

/// Node by node from one configuration to another: who began last sends, and who is
/// behind neither sends to the old address nor takes the endpoint back.
#[tokio::test]
async fn who_began_last_sends_as_long_as_somebody_says_the_same() {
    let database = Database::new();
    let (old, new) = (configured(&[("ops", "old")]), configured(&[("ops", "new")]));
    let first = node(&database, &old, at(0)).await;
    assert!(holds(&first, &old, at(1)).await);
    let second = node(&database, &new, at(60)).await;
    first.name_endpoints(&old, at(61)).await.unwrap();
    assert!(!holds(&first, &old, at(62)).await, "it would send to the old address");
    assert!(holds(&second, &new, at(62)).await);
    second.name_endpoints(&new, at(120)).await.unwrap();
    first.name_endpoints(&old, after(SILENT, at(119))).await.unwrap();
    assert!(holds(&second, &new, after(SILENT, at(119))).await);
    // The new one was taken back: nobody has it configured so any more.
    let later = after(SILENT, at(120));
    first.name_endpoints(&old, later).await.unwrap();
    assert!(holds(&first, &old, later).await);
    assert!(!holds(&second, &new, later).await);
}

/// What one node has left out, and another still has, loses nothing; what nobody has
/// for long is forgotten, and is there again when somebody has it.
#[tokio::test]
async fn what_no_node_names_is_forgotten_after_a_day() {
    let database = Database::new();
    let both = configured(&[("cafe", "1"), ("ops", "1")]);
    let (old, new) = (configured(&[("cafe", "1")]), configured(&[("ops", "1")]));
    let first = node(&database, &both, at(0)).await;
    tell(&first, "a", at(1)).await;
    let second = node(&database, &new, at(60)).await;
    let pending = |name: &str, count| (name.to_owned(), count);
    assert_eq!(names(&second).await, [pending("cafe", 1), pending("ops", 1)]);
    let day = after(FORGOTTEN, at(0));
    second.name_endpoints(&new, day).await.unwrap();
    first.name_endpoints(&both, at(61)).await.unwrap();
    assert_eq!(second.forget_endpoints(day).await.unwrap(), Vec::<String>::new());
    let day = after(FORGOTTEN, at(61));
    assert_eq!(second.forget_endpoints(day).await.unwrap(), ["cafe"]);
    assert_eq!(names(&second).await, [pending("ops", 1)]);
    assert_eq!(first.due_notices("cafe", day, 9).await.unwrap(), []);
    first.name_endpoints(&old, day).await.unwrap();
    tell(&first, "b", day).await;
    assert_eq!(names(&first).await, [pending("cafe", 1), pending("ops", 2)]);
}

/// Where nobody is told of an alarm, nobody sees that it is over: it must not keep
/// the next one from being told.
#[tokio::test]
async fn an_alarm_goes_when_no_node_names_an_endpoint() {
    let database = Database::new();
    let ops = configured(&[("ops", "1")]);
    let store = node(&database, &ops, at(0)).await;
    let raise = async |now: Timestamp| {
        let subject = Subject::Relay {
            since: now,
            unpublished: 1,
        };
        let raised = store.raise_alarm("relay", 1, &Notice::of_service(subject, now)).await;
        raised.unwrap()
    };
    assert!(raise(at(1)).await);
    store
        .forget_endpoints(after(SILENT, at(0)).saturating_sub(Duration::from_secs(1)).unwrap())
        .await
        .unwrap();
    assert!(!raise(at(2)).await, "an endpoint is named");
    store.forget_endpoints(after(SILENT, at(0))).await.unwrap();
    assert!(raise(at(3)).await);
}
