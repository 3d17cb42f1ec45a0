//! The outbox and the API keys over `PostgreSQL`, and deleting in steps.

use fanfare_core::api_key::{ApiKey, KeyHash, KeyId, Scope};
use fanfare_core::event::event_uuid;
use fanfare_core::ids::{EventId, TenantId};
use fanfare_core::write::Write;
use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::outbox::{Backlog, Fate, Mark, MarkKind, Outbox, Partition, Replay, partition_of};
use fanfare_ledger::{PostgresStore, Store, bare};
use uuid::Uuid;

use super::database::Database;
use super::nodes::at;

/// Published outcomes; the ids of their events.
async fn publish(store: &PostgresStore, count: u32) -> Vec<EventId> {
    let token = store.begin_incarnation(at(0)).await.unwrap();
    let (accept, conclude) = bare::batch_of(0, count, at(0), token);
    let events = accept.iter().filter_map(|write| match write {
        Write::Accept(acceptance) => Some(acceptance.distribution.event_id.clone()),
        Write::Record(_) | Write::Evidence(_) => None,
    });
    let events = events.collect();
    store.commit(accept).await.unwrap();
    store.commit(conclude).await.unwrap();
    events
}

fn all() -> Vec<Partition> {
    (0..16).map(Partition).collect()
}

fn marks(positions: &[u64], fate: &Fate) -> Vec<Mark> {
    let mark = |position: &u64| Mark {
        tenant: TenantId::default(),
        position: *position,
        fate: fate.clone(),
    };
    positions.iter().map(mark).collect()
}

async fn lacking(store: &PostgresStore, kind: MarkKind) -> Vec<u64> {
    let entries = store.unmarked(kind, &all(), 0, 100).await.unwrap();
    entries.iter().map(|entry| entry.position).collect()
}

#[tokio::test]
async fn entries_lack_their_marks_until_they_have_them() {
    let database = Database::new();
    let store = database.store().await;
    let events = publish(&store, 20).await;
    let tenant = TenantId::default();
    let entries = store.unmarked(MarkKind::Published, &all(), 0, 100).await.unwrap();
    assert!(entries.len() == 20 && entries.is_sorted_by(|a, b| a.position < b.position));
    for entry in &entries {
        let event = &entry.event;
        assert_eq!(entry.event_uuid, event_uuid(event.distribution_id, event.version));
        assert!(events.contains(&event.event_id) && entry.tenant == tenant && entry.refusals == 0);
        let mine = [partition_of(&tenant, &event.event_id)];
        let before = entry.position - 1;
        let own = store.unmarked(MarkKind::Published, &mine, before, 1).await.unwrap();
        assert_eq!(own.as_slice(), std::slice::from_ref(entry));
    }
    let positions: Vec<u64> = entries.iter().map(|entry| entry.position).collect();
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.unpublished, backlog.oldest), (20, Some(at(0))));
    store
        .mark(&marks(&positions[..5], &Fate::Published), at(9))
        .await
        .unwrap();
    store
        .mark(&marks(&positions[3..8], &Fate::Cached), at(9))
        .await
        .unwrap();
    store
        .mark(&marks(&positions[8..18], &Fate::PublishedAndCached), at(9))
        .await
        .unwrap();
    let unpublished = [&positions[5..8], &positions[18..]].concat();
    assert_eq!(lacking(&store, MarkKind::Published).await, unpublished);
    let uncached = [&positions[..3], &positions[18..]].concat();
    assert_eq!(lacking(&store, MarkKind::Cached).await, uncached);
    assert_eq!(store.backlog().await.unwrap().unpublished, 5);
}

