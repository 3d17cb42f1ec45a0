//! The journal of published outcomes.
//!
//! An entry without a body is rendered from the rows, as long as its version is
//! the current one; before they change, what it said is frozen.

use fanfare_core::event::{DistributionCompleted, event_uuid};
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::write::Record;
use rusqlite::{Connection, Row, params};

use super::error::SqlError;
use super::row::{Columns, UuidText, int, json, time_text};
use super::{check_one, read};
use crate::store::JournalEntry;

/// Puts the record's version into the journal.
pub(super) fn insert(connection: &Connection, record: &Record, id: &UuidText) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO outbox (tenant_id, distribution_log_id, version, event_uuid, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    check_one(statement.execute(params![
        record.tenant.as_str(),
        id,
        record.version,
        UuidText::of(event_uuid(record.id, record.version)),
        time_text(record.history.at),
    ])?)
}

/// Keeps what the version says, before the rows change.
pub(super) fn freeze(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
    version: u32,
) -> Result<(), SqlError> {
    let Some(event) = rendered(connection, tenant, id, version)? else {
        // Not at rest: what it said was frozen when it began to move.
        return Ok(());
    };
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET body = ?4
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND version = ?3 AND body IS NULL",
    )?;
    // None is changed where it was frozen before.
    statement.execute(params![tenant.as_str(), UuidText::of(id.0), version, json(&event)?])?;
    Ok(())
}

/// What the rows say, where they are at rest in that version.
fn rendered(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
    version: u32,
) -> Result<Option<DistributionCompleted>, SqlError> {
    let distribution = read::distribution(connection, tenant, id)?;
    let current = distribution.filter(|distribution| distribution.version == version);
    Ok(current.as_ref().and_then(DistributionCompleted::of))
}

/// The tenant's entries after the position, oldest first.
pub(super) fn entries(
    connection: &Connection,
    tenant: &TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<JournalEntry>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, distribution_log_id, version, event_uuid, body FROM outbox
         WHERE tenant_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![tenant.as_str(), int(after), limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(entry(connection, tenant, row)?);
    }
    Ok(entries)
}

fn entry(connection: &Connection, tenant: &TenantId, row: &Row<'_>) -> Result<JournalEntry, SqlError> {
    let columns = Columns { table: "outbox", row };
    let id = DistributionId(columns.uuid(1)?);
    Ok(JournalEntry {
        position: columns.number(0)?,
        event_uuid: columns.uuid(3)?,
        event: said(connection, tenant, id, &columns, 2, 4)?,
    })
}

/// What an entry says, whose version and body are in these columns.
pub(super) fn said(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
    columns: &Columns<'_, '_>,
    version: usize,
    body: usize,
) -> Result<DistributionCompleted, SqlError> {
    match columns.optional(body, Columns::json)? {
        Some(frozen) => Ok(frozen),
        None => rendered(connection, tenant, id, columns.number(version)?)?.ok_or_else(|| columns.unreadable(body)),
    }
}
