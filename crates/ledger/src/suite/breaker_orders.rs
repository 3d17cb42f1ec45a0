//! Orders to breakers: the last of each channel holds, and reads back whole.

use fanfare_core::channel::Channel;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerOrder};

use super::at;
use crate::store::Store;

fn order(channel: Channel, action: BreakerAction, second: i64) -> BreakerOrder {
    BreakerOrder {
        channel,
        action,
        actor: "운영자 'ff_1'".to_owned(),
        reason: (second % 2 == 0).then(|| "점검 🔧".to_owned()),
        at: at(second),
    }
}

/// Whatever its time says, the one that was kept last holds.
pub async fn the_last_order_of_a_channel_holds(store: &dyn Store) {
    assert_eq!(store.breaker_orders().await.unwrap(), []);
    let first = order(Channel::Instagram, BreakerAction::ForceOpen, 5);
    let other = order(Channel::KakaoChannel, BreakerAction::Disable, 6);
    let last = order(Channel::Instagram, BreakerAction::Reset, 4);
    let mut numbers = Vec::new();
    for order in [&first, &other, &last] {
        numbers.push(store.keep_breaker_order(order).await.unwrap());
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let mut kept = store.breaker_orders().await.unwrap();
    kept.sort_by_key(|(number, _)| *number);
    assert_eq!(kept, [(numbers[1], other), (numbers[2], last)]);
}
