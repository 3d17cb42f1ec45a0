//! What a Kakao brand message of the bubble type IMAGE accepts, as NHN Cloud
//! documents it (TOAST-DOCS/Alimtalk, `ko/friendtalkupgrade-api-guide.md`).
//!
//! Who receives it, whether they consented, and the night hours are not checked
//! here; they depend on the tenant's settings and on the hour of sending.

use jiff::Timestamp;

use super::code;
use super::rule::{Checks, units};
use crate::channel::{Channel, Mode};
use crate::compose::{Invented, kakao_channel};
use crate::fault::Fault;
use crate::request::{DistributeRequest, KakaoButton};

/// Longest message in characters, counted as UTF-16 units; NHN Cloud \[V\].
pub const MESSAGE_MAX: usize = 1_300;
/// Line breaks of one message; NHN Cloud \[V\].
pub const NEWLINES_MAX: usize = 99;
/// Buttons of one message; NHN Cloud \[V\].
pub const BUTTONS_MAX: usize = 5;
/// Longest name of a button in characters, counted as UTF-16 units; NHN Cloud \[V\].
pub const BUTTON_NAME_MAX: usize = 14;
/// Image formats by file extension; NHN Cloud \[V\].
pub const IMAGE_FORMATS: [&str; 3] = ["jpg", "jpeg", "png"];

/// Everything that keeps Kakao Channel from serving `request`.
pub fn check(request: &DistributeRequest, mode: Mode, _now: Timestamp) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::KakaoChannel);
    match &request.content_urls.image_url {
        Some(url) => checks.format("/contentUrls/imageUrl", url, &IMAGE_FORMATS),
        None => checks.required(
            "/contentUrls/imageUrl",
            ("a picture in contentUrls.imageUrl", "이미지(contentUrls.imageUrl)"),
        ),
    }
    let options = request.channel_options.kakao_channel.as_ref();
    let pointer = match options.and_then(|options| options.message.as_ref()) {
        Some(_) => checks.option("message"),
        None if request.content.body.is_none() && request.content.title.is_some() => "/content/title".to_owned(),
        None => "/content/body".to_owned(),
    };
    match kakao_channel::message(request, &mut Invented::new(mode)) {
        Some(message) => check_message(&mut checks, &pointer, &message),
        None if mode == Mode::Live => checks.required(
            pointer,
            (
                "a message in content.body or channelOptions.KakaoChannel.message",
                "메시지(content.body 또는 channelOptions.KakaoChannel.message)",
            ),
        ),
        None => {}
    }
    if let Some(options) = options {
        check_buttons(&mut checks, &options.buttons);
    }
    checks.into_faults()
}

fn check_message(checks: &mut Checks, pointer: &str, message: &str) {
    checks.at_most(
        pointer,
        code::TOO_LONG,
        (units(message), MESSAGE_MAX),
        ("characters in a message", "메시지는", "자"),
    );
    checks.at_most(
        pointer,
        code::TOO_MANY_LINES,
        (message.matches('\n').count(), NEWLINES_MAX),
        ("line breaks in a message", "메시지의 줄바꿈은", "번"),
    );
}

fn check_buttons(checks: &mut Checks, buttons: &[KakaoButton]) {
    let pointer = checks.option("buttons");
    checks.at_most(
        &pointer,
        code::TOO_MANY,
        (buttons.len(), BUTTONS_MAX),
        ("buttons", "버튼은", "개"),
    );
    for (place, button) in buttons.iter().enumerate() {
        checks.at_most(
            &format!("{pointer}/{place}/name"),
            code::TOO_LONG,
            (units(&button.name), BUTTON_NAME_MAX),
            ("characters on a button", "버튼 이름은", "자"),
        );
    }
}
