//! `[hand_off]`.

use fanfare_channels::secret::Secret;
use serde::{Deserialize, Serialize};

use super::as_stars;

/// Posts that a person puts on their blog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandOff {
    /// What the pages' addresses are signed with. Absent, it is made once and
    /// kept in `data_dir`; nodes that share a database need the same one. Shown
    /// as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_stars")]
    pub key: Option<Secret>,
    /// How long a person has, in days.
    pub valid_days: u32,
}

impl Default for HandOff {
    fn default() -> Self {
        Self {
            key: None,
            valid_days: 7,
        }
    }
}
