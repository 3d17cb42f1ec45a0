//! What 링고비즈 accepts.
//!
//! Whose number it is, is checked apart, and in live mode only: who verified what
//! is the operator's knowledge, and comes with the settings.

use jiff::Timestamp;

use super::code;
use super::rule::Checks;
use crate::channel::{Channel, Mode};
use crate::fault::Fault;
use crate::ids::TenantId;
use crate::phone::Phone;
use crate::request::DistributeRequest;
use crate::text::Text;
use crate::verified::VerifiedNumbers;

/// Audio formats by file extension; our proposal \[D\], after telephony's norms.
pub const AUDIO_FORMATS: [&str; 2] = ["mp3", "wav"];
/// Longest tone, in seconds; our proposal \[D\]. It is read of the sound itself.
pub const AUDIO_SECONDS_MAX: u64 = 60;

/// Everything that keeps 링고비즈 from serving `request`.
pub fn check(request: &DistributeRequest, mode: Mode, _now: Timestamp) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::RingoBiz);
    match &request.content_urls.audio_url {
        Some(url) => checks.format("/contentUrls/audioUrl", url, &AUDIO_FORMATS),
        None => checks.required(
            "/contentUrls/audioUrl",
            (
                "the tone's sound in contentUrls.audioUrl",
                "통화 연결음 음원(contentUrls.audioUrl)",
            ),
        ),
    }
    let options = request.channel_options.ringo_biz.as_ref();
    let pointer = checks.option("phoneNumber");
    match options.and_then(|options| options.phone_number.as_deref()) {
        Some(number) => {
            if let Err(error) = Phone::parse(number) {
                checks.fault(pointer, code::BAD_PHONE_NUMBER, error.text());
            }
        }
        None if mode == Mode::Live => checks.required(
            pointer,
            (
                "the line's number in channelOptions.RingoBiz.phoneNumber",
                "연결음을 바꿀 전화번호(channelOptions.RingoBiz.phoneNumber)",
            ),
        ),
        None => {}
    }
    checks.into_faults()
}

/// A tone is replaced only on a line that was verified for who asks. A number
/// that can't be read is another fault.
pub(super) fn check_verified(
    request: &DistributeRequest,
    verified: &VerifiedNumbers,
    tenant: &TenantId,
) -> Option<Fault> {
    let options = request.channel_options.ringo_biz.as_ref()?;
    let phone = Phone::parse(options.phone_number.as_deref()?).ok()?;
    if verified.holds(tenant, &phone.e164) {
        return None;
    }
    let number = &phone.national;
    let detail = Text::new(
        format!(
            "{number} is not among the lines that were verified for you; its tone is not touched. Ask the operator to \
             verify it."
        ),
        format!(
            "{number} 번호는 확인된 회선이 아니므로 통화 연결음을 바꿀 수 없습니다. 운영자에게 번호 확인을 요청해 주세요."
        ),
    );
    let pointer = format!("/channelOptions/{}/phoneNumber", Channel::RingoBiz);
    Some(Fault::new(pointer, code::NUMBER_NOT_VERIFIED, detail).of(Channel::RingoBiz))
}
