//! Connections that are killed, and a database that goes away and comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use fanfare_core::ids::TenantId;
use fanfare_core::write::{Write, Written};
use fanfare_ledger::{PostgresStore, Store, StoreError, bare};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::database::Database;
use super::nodes::{at, ids};

/// Given again until it is answered, as the engine does.
async fn commit(store: &PostgresStore, batch: &[Write]) -> Vec<Written> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match store.commit(batch.to_vec()).await {
            Ok(answers) => return answers,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a commit whose answer was lost was written or not, a write that is
/// given again is answered as its own, and is there once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_lose_and_repeat_nothing() {
    let database = Database::new();
    let name = database.settings.schema.clone();
    let mut settings = database.settings.clone();
    let sign = if settings.url.contains('?') { '&' } else { '?' };
    settings.url = format!("{}{sign}application_name={name}", settings.url);
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(at(0)).await.unwrap();
    let client = database.client().await;
    let killer = tokio::spawn(async move {
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = $1 AND pid <> pg_backend_pid()";
        let mut killed = 0;
        for _ in 0..40 {
            killed += client.query_one(kill, &[&name]).await.unwrap().get::<_, i64>(0);
            sleep(Duration::from_millis(40)).await;
        }
        killed
    });
    let (mut expected, mut number) = (BTreeSet::new(), 0);
    while !killer.is_finished() {
        let (accept, conclude) = bare::batch_of(number * 5, 5, at(0), token);
        number += 1;
        expected.extend(ids(&accept));
        let accepted = commit(&store, &accept).await;
        assert!(
            accepted.iter().all(|answer| matches!(answer, Written::Accepted { .. })),
            "{accepted:?}"
        );
        assert_eq!(commit(&store, &conclude).await, vec![Written::Recorded; 5]);
    }
    assert!(killer.await.unwrap() >= 10, "commits were disturbed");
    let mut events = BTreeSet::new();
    for entry in store.events(&TenantId::default(), 0, 100_000).await.unwrap() {
        assert!(events.insert(entry.event.distribution_id), "published once");
        let history = store
            .history(&TenantId::default(), entry.event.distribution_id)
            .await
            .unwrap();
        assert_eq!(history.map(|entries| entries.len()), Some(2));
    }
    assert_eq!(events, expected);
}

/// Passes connections on, until it is told to stop.
async fn proxy(port: u16, to: String) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut passed = JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let to = to.clone();
            passed.spawn(async move {
                if let Ok(mut to) = TcpStream::connect(to).await {
                    drop(copy_bidirectional(&mut from, &mut to).await);
                }
            });
        }
    });
    (port, tasks)
}

/// Errors come at once while it is away, and everything works when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_used_again() {
    let database = Database::new();
    let mut settings = database.settings.clone();
    let url: url::Url = settings.url.parse().unwrap();
    let to = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let (port, passing) = proxy(0, to.clone()).await;
    let mut through = url.clone();
    through.set_host(Some("127.0.0.1")).unwrap();
    through.set_port(Some(port)).unwrap();
    settings.url = through.to_string();
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(at(0)).await.unwrap();
    let (accept, conclude) = bare::batch_of(0, 5, at(0), token);
    store.commit(accept.clone()).await.unwrap();
    drop(passing);
    for _ in 0..3 {
        let began = Instant::now();
        let error = store.commit(conclude.clone()).await.unwrap_err();
        assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
        assert!(store.ping().await.is_err() && store.renew(token).await.is_err());
        assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
    }
    let (_, _passing) = proxy(port, to).await;
    assert_eq!(store.commit(conclude).await.unwrap(), vec![Written::Recorded; 5]);
    assert!(store.renew(token).await.unwrap().is_some());
    let events = store.events(&TenantId::default(), 0, 9).await.unwrap();
    assert_eq!(events.len(), 5);
}

/// A server that takes connections and says nothing does not keep anybody waiting.
#[tokio::test]
async fn a_silent_server_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings =
        fanfare_ledger::PostgresSettings::new(format!("postgres://fanfare:hunter2@127.0.0.1:{port}/fanfare"));
    let began = Instant::now();
    match PostgresStore::connect(&settings).await {
        Err(error @ StoreError::Database { .. }) => assert!(!format!("{error:?}").contains("hunter2")),
        Err(other) => panic!("waiting may help: {other:?}"),
        Ok(_) => panic!("nobody answered"),
    }
    assert!(began.elapsed() < Duration::from_secs(3), "after {:?}", began.elapsed());
}
