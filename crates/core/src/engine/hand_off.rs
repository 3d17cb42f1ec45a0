//! What is handed to a person to finish, and how long they have: then it has
//! failed, and its hold on the event is free for a redrive.
//!
//! That it is done is said through `ask.rs`. How a person is told is not decided
//! here.

use jiff::Timestamp;

use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{DeliveryStatus, Failure, Phase};
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
        let Some(until) = until else { return };
        if let Some(work) = self.works.get_mut(&id) {
            work.change(channel, |delivery| delivery.next_attempt_at = Some(until));
            self.set_alarm(id, channel, until);
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
