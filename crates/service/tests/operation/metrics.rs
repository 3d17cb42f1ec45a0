//! Each metric that a service exposes stands in the table, as it is, and each of
//! the table is exposed; the document is made from it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use fanfare::clock::{Clock, SystemClock};
use fanfare::telemetry::{ALL, Kind, Metric};
use tokio::time::Instant;

use crate::exposition::{Exposition, Sample};
use crate::program::Serving;
use crate::{PATIENCE, alerts, borrowed, distribute, live, repository, request, simulator};

const HEAD: &str = "\
# Metrics

What `GET /metrics` exposes, in Prometheus's text format; with API keys, a key of scope `operate` of the service itself is
asked for. Values of labels come from closed sets, so there are only so many series. *Exposed* says by which services; a
series with labels may be absent until something has happened that it counts. Alerts over these, and what to do:
[operations.md](operations.md).

Made from `crates/service/src/telemetry.rs` by `FANFARE_WRITE_DOCS=1 cargo test -p fanfare --test operation`.

| metric | kind | unit | labels | exposed | meaning |
|---|---|---|---|---|---|
";

/// By Prometheus's own convention the name says it.
fn unit(metric: &Metric) -> &'static str {
    let name = metric.name.trim_end_matches("_total");
    match name.rsplit('_').next() {
        Some("seconds") => "seconds",
        Some("bytes") => "bytes",
        _ => "",
    }
}

fn rendered() -> String {
    let mut text = HEAD.to_owned();
    for metric in ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, unit, labels) = (metric.kind.name(), unit(metric), labels.join(", "));
        let (name, scope, meaning) = (metric.name, metric.scope.name(), metric.meaning);
        writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {scope} | {meaning} |").unwrap();
    }
    text
}

#[test]
fn the_document_is_current() {
    if std::env::var_os("FANFARE_WRITE_DOCS").is_some() {
        std::fs::write(repository("docs/metrics.md"), rendered()).unwrap();
    }
    let stands = std::fs::read_to_string(repository("docs/metrics.md")).unwrap_or_default();
    assert!(
        stands == rendered(),
        "docs/metrics.md is not current: FANFARE_WRITE_DOCS=1 cargo test -p fanfare --test operation"
    );
}

#[test]
fn names_keep_to_prometheuss_conventions() {
    let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
    for metric in ALL {
        let is_counter = metric.kind == Kind::Counter;
        assert_eq!(metric.name.ends_with("_total"), is_counter, "{}", metric.name);
        assert!(
            metric.name.starts_with("fanfare_") && metric.meaning.ends_with('.'),
            "{}",
            metric.name
        );
        for unit in ["_ms", "_millis", "_minutes", "_percent", "_kb", "_mb"] {
            assert!(!metric.name.contains(unit), "{}", metric.name);
        }
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(bounds.is_sorted() && bounds.len() >= 10, "{}", metric.name);
        }
    }
}

/// Over these data, with an embedded database, Kafka, Redis and somebody who is told.
fn serving(folder: &std::path::Path, channels: &[(&'static str, String)]) -> Serving {
    let given = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            panic!("set {name}: without it not every metric is exposed (scripts/servers starts all)")
        })
    };
    let topic = format!(
        "fanfare-test-{}",
        folder.file_name().unwrap().to_str().unwrap().trim_matches('.')
    );
    let file = folder.join("fanfare.toml");
    let nobody = "kind = \"slack\"\nurl = \"http://127.0.0.1:9/\"\nallow_inside = true";
    std::fs::write(&file, format!("[[notices]]\nname = \"ops\"\n{nobody}\n")).unwrap();
    let mut variables = channels.to_vec();
    variables.extend([
        ("FANFARE_CONFIG", file.to_str().unwrap().to_owned()),
        ("FANFARE_DATA_DIR", folder.to_str().unwrap().to_owned()),
        ("FANFARE_KAFKA_BROKERS", given("FANFARE_TEST_KAFKA")),
        ("FANFARE_KAFKA__TOPIC", topic),
        ("FANFARE_REDIS_URL", given("FANFARE_TEST_REDIS_URL")),
    ]);
    Serving::start_with(tempfile::tempdir().unwrap(), &borrowed(&variables), Stdio::inherit())
}

#[tokio::test]
async fn each_metric_is_exposed_as_the_table_says_and_the_alert_rules_ask_for_no_other() {
    let simulator = simulator().await;
    let folder = tempfile::tempdir().unwrap();
    let first = serving(folder.path(), &live(&simulator));
    let mut later = request(&simulator, "evt-later", &["KakaoChannel"]);
    let tomorrow = SystemClock::default().now() + Duration::from_hours(24);
    later["scheduledAt"] = tomorrow.to_string().into();
    distribute(&first, &later).await;
    assert_eq!(first.terminate(), Some(0));

    // It looks at what stands open when it starts.
    let serving = serving(folder.path(), &live(&simulator));
    let answer = distribute(&serving, &request(&simulator, "evt-now", &["Instagram", "NaverBlog"])).await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let exposed = all_exposed(&serving).await;
    for sample in &exposed.samples {
        as_the_table_says(sample, &exposed);
    }
    figures_are_right(&exposed);
    alerts::ask_for_what_is_exposed(&exposed);
    assert_eq!(serving.terminate(), Some(0));
}

