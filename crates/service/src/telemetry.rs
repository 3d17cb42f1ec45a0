//! Every metric of `/metrics`: its name, labels and meaning. The one table of
//! them; `docs/metrics.md` is made from it, and a test holds the running service
//! and the alert rules against it.
//!
//! Names follow Prometheus: base units, `_total` for counters. The values of a
//! label come from closed sets (channels, statuses, codes, routes), never from a
//! request. Deliberately absent: who counts what, and when.

use std::sync::OnceLock;

use fanfare_core::cause::Cause;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// As it is exposed.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Where it is exposed.
    pub scope: Scope,
    /// What it says.
    pub meaning: &'static str,
}

/// What kind a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Grows.
    Counter,
    /// Stands.
    Gauge,
    /// With these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Prometheus's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Which services expose a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those with the embedded database.
    Embedded,
    /// Those that publish to Kafka.
    Kafka,
    /// Those that cache in Redis.
    Redis,
    /// Those that call Instagram itself.
    Instagram,
    /// Those that send notices.
    Notices,
}

impl Scope {
    /// The word in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "always",
            Self::Embedded => "embedded database",
            Self::Kafka => "with Kafka",
            Self::Redis => "with Redis",
            Self::Instagram => "with Instagram live",
            Self::Notices => "with `[[notices]]`",
        }
    }
}

/// From a cached answer to the longest wait that a client may ask for.
const ANSWERS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0,
];

/// From a flush of a fast disk to a database that hangs.
const FLUSHES: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// From one write to as many as one commit takes.
const BATCHES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];

/// From a mock's answer to a call's deadline.
const CALLS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// From a mock's answer to a review that takes a day.
const WORK: &[f64] = &[
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 28800.0, 86400.0,
];

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    scope: Scope,
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        scope,
        meaning,
    }
}

macro_rules! metrics_table {
    ($($constant:ident = $name:literal, $kind:expr, $labels:expr, $scope:ident, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: &str = $name;
        )*

        /// All of them, in the order of the document.
        pub const ALL: &[Metric] = &[$(metric($name, $kind, &$labels, Scope::$scope, $meaning)),*];
    };
}

