//! Accepting a distribution: its own repeat, its key, its claims, its row.
//!
//! What this decides is what the `SQLite` store decides, from what was read
//! before (`seen.rs`); its deliveries are in `deliveries.rs`.

use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::write::{Acceptance, Holder, Written};

use super::commit::Plan;
use super::row::{big, int};
use super::rows::{Rows, columns};
use super::seen::{Claim, KnownKey, SeenAcceptance};
use super::spending;
use crate::store::KEY_LIFETIME;

/// A claim that is taken over.
pub(super) struct Released<'a> {
    tenant: &'a TenantId,
    distribution: DistributionId,
    channel: Channel,
}

/// The answer, and whether anything changes by it.
pub(super) fn decide<'a>(acceptance: &'a Acceptance, seen: &'a SeenAcceptance, plan: &mut Plan<'a>) -> (Written, bool) {
    let others = seen.others.clone();
    if seen.known {
        return (Written::Accepted { others }, false);
    }
    if let Some(refusal) = seen.key.as_ref().and_then(|key| answer_of_key(acceptance, key)) {
        return (refusal, false);
    }
    let holders = holders(acceptance, seen);
    if let Some(refusal) = settle_claims(acceptance, &holders) {
        return (refusal, false);
    }
    let over = spending::overspent(&acceptance.spends, &seen.spent);
    if !over.is_empty() {
        return (Written::OverSpent { over }, false);
    }
    if acceptance.only_if_known {
        return (Written::NotKnown, false);
    }
    plan.released.extend(holders.iter().map(|claim| Released {
        tenant: &acceptance.distribution.tenant,
        distribution: claim.distribution,
        channel: claim.channel,
    }));
    plan.accepted.push(acceptance);
    (Written::Accepted { others }, true)
}

fn answer_of_key(acceptance: &Acceptance, key: &KnownKey) -> Option<Written> {
    let new = &acceptance.distribution;
    if new.accepted_at.duration_since(key.accepted_at) >= KEY_LIFETIME {
        return None;
    }
    let existing = key.existing;
    Some(if key.hash == new.request.hash {
        Written::Replayed { existing }
    } else {
        Written::KeyReused { existing }
    })
}

/// Who holds the claims that this one wants, in the order of its deliveries.
fn holders<'a>(acceptance: &Acceptance, seen: &'a SeenAcceptance) -> Vec<&'a Claim> {
    let wanted = acceptance.distribution.deliveries.iter().filter(|d| d.holds_claim);
    wanted
        .filter_map(|delivery| seen.claims.iter().find(|claim| claim.channel == delivery.channel))
        .collect()
}

/// Where others hold claims that this one wants: without a key, the same body is
/// a repeat, also of a request that took claims over itself; another one takes
/// them over if it says so, else it is told who they are.
fn settle_claims(acceptance: &Acceptance, holders: &[&Claim]) -> Option<Written> {
    let request = &acceptance.distribution.request;
    if acceptance.idempotency_key.is_none()
        && let Some(same) = holders.iter().find(|claim| claim.hash == request.hash)
    {
        let existing = same.distribution;
        return Some(Written::Replayed { existing });
    }
    if holders.is_empty() || request.request.allow_repeat {
        return None;
    }
    let holder = |claim: &&Claim| Holder {
        channel: claim.channel,
        distribution: claim.distribution,
    };
    Some(Written::Held {
        holders: holders.iter().map(holder).collect(),
    })
}

/// Takes claims from their holders.
pub(super) fn release<'a>(released: &'a [Released<'a>]) -> Rows<'a> {
    let columns = columns!(released, r => [r.tenant.as_str(), r.distribution.0, r.channel.name()]);
    Rows::changing(RELEASE, released.len(), columns)
}

const RELEASE: &str = "WITH changed AS (UPDATE distribution_channel_logs AS c SET holds_claim = false
    FROM unnest($1::text[], $2::uuid[], $3::text[]) AS w (tenant, id, channel)
    WHERE c.tenant_id = w.tenant AND c.distribution_log_id = w.id AND c.channel = w.channel AND c.holds_claim
    RETURNING 1) SELECT 1 / (count(*) = $4)::int FROM changed";

/// The rows of the distributions themselves.
pub(super) fn insert<'a>(accepted: &'a [&'a Acceptance]) -> Rows<'a> {
    let mut sorted: Vec<&Acceptance> = accepted.to_vec();
    sorted.sort_by_key(|a| (&a.distribution.tenant, a.distribution.id));
    let columns = columns!(sorted, a => [
        a.distribution.tenant.as_str(),
        a.distribution.id.0,
        a.distribution.event_id.as_str(),
        a.distribution.accepted_at,
        &a.distribution.request.hash.0[..],
        a.distribution.request.stored(),
        int(a.history.number),
        int(a.distribution.version),
        big(a.history.token.0),
        a.owner.map(|owner| big(owner.0)),
        a.distribution.open(),
        a.due_at,
        a.distribution.completed_at,
        a.distribution.status.name(),
        a.distribution.published.as_ref().map(|digest| digest.0.as_str()),
    ]);
    Rows { sql: INSERT, columns }
}

const INSERT: &str = "INSERT INTO distribution_logs (tenant_id, id, event_id, created_at, request_hash, request,
        history_number, version, written_by, owner, open, due_at, completed_at, status, published)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bytea[], $6::text[],
        $7::int[], $8::int[], $9::bigint[], $10::bigint[], $11::boolean[], $12::timestamptz[],
        $13::timestamptz[], $14::text[], $15::text[])";
