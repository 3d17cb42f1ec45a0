//! What was spent: summed up where something is to be spent.

use async_trait::async_trait;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::spend::{Overspend, Spend, Spent};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::error::SqlError;
use super::row::{Columns, UuidText, int, time_text};
use super::{SqliteStore, check_one, read};
use crate::spending::Spending;
use crate::store::StoreError;

/// By each other delivery of the event, and of the month, that has not failed and was
/// not called off.
pub(super) const SPENT: &str = "SELECT
    (SELECT coalesce(sum(s.cost), 0) FROM spends AS s INDEXED BY spends_of_event
        CROSS JOIN distribution_channel_logs AS c ON c.tenant_id = s.tenant_id
            AND c.distribution_log_id = s.distribution_log_id AND c.channel = s.channel
        WHERE s.tenant_id = ?1 AND s.event_id = ?2 AND s.channel = ?3 AND s.distribution_log_id <> ?4
            AND c.status <> 'FAILED' AND c.status <> 'CANCELLED'),
    (SELECT coalesce(sum(s.cost), 0) FROM spends AS s INDEXED BY spends_of_time
        CROSS JOIN distribution_channel_logs AS c ON c.tenant_id = s.tenant_id
            AND c.distribution_log_id = s.distribution_log_id AND c.channel = s.channel
        WHERE s.tenant_id = ?1 AND s.channel = ?3 AND s.spent_at >= ?5 AND s.spent_at < ?6
            AND s.distribution_log_id <> ?4 AND c.status <> 'FAILED' AND c.status <> 'CANCELLED')";

fn spent_beside(
    connection: &Connection,
    tenant: &TenantId,
    own: DistributionId,
    spend: &Spend,
) -> Result<Spent, SqlError> {
    let (from, until) = spend.month();
    let key = params![
        tenant.as_str(),
        spend.event_id.as_str(),
        spend.channel.name(),
        UuidText::of(own.0),
        time_text(from),
        time_text(until),
    ];
    let found = read::all(connection, SPENT, key, |row| {
        let columns = Columns { table: "spends", row };
        Ok(Spent {
            on_event: columns.number(0)?,
            in_month: columns.number(1)?,
        })
    })?;
    Ok(found.first().copied().unwrap_or_default())
}

/// Where it would go beyond a cap.
pub(super) fn overspent(
    connection: &Connection,
    tenant: &TenantId,
    own: DistributionId,
    spends: &[Spend],
) -> Result<Vec<Overspend>, SqlError> {
    let mut over = Vec::new();
    for spend in spends.iter().filter(|spend| spend.cap.limits()) {
        over.extend(spend.exceeds(spent_beside(connection, tenant, own, spend)?));
    }
    Ok(over)
}

/// What is redriven counts anew.
pub(super) fn keep(
    connection: &Connection,
    tenant: &TenantId,
    own: DistributionId,
    spends: &[Spend],
) -> Result<(), SqlError> {
    for spend in spends {
        let mut statement = connection.prepare_cached(
            "INSERT INTO spends (tenant_id, distribution_log_id, channel, event_id, cost, spent_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET cost = excluded.cost, spent_at = excluded.spent_at",
        )?;
        check_one(statement.execute(params![
            tenant.as_str(),
            UuidText::of(own.0),
            spend.channel.name(),
            spend.event_id.as_str(),
            int(spend.cost),
            time_text(spend.at),
        ])?)?;
    }
    Ok(())
}

#[async_trait]
impl Spending for SqliteStore {
    async fn spent(&self, tenant: &TenantId, spends: &[Spend]) -> Result<Vec<Spent>, StoreError> {
        let (tenant, spends) = (tenant.clone(), spends.to_vec());
        let read = self.readers.read("see what was spent", move |connection| {
            let nobody = DistributionId(Uuid::nil());
            let spent = spends
                .iter()
                .map(|spend| spent_beside(connection, &tenant, nobody, spend));
            spent.collect()
        });
        read.await
    }
}
