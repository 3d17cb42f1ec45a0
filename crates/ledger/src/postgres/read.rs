//! Reading distributions, their attempts and their history.
//!
//! What is read together is of one moment; lists are in `list.rs`, the journal
//! in `outbox.rs`.

use std::collections::{BTreeMap, HashMap};

use fanfare_core::attempt::Attempt;
use fanfare_core::distribution::Distribution;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::write::{Adopted, OTHERS_LIMIT};
use tokio_postgres::Row;
use uuid::Uuid;

use super::ask::OTHERS;
use super::error::SqlError;
use super::row::{self, Columns};
use super::session::{Call, Session, call};

/// One distribution with its deliveries.
pub(super) async fn distribution(
    session: &Session,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Distribution>, SqlError> {
    let (one, deliveries) = (one(), deliveries_of_one());
    let (tenant, id) = (tenant.as_str(), id.0);
    let calls = vec![call(&one, &[&tenant, &id]), call(&deliveries, &[&tenant, &id])];
    let found = session.query_snapshot(calls).await?;
    first_whole(&found)
}

/// A distribution from its own row and its deliveries' rows.
fn first_whole(found: &[Vec<Row>]) -> Result<Option<Distribution>, SqlError> {
    let (Some(row), Some(deliveries)) = (found.first().and_then(|rows| rows.first()), found.get(1)) else {
        return Ok(None);
    };
    let mut distribution = row::distribution(row)?;
    for row in deliveries {
        distribution.deliveries.push(row::delivery(row)?.1);
    }
    Ok(Some(distribution))
}

pub(super) fn one() -> String {
    let columns = row::DISTRIBUTION;
    format!("SELECT {columns} FROM distribution_logs AS d WHERE d.tenant_id = $1 AND d.id = $2")
}

pub(super) fn deliveries_of_one() -> String {
    let columns = row::DELIVERY;
    format!(
        "SELECT {columns} FROM distribution_channel_logs AS c
         WHERE c.tenant_id = $1 AND c.distribution_log_id = $2 ORDER BY c.position"
    )
}

/// Those of many that are there, whole. Within a transaction that others cannot
/// write into, or of a snapshot.
pub(super) async fn whole(
    session: &Session,
    keys: &[(&TenantId, DistributionId)],
) -> Result<BTreeMap<DistributionId, Distribution>, SqlError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (distributions, deliveries) = (many(), deliveries_of_many());
    let (tenants, ids) = unzipped(keys);
    let calls = [
        call(&distributions, &[&tenants, &ids]),
        call(&deliveries, &[&tenants, &ids]),
    ];
    put_together(&session.query_all(&calls).await?)
}

fn unzipped<'a>(keys: &[(&'a TenantId, DistributionId)]) -> (Vec<&'a str>, Vec<Uuid>) {
    keys.iter().map(|(tenant, id)| (tenant.as_str(), id.0)).unzip()
}

fn many() -> String {
    let columns = row::DISTRIBUTION;
    format!(
        "SELECT {columns} FROM unnest($1::text[], $2::uuid[]) AS w (tenant, id)
         JOIN distribution_logs AS d ON d.tenant_id = w.tenant AND d.id = w.id"
    )
}

fn deliveries_of_many() -> String {
    let columns = row::DELIVERY;
    format!(
        "SELECT {columns} FROM unnest($1::text[], $2::uuid[]) AS w (tenant, id)
         JOIN distribution_channel_logs AS c ON c.tenant_id = w.tenant AND c.distribution_log_id = w.id
         ORDER BY c.position"
    )
}

fn put_together(found: &[Vec<Row>]) -> Result<BTreeMap<DistributionId, Distribution>, SqlError> {
    let mut whole = BTreeMap::new();
    for row in found.first().into_iter().flatten() {
        let distribution = row::distribution(row)?;
        whole.insert(distribution.id, distribution);
    }
    for row in found.get(1).into_iter().flatten() {
        let (id, delivery) = row::delivery(row)?;
        if let Some(distribution) = whole.get_mut(&id) {
            distribution.deliveries.push(delivery);
        }
    }
    Ok(whole)
}

/// Distributions without their deliveries, and then with them; for lists.
pub(super) async fn with_deliveries(session: &Session, distributions: Call<'_>) -> Result<Vec<Distribution>, SqlError> {
    let deliveries = deliveries_of_many();
    session.run(super::session::SNAPSHOT).await?;
    let rows = session.query_all(&[distributions]).await?.pop().unwrap_or_default();
    let found: Vec<Distribution> = rows.iter().map(row::distribution).collect::<Result<_, _>>()?;
    let keys: Vec<_> = found.iter().map(|d| (&d.tenant, d.id)).collect();
    let (tenants, ids) = unzipped(&keys);
    let calls = [call(&deliveries, &[&tenants, &ids]), call("COMMIT", &[])];
    let rows = session.query_all(&calls).await?;
    let mut of: HashMap<DistributionId, Vec<_>> = HashMap::new();
    for row in rows.first().into_iter().flatten() {
        let (id, delivery) = row::delivery(row)?;
        of.entry(id).or_default().push(delivery);
    }
    let filled = |mut distribution: Distribution| {
        distribution.deliveries = of.remove(&distribution.id).unwrap_or_default();
        distribution
    };
    Ok(found.into_iter().map(filled).collect())
}

