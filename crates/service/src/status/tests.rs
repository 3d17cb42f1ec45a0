//! One suite for every cache: states that come late, out of order and too old.
//! What only Redis can get wrong is in `redis/tests.rs`.

use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::delivery::{Delivery, DeliveryStatus, Failure};
use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::{CanonicalRequest, ContentUrls, DistributeRequest, OnInvalid};
use fanfare_core::text::Text;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use uuid::Uuid;

use super::*;
use crate::clock::{Clock, ManualClock, SystemClock};

/// A cache, and an event that no other test knows.
pub(super) struct Subject<C: ?Sized = dyn StatusCache> {
    pub(super) event: EventId,
    pub(super) cache: Arc<C>,
}

/// A name that nobody has used, on a server that tests share.
pub(super) fn new_event() -> EventId {
    let mut rng = StdRng::try_from_rng(&mut SysRng).unwrap();
    let id = DistributionId::new(SystemClock::default().now(), &mut rng);
    EventId::new(format!("evt-{id}"))
}

pub(super) fn distribution(tenant: &str, event: &EventId, id: u128, history_number: u32) -> Distribution {
    let request = DistributeRequest {
        event_id: event.clone(),
        channels: Vec::new(),
        content_urls: ContentUrls::default(),
        content: fanfare_core::request::Content::default(),
        channel_options: fanfare_core::request::ChannelOptions::default(),
        scheduled_at: None,
        on_invalid: OnInvalid::Reject,
        allow_repeat: false,
    };
    Distribution {
        tenant: TenantId::new(tenant),
        id: DistributionId(Uuid::from_u128(id)),
        event_id: event.clone(),
        request: Arc::new(CanonicalRequest::new(request)),
        deliveries: Vec::new(),
        status: DistributionStatus::Completed,
        history_number,
        version: 1,
        published: None,
        accepted_at: Timestamp::UNIX_EPOCH,
        completed_at: None,
    }
}

impl<C: StatusCache + ?Sized> Subject<C> {
    pub(super) async fn put_for(&self, tenant: &str, id: u128, history_number: u32) -> bool {
        let distribution = distribution(tenant, &self.event, id, history_number);
        self.cache.put(CachedStatus::new(&distribution, Arc::new([]))).await
    }

    pub(super) async fn put(&self, id: u128, history_number: u32) {
        assert!(self.put_for("default", id, history_number).await, "it did not answer");
    }

    pub(super) async fn moving(&self, id: u128, history_number: u32) {
        let distribution = distribution("default", &self.event, id, history_number);
        self.cache.moving(&distribution).await;
    }

    pub(super) async fn cached_for(&self, tenant: &str) -> Option<Order> {
        let status = self.cache.get(&TenantId::new(tenant), &self.event).await;
        status.map(|status| status.order())
    }

    pub(super) async fn cached(&self) -> Option<Order> {
        self.cached_for("default").await
    }
}

pub(super) fn order(id: u128, history_number: u32) -> Order {
    (DistributionId(Uuid::from_u128(id)), history_number)
}

fn in_process() -> (Subject<InProcessStatusCache>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let cache = Arc::new(InProcessStatusCache::new(100, STATUS_TTL, shared));
    let event = new_event();
    (Subject { event, cache }, clock)
}

/// Runs each test on each cache.
macro_rules! suite {
    ($($test:ident),+ $(,)?) => {
        mod on_in_process {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let (subject, _) = super::in_process();
                super::$test(&super::Subject { event: subject.event, cache: subject.cache }).await;
            })+
        }
        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let subject = crate::status::redis::tests::subject().await;
                super::$test(&super::Subject { event: subject.event, cache: subject.cache }).await;
            })+
        }
    };
}

suite!(
    an_older_state_never_replaces_a_newer_one,
    the_same_state_may_be_put_again,
    what_moves_is_missed_and_only_a_newer_state_ends_that,
    a_late_mark_does_not_hide_a_newer_state,
    every_order_of_arrival_ends_alike,
    puts_and_marks_from_many_tasks_end_with_the_newest,
    what_is_read_is_what_was_put,
    tenants_do_not_see_each_other,
);

async fn an_older_state_never_replaces_a_newer_one(subject: &Subject) {
    subject.put(1, 5).await;
    subject.put(1, 3).await;
    assert_eq!(subject.cached().await, Some(order(1, 5)));
    subject.put(2, 1).await;
    subject.put(1, 9).await;
    assert_eq!(subject.cached().await, Some(order(2, 1)));
}

