//! A redrive of many deliveries at once: which it is about, and which of those are
//! not sent again, and why.
//!
//! What the engine would refuse, or a person has decided otherwise, is said before
//! anybody asks it. The engine still decides each by itself (`engine/ask.rs`): what
//! is said here may have changed by then. Deliberately absent: how they are found
//! (the stores) and in which steps they are asked for (the service).

use jiff::Timestamp;

use crate::cause::Cause;
use crate::channel::Channel;
use crate::delivery::DeliveryStatus;
use crate::ids::{DistributionId, EventId};
use crate::text::Text;

/// Which deliveries a redrive is about; every given condition must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveFilter {
    /// To one of these channels; to any where none is named.
    pub channels: Vec<Channel>,
    /// For one of these causes; for any where none is named.
    pub causes: Vec<&'static Cause>,
    /// Of this event.
    pub event_id: Option<EventId>,
    /// That came to stand as they do at or after.
    pub since: Option<Timestamp>,
    /// That came to stand as they do before.
    pub until: Option<Timestamp>,
}

/// A delivery that failed, or whose outcome is unknown, and what bears on sending
/// it again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub struct FailedDelivery {
    /// Whose share it is.
    pub distribution: DistributionId,
    /// What is announced.
    pub event_id: EventId,
    /// Where.
    pub channel: Channel,
    /// FAILED or `NEEDS_REVIEW`.
    pub status: DeliveryStatus,
    /// Why; empty where that is not known.
    pub code: String,
    /// Since when it stands so.
    pub since: Timestamp,
    /// It was called off while it was under way, and then failed.
    pub called_off: bool,
    /// Another distribution holds the event's claim on the channel.
    pub is_claimed: bool,
    /// A later distribution of the event chose the channel, too.
    pub is_superseded: bool,
    /// Something of its distribution moves.
    pub moves: bool,
    /// It was heard, too late to be recorded, that the channel took its last
    /// generation: then a redrive makes it SUCCESS and sends nothing.
    pub is_known_live: bool,
}

/// Why a delivery is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// It may be live: a person looks, and resolves it.
    OutcomeUnknown,
    /// Sending the same again can't help.
    NotRetryable,
    /// A person called it off.
    CalledOff,
    /// Another distribution holds the claim.
    ClaimHeld,
    /// A later distribution of the event has the say.
    Superseded,
    /// Its distribution moves: its time comes.
    StillMoving,
    /// The channel is not called at the moment.
    ChannelHeld,
    /// The channel is behind with what is there already.
    ChannelBehind,
    /// Its tenant may not spend that much.
    SpendCap,
    /// Another node has it and did not let it go.
    OwnedElsewhere,
    /// It has changed since it was looked for.
    Changed,
}

