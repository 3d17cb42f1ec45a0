//! The outbox: what is still to go out, in which order, and what becomes of it.
//!
//! Positions may have gaps, and one life may get a part of the partitions only
//! while another is alive.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::Distribution;
use fanfare_core::event::{DistributionCompleted, event_uuid};
use fanfare_core::ids::{EventId, Incarnation, TenantId};

use super::{accepted, asked, at, end, life, of_tenant, recorded, sample};
use crate::outbox::{Backlog, Fate, MarkKind, OutboxEntry, PARTITIONS, Partition, Replay, partition_of};
use crate::store::Store;

/// A distribution of that event, its outcome published at that second.
pub async fn published(store: &dyn Store, number: u64, event: &str, second: i64, token: Incarnation) -> Distribution {
    let acceptance = asked(number, event, &[Channel::Instagram], 0, token);
    let mut distribution = accepted(store, &acceptance).await;
    recorded(store, &sample::completion(&mut distribution, at(second), token)).await;
    distribution
}

/// Publishes its next version at that second.
pub async fn next_version(store: &dyn Store, distribution: &mut Distribution, second: i64, token: Incarnation) {
    let was_live = distribution.deliveries[0].status == DeliveryStatus::Success;
    let status = if was_live {
        DeliveryStatus::Failed
    } else {
        DeliveryStatus::Success
    };
    let record = sample::record(distribution, at(second), token, |distribution| {
        vec![sample::conclude(&mut distribution.deliveries[0], status, at(second))]
    });
    assert!(record.publish, "the outcome differs");
    recorded(store, &record).await;
}

fn all_partitions() -> Vec<Partition> {
    (0..PARTITIONS).map(Partition).collect()
}

async fn lacking(store: &dyn Store, kind: MarkKind) -> Vec<OutboxEntry> {
    store.unmarked(kind, &all_partitions(), 0, 100).await.unwrap()
}

async fn unpublished(store: &dyn Store) -> Vec<OutboxEntry> {
    lacking(store, MarkKind::Published).await
}

async fn mark(store: &dyn Store, entry: &OutboxEntry, fate: Fate, second: i64) {
    store.mark(&[entry.mark(fate)], at(second)).await.unwrap();
}

fn events(entries: &[OutboxEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.event.event_id.as_str()).collect()
}

fn refused(dead: bool) -> Fate {
    let reason = "Broker: Message size too large".to_owned();
    Fate::Refused { reason, dead }
}

/// Of all tenants, oldest first, as the journal says it.
pub async fn what_is_published_is_relayed_until_it_is_marked(store: &dyn Store) {
    let token = life(store).await;
    assert_eq!(unpublished(store).await, []);
    let first = published(store, 1, "evt-1", 1, token).await;
    let acceptance = of_tenant(asked(2, "evt-2", &Channel::ALL, 0, token), "apple");
    let mut second = accepted(store, &acceptance).await;
    assert_eq!(unpublished(store).await.len(), 1, "nothing before its outcome");
    recorded(store, &sample::completion(&mut second, at(2), token)).await;

    let entries = unpublished(store).await;
    for (entry, distribution) in entries.iter().zip([&first, &second]) {
        assert_eq!(entry.tenant, distribution.tenant);
        assert_eq!(entry.event_uuid, event_uuid(distribution.id, 1));
        assert_eq!(Some(&entry.event), DistributionCompleted::of(distribution).as_ref());
        assert_eq!(entry.refusals, 0);
        let journal = store.events(&distribution.tenant, 0, 10).await.unwrap();
        assert_eq!(journal[0].position, entry.position);
    }
    assert_eq!(events(&entries), ["evt-1", "evt-2"]);
    mark(store, &entries[0], Fate::Published, 3).await;
    assert_eq!(unpublished(store).await, entries[1..]);
    mark(store, &entries[0], Fate::Published, 4).await;
    mark(store, &entries[1], Fate::Published, 4).await;
    assert_eq!(unpublished(store).await, []);
    assert_eq!(
        store.events(&first.tenant, 0, 10).await.unwrap().len(),
        1,
        "the journal stays"
    );
}

