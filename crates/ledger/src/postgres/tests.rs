//! What can only be seen from within: query plans, what the tables refuse, and
//! what is said where the database cannot be used.

mod claims;
mod damage;
mod fill;
mod notices;
mod scale;
mod schemas;

use std::sync::atomic::{AtomicU32, Ordering};

use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::DistributionStatus;
use fanfare_core::ids::{DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::redrive::RedriveFilter;
use fanfare_core::write::{Acceptance, Write};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};

use super::error::SqlError;
use super::migrate::SCHEMA_VERSION;
use super::rows::{Column, Rows};
use super::{PostgresSettings, PostgresStore, adopt, failed, list, open_work, read, relay, rows, spending};
use crate::outbox::MarkKind;
use crate::sample;
use crate::store::{Filter, Store, StoreError};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An empty schema; each test drops its own.
fn settings() -> PostgresSettings {
    let url =
        std::env::var("FANFARE_TEST_DATABASE_URL").expect("set FANFARE_TEST_DATABASE_URL to a PostgreSQL for tests");
    let mut settings = PostgresSettings::new(url);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    settings.schema = format!("unit_{}_{number}", std::process::id());
    settings
}

async fn client(settings: &PostgresSettings) -> Client {
    let (client, connection) = tokio_postgres::connect(&settings.url, NoTls).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let path = format!(
        "SET client_min_messages = warning; SET search_path = {}",
        settings.schema
    );
    client.batch_execute(&path).await.unwrap();
    client
}

async fn drop_schema(client: &Client, settings: &PostgresSettings) {
    let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", settings.schema);
    client.batch_execute(&drop).await.unwrap();
}

fn batch(first: u64, count: u64, token: Incarnation) -> Vec<Acceptance> {
    (first..first + count)
        .map(|number| {
            let request = sample::request(&format!("evt-{number}"), &Channel::ALL);
            sample::acceptance(number, request, Timestamp::UNIX_EPOCH, token)
        })
        .collect()
}

async fn commit(store: &PostgresStore, batch: &[Acceptance]) {
    let writes = batch.iter().cloned().map(Box::new).map(Write::Accept);
    store.commit(writes.collect()).await.unwrap();
}

/// Accepted, and most of it completed.
async fn fill(store: &PostgresStore, token: Incarnation) {
    for first in (0..3000).step_by(500) {
        let batch = batch(first, 500, token);
        commit(store, &batch).await;
        let completions = batch
            .iter()
            .take(if first < 2500 { 500 } else { 10 })
            .map(|acceptance| {
                let mut distribution = acceptance.distribution.clone();
                let record = sample::completion(&mut distribution, Timestamp::UNIX_EPOCH, token);
                Write::Record(Box::new(record))
            });
        store.commit(completions.collect()).await.unwrap();
    }
}

async fn plan(client: &Client, sql: &str) -> String {
    let rows = client.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

fn lists() -> Vec<Filter> {
    let everything = Filter::default();
    let with = |change: fn(&mut Filter)| {
        let mut filter = everything.clone();
        change(&mut filter);
        filter
    };
    vec![
        everything.clone(),
        with(|f| f.event_id = Some(EventId::new("evt-1"))),
        with(|f| f.status = Some(DistributionStatus::Failed)),
        with(|f| f.status = Some(DistributionStatus::InProgress)),
        with(|f| f.channel_status = Some(DeliveryStatus::NeedsReview)),
        with(|f| f.channel_status = Some(DeliveryStatus::Failed)),
        with(|f| {
            f.channel = Some(Channel::GenieTV);
            f.channel_status = Some(DeliveryStatus::Failed);
        }),
        with(|f| f.channel = Some(Channel::GenieTV)),
        with(|f| f.from = Some(Timestamp::UNIX_EPOCH)),
        with(|f| f.until = Some(Timestamp::UNIX_EPOCH)),
    ]
}

/// A statement with its parameters written in, as far as plans go.
fn with_values(sql: &str, values: &[&str]) -> String {
    let mut sql = sql.to_owned();
    for (place, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", place + 1), value);
    }
    sql
}

/// By the planner's own choice, with statistics.
#[tokio::test]
async fn of_rows_that_are_not_as_they_had_been_nothing_is_committed() {
    let settings = settings();
    let client = client(&settings).await;
    PostgresStore::connect(&settings).await.unwrap();
    let session = scale::session(&settings).await;
    let write = |key: &'static str| {
        let before = Rows {
            sql: "INSERT INTO meta (key, value) VALUES ('before', '')",
            columns: Vec::new(),
        };
        let keys: Column<'_> = Box::new(vec![key]);
        let update = "WITH changed AS (UPDATE meta SET value = '' WHERE key = ANY ($1) RETURNING 1)
            SELECT 1 / (count(*) = $2)::int FROM changed";
        [before, Rows::changing(update, 1, vec![keys])]
    };
    session.run("BEGIN").await.unwrap();
    let refused = rows::write(&session, &write("nobody's"), true).await;
    assert!(matches!(refused, Err(SqlError::Conflict(_))), "{refused:?}");
    let found = "SELECT count(*) FROM meta WHERE key = 'before'";
    assert_eq!(client.query_one(found, &[]).await.unwrap().get::<_, i64>(0), 0);
    session.run("BEGIN").await.unwrap();
    let mut unsendable = write("before");
    unsendable[1].columns[0] = Box::new(7_i16);
    assert!(rows::write(&session, &unsendable, true).await.is_err());
    assert_eq!(client.query_one(found, &[]).await.unwrap().get::<_, i64>(0), 0);
    session.run("ROLLBACK; BEGIN").await.unwrap();
    rows::write(&session, &write("before"), true).await.unwrap();
    assert_eq!(client.query_one(found, &[]).await.unwrap().get::<_, i64>(0), 1);
    drop_schema(&client, &settings).await;
}

