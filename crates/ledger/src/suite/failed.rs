//! Finding what failed: any filter, any page, against the plainest reading of both;
//! and what is said of each.

use std::collections::BTreeSet;

use fanfare_core::attempt::{Evidence, Proof};
use fanfare_core::cause::{self, Cause};
use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::delivery::{Checkpoint, DeliveryStatus};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::ids::{DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};
use fanfare_core::write::{Acceptance, Write, Written};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::{accept, accepted, asked, asking, at, life, of_tenant, recorded, sample, with_title, write};
use crate::store::Store;

const DISTRIBUTIONS: u64 = 120;
const FILTERS: usize = 120;
const SECONDS: i64 = 7200;
const CAUSES: [&Cause; 3] = [
    &cause::CHANNEL_UNAVAILABLE,
    &cause::AUTH_EXPIRED,
    &cause::CONTENT_REJECTED,
];
const BOTH: [DeliveryStatus; 2] = [DeliveryStatus::Failed, DeliveryStatus::NeedsReview];

/// Random distributions, random filters, every page of each.
pub async fn what_failed_is_found_as_the_filter_says(store: &dyn Store) {
    let mut rng = StdRng::seed_from_u64(20_261_127);
    let token = life(store).await;
    let mut all = Vec::new();
    for number in 0..DISTRIBUTIONS {
        let acceptance = random_acceptance(number, token, &mut rng);
        let answer = write(store, accept(&acceptance)).await;
        assert!(matches!(answer, Written::Accepted { .. }), "{answer:?}");
        all.push(acceptance.distribution);
    }
    all.sort_by_key(|distribution| distribution.id);
    for _ in 0..FILTERS {
        let (filter, limit) = (random_filter(&mut rng), rng.random_range(1..40));
        let status = one_of(&BOTH, &mut rng);
        let mut expected: Vec<_> = all.iter().flat_map(|one| wanted(one, &filter, status)).collect();
        let mut found = pages(store, &filter, status, limit).await;
        assert!(found.is_sorted_by_key(|one| one.0), "oldest first");
        found.sort_unstable_by_key(|(id, channel, ..)| (*id, channel.index()));
        expected.sort_unstable_by_key(|(id, channel, ..)| (*id, channel.index()));
        assert_eq!(found, expected, "{filter:?}, {status:?}, {limit} a page");
    }
}

type Found = (DistributionId, Channel, String, Timestamp);

