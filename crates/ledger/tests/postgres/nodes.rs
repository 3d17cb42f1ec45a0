//! Several nodes over one database: lives, shares, races, and what people see.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::{Write, Written};
use fanfare_ledger::outbox::Outbox;
use fanfare_ledger::{PostgresStore, Store, StoreError, bare};
use jiff::Timestamp;

use super::database::Database;

pub(crate) fn at(seconds: i64) -> Timestamp {
    let ten: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    ten + Duration::from_secs(seconds.unsigned_abs())
}

pub(crate) fn ids(batch: &[Write]) -> Vec<DistributionId> {
    batch.iter().map(Write::id).collect()
}

async fn life(store: &PostgresStore) -> Incarnation {
    store.begin_incarnation(at(0)).await.unwrap()
}

/// Whether it was taken for over before it could renew, or renewed in time, both
/// sides see the same.
#[tokio::test]
async fn a_silent_life_is_over_for_everybody() {
    let mut database = Database::new();
    database.settings.lease = Duration::from_millis(400);
    let (first, second) = (database.store().await, database.store().await);
    let (silent, living) = (life(&first).await, life(&second).await);
    let (accept, conclude) = bare::batch_of(0, 3, at(0), silent);
    first.commit(accept.clone()).await.unwrap();
    assert!(second.adopt(living, at(9), 9).await.unwrap().is_empty(), "it is alive");
    let (tenant, one) = (TenantId::default(), accept[0].id());
    assert_eq!(second.adopt_one(living, &tenant, one).await.unwrap(), None);
    let adopted = loop {
        let lives = second.renew(living).await.unwrap().unwrap().get();
        let adopted = second.adopt(living, at(9), 9).await.unwrap();
        if !adopted.is_empty() {
            break adopted;
        }
        assert_eq!(lives, 2, "both share the quotas");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(second.renew(living).await.unwrap(), Some(NonZeroU32::MIN));
    let adopted: Vec<_> = adopted.iter().map(|adopted| adopted.distribution.id).collect();
    assert_eq!(adopted, ids(&accept), "oldest first");
    assert_eq!(first.renew(silent).await.unwrap(), None);
    let answers = first.commit(conclude).await.unwrap();
    assert_eq!(answers, vec![Written::Fenced; 3]);
    assert!(
        first.adopt(silent, at(9), 9).await.unwrap().is_empty(),
        "who is over adopts nothing"
    );
    assert_eq!(first.adopt_one(silent, &tenant, one).await.unwrap(), None);
}

/// Each piece of work is one life's, however many ask at once (I13).
#[tokio::test(flavor = "multi_thread")]
async fn work_is_adopted_once() {
    let database = Database::new();
    let former = database.store().await;
    let over = life(&former).await;
    let (accept, _) = bare::batch_of(0, 200, at(0), over);
    former.commit(accept.clone()).await.unwrap();
    former.end_incarnation(over).await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move {
            let token = life(&store).await;
            let mut adopted = Vec::new();
            for _ in 0..20 {
                let some = store.adopt(token, at(9), 7).await.unwrap();
                adopted.extend(some.into_iter().map(|adopted| adopted.distribution.id));
            }
            // What all of them left to each other.
            let rest = store.adopt(token, at(9), 200).await.unwrap();
            adopted.extend(rest.into_iter().map(|adopted| adopted.distribution.id));
            adopted
        }));
    }
    let mut adopted = Vec::new();
    for task in tasks {
        adopted.extend(task.await.unwrap());
    }
    adopted.sort_unstable();
    let mut expected = ids(&accept);
    expected.sort_unstable();
    assert_eq!(adopted, expected);
}

