//! Finds deliveries that failed, beginning at the index of those that need attention,
//! or at an event's distributions.
//!
//! Words of closed sets are written into the statement itself: only so can the
//! planner see that a partial index serves it. What comes from users is bound.

use std::fmt::Write;

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::list::Statement;
use super::row::{Columns, compared};
use super::rows::Column;
use crate::failed::{FailedDeliveries, page, rows_to_read};
use crate::listing::{any_of, ids_before};
use crate::store::StoreError;

/// What is read of each: what it is, and what bears on sending it again. The limits
/// keep the planner from reading all of history once, where it takes a page for long.
const COLUMNS: &str = "c.distribution_log_id, c.event_id, c.channel, c.status, coalesce(c.code, ''), c.updated_at,
    c.called_off,
    (SELECT true FROM distribution_channel_logs AS h
        WHERE h.event_id = c.event_id AND h.tenant_id = c.tenant_id AND h.channel = c.channel
            AND h.holds_claim AND h.distribution_log_id <> c.distribution_log_id LIMIT 1) IS NOT NULL,
    (SELECT true FROM distribution_logs AS n JOIN distribution_channel_logs AS o
        ON o.tenant_id = n.tenant_id AND o.distribution_log_id = n.id AND o.channel = c.channel
        WHERE n.event_id = c.event_id AND n.tenant_id = c.tenant_id AND n.id > c.distribution_log_id
        LIMIT 1) IS NOT NULL,
    (SELECT true FROM distribution_channel_logs AS m
        WHERE m.distribution_log_id = c.distribution_log_id
            AND m.status IN ('PENDING', 'IN_PROGRESS', 'RETRYING') LIMIT 1) IS NOT NULL,
    (SELECT true FROM evidence AS e
        WHERE e.distribution_log_id = c.distribution_log_id AND e.channel = c.channel
            AND e.generation = c.generation AND e.proof LIKE '{\"receipt\":%' LIMIT 1) IS NOT NULL";

#[async_trait]
impl FailedDeliveries for PostgresStore {
    async fn failed(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
        status: DeliveryStatus,
        after: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<FailedDelivery>, StoreError> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        let read = self.others.run("find failed deliveries", move |session| {
            let statement = statement(&tenant, &filter, status, after, rows_to_read(limit));
            Box::pin(async move {
                let call = statement.call();
                let rows = session.query(call.sql, &call.params).await?;
                rows.iter().map(delivery).collect()
            })
        });
        Ok(page(read.await?, limit))
    }
}

/// The statement and what is bound to it.
pub(super) fn statement(
    tenant: &TenantId,
    filter: &RedriveFilter,
    status: DeliveryStatus,
    after: Option<DistributionId>,
    rows: usize,
) -> Statement {
    let mut values: Vec<Column<'static>> = vec![Box::new(tenant.as_str().to_owned())];
    let mut conditions = String::new();
    let mut bind = |condition: &str, value: Column<'static>| {
        values.push(value);
        // Writing to a string cannot fail.
        _ = write!(conditions, " AND {condition} ${}", values.len());
    };
    let (from, id) = match &filter.event_id {
        Some(event) => {
            bind("d.event_id =", Box::new(event.as_str().to_owned()));
            (OF_EVENT, "d.id")
        }
        None => (OF_ATTENTION, "c.distribution_log_id"),
    };
    if let Some(after) = after {
        bind(&format!("{id} >"), Box::new(after.0));
    }
    if let Some(since) = filter.since {
        bind("c.updated_at >=", Box::new(compared(since)));
    }
    if let Some(until) = filter.until {
        bind("c.updated_at <", Box::new(compared(until)));
        // Nothing fails before it is accepted.
        bind(&format!("{id} <"), Box::new(ids_before(until)));
    }
    conditions.push_str(&any_of("c.channel", filter.channels.iter().copied().map(Channel::name)));
    conditions.push_str(&any_of("c.code", filter.causes.iter().map(|cause| cause.code)));
    values.push(Box::new(i64::try_from(rows).unwrap_or(i64::MAX)));
    let (status, limit) = (status.name(), values.len());
    Statement {
        sql: format!(
            "SELECT {COLUMNS} FROM {from} AND c.attention = '{status}'{conditions} ORDER BY {id} LIMIT ${limit}"
        ),
        values,
    }
}

const OF_ATTENTION: &str = "distribution_channel_logs AS c WHERE c.tenant_id = $1";

const OF_EVENT: &str = "distribution_logs AS d JOIN distribution_channel_logs AS c
    ON c.tenant_id = d.tenant_id AND c.distribution_log_id = d.id WHERE d.tenant_id = $1";

fn delivery(row: &Row) -> Result<FailedDelivery, SqlError> {
    let columns = Columns {
        table: "distribution_channel_logs",
        row,
    };
    Ok(FailedDelivery {
        distribution: DistributionId(columns.uuid(0)?),
        event_id: EventId::new(columns.get::<&str>(1)?),
        channel: columns.word(2, Channel::from_name)?,
        status: columns.word(3, DeliveryStatus::from_name)?,
        code: columns.get(4)?,
        since: columns.get(5)?,
        called_off: columns.get(6)?,
        is_claimed: columns.get(7)?,
        is_superseded: columns.get(8)?,
        moves: columns.get(9)?,
        is_known_live: columns.get(10)?,
    })
}
