//! Reading distributions, their attempts and their history.
//!
//! Whoever calls sees to it that one snapshot is read; lists are in `list.rs`,
//! the journal in `outbox.rs`.

use fanfare_core::attempt::Attempt;
use fanfare_core::distribution::Distribution;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::write::{Adopted, OTHERS_LIMIT};
use rusqlite::{Connection, Params, Row, params};

use super::error::SqlError;
use super::row::{self, Columns, UuidText};

/// One distribution with its deliveries.
pub(super) fn distribution(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Distribution>, SqlError> {
    let sql = format!(
        "SELECT {} FROM distribution_logs WHERE tenant_id = ?1 AND id = ?2",
        row::DISTRIBUTION
    );
    let key = params![tenant.as_str(), UuidText::of(id.0)];
    let mut found = all(connection, &sql, key, row::distribution)?;
    let Some(mut distribution) = found.pop() else {
        return Ok(None);
    };
    load_deliveries(connection, &mut distribution)?;
    Ok(Some(distribution))
}

/// Fills in the deliveries, in the order of the request.
pub(super) fn load_deliveries(connection: &Connection, distribution: &mut Distribution) -> Result<(), SqlError> {
    let sql = format!(
        "SELECT {} FROM distribution_channel_logs
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 ORDER BY position",
        row::DELIVERY
    );
    let key = params![distribution.tenant.as_str(), UuidText::of(distribution.id.0)];
    distribution.deliveries = all(connection, &sql, key, row::delivery)?;
    Ok(())
}

/// The newest distribution of an event, and the others.
pub(super) fn newest_of_event(
    connection: &Connection,
    tenant: &TenantId,
    event: &EventId,
) -> Result<Option<Adopted>, SqlError> {
    let ids = ids_of_event(connection, tenant, event)?;
    let Some(newest) = ids.first() else {
        return Ok(None);
    };
    let distribution = distribution(connection, tenant, *newest)?;
    Ok(distribution.map(|distribution| Adopted {
        distribution,
        others: ids.into_iter().skip(1).collect(),
    }))
}

/// A distribution with the others of its event.
pub(super) fn with_others(connection: &Connection, distribution: Distribution) -> Result<Adopted, SqlError> {
    let others = others_of(connection, &distribution)?.ids;
    Ok(Adopted { distribution, others })
}

/// The distributions of an event beside one of them.
pub(super) struct Others {
    /// The others, newest first, at most [`OTHERS_LIMIT`].
    pub(super) ids: Vec<DistributionId>,
    /// Whether the one itself was found among the newest.
    pub(super) own: bool,
}

/// The other distributions of the same event.
pub(super) fn others_of(connection: &Connection, distribution: &Distribution) -> Result<Others, SqlError> {
    let mut ids = ids_of_event(connection, &distribution.tenant, &distribution.event_id)?;
    let found = ids.len();
    ids.retain(|id| *id != distribution.id);
    let own = ids.len() < found;
    ids.truncate(OTHERS_LIMIT);
    Ok(Others { ids, own })
}

/// Newest first, one more than [`OTHERS_LIMIT`].
fn ids_of_event(connection: &Connection, tenant: &TenantId, event: &EventId) -> Result<Vec<DistributionId>, SqlError> {
    let limit = i64::try_from(OTHERS_LIMIT + 1).unwrap_or(i64::MAX);
    let key = params![tenant.as_str(), event.as_str(), limit];
    all(connection, IDS_OF_EVENT, key, |row| {
        let table = "distribution_logs";
        Columns { table, row }.uuid(0).map(DistributionId)
    })
}

/// Served by the index of events alone.
pub(super) const IDS_OF_EVENT: &str = "SELECT id FROM distribution_logs
    WHERE tenant_id = ?1 AND event_id = ?2 ORDER BY id DESC LIMIT ?3";

/// How far the histories of these are.
pub(super) fn history_numbers(
    connection: &Connection,
    ids: &[(TenantId, DistributionId)],
) -> Result<Vec<(DistributionId, u32)>, SqlError> {
    let sql = "SELECT history_number FROM distribution_logs WHERE tenant_id = ?1 AND id = ?2";
    let mut numbers = Vec::with_capacity(ids.len());
    for (tenant, id) in ids {
        let key = params![tenant.as_str(), UuidText::of(id.0)];
        let found = all(connection, sql, key, |row| {
            let table = "distribution_logs";
            Columns { table, row }.number(0)
        })?;
        numbers.extend(found.into_iter().map(|number: u32| (*id, number)));
    }
    Ok(numbers)
}

/// Whether it was accepted.
pub(super) fn exists(connection: &Connection, tenant: &TenantId, id: DistributionId) -> Result<bool, SqlError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM distribution_logs WHERE tenant_id = ?1 AND id = ?2")?;
    Ok(statement.exists(params![tenant.as_str(), UuidText::of(id.0)])?)
}

/// All attempts, by channel in the order of the request.
pub(super) fn attempts(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Vec<Attempt>>, SqlError> {
    let Some(distribution) = distribution(connection, tenant, id)? else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT {} FROM attempts WHERE tenant_id = ?1 AND distribution_log_id = ?2
         ORDER BY channel, generation, attempt",
        row::ATTEMPT
    );
    let key = params![tenant.as_str(), UuidText::of(id.0)];
    let superseded = all(connection, &sql, key, row::attempt)?;
    let mut attempts = Vec::new();
    for delivery in &distribution.deliveries {
        let earlier = superseded.iter().filter(|a| a.channel == delivery.channel);
        attempts.extend(earlier.cloned());
        attempts.extend(Attempt::current(delivery));
    }
    Ok(Some(attempts))
}

/// The history, oldest first.
pub(super) fn history(
    connection: &Connection,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Vec<HistoryEntry>>, SqlError> {
    let sql = format!(
        "SELECT {} FROM history WHERE tenant_id = ?1 AND distribution_log_id = ?2 ORDER BY number",
        row::HISTORY
    );
    let key = params![tenant.as_str(), UuidText::of(id.0)];
    let entries = all(connection, &sql, key, row::history_entry)?;
    // An accepted distribution has its first entry.
    Ok((!entries.is_empty()).then_some(entries))
}

/// Every row that the statement finds.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, SqlError>,
) -> Result<Vec<T>, SqlError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
