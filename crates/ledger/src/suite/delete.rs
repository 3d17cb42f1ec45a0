//! Retention: what is deleted, and what stays.

use fanfare_core::channel::Channel;
use fanfare_core::ids::{EventId, Incarnation, TenantId};
use fanfare_core::write::Written;

use super::{accepted, asked, at, life, recorded, sample, with_key, write};
use crate::store::{Filter, Store};

async fn count(store: &dyn Store) -> usize {
    let all = store.list(&TenantId::default(), &Filter::default(), None, 99).await;
    all.unwrap().len()
}

/// Oldest first, never what is open or younger; its claim and its key are free.
pub async fn closed_ones_are_deleted_whole(store: &dyn Store) {
    let token = life(store).await;
    let tenant = TenantId::default();
    let mut of = Vec::new();
    for (number, second) in [(1, 0), (2, 1), (3, 2)] {
        let event = format!("evt-{number}");
        let acceptance = with_key(asked(number, &event, &[Channel::NaverBlog], second, token), &event);
        let mut distribution = accepted(store, &acceptance).await;
        recorded(store, &sample::completion(&mut distribution, at(60), token)).await;
        of.push(distribution);
    }
    let open = accepted(store, &asked(4, "evt-4", &[Channel::NaverBlog], 0, token)).await;
    assert_eq!(store.delete_closed(at(2), false, 1).await.unwrap(), 1);
    assert_eq!(store.distribution(&tenant, of[0].id).await.unwrap(), None, "the oldest");
    assert_eq!(store.delete_closed(at(2), false, 9).await.unwrap(), 1);
    assert_eq!(store.delete_closed(at(2), false, 9).await.unwrap(), 0);
    assert_eq!(
        store.distribution(&tenant, of[2].id).await.unwrap().as_ref(),
        Some(&of[2])
    );
    assert!(store.distribution(&tenant, open.id).await.unwrap().is_some());
    assert_eq!(count(store).await, 2);
    assert_eq!(store.history(&tenant, of[0].id).await.unwrap(), None);
    assert_eq!(store.events(&tenant, 0, 9).await.unwrap().len(), 1);
    assert_eq!(
        store.newest_of_event(&tenant, &EventId::new("evt-1")).await.unwrap(),
        None
    );
    let again = with_key(asked(9, "evt-1", &[Channel::NaverBlog], 99, token), "evt-1");
    let answer = write(store, super::accept(&again)).await;
    assert_eq!(answer, Written::Accepted { others: Vec::new() });
}

/// Where outcomes are published, an unpublished one keeps its distribution.
pub async fn what_is_unpublished_can_stay(store: &dyn Store) {
    let token: Incarnation = life(store).await;
    let mut distribution = accepted(store, &asked(1, "evt-1", &[Channel::NaverBlog], 0, token)).await;
    recorded(store, &sample::completion(&mut distribution, at(1), token)).await;
    assert_eq!(store.delete_closed(at(60), true, 9).await.unwrap(), 0);
    assert_eq!(store.delete_closed(at(60), false, 9).await.unwrap(), 1);
}
