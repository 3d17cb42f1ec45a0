//! Where this node's breakers stand, for people to read, and the orders of
//! operators, to breakers and to sending: read from the database each second, so
//! that every replica obeys within two, and a restart forgets nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::engine::Input;
use fanfare_core::ids::TenantId;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerOrder, BreakerState, BreakerView};
use fanfare_core::sending::SendingScope;
use fanfare_ledger::{Store, StoreError};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

use super::orders::Newest;
use super::sending::Sending;

/// Between two looks at the orders.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long who has ordered something waits for this node to obey.
const OBEYED_WITHIN: Duration = Duration::from_secs(1);

type Views = [BreakerView; Channel::ALL.len()];

/// Of the breakers of tenants' accounts, those that are not closed.
type AccountViews = BTreeMap<(Channel, TenantId), BreakerView>;

/// The breakers as they stand, and the orders to them.
#[derive(Debug)]
pub(super) struct Breakers {
    views: watch::Sender<Views>,
    accounts: Mutex<AccountViews>,
    /// What is ordered of sending.
    pub(super) sending: Sending,
    ordered: Notify,
    heard: Mutex<Newest<Channel>>,
}

impl Breakers {
    /// Reads the orders, so that none is missed by the first call, and looks for
    /// new ones until the loop has ended. Those that hold on are sent to it.
    pub(super) async fn start(
        store: Arc<dyn Store>,
        found: mpsc::UnboundedSender<Input>,
    ) -> Result<Arc<Self>, StoreError> {
        let closed = BreakerView {
            state: BreakerState::Closed,
            since: None,
            next_probe_at: None,
        };
        let this = Arc::new(Self {
            views: watch::Sender::new([closed; Channel::ALL.len()]),
            accounts: Mutex::default(),
            sending: Sending::default(),
            ordered: Notify::new(),
            heard: Mutex::default(),
        });
        for order in this.unheard(store.breaker_orders().await?) {
            // A breaker that was just made is closed and knows nothing.
            if matches!(order.action, BreakerAction::ForceOpen | BreakerAction::Disable) {
                send(&found, &order);
            }
        }
        this.sending.hear(store.sending_orders().await?, &found);
        tokio::spawn(Arc::clone(&this).look(store, found));
        Ok(this)
    }

    async fn look(self: Arc<Self>, store: Arc<dyn Store>, found: mpsc::UnboundedSender<Input>) {
        while !found.is_closed() {
            _ = tokio::time::timeout(INTERVAL, self.ordered.notified()).await;
            if let Err(error) = self.hear(&*store, &found).await {
                tracing::debug!(error = &error as &dyn Error, "could not look for orders; looks again");
            }
        }
    }

    /// Sending comes first: what is to stop waits for nothing.
    async fn hear(&self, store: &dyn Store, found: &mpsc::UnboundedSender<Input>) -> Result<(), StoreError> {
        self.sending.hear(store.sending_orders().await?, found);
        let orders = store.breaker_orders().await?;
        self.unheard(orders).iter().for_each(|order| send(found, order));
        Ok(())
    }

    /// An order to sending was kept: looks at once, and waits a moment until this
    /// node has heard it.
    pub(super) async fn obey_sending(&self, scope: &SendingScope, number: u64) {
        self.ordered.notify_one();
        // Late, it is obeyed all the same.
        _ = tokio::time::timeout(OBEYED_WITHIN, self.sending.heard(scope, number)).await;
    }

    /// Orders that this node has not obeyed yet.
    fn unheard(&self, orders: Vec<(u64, BreakerOrder)>) -> Vec<BreakerOrder> {
        // Each use leaves the numbers whole.
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let new = orders
            .into_iter()
            .filter(|(number, order)| heard.hears(order.channel, *number));
        new.map(|(_, order)| order).collect()
    }

    /// It stands otherwise than before.
    pub(super) fn changed(&self, channel: Channel, to: BreakerView) {
        self.views.send_modify(|views| views[channel.index()] = to);
    }

    pub(super) fn view(&self, channel: Channel) -> BreakerView {
        self.views.borrow()[channel.index()]
    }

    /// The breaker of a tenant's account stands otherwise than before; says of how many
    /// at that channel it is not closed.
    pub(super) fn account_changed(&self, channel: Channel, tenant: TenantId, to: BreakerView) -> usize {
        let mut accounts = self.accounts();
        if to.state == BreakerState::Closed {
            accounts.remove(&(channel, tenant));
        } else {
            accounts.insert((channel, tenant), to);
        }
        accounts.keys().filter(|(of, _)| *of == channel).count()
    }

    /// Where the breaker of a tenant's account stands, unless it is closed.
    pub(super) fn account_view(&self, channel: Channel, tenant: &TenantId) -> Option<BreakerView> {
        self.accounts().get(&(channel, tenant.clone())).copied()
    }

    /// Whose account's breaker is not closed, and where.
    pub(super) fn troubled_accounts(&self) -> BTreeSet<(Channel, TenantId)> {
        self.accounts().keys().cloned().collect()
    }

    fn accounts(&self) -> MutexGuard<'_, AccountViews> {
        // Each use leaves the map whole.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order was kept: looks at once, and waits a moment until this node has
    /// obeyed it; says how the breaker stands then.
    pub(super) async fn obey(&self, channel: Channel, ordered_at: Timestamp) -> BreakerView {
        let mut views = self.views.subscribe();
        self.ordered.notify_one();
        let obeyed = views.wait_for(|views| views[channel.index()].since.is_some_and(|since| since >= ordered_at));
        // Late, it is obeyed all the same.
        _ = tokio::time::timeout(OBEYED_WITHIN, obeyed).await;
        self.view(channel)
    }
}

fn send(found: &mpsc::UnboundedSender<Input>, order: &BreakerOrder) {
    tracing::info!(
        channel = %order.channel,
        action = order.action.name(),
        actor = order.actor,
        reason = order.reason.as_deref().unwrap_or_default(),
        "an operator's order to a breaker"
    );
    // Refused only when the loop has ended.
    _ = found.send(Input::BreakerOrdered {
        channel: order.channel,
        action: order.action,
    });
}
