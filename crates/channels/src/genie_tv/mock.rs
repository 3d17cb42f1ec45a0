//! The mock of 지니TV.

use fanfare_core::channel::{Channel, Mode};
use fanfare_core::compose::{ChannelContent, compose};
use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::ResultFields;
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;

use crate::mock::token;

/// `adId`, and the `impressionSchedule` that follows from region, schedule and
/// budget, given or invented.
pub fn mock_receipt(
    request: &DistributeRequest,
    delivery_id: DeliveryId,
    generation: u32,
    now: Timestamp,
) -> ResultFields {
    let composed = compose(request, Channel::GenieTV, Mode::Mock, now);
    let impression_schedule = match composed.content {
        ChannelContent::GenieTV(content) => content.impression_schedule,
        ChannelContent::WooridongneTV(_)
        | ChannelContent::RingoBiz(_)
        | ChannelContent::Instagram(_)
        | ChannelContent::NaverBlog(_)
        | ChannelContent::KakaoChannel(_) => None,
    };
    ResultFields {
        ad_id: Some(format!("mock-ad-{}", token(delivery_id, generation))),
        impression_schedule,
        ..ResultFields::default()
    }
}
