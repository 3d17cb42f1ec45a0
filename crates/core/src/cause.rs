//! Why a delivery did not succeed, or is held back: one stable code a cause, who
//! must act, whether trying again can help, and what people are told.
//!
//! The one table of it. Results, notices, the breaker and `docs/failures.md` are
//! made from it. Deliberately absent: what is wrong with a request (`validate`,
//! its codes stand beside a JSON pointer), and which answer of a channel means
//! which cause: its client says that.

mod all;
mod media;
mod withdrawal;

pub use self::all::ALL;
pub use self::media::{MEDIA_CHANGED, MEDIA_REJECTED, MEDIA_UNAVAILABLE};
pub use self::withdrawal::{WITHDRAW_REQUESTED, WITHDRAWAL_FAILED, WITHDRAWN};
use crate::delivery::{DeliveryStatus, Failure};
use crate::text::Text;

/// Who must do something, so that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody: it goes on by itself, or nothing is left to do.
    Nobody,
    /// Who sent the request.
    Caller,
    /// Whose shop it is: the owner of the channel's account.
    Owner,
    /// Who runs the service.
    Operator,
}

impl Actor {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Caller => "caller",
            Self::Owner => "owner",
            Self::Operator => "operator",
        }
    }
}

/// One cause.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// A stable word.
    pub code: &'static str,
    /// Who must do something.
    pub actor: Actor,
    /// Whether sending the same again can help: by itself, or once the actor has
    /// done what is said.
    pub retryable: bool,
    /// Whether it shows that the channel cannot be reached or is out of order:
    /// the breaker counts these, and no others.
    pub availability: bool,
    /// What happened and what to do.
    pub en: &'static str,
    /// The same in Korean.
    pub ko: &'static str,
}

impl Cause {
    /// The cause of that code; `None` for one that this program does not know.
    pub fn of(code: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|cause| cause.code == code)
    }

    /// Who must act where a delivery stands so: what goes on by itself stops
    /// doing so when it has failed, and what is in doubt becomes a person's.
    pub fn actor_at(&self, status: DeliveryStatus) -> Actor {
        match status {
            DeliveryStatus::NeedsReview => Actor::Operator,
            DeliveryStatus::ActionRequired => Actor::Owner,
            DeliveryStatus::Failed if self.actor == Actor::Nobody && self.retryable => Actor::Caller,
            _ => self.actor,
        }
    }

    /// In the table's own words.
    pub fn failure(&'static self) -> Failure {
        self.because(self.text())
    }

    /// In words that say more of this case.
    pub fn because(&'static self, detail: Text) -> Failure {
        Failure::new(self.code, detail)
    }

    /// The table's own words.
    pub fn text(&self) -> Text {
        Text::new(self.en, self.ko)
    }
}

/// The channel could not be reached, or says that it is out of order.
pub const CHANNEL_UNAVAILABLE: Cause = Cause {
    code: "channel_unavailable",
    actor: Actor::Nobody,
    retryable: true,
    availability: true,
    en: "The channel could not be reached or is out of order. It is tried again by itself.",
    ko: "채널에 연결할 수 없거나 채널이 장애 상태입니다. 자동으로 다시 시도합니다.",
};

/// Something was sent, and no clear answer came.
pub const OUTCOME_UNKNOWN: Cause = Cause {
    code: "outcome_unknown",
    actor: Actor::Nobody,
    retryable: false,
    availability: true,
    en: "The channel was called and gave no clear answer. Whether it took effect is being found out; do \
         not post it yourself.",
    ko: "채널을 호출했지만 명확한 응답을 받지 못했습니다. 반영 여부를 확인하고 있으니 직접 게시하지 마세요.",
};

