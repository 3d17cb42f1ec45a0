//! A message to many people, in numbers: what became of it for how many of them.
//!
//! Deliberately absent: who they are. No number leaves the list that it is on (I20).

use serde::{Deserialize, Serialize};

/// How many people, by what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecipientCounts {
    /// The channel took it for them; what is neither `delivered` nor `failed` of these
    /// is not known yet.
    // Earlier versions wrote neither it nor `capped`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sent: u32,
    /// It arrived.
    pub delivered: u32,
    /// It did not arrive.
    pub failed: u32,
    /// The channel refused them at once.
    pub refused: u32,
    /// Their consent is not proved, or they want nothing.
    pub blocked: u32,
    /// They have been sent as much lately as the frequency cap allows.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub capped: u32,
    /// They were never sent it, since sending had to be given up.
    pub not_sent: u32,
}
