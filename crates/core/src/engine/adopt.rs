//! What becomes of work that another life left behind, or that belonged to
//! nobody until it was nearly due.

use std::sync::Arc;

use super::message::Command;
use super::planted::Bug;
use super::work::Work;
use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Phase};
use crate::ids::{DistributionId, TenantId};
use crate::text::Text;
use crate::write::Adopted;

/// Of what may be in flight, one in so many is taken over at each look at least.
const LEAST_ADOPTED_SHARE: usize = 200;

impl Engine {
    pub(super) fn adopt(&mut self, adopted: Vec<Adopted>, turn: &mut Turn<'_>) {
        for Adopted { distribution, others } in adopted {
            let id = distribution.id;
            if let Some(work) = self.works.get_mut(&id) {
                work.taken_again = true;
                continue;
            }
            let open: Vec<_> = distribution
                .deliveries
                .iter()
                .filter(|delivery| delivery.is_open())
                .cloned()
                .collect();
            let mut work = Work::new(distribution);
            work.others = Arc::from(others);
            self.works.insert(id, work);
            self.dirty.insert(id);
            self.call_off_without_claim(id, turn);
            for delivery in open {
                self.resume(id, &delivery, turn);
            }
        }
    }

    /// What a takeover's or an acceptance's commit made this life's, whose answer never
    /// came, is known to nobody but the database: it is read.
    pub(super) fn miss(&mut self, owned: Vec<(TenantId, DistributionId)>, turn: &mut Turn<'_>) {
        if turn.planted.has(Bug::MissedForgotten) {
            return;
        }
        let unknown = owned.into_iter().filter(|(_, id)| !self.works.contains_key(id));
        let missed = unknown.map(|(tenant, id)| Command::Forgotten { tenant, id });
        turn.commands.extend(missed);
    }

    /// How many more may be taken over now. Half of what may be in flight is left to
    /// requests: what waited for one dead channel must not close the door for all. A few are
    /// taken over however many requests there are: they were accepted before.
    pub fn room_to_adopt(&self) -> usize {
        let most = self.settings.max_in_flight;
        let room = (most / 2).saturating_sub(self.works.len());
        room.max(most / LEAST_ADOPTED_SHARE).max(1)
    }

    fn resume(&mut self, id: DistributionId, delivery: &Delivery, turn: &mut Turn<'_>) {
        let channel = delivery.channel;
        match (delivery.status, delivery.phase) {
            (DeliveryStatus::InProgress, Phase::Intent) if turn.planted.has(Bug::IntentRunAgain) => {
                self.want(id, channel, turn.now);
            }
            (DeliveryStatus::InProgress, Phase::Intent) => self.interrupted_call(id, channel, turn),
            // A breaker may have held the look-up back.
            (DeliveryStatus::InProgress | DeliveryStatus::Waiting, Phase::Unknown) => {
                self.look_up_after_adoption(id, channel, turn.now);
            }
            (DeliveryStatus::Pending, _) => self.want(id, channel, turn.now),
            // Another node's breaker, or an earlier state of this one's, held it; or
            // sending was stopped.
            (DeliveryStatus::Waiting, _) if delivery.is_held() => self.want(id, channel, turn.now),
            (DeliveryStatus::InProgress | DeliveryStatus::Retrying | DeliveryStatus::Waiting, _) => {
                match delivery.next_attempt_at {
                    Some(at) => self.set_alarm(id, channel, at),
                    None => self.want(id, channel, turn.now),
                }
            }
            (DeliveryStatus::Success, _) if turn.planted.has(Bug::WithdrawalLeft) => {}
            (DeliveryStatus::Success, _) if delivery.is_withdrawing() => self.resume_withdrawal(id, delivery, turn),
            (DeliveryStatus::Success, _) if turn.planted.has(Bug::LookLeft) => {}
            (DeliveryStatus::ActionRequired | DeliveryStatus::Success, _) => {
                if let Some(at) = delivery.due_at() {
                    self.set_alarm(id, channel, at);
                }
            }
            _ => {}
        }
    }

    /// The effecting step may have begun: its outcome is unknown.
    fn interrupted_call(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let detail = Text::new(
            "The service stopped while the channel was being called. Whether it took effect is being found out; \
             do not post it yourself.",
            "채널을 호출하는 중에 서비스가 멈췄습니다. 반영 여부를 확인하고 있으니 직접 게시하지 마세요.",
        );
        self.interrupted(id, channel, cause::OUTCOME_UNKNOWN.because(detail), turn);
        self.dirty.insert(id);
    }
}
