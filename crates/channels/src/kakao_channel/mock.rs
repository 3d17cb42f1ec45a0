//! What Kakao Channel gives in mock mode.

use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::ResultFields;
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;

use crate::mock::token;

/// `messageId`.
pub fn mock_receipt(
    _request: &DistributeRequest,
    delivery_id: DeliveryId,
    generation: u32,
    _now: Timestamp,
) -> ResultFields {
    ResultFields {
        message_id: Some(format!("mock-kakao-{}", token(delivery_id, generation))),
        ..ResultFields::default()
    }
}
