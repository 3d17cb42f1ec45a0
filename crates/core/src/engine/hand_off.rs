//! What is handed to a person to finish, and how long they have: they are told once
//! more a day before the end, or half-way where they have less than two; then it has
//! failed, and its hold on the event is free for a redrive.
//!
//! That it is done is said through `ask.rs`. How a person is told is not decided
//! here.

use jiff::Timestamp;

use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Failure, Phase};
use crate::ids::DistributionId;
use crate::text::Text;

impl Engine {
    pub(super) fn hand_off(
        &mut self,
        id: DistributionId,
        channel: Channel,
        task: Failure,
        until: Option<Timestamp>,
        turn: &mut Turn<'_>,
    ) {
        self.hand_over(id, channel, DeliveryStatus::ActionRequired, task, turn);
        let Some(work) = self.works.get_mut(&id).filter(|_| until.is_some()) else {
            return;
        };
        work.change(channel, |delivery| delivery.next_attempt_at = until);
        self.wait_for_person(id, channel);
    }

    /// They have not said that it is done, and their time is soon over. Nothing has
    /// changed but that; the record of it is what tells them.
    pub(super) fn remind(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.remind(channel, turn.now);
        self.wait_for_person(id, channel);
        self.dirty.insert(id);
    }

    fn wait_for_person(&mut self, id: DistributionId, channel: Channel) {
        let delivery = self.works.get(&id).and_then(|work| work.distribution.delivery(channel));
        if let Some(at) = delivery.and_then(Delivery::due_at) {
            self.set_alarm(id, channel, at);
        }
    }

    /// The time is over. Whether the person did it without saying so is not
    /// known; what they were asked to say is what counts.
    pub(super) fn not_done(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let detail = Text::new(
            "Nobody finished it in time, or nobody said so. Send it again if it is still wanted; first make sure that \
             it was not posted after all.",
            "기한 안에 완료되지 않았거나 완료 알림이 없었습니다. 이미 게시되지 않았는지 확인한 뒤 필요하면 다시 보내 주세요.",
        );
        let why = cause::EXPIRED.because(detail);
        self.fail(id, channel, Phase::Rejected, Some(why), turn);
        self.dirty.insert(id);
    }
}
