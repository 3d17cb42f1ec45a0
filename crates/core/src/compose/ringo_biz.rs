//! What 링고비즈 is sent: a sound, and whose ring-back tone it becomes.

use serde::Serialize;

use super::Invented;
use crate::phone::Phone;
use crate::request::DistributeRequest;

/// The number of a mock that was given none; plainly nobody's.
const MOCK_NUMBER: &str = "070-0000-0000";

/// What 링고비즈 is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RingoBizContent {
    /// The line, as it is dialled in Korea, with hyphens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The line in E.164; absent where the number can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number_e164: Option<String>,
    /// The sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_url: Option<String>,
}

pub(super) fn compose(request: &DistributeRequest, invented: &mut Invented) -> RingoBizContent {
    let options = request.channel_options.ringo_biz.as_ref();
    let given = options.and_then(|options| options.phone_number.clone());
    let number = invented.or(given, "/phoneNumber", || MOCK_NUMBER.to_owned());
    let phone = number.as_deref().and_then(|text| Phone::parse(text).ok());
    let (national, e164) = match phone {
        Some(phone) => (Some(phone.national), Some(phone.e164)),
        None => (number, None),
    };
    RingoBizContent {
        phone_number: national,
        phone_number_e164: e164,
        audio_url: request.content_urls.audio_url.clone(),
    }
}
