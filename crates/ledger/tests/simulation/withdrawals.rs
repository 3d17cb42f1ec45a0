//! What is live is taken down: the call, and what comes of it.

use std::time::Duration;

use fanfare_core::delivery::{Delivery, Phase};
use fanfare_core::engine::{Call, Input};
use rand::RngExt;

use crate::world::{Happening, World};

impl World {
    pub(crate) fn withdraw(&mut self, node: usize, call: &Call) {
        self.nodes[node].breakers.sends(call);
        if !self.may_send(node) {
            return;
        }
        self.witness.calls(call.delivery.channel, self.nodes.len(), self.now);
        self.goes_out(node, call);
        let peaceful = self.peaceful();
        let (outcome, gone_after) = self.channels.withdraw(call, peaceful, self.now, &mut self.rng);
        if let Some(after) = gone_after {
            self.comes_within(after, Happening::Gone(call.clone()));
        }
        let answer = Input::Withdrawn {
            reference: call.reference(),
            outcome,
        };
        let travel = Duration::from_millis(self.rng.random_range(1..3_000));
        self.answers(node, answer, travel);
    }
}

/// A withdrawal that has ended without success, and does not know whether one of its
/// calls was heard: it says so.
pub(crate) fn is_doubted(delivery: &Delivery) -> bool {
    delivery.has_stayed() && (delivery.attempt > 1 || delivery.phase == Phase::Unknown)
}
