//! Claims: an event holds a channel once.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::history::Transition;
use fanfare_core::ids::{DistributionId, Incarnation};
use fanfare_core::write::{Acceptance, Holder, Record, Written};
use jiff::Timestamp;

use super::{
    accept, accepted, asked, asking, at, change, life, of_tenant, recorded, replayed, sample, stored, with_key,
    with_title, write,
};
use crate::store::Store;

const KAKAO: &[Channel] = &[Channel::KakaoChannel];
const BOTH: &[Channel] = &[Channel::Instagram, Channel::KakaoChannel];

fn held(channel: Channel, distribution: DistributionId) -> Written {
    let holder = Holder { channel, distribution };
    Written::Held { holders: vec![holder] }
}

/// Takes its first delivery to that status.
fn concluded(distribution: &mut Distribution, to: DeliveryStatus, now: Timestamp, token: Incarnation) -> Record {
    sample::record(distribution, now, token, |distribution| {
        vec![sample::conclude(&mut distribution.deliveries[0], to, now)]
    })
}

/// A person's second chance for its first delivery, which had failed.
fn redriven(distribution: &mut Distribution, now: Timestamp, token: Incarnation) -> Record {
    sample::record(distribution, now, token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        let from = delivery.status;
        delivery.status = DeliveryStatus::Pending;
        delivery.generation += 1;
        delivery.attempt = 0;
        delivery.holds_claim = true;
        delivery.updated_at = now;
        vec![Transition::of_delivery(delivery, Some(from))]
    })
}

/// A repeat is known, a claim in the way is named, and what is new is not written: also
/// where its own acceptance, or another's, is in the same commit.
pub async fn what_is_not_to_be_accepted_is_only_found_out(store: &dyn Store) {
    let token = life(store).await;
    let ask = |number, key| with_key(asked(number, "evt-1", KAKAO, 0, token), key);
    let only_found_out = |mut acceptance: Acceptance| {
        acceptance.only_if_known = true;
        acceptance
    };
    let new = only_found_out(ask(1, "key-1"));
    assert_eq!(write(store, accept(&new)).await, Written::NotKnown);
    let kept = store.distribution(&new.distribution.tenant, new.distribution.id).await;
    assert_eq!(kept.unwrap(), None);
    let batch = [
        new.clone(),
        ask(2, "key-1"),
        only_found_out(ask(3, "key-1")),
        only_found_out(ask(4, "key-2")),
    ];
    let answers = store.commit(batch.iter().map(accept).collect()).await.unwrap();
    let first = batch[1].distribution.id;
    assert_eq!(answers[0], Written::NotKnown);
    assert!(matches!(answers[1], Written::Accepted { .. }), "{answers:?}");
    assert_eq!(answers[2..], [replayed(first), held(Channel::KakaoChannel, first)]);
    let other = only_found_out(with_key(
        with_title(asked(5, "evt-1", KAKAO, 0, token), "다른"),
        "key-1",
    ));
    assert_eq!(
        write(store, accept(&other)).await,
        Written::KeyReused { existing: first }
    );
    let unkeyed = only_found_out(asked(6, "evt-1", KAKAO, 0, token));
    assert_eq!(write(store, accept(&unkeyed)).await, replayed(first));
}

/// Without a key, in the same commit and in another one.
pub async fn the_same_body_is_answered_with_the_holder(store: &dyn Store) {
    let token = life(store).await;
    let ask = |number| asked(number, "evt-1", BOTH, 0, token);
    let answers = store.commit(vec![accept(&ask(1)), accept(&ask(2))]).await.unwrap();
    let first = ask(1).distribution.id;
    assert_eq!(answers[1], replayed(first), "in the same commit");
    assert_eq!(
        write(store, accept(&ask(3))).await,
        replayed(first),
        "in another commit"
    );
    let with_a_key = write(store, accept(&with_key(ask(4), "key-1"))).await;
    assert!(
        matches!(with_a_key, Written::Held { .. }),
        "a new key asks for a new one: {with_a_key:?}"
    );
}

/// Only the channels that both want.
pub async fn another_body_is_told_who_holds_what(store: &dyn Store) {
    let token = life(store).await;
    let first = accepted(store, &asked(1, "evt-1", KAKAO, 0, token)).await;
    let refused = asked(2, "evt-1", BOTH, 1, token);
    assert_eq!(write(store, accept(&refused)).await, held(KAKAO[0], first.id));
    let tenant = &first.tenant;
    assert_eq!(store.distribution(tenant, refused.distribution.id).await.unwrap(), None);
    accepted(store, &asked(3, "evt-1", &[Channel::Instagram], 2, token)).await;
    accepted(store, &asked(4, "evt-2", BOTH, 2, token)).await;
}