/// Each version under its own id, also when the rows have gone on.
pub async fn an_old_version_is_relayed_as_it_was(store: &dyn Store) {
    let token = life(store).await;
    let mut distribution = published(store, 1, "evt-1", 1, token).await;
    let mut said = vec![DistributionCompleted::of(&distribution).unwrap()];
    for (second, status) in [(2, DeliveryStatus::Pending), (3, DeliveryStatus::Failed)] {
        let record = sample::record(&mut distribution, at(second), token, |distribution| {
            vec![sample::conclude(&mut distribution.deliveries[0], status, at(second))]
        });
        recorded(store, &record).await;
    }
    said.push(DistributionCompleted::of(&distribution).unwrap());
    let entries = unpublished(store).await;
    let ids: Vec<_> = entries.iter().map(|entry| entry.event_uuid).collect();
    assert_eq!(ids, [1, 2].map(|version| event_uuid(distribution.id, version)));
    let events: Vec<_> = entries.into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, said);
}

/// Kafka's and the cache's.
pub async fn the_two_marks_are_apart(store: &dyn Store) {
    let token = life(store).await;
    for number in 1..=3 {
        published(store, number, &format!("evt-{number}"), 1, token).await;
    }
    let entries = unpublished(store).await;
    assert_eq!(lacking(store, MarkKind::Cached).await, entries);
    mark(store, &entries[0], Fate::Published, 2).await;
    mark(store, &entries[1], Fate::Cached, 2).await;
    mark(store, &entries[2], Fate::PublishedAndCached, 2).await;
    assert_eq!(events(&unpublished(store).await), ["evt-2"]);
    assert_eq!(events(&lacking(store, MarkKind::Cached).await), ["evt-1"]);
}

/// Page by page, and nothing of another's share.
pub async fn entries_are_read_by_partition_and_position(store: &dyn Store) {
    let token = life(store).await;
    for number in 0..12 {
        published(store, number, &format!("evt-{number}"), 1, token).await;
    }
    let all = unpublished(store).await;
    assert!(all.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(all.len(), 12);
    let (even, odd): (Vec<_>, Vec<_>) = all_partitions().into_iter().partition(|one| one.0 % 2 == 0);
    for share in [even, odd] {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = store.unmarked(MarkKind::Published, &share, after, 2).await.unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after = last.position;
            found.extend(page);
        }
        let of_share = |entry: &&OutboxEntry| share.contains(&partition_of(&entry.tenant, &entry.event.event_id));
        let expected: Vec<_> = all.iter().filter(of_share).cloned().collect();
        assert_eq!(found, expected);
    }
    assert_eq!(store.unmarked(MarkKind::Published, &[], 0, 10).await.unwrap(), []);
}

/// Until a person has it published again.
pub async fn refusals_are_counted_and_a_dead_letter_is_left_out(store: &dyn Store) {
    let token = life(store).await;
    published(store, 1, "evt-1", 1, token).await;
    published(store, 2, "evt-2", 1, token).await;
    let entry = unpublished(store).await.remove(0);
    mark(store, &entry, refused(false), 2).await;
    assert_eq!(unpublished(store).await[0].refusals, 1, "it is tried again");
    mark(store, &entry, refused(true), 3).await;
    assert_eq!(events(&unpublished(store).await), ["evt-2"]);

    let tenant = TenantId::default();
    let dead = store.dead_letters(&tenant, 0, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].entry.position, dead[0].entry.refusals), (entry.position, 2));
    assert_eq!(dead[0].entry.event, entry.event);
    assert_eq!(
        (dead[0].reason.as_str(), dead[0].dead_at),
        ("Broker: Message size too large", at(3))
    );
    assert_eq!(store.dead_letters(&tenant, entry.position, 10).await.unwrap(), []);
    assert_eq!(store.dead_letters(&TenantId::new("apple"), 0, 10).await.unwrap(), []);
}

/// The same entry; its refusals are forgotten.
pub async fn what_is_replayed_is_published_again_under_its_id(store: &dyn Store) {
    let token = life(store).await;
    published(store, 1, "evt-1", 1, token).await;
    published(store, 2, "evt-2", 1, token).await;
    let before = unpublished(store).await;
    mark(store, &before[0], Fate::PublishedAndCached, 2).await;
    mark(store, &before[1], refused(true), 2).await;
    assert_eq!(unpublished(store).await, []);
    let since = Some(at(0));
    let which = Replay {
        since,
        ..Replay::default()
    };
    let tenant = TenantId::default();
    assert_eq!(store.replay(&tenant, &which).await.unwrap(), 2);
    assert_eq!(unpublished(store).await, before);
    assert_eq!(store.dead_letters(&tenant, 0, 10).await.unwrap(), []);
    assert_eq!(
        events(&lacking(store, MarkKind::Cached).await),
        ["evt-2"],
        "the cache needs nothing"
    );
    assert_eq!(
        store.replay(&tenant, &which).await.unwrap(),
        0,
        "it is on its way already"
    );
}

