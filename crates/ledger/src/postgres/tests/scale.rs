//! Nothing slows with history: the statements of the hot path and of the lists
//! have the same plans over a long past as over a short one, and read about as
//! many pages.
//!
//! What a statement reads is what `EXPLAIN (ANALYZE, BUFFERS)` says of it, in a
//! session like the store's own; what triggers read is not in it. An index of
//! more rows has more levels, and each is one page more for each look into it:
//! so a single statement may read up to three times as many pages. One that
//! read the past would read twenty times as many.

use std::fmt::Write as _;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::ids::{EventId, Incarnation, TenantId};
use fanfare_core::write::{Acceptance, Write};
use jiff::Timestamp;
use tokio_postgres::Client;
use uuid::Uuid;

use super::fill::{self, fill};
use super::{client, drop_schema, lists, settings};
use crate::outbox::{MarkKind, Outbox};
use crate::postgres::ask::{KNOWN, Of, of_accepts, of_records};
use crate::postgres::commit::decide;
use crate::postgres::rows::{Rows, params};
use crate::postgres::seen::Seen;
use crate::postgres::session::{Dialer, PLANNING_ONCE, Param, Session};
use crate::postgres::settings::target;
use crate::postgres::tls::Tls;
use crate::postgres::{PostgresSettings, PostgresStore, adopt, delete, list, outbox, read, relay};
use crate::sample;
use crate::store::Store;

/// The short past; as many are due to be adopted and to be published in both.
const SHORT: u64 = 1_000;

/// The long one; `FANFARE_TEST_ROWS` makes it longer.
const LONG: u64 = 20_000;

/// Distributions of one commit.
const BATCH: u64 = 64;

/// What was seen of one statement.
#[derive(Debug)]
struct Cost {
    name: String,
    plan: String,
    /// The one for any values, where the store makes one.
    generic_plan: String,
    pages: u64,
}

#[tokio::test]
async fn a_long_past_costs_no_more_than_a_short_one() {
    let long = std::env::var("FANFARE_TEST_ROWS").map_or(LONG, |rows| rows.parse().unwrap());
    let settings = settings();
    let client = client(&settings).await;
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    store.claim_partitions(token).await.unwrap();
    fill::templates(&store, token).await;
    leave_open(&store, token).await;
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let session = session(&settings).await;
    fill(&client, 1_000..1_000 + SHORT).await;
    let short = costs(&session, token).await;
    fill(&client, 1_000 + SHORT..1_000 + long).await;
    let grown = costs(&session, token).await;
    drop_schema(&client, &settings).await;
    let (table, all) = compared(&short, &grown);
    println!("pages read with {SHORT} and with {long} distributions\n{table}all of them: {all:.2} x");
    for (short, grown) in short.iter().zip(&grown) {
        assert_eq!(short.plan, grown.plan, "{}", short.name);
        assert_eq!(short.generic_plan, grown.generic_plan, "{}", short.name);
        let allowed = 3 * short.pages + 4;
        assert!(
            grown.pages <= allowed,
            "{} reads {} pages\n{table}",
            grown.name,
            grown.pages
        );
    }
    if long <= LONG {
        assert!(all <= 1.2, "{all:.2}\n{table}");
    }
}

/// Tables without a row, which nobody analyzes unasked, a life that writes, and a session like the store's own.
struct New {
    settings: PostgresSettings,
    client: Client,
    store: PostgresStore,
    token: Incarnation,
    session: Session,
}

impl New {
    async fn begin() -> Self {
        let settings = settings();
        let client = client(&settings).await;
        let store = PostgresStore::connect(&settings).await.unwrap();
        let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
        let session = session(&settings).await;
        let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'";
        for table in client.query(tables, &[&settings.schema]).await.unwrap() {
            let table: String = table.get(0);
            let never = format!("ALTER TABLE {table} SET (autovacuum_enabled = false)");
            client.batch_execute(&never).await.unwrap();
        }
        Self {
            settings,
            client,
            store,
            token,
            session,
        }
    }
}

