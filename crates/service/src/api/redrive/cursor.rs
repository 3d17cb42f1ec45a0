//! Where a redrive goes on: an opaque cursor, which a dry run gives out first.
//!
//! It holds the time of the dry run, the last distribution that was asked for, and a
//! mark of the filter: a real run takes what had failed by that time and no more, and
//! one that was given for another filter, or made up, is refused. It grants nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::redrive::RedriveFilter;
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::cursor::{MARK_BYTES, mark};
use crate::api::error::ApiError;

/// Of the layout below; the cursors of lists have another one.
const VERSION: u8 = 2;

/// How far a redrive has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// When the dry run looked, in microseconds since the epoch.
    pub(super) as_of: i64,
    /// All distributions up to this one were asked for.
    pub(super) after: Option<DistributionId>,
}

/// Shows where the next step begins.
pub(super) fn write(place: Place, tenant: &TenantId, filter: &RedriveFilter) -> String {
    let after = place.after.map_or(Uuid::nil(), |id| id.0);
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&place.as_of.to_be_bytes());
    bytes.extend_from_slice(after.as_bytes());
    bytes.extend_from_slice(&mark_of(tenant, filter));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where the next step begins.
pub(super) fn read(cursor: &str, tenant: &TenantId, filter: &RedriveFilter) -> Result<Place, ApiError> {
    decode(cursor, mark_of(tenant, filter)).ok_or(ApiError::BadCursor)
}

fn decode(cursor: &str, expected: [u8; MARK_BYTES]) -> Option<Place> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (as_of, rest) = rest.split_first_chunk::<8>()?;
    let (after, mark) = rest.split_first_chunk::<16>()?;
    if *version != VERSION || mark != expected {
        return None;
    }
    let as_of = i64::from_be_bytes(*as_of);
    Timestamp::from_microsecond(as_of).ok()?;
    let after = Uuid::from_bytes(*after);
    Some(Place {
        as_of,
        after: (!after.is_nil()).then_some(DistributionId(after)),
    })
}

fn mark_of(tenant: &TenantId, filter: &RedriveFilter) -> [u8; MARK_BYTES] {
    let mut channels: Vec<_> = filter.channels.iter().map(|channel| channel.name()).collect();
    let mut codes: Vec<_> = filter.causes.iter().map(|cause| cause.code).collect();
    // In whatever order, and however often, they were named.
    for words in [&mut channels, &mut codes] {
        words.sort_unstable();
        words.dedup();
    }
    mark([
        Some(tenant.to_string()),
        Some(channels.join(" ")),
        Some(codes.join(" ")),
        filter.event_id.as_ref().map(ToString::to_string),
        filter.since.map(|since| since.to_string()),
        filter.until.map(|until| until.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use fanfare_core::cause;
    use fanfare_core::channel::Channel;

    use super::*;

    #[test]
    fn it_leads_back_under_its_own_filter_and_tenant_only() {
        let tenant = TenantId::default();
        let filter = RedriveFilter {
            channels: vec![Channel::Instagram, Channel::NaverBlog],
            causes: vec![&cause::CHANNEL_UNAVAILABLE],
            ..RedriveFilter::default()
        };
        for after in [None, Some(DistributionId(Uuid::from_u128(7)))] {
            let place = Place {
                as_of: 1_700_000_000_000_001,
                after,
            };
            let cursor = write(place, &tenant, &filter);
            assert_eq!(read(&cursor, &tenant, &filter).unwrap(), place);
            let mut same = filter.clone();
            same.channels.reverse();
            assert_eq!(read(&cursor, &tenant, &same).unwrap(), place);
            let mut wider = filter.clone();
            wider.causes.clear();
            assert!(read(&cursor, &tenant, &wider).is_err());
            assert!(read(&cursor, &TenantId::new("other"), &filter).is_err());
            for forged in ["", "Ag", "%%%", &cursor[..cursor.len() - 2], &format!("{cursor}AAAA")] {
                assert!(read(forged, &tenant, &filter).is_err(), "{forged}");
            }
        }
    }
}
