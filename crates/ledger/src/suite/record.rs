//! Changing what was accepted: rows, fencing, history, attempts.

use fanfare_core::attempt::{Attempt, Evidence, Proof};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, DeliveryStatus, Failure, Phase};
use fanfare_core::ids::{Incarnation, TenantId};
use fanfare_core::text::Text;
use fanfare_core::write::{Record, Write, Written};
use serde_json::json;

use super::{accepted, asked, at, change, life, recorded, sample, stored, write};
use crate::store::Store;

/// Whole rows; the others stay as they are.
pub async fn a_record_changes_what_it_names(store: &dyn Store) {
    let token = life(store).await;
    let mut expected = accepted(store, &asked(1, "evt-1", &Channel::ALL, 0, token)).await;
    let record = sample::record(&mut expected, at(5), token, |distribution| {
        let waiting = &mut distribution.deliveries[4];
        waiting.checkpoint = Some(Checkpoint(json!({"marker": "<!-- 행사 -->"})));
        waiting.failure = Some(Failure::new("quota", Text::new("Tomorrow.", "내일 다시 🌙")));
        waiting.next_attempt_at = Some(at(9000));
        waiting.called_off = true;
        (waiting.redriven_at, waiting.unknown_since) = (Some(at(2)), Some(at(3)));
        let waiting = sample::conclude(waiting, DeliveryStatus::Waiting, at(5));
        let succeeded = sample::conclude(&mut distribution.deliveries[1], DeliveryStatus::Success, at(5));
        vec![waiting, succeeded]
    });
    assert_eq!(record.deliveries.len(), 2);
    recorded(store, &record).await;
    assert_eq!(stored(store, &expected).await, expected);
    recorded(store, &sample::completion(&mut expected, at(6), token)).await;
    assert_eq!(stored(store, &expected).await, expected);
}

/// Its number is the next, its token the owner's; else nothing of it is written.
pub async fn a_record_is_refused_unless_it_follows(store: &dyn Store) {
    life(store).await;
    let token = life(store).await;
    let first = accepted(store, &asked(1, "evt-1", &Channel::ALL, 0, token)).await;
    let next = sample::completion(&mut first.clone(), at(1), token);
    let with = |change: fn(&mut Record)| {
        let mut record = next.clone();
        change(&mut record);
        record
    };
    let refused = [
        ("an older token", with(|record| record.history.token.0 -= 1)),
        ("a gap", with(|record| record.history.number = 3)),
        ("a later token", with(|record| record.history.token = Incarnation(99))),
        (
            "another tenant's",
            with(|record| record.tenant = TenantId::new("bakery")),
        ),
        (
            "an unknown one",
            with(|record| record.id = asked(9, "e", &[], 0, Incarnation(1)).distribution.id),
        ),
        (
            "a number of another token",
            with(|record| (record.history.number, record.history.token.0) = (1, 0)),
        ),
    ];
    for (why, record) in refused {
        assert_eq!(write(store, change(&record)).await, Written::Fenced, "{why}");
    }
    assert_eq!(stored(store, &first).await, first);
    assert_eq!(
        store.events(&first.tenant, 0, 10).await.unwrap(),
        [],
        "nothing was published"
    );
}

/// After a commit whose answer was lost, even where more has been written since.
pub async fn a_record_given_again_is_recognised(store: &dyn Store) {
    let token = life(store).await;
    let mut expected = accepted(store, &asked(1, "evt-1", &Channel::ALL, 0, token)).await;
    let completion = sample::completion(&mut expected, at(1), token);
    recorded(store, &completion).await;
    recorded(store, &completion).await;
    let declined = sample::record(&mut expected, at(2), token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        vec![sample::conclude(delivery, DeliveryStatus::Failed, at(2))]
    });
    recorded(store, &declined).await;
    recorded(store, &completion).await;
    recorded(store, &declined).await;
    assert_eq!(stored(store, &expected).await, expected);
    let history = store.history(&expected.tenant, expected.id).await.unwrap().unwrap();
    assert_eq!(history.len(), 3);
    assert_eq!(store.events(&expected.tenant, 0, 10).await.unwrap().len(), 2);
}

