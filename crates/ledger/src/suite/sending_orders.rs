//! Orders to sending: the last of each scope holds, and reads back whole.

use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingAction, SendingOrder, SendingScope};

use super::at;
use crate::store::Store;

fn order(scope: &SendingScope, action: SendingAction, second: i64) -> SendingOrder {
    SendingOrder {
        scope: scope.clone(),
        action,
        actor: "운영자 'ff_1'".to_owned(),
        reason: (second % 2 == 0).then(|| "점검 🔧".to_owned()),
        at: at(second),
    }
}

/// Whatever its time says, the one that was kept last holds.
pub async fn the_last_order_of_a_scope_holds(store: &dyn Store) {
    assert_eq!(store.sending_orders().await.unwrap(), []);
    let cafe = TenantId::new("cafe");
    let (all, own, of_service) = (
        SendingScope::All,
        SendingScope::Tenant(cafe.clone()),
        SendingScope::OfService(cafe),
    );
    let first = order(&all, SendingAction::Stop, 5);
    let other = order(&of_service, SendingAction::Stop, 6);
    let last = order(&all, SendingAction::Resume, 4);
    let apart = order(&own, SendingAction::Resume, 7);
    let mut numbers = Vec::new();
    for order in [&first, &other, &last, &apart] {
        numbers.push(store.keep_sending_order(order).await.unwrap());
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let mut kept = store.sending_orders().await.unwrap();
    kept.sort_by_key(|(number, _)| *number);
    assert_eq!(kept, [(numbers[1], other), (numbers[2], last), (numbers[3], apart)]);
}
