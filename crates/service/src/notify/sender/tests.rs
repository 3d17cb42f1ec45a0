//! One endpoint's loop, round by round, over a store in memory that can be told to
//! keep nothing, and counts how often it is asked to hold the endpoint.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::secret::Secret;
use fanfare_core::ids::Incarnation;
use fanfare_core::notice::{NoticeKind, Subscription};
use fanfare_core::text::Language;
use fanfare_ledger::MemoryStore;
use fanfare_ledger::notices::{Endpoint, Forgotten};
use jiff::Timestamp;
use rand::SeedableRng;

use super::super::sink::Form;
use super::*;
use crate::clock::SystemClock;

#[derive(Default)]
struct Watched {
    inner: MemoryStore,
    keeps_nothing: AtomicBool,
    holds: AtomicUsize,
}

#[async_trait]
impl Notices for Watched {
    fn subscribe(&self, subscriptions: Arc<[Subscription]>) {
        self.inner.subscribe(subscriptions);
    }

    async fn configure_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        self.inner.configure_endpoints(endpoints, now).await
    }

    async fn name_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        self.inner.name_endpoints(endpoints, now).await
    }

    async fn forget_endpoints(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.inner.forget_endpoints(now).await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.inner.endpoints().await
    }

    async fn look_at_endpoint(&self, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, StoreError> {
        self.inner.look_at_endpoint(name, now).await
    }

    async fn hold_endpoint(
        &self,
        holder: &Holder,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        self.holds.fetch_add(1, Ordering::Relaxed);
        self.inner.hold_endpoint(holder, now, until).await
    }

    async fn release_endpoint(&self, holder: &Holder) -> Result<(), StoreError> {
        self.inner.release_endpoint(holder).await
    }

    async fn enable_endpoint(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.inner.enable_endpoint(name, now).await
    }

    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError> {
        self.inner.due_notices(endpoint, now, limit).await
    }

    /// As with a disk that is full: all can be read.
    async fn note_sending(&self, holder: &Holder, noted: &Noted) -> Result<(), StoreError> {
        if self.keeps_nothing.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        self.inner.note_sending(holder, noted).await
    }

    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError> {
        self.inner.raise_alarm(key, level, notice).await
    }

    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError> {
        self.inner.clear_alarm(key, unseen_since, notice).await
    }

    async fn forget_notices(&self, made_before: Timestamp) -> Result<Forgotten, StoreError> {
        self.inner.forget_notices(made_before).await
    }
}

/// A sender, and what it sends to and reads from.
struct World {
    store: Arc<Watched>,
    sender: Sender,
    posts: Arc<AtomicUsize>,
    stopping: watch::Receiver<bool>,
    _stop: watch::Sender<bool>,
}

