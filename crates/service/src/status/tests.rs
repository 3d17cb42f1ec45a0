//! The cache under states that come late, out of order, and too old.

use fanfare_core::distribution::DistributionStatus;
use fanfare_core::request::{CanonicalRequest, ContentUrls, DistributeRequest, OnInvalid};
use uuid::Uuid;

use super::*;
use crate::clock::ManualClock;

fn state(tenant: &str, event: &str, distribution: u128, history_number: u32) -> CachedStatus {
    let event_id = EventId::new(event);
    let request = DistributeRequest {
        event_id: event_id.clone(),
        channels: Vec::new(),
        content_urls: ContentUrls::default(),
        content: fanfare_core::request::Content::default(),
        channel_options: fanfare_core::request::ChannelOptions::default(),
        scheduled_at: None,
        on_invalid: OnInvalid::Reject,
        allow_repeat: false,
    };
    let distribution = Distribution {
        tenant: TenantId::new(tenant),
        id: DistributionId(Uuid::from_u128(distribution)),
        event_id,
        request: Arc::new(CanonicalRequest::new(request)),
        deliveries: Vec::new(),
        status: DistributionStatus::Completed,
        history_number,
        version: 1,
        published: None,
        accepted_at: Timestamp::UNIX_EPOCH,
        completed_at: None,
    };
    CachedStatus::new(Arc::new(distribution), Arc::new([]))
}

fn cache() -> (InProcessStatusCache, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    (InProcessStatusCache::new(100, STATUS_TTL, shared), clock)
}

async fn cached(cache: &InProcessStatusCache, tenant: &str) -> Option<Order> {
    let (tenant, event) = (TenantId::new(tenant), EventId::new("e"));
    cache.get(&tenant, &event).await.map(|status| status.order())
}

fn order(distribution: u128, history_number: u32) -> Order {
    (DistributionId(Uuid::from_u128(distribution)), history_number)
}

#[tokio::test]
async fn an_older_state_never_replaces_a_newer_one() {
    let (cache, _) = cache();
    cache.put(state("default", "e", 1, 5)).await;
    cache.put(state("default", "e", 1, 3)).await;
    assert_eq!(cached(&cache, "default").await, Some(order(1, 5)));
    cache.put(state("default", "e", 2, 1)).await;
    cache.put(state("default", "e", 1, 9)).await;
    assert_eq!(cached(&cache, "default").await, Some(order(2, 1)));
}

#[tokio::test]
async fn what_moves_is_missed_and_only_a_newer_state_ends_that() {
    let (cache, _) = cache();
    cache.put(state("default", "e", 1, 2)).await;
    cache.moving(&state("default", "e", 1, 3)).await;
    assert_eq!(cached(&cache, "default").await, None);
    cache.put(state("default", "e", 1, 2)).await;
    cache.put(state("default", "e", 1, 3)).await;
    assert_eq!(cached(&cache, "default").await, None);
    cache.put(state("default", "e", 1, 4)).await;
    assert_eq!(cached(&cache, "default").await, Some(order(1, 4)));
}

#[tokio::test]
async fn a_late_mark_does_not_hide_a_newer_state() {
    let (cache, _) = cache();
    cache.put(state("default", "e", 1, 4)).await;
    cache.moving(&state("default", "e", 1, 3)).await;
    assert_eq!(cached(&cache, "default").await, Some(order(1, 4)));
}

#[tokio::test]
async fn every_order_of_arrival_ends_alike() {
    let steps: [(bool, u32); 4] = [(true, 1), (false, 2), (true, 3), (false, 4)];
    for permutation in permutations(4) {
        let (cache, _) = cache();
        for index in permutation {
            let (moves, number) = steps[index];
            let state = state("default", "e", 1, number);
            if moves {
                cache.moving(&state).await;
            } else {
                cache.put(state).await;
            }
        }
        assert_eq!(cached(&cache, "default").await, Some(order(1, 4)));
    }
}

fn permutations(length: usize) -> Vec<Vec<usize>> {
    let Some(last) = length.checked_sub(1) else {
        return vec![Vec::new()];
    };
    permutations(last)
        .into_iter()
        .flat_map(|shorter| {
            (0..length).map(move |at| {
                let mut longer = shorter.clone();
                longer.insert(at, last);
                longer
            })
        })
        .collect()
}

#[test]
fn puts_and_marks_from_many_threads_end_with_the_newest() {
    let (cache, _) = cache();
    let key = cache_key(&TenantId::default(), &EventId::new("e"));
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let (cache, key) = (&cache, &key);
            scope.spawn(move || {
                for number in (thread..800).step_by(8) {
                    let state = state("default", "e", 1, number);
                    let moves = number % 3 == 0 && number != 799;
                    let slot = Slot {
                        order: state.order(),
                        resting: (!moves).then_some(state),
                        since: Timestamp::UNIX_EPOCH,
                    };
                    cache.offer(key.clone(), slot);
                }
            });
        }
    });
    let newest = cache.read(&key).map(|status| status.order());
    assert_eq!(newest, Some(order(1, 799)));
}

#[tokio::test]
async fn an_entry_ends_after_its_hour() {
    let (cache, clock) = cache();
    cache.put(state("default", "e", 1, 1)).await;
    clock.advance(STATUS_TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(cached(&cache, "default").await, Some(order(1, 1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cached(&cache, "default").await, None);
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let (cache, _) = cache();
    cache.put(state("default", "e", 1, 1)).await;
    cache.put(state("shop", "e", 2, 1)).await;
    assert_eq!(cached(&cache, "default").await, Some(order(1, 1)));
    assert_eq!(cached(&cache, "shop").await, Some(order(2, 1)));
    assert_eq!(cached(&cache, "other").await, None);
}

#[test]
fn keys_are_the_contracts_and_cannot_be_made_to_meet() {
    let key = |tenant: &str, event: &str| cache_key(&TenantId::new(tenant), &EventId::new(event));
    assert_eq!(key("default", "evt-1"), "distribution:evt-1");
    assert_eq!(key("shop", "evt-1"), "shop/distribution:evt-1");
    assert_ne!(key("distribution:a", "b"), key("default", "a/distribution:b"));
    assert_ne!(
        key("a/distribution:b", "c"),
        key("a", "b/distribution:c"),
        "a tenant's separators are escaped"
    );
}