/// Equal shares; what a life leaves is taken by the others.
#[tokio::test]
async fn partitions_are_shared_among_the_living() {
    let database = Database::new();
    let store = database.store().await;
    let first = life(&store).await;
    assert_eq!(store.claim_partitions(first).await.unwrap().len(), 16);
    let (second, third) = (life(&store).await, life(&store).await);
    assert_eq!(store.claim_partitions(second).await.unwrap(), [], "none is free yet");
    let mut all = BTreeSet::new();
    for (token, share) in [(first, 6), (second, 6), (third, 4)] {
        let claimed = store.claim_partitions(token).await.unwrap();
        assert_eq!(claimed.len(), share);
        all.extend(claimed);
    }
    assert_eq!(all.len(), 16, "each is one life's");
    store.end_incarnation(second).await.unwrap();
    assert_eq!(store.claim_partitions(second).await.unwrap(), [], "it is over");
    for token in [first, third] {
        assert_eq!(store.claim_partitions(token).await.unwrap().len(), 8);
    }
}

/// Every event is asked for on every node at once: one is accepted, all others
/// are told which; nothing fails.
#[tokio::test(flavor = "multi_thread")]
async fn of_racing_nodes_one_wins_each_claim() {
    let database = Database::new();
    let mut tasks = Vec::new();
    for node in 0..4 {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move {
            let token = life(&store).await;
            let mut answers = Vec::new();
            for first in (0..120).step_by(40) {
                // The same events and bodies, under other ids.
                let (accept, _) = bare::batch_of(first, 40, at(node), token);
                let ids = ids(&accept);
                answers.extend((first..).zip(ids).zip(store.commit(accept).await.unwrap()));
            }
            answers
        }));
    }
    let mut of_event: HashMap<u64, Vec<DistributionId>> = HashMap::new();
    let mut accepted = 0;
    for task in tasks {
        for ((event, id), answer) in task.await.unwrap() {
            let winner = match answer {
                Written::Accepted { others } => {
                    assert_eq!(others, []);
                    accepted += 1;
                    id
                }
                Written::Replayed { existing } => existing,
                other => panic!("{other:?}"),
            };
            of_event.entry(event).or_default().push(winner);
        }
    }
    assert_eq!((accepted, of_event.len()), (120, 120));
    for (event, winners) in of_event {
        assert!(
            winners.len() == 4 && winners.iter().all(|w| *w == winners[0]),
            "{event}: {winners:?}"
        );
    }
}

