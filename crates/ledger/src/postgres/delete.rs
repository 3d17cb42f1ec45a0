//! Deleting closed distributions, with all that is kept of them but notices: those
//! are forgotten by their own age, which is no longer (`Notices::forget_notices`).

use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use uuid::Uuid;

use super::error::SqlError;
use super::row::Columns;
use super::session::{Session, call};
use crate::listing::ids_before;

/// What belongs to a distribution, and then itself; what it spent goes with it.
const DELETES: [&str; 7] = [
    "DELETE FROM evidence WHERE tenant_id = $1 AND distribution_log_id = ANY ($2)",
    "DELETE FROM attempts WHERE tenant_id = $1 AND distribution_log_id = ANY ($2)",
    "DELETE FROM history WHERE tenant_id = $1 AND distribution_log_id = ANY ($2)",
    "DELETE FROM outbox WHERE tenant_id = $1 AND distribution_log_id = ANY ($2)",
    "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND distribution_log_id = ANY ($2)",
    "DELETE FROM distribution_channel_logs WHERE tenant_id = $1 AND distribution_log_id = ANY ($2)",
    "DELETE FROM distribution_logs WHERE tenant_id = $1 AND id = ANY ($2)",
];

/// By the key's index, however many rows a tenant has.
pub(super) async fn tenant_after(session: &Session, tenant: &str) -> Result<Option<TenantId>, SqlError> {
    let sql = "SELECT tenant_id FROM distribution_logs WHERE tenant_id > $1 ORDER BY tenant_id LIMIT 1";
    let row = session.query_opt(sql, &[&tenant]).await?;
    let table = "distribution_logs";
    row.map(|row| Columns { table, row: &row }.get::<&str>(0).map(TenantId::new))
        .transpose()
}

/// The tenant's oldest, at most so many, in one transaction.
pub(super) async fn delete_closed(
    session: &Session,
    tenant: &TenantId,
    accepted_before: Timestamp,
    unpublished_stay: bool,
    limit: usize,
) -> Result<usize, SqlError> {
    session.run("BEGIN").await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (tenant, ids_before) = (tenant.as_str(), ids_before(accepted_before));
    let rows = session
        .query(
            CLOSED,
            &[&tenant, &ids_before, &accepted_before, &unpublished_stay, &limit],
        )
        .await?;
    let table = "distribution_logs";
    let ids: Result<Vec<Uuid>, _> = rows.iter().map(|row| Columns { table, row }.uuid(0)).collect();
    let ids = ids?;
    if !ids.is_empty() {
        let deletes = DELETES.map(|sql| call(sql, &[&tenant, &ids]));
        session.execute_all(&deletes).await?;
    }
    session.run("COMMIT").await?;
    Ok(ids.len())
}

pub(super) const CLOSED: &str = "SELECT d.id FROM distribution_logs AS d
    WHERE d.tenant_id = $1 AND d.id < $2 AND d.created_at < $3 AND NOT d.open
        AND NOT ($4 AND EXISTS (
            SELECT FROM outbox AS o
            WHERE o.tenant_id = d.tenant_id AND o.distribution_log_id = d.id AND o.published_at IS NULL))
    ORDER BY d.id LIMIT $5 FOR UPDATE OF d SKIP LOCKED";
