//! Taking over work that belongs to nobody, or to a life that is over.

use std::collections::BTreeMap;
use std::time::Duration;

use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::Adopted;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::error::SqlError;
use super::row::{Columns, big};
use super::session::Session;
use super::{lives, read};

/// Open work that is due, oldest first. Lives that are silent are ended before.
pub(super) async fn adopt(
    session: &Session,
    token: Incarnation,
    lease: Duration,
    due_by: Timestamp,
    limit: usize,
) -> Result<Vec<Adopted>, SqlError> {
    lives::end_silent(session, lease).await?;
    session.run("BEGIN").await?;
    // Four times as many are looked at, which must still be a number.
    let limit = i64::from(i32::try_from(limit).unwrap_or(i32::MAX));
    let rows = session.query(ADOPT_DUE, &[&due_by, &big(token.0), &limit]).await?;
    let adopted = read_back(session, &rows).await?;
    session.run("COMMIT").await?;
    Ok(adopted)
}

/// This life's own, oldest first.
pub(super) async fn owned(
    session: &Session,
    token: Incarnation,
    due_by: Timestamp,
    limit: usize,
) -> Result<Vec<(TenantId, DistributionId)>, SqlError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = session.query(OWNED, &[&due_by, &big(token.0), &limit]).await?;
    keys(&rows)
}

/// This one, wherever it stands; `None` where there is none, another life owns it, or it
/// can't be read.
pub(super) async fn adopt_one(
    session: &Session,
    token: Incarnation,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Option<Adopted>, SqlError> {
    session.run("BEGIN").await?;
    let rows = session
        .query(ADOPT_ONE, &[&tenant.as_str(), &id.0, &big(token.0)])
        .await?;
    let adopted = read_back(session, &rows).await?;
    session.run("COMMIT").await?;
    Ok(adopted.into_iter().next())
}

/// In the order of the rows. They are locked: nobody writes them meanwhile.
async fn read_back(session: &Session, rows: &[Row]) -> Result<Vec<Adopted>, SqlError> {
    let keys = keys(rows)?;
    let of: Vec<_> = keys.iter().map(|(tenant, id)| (tenant, *id)).collect();
    let mut whole = match read::whole(session, &of).await {
        Err(SqlError::Unreadable(_)) => readable(session, &of).await?,
        found => found?,
    };
    let distributions: Vec<Distribution> = keys.iter().filter_map(|(_, id)| whole.remove(id)).collect();
    read::with_others(session, distributions).await
}

/// One by one: what can't be read must not keep the rest from going on.
async fn readable(
    session: &Session,
    keys: &[(&TenantId, DistributionId)],
) -> Result<BTreeMap<DistributionId, Distribution>, SqlError> {
    let mut found = BTreeMap::new();
    for key in keys {
        match read::whole(session, std::slice::from_ref(key)).await {
            Err(SqlError::Unreadable(what)) => {
                tracing::error!(distribution = %key.1.0, what, "a distribution cannot be read: mend its rows");
            }
            one => found.extend(one?),
        }
    }
    Ok(found)
}

fn keys(rows: &[Row]) -> Result<Vec<(TenantId, DistributionId)>, SqlError> {
    let key = |row| {
        let table = "distribution_logs";
        let columns = Columns { table, row };
        let tenant = TenantId::new(columns.get::<&str>(0)?);
        Ok((tenant, DistributionId(columns.uuid(1)?)))
    };
    rows.iter().map(key).collect()
}

/// Served by the index of open work. A life that is over adopts nothing; what
/// another one is adopting right now is left to it, and so is what another one
/// has adopted since it was found: it is locked only where its owner is still
/// the one that was seen to be over.
pub(super) const ADOPT_DUE: &str = "WITH found AS MATERIALIZED (
        SELECT d.tenant_id, d.id, d.owner, d.due_at FROM distribution_logs AS d
        WHERE d.open AND d.due_at <= $1
            AND EXISTS (SELECT FROM incarnations AS i WHERE i.token = $2 AND i.ended_at IS NULL)
            AND NOT EXISTS (SELECT FROM incarnations AS i WHERE i.token = d.owner AND i.ended_at IS NULL)
        ORDER BY d.due_at, d.tenant_id, d.id LIMIT 4 * $3::bigint),
    due AS MATERIALIZED (
        SELECT d.tenant_id, d.id, d.due_at FROM found
        JOIN distribution_logs AS d ON d.tenant_id = found.tenant_id AND d.id = found.id
        WHERE d.owner IS NOT DISTINCT FROM found.owner AND d.open AND d.due_at <= $1
        ORDER BY found.due_at, found.tenant_id, found.id LIMIT $3 FOR UPDATE OF d SKIP LOCKED),
    taken AS (
        UPDATE distribution_logs AS d SET owner = $2 FROM due WHERE d.tenant_id = due.tenant_id AND d.id = due.id
        RETURNING d.tenant_id, d.id, due.due_at)
    SELECT tenant_id, id FROM taken ORDER BY due_at, tenant_id, id";

/// By the same index.
pub(super) const OWNED: &str = "SELECT tenant_id, id FROM distribution_logs
    WHERE open AND due_at <= $1 AND owner = $2 ORDER BY due_at, tenant_id, id LIMIT $3";

/// Own work stays as it is, and is only read.
const ADOPT_ONE: &str = "WITH found AS MATERIALIZED (
        SELECT d.tenant_id, d.id, d.owner FROM distribution_logs AS d
        WHERE d.tenant_id = $1 AND d.id = $2
            AND EXISTS (SELECT FROM incarnations AS i WHERE i.token = $3 AND i.ended_at IS NULL)
            AND NOT EXISTS (
                SELECT FROM incarnations AS i WHERE i.token = d.owner AND i.token <> $3 AND i.ended_at IS NULL)),
    free AS MATERIALIZED (
        SELECT d.tenant_id, d.id, d.owner FROM found
        JOIN distribution_logs AS d ON d.tenant_id = found.tenant_id AND d.id = found.id
        WHERE d.owner IS NOT DISTINCT FROM found.owner FOR UPDATE OF d),
    taken AS (
        UPDATE distribution_logs AS d SET owner = $3 FROM free
        WHERE d.tenant_id = free.tenant_id AND d.id = free.id AND free.owner IS DISTINCT FROM $3)
    SELECT tenant_id, id FROM free";
