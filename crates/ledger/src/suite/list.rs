//! Lists: any filter, any page, against the plainest reading of both.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::ids::{DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::write::{Acceptance, OTHERS_LIMIT, Written};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::{accept, asked, asking, at, life, sample, with_title, write};
use crate::store::{Filter, Store};

const DISTRIBUTIONS: u64 = 150;
const FILTERS: usize = 120;
const SECONDS: i64 = 7200;

/// Random distributions, random filters, every page of each.
pub async fn lists_hold_what_the_filter_says(store: &dyn Store) {
    let mut rng = StdRng::seed_from_u64(20_261_122);
    let token = life(store).await;
    let mut all = Vec::new();
    for number in 0..DISTRIBUTIONS {
        let acceptance = random_acceptance(number, token, &mut rng);
        let answer = write(store, accept(&acceptance)).await;
        assert!(matches!(answer, Written::Accepted { .. }), "{answer:?}");
        all.push(acceptance.distribution);
    }
    all.sort_by_key(|distribution| std::cmp::Reverse(distribution.id));
    for _ in 0..FILTERS {
        let filter = random_filter(&mut rng);
        let limit = rng.random_range(1..40);
        let expected: Vec<_> = all.iter().filter(|d| is_wanted(d, &filter)).map(|d| d.id).collect();
        assert_eq!(
            pages(store, &filter, limit).await,
            expected,
            "{filter:?}, {limit} a page"
        );
    }
    let ever = Filter {
        from: Some(Timestamp::MIN),
        until: Some(Timestamp::MAX),
        ..Filter::default()
    };
    let everything: Vec<_> = all.iter().map(|distribution| distribution.id).collect();
    assert_eq!(pages(store, &ever, 40).await, everything, "any time may be asked for");
}

async fn pages(store: &dyn Store, filter: &Filter, limit: usize) -> Vec<DistributionId> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = store.list(&TenantId::default(), filter, before, limit).await.unwrap();
        assert!(page.len() <= limit, "a page of {limit} has {}", page.len());
        before = page.last().map(|distribution| distribution.id);
        found.extend(page.iter().map(|distribution| distribution.id));
        if before.is_none() {
            return found;
        }
    }
}

fn random_acceptance(number: u64, token: Incarnation, rng: &mut StdRng) -> Acceptance {
    let count = rng.random_range(1..=Channel::ALL.len());
    let channels: Vec<_> = Channel::ALL.sample(rng, count).copied().collect();
    let event = format!("evt-{}", rng.random_range(0..12));
    let acceptance = asked(number, &event, &channels, rng.random_range(0..SECONDS), token);
    let acceptance = with_title(acceptance, &number.to_string());
    let mut acceptance = asking(acceptance, |request| request.request.allow_repeat = true);
    let distribution = &mut acceptance.distribution;
    for delivery in &mut distribution.deliveries {
        let status = one_of(&DeliveryStatus::ALL, rng);
        sample::conclude(delivery, status, distribution.accepted_at);
    }
    distribution.status = DistributionStatus::of(&distribution.deliveries);
    acceptance
}

fn random_filter(rng: &mut StdRng) -> Filter {
    let time = |rng: &mut StdRng| -> Option<Timestamp> {
        let second = rng.random_range(-100..SECONDS + 100);
        rng.random_bool(0.3).then(|| at(second))
    };
    Filter {
        from: time(rng),
        until: time(rng),
        event_id: rng
            .random_bool(0.3)
            .then(|| EventId::new(format!("evt-{}", rng.random_range(0..13)))),
        status: rng.random_bool(0.3).then(|| one_of(&DistributionStatus::ALL, rng)),
        channel: rng.random_bool(0.4).then(|| one_of(&Channel::ALL, rng)),
        channel_status: rng.random_bool(0.4).then(|| one_of(&DeliveryStatus::ALL, rng)),
    }
}

fn one_of<T: Copy>(choices: &[T], rng: &mut StdRng) -> T {
    *choices.choose(rng).unwrap()
}

fn is_wanted(distribution: &Distribution, filter: &Filter) -> bool {
    let mut deliveries = distribution.deliveries.clone();
    if let Some(channel) = filter.channel {
        deliveries.retain(|delivery| delivery.channel == channel);
    }
    if let Some(status) = filter.channel_status {
        deliveries.retain(|delivery| delivery.status == status);
    }
    if filter
        .event_id
        .as_ref()
        .is_some_and(|event| *event != distribution.event_id)
    {
        return false;
    }
    if filter.status.is_some_and(|status| status != distribution.status) {
        return false;
    }
    let from = filter.from.unwrap_or(Timestamp::MIN);
    let until = filter.until.unwrap_or(Timestamp::MAX);
    (from..until).contains(&distribution.accepted_at) && !deliveries.is_empty()
}

/// Newest first, not more than the limit; an acceptance names them too.
pub async fn the_newest_of_an_event_comes_with_the_others(store: &dyn Store) {
    let token = life(store).await;
    let (tenant, event) = (TenantId::default(), EventId::new("evt-1"));
    assert_eq!(store.newest_of_event(&tenant, &event).await.unwrap(), None);
    let mut ids: Vec<DistributionId> = Vec::new();
    for number in 0..OTHERS_LIMIT as u64 + 5 {
        let second = i64::try_from(number).unwrap();
        let acceptance = asked(number, "evt-1", &Channel::ALL, second, token);
        let acceptance = with_title(acceptance, &number.to_string());
        let acceptance = asking(acceptance, |request| request.request.allow_repeat = true);
        let others: Vec<_> = ids.iter().rev().take(OTHERS_LIMIT).copied().collect();
        assert_eq!(
            write(store, accept(&acceptance)).await,
            Written::Accepted { others: others.clone() }
        );
        let newest = store.newest_of_event(&tenant, &event).await.unwrap().unwrap();
        assert_eq!(newest.distribution, acceptance.distribution);
        assert_eq!(newest.others, others);
        ids.push(acceptance.distribution.id);
    }
    let oldest = store.adopt_one(token, &tenant, ids[0]).await.unwrap().unwrap();
    let others: Vec<_> = ids.iter().rev().take(OTHERS_LIMIT).copied().collect();
    assert_eq!(oldest.others, others, "of one that is not the newest");
}