/// Before it is changed it must be adopted.
pub async fn what_belongs_to_nobody_is_not_changed(store: &dyn Store) {
    let token = life(store).await;
    let mut acceptance = asked(1, "evt-1", &[Channel::RingoBiz], 0, token);
    acceptance.owner = None;
    let mut first = accepted(store, &acceptance).await;
    let completion = sample::completion(&mut first, at(1), token);
    assert_eq!(write(store, change(&completion)).await, Written::Fenced);
    store.adopt_one(token, &first.tenant, first.id).await.unwrap().unwrap();
    recorded(store, &completion).await;
}

/// Every entry, whole, in its order (I11).
pub async fn the_history_has_no_gap(store: &dyn Store) {
    let token = life(store).await;
    let acceptance = asked(1, "evt-1", &Channel::ALL, 0, token);
    let mut distribution = accepted(store, &acceptance).await;
    let mut expected = vec![acceptance.history];
    for place in 0..Channel::ALL.len() {
        let second = i64::try_from(place).unwrap();
        let record = sample::record(&mut distribution, at(second), token, |distribution| {
            let delivery = &mut distribution.deliveries[place];
            delivery.failure = Some(Failure::new("rejected", Text::new("No.", "안 됩니다.")));
            vec![sample::conclude(delivery, DeliveryStatus::Failed, at(second))]
        });
        recorded(store, &record).await;
        expected.push(record.history);
    }
    let history = store
        .history(&distribution.tenant, distribution.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(history, expected);
    assert!(history.iter().map(|entry| entry.number).eq(1..=7));
}

/// Then by generation and number; the current one last of its channel.
pub async fn attempts_are_in_the_order_of_the_request(store: &dyn Store) {
    let token = life(store).await;
    let channels = [Channel::NaverBlog, Channel::Instagram, Channel::RingoBiz];
    let mut distribution = accepted(store, &asked(1, "evt-1", &channels, 0, token)).await;
    let superseded = |channel, generation, attempt| Attempt {
        channel,
        generation,
        attempt,
        phase: Phase::Rejected,
        failure: Some(Failure::new("throttled", Text::new("Later.", "나중에 ⏳"))),
        started_at: at(1),
        ended_at: Some(at(2)),
    };
    let mut record = sample::record(&mut distribution, at(3), token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        (delivery.generation, delivery.attempt) = (2, 11);
        distribution.deliveries[2].attempt_started_at = None;
        Vec::new()
    });
    let blog = |generation, attempt| superseded(Channel::NaverBlog, generation, attempt);
    let instagram = superseded(Channel::Instagram, 1, 1);
    record.superseded = vec![instagram.clone(), blog(2, 10), blog(2, 9), blog(1, 30)];
    distribution.deliveries[1].attempt = 2;
    record.deliveries.push(distribution.deliveries[1].clone());
    recorded(store, &record).await;
    let mut expected = vec![blog(1, 30), blog(2, 9), blog(2, 10)];
    expected.extend(Attempt::current(&distribution.deliveries[0]));
    expected.push(instagram);
    expected.extend(Attempt::current(&distribution.deliveries[1]));
    assert_eq!(expected.len(), 6, "a channel that has not begun has no attempt");
    let attempts = store.attempts(&distribution.tenant, distribution.id).await.unwrap();
    assert_eq!(attempts, Some(expected));
}

/// It is no transition: an older life may add it, once, and it changes nothing.
pub async fn evidence_is_kept_whoever_heard_it(store: &dyn Store) {
    let older = life(store).await;
    let token = life(store).await;
    let first = accepted(store, &asked(1, "evt-1", &Channel::ALL, 0, token)).await;
    let evidence = Evidence {
        tenant: first.tenant.clone(),
        distribution: first.id,
        channel: Channel::Instagram,
        generation: 1,
        attempt: 1,
        proof: Proof::Checkpoint(Checkpoint(json!({"media": "17"}))),
        at: at(5),
        token: older,
    };
    for _ in 0..2 {
        let written = write(store, Write::Evidence(Box::new(evidence.clone()))).await;
        let noted = Written::Noted {
            channel: Channel::Instagram,
            generation: 1,
            attempt: 1,
        };
        assert_eq!(written, noted);
    }
    assert_eq!(store.evidence(&first.tenant, first.id).await.unwrap(), [evidence]);
    assert_eq!(stored(store, &first).await, first);
    let other = TenantId::new("bakery");
    assert!(store.evidence(&other, first.id).await.unwrap().is_empty());
}
