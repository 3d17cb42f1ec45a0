//! Counting what stands open.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::{DeliveryStatus, Failure};
use fanfare_core::text::Text;

use super::{accepted, asked, at, life, of_tenant, recorded, sample};
use crate::open_work::OpenDeliveries;
use crate::store::Store;

/// Of all tenants, by channel, status and code; what is closed is not among it.
pub async fn what_stands_open_is_counted(store: &dyn Store) {
    let token = life(store).await;
    assert_eq!(store.open_work().await.unwrap(), []);
    let both = [Channel::Instagram, Channel::NaverBlog];
    let mut reviews = 2;
    for (number, tenant, due) in [(1, "default", 900), (2, "bakery", 300)] {
        let acceptance = asked(number, &format!("evt-{number}"), &both, 0, token);
        let mut open = accepted(store, &of_tenant(acceptance, tenant)).await;
        let waiting = sample::record(&mut open, at(5), token, |distribution| {
            let [waiting, review] = &mut distribution.deliveries[..] else {
                panic!("two channels were asked for");
            };
            waiting.failure = Some(Failure::new("quota_exhausted", Text::new("Tomorrow.", "내일")));
            waiting.next_attempt_at = Some(at(due));
            let waiting = sample::conclude(waiting, DeliveryStatus::Waiting, at(5));
            vec![waiting, sample::conclude(review, DeliveryStatus::NeedsReview, at(5))]
        });
        recorded(store, &waiting).await;
    }
    let mut closed = accepted(store, &asked(3, "evt-3", &both, 0, token)).await;
    recorded(store, &sample::completion(&mut closed, at(1), token)).await;
    // Beside one that is open, so that the distribution is.
    let statuses = DeliveryStatus::ALL.into_iter().filter(|status| status.closed());
    for (number, status) in (4..).zip(statuses) {
        let mut half = accepted(store, &asked(number, &format!("evt-{number}"), &both, 0, token)).await;
        let half = sample::record(&mut half, at(1), token, |distribution| {
            let [done, review] = &mut distribution.deliveries[..] else {
                panic!("two channels were asked for");
            };
            let done = sample::conclude(done, status, at(1));
            vec![done, sample::conclude(review, DeliveryStatus::NeedsReview, at(7))]
        });
        recorded(store, &half).await;
        reviews += 1;
    }

    let mut found = store.open_work().await.unwrap();
    found.sort_by_key(|alike| alike.channel.index());
    let alike = |channel, status, code: Option<&str>, count, oldest| OpenDeliveries {
        channel,
        status,
        code: code.map(str::to_owned),
        count,
        oldest: at(oldest),
    };
    let waiting = alike(
        Channel::Instagram,
        DeliveryStatus::Waiting,
        Some("quota_exhausted"),
        2,
        300,
    );
    let review = alike(Channel::NaverBlog, DeliveryStatus::NeedsReview, None, reviews, 5);
    let mut expected = [waiting, review];
    expected.sort_by_key(|alike| alike.channel.index());
    assert_eq!(found, expected);
}
