//! What an operator has ordered of a channel's breaker: kept, so that every
//! replica obeys it and a restart forgets nothing.

use jiff::Timestamp;

use super::BreakerAction;
use crate::channel::Channel;

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerOrder {
    /// Whose breaker.
    pub channel: Channel,
    /// What.
    pub action: BreakerAction,
    /// Who ordered it: a name for people.
    pub actor: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}
