//! Finds deliveries that failed.

use async_trait::async_trait;
use fanfare_core::attempt::Proof;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};
use uuid::Uuid;

use super::{Memory, MemoryStore};
use crate::failed::{FailedDeliveries, page, rows_to_read};
use crate::store::StoreError;

impl Memory {
    /// See [`FailedDeliveries::failed`].
    pub fn failed(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
        status: DeliveryStatus,
        after: Option<DistributionId>,
        limit: usize,
    ) -> Vec<FailedDelivery> {
        let after = after.unwrap_or(DistributionId(Uuid::nil()));
        let first = (tenant.clone(), after);
        let end = (tenant.clone(), DistributionId(Uuid::max()));
        let distributions = self.rows.range(first..=end).map(|(_, row)| &row.distribution);
        let later = distributions.filter(|distribution| distribution.id > after);
        let found = later.flat_map(|distribution| {
            let deliveries = distribution.deliveries.iter();
            let wanted =
                deliveries.filter(|delivery| delivery.status == status && names(filter, distribution, delivery));
            wanted.map(|delivery| self.failed_of(distribution, delivery))
        });
        page(found.take(rows_to_read(limit)).collect(), limit)
    }

    fn failed_of(&self, distribution: &Distribution, delivery: &Delivery) -> FailedDelivery {
        let (tenant, event) = (&distribution.tenant, &distribution.event_id);
        let holder = self.claims.get(&(tenant.clone(), event.clone(), delivery.channel));
        let of_event = self.events.get(&(tenant.clone(), event.clone()));
        let mut later = of_event.into_iter().flatten().filter(|id| **id > distribution.id);
        let chose = |id: &DistributionId| {
            let row = self.rows.get(&(tenant.clone(), *id));
            row.is_some_and(|row| row.distribution.delivery(delivery.channel).is_some())
        };
        let evidence = self.evidence(tenant, distribution.id);
        FailedDelivery {
            distribution: distribution.id,
            event_id: event.clone(),
            channel: delivery.channel,
            status: delivery.status,
            code: code(delivery).unwrap_or_default().to_owned(),
            since: delivery.updated_at,
            called_off: delivery.called_off,
            is_claimed: holder.is_some_and(|holder| *holder != distribution.id),
            is_superseded: later.any(chose),
            moves: distribution.moves(),
            is_known_live: evidence.iter().any(|evidence| {
                let of_delivery = evidence.channel == delivery.channel && evidence.generation == delivery.generation;
                of_delivery && matches!(evidence.proof, Proof::Receipt(_))
            }),
        }
    }
}

fn code(delivery: &Delivery) -> Option<&str> {
    delivery.failure.as_ref().map(|failure| &*failure.code)
}

fn names(filter: &RedriveFilter, distribution: &Distribution, delivery: &Delivery) -> bool {
    let (channels, causes) = (&filter.channels, &filter.causes);
    let event = filter.event_id.as_ref();
    (channels.is_empty() || channels.contains(&delivery.channel))
        && (causes.is_empty() || causes.iter().any(|cause| Some(cause.code) == code(delivery)))
        && event.is_none_or(|event| *event == distribution.event_id)
        && filter.since.is_none_or(|since| delivery.updated_at >= since)
        && filter.until.is_none_or(|until| delivery.updated_at < until)
}

#[async_trait]
impl FailedDeliveries for MemoryStore {
    async fn failed(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
        status: DeliveryStatus,
        after: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<FailedDelivery>, StoreError> {
        Ok(self.lock().failed(tenant, filter, status, after, limit))
    }
}
