//! The history: one row for each distribution and commit.

use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::write::Acceptance;

use super::error::SqlError;
use super::record::Change;
use super::row::{big, int, json, said};
use super::rows::{Rows, columns};
use super::transitions;

struct Row<'a> {
    tenant: &'a TenantId,
    id: DistributionId,
    entry: &'a HistoryEntry,
}

/// The entries of what was accepted and of what was changed.
pub(super) fn insert<'a>(
    accepted: &'a [&'a Acceptance],
    changed: &'a [Change<'a>],
) -> Result<Option<Rows<'a>>, SqlError> {
    let accepted = accepted.iter().map(|acceptance| Row {
        tenant: &acceptance.distribution.tenant,
        id: acceptance.distribution.id,
        entry: &acceptance.history,
    });
    let changed = changed.iter().map(|change| Row {
        tenant: &change.record.tenant,
        id: change.record.id,
        entry: &change.record.history,
    });
    let mut rows: Vec<Row<'_>> = accepted.chain(changed).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    rows.sort_by_key(|row| (row.tenant, row.id, row.entry.number));
    let mut columns = columns!(rows, row => [
        row.tenant.as_str(),
        row.id.0,
        int(row.entry.number),
        row.entry.at,
        &*row.entry.actor,
        big(row.entry.token.0),
        row.entry.reason.as_deref().map(said),
    ]);
    let transitions: Result<Vec<_>, _> = rows
        .iter()
        .map(|row| json(&transitions::short(&row.entry.transitions)))
        .collect();
    columns.push(Box::new(transitions?));
    Ok(Some(Rows { sql: INSERT, columns }))
}

const INSERT: &str = "INSERT INTO history (tenant_id, distribution_log_id, number, at, actor, token, reason,
        transitions)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[], $4::timestamptz[], $5::text[], $6::bigint[], $7::text[],
        $8::text[])";
