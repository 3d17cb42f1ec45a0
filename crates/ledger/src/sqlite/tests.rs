//! What can only be seen from within: query plans, and a disk that is full.

use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::DistributionStatus;
use fanfare_core::ids::{DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::redrive::RedriveFilter;
use fanfare_core::write::{Acceptance, Write};
use jiff::Timestamp;
use rusqlite::types::{Null, Value};
use rusqlite::{Connection, params_from_iter};

use super::{SqliteStore, adopt, failed, list, notice_endpoints, notices, open_work, read, relay, spending};
use crate::sample;
use crate::store::{Filter, Store, StoreError};

fn plan(connection: &Connection, sql: &str, values: Option<Vec<Value>>) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let count = statement.parameter_count();
    let values = values.unwrap_or_else(|| vec![Value::from(Null); count]);
    let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3));
    steps.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

fn connection() -> (tempfile::TempDir, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let opened = super::open::open(directory.path()).unwrap();
    (directory, opened.connection)
}

/// No list reads all of history or sorts it, whatever is asked.
#[test]
fn every_list_is_served_by_an_index() {
    let (_directory, connection) = connection();
    let event_id = Some(EventId::new("evt-1"));
    let failed = Some(DistributionStatus::Failed);
    let review = Some(DeliveryStatus::NeedsReview);
    let everything = Filter::default();
    let cases = [
        (everything.clone(), "USING PRIMARY KEY (tenant_id=?)"),
        (
            Filter {
                event_id: event_id.clone(),
                ..everything.clone()
            },
            "INDEX distribution_logs_of_event",
        ),
        (
            Filter {
                status: failed,
                ..everything.clone()
            },
            "INDEX distribution_logs_not_completed",
        ),
        (
            Filter {
                event_id,
                channel_status: review,
                ..everything.clone()
            },
            "INDEX distribution_logs_of_event",
        ),
        (
            Filter {
                channel_status: review,
                ..everything.clone()
            },
            "INDEX distribution_channel_logs_attention",
        ),
        (
            Filter {
                channel: Some(Channel::GenieTV),
                channel_status: review,
                ..everything.clone()
            },
            "INDEX distribution_channel_logs_attention",
        ),
        (
            Filter {
                from: Some(Timestamp::UNIX_EPOCH),
                ..everything.clone()
            },
            "(tenant_id=? AND id>?)",
        ),
        (
            Filter {
                until: Some(Timestamp::UNIX_EPOCH),
                ..everything
            },
            "(tenant_id=? AND id<?)",
        ),
    ];
    for (filter, expected) in cases {
        let (sql, values) = list::statement(&TenantId::default(), &filter, None, 50);
        let plan = plan(&connection, &sql, Some(values));
        assert!(plan.contains(expected), "{filter:?}:\n{plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{filter:?}:\n{plan}"
        );
    }
}