/// No clear answer had come, and a look-up proved that nothing took effect.
pub const FOUND_ABSENT: Cause = Cause {
    code: "found_absent",
    actor: Actor::Nobody,
    retryable: true,
    availability: true,
    en: "No clear answer of the channel's was heard, and a look since has shown that nothing took effect there. It is \
         tried again by itself.",
    ko: "채널의 분명한 응답을 받지 못해 확인해 보니 채널에 반영되지 않았습니다. 자동으로 다시 시도합니다.",
};

/// The breaker holds the channel's calls back.
pub const BREAKER_OPEN: Cause = Cause {
    code: "breaker_open",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "The channel is not called at the moment because its last calls failed, or because an operator \
         said so. It goes on by itself.",
    ko: "최근 호출이 계속 실패했거나 운영자가 중지하여 채널 호출을 잠시 멈췄습니다. 자동으로 이어집니다.",
};

/// An operator has stopped sending.
pub const SENDING_STOPPED: Cause = Cause {
    code: "sending_stopped",
    actor: Actor::Operator,
    retryable: true,
    availability: false,
    en: "Sending is stopped at the moment. It goes on by itself as soon as the operator lets it.",
    ko: "현재 발송이 중지되어 있습니다. 운영자가 다시 시작하면 자동으로 이어집니다.",
};

/// The channel refuses our credentials.
pub const AUTH_EXPIRED: Cause = Cause {
    code: "auth_expired",
    actor: Actor::Owner,
    retryable: true,
    availability: false,
    en: "The channel refused our credentials. Renew the account's access token, then retry.",
    ko: "채널이 인증 정보를 거부했습니다. 채널 계정의 액세스 토큰을 갱신한 뒤 다시 시도해 주세요.",
};

/// The credentials are good for something else.
pub const PERMISSION_DENIED: Cause = Cause {
    code: "permission_denied",
    actor: Actor::Owner,
    retryable: true,
    availability: false,
    en: "The channel says that the account may not do this. Grant the permission that it names, then retry.",
    ko: "채널 계정에 필요한 권한이 없습니다. 안내된 권한을 허용한 뒤 다시 시도해 주세요.",
};

/// The channel has restricted the account.
pub const ACCOUNT_RESTRICTED: Cause = Cause {
    code: "account_restricted",
    actor: Actor::Owner,
    retryable: true,
    availability: false,
    en: "The channel has restricted the account. Its owner must settle that with the channel, then retry.",
    ko: "채널이 계정을 제한했습니다. 계정 소유자가 채널에서 제한을 해제한 뒤 다시 시도해 주세요.",
};

/// The channel refuses the text or the form.
pub const CONTENT_REJECTED: Cause = Cause {
    code: "content_rejected",
    actor: Actor::Caller,
    retryable: false,
    availability: false,
    en: "The channel refused the content. Change what it names, then distribute it anew.",
    ko: "채널이 콘텐츠를 거부했습니다. 안내된 부분을 고쳐 다시 배포해 주세요.",
};

/// A name in the request leads into some network.
pub const URL_NOT_ALLOWED: Cause = Cause {
    code: "url_not_allowed",
    actor: Actor::Caller,
    retryable: false,
    availability: false,
    en: "An address in the request is not on the public internet. Use a public one, or have the operator \
         allow its host, then distribute it anew.",
    ko: "요청에 적힌 주소가 공개 인터넷에 있지 않습니다. 공개 주소로 바꾸거나 운영자에게 허용을 요청한 뒤 다시 배포해 주세요.",
};

/// The request was wrong for this channel, and went to the others.
pub const VALIDATION_FAILED: Cause = Cause {
    code: "validation_failed",
    actor: Actor::Caller,
    retryable: false,
    availability: false,
    en: "The request does not fit this channel. Correct what is named, then distribute it anew.",
    ko: "요청 내용이 이 채널에 맞지 않습니다. 안내된 부분을 고쳐 다시 배포해 주세요.",
};

/// The channel asks to be called less often.
pub const RATE_LIMITED: Cause = Cause {
    code: "rate_limited",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "The channel asked to be called less often. It goes on by itself.",
    ko: "채널이 호출 빈도를 줄이라고 했습니다. 자동으로 이어집니다.",
};

