//! Caps: what is left may be spent and no more, by acceptances and by redrives.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::Distribution;
use fanfare_core::history::Transition;
use fanfare_core::ids::{EventId, Incarnation, TenantId};
use fanfare_core::spend::{Overspend, Spend, SpendCap, SpendPeriod, Spent};
use fanfare_core::write::{Acceptance, Record, Written};
use jiff::{SignedDuration, Timestamp};

use super::{
    accept, accepted, asked, asking, at, change, life, of_tenant, recorded, sample, stored, with_title, write,
};
use crate::store::Store;

const GENIE: &[Channel] = &[Channel::GenieTV];
const CAP: SpendCap = SpendCap {
    per_event: Some(500),
    per_month: Some(1_000),
};

fn spend(event: &str, cost: u64, at: Timestamp) -> Spend {
    Spend {
        channel: Channel::GenieTV,
        event_id: EventId::new(event),
        cost,
        at,
        cap: CAP,
    }
}

/// One of its own body, that allows a repeat.
fn costing(number: u64, event: &str, cost: u64, token: Incarnation) -> Acceptance {
    let acceptance = with_title(asked(number, event, GENIE, 0, token), &number.to_string());
    let mut acceptance = asking(acceptance, |request| request.request.allow_repeat = true);
    acceptance.spends = vec![spend(event, cost, at(0))];
    acceptance
}

fn over(period: SpendPeriod, cap: u64, spent: u64, asked: u64) -> Written {
    Written::OverSpent {
        over: vec![Overspend {
            channel: Channel::GenieTV,
            period,
            cap,
            spent,
            asked,
        }],
    }
}

async fn concluded(store: &dyn Store, distribution: &mut Distribution, to: DeliveryStatus, token: Incarnation) {
    let record = sample::record(distribution, at(1), token, |distribution| {
        vec![sample::conclude(&mut distribution.deliveries[0], to, at(1))]
    });
    recorded(store, &record).await;
}

fn redriven(distribution: &mut Distribution, spends: Vec<Spend>, token: Incarnation) -> Record {
    let record = sample::record(distribution, at(2), token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        let from = delivery.status;
        delivery.status = DeliveryStatus::Pending;
        delivery.generation += 1;
        delivery.attempt = 0;
        delivery.holds_claim = true;
        vec![Transition::of_delivery(delivery, Some(from))]
    });
    Record { spends, ..record }
}

