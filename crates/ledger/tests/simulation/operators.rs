//! Trouble with a whole channel: it is out of order for a while, and operators
//! order its breakers about.

use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::engine::Input;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerState};
use fanfare_core::sending::{SendingAction, SendingScope, Stops};
use jiff::Timestamp;
use rand::RngExt;

use crate::node::Node;
use crate::requests::tenants;
use crate::world::{Event, Happening, World};

/// Whose sending can be stopped.
fn scopes() -> [SendingScope; 3] {
    let [configured, own] = tenants().map(SendingScope::Tenant);
    [SendingScope::All, configured, own]
}

impl Node {
    /// From now on it obeys.
    pub(crate) fn hears(&mut self, stops: &Stops, shown: Timestamp) {
        if self.stops != *stops {
            self.stopped_at = shown;
            self.stops = stops.clone();
        }
    }
}

impl World {
    /// A channel is out of order for a while, for all or with one tenant's account.
    pub(crate) fn outage(&mut self) {
        if self.peaceful() {
            return;
        }
        self.comes_within(Duration::from_secs(45), Happening::Outage);
        let channel = self.some_channel();
        let time = Duration::from_secs(self.rng.random_range(5..90));
        let account = tenants().into_iter().nth(self.rng.random_range(0..4));
        self.channels.goes_down(channel, account, self.now + time);
    }

    /// An operator orders something of one channel's breakers, on every node that
    /// hears it. In the end, none stays as it was forced to be.
    pub(crate) fn order(&mut self) {
        self.comes_within(Duration::from_secs(30), Happening::Order);
        if self.peaceful() {
            for channel in Channel::ALL {
                self.order_all(channel, BreakerAction::Reset);
            }
            return;
        }
        let action = BreakerAction::ALL[self.rng.random_range(0..BreakerAction::ALL.len())];
        let channel = self.some_channel();
        self.order_all(channel, action);
    }

    fn order_all(&mut self, channel: Channel, action: BreakerAction) {
        let peaceful = self.peaceful();
        for node in 0..self.nodes.len() {
            let forced = self.nodes[node].engine.breaker(channel).state == BreakerState::ForcedOpen;
            if self.nodes[node].is_stalled(self.now) || (peaceful && !forced) {
                continue;
            }
            self.figures.orders += 1;
            self.turn(node, vec![Input::BreakerOrdered { channel, action }]);
        }
    }

    /// An operator stops sending or lets it go on; each node hears of it within two
    /// seconds, when it is awake. In the end, nothing stays stopped.
    pub(crate) fn order_sending(&mut self) {
        self.comes_within(Duration::from_secs(90), Happening::Sending);
        if self.peaceful() {
            self.sending = Stops::default();
        } else {
            let scope = scopes()[self.rng.random_range(0..3)].clone();
            let stop = self.rng.random_range(0..3) == 0;
            let action = if stop {
                SendingAction::Stop
            } else {
                SendingAction::Resume
            };
            self.figures.stopped += u64::from(stop);
            self.sending.order(scope, action);
        }
        for node in 0..self.nodes.len() {
            let name = self.nodes[node].name;
            self.comes_within(Duration::from_secs(2), Happening::To(name, Event::HearsOrders));
        }
    }

    pub(crate) fn hears_orders(&mut self, node: usize) -> Vec<Input> {
        let shown = self.nodes[node].clock.shows(self.now);
        let news = self.news_of_sending(&self.nodes[node]);
        self.nodes[node].hears(&self.sending, shown);
        news
    }

    /// What a node has not heard of yet.
    pub(crate) fn news_of_sending(&self, node: &Node) -> Vec<Input> {
        let scopes = scopes().into_iter();
        let news = scopes.filter_map(|scope| {
            let stopped = self.sending.has(&scope);
            let action = if stopped {
                SendingAction::Stop
            } else {
                SendingAction::Resume
            };
            (stopped != node.stops.has(&scope)).then_some(Input::SendingOrdered { scope, action })
        });
        news.collect()
    }

    fn some_channel(&mut self) -> Channel {
        Channel::ALL[self.rng.random_range(0..Channel::ALL.len())]
    }
}