/// The newest distribution of an event, and the others.
pub(super) async fn newest_of_event(
    session: &Session,
    tenant: &TenantId,
    event: &EventId,
) -> Result<Option<Adopted>, SqlError> {
    let limit = i64::try_from(OTHERS_LIMIT + 1).unwrap_or(i64::MAX);
    let (tenant_id, event_id) = (tenant.as_str(), event.as_str());
    let rows = session.query(IDS_OF_EVENT, &[&tenant_id, &event_id, &limit]).await?;
    let ids: Vec<DistributionId> = rows.iter().map(id_of).collect::<Result<_, _>>()?;
    let Some(newest) = ids.first() else {
        return Ok(None);
    };
    let distribution = distribution(session, tenant, *newest).await?;
    Ok(distribution.map(|distribution| Adopted {
        distribution,
        others: ids.into_iter().skip(1).collect(),
    }))
}

/// Served by the index of events alone.
pub(super) const IDS_OF_EVENT: &str = "SELECT id FROM distribution_logs
    WHERE tenant_id = $1 AND event_id = $2 ORDER BY id DESC LIMIT $3";

fn id_of(row: &Row) -> Result<DistributionId, SqlError> {
    let table = "distribution_logs";
    Columns { table, row }.uuid(0).map(DistributionId)
}

/// Distributions with the others of their events.
pub(super) async fn with_others(session: &Session, distributions: Vec<Distribution>) -> Result<Vec<Adopted>, SqlError> {
    let numbers: Vec<i32> = (0_i32..).take(distributions.len()).collect();
    let tenants: Vec<&str> = distributions.iter().map(|d| d.tenant.as_str()).collect();
    let events: Vec<&str> = distributions.iter().map(|d| d.event_id.as_str()).collect();
    let ids: Vec<Uuid> = distributions.iter().map(|d| d.id.0).collect();
    let rows = session.query(OTHERS, &[&numbers, &tenants, &events, &ids]).await?;
    let mut others = vec![Vec::new(); distributions.len()];
    for row in &rows {
        let table = "distribution_logs";
        let columns = Columns { table, row };
        let number: usize = columns.number(0)?;
        let of = others.get_mut(number).ok_or_else(|| columns.unreadable(0))?;
        of.push(DistributionId(columns.uuid(1)?));
    }
    let adopted = |(distribution, others)| Adopted { distribution, others };
    Ok(distributions.into_iter().zip(others).map(adopted).collect())
}

/// How far the histories of these are.
pub(super) async fn history_numbers(
    session: &Session,
    ids: &[(TenantId, DistributionId)],
) -> Result<Vec<(DistributionId, u32)>, SqlError> {
    let keys: Vec<_> = ids.iter().map(|(tenant, id)| (tenant, *id)).collect();
    let (tenants, uuids) = unzipped(&keys);
    let sql = "SELECT d.id, d.history_number FROM unnest($1::text[], $2::uuid[]) AS w (tenant, id)
         JOIN distribution_logs AS d ON d.tenant_id = w.tenant AND d.id = w.id";
    let rows = session.query(sql, &[&tenants, &uuids]).await?;
    let number = |row| {
        let table = "distribution_logs";
        let columns = Columns { table, row };
        Ok((DistributionId(columns.uuid(0)?), columns.number(1)?))
    };
    rows.iter().map(number).collect()
}

/// All attempts, by channel in the order of the request.
pub(super) async fn attempts(
    session: &Session,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Vec<Attempt>>, SqlError> {
    let (one, deliveries) = (one(), deliveries_of_one());
    let superseded = format!(
        "SELECT {} FROM attempts WHERE tenant_id = $1 AND distribution_log_id = $2
         ORDER BY channel, generation, attempt",
        row::ATTEMPT
    );
    let (tenant, id) = (tenant.as_str(), id.0);
    let calls = [&one, &deliveries, &superseded];
    let calls = calls.map(|sql| call(sql, &[&tenant, &id]));
    let found = session.query_snapshot(calls.into()).await?;
    let Some(distribution) = first_whole(&found)? else {
        return Ok(None);
    };
    let superseded: Vec<Attempt> = found[2].iter().map(row::attempt).collect::<Result<_, _>>()?;
    let mut attempts = Vec::new();
    for delivery in &distribution.deliveries {
        let earlier = superseded.iter().filter(|a| a.channel == delivery.channel);
        attempts.extend(earlier.cloned());
        attempts.extend(Attempt::current(delivery));
    }
    Ok(Some(attempts))
}

/// The history, oldest first.
pub(super) async fn history(
    session: &Session,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Vec<HistoryEntry>>, SqlError> {
    let sql = format!(
        "SELECT {} FROM history WHERE tenant_id = $1 AND distribution_log_id = $2 ORDER BY number",
        row::HISTORY
    );
    let rows = session.query(&sql, &[&tenant.as_str(), &id.0]).await?;
    let entries: Vec<HistoryEntry> = rows.iter().map(row::history_entry).collect::<Result<_, _>>()?;
    // An accepted distribution has its first entry.
    Ok((!entries.is_empty()).then_some(entries))
}