/// The channel takes no more for today.
pub const QUOTA_EXHAUSTED: Cause = Cause {
    code: "quota_exhausted",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "The account has used up what the channel allows in a day. It goes on by itself when there is \
         room again.",
    ko: "채널 계정의 하루 게시 한도를 모두 사용했습니다. 한도가 다시 생기면 자동으로 이어집니다.",
};

/// Advertising is not allowed at this hour.
pub const NIGHT_HOURS: Cause = Cause {
    code: "night_hours",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "Advertisements may not be sent at night. It goes on by itself in the morning.",
    ko: "야간에는 광고를 보낼 수 없습니다. 아침에 자동으로 이어집니다.",
};

/// The owner posts it by hand.
pub const HAND_OFF: Cause = Cause {
    code: "hand_off",
    actor: Actor::Owner,
    retryable: false,
    availability: false,
    en: "All is prepared, and the owner of the account must publish it by hand.",
    ko: "게시할 내용이 모두 준비되었습니다. 계정 소유자가 직접 게시해 주세요.",
};

/// The channel took it, and its review refused it later.
pub const DECLINED: Cause = Cause {
    code: "declined",
    actor: Actor::Caller,
    retryable: true,
    availability: false,
    en: "The channel reviewed the advertisement and declined it; it is not shown and costs nothing. \
         Change what the channel names, then retry or distribute it anew.",
    ko: "채널이 심사 후 광고를 거절했습니다. 노출되지 않으며 비용도 발생하지 않습니다. 안내된 사유를 고친 뒤 다시 시도해 주세요.",
};

/// The channel had taken it, and it has come to nothing since.
pub const TAKEN_BACK: Cause = Cause {
    code: "taken_back",
    actor: Actor::Caller,
    retryable: true,
    availability: false,
    en: "The channel had taken it, and it was declined or cancelled there since. Look at the channel for why, and for what \
         was shown or charged before; retry it if it is still wanted.",
    ko: "채널이 접수했지만 이후 채널에서 거절되거나 취소되었습니다. 사유와 그동안의 노출 및 비용은 채널에서 확인하시고, 필요하면 다시 \
         시도해 주세요.",
};

/// The channel has nothing left to sell for that time and place.
pub const NO_INVENTORY: Cause = Cause {
    code: "no_inventory",
    actor: Actor::Caller,
    retryable: false,
    availability: false,
    en: "The channel has no airtime left for this region and schedule. Choose other days, times or \
         another region, then distribute it anew.",
    ko: "선택한 지역과 기간에 남은 광고 시간이 없습니다. 날짜, 시간대 또는 지역을 바꿔 다시 배포해 주세요.",
};

/// The channel knows no line of that number.
pub const LINE_NOT_FOUND: Cause = Cause {
    code: "line_not_found",
    actor: Actor::Owner,
    retryable: true,
    availability: false,
    en: "The telephone number has no ring-back tone service at the channel. Check the number, or \
         subscribe the line, then retry.",
    ko: "이 전화번호는 통화 연결음 서비스에 가입되어 있지 않습니다. 번호를 확인하거나 서비스에 가입한 뒤 다시 시도해 주세요.",
};

/// The number was not verified for its shop.
pub const NUMBER_NOT_VERIFIED: Cause = Cause {
    code: "number_not_verified",
    actor: Actor::Operator,
    retryable: true,
    availability: false,
    en: "The telephone number is not verified for this tenant, so its tone is not touched. The operator \
         adds verified numbers in the configuration (channels.ringo_biz.verified_numbers), then retry.",
    ko: "이 계정에 확인되지 않은 전화번호라서 통화 연결음을 바꾸지 않았습니다. 운영자가 번호를 확인해 설정에 추가하면 다시 시도해 주세요.",
};

