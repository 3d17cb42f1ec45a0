//! Accepting, being asked again, and keys.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::event::OutcomeDigest;
use fanfare_core::ids::{IdempotencyKey, TenantId};
use fanfare_core::text::Text;
use fanfare_core::write::Written;
use serde_json::json;

use super::{accept, accepted, asked, at, life, of_tenant, replayed, sample, stored, with_key, with_title, write};
use crate::store::Store;

const KAKAO: &[Channel] = &[Channel::KakaoChannel];

/// Every column, Korean and emoji included.
pub async fn what_was_accepted_reads_back_whole(store: &dyn Store) {
    let token = life(store).await;
    let mut whole = asked(1, "행사-🎉-1", &Channel::ALL, 0, token);
    whole.distribution.published = Some(OutcomeDigest("d1".to_owned()));
    whole.distribution.completed_at = Some(at(3));
    let delivery = &mut whole.distribution.deliveries[3];
    delivery.checkpoint = Some(Checkpoint(json!({"containerId": "17889", "글": ["가", "🥐"]})));
    delivery.failure = Some(Failure::new("throttled", Text::new("Too many.", "너무 많습니다 🙏")));
    delivery.next_attempt_at = Some(at(60));
    let files = [("https://cdn.example.com/봄.jpg", "00ff"), ("https://b.kr/a.mp3", "01")];
    std::sync::Arc::make_mut(&mut whole.distribution.request).files =
        files.map(|(url, sha256)| (url.to_owned(), sha256.to_owned())).into();
    let receipt = sample::completion(&mut whole.distribution.clone(), at(1), token);
    let receipt = &receipt.deliveries[0].receipt;
    whole.distribution.deliveries[0].receipt.clone_from(receipt);
    let expected = accepted(store, &whole).await;
    assert_eq!(stored(store, &expected).await, expected);
    let history = store.history(&expected.tenant, expected.id).await.unwrap();
    assert_eq!(history, Some(vec![whole.history]));
}

/// After a commit whose answer was lost.
pub async fn an_acceptance_given_again_is_recognised(store: &dyn Store) {
    let token = life(store).await;
    let other = accepted(store, &asked(1, "evt-1", &[Channel::RingoBiz], 0, token)).await;
    let acceptance = with_key(asked(2, "evt-1", KAKAO, 1, token), "key-1");
    let expected = Written::Accepted { others: vec![other.id] };
    for _ in 0..2 {
        let batch = vec![accept(&acceptance), accept(&acceptance)];
        let answers = store.commit(batch).await.unwrap();
        assert_eq!(answers, [expected.clone(), expected.clone()]);
    }
    let tenant = &acceptance.distribution.tenant;
    let history = store.history(tenant, acceptance.distribution.id).await.unwrap();
    assert_eq!(history.map(|history| history.len()), Some(1));
}

/// In another commit and in the same one.
pub async fn the_same_key_and_body_are_answered_with_the_first(store: &dyn Store) {
    let token = life(store).await;
    let ask = |number| with_key(asked(number, "evt-1", KAKAO, 0, token), "key-1");
    let first = ask(1).distribution.id;
    let answers = store.commit(vec![accept(&ask(1)), accept(&ask(2))]).await.unwrap();
    assert_eq!(answers[1], replayed(first), "in the same commit");
    assert_eq!(
        write(store, accept(&ask(3))).await,
        replayed(first),
        "in another commit"
    );
}

/// Whatever its event.
pub async fn the_same_key_for_another_body_is_refused(store: &dyn Store) {
    let token = life(store).await;
    let first = accepted(store, &with_key(asked(1, "evt-1", KAKAO, 0, token), "key-1")).await;
    let other_event = with_key(asked(2, "evt-2", KAKAO, 0, token), "key-1");
    let other_body = with_title(with_key(asked(3, "evt-1", KAKAO, 0, token), "key-1"), "다른 제목");
    for other in [other_event, other_body] {
        let expected = Written::KeyReused { existing: first.id };
        assert_eq!(write(store, accept(&other)).await, expected);
        let found = store.distribution(&first.tenant, other.distribution.id).await.unwrap();
        assert_eq!(found, None, "what was refused is not kept");
    }
}

/// To the second; then the key is the next request's.
pub async fn a_key_is_known_for_a_day(store: &dyn Store) {
    const DAY: i64 = 24 * 60 * 60;
    let token = life(store).await;
    let ask = |number, event, second| with_key(asked(number, event, KAKAO, second, token), "key-1");
    let first = accepted(store, &ask(1, "evt-1", 0)).await;
    let within = write(store, accept(&ask(2, "evt-2", DAY - 1))).await;
    assert_eq!(within, Written::KeyReused { existing: first.id });
    let second = accepted(store, &ask(3, "evt-2", DAY)).await;
    let again = write(store, accept(&ask(4, "evt-2", DAY + 1))).await;
    assert_eq!(again, replayed(second.id));
}

/// And only the old ones.
pub async fn old_keys_are_forgotten(store: &dyn Store) {
    let token = life(store).await;
    for number in 1..=3_u8 {
        let (event, key) = (format!("evt-{number}"), format!("key-{number}"));
        let second = i64::from(number);
        let acceptance = asked(number.into(), &event, KAKAO, second, token);
        accepted(store, &with_key(acceptance, &key)).await;
    }
    assert_eq!(store.expire_keys(at(3)).await.unwrap(), 2);
    assert_eq!(store.expire_keys(at(3)).await.unwrap(), 0);
    accepted(store, &with_key(asked(4, "evt-4", KAKAO, 4, token), "key-1")).await;
    let kept = write(store, accept(&with_key(asked(5, "evt-5", KAKAO, 4, token), "key-3"))).await;
    assert!(matches!(kept, Written::KeyReused { .. }), "{kept:?}");
}

/// Another tenant may use the same word.
pub async fn a_key_belongs_to_its_tenant(store: &dyn Store) {
    let token = life(store).await;
    accepted(store, &with_key(asked(1, "evt-1", KAKAO, 0, token), "key-1")).await;
    let other = with_key(asked(2, "evt-2", KAKAO, 0, token), "key-1");
    accepted(store, &of_tenant(other, "bakery")).await;
}

/// Within the time that the caller names, and by its own tenant only.
pub async fn what_a_key_stands_for_can_be_read(store: &dyn Store) {
    let token = life(store).await;
    let acceptance = with_key(asked(1, "evt-1", KAKAO, 5, token), "key-1");
    let expected = accepted(store, &acceptance).await;
    let (tenant, key) = (&expected.tenant, IdempotencyKey::new("key-1"));
    let read = |after| store.distribution_of_key(tenant, &key, after);
    assert_eq!(read(at(4)).await.unwrap(), Some(expected.clone()));
    assert_eq!(read(at(5)).await.unwrap(), None, "too long ago");
    let other = IdempotencyKey::new("key-2");
    assert_eq!(store.distribution_of_key(tenant, &other, at(0)).await.unwrap(), None);
    let stranger = TenantId::new("stranger");
    assert_eq!(store.distribution_of_key(&stranger, &key, at(0)).await.unwrap(), None);
}