impl World {
    async fn new(name: &str) -> Self {
        let (store, posts) = (Arc::<Watched>::default(), Arc::<AtomicUsize>::default());
        let subscription = Subscription {
            endpoint: name.to_owned(),
            kinds: NoticeKind::ALL.into(),
            tenant: None,
        };
        store.subscribe(Arc::from([subscription]));
        let configured = [(name.to_owned(), "1".to_owned())];
        store
            .configure_endpoints(&configured, SystemClock::default().now())
            .await
            .unwrap();
        let counted = Arc::clone(&posts);
        let router = Router::new().fallback(async move || {
            counted.fetch_add(1, Ordering::Relaxed);
            StatusCode::NO_CONTENT
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = HttpClient::new(&HttpSettings::default()).unwrap();
        let sender = Sender {
            name: name.to_owned(),
            fingerprint: "1".to_owned(),
            sink: Sink {
                form: Form::Chat(http, Secret::new(url)),
                language: Language::En,
                base: "https://fanfare.example".into(),
            },
            store: Arc::<Watched>::clone(&store),
            life: Life::new(Incarnation(1)),
            clock: Arc::new(SystemClock::default()),
            rng: StdRng::seed_from_u64(1),
            unkept: None,
            standing: Standing::default(),
        };
        let (stop, stopping) = watch::channel(false);
        Self {
            store,
            sender,
            posts,
            stopping,
            _stop: stop,
        }
    }

    /// So many more are to be told.
    async fn add(&self, count: u64) {
        for number in 0..count {
            let subject = Subject::DeadLetters { count: number };
            let notice = Notice::of_service(subject, self.sender.clock.now());
            let key = notice.id.to_string();
            self.store.raise_alarm(&key, 1, &notice).await.unwrap();
        }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        self.sender.round(&self.stopping).await
    }

    fn posts(&self) -> usize {
        self.posts.load(Ordering::Relaxed)
    }

    fn holds(&self) -> usize {
        self.store.holds.load(Ordering::Relaxed)
    }

    async fn pending(&self) -> u64 {
        self.store.endpoints().await.unwrap()[0].pending
    }
}

/// The disk is full, and not for a second only.
#[tokio::test]
async fn what_came_of_a_notice_and_could_not_be_kept_is_not_sent_again() {
    let mut world = World::new("full").await;
    world.add(2).await;
    world.store.keeps_nothing.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        world.round().await.unwrap_err();
        assert_eq!((world.posts(), world.pending().await), (1, 2));
    }
    world.store.keeps_nothing.store(false, Ordering::Relaxed);
    world.round().await.unwrap();
    assert_eq!((world.posts(), world.pending().await), (2, 0), "each was sent once");
}

#[tokio::test]
async fn all_that_is_due_is_told_in_one_round_with_one_hold_for_each() {
    let mut world = World::new("busy").await;
    world.add(2 * AT_ONCE as u64 + 1).await;
    world.round().await.unwrap();
    assert_eq!(
        (world.posts(), world.holds(), world.pending().await),
        (2 * AT_ONCE + 1, 2 * AT_ONCE + 1, 0)
    );
}

/// What a look costs is a read, and it shows how the endpoint is: also after a start.
#[tokio::test]
async fn an_endpoint_that_is_told_nothing_is_only_looked_at() {
    let metrics = telemetry::recorder();
    let mut world = World::new("disabled").await;
    world.add(2).await;
    let now = world.sender.clock.now();
    let holder = world.sender.holder();
    let due = world.store.due_notices("disabled", now, 1).await.unwrap().remove(0);
    let noted = Noted {
        position: due.position,
        attempts: 1,
        fate: NoticeFate::GivenUp,
        at: now,
        health: EndpointHealth {
            disabled_at: Some(now),
            ..EndpointHealth::default()
        },
        notice: None,
    };
    world.store.note_sending(&holder, &noted).await.unwrap();
    world.round().await.unwrap();
    assert_eq!((world.posts(), world.holds(), world.pending().await), (0, 0, 1));
    let shown = metrics.render();
    assert!(
        shown.contains("fanfare_notice_endpoint_disabled{endpoint=\"disabled\"} 1"),
        "{shown}"
    );
    world.store.enable_endpoint("disabled", now).await.unwrap();
    world.round().await.unwrap();
    assert_eq!((world.posts(), world.pending().await), (1, 0));
}

#[tokio::test]
async fn an_endpoint_that_is_configured_otherwise_or_missing_is_told_nothing() {
    let mut world = World::new("other").await;
    world.add(1).await;
    world.sender.fingerprint = "of another node".to_owned();
    world.round().await.unwrap();
    assert_eq!(
        (world.sender.standing, world.posts(), world.holds()),
        (Standing::Otherwise, 0, 0)
    );
    world.sender.fingerprint = "1".to_owned();
    world.sender.name = "nobody".to_owned();
    world.round().await.unwrap();
    assert_eq!((world.sender.standing, world.posts()), (Standing::Missing, 0));
    world.sender.name = "other".to_owned();
    world.round().await.unwrap();
    assert_eq!((world.sender.standing, world.posts()), (Standing::Own, 1));
}
