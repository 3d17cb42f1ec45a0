//! What is said of a channel that is live and is to be taken down, or was. The first
//! and the last stand beside SUCCESS: it is live all the while.

use super::{Actor, Cause};

/// It is live, and is being taken down.
pub const WITHDRAW_REQUESTED: Cause = Cause {
    code: "withdraw_requested",
    actor: Actor::Nobody,
    retryable: false,
    availability: false,
    en: "It is live, and is being taken down on the channel, as was asked. That goes on by itself.",
    ko: "현재 게시되어 있으며, 요청에 따라 채널에서 내리는 중입니다. 자동으로 이어집니다.",
};

/// It was live, and is not any more.
pub const WITHDRAWN: Cause = Cause {
    code: "withdrawn",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "It was live, and was taken down on the channel, as was asked. It can be announced there again.",
    ko: "게시되었다가 요청에 따라 채널에서 내려졌습니다. 이 채널에 다시 게시할 수 있습니다.",
};

/// It stays live.
pub const WITHDRAWAL_FAILED: Cause = Cause {
    code: "withdrawal_failed",
    actor: Actor::Owner,
    retryable: false,
    availability: false,
    en: "It is still live: it could not be taken down from here. Take it down on the channel itself, or mend what \
         the channel names and ask for the withdrawal again.",
    ko: "아직 게시되어 있습니다. 이 서비스에서 내리지 못했습니다. 채널에서 직접 삭제하거나, 안내된 문제를 해결한 뒤 다시 \
         내리기를 요청해 주세요.",
};
