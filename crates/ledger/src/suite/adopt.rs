//! Lives of nodes, and the work that one leaves to the next.

use fanfare_core::channel::Channel;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::{Acceptance, Written};
use jiff::Timestamp;

use super::{accepted, asked, at, change, end, life, recorded, sample, write};
use crate::store::Store;

/// Work that nobody owns, due so many seconds after ten o'clock.
pub async fn nobodys(store: &dyn Store, number: u64, due: i64) -> DistributionId {
    accepted(store, &self::due(number, None, Some(at(due)))).await.id
}

/// The fencing token grows.
pub async fn each_life_outranks_the_earlier_ones(store: &dyn Store) {
    let (first, second, third) = (life(store).await, life(store).await, life(store).await);
    assert!(first < second && second < third);
}

fn due(number: u64, owner: Option<Incarnation>, due_at: Option<Timestamp>) -> Acceptance {
    let event = format!("evt-{number}");
    let mut acceptance = asked(number, &event, &[Channel::RingoBiz], 0, Incarnation(1));
    acceptance.owner = owner;
    acceptance.due_at = due_at;
    acceptance
}

async fn ids(store: &dyn Store, token: Incarnation, limit: usize) -> Vec<DistributionId> {
    let adopted = store.adopt(token, at(50), limit).await.unwrap();
    adopted.into_iter().map(|adopted| adopted.distribution.id).collect()
}

/// And nobody's; one's own only by name; nothing of later lives.
pub async fn due_work_of_earlier_lives_is_adopted_oldest_first(store: &dyn Store) {
    let (earlier, own, later) = (life(store).await, life(store).await, life(store).await);
    let nobodys = accepted(store, &due(1, None, Some(at(30)))).await;
    let earlier_ones = accepted(store, &due(2, Some(earlier), Some(at(10)))).await;
    let latest_due = accepted(store, &due(3, Some(earlier), Some(at(50)))).await;
    let my_own = accepted(store, &due(4, Some(own), Some(at(20)))).await;
    accepted(store, &due(5, None, Some(at(51)))).await;
    accepted(store, &due(6, Some(later), Some(at(10)))).await;
    accepted(store, &due(7, None, None)).await;
    let mut closed = accepted(store, &due(8, Some(earlier), Some(at(10)))).await;
    recorded(store, &sample::completion(&mut closed, at(9), earlier)).await;
    end(store, earlier).await;
    assert_eq!(ids(store, own, 0).await, []);
    assert_eq!(ids(store, own, 2).await, [earlier_ones.id, nobodys.id]);
    assert_eq!(ids(store, own, 9).await, [latest_due.id]);
    assert_eq!(ids(store, own, 9).await, [], "they are this life's now");
    let tenant = TenantId::default();
    for own_one in [my_own, earlier_ones] {
        let whole = store.adopt_one(own, &tenant, own_one.id).await.unwrap().unwrap();
        assert_eq!((whole.distribution, whole.others), (own_one, Vec::new()));
    }
}

/// What the former owner still writes is refused, and the new one's is not (I5).
pub async fn adoption_fences_the_former_owner(store: &dyn Store) {
    let (earlier, own) = (life(store).await, life(store).await);
    let distribution = accepted(store, &due(1, Some(earlier), Some(at(0)))).await;
    end(store, earlier).await;
    assert_eq!(ids(store, own, 9).await, [distribution.id]);
    let by = |token| sample::completion(&mut distribution.clone(), at(60), token);
    assert_eq!(write(store, change(&by(earlier))).await, Written::Fenced);
    recorded(store, &by(own)).await;
    let late = write(store, change(&by(earlier))).await;
    assert_eq!(late, Written::Fenced, "the number is there, but by another token");
    assert_eq!(ids(store, own, 9).await, [], "it is closed");
}

/// Closed or not due, but never from a later life.
pub async fn one_is_adopted_wherever_it_stands(store: &dyn Store) {
    let (earlier, own, later) = (life(store).await, life(store).await, life(store).await);
    let tenant = TenantId::default();
    let mut closed = accepted(store, &due(1, Some(earlier), None)).await;
    recorded(store, &sample::completion(&mut closed, at(1), earlier)).await;
    let of_later = accepted(store, &due(2, Some(later), Some(at(0)))).await;
    end(store, earlier).await;
    let adopt = async |distribution: &Distribution| {
        let adopted = store.adopt_one(own, &tenant, distribution.id).await.unwrap();
        adopted.map(|adopted| adopted.distribution)
    };
    assert_eq!(adopt(&closed).await, Some(closed.clone()));
    assert_eq!(adopt(&closed).await, Some(closed.clone()), "its own again");
    assert_eq!(adopt(&of_later).await, None);
    let unknown = due(9, None, None).distribution;
    assert_eq!(adopt(&unknown).await, None);
    let again = sample::completion(&mut closed, at(2), own);
    recorded(store, &again).await;
}

/// Own work, also what was taken over without its node's hearing of it; not what is due
/// later, closed or another's.
pub async fn own_work_that_is_due_can_be_looked_for(store: &dyn Store) {
    let (earlier, own, later) = (life(store).await, life(store).await, life(store).await);
    let second = accepted(store, &due(1, Some(own), Some(at(20)))).await;
    let first = accepted(store, &due(2, Some(earlier), Some(at(10)))).await;
    accepted(store, &due(3, Some(own), Some(at(51)))).await;
    accepted(store, &due(4, Some(later), Some(at(10)))).await;
    accepted(store, &due(5, None, Some(at(60)))).await;
    let mut closed = accepted(store, &due(6, Some(own), Some(at(10)))).await;
    recorded(store, &sample::completion(&mut closed, at(9), own)).await;
    end(store, earlier).await;
    assert_eq!(ids(store, own, 9).await, [first.id]);
    let tenant = TenantId::default;
    let owned = async |limit| store.owned(own, at(50), limit).await.unwrap();
    assert_eq!(owned(9).await, [(tenant(), first.id), (tenant(), second.id)]);
    assert_eq!(owned(1).await, [(tenant(), first.id)]);
}

/// One that is not over stays so by its sign of life.
pub async fn a_life_that_renews_goes_on(store: &dyn Store) {
    let token = life(store).await;
    assert!(store.renew(token).await.unwrap().is_some());
    let mut distribution = accepted(store, &due(1, Some(token), Some(at(0)))).await;
    assert!(store.renew(token).await.unwrap().is_some());
    recorded(store, &sample::completion(&mut distribution, at(1), token)).await;
}

/// Of many at once; what is not there is left out, and so are others' tenants.
pub async fn histories_can_be_followed(store: &dyn Store) {
    let token = life(store).await;
    let mut first = accepted(store, &due(1, Some(token), Some(at(0)))).await;
    let second = accepted(store, &due(2, Some(token), Some(at(0)))).await;
    recorded(store, &sample::completion(&mut first, at(1), token)).await;
    let tenant = TenantId::default();
    let unknown = due(9, None, None).distribution.id;
    let asked = [
        (tenant.clone(), first.id),
        (tenant.clone(), unknown),
        (TenantId::new("other"), first.id),
        (tenant, second.id),
    ];
    let mut numbers = store.history_numbers(&asked).await.unwrap();
    numbers.sort();
    let mut expected = [(first.id, 2), (second.id, 1)];
    expected.sort();
    assert_eq!(numbers, expected);
}

/// For readiness.
pub async fn a_store_says_that_it_can_be_written(store: &dyn Store) {
    store.ping().await.unwrap();
}
