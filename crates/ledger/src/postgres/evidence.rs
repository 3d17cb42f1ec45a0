//! What was heard too late to be recorded: append-only, and never refused.

use fanfare_core::attempt::Evidence;
use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::Written;

use super::error::SqlError;
use super::row::{Columns, big, int, json};
use super::rows::{Rows, columns};
use super::session::Session;

/// What is answered.
pub(super) fn noted(evidence: &Evidence) -> Written {
    Written::Noted {
        channel: evidence.channel,
        generation: evidence.generation,
        attempt: evidence.attempt,
    }
}

/// Keeps it; one that is given again is kept once, and one of a distribution
/// that was deleted is of no more use.
pub(super) fn insert<'a>(evidence: &'a [&'a Evidence]) -> Result<Option<Rows<'a>>, SqlError> {
    if evidence.is_empty() {
        return Ok(None);
    }
    let mut sorted: Vec<&Evidence> = evidence.to_vec();
    sorted.sort_by_key(|e| (&e.tenant, e.distribution, e.channel, e.generation, e.attempt, e.token));
    let mut columns = columns!(sorted, e => [
        e.tenant.as_str(),
        e.distribution.0,
        e.channel.name(),
        int(e.generation),
        int(e.attempt),
        big(e.token.0),
        e.at,
    ]);
    let proofs: Result<Vec<_>, _> = sorted.iter().map(|e| json(&e.proof)).collect();
    columns.push(Box::new(proofs?));
    Ok(Some(Rows { sql: INSERT, columns }))
}

const INSERT: &str = "INSERT INTO evidence (tenant_id, distribution_log_id, channel, generation, attempt, token,
        at, proof)
    SELECT w.* FROM unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::int[], $6::bigint[],
        $7::timestamptz[], $8::text[]) AS w (tenant, id, channel, generation, attempt, token, at, proof)
    JOIN distribution_logs AS d ON d.tenant_id = w.tenant AND d.id = w.id
    ON CONFLICT DO NOTHING";

/// Oldest first.
pub(super) async fn of_distribution(
    session: &Session,
    tenant: &TenantId,
    id: DistributionId,
) -> Result<Vec<Evidence>, SqlError> {
    let sql = "SELECT channel, generation, attempt, token, at, proof FROM evidence
         WHERE tenant_id = $1 AND distribution_log_id = $2 ORDER BY at, channel, generation, attempt, token";
    let rows = session.query(sql, &[&tenant.as_str(), &id.0]).await?;
    let evidence = |row| {
        let columns = Columns { table: "evidence", row };
        Ok(Evidence {
            tenant: tenant.clone(),
            distribution: id,
            channel: columns.word(0, Channel::from_name)?,
            generation: columns.number(1)?,
            attempt: columns.number(2)?,
            token: Incarnation(columns.number(3)?),
            at: columns.get(4)?,
            proof: columns.json(5)?,
        })
    };
    rows.iter().map(evidence).collect()
}
