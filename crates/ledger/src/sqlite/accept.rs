//! Accepting a distribution: its own repeat, its claims, its rows; its key is in
//! `keys.rs`.
//!
//! A happy acceptance asks two questions (the key, the event) and writes; all
//! else is asked only where the event has other distributions.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::Delivery;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::request::RequestHash;
use fanfare_core::write::{Acceptance, Holder, Written};
use rusqlite::{Connection, params};

use super::error::SqlError;
use super::record::insert_history;
use super::row::{Columns, UuidText, int, json, time_text};
use super::{check_one, keys, read, spending};

/// Accepts it, or says why not; then nothing of it is written.
pub(super) fn accept(connection: &Connection, acceptance: &Acceptance) -> Result<Written, SqlError> {
    let distribution = &acceptance.distribution;
    let others = read::others_of(connection, distribution)?;
    let fresh = others.ids.is_empty() && !others.own;
    let known = || read::exists(connection, &distribution.tenant, distribution.id);
    if fresh || !known()? {
        if let Some(refusal) = keys::answer(connection, acceptance)? {
            return Ok(refusal);
        }
        let holders = if others.ids.is_empty() {
            Vec::new()
        } else {
            holders(connection, distribution)?
        };
        if let Some(refusal) = refusal_by(connection, acceptance, &holders)? {
            return Ok(refusal);
        }
        let over = spending::overspent(connection, &distribution.tenant, distribution.id, &acceptance.spends)?;
        if !over.is_empty() {
            return Ok(Written::OverSpent { over });
        }
        if acceptance.only_if_known {
            return Ok(Written::NotKnown);
        }
        for holder in &holders {
            release(connection, &distribution.tenant, holder)?;
        }
        insert(connection, acceptance)?;
    }
    Ok(Written::Accepted { others: others.ids })
}

/// Where others hold claims that this one wants: without a key, the same body is
/// a repeat, also of a request that took claims over itself; another one takes
/// them over if it says so, else it is told who they are.
fn refusal_by(
    connection: &Connection,
    acceptance: &Acceptance,
    holders: &[Holder],
) -> Result<Option<Written>, SqlError> {
    let distribution = &acceptance.distribution;
    if acceptance.idempotency_key.is_none() {
        for holder in holders {
            let hash = request_hash(connection, &distribution.tenant, holder.distribution)?;
            if hash == distribution.request.hash {
                let existing = holder.distribution;
                return Ok(Some(Written::Replayed { existing }));
            }
        }
    }
    let is_held = !holders.is_empty() && !distribution.request.request.allow_repeat;
    Ok(is_held.then(|| Written::Held {
        holders: holders.to_vec(),
    }))
}

/// Who holds the claims that this one wants, in the order of its deliveries.
fn holders(connection: &Connection, distribution: &Distribution) -> Result<Vec<Holder>, SqlError> {
    let mut holders = Vec::new();
    for delivery in distribution.deliveries.iter().filter(|d| d.holds_claim) {
        let (tenant, event) = (&distribution.tenant, distribution.event_id.as_str());
        holders.extend(holder(connection, tenant, event, delivery.channel)?);
    }
    Ok(holders)
}

/// Who holds the claim of this event and channel.
pub(super) fn holder(
    connection: &Connection,
    tenant: &TenantId,
    event: &str,
    channel: Channel,
) -> Result<Option<Holder>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT distribution_log_id FROM distribution_channel_logs
         WHERE tenant_id = ?1 AND event_id = ?2 AND channel = ?3 AND holds_claim = 1",
    )?;
    let mut rows = statement.query(params![tenant.as_str(), event, channel.name()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let columns = Columns {
        table: "distribution_channel_logs",
        row,
    };
    Ok(Some(Holder {
        channel,
        distribution: DistributionId(columns.uuid(0)?),
    }))
}

fn request_hash(connection: &Connection, tenant: &TenantId, id: DistributionId) -> Result<RequestHash, SqlError> {
    let mut statement =
        connection.prepare_cached("SELECT request_hash FROM distribution_logs WHERE tenant_id = ?1 AND id = ?2")?;
    let mut rows = statement.query(params![tenant.as_str(), UuidText::of(id.0)])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let table = "distribution_logs";
    Columns { table, row }.hash(0)
}

fn release(connection: &Connection, tenant: &TenantId, holder: &Holder) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "UPDATE distribution_channel_logs SET holds_claim = 0
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND channel = ?3",
    )?;
    let id = UuidText::of(holder.distribution.0);
    let changed = statement.execute(params![tenant.as_str(), id, holder.channel.name()])?;
    check_one(changed)
}

fn insert(connection: &Connection, acceptance: &Acceptance) -> Result<(), SqlError> {
    let distribution = &acceptance.distribution;
    let id = UuidText::of(distribution.id.0);
    insert_distribution(connection, acceptance, &id)?;
    for (position, delivery) in (0_i64..).zip(&distribution.deliveries) {
        insert_delivery(connection, distribution, &id, position, delivery)?;
    }
    insert_history(connection, &distribution.tenant, &id, &acceptance.history)?;
    if let Some(key) = &acceptance.idempotency_key {
        keys::insert(connection, distribution, &id, key)?;
    }
    spending::keep(connection, &distribution.tenant, distribution.id, &acceptance.spends)
}

fn insert_distribution(connection: &Connection, acceptance: &Acceptance, id: &UuidText) -> Result<(), SqlError> {
    let distribution = &acceptance.distribution;
    let mut statement = connection.prepare_cached(
        "INSERT INTO distribution_logs (tenant_id, id, event_id, status, version, published,
             history_number, owner, due_at, open, created_at, completed_at, request_hash, request)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    check_one(statement.execute(params![
        distribution.tenant.as_str(),
        id,
        distribution.event_id.as_str(),
        distribution.status.name(),
        distribution.version,
        distribution.published.as_ref().map(|digest| &digest.0),
        acceptance.history.number,
        acceptance.owner.map(|owner| int(owner.0)),
        acceptance.due_at.map(time_text),
        distribution.open(),
        time_text(distribution.accepted_at),
        distribution.completed_at.map(time_text),
        &distribution.request.hash.0[..],
        distribution.request.stored(),
    ])?)
}

fn insert_delivery(
    connection: &Connection,
    distribution: &Distribution,
    id: &UuidText,
    position: i64,
    delivery: &Delivery,
) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO distribution_channel_logs (tenant_id, distribution_log_id, channel, position,
             id, event_id, status, mode, generation, attempt, phase, attempt_started_at,
             checkpoint, receipt, failure, next_attempt_at, holds_claim, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?;
    check_one(statement.execute(params![
        distribution.tenant.as_str(),
        id,
        delivery.channel.name(),
        position,
        UuidText::of(delivery.id.0),
        distribution.event_id.as_str(),
        delivery.status.name(),
        delivery.mode.name(),
        delivery.generation,
        delivery.attempt,
        delivery.phase.name(),
        delivery.attempt_started_at.map(time_text),
        delivery.checkpoint.as_ref().map(json).transpose()?,
        delivery.receipt.as_ref().map(json).transpose()?,
        delivery.failure.as_ref().map(json).transpose()?,
        delivery.next_attempt_at.map(time_text),
        delivery.holds_claim,
        time_text(delivery.updated_at),
    ])?)
}