/// Nor does the search for what failed.
#[test]
fn what_failed_is_found_by_its_indices() {
    let (_directory, connection) = connection();
    for event_id in [None, Some(EventId::new("evt-1"))] {
        let index = match event_id {
            Some(_) => {
                "d USING COVERING INDEX distribution_logs_of_event (tenant_id=? AND event_id=? AND id>? AND id<?)"
            }
            None => {
                "c USING INDEX distribution_channel_logs_attention \
                 (tenant_id=? AND status=? AND distribution_log_id>? AND distribution_log_id<?)"
            }
        };
        let filter = RedriveFilter {
            channels: vec![Channel::GenieTV],
            causes: vec![&cause::CHANNEL_UNAVAILABLE],
            event_id,
            since: Some(Timestamp::UNIX_EPOCH),
            until: Some(Timestamp::UNIX_EPOCH),
        };
        let after = Some(DistributionId(uuid::Uuid::nil()));
        let (sql, values) = failed::statement(&TenantId::default(), &filter, DeliveryStatus::Failed, after, 50);
        let plan = plan(&connection, &sql, Some(values));
        assert!(plan.contains(index), "{filter:?}:\n{plan}");
        for part in [
            "h USING COVERING INDEX distribution_channel_logs_claim",
            "n USING COVERING INDEX distribution_logs_of_event",
            "m USING PRIMARY KEY",
            "e USING PRIMARY KEY",
        ] {
            assert!(plan.contains(part), "{part}:\n{plan}");
        }
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn what_was_spent_is_summed_up_by_its_indices() {
    let (_directory, connection) = connection();
    let spent = plan(&connection, spending::SPENT, None);
    for part in [
        "s USING INDEX spends_of_event (tenant_id=? AND event_id=? AND channel=?)",
        "s USING INDEX spends_of_time (tenant_id=? AND channel=? AND spent_at>? AND spent_at<?)",
        "c USING PRIMARY KEY (tenant_id=? AND distribution_log_id=? AND channel=?)",
    ] {
        assert!(spent.contains(part), "{part}:\n{spent}");
    }
}

#[test]
fn open_work_and_an_events_distributions_are_found_by_their_indices() {
    let (_directory, connection) = connection();
    let due = plan(&connection, adopt::DUE, None);
    assert!(due.contains("INDEX distribution_logs_open (due_at<?)"), "{due}");
    let of_event = plan(&connection, read::IDS_OF_EVENT, None);
    assert!(
        of_event.contains("COVERING INDEX distribution_logs_of_event"),
        "{of_event}"
    );
    assert!(!of_event.contains("TEMP B-TREE"), "{of_event}");
    let open = plan(&connection, open_work::OPEN_WORK, None);
    assert!(
        open.contains("SCAN d USING COVERING INDEX distribution_logs_open"),
        "{open}"
    );
    assert!(open.contains("SEARCH c USING PRIMARY KEY"), "{open}");
}

#[test]
fn what_is_to_be_relayed_is_found_by_its_indices() {
    let (_directory, connection) = connection();
    connection.execute_batch(relay::INDICES).unwrap();
    for sql in [relay::UNPUBLISHED, relay::UNCACHED, relay::DEAD] {
        let plan = plan(&connection, sql, None);
        assert!(
            plan.contains("INDEX outbox_") && !plan.contains("TEMP B-TREE"),
            "{sql}:\n{plan}"
        );
    }
}

/// Only what is still to be told may be read whole.
#[test]
fn notices_are_found_by_their_indices() {
    let (_directory, connection) = connection();
    for sql in [
        notices::DUE,
        notices::FORGET,
        notice_endpoints::FORGET_OF,
        notice_endpoints::MAKE_DUE,
        notice_endpoints::LOOK,
        notice_endpoints::ENDPOINTS,
    ] {
        let plan = plan(&connection, sql, None);
        let mut steps = plan.lines().filter(|step| step.contains("SCAN notices"));
        assert!(steps.all(|step| step.contains("INDEX notices_due")), "{sql}:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}:\n{plan}");
    }
}

fn batch(first: u64, token: Incarnation) -> Vec<Acceptance> {
    (first..first + 50)
        .map(|number| {
            let request = sample::request(&format!("evt-{number}"), &Channel::ALL);
            sample::acceptance(number, request, Timestamp::UNIX_EPOCH, token)
        })
        .collect()
}

async fn commit(store: &SqliteStore, batch: &[Acceptance]) -> Result<(), StoreError> {
    let writes = batch.iter().cloned().map(Box::new).map(Write::Accept);
    store.commit(writes.collect()).await.map(drop)
}

async fn limit_pages(store: &SqliteStore, pages: i64) {
    let limit = store.writer.transact("limit the file", move |transaction| {
        Ok(transaction.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
    });
    limit.await.unwrap();
}

/// Nothing of a refused commit is there, all of an acknowledged one is, and
/// later ones work again.
#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    limit_pages(&store, 200).await;
    let (mut acknowledged, mut next) = (Vec::new(), 0);
    let refused = loop {
        let batch = batch(next, token);
        if let Err(error) = commit(&store, &batch).await {
            assert!(
                matches!(error, StoreError::Database { doing: "commit", .. }),
                "{error:?}"
            );
            break batch;
        }
        acknowledged.extend(ids(&batch));
        next += 50;
    };
    assert!(!acknowledged.is_empty());
    assert!(commit(&store, &refused).await.is_err(), "it is still full");
    assert!(is_there(&store, &acknowledged).await.iter().all(|found| *found));
    assert!(is_there(&store, &ids(&refused)).await.iter().all(|found| !found));
    limit_pages(&store, 1_000_000).await;
    commit(&store, &refused).await.unwrap();
    acknowledged.extend(ids(&refused));
    drop(store);
    let store = SqliteStore::open(directory.path()).unwrap();
    assert!(
        is_there(&store, &acknowledged).await.iter().all(|found| *found),
        "after opening it again"
    );
}

/// A ping sees a disk that is full at once, and that it no longer is.
#[tokio::test]
async fn a_full_disk_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    store.ping().await.unwrap();
    // No less than the file has already.
    limit_pages(&store, 1).await;
    assert!(commit(&store, &batch(0, token)).await.is_err());
    for _ in 0..2 {
        let error = store.ping().await.unwrap_err();
        assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    }
    limit_pages(&store, 1_000_000).await;
    store.ping().await.unwrap();
    commit(&store, &batch(0, token)).await.unwrap();
}

/// The directory and its setting are named, with the system's own words.
#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plain");
    std::fs::write(&file, "").unwrap();
    let locked = directory.path().join("locked");
    std::fs::create_dir_all(locked.join("fanfare.lock")).unwrap();
    for (place, words) in [(file, "exists"), (locked, "directory")] {
        let error = SqliteStore::open(&place).unwrap_err().to_string();
        let begin = format!(
            "cannot use the data directory {} (setting data_dir, FANFARE_DATA_DIR): ",
            place.display()
        );
        assert!(error.starts_with(&begin), "{error}");
        assert!(error[begin.len()..].contains(words), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_going_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let earlier = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let batch = batch(0, earlier);
    commit(&store, &batch).await.unwrap();
    let damaged = ids(&batch)[1];
    let damage = "UPDATE distribution_channel_logs SET checkpoint = 'not JSON' WHERE distribution_log_id = ?1";
    store
        .writer
        .transact("damage", move |transaction| {
            Ok(transaction.execute(damage, [super::row::UuidText::of(damaged.0)])?)
        })
        .await
        .unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let adopted = store.adopt(token, Timestamp::MAX, 9_999).await.unwrap();
    let mut adopted: Vec<_> = adopted.iter().map(|one| one.distribution.id).collect();
    let mut expected: Vec<_> = ids(&batch).into_iter().filter(|id| *id != damaged).collect();
    adopted.sort();
    expected.sort();
    assert_eq!(adopted, expected);
    let tenant = TenantId::default();
    assert!(store.adopt_one(token, &tenant, damaged).await.unwrap().is_none());
}

fn ids(batch: &[Acceptance]) -> Vec<DistributionId> {
    batch.iter().map(|acceptance| acceptance.distribution.id).collect()
}

async fn is_there(store: &SqliteStore, ids: &[DistributionId]) -> Vec<bool> {
    let mut found = Vec::new();
    for id in ids {
        let distribution = store.distribution(&TenantId::default(), *id).await.unwrap();
        found.push(distribution.is_some());
    }
    found
}

/// An outcome and its history cannot be written against the rules, whatever
/// the program believes.
#[tokio::test]
async fn the_tables_themselves_refuse_what_must_not_be() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let token = store.begin_incarnation(Timestamp::UNIX_EPOCH).await.unwrap();
    let token = Incarnation(token.0 + 1);
    commit(&store, &batch(0, token)).await.unwrap();
    let copy_history = |number: u32, token: u32| {
        format!(
            "INSERT INTO history SELECT tenant_id, distribution_log_id, {number}, at, actor, {token}, transitions, reason
             FROM history WHERE number = 1 LIMIT 1"
        )
    };
    let refused = [
        ("a gap in the history (I11)", copy_history(3, 2)),
        ("a number twice (I11)", copy_history(1, 2)),
        ("an older token (I5)", copy_history(2, 1)),
        (
            "a second claim",
            "UPDATE distribution_channel_logs SET event_id = 'evt-1'".to_owned(),
        ),
        (
            "an unknown status",
            "UPDATE distribution_logs SET status = 'DONE'".to_owned(),
        ),
        (
            "an unknown channel status",
            "UPDATE distribution_channel_logs SET status = 'DONE'".to_owned(),
        ),
        (
            "an unknown phase",
            "UPDATE distribution_channel_logs SET phase = 'DONE'".to_owned(),
        ),
        (
            "a second open attempt (I4)",
            "UPDATE distribution_channel_logs SET channel = 'RingoBiz'".to_owned(),
        ),
        ("an orphan", "DELETE FROM distribution_logs".to_owned()),
    ];
    for (what, sql) in refused {
        let write = store
            .writer
            .transact("break a rule", move |transaction| Ok(transaction.execute(&sql, [])?));
        let error = write.await.expect_err(what);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.contains("constraint") || source.contains("history"),
            "{what}: {source}"
        );
    }
    let follows = copy_history(2, 2);
    let write = store.writer.transact("keep the rules", move |transaction| {
        Ok(transaction.execute(&follows, [])?)
    });
    assert_eq!(write.await.unwrap(), 1);
}
