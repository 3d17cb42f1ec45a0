//! What is kept of the sound between the look at it and the call. It stays in the
//! delivery's row, as the record of what was sent, so its form is kept readable for
//! later versions; earlier ones never look.

use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure;

/// The sound was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename = "heard", rename_all = "camelCase")]
pub(super) struct Sound {
    /// Of its file, in 64 hexadecimal digits.
    pub(super) sha256: String,
}

impl Sound {
    /// The delivery's; `None` before it was looked at.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Failure> {
        let Some(checkpoint) = &call.delivery.checkpoint else {
            return Ok(None);
        };
        match Self::deserialize(&checkpoint.0) {
            Ok(sound) => Ok(Some(sound)),
            Err(error) => Err(failure::outcome_unknown().said(&format!("unreadable checkpoint: {error}"))),
        }
    }
}

impl From<Sound> for Checkpoint {
    fn from(sound: Sound) -> Self {
        Self(json!(sound))
    }
}
