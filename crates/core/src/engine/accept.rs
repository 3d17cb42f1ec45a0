//! How a request becomes a distribution with its first intents.

use std::sync::Arc;

use jiff::Timestamp;

use super::door::MOST_TURNED_AWAY;
use super::message::{Command, NewDistribution};
use super::work::{Unaccepted, Work};
use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Phase};
use crate::distribution::{Distribution, DistributionStatus};
use crate::history::Transition;
use crate::ids::{DeliveryId, DistributionId};
use crate::korea;
use crate::text::Text;

impl Engine {
    pub(super) fn accept(&mut self, id: DistributionId, new: NewDistribution, turn: &mut Turn<'_>) {
        let refusal = self.refusal(&new, turn.now);
        let idempotency_key = new.idempotency_key.clone();
        let scheduled_at = new.request.request.scheduled_at;
        let skipped = new.skipped.clone();
        let mut work = Work::new(distribution(id, new, turn));
        work.unaccepted = Some(Unaccepted { idempotency_key });
        work.unwritten.transitions = created(&work.distribution);
        let channels: Vec<_> = work
            .distribution
            .deliveries
            .iter()
            .map(|delivery| delivery.channel)
            .collect();
        for (channel, failure) in skipped {
            work.change(channel, |delivery| {
                delivery.phase = Phase::Rejected;
                delivery.failure = Some(failure);
            });
            work.transition(channel, DeliveryStatus::Failed, turn.now);
        }
        if let Some(answer) = refusal {
            if self.turned_away.len() < MOST_TURNED_AWAY {
                return self.turn_away(work, answer, turn);
            }
            return turn.commands.push(Command::Answer { id, answer });
        }
        self.works.insert(id, work);
        self.dirty.insert(id);
        for channel in channels {
            match scheduled_at.filter(|at| *at > turn.now) {
                Some(at) => self.schedule(id, channel, at, turn),
                None => self.want(id, channel, turn.now),
            }
        }
    }

    /// Holds a delivery back until the time that the request names.
    fn schedule(&mut self, id: DistributionId, channel: Channel, at: Timestamp, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        if work
            .distribution
            .delivery(channel)
            .is_none_or(|delivery| delivery.status.closed())
        {
            return;
        }
        let in_korea = korea::minute(at);
        let detail = Text::new(
            format!("Scheduled for {in_korea}, Korean time."),
            format!("한국 시간 {in_korea}에 예약되었습니다."),
        );
        work.change(channel, |delivery| {
            delivery.next_attempt_at = Some(at);
            delivery.failure = Some(cause::SCHEDULED.because(detail));
        });
        work.transition(channel, DeliveryStatus::Waiting, turn.now);
        self.set_alarm(id, channel, at);
    }

    /// A repeat that was allowed now holds the claims of others in memory: what
    /// of them has not begun is called off. What a node does not have in memory
    /// learns it when it is adopted.
    pub(super) fn take_claims_over(&mut self, new: &Distribution, others: &[DistributionId], turn: &mut Turn<'_>) {
        if !new.request.request.allow_repeat {
            return;
        }
        for id in others {
            let Some(work) = self.works.get_mut(id) else { continue };
            for delivery in new.deliveries.iter().filter(|delivery| delivery.holds_claim) {
                // The database has it already.
                if let Some(held) = work.distribution.delivery_mut(delivery.channel) {
                    held.holds_claim = false;
                }
            }
            self.dirty.insert(*id);
            self.call_off_without_claim(*id, turn);
        }
    }

    /// A delivery that has lost its claim before it began will not begin.
    pub(super) fn call_off_without_claim(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let has_lost = |delivery: &&Delivery| {
            let not_begun = delivery.attempt == 0 && delivery.generation == 1;
            not_begun && !delivery.holds_claim && !delivery.status.closed()
        };
        let lost: Vec<_> = work
            .distribution
            .deliveries
            .iter()
            .filter(has_lost)
            .map(|delivery| delivery.channel)
            .collect();
        for channel in lost {
            work.change(channel, |delivery| {
                delivery.next_attempt_at = None;
                delivery.failure = Some(cause::TAKEN_OVER.failure());
            });
            work.transition(channel, DeliveryStatus::Cancelled, turn.now);
        }
    }
}

fn distribution(id: DistributionId, new: NewDistribution, turn: &mut Turn<'_>) -> Distribution {
    let delivery = |channel: &Channel| {
        let delivery_id = DeliveryId::new(turn.now, turn.rng);
        Delivery::new(delivery_id, *channel, new.modes[channel.index()], turn.now)
    };
    Distribution {
        tenant: new.tenant,
        id,
        event_id: new.request.request.event_id.clone(),
        deliveries: new.request.request.channels.iter().map(delivery).collect(),
        request: Arc::new(new.request),
        status: DistributionStatus::Pending,
        history_number: 0,
        version: 0,
        published: None,
        accepted_at: turn.now,
        completed_at: None,
    }
}

fn created(distribution: &Distribution) -> Vec<Transition> {
    let of_distribution = Transition::of_distribution(None, distribution.status);
    let of_deliveries = distribution
        .deliveries
        .iter()
        .map(|delivery| Transition::of_delivery(delivery, None));
    std::iter::once(of_distribution).chain(of_deliveries).collect()
}
