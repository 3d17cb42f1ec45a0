//! What becomes of an answer that came when its attempt was no longer this
//! node's to write: what it proves is kept beside the rows, for look-ups and for
//! the person who decides. It changes nothing by itself.

use std::time::Duration;

use super::message::{CallReference, Command};
use super::{Alarm, Engine, Turn};
use crate::attempt::{Evidence, LookUpOutcome, Proof, StepOutcome};
use crate::channel::Channel;
use crate::ids::DistributionId;
use crate::resilience::retry::later;
use crate::write::Write;

/// Between a failed commit and the next try.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Engine {
    pub(super) fn step_too_late(&mut self, reference: &CallReference, outcome: StepOutcome, turn: &mut Turn<'_>) {
        match outcome {
            StepOutcome::Confirmed(receipt) => self.testify(reference, Proof::Receipt(receipt), turn),
            // The next step would have shown it: an id that the channel gave.
            StepOutcome::Advanced { checkpoint, .. } if reference.may_have_effect => {
                self.testify(reference, Proof::Checkpoint(checkpoint), turn);
            }
            _ => {}
        }
    }

    pub(super) fn look_up_too_late(&mut self, reference: &CallReference, outcome: LookUpOutcome, turn: &mut Turn<'_>) {
        match outcome {
            LookUpOutcome::Found(receipt) => self.testify(reference, Proof::Receipt(receipt), turn),
            LookUpOutcome::Advanced { checkpoint, .. } => {
                self.testify(reference, Proof::Checkpoint(checkpoint), turn);
            }
            LookUpOutcome::Absent { .. } | LookUpOutcome::Pending { .. } | LookUpOutcome::Unknown(_) => {}
        }
    }

    fn testify(&mut self, reference: &CallReference, proof: Proof, turn: &mut Turn<'_>) {
        let evidence = Evidence {
            tenant: reference.tenant.clone(),
            distribution: reference.distribution,
            channel: reference.channel,
            generation: reference.generation,
            attempt: reference.attempt,
            proof,
            at: turn.now,
            token: self.token,
        };
        self.evidence.push(evidence.clone());
        turn.commands.push(Command::Write(Write::Evidence(Box::new(evidence))));
    }

    /// It is in the database.
    pub(super) fn noted(&mut self, id: DistributionId, attempt: (Channel, u32, u32)) {
        let name = |evidence: &Evidence| (evidence.channel, evidence.generation, evidence.attempt);
        self.evidence
            .retain(|evidence| evidence.distribution != id || name(evidence) != attempt);
    }

    /// A commit failed that may have been of evidence.
    pub(super) fn evidence_not_written(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        if self.evidence.iter().any(|evidence| evidence.distribution == id) {
            self.timers.insert((later(turn.now, AGAIN_AFTER), id, Alarm::Evidence));
        }
    }

    pub(super) fn give_evidence_again(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let again = self.evidence.iter().filter(|evidence| evidence.distribution == id);
        let writes = again.map(|evidence| Command::Write(Write::Evidence(Box::new(evidence.clone()))));
        turn.commands.extend(writes);
    }
}
