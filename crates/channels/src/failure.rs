//! What people are told of a channel's failures: one stable code a cause, in
//! both languages.

use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;

/// The channel could not be reached, or says that it is out of order.
pub(crate) fn unavailable() -> Failure {
    failure(
        "channel_unavailable",
        "The channel could not be reached or is out of order. It is tried again by itself.",
        "채널에 연결할 수 없거나 채널이 장애 상태입니다. 자동으로 다시 시도합니다.",
    )
}

/// Something was sent, and no clear answer came.
pub(crate) fn outcome_unknown() -> Failure {
    failure(
        "outcome_unknown",
        "The channel was called and gave no clear answer. Whether it took effect is being found out; do not post it \
         yourself.",
        "채널을 호출했지만 명확한 응답을 받지 못했습니다. 반영 여부를 확인하고 있으니 직접 게시하지 마세요.",
    )
}

/// The channel refuses our credentials.
pub(crate) fn auth_expired() -> Failure {
    failure(
        "auth_expired",
        "The channel refused our credentials. Renew its access token in the configuration, then retry.",
        "채널이 인증 정보를 거부했습니다. 설정의 액세스 토큰을 갱신한 뒤 다시 시도해 주세요.",
    )
}

/// The credentials are good for something else.
pub(crate) fn permission_denied() -> Failure {
    failure(
        "permission_denied",
        "The channel says that the account may not do this. Grant the permission that it names, then retry.",
        "채널 계정에 필요한 권한이 없습니다. 안내된 권한을 허용한 뒤 다시 시도해 주세요.",
    )
}

/// The channel refuses the text or the form.
pub(crate) fn content_rejected() -> Failure {
    failure(
        "content_rejected",
        "The channel refused the content. Change what it names, then distribute it anew.",
        "채널이 콘텐츠를 거부했습니다. 안내된 부분을 고쳐 다시 배포해 주세요.",
    )
}

/// The channel refuses the picture, the film or the sound.
pub(crate) fn media_rejected() -> Failure {
    failure(
        "media_rejected",
        "The channel refused the media file, or could not fetch it. Check the file and its address, then distribute it \
         anew.",
        "채널이 미디어 파일을 거부했거나 내려받지 못했습니다. 파일과 주소를 확인한 뒤 다시 배포해 주세요.",
    )
}

/// The channel asks to be called less often.
pub(crate) fn rate_limited() -> Failure {
    failure(
        "rate_limited",
        "The channel asked to be called less often. It goes on by itself.",
        "채널이 호출 빈도를 줄이라고 했습니다. 자동으로 이어집니다.",
    )
}

/// The channel takes no more for today.
pub(crate) fn quota_exhausted() -> Failure {
    failure(
        "quota_exhausted",
        "The account has used up what the channel allows in a day. It goes on by itself when there is room again.",
        "채널 계정의 하루 게시 한도를 모두 사용했습니다. 한도가 다시 생기면 자동으로 이어집니다.",
    )
}

/// The channel has restricted the account.
pub(crate) fn account_restricted() -> Failure {
    failure(
        "account_restricted",
        "The channel has restricted the account. Its owner must settle that with the channel, then retry.",
        "채널이 계정을 제한했습니다. 계정 소유자가 채널에서 제한을 해제한 뒤 다시 시도해 주세요.",
    )
}

/// What answers at the channel's address is not the channel.
pub(crate) fn misconfigured() -> Failure {
    failure(
        "channel_misconfigured",
        "What answers at the channel's address is not its API. Check its base_url in the configuration, then retry.",
        "채널 주소에서 응답한 것이 채널 API가 아닙니다. 설정의 base_url을 확인한 뒤 다시 시도해 주세요.",
    )
}

fn failure(code: &'static str, en: &str, ko: &str) -> Failure {
    Failure::new(code, Text::new(en, ko))
}
