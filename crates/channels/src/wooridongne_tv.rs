//! 우리동네TV: what it is sent, what it gives, and its mock.
//!
//! KT publishes no API for it. Live, it is called by the gateway contract
//! (`gateway.rs`), which is our own proposal.

use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::compose::compose;
use fanfare_core::engine::Call;
use fanfare_core::ids::DeliveryId;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contract::remote_id;
use crate::gateway::Shape;
use crate::mock::token;

/// How many people a mock expects to see an event; the contract's figure.
const MOCK_ESTIMATED_VIEWS: u64 = 1_000;

/// `POST /v1/distributions`, `GET` with `externalId`, and `DELETE` below it.
pub const SHAPE: Shape = Shape {
    path: &["v1", "distributions"],
    body,
    receipt,
    withdrawn_by: Some(|receipt| receipt.fields.distribution_id.as_deref()),
};

fn body(call: &Call, now: Timestamp) -> Value {
    let composed = compose(&call.request.request, call.delivery.channel, Mode::Live, now);
    json!(composed.content)
}

fn receipt(_channel: Channel, item: &Value) -> Option<Receipt> {
    Some(Receipt {
        state: ChannelState::Accepted,
        fields: ResultFields {
            distribution_id: Some(remote_id(item, "distributionId")?),
            estimated_views: item.get("estimatedViews").and_then(Value::as_u64),
            ..ResultFields::default()
        },
    })
}

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