impl Obstacle {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OutcomeUnknown,
        Self::NotRetryable,
        Self::CalledOff,
        Self::ClaimHeld,
        Self::Superseded,
        Self::StillMoving,
        Self::ChannelHeld,
        Self::ChannelBehind,
        Self::SpendCap,
        Self::OwnedElsewhere,
        Self::Changed,
    ];

    /// What stands in a delivery's way, by what is known of it. A cause that this
    /// program does not know is taken for one that sending again can't help.
    pub fn of(delivery: &FailedDelivery) -> Option<Self> {
        let retryable = Cause::of(&delivery.code).is_some_and(|cause| cause.retryable);
        let in_the_way = [
            (delivery.status != DeliveryStatus::Failed, Self::OutcomeUnknown),
            (delivery.called_off, Self::CalledOff),
            (delivery.is_claimed, Self::ClaimHeld),
            (delivery.is_superseded, Self::Superseded),
            (!retryable && !delivery.is_known_live, Self::NotRetryable),
            (delivery.moves, Self::StillMoving),
        ];
        let first = in_the_way.iter().find(|(stands, _)| *stands);
        first.map(|(_, obstacle)| *obstacle)
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotRetryable => "not_retryable",
            Self::CalledOff => "called_off",
            Self::ClaimHeld => "claim_held",
            Self::Superseded => "superseded",
            Self::StillMoving => "still_moving",
            Self::ChannelHeld => "channel_held",
            Self::ChannelBehind => "channel_behind",
            Self::SpendCap => "spend_cap_exceeded",
            Self::OwnedElsewhere => "owned_elsewhere",
            Self::Changed => "changed",
        }
    }

    /// What that is and what to do.
    pub fn text(self) -> Text {
        let (en, ko) = match self {
            Self::OutcomeUnknown => (
                "Whether it took effect is not known. Look at the channel and say so (`resolve`); what is then \
                 FAILED can be redriven.",
                "반영 여부를 알 수 없습니다. 채널을 확인해 결정(`resolve`)해 주세요. 그 결과 FAILED가 되면 다시 보낼 수 있습니다.",
            ),
            Self::NotRetryable => (
                "Sending the same again can't help. Correct what its code names, then distribute it anew.",
                "같은 내용을 다시 보내도 성공할 수 없습니다. 코드가 가리키는 부분을 고쳐 새로 배포해 주세요.",
            ),
            Self::CalledOff => (
                "It was called off by a person. If it is wanted after all, retry it by itself.",
                "담당자가 취소한 건입니다. 다시 필요하면 해당 건만 따로 재시도해 주세요.",
            ),
            Self::ClaimHeld => (
                "Another distribution holds this channel for the event already; nothing is to be done.",
                "같은 이벤트의 다른 배포가 이미 이 채널을 맡고 있어 할 일이 없습니다.",
            ),
            Self::Superseded => (
                "A later distribution of the same event went to this channel, too; only the latest is redriven.",
                "같은 이벤트를 이 채널로 보낸 더 최근의 배포가 있습니다. 가장 최근 배포만 다시 보냅니다.",
            ),
            Self::StillMoving => (
                "Other channels of its distribution are under way. Redrive it again in a moment.",
                "같은 배포의 다른 채널이 아직 진행 중입니다. 잠시 후 다시 시도해 주세요.",
            ),
            Self::ChannelHeld => (
                "The channel is not called at the moment (its breaker is open, sending is stopped, or it is not \
                 configured). Redrive it once it is called again.",
                "현재 이 채널을 호출하지 않습니다(차단기 열림, 발송 중지 또는 설정 누락). 다시 호출할 수 있을 때 재시도해 주세요.",
            ),
            Self::ChannelBehind => (
                "The channel is behind with what was accepted before. Redrive it again in a minute.",
                "이 채널에 앞서 접수된 요청이 밀려 있습니다. 1분쯤 뒤에 다시 시도해 주세요.",
            ),
            Self::SpendCap => (
                "It would cost more than may be spent on this channel. Have the operator raise the cap (spend_caps), \
                 then redrive it again.",
                "이 채널에 쓸 수 있는 금액을 넘습니다. 운영자가 한도(spend_caps)를 올린 뒤 다시 시도해 주세요.",
            ),
            Self::OwnedElsewhere => (
                "Another node is working on its distribution. Redrive it again in a moment.",
                "다른 노드가 이 배포를 처리하고 있습니다. 잠시 후 다시 시도해 주세요.",
            ),
            Self::Changed => (
                "It has changed since it was looked for; nothing was done. Look anew.",
                "조회한 뒤에 상태가 바뀌어 아무것도 하지 않았습니다. 다시 조회해 주세요.",
            ),
        };
        Text::new(en, ko)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::cause;

    fn failed(code: &str) -> FailedDelivery {
        FailedDelivery {
            distribution: DistributionId(Uuid::nil()),
            event_id: EventId::new("evt-1"),
            channel: Channel::Instagram,
            status: DeliveryStatus::Failed,
            code: code.to_owned(),
            since: Timestamp::UNIX_EPOCH,
            called_off: false,
            is_claimed: false,
            is_superseded: false,
            moves: false,
            is_known_live: false,
        }
    }

    #[test]
    fn what_failed_for_a_cause_that_passes_is_sent_again() {
        for cause in cause::ALL {
            let expected = (!cause.retryable).then_some(Obstacle::NotRetryable);
            assert_eq!(Obstacle::of(&failed(cause.code)), expected, "{}", cause.code);
        }
        assert_eq!(Obstacle::of(&failed("of_tomorrow")), Some(Obstacle::NotRetryable));
    }

    #[test]
    fn one_thing_in_the_way_is_enough_and_doubt_comes_first() {
        let mut delivery = failed(cause::CHANNEL_UNAVAILABLE.code);
        assert_eq!(Obstacle::of(&delivery), None);
        let expect = |delivery: &FailedDelivery, expected| assert_eq!(Obstacle::of(delivery), Some(expected));
        delivery.moves = true;
        expect(&delivery, Obstacle::StillMoving);
        delivery.is_superseded = true;
        expect(&delivery, Obstacle::Superseded);
        delivery.is_claimed = true;
        expect(&delivery, Obstacle::ClaimHeld);
        delivery.called_off = true;
        expect(&delivery, Obstacle::CalledOff);
        delivery.status = DeliveryStatus::NeedsReview;
        expect(&delivery, Obstacle::OutcomeUnknown);
    }

    #[test]
    fn what_is_known_to_be_live_is_settled_whatever_its_cause_was() {
        let mut delivery = failed(cause::CONTENT_REJECTED.code);
        delivery.is_known_live = true;
        assert_eq!(Obstacle::of(&delivery), None);
    }

    #[test]
    fn every_obstacle_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Obstacle::ALL.iter().map(|obstacle| obstacle.name()).collect();
        assert_eq!(names.len(), Obstacle::ALL.len());
    }
}