/// Since when, of which event, dead ones only; and the tenant's own only.
pub async fn a_replay_keeps_its_conditions(store: &dyn Store) {
    let token = life(store).await;
    for (number, event, second) in [(1, "evt-1", 10), (2, "evt-2", 20), (3, "evt-3", 30)] {
        published(store, number, event, second, token).await;
    }
    let entries = unpublished(store).await;
    let relay_all = async |store: &dyn Store| {
        for (entry, dead) in entries.iter().zip([false, false, true]) {
            let fate = if dead { refused(true) } else { Fate::Published };
            mark(store, entry, fate, 60).await;
        }
    };
    relay_all(store).await;
    let tenant = TenantId::default();
    let event = |event: &str| Some(EventId::new(event));
    for (which, expected) in [
        (
            Replay {
                since: Some(at(20)),
                ..Replay::default()
            },
            &["evt-2", "evt-3"][..],
        ),
        (
            Replay {
                since: Some(at(31)),
                ..Replay::default()
            },
            &[],
        ),
        (
            Replay {
                event_id: event("evt-1"),
                ..Replay::default()
            },
            &["evt-1"],
        ),
        (
            Replay {
                event_id: event("evt-9"),
                ..Replay::default()
            },
            &[],
        ),
        (
            Replay {
                dead_only: true,
                ..Replay::default()
            },
            &["evt-3"],
        ),
        (
            Replay {
                dead_only: true,
                event_id: event("evt-1"),
                since: None,
            },
            &[],
        ),
        (
            Replay {
                since: Some(at(20)),
                event_id: event("evt-2"),
                dead_only: false,
            },
            &["evt-2"],
        ),
    ] {
        assert_eq!(store.replay(&TenantId::new("apple"), &which).await.unwrap(), 0);
        let count = store.replay(&tenant, &which).await.unwrap();
        assert_eq!(events(&unpublished(store).await), expected, "{which:?}");
        assert_eq!(count, expected.len() as u64, "{which:?}");
        relay_all(store).await;
    }
}

/// With the time of the oldest.
pub async fn the_backlog_is_counted(store: &dyn Store) {
    let token = life(store).await;
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    for (number, second) in [(1, 10), (2, 20), (3, 30)] {
        published(store, number, &format!("evt-{number}"), second, token).await;
    }
    let entries = unpublished(store).await;
    mark(store, &entries[0], Fate::Published, 40).await;
    mark(store, &entries[1], refused(true), 40).await;
    let expected = Backlog {
        unpublished: 1,
        oldest: Some(at(30)),
        dead: 1,
    };
    assert_eq!(store.backlog().await.unwrap(), expected);
}

/// Each has some of them, and what a life had that is over goes to the others.
pub async fn lives_share_the_partitions(store: &dyn Store) {
    let token = life(store).await;
    let mut alone = store.claim_partitions(token).await.unwrap();
    alone.sort();
    assert_eq!(alone, all_partitions());
    let second = life(store).await;
    assert!(!store.claim_partitions(token).await.unwrap().is_empty());
    end(store, token).await;
    let mut after = store.claim_partitions(second).await.unwrap();
    after.sort();
    assert_eq!(after, all_partitions());
}

/// And what is dead can't: it waits for a person.
pub async fn what_is_published_can_be_deleted(store: &dyn Store) {
    let token = life(store).await;
    published(store, 1, "evt-1", 1, token).await;
    published(store, 2, "evt-2", 1, token).await;
    let entries = unpublished(store).await;
    mark(store, &entries[0], Fate::Published, 2).await;
    mark(store, &entries[1], refused(true), 2).await;
    assert_eq!(store.delete_closed(at(60), true, 9).await.unwrap(), 1);
    assert_eq!(store.dead_letters(&TenantId::default(), 0, 9).await.unwrap().len(), 1);
    // A mark that comes too late is no failure.
    mark(store, &entries[0], Fate::Published, 3).await;
    assert_eq!(store.delete_closed(at(60), false, 9).await.unwrap(), 1);
}