async fn the_same_state_may_be_put_again(subject: &Subject) {
    subject.put(1, 5).await;
    subject.put(1, 5).await;
    assert_eq!(subject.cached().await, Some(order(1, 5)));
}

async fn what_moves_is_missed_and_only_a_newer_state_ends_that(subject: &Subject) {
    subject.put(1, 2).await;
    subject.moving(1, 3).await;
    assert_eq!(subject.cached().await, None);
    subject.put(1, 2).await;
    subject.put(1, 3).await;
    assert_eq!(subject.cached().await, None);
    subject.put(1, 4).await;
    assert_eq!(subject.cached().await, Some(order(1, 4)));
}

async fn a_late_mark_does_not_hide_a_newer_state(subject: &Subject) {
    subject.put(1, 4).await;
    subject.moving(1, 3).await;
    assert_eq!(subject.cached().await, Some(order(1, 4)));
}

async fn every_order_of_arrival_ends_alike(subject: &Subject) {
    let steps: [(bool, u32); 4] = [(true, 1), (false, 2), (true, 3), (false, 4)];
    for (place, permutation) in permutations(4).into_iter().enumerate() {
        // Each time another, newer distribution.
        let id = 1 + place as u128;
        for index in permutation {
            let (moves, number) = steps[index];
            if moves {
                subject.moving(id, number).await;
            } else {
                subject.put(id, number).await;
            }
        }
        assert_eq!(subject.cached().await, Some(order(id, 4)));
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

async fn puts_and_marks_from_many_tasks_end_with_the_newest(subject: &Subject) {
    let tasks = (0..8_u32).map(|task| async move {
        for number in (task..400).step_by(8) {
            if number % 3 == 0 && number != 399 {
                subject.moving(1, number).await;
            } else {
                // What is known to move just then may be refused.
                subject.put_for("default", 1, number).await;
            }
        }
    });
    futures_util::future::join_all(tasks).await;
    assert_eq!(subject.cached().await, Some(order(1, 399)));
}

async fn what_is_read_is_what_was_put(subject: &Subject) {
    let mut distribution = distribution("default", &subject.event, 1, 4);
    distribution.deliveries = Channel::ALL.map(delivery).into();
    let others = Arc::new([DistributionId(Uuid::from_u128(7))]);
    let status = CachedStatus::new(&distribution, others);
    assert!(subject.cache.put(status.clone()).await);
    let read = subject.cache.get(&TenantId::default(), &subject.event).await.unwrap();
    assert_eq!(read, status);
    for language in [Language::En, Language::Ko] {
        let shown: Vec<_> = distribution
            .deliveries
            .iter()
            .map(|delivery| ChannelResult::of(delivery, language))
            .collect();
        assert_eq!(read.results(language), shown);
    }
}

/// A success on one channel, on the others a failure that is tried again.
fn delivery(channel: Channel) -> Delivery {
    let id = DeliveryId(Uuid::from_u128(9));
    let mut delivery = Delivery::new(id, channel, Mode::Live, Timestamp::UNIX_EPOCH);
    if channel == Channel::WooridongneTV {
        delivery.status = DeliveryStatus::Success;
        delivery.receipt = Some(Receipt {
            state: ChannelState::Accepted,
            fields: ResultFields {
                distribution_id: Some("tv-1".to_owned()),
                estimated_views: Some(1_000),
                ..ResultFields::default()
            },
        });
    } else {
        delivery.status = DeliveryStatus::Waiting;
        delivery.failure = Some(Failure::new("channel_busy", Text::new("It is busy.", "바쁩니다.")));
        delivery.next_attempt_at = Some(Timestamp::UNIX_EPOCH);
    }
    delivery
}

async fn tenants_do_not_see_each_other(subject: &Subject) {
    subject.put(1, 1).await;
    assert!(subject.put_for("shop", 2, 1).await);
    assert_eq!(subject.cached().await, Some(order(1, 1)));
    assert_eq!(subject.cached_for("shop").await, Some(order(2, 1)));
    assert_eq!(subject.cached_for("other").await, None);
}

#[tokio::test]
async fn an_entry_of_this_process_ends_after_its_hour() {
    let (subject, clock) = in_process();
    subject.put(1, 1).await;
    clock.advance(STATUS_TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(subject.cached().await, Some(order(1, 1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(subject.cached().await, None);
}

#[tokio::test]
async fn no_cache_holds_nothing() {
    let cache = Arc::new(NoStatusCache);
    let subject = Subject {
        event: new_event(),
        cache,
    };
    subject.put(1, 1).await;
    assert_eq!(subject.cached().await, None);
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
