//! What only a shared cache can get wrong, on a real server: other people's
//! values, several nodes, an outage seen from the inside.
//!
//! That the service bears Redis being hung or killed is tested from outside, in
//! `tests/http/shared_cache.rs`.

use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_core::ids::DistributionId;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::*;
use crate::clock::SystemClock;
use crate::status::STATUS_TTL;
use crate::status::tests::{Subject, distribution, new_event, order};

fn url() -> Secret {
    let url = std::env::var("FANFARE_TEST_REDIS_URL");
    Secret::new(url.expect("set FANFARE_TEST_REDIS_URL to a Redis for tests, such as redis://127.0.0.1:6379"))
}

async fn node() -> Arc<RedisStatusCache> {
    let clock = Arc::new(SystemClock::default());
    let cache = RedisStatusCache::start(&url(), STATUS_TTL, clock).await.unwrap();
    assert!(cache.shared.link.probe_due().is_none(), "Redis did not answer");
    Arc::new(cache)
}

pub(in crate::status) async fn subject() -> Subject<RedisStatusCache> {
    let cache = node().await;
    Subject {
        event: new_event(),
        cache,
    }
}

impl Subject<RedisStatusCache> {
    /// Another node's view of the same event.
    async fn elsewhere(&self) -> Self {
        let cache = node().await;
        Self {
            event: self.event.clone(),
            cache,
        }
    }

    fn key(&self) -> String {
        cache_key(&TenantId::default(), &self.event)
    }
}

async fn server() -> MultiplexedConnection {
    let client = Client::open(url().reveal()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn the_contracts_key_holds_status_and_results_for_the_configured_time() {
    let (subject, mut server) = (subject().await, server().await);
    subject.put(1, 4).await;
    let value: String = server.get(subject.key()).await.unwrap();
    assert_eq!(value, r#"{"status":"COMPLETED","results":[]}"#);
    for key in [subject.key(), companion_key(&subject.key())] {
        let left: i64 = server.ttl(&key).await.unwrap();
        assert!((3_590..=3_600).contains(&left), "{key}: {left}");
    }
    subject.moving(1, 5).await;
    assert!(!server.exists::<_, bool>(subject.key()).await.unwrap());
    subject.put(1, 3).await;
    assert!(!server.exists::<_, bool>(subject.key()).await.unwrap(), "a late put");
}

#[tokio::test]
async fn the_contracts_key_of_a_tenant_is_another() {
    let (subject, mut server) = (subject().await, server().await);
    assert!(subject.put_for("shop", 1, 1).await);
    assert!(!server.exists::<_, bool>(subject.key()).await.unwrap());
    let key = format!("shop/{}", subject.key());
    assert!(server.exists::<_, bool>(key).await.unwrap());
}

#[tokio::test]
async fn other_peoples_values_are_missed_and_overwritten() {
    let (subject, mut server) = (subject().await, server().await);
    let companion = companion_key(&subject.key());
    let later = format!("{}R{{\"of\":\"another version\"}}", "0".repeat(42));
    for foreign in ["", "x", "{\"status\":\"COMPLETED\"}", &later] {
        let _: () = server.set(&companion, foreign).await.unwrap();
        assert_eq!(subject.cached().await, None, "{foreign}");
        subject.put(1, 1).await;
        assert_eq!(subject.cached().await, Some(order(1, 1)), "{foreign}");
    }
    for key in [companion, subject.key()] {
        let _: () = server.del(&key).await.unwrap();
        let _: () = server.rpush(&key, "a list").await.unwrap();
        subject.put(1, 2).await;
        assert_eq!(subject.cached().await, Some(order(1, 2)), "{key}");
    }
    assert!(!subject.cache.shared.link.is_suspicious(), "none of it is a failure");
}

#[tokio::test]
async fn one_tenants_value_under_anothers_key_is_missed() {
    let (subject, mut server) = (subject().await, server().await);
    assert!(subject.put_for("shop", 1, 1).await);
    let shops = cache_key(&TenantId::new("shop"), &subject.event);
    let value: Vec<u8> = server.get(companion_key(&shops)).await.unwrap();
    let _: () = server.set(companion_key(&subject.key()), value).await.unwrap();
    assert_eq!(subject.cached_for("shop").await, Some(order(1, 1)));
    assert_eq!(subject.cached().await, None);
}

#[tokio::test]
async fn what_was_flushed_is_missed_and_put_again() {
    let (subject, mut server) = (subject().await, server().await);
    subject.put(1, 1).await;
    let keys = [subject.key(), companion_key(&subject.key())];
    let _: () = server.del(&keys[..]).await.unwrap();
    // A flushed server, or one that was started anew, has no script either.
    let _: () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut server)
        .await
        .unwrap();
    assert_eq!(subject.cached().await, None);
    subject.put(1, 1).await;
    assert_eq!(subject.cached().await, Some(order(1, 1)));
}

#[tokio::test]
async fn a_mark_that_redis_did_not_get_is_owed_and_hides_what_redis_says() {
    let node = subject().await;
    let other = node.elsewhere().await;
    node.put(1, 2).await;
    assert_eq!(other.cached().await, Some(order(1, 2)));
    // As after a call that failed: noted here, and not there.
    let now = node.cache.shared.clock.now();
    node.cache.shared.owed().note(&node.key(), order(1, 3), now);
    assert_eq!(node.cached().await, None);
    assert!(!node.put_for("default", 1, 3).await, "what moves is not put");
    assert_eq!(other.cached().await, Some(order(1, 2)));
    node.cache.shared.send_owed().await;
    assert_eq!(other.cached().await, None, "the mark has arrived");
    assert!(!node.cache.shared.owed().holds(&node.key()));
    node.put(1, 4).await;
    assert_eq!(
        (node.cached().await, other.cached().await),
        (Some(order(1, 4)), Some(order(1, 4)))
    );
}

#[tokio::test]
async fn a_newer_put_settles_a_mark_and_an_older_one_does_not() {
    let node = subject().await;
    let now = node.cache.shared.clock.now();
    let owes = |number| node.cache.shared.owed().note(&node.key(), order(2, number), now);
    owes(3);
    assert!(!node.put_for("default", 1, 9).await);
    assert!(node.cache.shared.owed().holds(&node.key()));
    owes(3);
    node.put(2, 4).await;
    assert_eq!(node.cached().await, Some(order(2, 4)));
}

#[tokio::test]
async fn puts_of_many_nodes_end_with_the_newest() {
    let first = subject().await;
    let nodes = [first.elsewhere().await, first.elsewhere().await, first];
    let puts = nodes.iter().enumerate().map(|(place, node)| async move {
        for number in (1 + place..=60).step_by(3) {
            node.put(1, u32::try_from(number).unwrap()).await;
        }
    });
    futures_util::future::join_all(puts).await;
    for node in &nodes {
        assert_eq!(node.cached().await, Some(order(1, 60)));
    }
}

/// A server that says OK to everything until it falls silent.
struct Mute {
    url: Secret,
    silent: Arc<AtomicBool>,
}

impl Mute {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Secret::new(format!("redis://{}", listener.local_addr().unwrap()));
        let silent = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&silent);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(say_ok(client, Arc::clone(&told)));
            }
        });
        Self { url, silent }
    }

    async fn cache(&self) -> Subject<RedisStatusCache> {
        let cache = RedisStatusCache::start(&self.url, STATUS_TTL, Arc::new(SystemClock::default())).await;
        Subject {
            event: new_event(),
            cache: Arc::new(cache.unwrap()),
        }
    }
}