/// Nobody who may be sent anything.
pub const NO_CONSENTED_RECIPIENTS: Cause = Cause {
    code: "no_consented_recipients",
    actor: Actor::Owner,
    retryable: true,
    availability: false,
    en: "Nobody on the recipient list may be sent advertising: each needs a recorded consent (who, when, how) that is \
         neither withdrawn nor older than two years. Import the list anew with its evidence, then retry.",
    ko: "수신자 목록에 광고를 보낼 수 있는 사람이 없습니다. 수신 동의 증빙(누가, 언제, 어떻게)이 있고 철회되지 않았으며 \
         2년 이내에 확인된 수신자가 필요합니다. 증빙과 함께 목록을 다시 등록한 뒤 재시도해 주세요.",
};

/// Everybody who may be sent it has been sent as much lately as the sender promises.
pub const FREQUENCY_CAP_REACHED: Cause = Cause {
    code: "frequency_cap_reached",
    actor: Actor::Owner,
    retryable: true,
    availability: false,
    en: "Everybody on the recipient list who may be sent advertising has been sent as many messages lately as the \
         frequency cap allows (channels.kakao_channel.frequency_cap), so nobody was sent this one. Retry when some days \
         have passed.",
    ko: "광고를 받을 수 있는 수신자 모두가 최근에 허용된 횟수만큼 메시지를 받아 이번에는 아무에게도 보내지 않았습니다. 며칠 뒤에 다시 \
         시도해 주세요.",
};

/// No list, or one that is not the tenant's.
pub const RECIPIENT_LIST_UNKNOWN: Cause = Cause {
    code: "recipient_list_unknown",
    actor: Actor::Caller,
    retryable: true,
    availability: false,
    en: "There is no such recipient list. Name one in channelOptions.KakaoChannel.recipientListRef, or have the \
         operator import it (fanfare recipients import) or set channels.kakao_channel.recipient_list, then retry.",
    ko: "수신자 목록을 찾을 수 없습니다. channelOptions.KakaoChannel.recipientListRef를 확인하거나 운영자에게 목록 등록을 \
         요청한 뒤 다시 시도해 주세요.",
};

/// The list is there and can't be read now.
pub const RECIPIENT_LIST_UNREADABLE: Cause = Cause {
    code: "recipient_list_unreadable",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "The recipient list could not be read. The service's log says why; it is tried again by itself.",
    ko: "수신자 목록을 읽지 못했습니다. 원인은 서비스 로그에 있으며 자동으로 다시 시도합니다.",
};

/// The channel refused every single recipient, or reached none.
pub const NO_RECIPIENT_REACHED: Cause = Cause {
    code: "no_recipient_reached",
    actor: Actor::Owner,
    retryable: false,
    availability: false,
    en: "The channel reached none of the recipients. They may not be friends of the Kakao channel, or have blocked it.",
    ko: "메시지를 받은 수신자가 없습니다. 카카오톡 채널 친구가 아니거나 채널을 차단했을 수 있습니다.",
};

/// The channel does not know the sender.
pub const SENDER_REJECTED: Cause = Cause {
    code: "sender_rejected",
    actor: Actor::Operator,
    retryable: true,
    availability: false,
    en: "The channel does not know the sender key, or refuses it. Check channels.kakao_channel.sender_key, then retry.",
    ko: "채널이 발신 키를 거부했습니다. 설정의 channels.kakao_channel.sender_key를 확인한 뒤 다시 시도해 주세요.",
};

/// What answers at the channel's address is not the channel.
pub const CHANNEL_MISCONFIGURED: Cause = Cause {
    code: "channel_misconfigured",
    actor: Actor::Operator,
    retryable: true,
    availability: false,
    en: "What answers at the channel's address is not its API. Check its base_url in the configuration, \
         then retry.",
    ko: "채널 주소에서 응답한 것이 채널 API가 아닙니다. 설정의 base_url을 확인한 뒤 다시 시도해 주세요.",
};

