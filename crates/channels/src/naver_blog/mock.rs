//! What the blog gives in mock mode.

use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::ResultFields;
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;

use crate::mock::token;

/// `postUrl`.
pub fn mock_receipt(
    _request: &DistributeRequest,
    delivery_id: DeliveryId,
    generation: u32,
    _now: Timestamp,
) -> ResultFields {
    let token = token(delivery_id, generation);
    ResultFields {
        post_url: Some(format!("https://blog.naver.mock.invalid/mock/{token}")),
        ..ResultFields::default()
    }
}
