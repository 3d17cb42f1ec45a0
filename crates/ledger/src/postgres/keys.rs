//! What clients called their requests: the same key, the same answer (I12).

use fanfare_core::ids::{DistributionId, IdempotencyKey, TenantId};
use fanfare_core::write::Acceptance;
use jiff::Timestamp;

use super::error::SqlError;
use super::row::{Columns, big, compared};
use super::rows::{Rows, columns};
use super::session::Session;

/// The keys of what was accepted. An older request of the same key has had its
/// day; one that has not, and came in between, is a conflict.
pub(super) fn insert<'a>(accepted: &'a [&'a Acceptance]) -> Option<Rows<'a>> {
    let mut rows: Vec<&Acceptance> = accepted.to_vec();
    rows.retain(|acceptance| acceptance.idempotency_key.is_some());
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|acceptance| (&acceptance.distribution.tenant, &acceptance.idempotency_key));
    let columns = columns!(rows, acceptance => [
        acceptance.distribution.tenant.as_str(),
        acceptance.idempotency_key.as_ref().map(IdempotencyKey::as_str),
        &acceptance.distribution.request.hash.0[..],
        acceptance.distribution.id.0,
        acceptance.distribution.accepted_at,
    ]);
    Some(Rows { sql: INSERT, columns })
}

/// The lifetime is that of [`KEY_LIFETIME`](crate::store::KEY_LIFETIME).
const INSERT: &str = "INSERT INTO idempotency_keys AS k
        (tenant_id, key, request_hash, distribution_log_id, accepted_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::timestamptz[])
    ON CONFLICT (tenant_id, key) DO UPDATE SET request_hash = excluded.request_hash,
        distribution_log_id = excluded.distribution_log_id, accepted_at = excluded.accepted_at
    WHERE k.accepted_at <= excluded.accepted_at - interval '24 hours'";

/// What was accepted with this key, unless that is longer ago.
pub(super) async fn distribution(
    session: &Session,
    tenant: &TenantId,
    key: &IdempotencyKey,
    accepted_after: Timestamp,
) -> Result<Option<DistributionId>, SqlError> {
    let sql = "SELECT distribution_log_id FROM idempotency_keys
         WHERE tenant_id = $1 AND key = $2 AND accepted_at > $3";
    let row = session
        .query_opt(sql, &[&tenant.as_str(), &key.as_str(), &compared(accepted_after)])
        .await?;
    let table = "idempotency_keys";
    row.map(|row| Columns { table, row: &row }.uuid(0).map(DistributionId))
        .transpose()
}

/// Forgets keys of requests accepted before that time, at most so many.
pub(super) async fn expire(session: &Session, accepted_before: Timestamp, at_most: u64) -> Result<u64, SqlError> {
    let sql = "DELETE FROM idempotency_keys WHERE (tenant_id, key) IN (
             SELECT tenant_id, key FROM idempotency_keys WHERE accepted_at < $1
             ORDER BY accepted_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    session.execute(sql, &[&accepted_before, &big(at_most)]).await
}
