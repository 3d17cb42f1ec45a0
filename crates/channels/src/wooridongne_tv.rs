//! The client of 우리동네TV. So far its mock; KT publishes no API for it.

use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::ResultFields;
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;

use crate::mock::token;

/// How many people a mock expects to see an event; the contract's figure.
const MOCK_ESTIMATED_VIEWS: u64 = 1_000;

/// `distributionId` and `estimatedViews`.
pub fn mock_receipt(
    _request: &DistributeRequest,
    delivery_id: DeliveryId,
    generation: u32,
    _now: Timestamp,
) -> ResultFields {
    ResultFields {
        distribution_id: Some(format!("mock-wd-{}", token(delivery_id, generation))),
        estimated_views: Some(MOCK_ESTIMATED_VIEWS),
        ..ResultFields::default()
    }
}
