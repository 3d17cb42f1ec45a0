//! What was heard too late to be recorded: append-only, and never refused.

use fanfare_core::attempt::Evidence;
use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::Written;
use rusqlite::{Connection, Row, params};

use super::error::SqlError;
use super::read;
use super::row::{Columns, UuidText, int, json, time_text};

/// Keeps it; one that is given again is kept once.
pub(super) fn insert(connection: &Connection, evidence: &Evidence) -> Result<Written, SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO evidence (tenant_id, distribution_log_id, channel, generation, attempt, token, at, proof)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    statement.execute(params![
        evidence.tenant.as_str(),
        UuidText::of(evidence.distribution.0),
        evidence.channel.name(),
        evidence.generation,
        evidence.attempt,
        int(evidence.token.0),
        time_text(evidence.at),
        json(&evidence.proof)?,
    ])?;
    Ok(Written::Noted {
        channel: evidence.channel,
        generation: evidence.generation,
        attempt: evidence.attempt,
    })
}

/// Oldest first.
pub(super) fn of_distribution(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Vec<Evidence>, SqlError> {
    let sql = "SELECT channel, generation, attempt, token, at, proof FROM evidence
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 ORDER BY at, channel, generation, attempt, token";
    let evidence = |row: &Row<'_>| {
        let columns = Columns { table: "evidence", row };
        Ok(Evidence {
            tenant: tenant.clone(),
            distribution: id,
            channel: columns.word(0, Channel::from_name)?,
            generation: columns.number(1)?,
            attempt: columns.number(2)?,
            token: Incarnation(columns.number(3)?),
            at: columns.time(4)?,
            proof: columns.json(5)?,
        })
    };
    read::all(connection, sql, params![tenant.as_str(), UuidText::of(id.0)], evidence)
}
