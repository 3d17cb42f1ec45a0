//! What happens while operators have stopped all sending, or one tenant's: nothing
//! begins, a withdrawal neither. What is under way ends, look-ups go on, requests are
//! accepted. What is held back is WAITING, spends no attempt, and goes on in the order
//! in which it was accepted.

use std::time::Duration;

use super::planted::Bug;
use super::withdraw::waits_to_withdraw;
use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::Delivery;
use crate::ids::DistributionId;
use crate::resilience::retry::later;
use crate::sending::{SendingAction, SendingScope};

/// What is held back asks again after this time; meanwhile it belongs to no node.
const ASK_AGAIN: Duration = Duration::from_mins(5);

impl Engine {
    /// An operator's order.
    pub(super) fn order_sending(&mut self, scope: SendingScope, action: SendingAction, turn: &mut Turn<'_>) {
        self.stops.order(scope, action);
        if action == SendingAction::Resume {
            self.go_on_where_resumed(turn);
            turn.commands.push(super::Command::SendingResumed);
        }
    }

    /// It is due now. That its time was later is what the database still says; a
    /// crash before it goes on makes it wait until then.
    fn go_on_where_resumed(&mut self, turn: &mut Turn<'_>) {
        let mut due = Vec::new();
        for (id, work) in &mut self.works {
            if self.stops.hold(&work.distribution.tenant) {
                continue;
            }
            for delivery in work
                .distribution
                .deliveries
                .iter_mut()
                .filter(|one| one.waits_for(cause::SENDING_STOPPED.code) || is_stopped_withdrawal(one))
            {
                delivery.next_attempt_at = Some(turn.now);
                due.push((*id, delivery.channel));
            }
        }
        for (id, channel) in due {
            self.set_alarm(id, channel, turn.now);
        }
    }

    /// Whether no attempt of it may begin.
    pub(super) fn may_not_begin(&self, id: DistributionId) -> bool {
        let Some(work) = self.works.get(&id) else { return false };
        self.stops.hold(&work.distribution.tenant) && !self.planted.has(Bug::StopForgotten)
    }

    /// Held back until sending goes on.
    pub(super) fn hold_stopped(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        self.hold_until(
            id,
            channel,
            later(turn.now, ASK_AGAIN),
            cause::SENDING_STOPPED.failure(),
            turn,
        );
    }
}

/// Another wait of a withdrawal, such as one that the channel asked for, is kept.
fn is_stopped_withdrawal(delivery: &Delivery) -> bool {
    waits_to_withdraw(delivery) && delivery.withdrawal_held_by() == Some(&cause::SENDING_STOPPED.text())
}
