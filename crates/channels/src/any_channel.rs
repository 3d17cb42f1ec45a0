//! Any channel, through a company's own gateway: one path for all six, by the
//! gateway contract (`gateway.rs`), chosen by `protocol = "gateway"`.

use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::compose::compose;
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::contract::remote_id;
use crate::gateway::Shape;

/// `POST /v1/deliveries`, and `GET` with `externalId`.
pub const SHAPE: Shape = Shape {
    path: &["v1", "deliveries"],
    body,
    receipt,
    // What its receipt holds may be the channel's own name, and not the gateway's.
    withdrawn_by: None,
};

fn body(call: &Call, now: Timestamp) -> Value {
    let request = &call.request.request;
    let channel = call.delivery.channel;
    json!({
        "channel": channel,
        "eventId": request.event_id,
        "content": compose(request, channel, Mode::Live, now).content,
    })
}

/// `deliveryId` must be there; it stands for the channel's own id where the
/// gateway does not give that too.
fn receipt(channel: Channel, item: &Value) -> Option<Receipt> {
    let id = remote_id(item, "deliveryId")?;
    let mut fields = ResultFields::deserialize(item).ok()?;
    match channel {
        Channel::WooridongneTV => _ = fields.distribution_id.get_or_insert(id),
        Channel::GenieTV => _ = fields.ad_id.get_or_insert(id),
        Channel::Instagram => _ = fields.post_id.get_or_insert(id),
        Channel::KakaoChannel => _ = fields.message_id.get_or_insert(id),
        // They have a time and a link, and no id.
        Channel::RingoBiz | Channel::NaverBlog => {}
    }
    Some(Receipt {
        state: ChannelState::Accepted,
        fields,
    })
}
