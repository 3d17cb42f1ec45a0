//! What 우리동네TV is sent: a medium, and where and when to show it.

use serde::Serialize;

use super::Invented;
use crate::region::Region;
use crate::request::{Daypart, DistributeRequest};
use crate::validate::wooridongne_tv::BUDGET_MIN;

/// Where a mock shows an event that names no region: 서울특별시 중구.
const MOCK_REGION: &str = "1114000000";

/// What 우리동네TV is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WooridongneTvContent {
    /// A film, or else a picture, or else a sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// Ten-digit codes in the numbering that is in force.
    pub regions: Vec<String>,
    /// Times of day in Korea; none means all day.
    pub time_slots: Vec<Daypart>,
    /// KRW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
}

pub(super) fn compose(request: &DistributeRequest, invented: &mut Invented) -> WooridongneTvContent {
    let urls = &request.content_urls;
    let media_url = urls
        .video_url
        .as_ref()
        .or(urls.image_url.as_ref())
        .or(urls.audio_url.as_ref());
    let options = request.channel_options.wooridongne_tv.clone().unwrap_or_default();
    let regions: Vec<String> = options.regions.iter().map(|text| code_in_force(text)).collect();
    let regions = (!regions.is_empty()).then_some(regions);
    WooridongneTvContent {
        media_url: media_url.cloned(),
        regions: invented
            .or(regions, "/regions", || vec![MOCK_REGION.to_owned()])
            .unwrap_or_default(),
        time_slots: options.time_slots,
        budget: invented.or(options.budget, "/budget", || BUDGET_MIN),
    }
}

/// What can't be read stays as it is, for the preview to show beside its fault.
pub(crate) fn code_in_force(text: &str) -> String {
    Region::parse(text).map_or_else(|_| text.to_owned(), |region| region.code)
}