/// Each write of a commit is answered for itself, and sees those before it.
pub async fn a_refused_write_does_not_disturb_its_batch(store: &dyn Store) {
    let token = life(store).await;
    let first = asked(1, "evt-1", KAKAO, 0, token);
    let mut expected = first.distribution.clone();
    let completion = sample::completion(&mut expected, at(1), token);
    let stranger = sample::completion(&mut asked(9, "evt-9", KAKAO, 0, token).distribution, at(1), token);
    let other_body = with_title(asked(2, "evt-1", KAKAO, 0, token), "다른 제목");
    let elsewhere = asked(3, "evt-3", KAKAO, 0, token);
    let batch = vec![
        accept(&first),
        accept(&other_body),
        change(&stranger),
        change(&completion),
        accept(&asked(4, "evt-1", KAKAO, 0, token)),
        accept(&elsewhere),
    ];
    let answers = store.commit(batch).await.unwrap();
    let others = Vec::new();
    let expected_answers = [
        Written::Accepted { others: others.clone() },
        held(KAKAO[0], expected.id),
        Written::Fenced,
        Written::Recorded,
        replayed(expected.id),
        Written::Accepted { others },
    ];
    assert_eq!(answers, expected_answers);
    assert_eq!(stored(store, &expected).await, expected);
    assert_eq!(stored(store, &elsewhere.distribution).await, elsewhere.distribution);
}

/// And what its former holder does on does not take it back.
pub async fn allow_repeat_takes_the_claim_over(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &asked(1, "evt-1", BOTH, 0, token)).await;
    let repeat = asking(asked(2, "evt-1", KAKAO, 1, token), |r| r.request.allow_repeat = true);
    assert_eq!(
        write(store, accept(&repeat)).await,
        Written::Accepted { others: vec![first.id] }
    );
    assert_eq!(
        write(store, accept(&repeat)).await,
        Written::Accepted { others: vec![first.id] }
    );
    let holds = |distribution: &Distribution| -> Vec<bool> {
        distribution
            .deliveries
            .iter()
            .map(|delivery| delivery.holds_claim)
            .collect()
    };
    assert_eq!(holds(&stored(store, &first).await), [true, false]);
    recorded(store, &sample::completion(&mut first, at(2), token)).await;
    assert_eq!(
        holds(&stored(store, &first).await),
        [true, false],
        "after its own success"
    );
    assert_eq!(holds(&stored(store, &repeat.distribution).await), [true]);
    let third = write(store, accept(&asked(3, "evt-1", KAKAO, 3, token))).await;
    assert_eq!(third, held(KAKAO[0], repeat.distribution.id));
    let ask_again = |number| {
        asking(asked(number, "evt-1", KAKAO, 4, token), |r| {
            r.request.allow_repeat = true;
        })
    };
    let again = write(store, accept(&ask_again(4))).await;
    assert_eq!(again, replayed(repeat.distribution.id), "the same body, sent again");
    let meant = with_key(ask_again(5), "key-5");
    assert!(
        matches!(write(store, accept(&meant)).await, Written::Accepted { .. }),
        "a key of its own"
    );
}

/// Another node may have it in memory still, as it was before. What has begun goes on.
pub async fn what_lost_its_claim_does_not_begin(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &waits(1, token)).await;
    let before = first.clone();
    let repeat = asking(asked(2, "evt-1", KAKAO, 1, token), |r| r.request.allow_repeat = true);
    accepted(store, &repeat).await;
    let lost = begin(&mut before.clone(), 1, token);
    assert_eq!(write(store, change(&lost)).await, Written::TakenOver);
    let stored = stored(store, &first).await;
    assert_eq!((stored.history_number, stored.deliveries[1].attempt), (1, 0));
    assert!(!stored.deliveries[1].holds_claim);
    recorded(store, &begin(&mut first, 0, token)).await;
    recorded(store, &sample::completion(&mut first, at(3), token)).await;
}

/// Both in one batch.
pub async fn what_loses_its_claim_in_the_same_batch_does_not_begin(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &waits(1, token)).await;
    let repeat = asking(asked(2, "evt-1", KAKAO, 1, token), |r| r.request.allow_repeat = true);
    let batch = vec![accept(&repeat), change(&begin(&mut first, 1, token))];
    let others = vec![first.id];
    let answers = store.commit(batch).await.unwrap();
    assert_eq!(answers, [Written::Accepted { others }, Written::TakenOver]);
}

