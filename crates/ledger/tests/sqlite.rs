//! The suite over the store in a file, and what only a file can do.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fanfare_core::api_key::{ApiKey, KeyHash, KeyId, Scope};
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::{Delivery, DeliveryStatus, Failure};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::event::publication;
use fanfare_core::history::{HistoryEntry, Transition};
use fanfare_core::ids::{DeliveryId, DistributionId, EventId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::request::{CanonicalRequest, ChannelOptions, Content, ContentUrls, DistributeRequest, OnInvalid};
use fanfare_core::text::Text;
use fanfare_core::write::{Acceptance, Record, Write, Written};
use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::{DATABASE_FILE, SqliteKeys, SqliteStore, Store, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

fn open() -> (Arc<dyn Store>, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = SqliteStore::open(directory.path()).expect("a new file");
    (Arc::new(store), directory)
}

fanfare_ledger::store_suite!(open);

/// Ten o'clock.
fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn refusal(directory: &Path) -> String {
    match SqliteStore::open(directory) {
        Err(StoreError::Unusable(why)) => why,
        other => panic!("it was not refused: {other:?}"),
    }
}

/// The file is as it was, and nothing lies beside it but the lock.
fn assert_untouched(directory: &Path, before: &[u8]) {
    assert_eq!(fs::read(directory.join(DATABASE_FILE)).unwrap(), before);
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [DATABASE_FILE, "fanfare.lock"]);
}

#[test]
fn a_second_service_is_kept_out_and_told_by_whom() {
    let directory = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(directory.path()).unwrap();
    let lock = directory.path().join("fanfare.lock");
    assert_eq!(
        refusal(directory.path()),
        format!(
            "another service (process {}) holds {}: stop it, or use another data directory",
            std::process::id(),
            lock.display()
        )
    );
    drop(first);
    SqliteStore::open(directory.path()).unwrap();
}

/// Keys are made and revoked while a service holds the file, and it sees both.
#[tokio::test]
async fn keys_are_made_beside_a_service() {
    let directory = tempfile::tempdir().unwrap();
    let keys = SqliteKeys::open_beside(directory.path()).unwrap();
    assert_eq!(keys.api_keys(None).await.unwrap(), [], "the file was made");
    let store = SqliteStore::open(directory.path()).unwrap();
    store.begin_incarnation(now()).await.unwrap();
    let key = ApiKey {
        id: KeyId(Uuid::from_u128(1)),
        tenant: TenantId::default(),
        name: "till".to_owned(),
        prefix: "ff_abcdefg".to_owned(),
        scopes: vec![Scope::Read],
        created_at: now(),
        revoked_at: None,
    };
    let hash = KeyHash::of("ff_abcdefgh");
    keys.insert_api_key(&key, &hash).await.unwrap();
    assert_eq!(store.api_key_of_hash(&hash).await.unwrap(), Some(key.clone()));
    let again = SqliteKeys::open_beside(directory.path()).unwrap();
    again.revoke_api_key(&key.tenant, key.id, now()).await.unwrap();
    assert_eq!(
        again.api_key_of_hash(&hash).await.unwrap().unwrap().revoked_at,
        Some(now())
    );
    assert_eq!(store.api_keys(None).await.unwrap()[0].revoked_at, Some(now()));
    store.begin_incarnation(now()).await.unwrap();
    drop((keys, again));
    store.begin_incarnation(now()).await.unwrap();
}

/// What a service holds is not brought up under its feet; what nobody holds is,
/// and what is not ours stays as it is.
#[test]
fn a_file_is_brought_up_for_keys_only_while_nobody_holds_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    let file = Connection::open(&path).unwrap();
    file.execute_batch(include_str!("../src/sqlite/schema.sql")).unwrap();
    file.execute_batch("PRAGMA application_id = 0x46414e46; PRAGMA user_version = 1;")
        .unwrap();
    drop(file);
    let lock = fs::File::create(directory.path().join("fanfare.lock")).unwrap();
    lock.lock().unwrap();
    let before = fs::read(&path).unwrap();
    let Err(StoreError::Unusable(why)) = SqliteKeys::open_beside(directory.path()) else {
        panic!("it was brought up")
    };
    assert!(why.contains("another service"), "{why}");
    assert_untouched(directory.path(), &before);
    drop(lock);
    let Err(StoreError::Unusable(why)) = SqliteKeys::open_as_it_is(directory.path()) else {
        panic!("it has an earlier schema")
    };
    assert!(why.contains("has schema 1") && why.contains("brings it up"), "{why}");
    assert_untouched(directory.path(), &before);
    SqliteKeys::open_beside(directory.path()).unwrap();
    SqliteKeys::open_as_it_is(directory.path()).unwrap();
    SqliteStore::open(directory.path()).unwrap();

    let foreign = tempfile::tempdir().unwrap();
    let path = foreign.path().join(DATABASE_FILE);
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE api_keys (id)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    let refused = SqliteKeys::open_beside(foreign.path());
    assert!(matches!(refused, Err(StoreError::Unusable(_))), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_with_foreign_tables_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    let foreign = Connection::open(&path).unwrap();
    foreign
        .execute_batch("CREATE TABLE distribution_logs (id); INSERT INTO distribution_logs VALUES (1)")
        .unwrap();
    drop(foreign);
    let before = fs::read(&path).unwrap();
    let expected = format!(
        "{} holds tables that are not fanfare's: use another data directory",
        path.display()
    );
    assert_eq!(refusal(directory.path()), expected);
    assert_untouched(directory.path(), &before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    let before = "영수증 모음 ".repeat(1000).into_bytes();
    fs::write(&path, &before).unwrap();
    let expected = format!(
        "{} is not an SQLite database: use another data directory",
        path.display()
    );
    assert_eq!(refusal(directory.path()), expected);
    assert_untouched(directory.path(), &before);
}

#[test]
fn a_newer_schema_is_refused_unless_it_says_that_it_is_compatible() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let path = directory.path().join(DATABASE_FILE);
    let newer = |min_compatible: u32| {
        let file = Connection::open(&path).unwrap();
        let sql = format!(
            "UPDATE meta SET value = '{min_compatible}' WHERE key = 'min_compatible'; PRAGMA user_version = 99"
        );
        file.execute_batch(&sql).unwrap();
    };
    newer(99);
    let before = fs::read(&path).unwrap();
    let expected = format!(
        "{} has schema 99, and this program knows schemas up to 9: use a newer release",
        path.display()
    );
    assert_eq!(refusal(directory.path()), expected);
    assert_untouched(directory.path(), &before);
    newer(1);
    SqliteStore::open(directory.path()).unwrap();
}

fn acceptance(number: u64, event: &str, token: Incarnation) -> Acceptance {
    let request = DistributeRequest {
        event_id: EventId::new(event),
        channels: vec![Channel::Instagram],
        content_urls: ContentUrls::default(),
        content: Content::default(),
        channel_options: ChannelOptions::default(),
        scheduled_at: None,
        on_invalid: OnInvalid::Reject,
        allow_repeat: false,
    };
    let id = DeliveryId(Uuid::from_u128(number.into()));
    let mut delivery = Delivery::new(id, Channel::Instagram, Mode::Live, now());
    let created = Transition::of_delivery(&delivery, None);
    delivery.status = DeliveryStatus::InProgress;
    Acceptance {
        distribution: Distribution {
            tenant: TenantId::default(),
            id: DistributionId(Uuid::from_u128(number.into())),
            event_id: EventId::new(event),
            request: Arc::new(CanonicalRequest::new(request)),
            status: DistributionStatus::of(std::slice::from_ref(&delivery)),
            deliveries: vec![delivery],
            history_number: 1,
            version: 0,
            published: None,
            accepted_at: now(),
            completed_at: None,
        },
        history: HistoryEntry {
            number: 1,
            at: now(),
            actor: "client".into(),
            reason: None,
            token,
            transitions: vec![created],
        },
        idempotency_key: Some(IdempotencyKey::new(format!("key-{number}"))),
        only_if_known: false,
        owner: Some(token),
        due_at: Some(now()),
        spends: Vec::new(),
    }
}

/// It succeeded, and is published.
fn success(acceptance: &Acceptance) -> (Distribution, Record) {
    let mut distribution = acceptance.distribution.clone();
    let delivery = &mut distribution.deliveries[0];
    let receipt = json!({"state": "live", "postUrl": "https://www.instagram.com/p/가/", "postId": "17889"});
    delivery.receipt = Some(serde_json::from_value(receipt).unwrap());
    let transition = delivery.transition(DeliveryStatus::Success, now()).unwrap();
    finished(distribution, transition, acceptance.history.token)
}

/// It failed, and that is published.
fn failure(acceptance: &Acceptance) -> (Distribution, Record) {
    let mut distribution = acceptance.distribution.clone();
    let delivery = &mut distribution.deliveries[0];
    delivery.failure = Some(Failure::new("rejected", Text::new("Refused.", "거절되었습니다.")));
    let transition = delivery.transition(DeliveryStatus::Failed, now()).unwrap();
    finished(distribution, transition, acceptance.history.token)
}

fn finished(mut distribution: Distribution, transition: Transition, token: Incarnation) -> (Distribution, Record) {
    distribution.status = DistributionStatus::of(&distribution.deliveries);
    (distribution.history_number, distribution.version) = (2, 1);
    distribution.published = publication(&distribution);
    distribution.completed_at = Some(now());
    let record = Record {
        tenant: distribution.tenant.clone(),
        id: distribution.id,
        status: distribution.status,
        completed_at: distribution.completed_at,
        version: 1,
        published: distribution.published.clone(),
        deliveries: distribution.deliveries.clone(),
        superseded: Vec::new(),
        history: HistoryEntry {
            number: 2,
            at: now(),
            actor: "engine".into(),
            reason: None,
            token,
            transitions: vec![transition],
        },
        publish: true,
        freeze: None,
        owner: Some(token),
        due_at: None,
        open: distribution.open(),
        spends: Vec::new(),
    };
    (distribution, record)
}

#[tokio::test]
async fn a_file_that_is_opened_again_holds_everything() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let token = store.begin_incarnation(now()).await.unwrap();
    let acceptance = acceptance(1, "행사-🎉", token);
    let (expected, record) = success(&acceptance);
    let batch = vec![
        Write::Accept(Box::new(acceptance.clone())),
        Write::Record(Box::new(record.clone())),
    ];
    store.commit(batch.clone()).await.unwrap();
    let events = store.events(&expected.tenant, 0, 10).await.unwrap();
    drop(store);

    let store = SqliteStore::open(directory.path()).unwrap();
    assert!(store.begin_incarnation(now()).await.unwrap() > token);
    let tenant = &expected.tenant;
    assert_eq!(
        store.distribution(tenant, expected.id).await.unwrap(),
        Some(expected.clone())
    );
    assert_eq!(
        store.history(tenant, expected.id).await.unwrap(),
        Some(vec![acceptance.history, record.history])
    );
    assert_eq!(store.events(tenant, 0, 10).await.unwrap(), events);
    let again = store.commit(batch).await.unwrap();
    assert_eq!(
        again,
        [Written::Accepted { others: Vec::new() }, Written::Recorded],
        "given again, recognised"
    );
}