#[tokio::test]
async fn nothing_reads_all_of_history() {
    let settings = settings();
    let client = client(&settings).await;
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    fill(&store, token).await;
    crate::outbox::Outbox::claim_partitions(&store, token).await.unwrap();
    client.batch_execute("ANALYZE").await.unwrap();
    // Of the first and of the last second of all.
    let (first, last) = ["00000000", "ffffffff"]
        .map(|begin| format!("'{begin}-0000-7000-8000-000000000000'::uuid"))
        .into();
    let closed = format!("'{{{}}}'", crate::open_work::closed_names().join(","));
    let mut plans = vec![
        with_values(open_work::OPEN_WORK, &[&*closed]),
        with_values(adopt::ADOPT_DUE, &["now()", "7", "100"]),
        with_values(adopt::OWNED, &["now()", "7", "100"]),
        with_values(read::IDS_OF_EVENT, &["'default'", "'evt-1'", "21"]),
        with_values(relay::unmarked(MarkKind::Published), &["'{1,2}'", "0", "100"]),
        with_values(relay::unmarked(MarkKind::Cached), &["'{1,2}'", "0", "100"]),
    ];
    for filter in lists() {
        let statement = list::statement(&TenantId::default(), &filter, None, 50);
        let mut values = vec!["'default'".to_owned()];
        values.extend(filter.from.iter().flat_map(|_| [last.clone(), "now()".to_owned()]));
        values.extend(filter.until.iter().flat_map(|_| [first.clone(), "now()".to_owned()]));
        values.extend(filter.event_id.iter().map(|_| "'evt-1'".to_owned()));
        values.push("50".to_owned());
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        plans.push(with_values(&statement.sql, &values));
    }
    let nobody = "'{00000000-0000-0000-0000-000000000000}'";
    let spent = [
        "'{1}'",
        "'{default}'",
        nobody,
        "'{evt-1}'",
        "'{GenieTV}'",
        "'{now}'",
        "'{now}'",
    ];
    plans.push(with_values(spending::SPENT, &spent));
    for event_id in [None, Some(EventId::new("evt-1"))] {
        let mut values = vec!["'default'"];
        values.extend(event_id.iter().map(|_| "'evt-1'"));
        values.extend([&*first, "now()", "now()", &*last, "51"]);
        let filter = RedriveFilter {
            channels: vec![Channel::GenieTV],
            causes: vec![&cause::CHANNEL_UNAVAILABLE],
            event_id,
            since: Some(Timestamp::UNIX_EPOCH),
            until: Some(Timestamp::UNIX_EPOCH),
        };
        let after = Some(DistributionId(uuid::Uuid::nil()));
        let statement = failed::statement(&TenantId::default(), &filter, DeliveryStatus::Failed, after, 51);
        plans.push(with_values(&statement.sql, &values));
    }
    for sql in plans {
        let plan = plan(&client, &sql).await;
        let reads_all = ["distribution_logs", "distribution_channel_logs", "outbox", "history"]
            .iter()
            .find(|table| plan.contains(&format!("Seq Scan on {table}")));
        assert_eq!(reads_all, None, "{sql}\n{plan}");
    }
    drop_schema(&client, &settings).await;
}

