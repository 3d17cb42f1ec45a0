//! The mock of 링고비즈.

use fanfare_core::ids::DeliveryId;
use fanfare_core::korea::KOREA;
use fanfare_core::receipt::ResultFields;
use fanfare_core::request::DistributeRequest;
use jiff::Timestamp;

/// `updateTimestamp`, in Korean time: a tone has no id, replacing it again with
/// the same sound changes nothing but this.
pub fn mock_receipt(
    _request: &DistributeRequest,
    _delivery_id: DeliveryId,
    _generation: u32,
    now: Timestamp,
) -> ResultFields {
    let replaced_at = now.display_with_offset(KOREA);
    ResultFields {
        update_timestamp: Some(replaced_at.to_string()),
        ..ResultFields::default()
    }
}
