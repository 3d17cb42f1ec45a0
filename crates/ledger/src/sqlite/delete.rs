//! Deleting closed distributions, with all that is kept of them but notices: those
//! are forgotten by their own age, which is no longer (`Notices::forget_notices`).

use fanfare_core::ids::{DistributionId, TenantId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::SqlError;
use super::read;
use super::row::{Columns, UuidText, time_text};
use crate::listing::ids_before;

/// What belongs to a distribution, and then itself; what it spent goes with it.
const TABLES: [(&str, &str); 7] = [
    ("evidence", "distribution_log_id"),
    ("attempts", "distribution_log_id"),
    ("history", "distribution_log_id"),
    ("outbox", "distribution_log_id"),
    ("idempotency_keys", "distribution_log_id"),
    ("distribution_channel_logs", "distribution_log_id"),
    ("distribution_logs", "id"),
];

/// Oldest first within a tenant, at most so many.
pub(super) fn delete_closed(
    connection: &Connection,
    accepted_before: Timestamp,
    unpublished_stay: bool,
    limit: usize,
) -> Result<u64, SqlError> {
    let mut deleted = 0;
    let mut tenant = tenant_after(connection, "")?;
    while let Some(this) = tenant.filter(|_| deleted < limit) {
        let old = closed(connection, &this, accepted_before, unpublished_stay, limit - deleted)?;
        for id in &old {
            delete(connection, &this, *id)?;
        }
        deleted += old.len();
        tenant = tenant_after(connection, this.as_str())?;
    }
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// By the key's index, however many rows a tenant has.
fn tenant_after(connection: &Connection, tenant: &str) -> Result<Option<TenantId>, SqlError> {
    let mut statement = connection
        .prepare_cached("SELECT tenant_id FROM distribution_logs WHERE tenant_id > ?1 ORDER BY tenant_id LIMIT 1")?;
    let next: Option<String> = statement.query_row(params![tenant], |row| row.get(0)).optional()?;
    Ok(next.map(TenantId::new))
}

fn closed(
    connection: &Connection,
    tenant: &TenantId,
    accepted_before: Timestamp,
    unpublished_stay: bool,
    limit: usize,
) -> Result<Vec<DistributionId>, SqlError> {
    let sql = "SELECT id FROM distribution_logs AS d
         WHERE tenant_id = ?1 AND id < ?2 AND created_at < ?3 AND open = 0
             AND NOT (?4 AND EXISTS (
                 SELECT 1 FROM outbox
                 WHERE tenant_id = d.tenant_id AND distribution_log_id = d.id AND published_at IS NULL))
         ORDER BY id LIMIT ?5";
    let key = params![
        tenant.as_str(),
        ids_before(accepted_before).to_string(),
        time_text(accepted_before),
        unpublished_stay,
        i64::try_from(limit).unwrap_or(i64::MAX),
    ];
    read::all(connection, sql, key, |row| {
        let table = "distribution_logs";
        Columns { table, row }.uuid(0).map(DistributionId)
    })
}

fn delete(connection: &Connection, tenant: &TenantId, id: DistributionId) -> Result<(), SqlError> {
    for (table, column) in TABLES {
        let sql = format!("DELETE FROM {table} WHERE tenant_id = ?1 AND {column} = ?2");
        connection
            .prepare_cached(&sql)?
            .execute(params![tenant.as_str(), UuidText::of(id.0)])?;
    }
    Ok(())
}
