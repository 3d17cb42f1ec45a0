//! What operators have ordered of sending, as this node has heard it. It is read
//! by the one look that hears orders to breakers, too (`breakers.rs`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fanfare_core::engine::Input;
use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingAction, SendingOrder, SendingScope};
use tokio::sync::{mpsc, watch};

use super::orders::Newest;
use crate::telemetry;

/// The last order of each scope.
#[derive(Debug, Default)]
pub(super) struct Sending {
    heard: Mutex<Heard>,
    /// The greatest number of those.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Heard {
    newest: Newest<SendingScope>,
    orders: BTreeMap<SendingScope, SendingOrder>,
}

impl Sending {
    /// Hands what is new on to the loop.
    pub(super) fn hear(&self, orders: Vec<(u64, SendingOrder)>, found: &mpsc::UnboundedSender<Input>) {
        let mut last = 0;
        for (number, order) in orders {
            last = number.max(last);
            if self.is_new(number, &order) {
                send(found, &order);
            }
        }
        self.count();
        self.last.send_if_modified(|before| {
            let newer = last > *before;
            *before = last.max(*before);
            newer
        });
    }

    fn is_new(&self, number: u64, order: &SendingOrder) -> bool {
        // Each use leaves the map whole.
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.newest.hears(order.scope.clone(), number) {
            return false;
        }
        let before = heard.orders.insert(order.scope.clone(), order.clone());
        // An engine that was just made has nothing stopped.
        before.is_some() || order.action == SendingAction::Stop
    }

    /// For `/metrics`.
    fn count(&self) {
        let (all, tenants): (Vec<_>, Vec<_>) = self
            .stops()
            .into_iter()
            .partition(|order| order.scope == SendingScope::All);
        for (scope, stops) in [("all", all), ("tenant", tenants)] {
            // No float is exact beyond 2^53, and no count comes near it.
            let count = u32::try_from(stops.len()).unwrap_or(u32::MAX);
            metrics::gauge!(telemetry::SENDING_STOPPED, "scope" => scope).set(f64::from(count));
        }
    }

    /// Waits until this node has heard the order of that number.
    pub(super) async fn heard(&self, number: u64) {
        // An error means that nobody looks any more: the service stops.
        _ = self.last.subscribe().wait_for(|last| *last >= number).await;
    }

    /// Whether nothing of this tenant's may begin.
    pub(super) fn holds(&self, tenant: &TenantId) -> bool {
        let stops = self.stops();
        stops
            .iter()
            .any(|order| order.scope.tenant().is_none_or(|whose| whose == tenant))
    }

    /// What is stopped.
    pub(super) fn stops(&self) -> Vec<SendingOrder> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = heard.orders.values();
        orders
            .filter(|order| order.action == SendingAction::Stop)
            .cloned()
            .collect()
    }
}

fn send(found: &mpsc::UnboundedSender<Input>, order: &SendingOrder) {
    tracing::warn!(
        scope = order.scope.name(),
        tenant = order.scope.tenant().map_or("", |tenant| tenant.as_str()),
        action = order.action.name(),
        actor = order.actor,
        reason = order.reason.as_deref().unwrap_or_default(),
        "an operator's order to sending"
    );
    // Refused only when the loop has ended.
    _ = found.send(Input::SendingOrdered {
        scope: order.scope.clone(),
        action: order.action,
    });
}