/// A plan for any values is kept for long, and made before anybody knows what the
/// tables will hold.
#[tokio::test]
async fn a_commit_is_planned_the_same_way_from_the_first_distribution_on() {
    undisturbed(planned_the_same_way).await;
}

async fn planned_the_same_way() -> Result<(), String> {
    let new = New::begin().await;
    let mut first_plans = None;
    for first in (0..10 * BATCH).step_by(8) {
        new.session.run("BEGIN").await.unwrap();
        let costs = of_commits(&new.session, new.token).await;
        new.session.run("ROLLBACK").await.unwrap();
        let plans: Vec<_> = costs.into_iter().map(|cost| (cost.name, cost.generic_plan)).collect();
        let first_plans = first_plans.get_or_insert_with(|| plans.clone());
        if plans != *first_plans {
            return Err(format!("of {first} distributions: {plans:?}, at first {first_plans:?}"));
        }
        new.store.commit(accepts(first, 8, new.token)).await.unwrap();
    }
    drop_schema(&new.client, &new.settings).await;
    Ok(())
}

/// The server makes plans anew by itself where others alter so many tables at once that a
/// session misses what they altered, as tests beside these do: once is enough, when those are done.
async fn undisturbed<T: Future<Output = Result<(), String>>>(test: fn() -> T) {
    let mut told = String::new();
    for _ in 0..60 {
        match test().await {
            Ok(()) => return,
            Err(why) => told = why,
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{told}");
}

#[tokio::test]
async fn a_plan_that_is_good_for_a_few_rows_is_not_kept_for_many() {
    undisturbed(kept_for_its_time_and_no_longer).await;
}

async fn kept_for_its_time_and_no_longer() -> Result<(), String> {
    let new = New::begin().await;
    new.store.commit(accepts(0, 4, new.token)).await.unwrap();
    new.client.batch_execute("ANALYZE distribution_logs").await.unwrap();
    new.session.run(PLANNING_ONCE).await.unwrap();
    new.session.run(&format!("PREPARE known AS {KNOWN}")).await.unwrap();
    let reads_all = async || {
        let explain = "EXPLAIN EXECUTE known (NULL, NULL, NULL)";
        let lines = new.session.query(explain, &[]).await.unwrap();
        !lines
            .iter()
            .any(|line| line.get::<_, String>(0).contains("Index Cond: ((tenant_id = w.tenant)"))
    };
    assert!(reads_all().await, "or there is no need for what this tests");
    new.store.commit(accepts(100, 500, new.token)).await.unwrap();
    new.session.forget_plans(Duration::from_hours(1)).await.unwrap();
    let kept = reads_all().await;
    new.session.forget_plans(Duration::ZERO).await.unwrap();
    assert!(!reads_all().await);
    drop_schema(&new.client, &new.settings).await;
    kept.then_some(())
        .ok_or_else(|| "it is not kept for its time".to_owned())
}

/// Some that the next life finds: their own is over.
async fn leave_open(store: &PostgresStore, token: Incarnation) {
    store.commit(accepts(100, 20, token)).await.unwrap();
    store.end_incarnation(token).await.unwrap();
}

fn acceptances(first: u64, count: u64, at: Timestamp, token: Incarnation) -> Vec<Acceptance> {
    let acceptance = |number: u64| {
        let event = format!("evt-{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        sample::acceptance(number, sample::request(&event, &Channel::ALL), at, token)
    };
    (first..first + count).map(acceptance).collect()
}

fn accepts(first: u64, count: u64, token: Incarnation) -> Vec<Write> {
    let accepted = acceptances(first, count, fill::beginning(), token).into_iter();
    accepted.map(Box::new).map(Write::Accept).collect()
}

/// As the store makes its own.
pub(super) async fn session(settings: &PostgresSettings) -> Session {
    let target = target(settings).unwrap();
    let tls = Tls::new(&target.verify).unwrap();
    let session = Dialer::new(target, tls, settings.clone()).dial().await.unwrap();
    session.run("SET statement_timeout = 0").await.unwrap();
    session
}

/// Of all statements; nothing stays of what they write. The first time they
/// meet rows that nobody has read before, and mend them.
async fn costs(session: &Session, token: Incarnation) -> Vec<Cost> {
    let mut costs = Vec::new();
    for _ in 0..2 {
        costs.clear();
        session.run("BEGIN").await.unwrap();
        costs.extend(of_commits(session, token).await);
        costs.extend(of_relay(session).await);
        costs.extend(of_reading(session).await);
        costs.extend(of_upkeep(session, token).await);
        session.run("ROLLBACK").await.unwrap();
    }
    costs
}

/// A batch is accepted, then concluded and published.
async fn of_commits(session: &Session, token: Incarnation) -> Vec<Cost> {
    let later: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let acceptances = acceptances(10_000_000, BATCH, later, token);
    let accepts: Vec<_> = acceptances.iter().cloned().map(Box::new).map(Write::Accept).collect();
    let records = acceptances.iter().map(|acceptance| {
        let mut distribution = acceptance.distribution.clone();
        Write::Record(Box::new(sample::completion(&mut distribution, later, token)))
    });
    let records: Vec<_> = records.collect();
    session.run(PLANNING_ONCE).await.unwrap();
    let mut costs = Vec::new();
    for batch in [accepts, records] {
        costs.extend(of_all(session, &questions(&batch)).await);
        let open: Vec<usize> = (0..batch.len()).collect();
        let seen = Seen::read(session, &batch, &open, false).await.unwrap();
        let (plan, waiting) = decide(&batch, &open, &seen, &mut vec![None; batch.len()]);
        assert_eq!(waiting.len(), 0);
        costs.extend(of_all(session, &plan.statements().unwrap()).await);
    }
    session.run("RESET plan_cache_mode").await.unwrap();
    costs
}

/// What a commit asks first.
fn questions(batch: &[Write]) -> Vec<Rows<'_>> {
    let (mut accepts, mut records) = (Vec::new(), Vec::new());
    for (number, write) in batch.iter().enumerate() {
        match write {
            Write::Accept(write) => accepts.push(Of {
                number,
                write: &**write,
            }),
            Write::Record(write) => records.push(Of {
                number,
                write: &**write,
            }),
            Write::Evidence(_) => {}
        }
    }
    // Their columns are owned by nobody else; the batch outlives them.
    let mut rows = of_accepts(Vec::leak(accepts));
    rows.extend(of_records(Vec::leak(records)));
    rows
}

async fn of_all(session: &Session, statements: &[Rows<'_>]) -> Vec<Cost> {
    let mut costs = Vec::new();
    for rows in statements {
        let generic_plan = generic_plan(session, rows).await;
        let cost = explained(session, rows.sql, &params(&rows.columns)).await;
        costs.push(Cost { generic_plan, ..cost });
    }
    costs
}

async fn of_relay(session: &Session) -> Vec<Cost> {
    let all: Vec<i16> = (0..16).collect();
    let mut costs = Vec::new();
    for kind in [MarkKind::Published, MarkKind::Cached] {
        costs.push(explained(session, relay::unmarked(kind), &[&all, &0_i64, &500_i64]).await);
    }
    let rows = session
        .query("SELECT position FROM outbox WHERE published_at IS NULL", &[])
        .await
        .unwrap();
    let positions: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let now = fill::beginning();
    costs.push(explained(session, relay::BACKLOG, &[]).await);
    let tenants = vec!["default"; positions.len()];
    costs.push(explained(session, relay::MARK_BOTH, &[&tenants, &positions, &now]).await);
    let page: [Param<'_>; 4] = [&"default", &0_i64, &100_i64, &i64::MAX];
    costs.push(explained(session, outbox::ENTRIES, &page).await);
    costs
}

async fn of_reading(session: &Session) -> Vec<Cost> {
    let event = format!("SELECT {} FROM generate_series(1500, 1500) AS n", fill::EVENT);
    let event: String = session.query_opt(&event, &[]).await.unwrap().unwrap().get(0);
    let tenant = "default";
    let by_event: [Param<'_>; 3] = [&tenant, &event, &21_i64];
    let found = session.query_opt(read::IDS_OF_EVENT, &by_event).await.unwrap();
    let id: Uuid = found.unwrap().get(0);
    let mut costs = vec![
        explained(session, read::IDS_OF_EVENT, &by_event).await,
        explained(session, &read::one(), &[&tenant, &id]).await,
        explained(session, &read::deliveries_of_one(), &[&tenant, &id]).await,
    ];
    for mut filter in lists() {
        if filter.event_id.is_some() {
            filter.event_id = Some(EventId::new(event.as_str()));
        }
        let statement = list::statement(&TenantId::default(), &filter, None, 50);
        let call = statement.call();
        costs.push(explained(session, call.sql, &call.params).await);
    }
    costs
}

async fn of_upkeep(session: &Session, token: Incarnation) -> Vec<Cost> {
    let (due, before): (Timestamp, Timestamp) = ("2027-01-01T00:00:00Z".parse().unwrap(), fill::beginning());
    let token = i64::try_from(token.0).unwrap();
    // Nothing is as old as that: the usual case.
    let closed: [Param<'_>; 5] = [&"default", &Uuid::nil(), &before, &true, &100_i64];
    vec![
        explained(session, adopt::ADOPT_DUE, &[&due, &token, &100_i64]).await,
        explained(session, delete::CLOSED, &closed).await,
    ]
}

/// How it is run whatever its values: each node, and what it looks for in an index.
async fn generic_plan(session: &Session, rows: &Rows<'_>) -> String {
    let nulls = vec!["NULL"; rows.columns.len()].join(", ");
    session.run(&format!("PREPARE generic AS {}", rows.sql)).await.unwrap();
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE generic ({nulls})");
    let lines = session.query(&explain, &[]).await.unwrap();
    session.run("DEALLOCATE generic").await.unwrap();
    lines.iter().map(|row| row.get::<_, String>(0) + "\n").collect()
}

/// Runs it, and says how.
async fn explained(session: &Session, sql: &str, params: &[Param<'_>]) -> Cost {
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}");
    let rows = session.query(&explain, params).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let node = |(place, line): (usize, &String)| {
        let is_node = place == 0 || line.trim_start().starts_with("->");
        is_node.then(|| line.split(" (").next().unwrap_or_default().to_owned())
    };
    let plan: Vec<String> = lines.iter().enumerate().filter_map(node).collect();
    let words: Vec<&str> = sql.split_whitespace().collect();
    Cost {
        name: words.join(" ").chars().take(100).collect(),
        plan: plan.join("\n"),
        generic_plan: String::new(),
        pages: pages(&lines),
    }
}

/// Of the topmost node, which counts those below it.
fn pages(lines: &[String]) -> u64 {
    let mut of_plan = lines.iter().take_while(|line| !line.starts_with("Planning"));
    let first = of_plan.find_map(|line| line.trim_start().strip_prefix("Buffers: shared "));
    let counts = first.unwrap_or_default().split([' ', ',']).filter_map(|part| {
        let (what, count) = part.split_once('=')?;
        let counted = matches!(what, "hit" | "read");
        count.parse::<u64>().ok().filter(|_| counted)
    });
    counts.sum()
}

/// One line a statement; and all pages of the second by all of the first.
fn compared(short: &[Cost], grown: &[Cost]) -> (String, f64) {
    let mut table = String::new();
    let sum = |costs: &[Cost]| f64::from(u32::try_from(costs.iter().map(|cost| cost.pages).sum::<u64>()).unwrap());
    for (short, grown) in short.iter().zip(grown) {
        writeln!(table, "{:>6} {:>6}  {}", short.pages, grown.pages, short.name).unwrap();
        if short.plan != grown.plan {
            writeln!(table, "was\n{}\nis\n{}", short.plan, grown.plan).unwrap();
        }
    }
    (table, sum(grown) / sum(short))
}