#[tokio::test]
async fn dead_letters_wait_for_a_person() {
    let database = Database::new();
    let store = database.store().await;
    let events = publish(&store, 4).await;
    let tenant = TenantId::default();
    let positions = lacking(&store, MarkKind::Published).await;
    let refused = |dead| Fate::Refused {
        reason: "too large".to_owned(),
        dead,
    };
    store
        .mark(&marks(&positions[..2], &refused(false)), at(8))
        .await
        .unwrap();
    store
        .mark(&marks(&positions[..1], &refused(true)), at(9))
        .await
        .unwrap();
    store
        .mark(&marks(&positions[2..], &Fate::Published), at(9))
        .await
        .unwrap();
    assert_eq!(lacking(&store, MarkKind::Published).await, positions[1..2]);
    let letters = store.dead_letters(&tenant, 0, 9).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].entry.position, letters[0].entry.refusals),
        (positions[0], 2)
    );
    assert_eq!((letters[0].reason.as_str(), letters[0].dead_at), ("too large", at(9)));
    let backlog = store.backlog().await.unwrap();
    assert_eq!(
        backlog,
        Backlog {
            unpublished: 1,
            oldest: Some(at(0)),
            dead: 1
        }
    );
    let stranger = TenantId::new("bakery");
    assert_eq!(store.dead_letters(&stranger, 0, 9).await.unwrap(), []);
    assert_eq!(store.replay(&stranger, &Replay::default()).await.unwrap(), 0);
    let dead_only = Replay {
        dead_only: true,
        ..Replay::default()
    };
    assert_eq!(store.replay(&tenant, &dead_only).await.unwrap(), 1);
    assert_eq!(lacking(&store, MarkKind::Published).await, positions[..2]);
    let later = Replay {
        since: Some(at(1)),
        ..Replay::default()
    };
    assert_eq!(store.replay(&tenant, &later).await.unwrap(), 0);
    let of_event = |event: &EventId| Replay {
        event_id: Some(event.clone()),
        ..Replay::default()
    };
    let mut replayed = 0;
    for event in &events {
        replayed += store.replay(&tenant, &of_event(event)).await.unwrap();
    }
    assert_eq!(replayed, 2, "the others are on their way");
    assert_eq!(lacking(&store, MarkKind::Published).await, positions);
}

#[tokio::test]
async fn keys_are_kept_by_their_hash_and_revoked_for_ever() {
    let database = Database::new();
    let store = database.store().await;
    let key = |number: u128, tenant: &str| ApiKey {
        id: KeyId(Uuid::from_u128(number)),
        tenant: TenantId::new(tenant),
        name: "계산대".to_owned(),
        prefix: "ff_abcd".to_owned(),
        scopes: vec![Scope::Distribute, Scope::Read],
        created_at: at(0),
        revoked_at: None,
    };
    let (one, other) = (key(1, "default"), key(2, "bakery"));
    store.insert_api_key(&one, &KeyHash([1; 32])).await.unwrap();
    store.insert_api_key(&other, &KeyHash([2; 32])).await.unwrap();
    assert!(
        store
            .insert_api_key(&key(3, "default"), &KeyHash([1; 32]))
            .await
            .is_err()
    );
    assert_eq!(
        store.api_key_of_hash(&KeyHash([1; 32])).await.unwrap(),
        Some(one.clone())
    );
    assert_eq!(store.api_key_of_hash(&KeyHash([3; 32])).await.unwrap(), None);
    assert_eq!(store.api_keys(None).await.unwrap(), [one.clone(), other.clone()]);
    assert_eq!(
        store.api_keys(Some(&one.tenant)).await.unwrap(),
        std::slice::from_ref(&one)
    );
    assert_eq!(store.revoke_api_key(&other.tenant, one.id, at(5)).await.unwrap(), None);
    for second in [5, 6] {
        let revoked = store.revoke_api_key(&one.tenant, one.id, at(second)).await.unwrap();
        assert_eq!(revoked.and_then(|key| key.revoked_at), Some(at(5)));
    }
}

/// More than are deleted at once.
#[tokio::test]
async fn many_are_deleted_in_steps() {
    let database = Database::new();
    let store = database.store().await;
    publish(&store, 250).await;
    assert_eq!(store.delete_closed(at(1), true, 500).await.unwrap(), 0, "unpublished");
    assert_eq!(store.delete_closed(at(1), false, 220).await.unwrap(), 220);
    assert_eq!(store.delete_closed(at(1), false, 500).await.unwrap(), 30);
    assert_eq!(store.events(&TenantId::default(), 0, 9).await.unwrap(), []);
}
