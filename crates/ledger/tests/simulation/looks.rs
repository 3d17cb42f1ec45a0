//! What channels say later of what they took.

use std::time::Duration;

use fanfare_core::engine::{Call, Input};
use rand::RngExt;

use crate::world::World;

impl World {
    pub(crate) fn observe(&mut self, node: usize, call: &Call) {
        self.nodes[node].breakers.sends(call);
        if !self.may_send(node) {
            return;
        }
        self.witness.calls(call.delivery.channel, self.nodes.len(), self.now);
        self.is_out(node, call);
        let peaceful = self.peaceful();
        let outcome = self.channels.observe(call, peaceful, self.now, &mut self.rng);
        self.figures.looks += 1;
        let answer = Input::Observed {
            reference: call.reference(),
            outcome,
        };
        let travel = Duration::from_millis(self.rng.random_range(1..3_000));
        self.answers(node, answer, travel);
    }
}
