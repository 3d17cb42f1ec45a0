//! Where a list goes on: an opaque cursor.
//!
//! It holds the last id that was shown and a mark of the filter, so that a
//! cursor that was made up, cut, or taken to another filter or tenant is
//! refused instead of giving a page that fits nothing. It grants nothing: what
//! is listed is decided by the caller and the filter alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::request::RequestHash;
use fanfare_ledger::Filter;
use uuid::Uuid;

use super::error::ApiError;

/// Of the layout below; another one begins with another number.
const VERSION: u8 = 1;

pub(super) const MARK_BYTES: usize = 8;

/// Shows where the page after `last` begins.
pub(super) fn write(last: DistributionId, tenant: &TenantId, filter: &Filter) -> String {
    let mut bytes = Vec::with_capacity(1 + 16 + MARK_BYTES);
    bytes.push(VERSION);
    bytes.extend_from_slice(last.0.as_bytes());
    bytes.extend_from_slice(&mark_of(tenant, filter));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The last id that was shown before.
pub(super) fn read(cursor: &str, tenant: &TenantId, filter: &Filter) -> Result<DistributionId, ApiError> {
    decode(cursor, mark_of(tenant, filter)).ok_or(ApiError::BadCursor)
}

fn decode(cursor: &str, expected: [u8; MARK_BYTES]) -> Option<DistributionId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (id, mark) = rest.split_at_checked(16)?;
    if *version != VERSION || mark != expected {
        return None;
    }
    Uuid::from_slice(id).ok().map(DistributionId)
}

fn mark_of(tenant: &TenantId, filter: &Filter) -> [u8; MARK_BYTES] {
    let event = filter.event_id.as_ref().map(ToString::to_string);
    let fields = [
        Some(tenant.to_string()),
        event,
        filter.status.map(|status| status.name().to_owned()),
        filter.channel.map(|channel| channel.name().to_owned()),
        filter.channel_status.map(|status| status.name().to_owned()),
        filter.from.map(|from| from.to_string()),
        filter.until.map(|until| until.to_string()),
    ];
    mark(fields)
}

/// Each field with its length, so that no two lists are written alike.
pub(super) fn mark(fields: impl IntoIterator<Item = Option<String>>) -> [u8; MARK_BYTES] {
    let mut text = String::new();
    for field in fields {
        match field {
            Some(field) => {
                text.push_str(&field.len().to_string());
                text.push(':');
                text.push_str(&field);
            }
            None => text.push('-'),
        }
    }
    let mut mark = [0; MARK_BYTES];
    mark.copy_from_slice(&RequestHash::of(&text).0[..MARK_BYTES]);
    mark
}

#[cfg(test)]
mod tests {
    use fanfare_core::channel::Channel;
    use fanfare_core::ids::EventId;

    use super::*;

    fn filter(event: &str) -> Filter {
        Filter {
            event_id: Some(EventId::new(event)),
            ..Filter::default()
        }
    }

    #[test]
    fn a_cursor_leads_back_to_its_id_under_its_own_filter_only() {
        let (tenant, id) = (TenantId::default(), DistributionId(Uuid::from_u128(7)));
        let cursor = write(id, &tenant, &filter("a"));
        assert_eq!(read(&cursor, &tenant, &filter("a")).unwrap(), id);
        assert!(read(&cursor, &tenant, &filter("b")).is_err());
        assert!(read(&cursor, &tenant, &Filter::default()).is_err());
        assert!(read(&cursor, &TenantId::new("other"), &filter("a")).is_err());
        let narrower = Filter {
            channel: Some(Channel::Instagram),
            ..filter("a")
        };
        assert!(read(&cursor, &tenant, &narrower).is_err());
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let (tenant, filter) = (TenantId::default(), Filter::default());
        let good = write(DistributionId(Uuid::from_u128(7)), &tenant, &filter);
        let cut = &good[..good.len() - 1];
        let longer = format!("{good}AAAA");
        let other_version = format!("Ag{}", &good[2..]);
        for forged in ["", "AQ", "%%%", "AQAA", cut, &longer, &other_version, "커서"] {
            assert!(read(forged, &tenant, &filter).is_err(), "{forged}");
        }
    }
}
