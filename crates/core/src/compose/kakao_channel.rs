//! What Kakao Channel is sent: a picture, a message and buttons.
//!
//! The advertising mark `(광고)`, the sender and the opt-out that the law wants are
//! not composed here: they are put around the message where it is live ([`Frame`]), and
//! replace a mark that the message bears itself. A mock is given the message as it was
//! written. Nor are recipients known here: `recipient_list_ref` only names their list.

use serde::Serialize;

use super::{Invented, invented_text, joined, title_and_body};
use crate::request::{DistributeRequest, KakaoButton};
use crate::validate::kakao_channel::Frame;

/// What stands on the button that `content.link` becomes.
const LINK_BUTTON: &str = "자세히 보기";

/// What Kakao Channel is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KakaoChannelContent {
    /// A JPEG or PNG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Where a tap on the picture leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_link: Option<String>,
    /// The text below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The request's, or else one for `content.link`.
    pub buttons: Vec<KakaoButton>,
    /// The tenant's list of consenting recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_list_ref: Option<String>,
}

impl KakaoChannelContent {
    /// As people get it: what the law wants is put around the message.
    #[must_use]
    pub fn framed(self, frame: &Frame) -> Self {
        Self {
            message: self.message.map(|message| frame.around(&message)),
            ..self
        }
    }
}

pub(super) fn compose(request: &DistributeRequest, invented: &mut Invented) -> KakaoChannelContent {
    let options = request.channel_options.kakao_channel.clone().unwrap_or_default();
    let link = request.content.link.clone();
    let buttons = match &link {
        Some(url) if options.buttons.is_empty() => vec![KakaoButton {
            name: LINK_BUTTON.to_owned(),
            url: url.clone(),
        }],
        _ => options.buttons,
    };
    KakaoChannelContent {
        image_url: request.content_urls.image_url.clone(),
        image_link: link,
        message: message(request, invented),
        buttons,
        recipient_list_ref: options.recipient_list_ref,
    }
}

/// The whole message; none where there is no text for one.
pub(crate) fn message(request: &DistributeRequest, invented: &mut Invented) -> Option<String> {
    let own = request.channel_options.kakao_channel.as_ref();
    let text = own
        .and_then(|options| options.message.as_deref())
        .map(|text| joined(std::iter::once(text)))
        .or_else(|| title_and_body(request));
    invented.or(text, "/message", || invented_text(request))
}
