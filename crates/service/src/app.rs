//! Puts the parts together and runs them: the embedded default.
//!
//! Everything that is chosen by configuration is chosen here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fanfare_core::credential::TokenStanding;
use fanfare_core::engine::Settings;
use fanfare_ledger::{GroupCommitSettings, Store, StoreError};
use metrics_exporter_prometheus::PrometheusHandle;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::accounts::lapsing::{self, Standings};
use crate::api::{self, ApiLimits, ApiState};
use crate::clients;
use crate::clock::{Clock, SystemClock};
use crate::config::{AuthRequired, Config};
use crate::credentials;
use crate::keys::{Keyring, KeyringError};
use crate::media_upkeep;
use crate::notify::{self, Tokens};
use crate::outbox::cloud_event::EventSettings;
use crate::outbox::kafka::KafkaPublisher;
use crate::outbox::publisher::EventPublisher;
use crate::outbox::{self, Link};
use crate::perform::{self, LeaseSettings, Parts, Retention, Running};
use crate::server::{self, ServerSettings};
use crate::shared_time;
use crate::standing::{self, Overdue};
use crate::status::{InProcessStatusCache, NoStatusCache, RedisStatusCache, StatusCache};
use crate::store::{first_key_command, open_store};
use crate::telemetry;

/// What histograms have gathered is put into their buckets this often; until
/// then it takes memory.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// Between two tries to reach the database at the start.
const OPEN_INTERVAL: Duration = Duration::from_secs(1);

/// How long a stop waits for those who still read from the database.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two looks whether anybody still does.
const CLOSE_POLL: Duration = Duration::from_millis(1);

/// What publishes events, where anything does.
type Publisher = Option<(Arc<dyn EventPublisher>, EventSettings)>;

/// A cache that others read, and how long it keeps what it is given, where there is one.
type SharedCache = Option<(Arc<dyn StatusCache>, Duration)>;

/// A running service.
pub struct App {
    /// Where its door is; the port that was given where 0 was asked for.
    pub address: SocketAddr,
    ready: watch::Sender<bool>,
    stop_server: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
    upkeep: [tokio::task::JoinHandle<()>; 3],
    running: Running,
    relay: Option<outbox::Running>,
    notices: notify::Running,
    renewal: Option<credentials::Running>,
    lapsing: Option<credentials::Running<Standings>>,
    store: Arc<dyn Store>,
    stop_timeout: Duration,
}

/// Opens the database, starts the engine and opens the door.
pub async fn start(config: &Config) -> anyhow::Result<App> {
    start_with(config, Arc::new(SystemClock::default())).await
}

/// The same with a clock of the caller's, for tests.
pub async fn start_with(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
    let listener = server::listen(config.listen)
        .with_context(|| format!("cannot listen on {} (setting `listen`, FANFARE_LISTEN)", config.listen))?;
    let address = listener.local_addr().context("the socket has no address")?;
    // Before anything counts: what was registered earlier would count into nothing.
    let metrics = telemetry::recorder();
    let (listener, store) = opened(config, listener).await?;
    shared_time::at_start(async || store.time().await, &*clock).await?;
    let named = notify::subscribe(config, &*store, clock.now()).await?;
    let keys = keyring(config, &store, &clock).await?;
    let cache = status_cache(config, &clock).await?;
    let publisher = publisher(config, &clock)?;
    let shared_cache = config.redis_url.is_some().then(|| {
        let ttl = Duration::from_secs(config.status_cache.ttl_s);
        (Arc::clone(&cache), ttl)
    });
    let link = (publisher.is_some() || shared_cache.is_some()).then(Arc::<Link>::default);
    let kept = credentials::at_start(config, &*store, clock.now()).await?;
    let connected = clients::connect(&credentials::with_kept(config, kept.as_ref()), address)?;
    let deadline = Duration::from_millis(config.calls.deadline_ms);
    let renewal = credentials::start(kept, &connected, &store, &clock, deadline);
    let token = renewal.as_ref().map(credentials::Running::standing);
    let (hand_off, media) = (connected.hand_off.clone(), connected.media.clone());
    let accounts = Accounts::new(Arc::clone(&store) as _, config, Arc::clone(&clock), connected);
    let accounts = Arc::new(accounts);
    accounts.seal_anew().await?;
    let lapsing = lapsing::start(&accounts, deadline);
    let tokens = tokens(token.as_ref(), lapsing.as_ref());
    let running = perform::start(parts(config, &accounts, &store, &cache, &clock, link.clone())?).await?;
    let relay = link
        .map(|link| relay(link, (publisher, shared_cache), &running, &store, &clock))
        .transpose()?;
    let (overdue, seen_overdue) = watch::channel(Overdue::default());
    let told = notice_parts(named, &running, (&store, &clock), (tokens, seen_overdue))?;
    let notices = notify::start(config, address, told)?;
    let (ready, ready_receiver) = watch::channel(true);
    let (stop_server, mut stopping) = watch::channel(false);
    let state = ApiState {
        engine: running.handle.clone(),
        store: Arc::clone(&store),
        keys,
        cache,
        clock,
        modes: config.modes(),
        token,
        spend_caps: config.spend_caps(),
        hand_off,
        kakao_signature: config.channels.kakao_channel.webhook_signature.clone(),
        media,
        allow_hosts: config.media.allow_hosts.clone(),
        verified_numbers: Arc::new(config.channels.ringo_biz.verified_numbers()),
        hashtags_max: config.channels.instagram.hashtags_max(),
        post_hosts: config.post_hosts(),
        accounts,
        limits: limits(config),
        ready: ready_receiver,
        metrics,
    };
    let upkeep = upkeep(config, &state, overdue);
    let router = api::router(state);
    let shutdown = async move {
        // An error means that the app was dropped: stop as well.
        _ = stopping.wait_for(|stop| *stop).await;
    };
    let server = tokio::spawn(server::serve(listener, router, server_settings(config), shutdown));
    let stop_timeout = Duration::from_secs(config.http.stop_timeout_s);
    Ok(App {
        address,
        ready,
        stop_server,
        server,
        upkeep,
        running,
        relay,
        notices,
        renewal,
        lapsing,
        store,
        stop_timeout,
    })
}

