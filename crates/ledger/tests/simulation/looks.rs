//! Looks at channels: whether what is in doubt is there, and what became later of what
//! they took.

use std::time::Duration;

use fanfare_core::attempt::{LookUpOutcome, Proof};
use fanfare_core::engine::{Call, Input};
use rand::RngExt;

use crate::world::World;

impl World {
    /// What was heard beside the rows comes first.
    pub(crate) fn look_up(&mut self, node: usize, mut call: Call) {
        self.nodes[node].breakers.sends(&call);
        if !self.may_send(node) {
            return;
        }
        self.witness.calls(call.delivery.channel, self.nodes.len(), self.now);
        self.goes_out(node, &call);
        let mut heard = None;
        for evidence in self.store.evidence(&call.tenant, call.distribution) {
            if (evidence.channel, evidence.generation) == (call.delivery.channel, call.delivery.generation) {
                match evidence.proof {
                    Proof::Receipt(receipt) => heard = Some(LookUpOutcome::Found(receipt)),
                    Proof::Checkpoint(checkpoint) => call.delivery.checkpoint = Some(checkpoint),
                }
            }
        }
        let peaceful = self.peaceful();
        let outcome = heard.unwrap_or_else(|| self.channels.look_up(&call, peaceful, self.now, &mut self.rng));
        let answer = Input::LookedUp {
            reference: call.reference(),
            outcome,
        };
        let travel = Duration::from_millis(self.rng.random_range(1..3_000));
        self.answers(node, answer, travel);
    }

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
