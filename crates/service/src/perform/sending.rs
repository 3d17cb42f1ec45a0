//! What operators have ordered of sending, as this node has heard it. It is read
//! by the one look that hears orders to breakers, too (`breakers.rs`).

use std::collections::BTreeMap;

use fanfare_core::engine::Input;
use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingAction, SendingOrder, SendingScope, Stops};
use tokio::sync::{mpsc, watch};

use super::orders::Newest;
use crate::telemetry;

/// The last order of each scope.
#[derive(Debug, Default)]
pub(super) struct Sending {
    heard: watch::Sender<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    newest: Newest<SendingScope>,
    orders: BTreeMap<SendingScope, SendingOrder>,
    /// The same, as the engine asks them.
    stops: Stops,
}

impl Sending {
    /// Hands what is new on to the loop.
    pub(super) fn hear(&self, orders: Vec<(u64, SendingOrder)>, found: &mpsc::UnboundedSender<Input>) {
        for (number, order) in orders {
            // Handed on before anybody is told that it was heard.
            self.heard.send_if_modified(|heard| {
                if !heard.newest.hears(order.scope.clone(), number) {
                    return false;
                }
                heard.stops.order(order.scope.clone(), order.action);
                let before = heard.orders.insert(order.scope.clone(), order.clone());
                // An engine that was just made has nothing stopped.
                if before.is_some() || order.action == SendingAction::Stop {
                    send(found, &order);
                }
                true
            });
        }
        self.count();
    }

    /// For `/metrics`.
    fn count(&self) {
        let (all, tenants): (Vec<_>, Vec<_>) = self
            .stops()
            .into_iter()
            .partition(|order| order.scope == SendingScope::All);
        for (scope, stops) in [("all", all), ("tenant", tenants)] {
            let count = telemetry::float(stops.len() as u64);
            metrics::gauge!(telemetry::SENDING_STOPPED, "scope" => scope).set(count);
        }
    }

    /// Waits until this node has heard the order of that number, or a later one of the
    /// same scope. Another scope's later one says nothing: it may be seen before.
    pub(super) async fn heard(&self, scope: &SendingScope, number: u64) {
        let mut heard = self.heard.subscribe();
        // An error means that nobody looks any more: the service stops.
        _ = heard.wait_for(|heard| heard.newest.last(scope) >= number).await;
    }

    /// Whether nothing of this tenant's may begin.
    pub(super) fn holds(&self, tenant: &TenantId) -> bool {
        self.heard.borrow().stops.hold(tenant)
    }

    /// What is stopped.
    pub(super) fn stops(&self) -> Vec<SendingOrder> {
        let heard = self.heard.borrow();
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use jiff::Timestamp;

    use super::*;

    fn stop(scope: SendingScope) -> SendingOrder {
        SendingOrder {
            scope,
            action: SendingAction::Stop,
            actor: "a person".to_owned(),
            reason: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_order_is_heard_when_its_own_scope_s_is() {
        let (sending, (found, _inputs)) = (Sending::default(), mpsc::unbounded_channel());
        let (cafe, bakery) = (TenantId::new("cafe"), TenantId::new("bakery"));
        let scope = SendingScope::Tenant(cafe.clone());
        let is_heard = |number| sending.heard(&scope, number).now_or_never().is_some();
        sending.hear(vec![(7, stop(SendingScope::Tenant(bakery.clone())))], &found);
        assert_eq!((is_heard(6), sending.holds(&bakery)), (false, true));
        assert!(!sending.holds(&cafe));
        sending.hear(vec![(6, stop(scope.clone()))], &found);
        assert_eq!((is_heard(6), is_heard(7)), (true, false));
        assert!(sending.holds(&cafe));
        assert_eq!(sending.stops().len(), 2);
    }
}