impl App {
    /// Says that it is not ready, takes nothing new, lets the calls that are out
    /// end, and closes the door and the database.
    pub async fn stop(self) {
        self.ready.send_replace(false);
        let life = self.running.handle.life().clone();
        self.running.stop(self.stop_timeout).await;
        if let Some(relay) = self.relay {
            relay.stop().await;
        }
        self.notices.stop().await;
        let configured = async {
            if let Some(renewal) = self.renewal {
                renewal.stop().await;
            }
        };
        let tenants = async {
            if let Some(lapsing) = self.lapsing {
                lapsing.stop().await;
            }
        };
        ((), ()) = tokio::join!(configured, tenants);
        if let Err(error) = self.store.end_incarnation(life.token()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not say that this node is over; others take its work when its lease has ended"
            );
        }
        self.upkeep.iter().for_each(tokio::task::JoinHandle::abort);
        self.stop_server.send_replace(true);
        if let Err(error) = self.server.await {
            tracing::error!(error = &error as &dyn std::error::Error, "the HTTP server ended badly");
        }
        close(self.store).await;
    }
}

/// Opens the database. Where it is not there and waiting can help, the door says
/// meanwhile that the service is not ready.
async fn opened(config: &Config, listener: TcpListener) -> anyhow::Result<(TcpListener, Arc<dyn Store>)> {
    match open_store(config).await {
        Ok(store) => return Ok((listener, store)),
        Err(error) if !can_wait(config, &error) => return Err(error.into()),
        Err(error) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "the service waits for its database (setting `database_url`, FANFARE_DATABASE_URL)"
        ),
    }
    let listener = listener.into_std()?;
    let door = TcpListener::from_std(listener.try_clone()?)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { _ = stopped.await };
    let waiting = tokio::spawn(server::serve(
        door,
        api::waiting_router(),
        server_settings(config),
        shutdown,
    ));
    let store = loop {
        tokio::time::sleep(OPEN_INTERVAL).await;
        match open_store(config).await {
            Ok(store) => break store,
            Err(error) if !can_wait(config, &error) => return Err(error.into()),
            Err(_) => {}
        }
    };
    tracing::info!("the database is there");
    drop(stop);
    // It answers whom it has, and ends; new clients wait for the real door.
    waiting.await.context("the door before the start ended badly")?;
    Ok((TcpListener::from_std(listener)?, store))
}

/// A file that can't be used now can't be used later.
fn can_wait(config: &Config, error: &StoreError) -> bool {
    config.database_url.is_some() && matches!(error, StoreError::Database { .. })
}

/// Closes the database, so that the next service can open it: as soon as nobody
/// reads any more, at the latest after a while.
async fn close(store: Arc<dyn Store>) {
    let deadline = Instant::now() + CLOSE_TIMEOUT;
    while Arc::strong_count(&store) > 1 && Instant::now() < deadline {
        tokio::time::sleep(CLOSE_POLL).await;
    }
    // Closing blocks until the file is closed.
    if let Err(error) = tokio::task::spawn_blocking(move || drop(store)).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the database was closed badly"
        );
    }
}

