//! Finds deliveries that failed, beginning at the index of those that need attention,
//! or at an event's distributions.
//!
//! Words of closed sets are written into the statement itself: only so can `SQLite`
//! see that a partial index serves it. What comes from users is bound.

use std::fmt::Write;

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::redrive::{FailedDelivery, RedriveFilter};
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::SqliteStore;
use super::error::SqlError;
use super::list::ATTENTION;
use super::read::all;
use super::row::{Columns, time_text};
use crate::failed::{FailedDeliveries, page, rows_to_read};
use crate::listing::{any_of, ids_before};
use crate::store::StoreError;

/// What is read of each: what it is, and what bears on sending it again.
const COLUMNS: &str = "c.distribution_log_id, c.event_id, c.channel, c.status, coalesce(c.code, ''), c.updated_at,
    c.called_off,
    EXISTS (SELECT 1 FROM distribution_channel_logs AS h
        WHERE h.tenant_id = c.tenant_id AND h.event_id = c.event_id AND h.channel = c.channel
            AND h.holds_claim = 1 AND h.distribution_log_id <> c.distribution_log_id),
    EXISTS (SELECT 1 FROM distribution_logs AS n CROSS JOIN distribution_channel_logs AS o
        ON o.tenant_id = n.tenant_id AND o.distribution_log_id = n.id AND o.channel = c.channel
        WHERE n.tenant_id = c.tenant_id AND n.event_id = c.event_id AND n.id > c.distribution_log_id),
    EXISTS (SELECT 1 FROM distribution_channel_logs AS m
        WHERE m.tenant_id = c.tenant_id AND m.distribution_log_id = c.distribution_log_id
            AND (m.status = 'PENDING' OR m.status = 'IN_PROGRESS' OR m.status = 'RETRYING')),
    EXISTS (SELECT 1 FROM evidence AS e
        WHERE e.tenant_id = c.tenant_id AND e.distribution_log_id = c.distribution_log_id
            AND e.channel = c.channel AND e.generation = c.generation AND e.proof LIKE '{\"receipt\":%')";

#[async_trait]
impl FailedDeliveries for SqliteStore {
    async fn failed(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
        status: DeliveryStatus,
        after: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<FailedDelivery>, StoreError> {
        let (sql, values) = statement(tenant, filter, status, after, rows_to_read(limit));
        let read = self.readers.read("find failed deliveries", move |connection| {
            all(connection, &sql, params_from_iter(values.iter()), delivery)
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
) -> (String, Vec<Value>) {
    let mut values = vec![Value::Text(tenant.as_str().to_owned())];
    let mut conditions = String::new();
    let mut bind = |condition: &str, value: String| {
        // Writing to a string cannot fail.
        _ = write!(conditions, " AND {condition} ?");
        values.push(Value::Text(value));
    };
    let (from, id) = match &filter.event_id {
        Some(event) => {
            bind("d.event_id =", event.as_str().to_owned());
            (OF_EVENT, "d.id")
        }
        None => (OF_ATTENTION, "c.distribution_log_id"),
    };
    if let Some(after) = after {
        bind(&format!("{id} >"), after.to_string());
    }
    if let Some(since) = filter.since {
        bind("c.updated_at >=", time_text(since));
    }
    if let Some(until) = filter.until {
        bind("c.updated_at <", time_text(until));
        // Nothing fails before it is accepted.
        bind(&format!("{id} <"), ids_before(until).to_string());
    }
    conditions.push_str(&any_of("c.channel", filter.channels.iter().copied().map(Channel::name)));
    conditions.push_str(&any_of("c.code", filter.causes.iter().map(|cause| cause.code)));
    let status = status.name();
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} AND c.status = '{status}' AND {ATTENTION}{conditions} ORDER BY {id} LIMIT ?"
    );
    values.push(Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX)));
    (sql, values)
}

const OF_ATTENTION: &str =
    "distribution_channel_logs AS c INDEXED BY distribution_channel_logs_attention WHERE c.tenant_id = ?";

const OF_EVENT: &str = "distribution_logs AS d INDEXED BY distribution_logs_of_event
    CROSS JOIN distribution_channel_logs AS c ON c.tenant_id = d.tenant_id AND c.distribution_log_id = d.id
    WHERE d.tenant_id = ?";

fn delivery(row: &Row<'_>) -> Result<FailedDelivery, SqlError> {
    let columns = Columns {
        table: "distribution_channel_logs",
        row,
    };
    let holds = |index| columns.number(index).map(|number: u8| number == 1);
    Ok(FailedDelivery {
        distribution: DistributionId(columns.uuid(0)?),
        event_id: EventId::new(columns.text(1)?),
        channel: columns.word(2, Channel::from_name)?,
        status: columns.word(3, DeliveryStatus::from_name)?,
        code: columns.text(4)?.to_owned(),
        since: columns.time(5)?,
        called_off: holds(6)?,
        is_claimed: holds(7)?,
        is_superseded: holds(8)?,
        moves: holds(9)?,
        is_known_live: holds(10)?,
    })
}
