//! Where the protocol stands between two steps. It is stored with the delivery,
//! so its form is kept readable for later versions.

use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure;

/// What is done, and what the next step needs of it: the channel's ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Stage {
    /// There is an order without a line.
    Ordered { order: String },
    /// The line is a draft.
    Lined { order: String, line: String },
    /// There is something to show, which no line shows yet.
    Shown {
        order: String,
        line: String,
        creative: String,
    },
    /// The line can be booked, or an unclear booking is being looked up.
    Ready { order: String, line: String },
    /// The channel reviews it.
    Booking(Booking),
}

/// A booking that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Booking {
    pub(super) order: String,
    pub(super) line: String,
    /// When the channel took it.
    pub(super) since: Timestamp,
    /// Since when its state can't be read; nothing while it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unread_since: Option<Timestamp>,
}

impl Stage {
    /// The delivery's; `None` before the first step has ended.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Failure> {
        let Some(checkpoint) = &call.delivery.checkpoint else {
            return Ok(None);
        };
        match Self::deserialize(&checkpoint.0) {
            Ok(stage) => Ok(Some(stage)),
            Err(error) => Err(failure::outcome_unknown().said(&format!("unreadable checkpoint: {error}"))),
        }
    }
}

impl From<Stage> for Checkpoint {
    fn from(stage: Stage) -> Self {
        Self(serde_json::json!(stage))
    }
}
