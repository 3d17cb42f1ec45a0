//! What clients called their requests: the same key, the same answer (I12).

use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, IdempotencyKey, TenantId};
use fanfare_core::write::{Acceptance, Written};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::error::SqlError;
use super::row::{Columns, UuidText, int, time_text};
use super::{check_one, read};
use crate::store::KEY_LIFETIME;

/// The answer to a request whose key is known.
pub(super) fn answer(connection: &Connection, acceptance: &Acceptance) -> Result<Option<Written>, SqlError> {
    let Some(key) = &acceptance.idempotency_key else {
        return Ok(None);
    };
    let new = &acceptance.distribution;
    let mut statement = connection.prepare_cached(
        "SELECT request_hash, distribution_log_id, accepted_at FROM idempotency_keys
         WHERE tenant_id = ?1 AND key = ?2",
    )?;
    let mut rows = statement.query(params![new.tenant.as_str(), key.as_str()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let columns = Columns {
        table: "idempotency_keys",
        row,
    };
    if new.accepted_at.duration_since(columns.time(2)?) >= KEY_LIFETIME {
        return Ok(None);
    }
    let existing = DistributionId(columns.uuid(1)?);
    let same = columns.hash(0)? == new.request.hash;
    Ok(Some(if same {
        Written::Replayed { existing }
    } else {
        Written::KeyReused { existing }
    }))
}

/// What was accepted with this key, unless that is longer ago.
pub(super) fn distribution(
    connection: &Connection,
    tenant: &TenantId,
    key: &IdempotencyKey,
    accepted_after: Timestamp,
) -> Result<Option<Distribution>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT distribution_log_id FROM idempotency_keys WHERE tenant_id = ?1 AND key = ?2 AND accepted_at > ?3",
    )?;
    let mut rows = statement.query(params![tenant.as_str(), key.as_str(), time_text(accepted_after)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let columns = Columns {
        table: "idempotency_keys",
        row,
    };
    read::distribution(connection, tenant, DistributionId(columns.uuid(0)?))
}

/// An older request of the same key, if there is one, has had its day.
pub(super) fn insert(
    connection: &Connection,
    distribution: &Distribution,
    id: &UuidText,
    key: &IdempotencyKey,
) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO idempotency_keys (tenant_id, key, request_hash, distribution_log_id, accepted_at)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant_id, key) DO UPDATE SET request_hash = excluded.request_hash,
             distribution_log_id = excluded.distribution_log_id, accepted_at = excluded.accepted_at",
    )?;
    check_one(statement.execute(params![
        distribution.tenant.as_str(),
        key.as_str(),
        &distribution.request.hash.0[..],
        id,
        time_text(distribution.accepted_at),
    ])?)
}

/// Forgets keys of requests accepted before that time, at most so many.
pub(super) fn expire(connection: &Connection, accepted_before: Timestamp, at_most: u64) -> Result<u64, SqlError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM idempotency_keys WHERE (tenant_id, key) IN (
             SELECT tenant_id, key FROM idempotency_keys WHERE accepted_at < ?1
             ORDER BY accepted_at LIMIT ?2)",
    )?;
    let deleted = statement.execute(params![time_text(accepted_before), int(at_most)])?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}
