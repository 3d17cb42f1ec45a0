//! The questions that a round asks for all of its writes at once (`seen.rs`).

use fanfare_core::ids::IdempotencyKey;
use fanfare_core::write::{Acceptance, OTHERS_LIMIT, Record};

use super::row::{big, int};
use super::rows::{Rows, columns};

/// A write, and its place in the batch.
pub(super) struct Of<'a, W> {
    pub(super) number: usize,
    pub(super) write: &'a W,
}

/// A batch is at most some hundreds long.
pub(super) fn place(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn of_accepts<'a>(accepts: &'a [Of<'a, Acceptance>]) -> Vec<Rows<'a>> {
    if accepts.is_empty() {
        return Vec::new();
    }
    let read = |sql, columns| Rows { sql, columns };
    let ids = columns!(accepts, of => [
        place(of.number),
        of.write.distribution.tenant.as_str(),
        of.write.distribution.id.0,
    ]);
    let events = columns!(accepts, of => [
        place(of.number),
        of.write.distribution.tenant.as_str(),
        of.write.distribution.event_id.as_str(),
    ]);
    let events_and_ids = columns!(accepts, of => [
        place(of.number),
        of.write.distribution.tenant.as_str(),
        of.write.distribution.event_id.as_str(),
        of.write.distribution.id.0,
    ]);
    let mut reads = vec![read(KNOWN, ids), read(OTHERS, events_and_ids), read(CLAIMS, events)];
    let keyed: Vec<_> = accepts.iter().filter(|of| of.write.idempotency_key.is_some()).collect();
    if !keyed.is_empty() {
        let keys = columns!(keyed, of => [
            place(of.number),
            of.write.distribution.tenant.as_str(),
            of.write.idempotency_key.as_ref().map(IdempotencyKey::as_str),
        ]);
        reads.push(read(KEYS, keys));
    }
    reads
}

pub(super) fn of_records<'a>(records: &'a [Of<'a, Record>]) -> Option<Rows<'a>> {
    (!records.is_empty()).then(|| Rows {
        sql: STORED,
        columns: columns!(records, of => [
            place(of.number),
            of.write.tenant.as_str(),
            of.write.id.0,
            big(of.write.history.token.0),
            int(of.write.history.number),
        ]),
    })
}

pub(super) const KNOWN: &str = "SELECT w.n FROM unnest($1::int[], $2::text[], $3::uuid[]) AS w (n, tenant, id)
    JOIN distribution_logs AS d ON d.tenant_id = w.tenant AND d.id = w.id";

/// Served by the index of events alone.
pub(super) const OTHERS: &str = "SELECT w.n, o.id
    FROM unnest($1::int[], $2::text[], $3::text[], $4::uuid[]) AS w (n, tenant, event, id)
    CROSS JOIN LATERAL (
        SELECT d.id FROM distribution_logs AS d
        WHERE d.tenant_id = w.tenant AND d.event_id = w.event AND d.id <> w.id
        ORDER BY d.id DESC LIMIT 20) AS o
    ORDER BY w.n, o.id DESC";
const _: () = assert!(OTHERS_LIMIT == 20, "OTHERS says so");

pub(super) const CLAIMS: &str = "SELECT w.n, c.channel, c.distribution_log_id, d.request_hash
    FROM unnest($1::int[], $2::text[], $3::text[]) AS w (n, tenant, event)
    JOIN distribution_channel_logs AS c
        ON c.tenant_id = w.tenant AND c.event_id = w.event AND c.holds_claim
    JOIN distribution_logs AS d ON d.tenant_id = c.tenant_id AND d.id = c.distribution_log_id";

pub(super) const KEYS: &str = "SELECT w.n, k.request_hash, k.distribution_log_id, k.accepted_at
    FROM unnest($1::int[], $2::text[], $3::text[]) AS w (n, tenant, key)
    JOIN idempotency_keys AS k ON k.tenant_id = w.tenant AND k.key = w.key";

pub(super) const STORED: &str =
    "SELECT w.n, d.event_id, (d.owner = w.token AND d.history_number = w.number - 1) IS TRUE
    FROM unnest($1::int[], $2::text[], $3::uuid[], $4::bigint[], $5::int[]) AS w (n, tenant, id, token, number)
    JOIN distribution_logs AS d ON d.tenant_id = w.tenant AND d.id = w.id";

pub(super) const WRITTEN: &str = "SELECT w.n
    FROM unnest($1::int[], $2::text[], $3::uuid[], $4::int[], $5::bigint[]) AS w (n, tenant, id, number, token)
    JOIN history AS h ON h.tenant_id = w.tenant AND h.distribution_log_id = w.id
        AND h.number = w.number AND h.token = w.token";

/// Claims that are not held any more: released, by FAILED and CANCELLED, or taken over by
/// another distribution; such a one is not wanted again by what its former holder does on.
pub(super) const RELEASED: &str = "SELECT w.n, c.channel, c.generation, c.status IN ('FAILED', 'CANCELLED')
    FROM unnest($1::int[], $2::text[], $3::uuid[]) AS w (n, tenant, id)
    JOIN distribution_channel_logs AS c ON c.tenant_id = w.tenant AND c.distribution_log_id = w.id
    WHERE NOT c.holds_claim";