/// Where statuses are cached: in Redis where one is named; else in this process,
/// unless other nodes share the database, which it would not hear of.
async fn status_cache(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn StatusCache>> {
    let (settings, clock) = (&config.status_cache, Arc::clone(clock));
    let ttl = Duration::from_secs(settings.ttl_s);
    Ok(match (&config.redis_url, &config.database_url) {
        (Some(url), _) => {
            let cache = RedisStatusCache::start(url, ttl, clock).await;
            Arc::new(cache.context("setting `redis_url`, FANFARE_REDIS_URL")?)
        }
        (None, Some(_)) => Arc::new(NoStatusCache),
        (None, None) => Arc::new(InProcessStatusCache::new(settings.max_entries, ttl, clock)),
    })
}

fn parts(
    config: &Config,
    accounts: &Arc<Accounts>,
    store: &Arc<dyn Store>,
    cache: &Arc<dyn StatusCache>,
    clock: &Arc<dyn Clock>,
    relay: Option<Arc<Link>>,
) -> anyhow::Result<Parts> {
    let engine: Settings = config.engine_settings(accounts.protocols());
    let commit_delay = Duration::from_millis(config.ledger.commit_delay_ms);
    Ok(Parts {
        engine,
        call_deadline: Duration::from_millis(config.calls.deadline_ms),
        accounts: Arc::clone(accounts),
        group_commit: GroupCommitSettings {
            commit_delay,
            ..GroupCommitSettings::default()
        },
        lease: LeaseSettings {
            heartbeat: Duration::from_millis(config.nodes.heartbeat_ms),
            duration: Duration::from_secs(config.nodes.lease_s),
        },
        retention: retention(config),
        store: Arc::clone(store),
        cache: Arc::clone(cache),
        relay,
        clock: Arc::clone(clock),
        rng: rng()?,
    })
}

fn relay(
    link: Arc<Link>,
    (publisher, shared_cache): (Publisher, SharedCache),
    running: &Running,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<outbox::Running> {
    Ok(outbox::start(outbox::Parts {
        store: Arc::clone(store),
        life: running.handle.life().clone(),
        publisher,
        shared_cache,
        link,
        clock: Arc::clone(clock),
        rng: rng()?,
    }))
}

fn retention(config: &Config) -> Retention {
    let days = config.retention.days;
    Retention {
        keep: (days > 0).then(|| Duration::from_hours(u64::from(days) * 24)),
        unpublished_stay: config.kafka_brokers.is_some(),
    }
}

fn tokens(
    configured: Option<&watch::Receiver<Option<TokenStanding>>>,
    tenants: Option<&credentials::Running<Standings>>,
) -> Tokens {
    Tokens {
        configured: configured.cloned(),
        tenants: tenants.map(credentials::Running::standing),
    }
}

fn notice_parts(
    named: notify::Named,
    running: &Running,
    (store, clock): (&Arc<dyn Store>, &Arc<dyn Clock>),
    (tokens, overdue): (Tokens, watch::Receiver<Overdue>),
) -> anyhow::Result<notify::Parts> {
    Ok(notify::Parts {
        named,
        store: Arc::clone(store),
        engine: running.handle.clone(),
        clock: Arc::clone(clock),
        tokens,
        overdue,
        rng: rng()?,
    })
}

fn rng() -> anyhow::Result<StdRng> {
    StdRng::try_from_rng(&mut SysRng).context("the system gave no randomness")
}

/// Kafka, where it is configured.
fn publisher(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Publisher> {
    let Some(brokers) = &config.kafka_brokers else {
        return Ok(None);
    };
    let settings = EventSettings {
        source: config.kafka.source.clone(),
        headers: config.kafka.headers.clone(),
    };
    let publisher: Arc<dyn EventPublisher> = Arc::new(KafkaPublisher::new(brokers, &config.kafka, Arc::clone(clock))?);
    Ok(Some((publisher, settings)))
}

/// Refuses where nobody may come in, or anybody could.
async fn keyring(config: &Config, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Result<Keyring, KeyringError> {
    let (store, clock) = (Arc::clone(store), Arc::clone(clock));
    let always = config.auth.required == AuthRequired::Always;
    Keyring::start(store, clock, config.listen, always, || first_key_command(config)).await
}

fn limits(config: &Config) -> ApiLimits {
    ApiLimits {
        default_wait: Duration::from_secs(config.http.default_wait_s),
        body_bytes: config.http.max_body_bytes,
        body_timeout: Duration::from_millis(config.http.body_timeout_ms),
        waiting: config.http.waiting(),
        streams: config.http.max_streams,
        heartbeat: Duration::from_millis(config.http.heartbeat_ms),
        ..ApiLimits::default()
    }
}

fn server_settings(config: &Config) -> ServerSettings {
    ServerSettings {
        max_connections: config.http.max_connections,
        header_timeout: Duration::from_millis(config.http.header_timeout_ms),
        ..ServerSettings::default()
    }
}

/// What goes on beside the work until the end.
fn upkeep(config: &Config, state: &ApiState, overdue: watch::Sender<Overdue>) -> [tokio::task::JoinHandle<()>; 3] {
    let data_dir = config.database_url.is_none().then(|| config.data_dir.clone());
    let clock = || Arc::clone(&state.clock);
    let keep = retention(config).keep;
    [
        tokio::spawn(keep_metrics_small(state.metrics.clone())),
        tokio::spawn(media_upkeep::forget_old(state.media.clone(), keep, clock())),
        tokio::spawn(standing::watch(Arc::clone(&state.store), clock(), data_dir, overdue)),
    ]
}

async fn keep_metrics_small(metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(METRICS_INTERVAL);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}