metrics_table! {
    BUILD_INFO = "fanfare_build_info", Kind::Gauge, ["version"], All,
        "1, with the program's version.";
    DATABASE_UP = "fanfare_database_up", Kind::Gauge, [], All,
        "1 where the database could be written when it was last asked, every 15 s; else 0.";
    HTTP_DURATION = "fanfare_http_request_duration_seconds", Kind::Histogram(ANSWERS), ["method", "route", "status"], All,
        "Requests, from their headers to the answer's. The route is the pattern, never the caller's own path.";
    WAITING = "fanfare_http_requests_waiting", Kind::Gauge, [], All,
        "Requests that have a place (distribute, retry, redrive, withdraw, cancel) and are being answered: at most `http.max_waiting` that wait for channels, and a quarter as many that wait for nothing.";
    ACCEPTED = "fanfare_distributions_accepted_total", Kind::Counter, [], All,
        "Distributions accepted.";
    REPLAYED = "fanfare_distributions_replayed_total", Kind::Counter, [], All,
        "Requests answered with a distribution that existed.";
    REFUSED = "fanfare_distributions_refused_total", Kind::Counter, [], All,
        "Requests refused when they came to the engine: claims held, keys reused, no room, no database.";
    IN_FLIGHT = "fanfare_distributions_in_flight", Kind::Gauge, [], All,
        "Distributions that this node has in memory: something moves, or is due within a minute.";
    OUTCOME_DURATION = "fanfare_distribution_duration_seconds", Kind::Histogram(WORK), ["status"], All,
        "From acceptance, or the time that it was scheduled for, to the first outcome: nothing moves.";
    DELIVERIES = "fanfare_deliveries_total", Kind::Counter, ["channel", "status"], All,
        "Deliveries that came to stand so, once that was committed. One that waits and then succeeds counts at both.";
    OPEN = "fanfare_deliveries_open", Kind::Gauge, ["channel", "status", "code"], All,
        "Deliveries in the database that are not closed, by the reason for which they wait (docs/failures.md). Each node shows those of all.";
    OVERDUE = "fanfare_deliveries_overdue_seconds", Kind::Gauge, ["channel"], All,
        "For how long the delivery that has waited longest should have been under way: PENDING, RETRYING and WAITING ones whose time has come. Each node shows those of all.";
    ATTEMPTS = "fanfare_attempts_total", Kind::Counter, ["channel", "outcome", "code"], All,
        "Attempts that ended, by the status that the delivery came to and the reason (docs/failures.md), empty where there is none. WAITING: it is tried again later, or was held back and is not spent; the code says which.";
    ATTEMPT_DURATION = "fanfare_attempt_duration_seconds", Kind::Histogram(WORK), ["channel", "outcome"], All,
        "Attempts from begin to end, with all their steps, look-ups and waits for the channel.";
    ATTEMPT_WAIT = "fanfare_attempt_wait_seconds", Kind::Histogram(WORK), ["channel"], All,
        "From when an attempt was due to when it began: the wait in the lane's queue. Attempts that were due later than their distribution came to rest are not measured.";
    CALL_DURATION = "fanfare_call_duration_seconds", Kind::Histogram(CALLS), ["channel", "call", "outcome"], All,
        "Calls to live channels, one step or look-up each, by what the channel's client took the answer for.";
    CALLS_IN_FLIGHT = "fanfare_calls_in_flight", Kind::Gauge, ["channel"], All,
        "Calls to live channels that are under way.";
    LANE_QUEUED = "fanfare_lane_queued", Kind::Gauge, ["channel"], All,
        "Deliveries of this node that wait for a place in the channel's lane.";
    LANE_OLDEST = "fanfare_lane_oldest_seconds", Kind::Gauge, ["channel"], All,
        "For how long the one that has waited longest there has been ready to begin. Beyond `engine.max_backlog_s` the door takes nothing more for the channel. Not while its breaker is open or its quota is used up.";
    LANE_BUSY = "fanfare_lane_busy", Kind::Gauge, ["channel"], All,
        "Places of the channel's lane that are taken.";
    LANE_PLACES = "fanfare_lane_places", Kind::Gauge, ["channel"], All,
        "Places of the channel's lane; absent where it has no limit (mock).";
    BREAKER_STATE = "fanfare_breaker_state", Kind::Gauge, ["channel", "state"], All,
        "1 for the state in which a channel's breaker is on this node, else 0.";
    ACCOUNT_BREAKERS = "fanfare_account_breakers", Kind::Gauge, ["channel"], All,
        "Accounts of tenants whose breaker is not closed on this node: calls with them are held back, or find out whether they succeed again.";
    SENDING_STOPPED = "fanfare_sending_stopped", Kind::Gauge, ["scope"], All,
        "Orders that hold sending on this node: of all, and of single tenants.";
    COMMITS = "fanfare_ledger_commits_total", Kind::Counter, [], All,
        "Commits of the database.";
    FAILED_COMMITS = "fanfare_ledger_failed_commits_total", Kind::Counter, [], All,
        "Commits that failed.";
    WRITES = "fanfare_ledger_writes_total", Kind::Counter, [], All,
        "Changes of a distribution that were committed.";
    COMMIT_DURATION = "fanfare_ledger_commit_duration_seconds", Kind::Histogram(FLUSHES), [], All,
        "Commits, failed ones too, from the database's being asked to its answer.";
    COMMIT_WRITES = "fanfare_ledger_commit_writes", Kind::Histogram(BATCHES), [], All,
        "Changes that one commit held.";
    DISK_FREE = "fanfare_data_disk_free_bytes", Kind::Gauge, [], Embedded,
        "What is free for the service on the disk of its data folder.";
    DISK_SIZE = "fanfare_data_disk_size_bytes", Kind::Gauge, [], Embedded,
        "The size of the disk of its data folder.";
    PUBLISHED = "fanfare_outbox_published_total", Kind::Counter, [], Kafka,
        "Events that Kafka has acknowledged.";
    UNPUBLISHED = "fanfare_outbox_unpublished", Kind::Gauge, [], Kafka,
        "Events that Kafka has not acknowledged. Each node shows those of all.";
    UNPUBLISHED_OLDEST = "fanfare_outbox_oldest_seconds", Kind::Gauge, [], Kafka,
        "How long the oldest of them has been there.";
    DEAD = "fanfare_outbox_dead", Kind::Gauge, [], Kafka,
        "Events that Kafka has refused for good. Each node shows those of all.";
    CACHE_READS = "fanfare_cache_reads_total", Kind::Counter, ["result"], Redis,
        "Reads of the shared status cache.";
    CACHE_LOST_WRITES = "fanfare_cache_lost_writes_total", Kind::Counter, [], Redis,
        "Writes of the shared status cache that did not reach it.";
    CACHE_BREAKER_OPEN = "fanfare_cache_breaker_open", Kind::Gauge, [], Redis,
        "1 while the shared status cache is left alone.";
    TOKENS = "fanfare_tokens", Kind::Gauge, ["channel", "account", "state"], Instagram,
        "Tokens that lapse, by how they stand: the configured one, and all tenants' own together. Each node shows those of all.";
    TOKEN_SOONEST_EXPIRY = "fanfare_token_soonest_expiry_timestamp_seconds", Kind::Gauge, ["channel", "account"], Instagram,
        "When the first of them lapses that has not yet, in seconds since 1970; +Inf where that is known of none.";
    NOTICES = "fanfare_notices_total", Kind::Counter, ["endpoint", "outcome"], Notices,
        "Notices by what came of them: delivered, failed (it is tried again), given up, or forgotten untold.";
    NOTICES_DISABLED = "fanfare_notice_endpoint_disabled", Kind::Gauge, ["endpoint"], Notices,
        "1 where the endpoint is told nothing more. Each node shows it.";
}

/// What counts in this process, and shows it. There is one a process: several
/// apps in one test process share it.
pub fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = RECORDER.get_or_init(|| {
        let recorder = with_buckets().build_recorder();
        let handle = recorder.handle();
        // Refused only where another recorder was installed before; what that
        // one shows is its owner's business.
        _ = metrics::set_global_recorder(recorder);
        describe();
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        handle
    });
    handle.clone()
}

/// Refused are only bounds that are empty, and the table has none.
fn with_buckets() -> PrometheusBuilder {
    ALL.iter().fold(PrometheusBuilder::new(), |builder, metric| {
        let Kind::Histogram(bounds) = metric.kind else {
            return builder;
        };
        let name = Matcher::Full(metric.name.to_owned());
        builder.set_buckets_for_metric(name, bounds).unwrap_or_default()
    })
}

/// Tells the recorder what each metric means.
fn describe() {
    for metric in ALL {
        let (name, meaning) = (metric.name, metric.meaning);
        match metric.kind {
            Kind::Counter => describe_counter!(name, meaning),
            Kind::Gauge => describe_gauge!(name, meaning),
            Kind::Histogram(_) => describe_histogram!(name, meaning),
        }
    }
}

/// A label's value for a code: those of the table, so that there are only so many.
pub(crate) fn code_label(code: Option<&str>) -> &'static str {
    match code {
        None => "",
        Some(code) => Cause::of(code).map_or("other", |cause| cause.code),
    }
}

/// An integer as a gauge takes it.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}