/// Once every metric of the table is there.
async fn all_exposed(serving: &Serving) -> Exposition {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let exposed = Exposition::of(serving).await;
        let missing: Vec<_> = ALL
            .iter()
            .map(|metric| metric.name)
            .filter(|name| !exposed.samples.iter().any(|sample| sample.metric == *name))
            .collect();
        if missing.is_empty() && exposed.sum("fanfare_outbox_published_total", &[]) >= 1.0 {
            return exposed;
        }
        assert!(Instant::now() < deadline, "in the table and not exposed: {missing:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn as_the_table_says(sample: &Sample, exposed: &Exposition) {
    let name = sample.metric.as_str();
    let metric = ALL.iter().find(|metric| metric.name == name);
    let metric = metric.unwrap_or_else(|| panic!("{name} is exposed and not in the table"));
    assert_eq!(exposed.kinds[name], metric.kind.name(), "{name}");
    assert!(exposed.helped.contains(name), "{name}");
    let labels: BTreeSet<_> = sample
        .labels
        .keys()
        .map(String::as_str)
        .filter(|label| *label != "le")
        .collect();
    assert_eq!(labels, metric.labels.iter().copied().collect(), "{sample:?}");
    for value in sample.labels.values() {
        assert!(!value.contains("canary") && !value.contains("evt-"), "{sample:?}");
    }
}

/// So much, of that name, with these labels.
type Sum = (f64, &'static str, &'static [(&'static str, &'static str)]);

#[expect(clippy::float_cmp, reason = "counts are whole numbers")]
fn figures_are_right(exposed: &Exposition) {
    const COUNTED: &[Sum] = &[
        (1.0, "fanfare_deliveries_total", &[("status", "SUCCESS")]),
        (1.0, "fanfare_attempts_total", &[("outcome", "SUCCESS"), ("code", "")]),
        (1.0, "fanfare_attempt_duration_seconds_count", &[("outcome", "SUCCESS")]),
        (1.0, "fanfare_attempt_wait_seconds_count", &[]),
        (0.0, "fanfare_lane_busy", &[]),
        (0.0, "fanfare_calls_in_flight", &[]),
        (1.0, "fanfare_breaker_state", &[("state", "CLOSED")]),
    ];
    const OTHERS: &[Sum] = &[
        (
            1.0,
            "fanfare_call_duration_seconds_count",
            &[("channel", "Instagram"), ("outcome", "confirmed")],
        ),
        // A mock is not called.
        (0.0, "fanfare_call_duration_seconds_count", &[("channel", "NaverBlog")]),
        (
            1.0,
            "fanfare_distribution_duration_seconds_count",
            &[("status", "COMPLETED")],
        ),
        (
            1.0,
            "fanfare_deliveries_open",
            &[
                ("channel", "KakaoChannel"),
                ("status", "WAITING"),
                ("code", "scheduled"),
            ],
        ),
        // Its time is to come.
        (0.0, "fanfare_deliveries_overdue_seconds", &[]),
        (1.0, "fanfare_database_up", &[]),
        (
            1.0,
            "fanfare_tokens",
            &[("channel", "Instagram"), ("account", "configured"), ("state", "good")],
        ),
        (0.0, "fanfare_tokens", &[("account", "tenants")]),
    ];
    for channel in ["Instagram", "NaverBlog"] {
        for (count, name, labels) in COUNTED {
            let labels = [labels, &[("channel", channel)][..]].concat();
            assert_eq!(exposed.sum(name, &labels), *count, "{name} {labels:?}");
        }
    }
    for (count, name, labels) in OTHERS {
        assert_eq!(exposed.sum(name, labels), *count, "{name} {labels:?}");
    }
    let sum = |name: &str| exposed.sum(name, &[]);
    let commits = sum("fanfare_ledger_commits_total");
    assert!(commits >= 2.0, "{commits}");
    assert_eq!(sum("fanfare_ledger_commit_duration_seconds_count"), commits);
    assert_eq!(
        sum("fanfare_ledger_commit_writes_sum"),
        sum("fanfare_ledger_writes_total")
    );
    let (free, size) = (sum("fanfare_data_disk_free_bytes"), sum("fanfare_data_disk_size_bytes"));
    assert!(0.0 < free && free < size, "{free} of {size}");
}
