//! Taking over work that belongs to nobody, or to an earlier life.

use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::Adopted;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::error::SqlError;
use super::row::{Columns, UuidText, int, time_text};
use super::{check_one, read};

/// Begins a life of this node.
pub(super) fn begin_incarnation(connection: &Connection, now: Timestamp) -> Result<Incarnation, SqlError> {
    let token = connection
        .prepare_cached("INSERT INTO incarnations (started_at) VALUES (?1)")?
        .insert(params![time_text(now)])?;
    Ok(Incarnation(token.unsigned_abs()))
}

/// Open work that is due, oldest first.
pub(super) fn adopt(
    connection: &Connection,
    token: Incarnation,
    due_by: Timestamp,
    limit: usize,
) -> Result<Vec<Adopted>, SqlError> {
    let due = due(connection, DUE, int(token.0) - 1, due_by, limit)?;
    let mut adopted = Vec::with_capacity(due.len());
    for (tenant, id) in due {
        adopted.extend(adopt_one(connection, token, &tenant, id)?);
    }
    Ok(adopted)
}

/// This life's own.
pub(super) fn owned(
    connection: &Connection,
    token: Incarnation,
    due_by: Timestamp,
    limit: usize,
) -> Result<Vec<(TenantId, DistributionId)>, SqlError> {
    due(connection, OWNED, int(token.0), due_by, limit)
}

/// This one, wherever it stands; `None` where there is none, a later life owns it, or it
/// can't be read.
pub(super) fn adopt_one(
    connection: &Connection,
    token: Incarnation,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Adopted>, SqlError> {
    let mut statement = connection.prepare_cached(
        "UPDATE distribution_logs SET owner = ?3
         WHERE tenant_id = ?1 AND id = ?2 AND (owner IS NULL OR owner <= ?3)",
    )?;
    let changed = statement.execute(params![tenant.as_str(), UuidText::of(id.0), int(token.0)])?;
    if changed == 0 {
        return Ok(None);
    }
    check_one(changed)?;
    match read::distribution(connection, tenant, id) {
        // It must not keep others from going on.
        Err(SqlError::Unreadable(what)) => {
            tracing::error!(distribution = %id.0, what, "a distribution cannot be read: mend its rows");
            Ok(None)
        }
        found => found?
            .map(|distribution| read::with_others(connection, distribution))
            .transpose(),
    }
}

fn due(
    connection: &Connection,
    sql: &str,
    owner: i64,
    due_by: Timestamp,
    limit: usize,
) -> Result<Vec<(TenantId, DistributionId)>, SqlError> {
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![time_text(due_by), owner, limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = Columns {
            table: "distribution_logs",
            row,
        };
        let tenant = TenantId::new(columns.text(0)?);
        due.push((tenant, DistributionId(columns.uuid(1)?)));
    }
    Ok(due)
}

/// Served by the index of open work.
pub(super) const DUE: &str = "SELECT tenant_id, id FROM distribution_logs
    WHERE open = 1 AND due_at <= ?1 AND (owner IS NULL OR owner <= ?2)
    ORDER BY due_at, tenant_id, id LIMIT ?3";

/// By the same index.
const OWNED: &str = "SELECT tenant_id, id FROM distribution_logs
    WHERE open = 1 AND due_at <= ?1 AND owner = ?2
    ORDER BY due_at, tenant_id, id LIMIT ?3";