/// Outcomes that come one by one leave the row in its page, where it has room;
/// a later time counts from when it is said.
#[tokio::test]
async fn what_is_due_stays_due_since_then() {
    let settings = settings();
    let client = client(&settings).await;
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let acceptance = batch(1, 1, token).remove(0);
    commit(&store, std::slice::from_ref(&acceptance)).await;
    let mut distribution = acceptance.distribution;
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let mut due = Vec::new();
    for (second, later) in [(0, None), (5, None), (9, Some(at(60)))] {
        let record = sample::record(&mut distribution, at(second), token, |distribution| {
            for delivery in &mut distribution.deliveries {
                delivery.next_attempt_at = later;
            }
            Vec::new()
        });
        store.commit(vec![Write::Record(Box::new(record))]).await.unwrap();
        let row = client.query_one("SELECT due_at, history_number FROM distribution_logs", &[]);
        let row = row.await.unwrap();
        assert_eq!(u32::try_from(row.get::<_, i32>(1)), Ok(distribution.history_number));
        due.push(row.get::<_, Timestamp>(0));
    }
    assert_eq!(due, [at(0), at(0), at(60)]);
    drop_schema(&client, &settings).await;
}

/// An outcome and its history cannot be written against the rules, whatever
/// the program believes.
#[tokio::test]
async fn the_tables_themselves_refuse_what_must_not_be() {
    let settings = settings();
    let client = client(&settings).await;
    let store = PostgresStore::connect(&settings).await.unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    commit(&store, &batch(0, 50, token)).await;
    let copy_history = |number: u32| {
        format!(
            "INSERT INTO history SELECT tenant_id, distribution_log_id, {number}, {token}, at, actor, transitions
             FROM history WHERE number = 1 LIMIT 1"
        )
    };
    let update = |table: &str, change: &str| format!("UPDATE {table} SET {change}");
    let refused = [
        ("a gap in the history (I11)", copy_history(3)),
        ("a number twice (I11)", copy_history(1)),
        ("a history beside its distribution (I11)", copy_history(2)),
        (
            "a stranger's write (I5)",
            update("distribution_logs", "history_number = 2, written_by = 99"),
        ),
        (
            "a write without history (I5)",
            update("distribution_logs", "status = 'FAILED'"),
        ),
        (
            "a write that skips one (I11)",
            update("distribution_logs", "history_number = 3"),
        ),
        ("taking from a living owner", update("distribution_logs", "owner = 99")),
        (
            "an outcome without its outbox row (I8)",
            update("distribution_logs", "history_number = 2, version = 1"),
        ),
        (
            "a second claim",
            update("distribution_channel_logs", "event_id = 'evt-1'"),
        ),
        (
            "an unknown status",
            update("distribution_channel_logs", "status = 'DONE'"),
        ),
        (
            "an unknown phase",
            update("distribution_channel_logs", "phase = 'DONE'"),
        ),
        (
            "a second open attempt (I4)",
            update("distribution_channel_logs", "channel = 'RingoBiz'"),
        ),
        (
            "an earlier generation (I6)",
            update("distribution_channel_logs", "generation = 0"),
        ),
        ("an orphan", "DELETE FROM distribution_logs".to_owned()),
        (
            "an orphan's history",
            "DELETE FROM distribution_logs; DELETE FROM history".to_owned(),
        ),
    ];
    for (what, sql) in refused {
        let error = client.batch_execute(&sql).await.expect_err(what);
        let code = error.code().unwrap().code();
        assert!(code.starts_with("23"), "{what}: {error:?}");
    }
    let receipt = "channel_state = 'live'";
    client
        .batch_execute(&update("distribution_channel_logs", receipt))
        .await
        .unwrap();
    let lost = update("distribution_channel_logs", "channel_state = NULL");
    let lost = client.batch_execute(&lost).await;
    assert!(lost.is_err(), "a receipt that is lost (I6)");
    store.end_incarnation(token).await.unwrap();
    client
        .batch_execute(&update("distribution_logs", "owner = 99"))
        .await
        .unwrap();
    drop_schema(&client, &settings).await;
}