/// For an event and in a month; what is refused leaves no trace, and takes nothing over.
pub async fn nothing_goes_beyond_a_cap(store: &dyn Store) {
    let token = life(store).await;
    let first = accepted(store, &costing(1, "evt-1", 300, token)).await;
    let refused = write(store, accept(&costing(2, "evt-1", 201, token))).await;
    assert_eq!(refused, over(SpendPeriod::Event, 500, 300, 201));
    assert!(
        stored(store, &first).await.deliveries[0].holds_claim,
        "nothing was taken over"
    );
    let only = store
        .newest_of_event(&first.tenant, &first.event_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((only.distribution.id, only.others.len()), (first.id, 0));
    accepted(store, &costing(3, "evt-1", 200, token)).await;
    accepted(store, &costing(4, "evt-2", 500, token)).await;
    let refused = write(store, accept(&costing(5, "evt-3", 1, token))).await;
    assert_eq!(refused, over(SpendPeriod::Month, 1_000, 1_000, 1));
    // Another month's, another tenant's and another channel's is their own.
    let mut next_month = costing(6, "evt-3", 500, token);
    next_month.spends[0].at = at(0) + SignedDuration::from_hours(24 * 31);
    accepted(store, &next_month).await;
    accepted(store, &of_tenant(costing(7, "evt-1", 500, token), "bakery")).await;
    let mut other = with_title(asked(8, "evt-1", &[Channel::WooridongneTV], 0, token), "8");
    other.spends = vec![Spend {
        channel: Channel::WooridongneTV,
        ..spend("evt-1", 500, at(0))
    }];
    accepted(store, &other).await;

    let asked = [spend("evt-1", 1, at(0)), spend("evt-2", 1, next_month.spends[0].at)];
    let spent = store.spent(&TenantId::default(), &asked).await.unwrap();
    let expected = [(500, 1_000), (500, 500)].map(|(on_event, in_month)| Spent { on_event, in_month });
    assert_eq!(spent, expected);
}

/// Those of one commit count among each other.
pub async fn a_batch_goes_no_further_than_its_writes_one_by_one(store: &dyn Store) {
    let token = life(store).await;
    let batch = (1..=4).map(|number| accept(&costing(number, &format!("evt-{number}"), 400, token)));
    let answers = store.commit(batch.collect()).await.unwrap();
    let is_accepted = |answer: &&Written| matches!(answer, Written::Accepted { .. });
    assert_eq!(answers.iter().filter(is_accepted).count(), 2, "{answers:?}");
    assert_eq!(answers[3], over(SpendPeriod::Month, 1_000, 800, 400));
}

/// What failed or was called off, until it is redriven, which counts in its own month.
pub async fn what_fails_gives_back_and_what_is_redriven_takes_again(store: &dyn Store) {
    let token = life(store).await;
    let mut failed = accepted(store, &costing(1, "evt-1", 500, token)).await;
    let mut called_off = accepted(store, &costing(2, "evt-2", 500, token)).await;
    concluded(store, &mut failed, DeliveryStatus::Failed, token).await;
    concluded(store, &mut called_off, DeliveryStatus::Cancelled, token).await;
    let mut third = accepted(store, &costing(3, "evt-3", 500, token)).await;
    concluded(store, &mut third, DeliveryStatus::Success, token).await;
    accepted(store, &costing(4, "evt-4", 400, token)).await;

    let before = failed.clone();
    let beyond = redriven(&mut failed.clone(), vec![spend("evt-1", 500, at(2))], token);
    let refused = write(store, change(&beyond)).await;
    assert_eq!(refused, over(SpendPeriod::Month, 1_000, 900, 500));
    assert_eq!(
        stored(store, &before).await.deliveries[0].status,
        DeliveryStatus::Failed
    );
    let later = at(0) + SignedDuration::from_hours(24 * 31);
    recorded(store, &redriven(&mut failed, vec![spend("evt-1", 500, later)], token)).await;
    let asked = [spend("evt-9", 1, at(0)), spend("evt-1", 1, later)];
    let spent = store.spent(&TenantId::default(), &asked).await.unwrap();
    let expected = [(0, 900), (500, 500)].map(|(on_event, in_month)| Spent { on_event, in_month });
    assert_eq!(spent, expected);
}

/// A repeat, a held claim, a write that is given again: as without a cap.
pub async fn a_cap_changes_no_other_answer(store: &dyn Store) {
    let token = life(store).await;
    let first = costing(1, "evt-1", 500, token);
    accepted(store, &first).await;
    assert_eq!(
        write(store, accept(&first)).await,
        Written::Accepted { others: Vec::new() }
    );
    let mut again = costing(2, "evt-1", 500, token);
    again.distribution.request = std::sync::Arc::clone(&first.distribution.request);
    let existing = first.distribution.id;
    assert_eq!(write(store, accept(&again)).await, Written::Replayed { existing });
    let held = asking(costing(3, "evt-1", 500, token), |request| {
        request.request.allow_repeat = false;
    });
    let answer = write(store, accept(&held)).await;
    assert!(matches!(answer, Written::Held { .. }), "{answer:?}");
}

/// What was deleted for its age counts no more, and is in nobody's way.
pub async fn what_is_deleted_counts_no_more(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &costing(1, "evt-1", 500, token)).await;
    concluded(store, &mut first, DeliveryStatus::Success, token).await;
    let asked = [spend("evt-1", 1, at(0))];
    let (on_event, in_month) = (500, 500);
    let spent = store.spent(&TenantId::default(), &asked).await.unwrap();
    assert_eq!(spent, [Spent { on_event, in_month }]);
    assert_eq!(store.delete_closed(at(9), false, 9).await.unwrap(), 1);
    let spent = store.spent(&TenantId::default(), &asked).await.unwrap();
    assert_eq!(spent, [Spent::default()]);
}

/// To the last nanosecond, of which a store may keep less: midnight in Korea.
pub async fn a_month_ends_at_midnight_in_korea(store: &dyn Store) {
    let token = life(store).await;
    let midnight: Timestamp = "2026-11-30T15:00:00Z".parse().unwrap();
    let nanosecond = SignedDuration::from_nanos(1);
    for (number, cost, at) in [(1, 100, midnight - nanosecond), (2, 200, midnight)] {
        let mut acceptance = costing(number, &format!("evt-{number}"), cost, token);
        acceptance.spends[0].at = at;
        accepted(store, &acceptance).await;
    }
    let asked = [spend("evt-9", 1, midnight - nanosecond), spend("evt-9", 1, midnight)];
    let spent = store.spent(&TenantId::default(), &asked).await.unwrap();
    assert_eq!(spent.iter().map(|spent| spent.in_month).collect::<Vec<_>>(), [100, 200]);
}
