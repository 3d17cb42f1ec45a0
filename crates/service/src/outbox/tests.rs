//! The relay over a store and a publisher in memory, under paused time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fanfare_core::distribution::Distribution;
use fanfare_core::event::event_uuid;
use fanfare_core::ids::{EventId, Incarnation, TenantId};
use fanfare_ledger::outbox::{MarkKind, Outbox, PARTITIONS, Partition, Replay};
use fanfare_ledger::suite::outbox::{next_version, published};
use fanfare_ledger::{MemoryStore, Store};
use jiff::Timestamp;
use rand::SeedableRng;
use tokio::time::{Instant, sleep};

use super::publisher::{MemoryPublisher, Message};
use super::*;
use crate::clock::ManualClock;
use crate::status::{CachedStatus, Reply};

struct Bench {
    store: Arc<MemoryStore>,
    publisher: Arc<MemoryPublisher>,
    link: Arc<Link>,
    token: Incarnation,
    relay: Option<Running>,
}

fn ten() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn settings() -> EventSettings {
    let headers = [("__TypeId__".to_owned(), "com.example.Completed".to_owned())];
    EventSettings {
        source: "/shop".to_owned(),
        headers: headers.into(),
    }
}

impl Bench {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let token = store.begin_incarnation(ten()).await.unwrap();
        Self {
            store,
            publisher: Arc::default(),
            link: Arc::default(),
            token,
            relay: None,
        }
    }

    fn parts(&self) -> Parts {
        Parts {
            store: Arc::clone(&self.store) as _,
            life: Life::new(self.token),
            publisher: Some((Arc::clone(&self.publisher) as _, settings())),
            shared_cache: None,
            link: Arc::clone(&self.link),
            clock: Arc::new(ManualClock::new(ten())),
            rng: StdRng::seed_from_u64(1),
        }
    }

    fn start(&mut self) {
        self.relay = Some(start(self.parts()));
    }

    async fn stop(&mut self) {
        self.relay.take().unwrap().stop().await;
    }

    async fn publish(&self, number: u64, event: &str) -> Distribution {
        let distribution = published(&*self.store, number, event, 1, self.token).await;
        self.link.rests(&distribution, false);
        distribution
    }

    async fn publish_again(&self, distribution: &mut Distribution) {
        next_version(&*self.store, distribution, 2, self.token).await;
        self.link.rests(distribution, false);
    }

    async fn unpublished(&self) -> usize {
        let all: Vec<_> = (0..PARTITIONS).map(Partition).collect();
        let found = self.store.unmarked(MarkKind::Published, &all, 0, 100_000).await;
        found.unwrap().len()
    }

    /// Waits until all is published, at most so long.
    async fn drained(&self, within: Duration) {
        let deadline = Instant::now() + within;
        while self.unpublished().await > 0 {
            assert!(Instant::now() < deadline, "it is not drained");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn taken(&self) -> Vec<(String, String)> {
        let taken = self.publisher.taken();
        taken
            .iter()
            .map(|message| (message.key.clone(), id_of(message)))
            .collect()
    }
}

fn id_of(message: &Message) -> String {
    header(message, "ce_id").unwrap().to_owned()
}

fn header<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    let mut headers = message.headers.iter();
    headers
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn id(event: &str, distribution: &Distribution, version: u32) -> (String, String) {
    (event.to_owned(), event_uuid(distribution.id, version).to_string())
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_outcome_is_published_at_once_dressed_as_it_should_be() {
    let mut bench = Bench::new().await;
    bench.start();
    sleep(10 * SECOND).await;
    let distribution = bench.publish(1, "행사-1").await;
    bench.drained(SECOND / 5).await;
    let taken = bench.publisher.taken();
    assert_eq!(taken.len(), 1);
    let message = &taken[0];
    assert_eq!(message.key, "행사-1");
    let trace = distribution.id.0.simple().to_string();
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "DistributionCompleted"),
        ("ce_source", "/shop"),
        ("ce_id", &event_uuid(distribution.id, 1).to_string()),
        ("ce_time", "2026-11-22T10:00:01Z"),
        ("ce_subject", "행사-1"),
        ("content-type", "application/json"),
        ("__TypeId__", "com.example.Completed"),
    ] {
        assert_eq!(header(message, name), Some(value), "{name}");
    }
    let traceparent = header(message, "traceparent").unwrap();
    assert!(
        traceparent.starts_with(&format!("00-{trace}-")) && traceparent.len() == 55,
        "{traceparent}"
    );
    assert_eq!(header(message, "ce_tenant"), None);
    let journal = bench.store.events(&distribution.tenant, 0, 1).await.unwrap();
    assert_eq!(message.payload, serde_json::to_vec(&journal[0].event).unwrap());
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_s_versions_keep_their_order() {
    let mut bench = Bench::new().await;
    let mut first = bench.publish(1, "evt-1").await;
    let other = bench.publish(2, "evt-2").await;
    bench.publish_again(&mut first).await;
    bench.publish_again(&mut first).await;
    bench.publisher.set_failing("evt-1", true);
    bench.start();
    sleep(SECOND / 2).await;
    // Another event does not wait for the one that fails.
    assert_eq!(bench.taken(), [id("evt-2", &other, 1)]);
    assert_eq!(bench.publisher.tries("evt-1"), 1, "its later versions wait, too");
    bench.publisher.set_failing("evt-1", false);
    bench.drained(15 * SECOND).await;
    let versions = [1, 2, 3].map(|version| id("evt-1", &first, version));
    assert_eq!(bench.taken()[1..], versions);
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_and_not_marked_is_published_again_under_its_id() {
    let mut bench = Bench::new().await;
    bench.publisher.set_silent("evt-1", true);
    let distribution = bench.publish(1, "evt-1").await;
    bench.start();
    sleep(SECOND).await;
    assert_eq!(bench.taken().len(), 1);
    let began = Instant::now();
    bench.stop().await;
    assert!(began.elapsed() < 5 * SECOND, "a stop does not wait for Kafka");
    assert_eq!(bench.unpublished().await, 1);
    bench.publisher.set_silent("evt-1", false);
    bench.start();
    bench.drained(SECOND).await;
    let expected = id("evt-1", &distribution, 1);
    assert_eq!(bench.taken(), [expected.clone(), expected]);
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_keeps_being_refused_is_a_dead_letter_until_a_person_says_so() {
    let mut bench = Bench::new().await;
    bench.publisher.set_refused("evt-1", true);
    let mut distribution = bench.publish(1, "evt-1").await;
    bench.start();
    bench.drained(60 * SECOND).await;
    assert_eq!(bench.publisher.tries("evt-1"), 5);
    let tenant = TenantId::default();
    let dead = bench.store.dead_letters(&tenant, 0, 9).await.unwrap();
    assert_eq!(
        (dead.len(), dead[0].entry.refusals, dead[0].reason.as_str()),
        (1, 5, "too large")
    );

    bench.publisher.set_refused("evt-1", false);
    bench.publish_again(&mut distribution).await;
    bench.drained(SECOND).await;
    assert_eq!(bench.taken(), [id("evt-1", &distribution, 2)], "later versions go on");
    sleep(10 * SECOND).await;
    assert_eq!(bench.link.view().backlog.dead, 1);

    let which = Replay {
        dead_only: true,
        ..Replay::default()
    };
    assert_eq!(bench.store.replay(&tenant, &which).await.unwrap(), 1);
    bench.drained(2 * SECOND).await;
    assert_eq!(bench.taken()[1], id("evt-1", &distribution, 1));
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_came_while_kafka_was_away_is_drained_when_it_is_back() {
    let mut bench = Bench::new().await;
    bench.publisher.set_away(true);
    bench.start();
    for number in 0..2_000 {
        bench.publish(number, &format!("evt-{number}")).await;
    }
    sleep(600 * SECOND).await;
    assert_eq!(bench.unpublished().await, 2_000);
    let view = bench.link.view();
    assert_eq!(view.trouble.unwrap().what.en, "it is away");
    assert_eq!(view.backlog.unpublished, 2_000);
    assert!(bench.publisher.tries("evt-0") < 100, "it is not asked all the time");

    bench.publisher.set_away(false);
    bench.drained(20 * SECOND).await;
    let mut ids: HashMap<_, _> = HashMap::new();
    for (key, id) in bench.taken() {
        assert_eq!(ids.insert(key, id), None, "exactly one each");
    }
    assert_eq!(ids.len(), 2_000);
    sleep(6 * SECOND).await;
    assert_eq!(bench.link.view(), View::default());
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_publishes_what_has_just_come_to_rest() {
    let mut bench = Bench::new().await;
    bench.start();
    sleep(SECOND).await;
    for number in 0..1_200 {
        bench.publish(number, &format!("evt-{number}")).await;
    }
    bench.stop().await;
    assert_eq!(bench.unpublished().await, 0);
}

/// A cache that several nodes share; it can be away.
#[derive(Default)]
struct SharedCache {
    away: AtomicBool,
    puts: AtomicUsize,
    held: Mutex<HashMap<EventId, CachedStatus>>,
}

impl StatusCache for SharedCache {
    fn get<'a>(&'a self, _: &'a TenantId, _: &'a EventId) -> Reply<'a, Option<CachedStatus>> {
        Box::pin(async { None })
    }

    fn put(&self, status: CachedStatus) -> Reply<'_, bool> {
        Box::pin(async move {
            if self.away.load(Ordering::Relaxed) {
                return false;
            }
            self.puts.fetch_add(1, Ordering::Relaxed);
            let event = status.event_id.clone();
            self.held.lock().unwrap().insert(event, status);
            true
        })
    }

    fn moving<'a>(&'a self, _: &'a Distribution) -> Reply<'a, ()> {
        Box::pin(async {})
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_cache_gets_what_it_lacks_and_nothing_twice() {
    let mut bench = Bench::new().await;
    let cache = Arc::new(SharedCache::default());
    let parts = Parts {
        shared_cache: Some((Arc::clone(&cache) as _, Duration::from_hours(1))),
        ..bench.parts()
    };
    cache.away.store(true, Ordering::Relaxed);
    bench.relay = Some(start(parts));
    let lost = bench.publish(1, "evt-1").await;
    let own = published(&*bench.store, 2, "evt-2", 1, bench.token).await;
    bench.link.rests(&own, true);
    sleep(5 * SECOND).await;
    let all: Vec<_> = (0..PARTITIONS).map(Partition).collect();
    let uncached = async || bench.store.unmarked(MarkKind::Cached, &all, 0, 9).await.unwrap().len();
    assert_eq!(uncached().await, 1, "what the performer has cached is marked");
    cache.away.store(false, Ordering::Relaxed);
    sleep(5 * SECOND).await;
    assert_eq!(uncached().await, 0);
    assert_eq!(cache.puts.load(Ordering::Relaxed), 1);
    let held = cache.held.lock().unwrap().get(&lost.event_id).cloned();
    assert_eq!(held, Some(CachedStatus::new(&lost, [].into())));
    assert_eq!(bench.unpublished().await, 0, "Kafka has both");
    bench.stop().await;
}