async fn say_ok(mut client: TcpStream, silent: Arc<AtomicBool>) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = client.read(&mut bytes).await {
        // Each command begins with the number of its parts.
        let commands = String::from_utf8_lossy(&bytes[..count]).matches('*').count();
        if !silent.load(Ordering::Relaxed) {
            _ = client.write_all("+OK\r\n".repeat(commands).as_bytes()).await;
        }
    }
}

impl Subject<RedisStatusCache> {
    fn is_left_alone(&self) -> bool {
        self.cache.shared.link.probe_due().is_some()
    }
}

#[tokio::test]
async fn a_hang_is_found_within_a_second_though_nobody_asks() {
    let server = Mute::start().await;
    let subject = server.cache().await;
    assert!(!subject.is_left_alone());
    server.silent.store(true, Ordering::Relaxed);
    let hung = Instant::now();
    while !subject.is_left_alone() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(hung.elapsed() < Duration::from_secs(1), "{:?}", hung.elapsed());
}

#[tokio::test]
async fn those_who_ask_during_a_hang_wait_once_and_what_moved_is_owed() {
    let server = Mute::start().await;
    let subject = server.cache().await;
    server.silent.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    let (put, cached, ()) = tokio::join!(subject.put_for("default", 1, 1), subject.cached(), subject.moving(1, 2));
    assert_eq!((put, cached), (false, None));
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert!(subject.is_left_alone(), "three failed");
    assert!(subject.cache.shared.owed().holds(&subject.key()));
}

#[tokio::test]
async fn a_server_that_never_answers_holds_the_start_up_for_a_second_at_most() {
    let server = Mute::start().await;
    server.silent.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let subject = server.cache().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(subject.is_left_alone());
    assert_eq!(subject.cached().await, None);
    assert!(!subject.put_for("default", 1, 1).await);
}

#[test]
fn a_companion_holds_nothing_of_the_request() {
    let distribution = distribution("default", &new_event(), 1, 1);
    let status = CachedStatus::new(&distribution, Arc::new([DistributionId(Uuid::nil())]));
    let write = Write::resting(&status, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert!(!write.companion.contains("request"), "{}", write.companion);
}