async fn refusal(settings: &PostgresSettings) -> String {
    match PostgresStore::connect(settings).await {
        Err(StoreError::Unusable(why)) => why,
        Err(other) => panic!("not for ever: {other:?}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// Who only looks makes no tables and brings none up.
#[tokio::test]
async fn tables_of_an_earlier_schema_are_left_as_they_are() {
    let settings = settings();
    let client = client(&settings).await;
    let refused = async || match PostgresStore::connect_as_it_is(&settings).await {
        Err(StoreError::Unusable(why)) => why,
        Err(other) => panic!("not for ever: {other:?}"),
        Ok(_) => panic!("it was not refused"),
    };
    let why = refused().await;
    assert!(why.contains("no tables of fanfare's yet"), "{why}");
    let made = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
    let count: i64 = client.query_one(made, &[&settings.schema]).await.unwrap().get(0);
    assert_eq!(count, 0);
    PostgresStore::connect(&settings).await.unwrap();
    PostgresStore::connect_as_it_is(&settings).await.unwrap();
    let earlier = "UPDATE meta SET value = '5' WHERE key = 'schema_version'";
    client.batch_execute(earlier).await.unwrap();
    let why = refused().await;
    assert!(why.contains("has schema 5") && why.contains("brings it up"), "{why}");
    let version = "SELECT value FROM meta WHERE key = 'schema_version'";
    let version: String = client.query_one(version, &[]).await.unwrap().get(0);
    assert_eq!(version, "5");
    drop_schema(&client, &settings).await;
}

#[tokio::test]
async fn foreign_tables_and_newer_schemas_are_refused_and_left_alone() {
    let settings = settings();
    let client = client(&settings).await;
    let foreign = format!("CREATE SCHEMA {0}; CREATE TABLE {0}.outbox (id int)", settings.schema);
    client.batch_execute(&foreign).await.unwrap();
    let line = refusal(&settings).await;
    let named = [
        "database_url (FANFARE_DATABASE_URL)",
        "database.schema",
        "outbox is not fanfare's",
    ];
    assert!(named.iter().all(|words| line.contains(words)), "{line}");
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = $1::text::regnamespace";
    let count: i64 = client.query_one(tables, &[&settings.schema]).await.unwrap().get(0);
    assert_eq!(count, 1);
    client
        .batch_execute("DROP TABLE outbox; CREATE TABLE guests (id int)")
        .await
        .unwrap();
    PostgresStore::connect(&settings)
        .await
        .expect("other tables do no harm");
    let newer = |compatible: u32| {
        format!(
            "UPDATE meta SET value = '99' WHERE key = 'schema_version';
             UPDATE meta SET value = '{compatible}' WHERE key = 'min_compatible'"
        )
    };
    client.batch_execute(&newer(99)).await.unwrap();
    let line = refusal(&settings).await;
    assert!(
        line.contains(&format!(
            "has schema 99, and this program knows schemas up to {SCHEMA_VERSION}: use a newer release"
        )),
        "{line}"
    );
    client.batch_execute(&newer(1)).await.unwrap();
    PostgresStore::connect(&settings)
        .await
        .expect("a newer one that is compatible");
    drop_schema(&client, &settings).await;
}

/// Programs of an earlier schema would do harm: they are refused.
#[tokio::test]
async fn the_tables_say_which_programs_may_use_them() {
    let settings = settings();
    let client = client(&settings).await;
    PostgresStore::connect(&settings).await.unwrap();
    let sql = "SELECT value FROM meta WHERE key = 'min_compatible'";
    let value: String = client.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(value, "4");
    drop_schema(&client, &settings).await;
}

/// Three replicas that start at once make the tables once.
#[tokio::test]
async fn the_tables_are_made_once() {
    let settings = settings();
    let client = client(&settings).await;
    let starts = (0..3).map(|_| PostgresStore::connect(&settings));
    for store in futures_util::future::join_all(starts).await {
        store.unwrap().ping().await.unwrap();
    }
    drop_schema(&client, &settings).await;
}

/// What can never work is told from what may come back; no line holds the password.
#[tokio::test]
async fn what_cannot_be_used_is_named_by_its_setting() {
    let there = settings();
    // A server that asks for one is to refuse the rest, not the password.
    let password = url::Url::parse(&there.url).unwrap();
    let password = password.password().unwrap_or("hunter2").to_owned();
    let url = |change: &dyn Fn(&mut url::Url)| {
        let mut url = url::Url::parse(&there.url).unwrap();
        url.set_password(Some(&password)).unwrap();
        change(&mut url);
        PostgresSettings::new(url.to_string())
    };
    let for_ever = [
        (url(&|url| url.set_path("/no_such_database")), "no_such_database"),
        (url(&|url| url.set_username("no_such_role").unwrap()), "no_such_role"),
        (url(&|url| url.set_query(Some("sslmode=require"))), "TLS"),
    ];
    for (settings, words) in for_ever {
        let line = refusal(&settings).await;
        assert!(
            line.contains("database_url (FANFARE_DATABASE_URL)") && line.contains(words),
            "{line}"
        );
        assert!(!line.contains(&password), "{line}");
    }
    let away = url(&|url| url.set_port(Some(1)).unwrap());
    match PostgresStore::connect(&away).await {
        Err(error @ StoreError::Database { .. }) => assert!(!format!("{error:?}").contains(&password), "{error:?}"),
        Err(other) => panic!("waiting may help: {other:?}"),
        Ok(_) => panic!("nobody is there"),
    }
}