/// `sqlite3` beside a service that is at work.
#[tokio::test]
async fn another_program_reads_the_given_tables_while_the_service_writes() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let token = store.begin_incarnation(now()).await.unwrap();
    let reader = Connection::open_with_flags(store.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let (first, second) = (acceptance(1, "evt-1", token), acceptance(2, "evt-2", token));
    let writes = [&first, &second].map(|acceptance| Write::Accept(Box::new(acceptance.clone())));
    store.commit(writes.to_vec()).await.unwrap();
    let count = || reader.query_row("SELECT count(*) FROM distribution_logs", [], |row| row.get::<_, i64>(0));
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count().unwrap(), 2);
    let records = [success(&first).1, failure(&second).1].map(|record| Write::Record(Box::new(record)));
    store.commit(records.to_vec()).await.unwrap();
    let statuses = "SELECT group_concat(status) FROM distribution_logs";
    let status = || reader.query_row(statuses, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(status(), "IN_PROGRESS,IN_PROGRESS", "it keeps its snapshot");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(status(), "COMPLETED,FAILED");
    let rows = "SELECT group_concat(json_array(l.id, l.event_id, l.completed_at, c.channel, c.status,
            c.channel_state, c.post_url, c.post_id, c.ad_id, c.code, c.message), '\n')
        FROM distribution_logs AS l JOIN distribution_channel_logs AS c ON c.distribution_log_id = l.id";
    let rows: String = reader.query_row(rows, [], |row| row.get(0)).unwrap();
    let (first, second) = (first.distribution.id, second.distribution.id);
    let completed_at = "2026-11-22T10:00:00.000000Z";
    let expected = [
        json!([
            first,
            "evt-1",
            completed_at,
            "Instagram",
            "SUCCESS",
            "live",
            "https://www.instagram.com/p/가/",
            "17889",
            null,
            null,
            null
        ]),
        json!([
            second,
            "evt-2",
            completed_at,
            "Instagram",
            "FAILED",
            null,
            null,
            null,
            null,
            "rejected",
            "Refused."
        ]),
    ];
    assert_eq!(rows, expected.map(|row| row.to_string()).join("\n"));
    assert!(reader.execute("DELETE FROM history", []).is_err(), "it may only read");
}

#[tokio::test]
async fn a_file_of_the_first_schema_gets_what_it_lacks_and_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let file = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    file.execute_batch(include_str!("../src/sqlite/schema.sql")).unwrap();
    file.execute_batch(
        "INSERT INTO incarnations (started_at) VALUES ('2026-11-22T09:00:00Z');
         PRAGMA application_id = 0x46414e46; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(file);
    let store = SqliteStore::open(directory.path()).unwrap();
    let token = store.begin_incarnation(now()).await.unwrap();
    assert_eq!(token, Incarnation(2));
    let accepted = store
        .commit(vec![Write::Accept(Box::new(acceptance(1, "evt-1", token)))])
        .await;
    assert_eq!(accepted.unwrap(), [Written::Accepted { others: Vec::new() }]);
    drop(store);
    let file = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        file.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(
        (count("evidence"), count("api_keys"), count("distribution_logs")),
        (0, 0, 1)
    );
    let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 9);
}
