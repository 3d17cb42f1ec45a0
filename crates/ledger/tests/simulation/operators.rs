//! Trouble with a whole channel: it is out of order for a while, and operators
//! order its breakers about.

use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::engine::Input;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerState};
use rand::RngExt;

use crate::world::{Happening, World};

impl World {
    /// A channel is out of order for a while.
    pub(crate) fn outage(&mut self) {
        if self.peaceful() {
            return;
        }
        self.comes_within(Duration::from_secs(45), Happening::Outage);
        let channel = self.some_channel();
        let time = Duration::from_secs(self.rng.random_range(5..90));
        self.channels.goes_down(channel, self.now + time);
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

    fn some_channel(&mut self) -> Channel {
        Channel::ALL[self.rng.random_range(0..Channel::ALL.len())]
    }
}