/// Positions are not given in the order of commits: a reader who goes on from
/// the last one it saw misses nothing all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_the_journal_misses_nothing() {
    let database = Database::new();
    let reader = database.store().await;
    let mut tasks = Vec::new();
    for node in 0..3_u64 {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move {
            let token = life(&store).await;
            for first in (0..60).step_by(10) {
                let (accept, conclude) = bare::batch_of(node * 1000 + first, 10, at(0), token);
                store.commit(accept).await.unwrap();
                store.commit(conclude).await.unwrap();
            }
        }));
    }
    let tenant = TenantId::default();
    let (mut seen, mut after) = (BTreeSet::new(), 0);
    while seen.len() < 180 {
        let over = tasks.iter().all(tokio::task::JoinHandle::is_finished);
        let page = reader.events(&tenant, after, 7).await.unwrap();
        let last = page.last().map(|entry| entry.position);
        seen.extend(page.iter().map(|entry| entry.event.distribution_id));
        match last {
            Some(last) => after = last,
            None if over => break,
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(seen.len(), 180);
}

/// The contract's table, as `psql` shows it.
#[tokio::test]
async fn the_tables_show_the_words_of_the_wire() {
    let database = Database::new();
    let store = database.store().await;
    let token = life(&store).await;
    let (accept, conclude) = bare::batch_of(0, 1, at(0), token);
    store.commit(accept).await.unwrap();
    store.commit(conclude).await.unwrap();
    let client = database.client().await;
    let sql = "SELECT channel, c.status, distribution_id, estimated_views, update_timestamp, ad_id,
            impression_schedule, post_url, post_id, message_id, d.status, d.completed_at::text
         FROM distribution_channel_logs AS c JOIN distribution_logs AS d ON d.id = c.distribution_log_id
         ORDER BY position";
    let rows = client.query(sql, &[]).await.unwrap();
    let given = |row: usize, column: usize| rows[row].get::<_, Option<String>>(column);
    assert_eq!(rows.len(), 6);
    for (row, filled) in [
        (0, &[2][..]),
        (1, &[4]),
        (2, &[5, 6]),
        (3, &[7, 8]),
        (4, &[7]),
        (5, &[9]),
    ] {
        assert_eq!(given(row, 1).as_deref(), Some("SUCCESS"));
        assert_eq!(given(row, 10).as_deref(), Some("COMPLETED"));
        for column in [2, 4, 5, 6, 7, 8, 9] {
            assert_eq!(given(row, column).is_some(), filled.contains(&column), "{row} {column}");
        }
    }
    assert_eq!(rows[0].get::<_, Option<i64>>(3), Some(1000));
    assert_eq!(given(0, 0).as_deref(), Some("WooridongneTV"));
}

/// A channel may say anything: what a column cannot hold does not stop a batch.
#[tokio::test]
async fn a_zero_character_from_a_channel_is_taken() {
    let database = Database::new();
    let store = database.store().await;
    let token = life(&store).await;
    let (accept, mut conclude) = bare::batch_of(0, 1, at(0), token);
    store.commit(accept).await.unwrap();
    let Write::Record(record) = &mut conclude[0] else {
        panic!("a record")
    };
    let receipt = record.deliveries[0].receipt.as_mut().unwrap();
    receipt.fields.distribution_id = Some("a\0b".to_owned());
    record.deliveries[1].checkpoint = Some(fanfare_core::delivery::Checkpoint(serde_json::json!({"said": "a\0b"})));
    let id = record.id;
    assert_eq!(store.commit(conclude).await.unwrap(), [Written::Recorded]);
    let read = store.distribution(&TenantId::default(), id).await.unwrap().unwrap();
    let fields = &read.deliveries[0].receipt.as_ref().unwrap().fields;
    assert_eq!(fields.distribution_id.as_deref(), Some("a\u{fffd}b"));
    let said = read.deliveries[1].checkpoint.as_ref().unwrap();
    assert_eq!(said.0["said"], "a\0b");
}

/// A write that can never be stored fails by itself, and says so.
#[tokio::test]
async fn what_cannot_be_stored_is_an_error_at_once() {
    let database = Database::new();
    let store = database.store().await;
    let token = life(&store).await;
    let (mut accept, _) = bare::batch_of(0, 1, at(0), token);
    let Write::Accept(acceptance) = &mut accept[0] else {
        panic!("an acceptance")
    };
    acceptance.distribution.event_id = fanfare_core::ids::EventId::new("a\0b");
    let error = store.commit(accept).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Database { doing: "commit", .. }),
        "{error:?}"
    );
    store.ping().await.unwrap();
}

/// Each write of a batch sees those before it, however many there are of one
/// event or one distribution.
#[tokio::test]
async fn a_batch_is_answered_as_if_its_writes_came_alone() {
    let database = Database::new();
    let store = database.store().await;
    let token = life(&store).await;
    let (mut batch, conclude) = bare::batch_of(0, 100, at(0), token);
    let first = ids(&batch);
    for second in 1..4 {
        batch.extend(bare::batch_of(0, 100, at(second), token).0);
    }
    batch.extend(conclude);
    let answers = store.commit(batch).await.unwrap();
    let expected = |place: usize| match place {
        0..100 => Written::Accepted { others: Vec::new() },
        100..400 => Written::Replayed {
            existing: first[place % 100],
        },
        _ => Written::Recorded,
    };
    assert!(
        answers
            .iter()
            .enumerate()
            .all(|(place, answer)| *answer == expected(place))
    );
    let events = store.events(&TenantId::default(), 0, 1000).await.unwrap();
    assert_eq!(events.len(), 100);
}
