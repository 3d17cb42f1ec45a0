//! What the lists of every store in SQL go by: the time in an id, and which
//! deliveries are in the index of those that need attention. The statements are
//! each store's own.

use fanfare_core::delivery::DeliveryStatus;
use jiff::{SignedDuration, Timestamp};
use uuid::{Builder, Uuid};

/// How far the time in an id may be from the time of acceptance.
const SLACK: SignedDuration = SignedDuration::from_mins(1);

/// The condition of the schemas' index, in Rust.
pub(crate) const fn needs_attention(status: DeliveryStatus) -> bool {
    matches!(
        status,
        DeliveryStatus::Waiting
            | DeliveryStatus::NeedsReview
            | DeliveryStatus::ActionRequired
            | DeliveryStatus::Failed
            | DeliveryStatus::Cancelled
    )
}

/// A condition that holds where the column is one of these words of a closed set;
/// nothing where none is given.
pub(crate) fn any_of(column: &str, words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    if words.is_empty() {
        return String::new();
    }
    format!(" AND {column} IN ({})", words.join(", "))
}

/// No id of what was accepted at that time or later is less than this.
pub(crate) fn ids_from(time: Timestamp) -> Uuid {
    first_id(time.checked_sub(SLACK).unwrap_or(Timestamp::MIN))
}

/// All ids of what was accepted before that time are less than this.
pub(crate) fn ids_before(time: Timestamp) -> Uuid {
    first_id(time.checked_add(SLACK).unwrap_or(Timestamp::MAX))
}

/// The least id of that time.
fn first_id(time: Timestamp) -> Uuid {
    let millis = u64::try_from(time.as_millisecond()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
