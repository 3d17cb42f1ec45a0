//! What people are told of a channel's failures: the causes of the core's table
//! that a channel can show.

use fanfare_core::cause;
use fanfare_core::delivery::Failure;

/// The channel could not be reached, or says that it is out of order.
pub(crate) fn unavailable() -> Failure {
    cause::CHANNEL_UNAVAILABLE.failure()
}

/// Something was sent, and no clear answer came.
pub(crate) fn outcome_unknown() -> Failure {
    cause::OUTCOME_UNKNOWN.failure()
}

/// The channel refuses our credentials.
pub(crate) fn auth_expired() -> Failure {
    cause::AUTH_EXPIRED.failure()
}

/// The credentials are good for something else.
pub(crate) fn permission_denied() -> Failure {
    cause::PERMISSION_DENIED.failure()
}

/// The channel refuses the text or the form.
pub(crate) fn content_rejected() -> Failure {
    cause::CONTENT_REJECTED.failure()
}

/// The channel refuses the picture, the film or the sound.
pub(crate) fn media_rejected() -> Failure {
    cause::MEDIA_REJECTED.failure()
}

/// The channel asks to be called less often.
pub(crate) fn rate_limited() -> Failure {
    cause::RATE_LIMITED.failure()
}

/// The channel takes no more for today.
pub(crate) fn quota_exhausted() -> Failure {
    cause::QUOTA_EXHAUSTED.failure()
}

/// The channel has restricted the account.
pub(crate) fn account_restricted() -> Failure {
    cause::ACCOUNT_RESTRICTED.failure()
}

/// The channel took it, looked at it, and said no.
pub(crate) fn declined() -> Failure {
    failure(
        "declined",
        "The channel reviewed the advertisement and declined it; it is not shown and costs nothing. Change what the \
         channel names, then retry or distribute it anew.",
        "채널이 심사 후 광고를 거절했습니다. 노출되지 않으며 비용도 발생하지 않습니다. 안내된 사유를 고친 뒤 다시 \
         시도해 주세요.",
    )
}

/// The channel has no airtime left for what was asked.
pub(crate) fn no_inventory() -> Failure {
    failure(
        "no_inventory",
        "The channel has no airtime left for this region and schedule. Choose other days, times or another region, \
         then distribute it anew.",
        "선택한 지역과 기간에 남은 광고 시간이 없습니다. 날짜, 시간대 또는 지역을 바꿔 다시 배포해 주세요.",
    )
}

/// Nobody has shown that the line belongs to who asks.
pub(crate) fn number_not_verified() -> Failure {
    failure(
        "number_not_verified",
        "The telephone number is not verified for this tenant, so its tone is not touched. The operator adds verified \
         numbers in the configuration (channels.ringo_biz.verified_numbers), then retry.",
        "이 계정에 확인되지 않은 전화번호라서 통화 연결음을 바꾸지 않았습니다. 운영자가 번호를 확인해 설정에 추가하면 \
         다시 시도해 주세요.",
    )
}

/// The number is none of the channel's lines.
pub(crate) fn line_not_found() -> Failure {
    failure(
        "line_not_found",
        "The telephone number has no ring-back tone service at the channel. Check the number, or subscribe the line, \
         then retry.",
        "이 전화번호는 통화 연결음 서비스에 가입되어 있지 않습니다. 번호를 확인하거나 서비스에 가입한 뒤 다시 시도해 \
         주세요.",
    )
}

/// What answers at the channel's address is not the channel.
pub(crate) fn misconfigured() -> Failure {
    cause::CHANNEL_MISCONFIGURED.failure()
}
