//! Changing a distribution: fenced by its owner and its number, claims taken
//! again, its outcome put into the outbox in the same transaction.
//!
//! What this decides is what the `SQLite` store decides, from what was read
//! before (`seen.rs`); its deliveries are in `deliveries.rs`.

use fanfare_core::attempt::Attempt;
use fanfare_core::delivery::Delivery;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::ids::EventId;
use fanfare_core::write::{Holder, Record, Written};

use super::commit::Plan;
use super::error::SqlError;
use super::row::{big, int, json};
use super::rows::{Rows, columns};
use super::seen::SeenRecord;
use super::spending;

/// A record that is written, with what was seen before.
pub(super) struct Change<'a> {
    pub(super) record: &'a Record,
    pub(super) event: &'a EventId,
    /// For each of the record's deliveries: the claim is released or taken
    /// again; `None` leaves it as it is.
    pub(super) holds: Vec<Option<bool>>,
    /// What the version to be frozen says.
    pub(super) said: Option<&'a DistributionCompleted>,
}

/// Whether it needs to know what was there before.
pub(super) fn looks_back(record: &Record) -> bool {
    record.freeze.is_some() || record.deliveries.iter().any(|delivery| needs_claim(record, delivery))
}

/// Whether it may release a claim, or needs one.
pub(super) fn touches_claims(record: &Record) -> bool {
    let touches = |delivery: &Delivery| !delivery.holds_claim || needs_claim(record, delivery);
    record.deliveries.iter().any(touches)
}

/// By a redrive, or because it begins.
fn needs_claim(record: &Record, delivery: &Delivery) -> bool {
    may_take_again(delivery) || record.begins(delivery)
}

/// A redrive opens a generation and takes the claim again.
fn may_take_again(delivery: &Delivery) -> bool {
    delivery.holds_claim && delivery.generation > 1
}

/// The answer, and whether anything changes by it.
pub(super) fn decide<'a>(record: &'a Record, seen: &'a SeenRecord, plan: &mut Plan<'a>) -> (Written, bool) {
    let (true, Some(event)) = (seen.next, &seen.event) else {
        // A write that is given again, because the answer to its commit was
        // lost, is known by its number and token.
        let answer = if seen.written {
            Written::Recorded
        } else {
            Written::Fenced
        };
        return (answer, false);
    };
    let lost = |delivery: &Delivery| record.begins(delivery) && seen.taken_over.contains(&delivery.channel);
    if record.deliveries.iter().any(lost) {
        return (Written::TakenOver, false);
    }
    let holders = holders_against(record, seen);
    if !holders.is_empty() {
        return (Written::Held { holders }, false);
    }
    let over = spending::overspent(&record.spends, &seen.spent);
    if !over.is_empty() {
        return (Written::OverSpent { over }, false);
    }
    let holds = |delivery: &Delivery| {
        let again = takes_again(delivery, seen).then_some(true);
        again.or((!delivery.holds_claim).then_some(false))
    };
    plan.changed.push(Change {
        record,
        event,
        holds: record.deliveries.iter().map(holds).collect(),
        said: seen.said.as_ref(),
    });
    (Written::Recorded, true)
}

/// Whether a claim that was released is wanted again.
fn takes_again(delivery: &Delivery, seen: &SeenRecord) -> bool {
    let released = seen.released.get(&delivery.channel);
    may_take_again(delivery) && released.is_some_and(|generation| delivery.generation > *generation)
}

/// Who holds the claims that this record would take again.
fn holders_against(record: &Record, seen: &SeenRecord) -> Vec<Holder> {
    let wanted = record.deliveries.iter().filter(|delivery| takes_again(delivery, seen));
    let claims = wanted.filter_map(|d| seen.claims.iter().find(|claim| claim.channel == d.channel));
    claims
        .map(|claim| Holder {
            channel: claim.channel,
            distribution: claim.distribution,
        })
        .collect()
}

/// The rows of the distributions themselves; only its owner's, and only the next.
pub(super) fn update<'a>(changed: &'a [Change<'a>]) -> Rows<'a> {
    let mut sorted: Vec<&Record> = changed.iter().map(|change| change.record).collect();
    sorted.sort_by_key(|record| (&record.tenant, record.id));
    let columns = columns!(sorted, r => [
        r.tenant.as_str(),
        r.id.0,
        big(r.history.token.0),
        int(r.history.number),
        r.status.name(),
        int(r.version),
        r.published.as_ref().map(|digest| digest.0.as_str()),
        r.owner.map(|owner| big(owner.0)),
        r.due_at,
        r.open,
        r.completed_at,
        r.history.at,
    ]);
    Rows::changing(UPDATE, changed.len(), columns)
}

/// What was due already and still is stays due since then: its time is in an
/// index, and the row stays in its page (HOT) only if nothing of that changes.
const UPDATE: &str = "WITH changed AS (UPDATE distribution_logs AS d SET status = w.status, version = w.version,
        published = w.published, history_number = w.number, written_by = w.token, owner = w.owner,
        due_at = CASE WHEN d.open AND w.open AND d.due_at <= w.due_at AND w.due_at <= w.at
            THEN d.due_at ELSE w.due_at END, open = w.open, completed_at = w.completed_at
    FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::int[], $7::text[],
        $8::bigint[], $9::timestamptz[], $10::boolean[], $11::timestamptz[], $12::timestamptz[])
        AS w (tenant, id, token, number, status, version, published, owner, due_at, open, completed_at, at)
    WHERE d.tenant_id = w.tenant AND d.id = w.id AND d.owner = w.token AND d.history_number = w.number - 1
    RETURNING 1) SELECT 1 / (count(*) = $13)::int FROM changed";

struct Superseded<'a> {
    record: &'a Record,
    attempt: &'a Attempt,
    failure: Option<String>,
}

/// Attempts that others have superseded.
pub(super) fn insert_attempts<'a>(changed: &'a [Change<'a>]) -> Result<Option<Rows<'a>>, SqlError> {
    let mut rows = Vec::new();
    for Change { record, .. } in changed {
        for attempt in &record.superseded {
            let failure = attempt.failure.as_ref().map(json).transpose()?;
            rows.push(Superseded {
                record,
                attempt,
                failure,
            });
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let columns = columns!(rows, row => [
        row.record.tenant.as_str(),
        row.record.id.0,
        row.attempt.channel.name(),
        int(row.attempt.generation),
        int(row.attempt.attempt),
        row.attempt.phase.name(),
        row.failure.clone(),
        row.attempt.started_at,
        row.attempt.ended_at,
    ]);
    Ok(Some(Rows { sql: ATTEMPTS, columns }))
}

const ATTEMPTS: &str = "INSERT INTO attempts (tenant_id, distribution_log_id, channel, generation, attempt,
        phase, failure, started_at, ended_at)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::int[], $6::text[], $7::text[],
        $8::timestamptz[], $9::timestamptz[])";
