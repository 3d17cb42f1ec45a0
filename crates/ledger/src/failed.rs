//! Finds deliveries that failed, for redrives of many: what each is, and what bears
//! on sending it again.
//!
//! Nothing is decided by it: `fanfare_core::redrive` says what stands in the way of
//! each, and the engine has the last word.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};

use crate::store::StoreError;

/// Finds deliveries that failed.
#[async_trait]
pub trait FailedDeliveries: Send + Sync + 'static {
    /// The tenant's deliveries that stand so (FAILED or `NEEDS_REVIEW`) and that the
    /// filter names, oldest distribution first, those after `after` only. At most
    /// `limit`, but for those of one distribution, which stay together. An empty
    /// answer means that there are no more.
    async fn failed(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
        status: DeliveryStatus,
        after: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<FailedDelivery>, StoreError>;
}

/// How many rows to read, so that at least one distribution is whole among them.
pub(crate) fn rows_to_read(limit: usize) -> usize {
    limit.max(Channel::ALL.len()) + 1
}

/// What of the rows, in the order of their distributions, makes a page: no
/// distribution is parted.
pub(crate) fn page(mut rows: Vec<FailedDelivery>, limit: usize) -> Vec<FailedDelivery> {
    let mut whole = 0;
    for one in rows.chunk_by(|a, b| a.distribution == b.distribution) {
        let end = whole + one.len();
        // The last one may go on beyond the rows that were read.
        let may_be_cut = end == rows_to_read(limit);
        if may_be_cut || (end > limit && whole > 0) {
            break;
        }
        whole = end;
    }
    rows.truncate(whole);
    rows
}

#[cfg(test)]
mod tests {
    use fanfare_core::ids::EventId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    /// Distributions of so many deliveries each.
    fn rows(counts: &[usize]) -> Vec<FailedDelivery> {
        let row = |number: u128| FailedDelivery {
            distribution: DistributionId(Uuid::from_u128(number)),
            event_id: EventId::new("evt-1"),
            channel: Channel::Instagram,
            status: DeliveryStatus::Failed,
            code: String::new(),
            since: Timestamp::UNIX_EPOCH,
            called_off: false,
            is_claimed: false,
            is_superseded: false,
            moves: false,
            is_known_live: false,
        };
        let counts = (0..).zip(counts);
        counts
            .flat_map(|(number, count)| std::iter::repeat_n(row(number), *count))
            .collect()
    }

    #[test]
    fn a_page_parts_no_distribution() {
        for (counts, limit, expected) in [
            (&[1, 1, 1][..], 2, 2),
            (&[2, 2], 3, 2),
            (&[2, 2], 4, 4),
            (&[6, 6], 1, 6),
            (&[1; 20], 1, 1),
            (&[3, 3], 10, 6),
            (&[], 10, 0),
            (&[6, 6], 6, 6),
            (&[5, 6], 11, 11),
        ] {
            let mut read = rows(counts);
            read.truncate(rows_to_read(limit));
            assert_eq!(page(read, limit).len(), expected, "{counts:?}, {limit}");
        }
    }
}
