//! What people are told of a channel's failures: the causes of the core's table
//! that a channel can show.

use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::recipients::BlockedCounts;
use fanfare_core::text::Text;

/// The channel could not be reached, or says that it is out of order.
pub(crate) fn unavailable() -> Failure {
    cause::CHANNEL_UNAVAILABLE.failure()
}

/// Something was sent, and no clear answer came.
pub(crate) fn outcome_unknown() -> Failure {
    cause::OUTCOME_UNKNOWN.failure()
}

/// The same, with what was heard of it instead.
pub(crate) fn in_doubt(heard: Failure) -> Failure {
    Failure {
        channel_said: heard.channel_said,
        ..outcome_unknown()
    }
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

/// The channel says that the same was posted before.
pub(crate) fn repeated() -> Failure {
    cause::CONTENT_REJECTED.because(Text::new(
        "The channel refused this as a repetition of an earlier post. Look at the account whether that post will do; \
         otherwise change the text or the picture, then distribute it anew.",
        "채널이 이전 게시물과 같은 내용이라며 거부했습니다. 계정에서 이전 게시물을 확인하고, 새로 게시하려면 문구나 이미지를 바꿔 다시 배포해 \
         주세요.",
    ))
}

/// Where the file lies was out of reach for the channel.
pub(crate) fn media_unavailable() -> Failure {
    cause::MEDIA_UNAVAILABLE.failure()
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

/// The channel had taken it, and it is not there any more.
pub(crate) fn taken_back() -> Failure {
    cause::TAKEN_BACK.failure()
}

/// The channel took it, looked at it, and said no.
pub(crate) fn declined() -> Failure {
    cause::DECLINED.failure()
}

/// The channel has no airtime left for what was asked.
pub(crate) fn no_inventory() -> Failure {
    cause::NO_INVENTORY.failure()
}

/// Nobody has shown that the line belongs to who asks.
pub(crate) fn number_not_verified() -> Failure {
    cause::NUMBER_NOT_VERIFIED.failure()
}

/// The number is none of the channel's lines.
pub(crate) fn line_not_found() -> Failure {
    cause::LINE_NOT_FOUND.failure()
}

/// What answers at the channel's address is not the channel.
pub(crate) fn misconfigured() -> Failure {
    cause::CHANNEL_MISCONFIGURED.failure()
}

/// Nobody who may be sent anything, and what keeps most of those on the list.
pub(crate) fn no_consented_recipients(blocked: BlockedCounts) -> Failure {
    let mut failure = cause::NO_CONSENTED_RECIPIENTS.failure();
    if let Some((reason, count)) = blocked.most() {
        let (why, total) = (reason.text(), blocked.total());
        let Text { en, ko } = failure.detail;
        failure.detail = Text::new(
            format!("{en} What keeps most of them: {} ({count} of {total}).", why.en),
            format!("{ko} 가장 많은 이유: {}({total}명 중 {count}명).", why.ko),
        );
    }
    failure
}

/// Nobody who may be sent one more.
pub(crate) fn frequency_cap_reached() -> Failure {
    cause::FREQUENCY_CAP_REACHED.failure()
}

/// No list, or one that is not the tenant's.
pub(crate) fn recipient_list_unknown() -> Failure {
    cause::RECIPIENT_LIST_UNKNOWN.failure()
}

/// The list is there and can't be read now.
pub(crate) fn recipient_list_unreadable() -> Failure {
    cause::RECIPIENT_LIST_UNREADABLE.failure()
}

/// By night nobody is sent anything.
pub(crate) fn night_hours() -> Failure {
    cause::NIGHT_HOURS.failure()
}

/// The channel refused every single recipient, or reached none.
pub(crate) fn no_recipient_reached() -> Failure {
    cause::NO_RECIPIENT_REACHED.failure()
}

/// The channel does not know the sender.
pub(crate) fn sender_rejected() -> Failure {
    cause::SENDER_REJECTED.failure()
}