/// Every page; none parts a distribution, and none is larger than it has to be.
async fn pages(store: &dyn Store, filter: &RedriveFilter, status: DeliveryStatus, limit: usize) -> Vec<Found> {
    let (mut found, mut after, mut seen) = (Vec::new(), None, BTreeSet::new());
    loop {
        let tenant = TenantId::default();
        let page = store.failed(&tenant, filter, status, after, limit).await.unwrap();
        let ids: BTreeSet<_> = page.iter().map(|one| one.distribution).collect();
        assert!(
            page.len() <= limit || ids.len() == 1,
            "a page of {limit} has {}",
            page.len()
        );
        assert!(seen.is_disjoint(&ids), "a distribution was parted");
        seen.extend(ids);
        after = page.last().map(|one| one.distribution);
        if after.is_none() {
            return found;
        }
        for one in page {
            assert_eq!(one.status, status);
            found.push((one.distribution, one.channel, one.code, one.since));
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
        let later = jiff::SignedDuration::from_secs(rng.random_range(0..600));
        delivery.failure = rng.random_bool(0.9).then(|| one_of(&CAUSES, rng).failure());
        sample::conclude(delivery, status, distribution.accepted_at + later);
    }
    distribution.status = DistributionStatus::of(&distribution.deliveries);
    acceptance
}

fn random_filter(rng: &mut StdRng) -> RedriveFilter {
    let time = |rng: &mut StdRng| -> Option<Timestamp> {
        let second = rng.random_range(-100..SECONDS + 700);
        rng.random_bool(0.3).then(|| at(second))
    };
    let some = |rng: &mut StdRng, most: usize| {
        if rng.random_bool(0.5) {
            rng.random_range(1..=most)
        } else {
            0
        }
    };
    let (channels, causes) = (some(rng, 3), some(rng, 2));
    RedriveFilter {
        channels: Channel::ALL.sample(rng, channels).copied().collect(),
        causes: CAUSES.sample(rng, causes).copied().collect(),
        event_id: rng
            .random_bool(0.3)
            .then(|| EventId::new(format!("evt-{}", rng.random_range(0..13)))),
        since: time(rng),
        until: time(rng),
    }
}

fn one_of<T: Copy>(choices: &[T], rng: &mut StdRng) -> T {
    *choices.choose(rng).unwrap()
}

fn wanted(distribution: &Distribution, filter: &RedriveFilter, status: DeliveryStatus) -> Vec<Found> {
    let mut found = Vec::new();
    if filter
        .event_id
        .as_ref()
        .is_some_and(|event| *event != distribution.event_id)
    {
        return found;
    }
    for delivery in &distribution.deliveries {
        let code = delivery.failure.as_ref().map(|failure| failure.code.to_string());
        let code = code.unwrap_or_default();
        let since = filter.since.unwrap_or(Timestamp::MIN);
        let until = filter.until.unwrap_or(Timestamp::MAX);
        let of_channel = filter.channels.is_empty() || filter.channels.contains(&delivery.channel);
        let of_cause = filter.causes.is_empty() || filter.causes.iter().any(|cause| cause.code == code);
        let in_time = since <= delivery.updated_at && delivery.updated_at < until;
        if delivery.status == status && of_channel && of_cause && in_time {
            found.push((distribution.id, delivery.channel, code, delivery.updated_at));
        }
    }
    found
}

const INSTAGRAM: &[Channel] = &[Channel::Instagram];

/// A distribution of the event, its first delivery FAILED; the others as they begin.
fn failed(number: u64, event: &str, channels: &[Channel], token: Incarnation) -> Acceptance {
    let second = i64::try_from(number).unwrap();
    let acceptance = with_title(asked(number, event, channels, second, token), &number.to_string());
    let mut acceptance = asking(acceptance, |request| request.request.allow_repeat = true);
    let delivery = &mut acceptance.distribution.deliveries[0];
    delivery.failure = Some(cause::CHANNEL_UNAVAILABLE.failure());
    sample::conclude(delivery, DeliveryStatus::Failed, at(second));
    acceptance
}

async fn found_of(store: &dyn Store, event: &str) -> Vec<FailedDelivery> {
    let filter = RedriveFilter {
        event_id: Some(EventId::new(event)),
        ..RedriveFilter::default()
    };
    let tenant = TenantId::default();
    let found = store.failed(&tenant, &filter, DeliveryStatus::Failed, None, 100);
    found.await.unwrap()
}

/// What of it is so: called off, claimed, superseded, moving, known to be live.
fn facts(found: &FailedDelivery) -> [bool; 5] {
    let it = found;
    [
        it.called_off,
        it.is_claimed,
        it.is_superseded,
        it.moves,
        it.is_known_live,
    ]
}

/// Each of it, by itself.
pub async fn what_bears_on_sending_it_again_is_said(store: &dyn Store) {
    let token = life(store).await;
    let plain = accepted(store, &failed(1, "plain", INSTAGRAM, token)).await;
    let found = found_of(store, "plain").await;
    assert_eq!(facts(&found[0]), [false; 5]);
    assert_eq!((found[0].distribution, &found[0].event_id), (plain.id, &plain.event_id));

    let mut distribution = accepted(store, &asked(2, "called-off", INSTAGRAM, 2, token)).await;
    let called_off = sample::record(&mut distribution, at(3), token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        delivery.called_off = true;
        delivery.failure = Some(cause::CHANNEL_UNAVAILABLE.failure());
        vec![sample::conclude(delivery, DeliveryStatus::Failed, at(3))]
    });
    recorded(store, &called_off).await;
    let found: Vec<_> = found_of(store, "called-off").await.iter().map(facts).collect();
    assert_eq!(found, [[true, false, false, false, false]]);

    // An earlier one holds the claim.
    accepted(store, &failed(4, "claimed", INSTAGRAM, token)).await;
    accepted(store, &asked(3, "claimed", INSTAGRAM, 3, token)).await;
    let found = found_of(store, "claimed").await;
    assert_eq!(
        found.iter().map(facts).collect::<Vec<_>>(),
        [[false, true, false, false, false]]
    );

    // The older of two that failed; the newer one of another channel is none.
    accepted(store, &failed(5, "superseded", INSTAGRAM, token)).await;
    accepted(store, &failed(6, "superseded", INSTAGRAM, token)).await;
    accepted(store, &failed(7, "superseded", &[Channel::NaverBlog], token)).await;
    let found: Vec<_> = found_of(store, "superseded").await.iter().map(facts).collect();
    assert_eq!(found, [[false, false, true, false, false], [false; 5], [false; 5]]);

    accepted(
        store,
        &failed(8, "moves", &[Channel::Instagram, Channel::NaverBlog], token),
    )
    .await;
    assert_eq!(
        facts(&found_of(store, "moves").await[0]),
        [false, false, false, true, false]
    );

    let live = accepted(store, &failed(9, "live", INSTAGRAM, token)).await;
    let receipt = Receipt {
        state: ChannelState::Live,
        fields: ResultFields::default(),
    };
    let checkpoint = Proof::Checkpoint(Checkpoint(serde_json::json!({"receipt": 1})));
    for (generation, attempt, proof, known) in [
        (1, 1, checkpoint, false),
        (2, 1, Proof::Receipt(receipt.clone()), false),
        (1, 2, Proof::Receipt(receipt), true),
    ] {
        let evidence = Evidence {
            tenant: live.tenant.clone(),
            distribution: live.id,
            channel: Channel::Instagram,
            generation,
            attempt,
            proof,
            at: at(9),
            token,
        };
        write(store, Write::Evidence(Box::new(evidence))).await;
        let found = found_of(store, "live").await;
        assert_eq!(facts(&found[0]), [false, false, false, false, known]);
    }
}

/// Nor does another tenant's claim or later distribution bear on it.
pub async fn a_tenant_finds_only_its_own(store: &dyn Store) {
    let token = life(store).await;
    let own = accepted(store, &failed(1, "evt-1", INSTAGRAM, token)).await;
    accepted(store, &of_tenant(failed(2, "evt-1", INSTAGRAM, token), "bakery")).await;
    accepted(store, &of_tenant(asked(3, "evt-1", INSTAGRAM, 3, token), "bakery")).await;
    let found = found_of(store, "evt-1").await;
    assert_eq!(found.iter().map(|one| one.distribution).collect::<Vec<_>>(), [own.id]);
    assert_eq!(facts(&found[0]), [false; 5]);
    let whole = RedriveFilter::default();
    let bakery = TenantId::new("bakery");
    let theirs = store.failed(&bakery, &whole, DeliveryStatus::Failed, None, 100);
    assert_eq!(theirs.await.unwrap().len(), 1);
}
