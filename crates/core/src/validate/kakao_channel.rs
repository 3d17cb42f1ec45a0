//! What a Kakao brand message of the bubble type IMAGE accepts, as NHN Cloud
//! documents it (TOAST-DOCS/Alimtalk, `ko/friendtalkupgrade-api-guide.md`).
//!
//! Who receives it, whether they consented, and the night hours are not checked
//! here; they depend on the tenant's settings and on the hour of sending.

use jiff::Timestamp;

use super::code;
use super::rule::{Checks, units};
use crate::advertising::advertisement;
use crate::channel::{Channel, Mode};
use crate::compose::{Invented, kakao_channel};
use crate::decode::found::quoted;
use crate::fault::Fault;
use crate::picture::{Aspect, PictureKind, PictureRule};
use crate::request::{DistributeRequest, KakaoButton};
use crate::text::Text;

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
/// What the picture itself must be: its height is 0.5 to 1.333 of its width; NHN
/// Cloud \[V\].
pub const PICTURE: PictureRule = PictureRule {
    kinds: &[PictureKind::Jpeg, PictureKind::Png],
    bytes_max: 5_000_000,
    width_min: 500,
    width_max: u32::MAX,
    shapes: Some((Aspect(1_000, 1_333), Aspect(2, 1))),
};

/// What this service puts around a message that it sends itself, since the law
/// wants it: it counts against Kakao's limits, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// `(광고)` is put before it.
    pub label: bool,
    /// Whose advertising it is.
    pub sender: String,
    /// Where people opt out.
    pub opt_out: String,
}

impl Frame {
    /// A message as people get it.
    pub fn around(&self, message: &str) -> String {
        advertisement(message, self.label, &self.sender, &self.opt_out)
    }
}

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
    let pointer = pointer(request, &checks);
    match kakao_channel::message(request, &mut Invented::new(mode)) {
        Some(message) => {
            let found = (units(&message), message.matches('\n').count());
            check_message(&mut checks, &pointer, found, (MESSAGE_MAX, NEWLINES_MAX), &NOUNS);
        }
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

/// What keeps `request` from being sent with this around its message, although
/// the message alone would fit.
pub(super) fn check_framed(request: &DistributeRequest, frame: &Frame) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::KakaoChannel);
    let Some(message) = kakao_channel::message(request, &mut Invented::new(Mode::Live)) else {
        return Vec::new();
    };
    let whole = frame.around(&message);
    let count = |text: &str| (units(text), text.matches('\n').count());
    let ((own, lines), (all, all_lines)) = (count(&message), count(&whole));
    // What is too long alone is said already.
    let left = |most: usize, own: usize, all: usize| {
        if own > most {
            own
        } else {
            most.saturating_sub(all.saturating_sub(own))
        }
    };
    let most = (left(MESSAGE_MAX, own, all), left(NEWLINES_MAX, lines, all_lines));
    let pointer = pointer(request, &checks);
    check_message(&mut checks, &pointer, (own, lines), most, &NOUNS_FRAMED);
    checks.into_faults()
}

/// That there is no such list; where it is not `unknown` that the request names, nothing.
pub(super) fn check_list(request: &DistributeRequest, unknown: &str) -> Option<Fault> {
    let options = request.channel_options.kakao_channel.as_ref()?;
    let named = options
        .recipient_list_ref
        .as_deref()
        .filter(|named| *named == unknown)?;
    let found = quoted(named);
    let detail = Text::new(
        format!(
            "There is no recipient list {found}. Name one that was imported, or have the operator import it (fanfare \
             recipients import)."
        ),
        format!(
            "수신자 목록 {found}을(를) 찾을 수 없습니다. 등록된 목록 이름을 적거나 운영자에게 목록 등록을 요청해 주세요."
        ),
    );
    let pointer = format!("/channelOptions/{}/recipientListRef", Channel::KakaoChannel);
    Some(Fault::new(pointer, code::UNKNOWN_RECIPIENT_LIST, detail).of(Channel::KakaoChannel))
}

/// Where the message stands.
fn pointer(request: &DistributeRequest, checks: &Checks) -> String {
    let options = request.channel_options.kakao_channel.as_ref();
    match options.and_then(|options| options.message.as_ref()) {
        Some(_) => checks.option("message"),
        None if request.content.body.is_none() && request.content.title.is_some() => "/content/title".to_owned(),
        None => "/content/body".to_owned(),
    }
}

/// Of the characters and of the line breaks: in English, in Korean, and what they
/// are counted by.
type Nouns = [(&'static str, &'static str, &'static str); 2];

const NOUNS: Nouns = [
    ("characters in a message", "메시지는", "자"),
    ("line breaks in a message", "메시지의 줄바꿈은", "번"),
];

const NOUNS_FRAMED: Nouns = [
    (
        "characters in a message, beside the sender, the opt-out and any label that are added",
        "덧붙는 발신자·수신거부 안내(와 광고 표시)를 뺀 메시지는",
        "자",
    ),
    (
        "line breaks in a message, beside those that are added with the sender and the opt-out",
        "덧붙는 발신자·수신거부 안내를 뺀 메시지의 줄바꿈은",
        "번",
    ),
];

fn check_message(checks: &mut Checks, pointer: &str, found: (usize, usize), most: (usize, usize), nouns: &Nouns) {
    checks.at_most(pointer, code::TOO_LONG, (found.0, most.0), nouns[0]);
    checks.at_most(pointer, code::TOO_MANY_LINES, (found.1, most.1), nouns[1]);
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
