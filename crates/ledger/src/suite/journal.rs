//! The journal of published outcomes, and who may see it.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::event::{DistributionCompleted, event_uuid};
use fanfare_core::ids::TenantId;

use super::{accepted, asked, at, life, of_tenant, recorded, sample};
use crate::store::{Filter, Store};

/// In the same commit, under its one id (I8).
pub async fn an_outcome_is_published_with_its_record(store: &dyn Store) {
    let token = life(store).await;
    let mut distribution = accepted(store, &asked(1, "행사-🎉", &Channel::ALL, 0, token)).await;
    assert_eq!(store.events(&distribution.tenant, 0, 10).await.unwrap(), []);
    recorded(store, &sample::completion(&mut distribution, at(1), token)).await;
    let events = store.events(&distribution.tenant, 0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event_uuid, event_uuid(distribution.id, 1));
    assert_eq!(
        Some(&events[0].event),
        DistributionCompleted::of(&distribution).as_ref()
    );
}

/// While it moves again, and when the next version is there.
pub async fn an_old_version_keeps_what_it_said(store: &dyn Store) {
    let token = life(store).await;
    let mut distribution = accepted(store, &asked(1, "evt-1", &Channel::ALL, 0, token)).await;
    let mut said = Vec::new();
    recorded(store, &sample::completion(&mut distribution, at(1), token)).await;
    said.extend(DistributionCompleted::of(&distribution));
    let moves = [DeliveryStatus::Failed, DeliveryStatus::Pending, DeliveryStatus::Success];
    for (second, status) in (2..).zip(moves) {
        let record = sample::record(&mut distribution, at(second), token, |distribution| {
            vec![sample::conclude(&mut distribution.deliveries[0], status, at(second))]
        });
        recorded(store, &record).await;
        if record.publish {
            said.extend(DistributionCompleted::of(&distribution));
        }
        let events = store.events(&distribution.tenant, 0, 10).await.unwrap();
        let events: Vec<_> = events.into_iter().map(|entry| entry.event).collect();
        assert_eq!(events, said, "after {status:?}");
    }
    let versions: Vec<_> = said.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3]);
}

/// Also where the rows change and the outcome does not.
pub async fn a_version_at_rest_is_frozen_once(store: &dyn Store) {
    let token = life(store).await;
    let mut distribution = accepted(store, &asked(1, "evt-1", &Channel::ALL, 0, token)).await;
    let mut said = None;
    for second in 1..=3 {
        let record = sample::record(&mut distribution, at(second), token, |distribution| {
            let deliveries = distribution.deliveries.iter_mut();
            deliveries
                .enumerate()
                .map(|(place, delivery)| {
                    let waits = place == 0;
                    delivery.next_attempt_at = waits.then(|| at(9000 + second));
                    let status = if waits {
                        DeliveryStatus::Waiting
                    } else {
                        DeliveryStatus::Success
                    };
                    sample::conclude(delivery, status, at(1))
                })
                .collect()
        });
        recorded(store, &record).await;
        assert_eq!(record.publish, second == 1, "the outcome stays the same");
        let expected = said.get_or_insert_with(|| DistributionCompleted::of(&distribution));
        let events = store.events(&distribution.tenant, 0, 10).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(Some(&events[0].event), expected.as_ref());
    }
}

/// Page by page, nothing twice and nothing left out.
pub async fn the_journal_is_read_from_a_position(store: &dyn Store) {
    let token = life(store).await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let event = format!("evt-{number}");
        let mut distribution = accepted(store, &asked(number, &event, &[Channel::Instagram], 0, token)).await;
        recorded(store, &sample::completion(&mut distribution, at(1), token)).await;
        expected.push(distribution.id);
    }
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = store.events(&TenantId::default(), after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        assert!(page.is_sorted_by(|a, b| a.position < b.position) && page[0].position > after);
        after = last.position;
        found.extend(page.iter().map(|entry| entry.event.distribution_id));
    }
    assert_eq!(found, expected);
    assert_eq!(store.events(&TenantId::default(), u64::MAX, 3).await.unwrap(), []);
}

/// Neither by id nor by event, list, history, attempts or journal (I17).
pub async fn a_tenant_sees_only_its_own(store: &dyn Store) {
    let token = life(store).await;
    let mut ours = Vec::new();
    for (number, tenant) in [(1, "apple"), (2, "banana")] {
        let acceptance = of_tenant(asked(number, "evt-1", &Channel::ALL, 0, token), tenant);
        let mut distribution = accepted(store, &acceptance).await;
        recorded(store, &sample::completion(&mut distribution, at(1), token)).await;
        ours.push(distribution);
    }
    for (mine, theirs) in [(&ours[0], &ours[1]), (&ours[1], &ours[0])] {
        let tenant = &mine.tenant;
        assert_eq!(store.distribution(tenant, theirs.id).await.unwrap(), None);
        assert_eq!(store.history(tenant, theirs.id).await.unwrap(), None);
        assert_eq!(store.attempts(tenant, theirs.id).await.unwrap(), None);
        let list = store.list(tenant, &Filter::default(), None, 10).await.unwrap();
        assert_eq!(list, std::slice::from_ref(mine));
        let newest = store.newest_of_event(tenant, &mine.event_id).await.unwrap().unwrap();
        assert_eq!((&newest.distribution, newest.others), (mine, Vec::new()));
        let events = store.events(tenant, 0, 10).await.unwrap();
        let ids: Vec<_> = events.iter().map(|entry| entry.event.distribution_id).collect();
        assert_eq!(ids, [mine.id]);
        assert_eq!(store.adopt_one(token, tenant, theirs.id).await.unwrap(), None);
    }
}
