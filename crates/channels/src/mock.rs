//! The receipts of mock mode.
//!
//! A mock's ids follow from the delivery and its generation alone: running it
//! again, after a crash or on another node, gives the same ones, which is what
//! makes repeating it harmless. Every id says that it is a mock's, and every
//! link is on `.invalid`, a domain that never resolves (RFC 2606), so that
//! neither can be mistaken for a real one.

use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{genie_tv, instagram, kakao_channel, naver_blog, ringo_biz, wooridongne_tv};

/// What the mock of `channel` answers to one generation of a delivery at `now`.
///
/// The state is the one that the real channel's first answer would have: a post
/// or a tone is live at once, while advertisements and messages are only
/// accepted, and are seen later.
pub fn receipt(
    channel: Channel,
    request: &DistributeRequest,
    delivery_id: DeliveryId,
    generation: u32,
    now: Timestamp,
) -> Receipt {
    let (state, mock): (_, MockReceipt) = match channel {
        Channel::WooridongneTV => (ChannelState::Accepted, wooridongne_tv::mock_receipt),
        Channel::RingoBiz => (ChannelState::Live, ringo_biz::mock_receipt),
        Channel::GenieTV => (ChannelState::Accepted, genie_tv::mock_receipt),
        Channel::Instagram => (ChannelState::Live, instagram::mock_receipt),
        Channel::NaverBlog => (ChannelState::Live, naver_blog::mock_receipt),
        Channel::KakaoChannel => (ChannelState::Accepted, kakao_channel::mock_receipt),
    };
    Receipt {
        state,
        fields: mock(request, delivery_id, generation, now),
    }
}

type MockReceipt = fn(&DistributeRequest, DeliveryId, u32, Timestamp) -> ResultFields;

/// Sixteen hexadecimal digits for one generation of a delivery; the same for the
/// same, others for any other. A delivery belongs to one channel, so that no two
/// channels share them either.
pub(crate) fn token(delivery_id: DeliveryId, generation: u32) -> String {
    let id = Uuid::new_v5(&delivery_id.0, &generation.to_be_bytes());
    let mut token = id.simple().to_string();
    token.truncate(16);
    token
}

#[cfg(test)]
mod tests {
    use fanfare_core::ids::EventId;
    use fanfare_core::request::ContentUrls;
    use serde_json::{Value, json};

    use super::*;

    fn request() -> DistributeRequest {
        DistributeRequest {
            event_id: EventId::new("evt-1"),
            channels: Channel::ALL.to_vec(),
            content_urls: ContentUrls::default(),
            content: fanfare_core::request::Content::default(),
            channel_options: fanfare_core::request::ChannelOptions::default(),
            scheduled_at: None,
            on_invalid: fanfare_core::request::OnInvalid::default(),
            allow_repeat: false,
        }
    }

    fn fields(channel: Channel, delivery: u128, generation: u32) -> Value {
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let id = DeliveryId(Uuid::from_u128(delivery));
        serde_json::to_value(receipt(channel, &request(), id, generation, now)).unwrap()
    }

    #[test]
    fn each_channel_gives_the_contract_s_fields_and_no_other() {
        for (channel, expected) in [
            (Channel::WooridongneTV, &["distributionId", "estimatedViews"][..]),
            (Channel::RingoBiz, &["updateTimestamp"]),
            (Channel::GenieTV, &["adId", "impressionSchedule"]),
            (Channel::Instagram, &["postUrl", "postId"]),
            (Channel::NaverBlog, &["postUrl"]),
            (Channel::KakaoChannel, &["messageId"]),
        ] {
            let value = fields(channel, 1, 0);
            let mut names: Vec<&str> = expected.to_vec();
            names.push("state");
            names.sort_unstable();
            let found: Vec<&String> = value.as_object().unwrap().keys().collect();
            assert_eq!(found, names, "{channel}");
        }
    }

    #[test]
    fn the_same_generation_gives_the_same_and_another_gives_others() {
        for channel in Channel::ALL {
            let first = fields(channel, 1, 1);
            assert_eq!(first, fields(channel, 1, 1), "{channel}");
            // A ring-back tone has no id, only a time.
            if channel != Channel::RingoBiz {
                assert_ne!(first, fields(channel, 1, 2), "{channel}");
                assert_ne!(first, fields(channel, 2, 1), "{channel}");
            }
        }
    }

    #[test]
    fn nothing_can_be_mistaken_for_a_real_post() {
        for channel in [Channel::Instagram, Channel::NaverBlog] {
            let value = fields(channel, 1, 0);
            let url = value["postUrl"].as_str().unwrap();
            let host = url.strip_prefix("https://").unwrap().split('/').next().unwrap();
            assert!(host.ends_with(".mock.invalid"), "{url}");
        }
        for (channel, field) in [
            (Channel::WooridongneTV, "distributionId"),
            (Channel::GenieTV, "adId"),
            (Channel::Instagram, "postId"),
            (Channel::KakaoChannel, "messageId"),
        ] {
            let value = fields(channel, 1, 0);
            assert!(value[field].as_str().unwrap().starts_with("mock-"), "{channel}");
        }
    }

    #[test]
    fn the_values_are_the_contract_s() {
        assert_eq!(fields(Channel::WooridongneTV, 1, 0)["estimatedViews"], json!(1000));
        assert_eq!(
            fields(Channel::RingoBiz, 1, 0)["updateTimestamp"],
            json!("2026-11-22T18:00:00+09:00")
        );
        assert_eq!(
            fields(Channel::GenieTV, 1, 0)["impressionSchedule"],
            json!("2026-11-23/2026-11-29 00:00-24:00 KST 1100000000 1428/day")
        );
    }
}
