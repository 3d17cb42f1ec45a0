//! What the store in `PostgreSQL` costs: distributions of six deliveries, each
//! accepted with its first intents and then concluded and published, in batches.
//!
//! `FANFARE_TEST_DATABASE_URL=postgres://… cargo run --release -p fanfare-ledger
//! --example postgres_load -- [distributions] [writers]`; the role must be allowed
//! to checkpoint, the server must be on this machine for its CPU to be seen, and
//! nobody else may write to it meanwhile.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for measurements")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::ids::Incarnation;
use fanfare_ledger::{PostgresSettings, PostgresStore, Store, bare};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u32>().unwrap());
    let distributions = arguments.next().unwrap_or(20_000);
    let writers = arguments.next().unwrap_or(1);
    let url = std::env::var("FANFARE_TEST_DATABASE_URL").expect("set FANFARE_TEST_DATABASE_URL");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    for batch in [64, 512] {
        let mut settings = PostgresSettings::new(with_name(&url));
        "fanfare_load".clone_into(&mut settings.schema);
        settings.writers = usize::try_from(writers).unwrap();
        let clean = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS fanfare_load CASCADE";
        client.batch_execute(clean).await.unwrap();
        let store = Arc::new(PostgresStore::connect(&settings).await.unwrap());
        measure(&client, store, batch, distributions / batch, writers).await;
    }
}

fn with_name(url: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}application_name=fanfare-load")
}

/// The first tenth warms up, and is not counted.
async fn measure(client: &Client, store: Arc<PostgresStore>, batch: u32, batches: u32, writers: u32) {
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let token = store.begin_incarnation(now).await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    let warm = (batches / 10).max(4);
    write(&store, batch, 0..warm, writers, token).await;
    let before = Figures::read(client).await;
    let took = write(&store, batch, warm..warm + batches, writers, token).await;
    let after = Figures::read(client).await;
    let distributions = f64::from(batches * batch);
    let rows = distributions * 18.0;
    let deliveries = distributions * 6.0 / 1000.0;
    println!(
        "batches of {batch:>3}, {writers} at once: {:>5.0} distributions/s, {:>7.0} rows/s, {:.2} kB of WAL and {:.3} commits \
         per distribution; CPU per 1,000 deliveries: {:.3} s here, {:.3} s in the backends",
        distributions / took.as_secs_f64(),
        rows / took.as_secs_f64(),
        (after.wal - before.wal) / distributions / 1000.0,
        2.0 / f64::from(batch),
        (after.own - before.own) / deliveries,
        (after.backends - before.backends) / deliveries,
    );
}

async fn write(
    store: &Arc<PostgresStore>,
    batch: u32,
    numbers: std::ops::Range<u32>,
    writers: u32,
    token: Incarnation,
) -> Duration {
    let began = Instant::now();
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let (store, numbers) = (Arc::clone(store), numbers.clone());
        tasks.push(tokio::spawn(async move {
            for number in numbers.filter(|number| number % writers == writer) {
                let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
                let at = now + Duration::from_millis(u64::from(number) * 10);
                let first = u64::from(number) * u64::from(batch);
                let (accept, conclude) = bare::batch_of(first, batch, at, token);
                store.commit(accept).await.unwrap();
                store.commit(conclude).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    began.elapsed()
}

struct Figures {
    wal: f64,
    own: f64,
    backends: f64,
}

impl Figures {
    async fn read(client: &Client) -> Self {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8";
        let wal = client.query_one(sql, &[]).await.unwrap().get(0);
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'fanfare-load'";
        let pids = client.query(sql, &[]).await.unwrap();
        let backends = pids.iter().map(|row| cpu(&row.get::<_, i32>(0).to_string())).sum();
        Self {
            wal,
            own: cpu("self"),
            backends,
        }
    }
}

/// CPU seconds of a process, at the usual hundred ticks a second.
fn cpu(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok());
    (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / 100.0
}
