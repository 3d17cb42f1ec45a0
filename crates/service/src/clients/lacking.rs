//! What keeps a live channel from being called: a setting, or a part of an account, that is
//! missing or refused, named so that whoever can mend it knows where.

use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;

use crate::accounts::account::Part;

/// Which key of the channel's table is missing or wrong, and what would be right.
pub(super) fn lacks(channel: Channel, key: &str, right: &str) -> Failure {
    let name = format!("channels.{}.{key}", channel.config_name().to_lowercase());
    lacks_setting(channel, &name, right)
}

/// The same of an account that a tenant has handed over: by another protocol, or to an
/// earlier version.
pub(super) fn own_lacks(channel: Channel, key: Part) -> Failure {
    let (key, korean) = (key.name(), channel.korean_name());
    let detail = Text::new(
        format!(
            "The account of this shop's own on {channel} lacks `{key}`, or it is refused. Hand the account over again \
             (PUT /api/channels/{channel}/account), then retry."
        ),
        format!(
            "{korean}에 등록된 이 가게의 계정에 `{key}` 값이 없거나 올바르지 않습니다. 계정을 다시 등록한 뒤\
             (PUT /api/channels/{channel}/account) 다시 시도해 주세요."
        ),
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}

/// The same of any setting, by its whole name.
pub(super) fn lacks_setting(channel: Channel, name: &str, right: &str) -> Failure {
    let variable = format!("FANFARE_{}", name.to_uppercase().replace('.', "__"));
    let detail = Text::new(
        format!("{channel} is set to live, but {name} ({variable}) is missing or refused: {right}."),
        format!(
            "{} 채널은 live로 설정되어 있지만 {name} ({variable}) 값이 없거나 올바르지 않습니다. 운영자에게 알려 주세요.",
            channel.korean_name()
        ),
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}

/// The picture must be made to fit, and a setting is missing for that.
pub(super) fn does_not_fit(name: &str, right: &str) -> Failure {
    let variable = format!("FANFARE_{}", name.to_uppercase().replace('.', "__"));
    let detail = Text::new(
        format!(
            "Instagram does not take this picture as it is, and to make it fit, {name} ({variable}) is needed: \
             {right}. Or use a JPEG of 320 to 1,440 pixels in width, 4:5 to 1.91:1, up to 8 MB."
        ),
        format!(
            "이 이미지는 Instagram 규격에 맞지 않으며, 자동으로 맞추려면 {name} ({variable}) 설정이 필요합니다. 운영자에게 알리거나, 너비 \
             320~1,440픽셀, 비율 4:5~1.91:1, 8MB 이하의 JPEG를 사용해 주세요."
        ),
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}