/// Accepted, and nothing of it has begun.
fn waits(number: u64, token: Incarnation) -> Acceptance {
    let mut waits = asked(number, "evt-1", BOTH, 0, token);
    for delivery in &mut waits.distribution.deliveries {
        *delivery = Delivery::new(delivery.id, delivery.channel, delivery.mode, at(0));
    }
    waits
}

/// Its delivery at this position begins.
fn begin(distribution: &mut Distribution, position: usize, token: Incarnation) -> Record {
    sample::record(distribution, at(2), token, |distribution| {
        let delivery = &mut distribution.deliveries[position];
        (delivery.attempt, delivery.attempt_started_at) = (1, Some(at(2)));
        vec![delivery.transition(DeliveryStatus::InProgress, at(2)).unwrap()]
    })
}

/// FAILED and CANCELLED alike.
pub async fn a_failure_releases_the_claim(store: &dyn Store) {
    let token = life(store).await;
    for (number, status) in [(1, DeliveryStatus::Failed), (3, DeliveryStatus::Cancelled)] {
        let event = status.name();
        let mut first = accepted(store, &asked(number, event, KAKAO, 0, token)).await;
        recorded(store, &concluded(&mut first, status, at(1), token)).await;
        assert_eq!(stored(store, &first).await, first);
        let mut same_generation = first.clone();
        let record = sample::record(&mut same_generation, at(1), token, |distribution| {
            distribution.deliveries[0].holds_claim = true;
            Vec::new()
        });
        recorded(store, &record).await;
        assert!(
            !stored(store, &first).await.deliveries[0].holds_claim,
            "only a new generation takes it again"
        );
        accepted(store, &asked(number + 1, event, KAKAO, 2, token)).await;
    }
}

/// Only a new generation takes a claim again.
async fn claim_again_in_vain(store: &dyn Store, distribution: &mut Distribution, token: Incarnation) {
    let record = sample::record(distribution, at(1), token, |distribution| {
        distribution.deliveries[0].holds_claim = true;
        Vec::new()
    });
    recorded(store, &record).await;
    distribution.deliveries[0].holds_claim = false;
    assert_eq!(stored(store, distribution).await, *distribution);
}

/// Where nobody has taken it meanwhile.
pub async fn a_redrive_takes_the_claim_again(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &asked(1, "evt-1", KAKAO, 0, token)).await;
    recorded(store, &concluded(&mut first, DeliveryStatus::Failed, at(1), token)).await;
    recorded(store, &redriven(&mut first, at(2), token)).await;
    assert_eq!(stored(store, &first).await, first);
    assert!(first.deliveries[0].holds_claim);
    let second = with_title(asked(2, "evt-1", KAKAO, 3, token), "다른 제목");
    assert_eq!(write(store, accept(&second)).await, held(KAKAO[0], first.id));
    let failed = concluded(&mut first, DeliveryStatus::Failed, at(4), token);
    recorded(store, &failed).await;
    claim_again_in_vain(store, &mut first, token).await;
}

/// Then nothing of it is written, and the rest of its commit is.
pub async fn a_redrive_is_refused_where_another_holds_the_claim(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &asked(1, "evt-1", KAKAO, 0, token)).await;
    recorded(store, &concluded(&mut first, DeliveryStatus::Failed, at(1), token)).await;
    let mut second = accepted(store, &asked(2, "evt-1", KAKAO, 2, token)).await;
    let redrive = redriven(&mut first.clone(), at(3), token);
    let completion = sample::completion(&mut second, at(3), token);
    let answers = store.commit(vec![change(&redrive), change(&completion)]).await.unwrap();
    assert_eq!(answers, [held(KAKAO[0], second.id), Written::Recorded]);
    assert_eq!(stored(store, &first).await, first);
    assert_eq!(stored(store, &second).await, second);
    let history = store.history(&first.tenant, first.id).await.unwrap().unwrap();
    assert_eq!(history.len(), 2, "a refused redrive leaves no entry");
}

/// Another tenant's event may have the same name.
pub async fn a_claim_belongs_to_its_tenant(store: &dyn Store) {
    let token = life(store).await;
    accepted(store, &asked(1, "evt-1", KAKAO, 0, token)).await;
    accepted(store, &of_tenant(asked(2, "evt-1", KAKAO, 0, token), "bakery")).await;
}
