//! Where the protocol stands between two steps. It is stored with the delivery,
//! so its form is kept readable for later versions.

use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure;

/// What is done, and what the next step needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Stage {
    /// Meta fetches the picture into a container.
    Preparing {
        #[serde(flatten)]
        made: Made,
        /// When it was made.
        since: Timestamp,
    },
    /// The container can be published, or an unclear publish is being looked up.
    Ready {
        #[serde(flatten)]
        made: Made,
        /// When a look-up first found it unpublished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unpublished_at: Option<Timestamp>,
    },
    /// It is live.
    Published {
        media: String,
        /// Of the picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// When we heard of it.
        since: Timestamp,
    },
}

/// A container that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    pub(super) container: String,
    /// Of the picture that Meta was given: it stays in the delivery's row, as the
    /// record of what was sent. Absent in containers of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

impl Stage {
    pub(super) fn ready(made: Made) -> Self {
        Self::Ready {
            made,
            unpublished_at: None,
        }
    }

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A delivery may be on its way when the program is replaced, and replaced back.
    #[test]
    fn what_a_version_without_hashes_wrote_is_read_and_written_as_it_was() {
        let since = "2026-11-20T00:00:00Z";
        for stage in [
            json!({"stage": "preparing", "container": "1", "since": since}),
            json!({"stage": "ready", "container": "1"}),
            json!({"stage": "ready", "container": "1", "unpublishedAt": since}),
            json!({"stage": "published", "media": "2", "since": since}),
        ] {
            let read = Stage::deserialize(&stage).unwrap();
            assert_eq!(Checkpoint::from(read).0, stage);
        }
    }
}
