//! What 링고비즈 accepts.
//!
//! That the number was verified for its tenant is not checked here: who
//! verified what is the service's knowledge.

use jiff::Timestamp;

use super::code;
use super::rule::Checks;
use crate::channel::{Channel, Mode};
use crate::fault::Fault;
use crate::phone::Phone;
use crate::request::DistributeRequest;

/// Audio formats by file extension; our proposal \[D\], after telephony's norms.
pub const AUDIO_FORMATS: [&str; 2] = ["mp3", "wav"];

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