/// The channel is set to live, and something that it needs is missing.
pub const CHANNEL_NOT_CONFIGURED: Cause = Cause {
    code: "channel_not_configured",
    actor: Actor::Operator,
    retryable: true,
    availability: false,
    en: "The channel is not configured. Set what is named, then retry.",
    ko: "채널 설정이 완료되지 않았습니다. 안내된 값을 설정한 뒤 다시 시도해 주세요.",
};

/// Nothing answers at the channel's address; shown of a channel, not of a delivery.
pub const CHANNEL_UNREACHABLE: Cause = Cause {
    code: "channel_unreachable",
    actor: Actor::Operator,
    retryable: true,
    availability: true,
    en: "Nothing answers at the channel's address. Check its base_url and the network.",
    ko: "채널 주소에서 응답이 없습니다. base_url 설정과 네트워크를 확인해 주세요.",
};

/// The request names a later time.
pub const SCHEDULED: Cause = Cause {
    code: "scheduled",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "It waits for the time that the request names.",
    ko: "요청한 예약 시각을 기다리고 있습니다.",
};

/// This service is being restarted, or has lost touch with its database.
pub const SERVICE_RESTARTING: Cause = Cause {
    code: "service_restarting",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "The service is being restarted; this goes on in a moment.",
    ko: "서비스를 다시 시작하고 있습니다. 잠시 후 이어서 진행됩니다.",
};

/// A later request that allows a repeat holds the channel now.
pub const TAKEN_OVER: Cause = Cause {
    code: "taken_over",
    actor: Actor::Nobody,
    retryable: false,
    availability: false,
    en: "A later request that allows a repeat has taken this channel over.",
    ko: "반복을 허용한 이후 요청이 이 채널을 대신 맡았습니다.",
};

/// It was called off before it was sent.
pub const CANCELLED: Cause = Cause {
    code: "cancelled",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "It was called off, and nothing was published. Retry it if it is wanted after all.",
    ko: "요청에 따라 취소되어 게시되지 않았습니다. 다시 필요하면 재시도해 주세요.",
};

/// It was called off while the channel was being called.
pub const CANCEL_REQUESTED: Cause = Cause {
    code: "cancel_requested",
    actor: Actor::Nobody,
    retryable: false,
    availability: false,
    en: "It was called off when the channel was already being called. That is not interrupted: it comes to its \
         end, may still be published, and is not tried again.",
    ko: "취소 요청을 받았지만 이미 채널을 호출하고 있었습니다. 진행 중인 호출은 중단하지 않고 끝까지 확인하며, 게시될 수도 \
         있습니다. 다시 시도하지는 않습니다.",
};

/// It has been tried, or held back, for too long.
pub const EXPIRED: Cause = Cause {
    code: "expired",
    actor: Actor::Caller,
    retryable: true,
    availability: false,
    en: "Tried for too long without success. Send it again if it is still wanted.",
    ko: "오랫동안 시도했지만 성공하지 못했습니다. 아직 필요하다면 다시 보내 주세요.",
};

/// It would go beyond what its tenant may spend.
pub const SPEND_CAP_EXCEEDED: Cause = Cause {
    code: "spend_cap_exceeded",
    actor: Actor::Operator,
    retryable: true,
    availability: false,
    en: "It would cost more than may be spent on this channel, so it was not sent. Lower the budget, or have the \
         operator raise the cap (spend_caps), then send it again.",
    ko: "이 채널에 쓸 수 있는 금액을 넘어 보내지 않았습니다. 예산을 줄이거나 운영자가 한도(spend_caps)를 올린 뒤 다시 보내 주세요.",
};

/// A person looked, and it is not there.
pub const NOT_LIVE: Cause = Cause {
    code: "not_live",
    actor: Actor::Caller,
    retryable: true,
    availability: false,
    en: "Somebody looked and did not find it. Send it again if it is still wanted.",
    ko: "확인한 결과 게시되지 않았습니다. 아직 필요하다면 다시 보내 주세요.",
};
