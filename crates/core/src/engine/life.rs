//! How a node's life ends in order, and how the next one begins where it was
//! taken for over. Who takes a life for over, and when, is not decided here.

use jiff::Timestamp;

use super::lane::Lane;
use super::message::Command;
use super::{Alarm, Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::Phase;
use crate::ids::{DistributionId, Incarnation};
use crate::write::Write;

impl Engine {
    /// From now on no attempt, step or look-up begins. Calls that are out end
    /// and are recorded; all else is left to the lives that follow.
    pub fn wind_down(&mut self) {
        self.winding_down = true;
    }

    /// Whether no call is out and nothing is being written or still to be.
    pub fn is_quiet(&self) -> bool {
        let writes = |work: &super::work::Work| work.writing.is_some() || !work.unwritten.is_empty();
        let calls = self.lanes.iter().any(Lane::is_under_way);
        !calls && self.evidence.is_empty() && !self.works.values().any(writes)
    }

    /// This life was taken for over, and this is the next one: what was in
    /// memory is others' now, or is taken over anew. Answers to calls that are
    /// out will be evidence; what of that is not known to be kept is given again.
    /// Nothing of the former life may still be on its way to the database.
    pub fn live_again(&mut self, token: Incarnation) -> Vec<Command> {
        self.token = token;
        self.works.clear();
        self.turned_away.clear();
        self.dirty.clear();
        self.timers.retain(|(_, _, alarm)| *alarm == Alarm::Evidence);
        self.lanes.iter_mut().for_each(Lane::begin_anew);
        let evidence = self.evidence.iter().cloned();
        evidence
            .map(|evidence| Command::Write(Write::Evidence(Box::new(evidence))))
            .collect()
    }

    /// The next step is another life's: it goes on where this one ended, after an
    /// intent of its own.
    pub(super) fn leave_off(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let now: Timestamp = turn.now;
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| delivery.phase = Phase::Planned);
        }
        self.hold_in_course(id, channel, now, cause::SERVICE_RESTARTING.failure(), turn);
    }
}
