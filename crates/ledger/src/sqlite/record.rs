//! Changing a distribution: fenced, claims taken again, and its outcome
//! published in the same transaction.

use fanfare_core::attempt::Attempt;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::TenantId;
use fanfare_core::notice::Subscription;
use fanfare_core::write::{Holder, Record, Written};
use rusqlite::{Connection, OptionalExtension, params};

use super::error::SqlError;
use super::row::{UuidText, int, json, time_text, transitions_json};
use super::{accept, check_one, notices, outbox, spending};

/// Changes it, or says why not; then nothing of it is written.
pub(super) fn record(
    connection: &Connection,
    record: &Record,
    subscriptions: &[Subscription],
) -> Result<Written, SqlError> {
    let id = UuidText::of(record.id.0);
    let redrives = || record.deliveries.iter().any(may_take_again);
    if record.freeze.is_some() || redrives() {
        // These look at what was there before: first make sure that it is ours.
        if !is_next(connection, record, &id)? {
            return unless_written_before(connection, record, &id);
        }
        let holders = holders_against(connection, record, &id)?;
        if !holders.is_empty() {
            return Ok(Written::Held { holders });
        }
        let over = spending::overspent(connection, &record.tenant, record.id, &record.spends)?;
        if !over.is_empty() {
            return Ok(Written::OverSpent { over });
        }
        if let Some(version) = record.freeze {
            outbox::freeze(connection, &record.tenant, record.id, version)?;
        }
    }
    for delivery in record.deliveries.iter().filter(|delivery| record.begins(delivery)) {
        let still_ours = || is_next(connection, record, &id);
        if !holds_claim(connection, &record.tenant, &id, delivery)? && still_ours()? {
            return Ok(Written::TakenOver);
        }
    }
    if !update_distribution(connection, record, &id)? {
        return unless_written_before(connection, record, &id);
    }
    for delivery in &record.deliveries {
        update_delivery(connection, &record.tenant, &id, delivery)?;
    }
    for attempt in &record.superseded {
        insert_attempt(connection, &record.tenant, &id, attempt)?;
    }
    insert_history(connection, &record.tenant, &id, &record.history)?;
    spending::keep(connection, &record.tenant, record.id, &record.spends)?;
    if record.publish {
        outbox::insert(connection, record, &id)?;
    }
    notices::tell_of(connection, subscriptions, record, &id)?;
    Ok(Written::Recorded)
}

/// A redrive opens a generation and takes the claim again.
fn may_take_again(delivery: &Delivery) -> bool {
    delivery.holds_claim && delivery.generation > 1
}

fn is_next(connection: &Connection, record: &Record, id: &UuidText) -> Result<bool, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM distribution_logs
         WHERE tenant_id = ?1 AND id = ?2 AND owner = ?3 AND history_number = ?4",
    )?;
    Ok(statement.exists(params![
        record.tenant.as_str(),
        id,
        int(record.history.token.0),
        i64::from(record.history.number) - 1,
    ])?)
}

/// A write that is given again, because the answer to its commit was lost, is
/// known by its number and token.
fn unless_written_before(connection: &Connection, record: &Record, id: &UuidText) -> Result<Written, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM history
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND number = ?3 AND token = ?4",
    )?;
    let written = statement.exists(params![
        record.tenant.as_str(),
        id,
        record.history.number,
        int(record.history.token.0),
    ])?;
    Ok(if written { Written::Recorded } else { Written::Fenced })
}

/// Who holds the claims that this record would take again.
fn holders_against(connection: &Connection, record: &Record, id: &UuidText) -> Result<Vec<Holder>, SqlError> {
    let mut holders = Vec::new();
    for delivery in record.deliveries.iter().filter(|d| may_take_again(d)) {
        let stored = stored_claim(connection, &record.tenant, id, delivery)?;
        if stored.takes_again(delivery) {
            let (tenant, event) = (&record.tenant, &stored.event_id);
            holders.extend(accept::holder(connection, tenant, event, delivery.channel)?);
        }
    }
    Ok(holders)
}

fn holds_claim(
    connection: &Connection,
    tenant: &TenantId,
    id: &UuidText,
    delivery: &Delivery,
) -> Result<bool, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM distribution_channel_logs
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND channel = ?3 AND holds_claim = 1",
    )?;
    Ok(statement.exists(params![tenant.as_str(), id, delivery.channel.name()])?)
}

/// What decides about a delivery's claim.
struct StoredClaim {
    event_id: String,
    released: bool,
    generation: u32,
}

impl StoredClaim {
    /// Whether a claim that was released is wanted again. One that another
    /// distribution has taken over is not wanted again by what its former
    /// holder does on.
    fn takes_again(&self, new: &Delivery) -> bool {
        may_take_again(new) && self.released && new.generation > self.generation
    }
}

fn stored_claim(
    connection: &Connection,
    tenant: &TenantId,
    id: &UuidText,
    delivery: &Delivery,
) -> Result<StoredClaim, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT event_id, status, holds_claim, generation FROM distribution_channel_logs
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND channel = ?3",
    )?;
    let key = params![tenant.as_str(), id, delivery.channel.name()];
    let stored = statement.query_row(key, |row| {
        let status: String = row.get(1)?;
        let given_up = [DeliveryStatus::Failed, DeliveryStatus::Cancelled].map(DeliveryStatus::name);
        Ok(StoredClaim {
            event_id: row.get(0)?,
            released: !row.get::<_, bool>(2)? && given_up.contains(&status.as_str()),
            generation: row.get(3)?,
        })
    });
    let unknown = || rusqlite::Error::StatementChangedRows(0);
    Ok(stored.optional()?.ok_or_else(unknown)?)
}

fn update_distribution(connection: &Connection, record: &Record, id: &UuidText) -> Result<bool, SqlError> {
    let mut statement = connection.prepare_cached(
        "UPDATE distribution_logs SET status = ?5, version = ?6, published = ?7,
             history_number = ?8, owner = ?9, due_at = ?10, open = ?11, completed_at = ?12
         WHERE tenant_id = ?1 AND id = ?2 AND owner = ?3 AND history_number = ?4",
    )?;
    let changed = statement.execute(params![
        record.tenant.as_str(),
        id,
        int(record.history.token.0),
        i64::from(record.history.number) - 1,
        record.status.name(),
        record.version,
        record.published.as_ref().map(|digest| &digest.0),
        record.history.number,
        record.owner.map(|owner| int(owner.0)),
        record.due_at.map(time_text),
        record.open,
        record.completed_at.map(time_text),
    ])?;
    Ok(changed == 1)
}

/// The claim's index is left alone wherever the claim does not change.
fn update_delivery(
    connection: &Connection,
    tenant: &TenantId,
    id: &UuidText,
    delivery: &Delivery,
) -> Result<(), SqlError> {
    update_claim(connection, tenant, id, delivery)?;
    let mut statement = connection.prepare_cached(
        "UPDATE distribution_channel_logs SET status = ?4, mode = ?5, generation = ?6,
             attempt = ?7, phase = ?8, attempt_started_at = ?9, checkpoint = ?10, receipt = ?11,
             failure = ?12, next_attempt_at = ?13, updated_at = ?14, called_off = ?15,
             redriven_at = ?16, unknown_since = ?17
         WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND channel = ?3",
    )?;
    check_one(statement.execute(params![
        tenant.as_str(),
        id,
        delivery.channel.name(),
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
        time_text(delivery.updated_at),
        delivery.called_off,
        delivery.redriven_at.map(time_text),
        delivery.unknown_since.map(time_text),
    ])?)
}

fn update_claim(
    connection: &Connection,
    tenant: &TenantId,
    id: &UuidText,
    delivery: &Delivery,
) -> Result<(), SqlError> {
    let key = params![tenant.as_str(), id, delivery.channel.name()];
    if !delivery.holds_claim {
        // Nothing is changed where it was released or taken over before.
        connection
            .prepare_cached(
                "UPDATE distribution_channel_logs SET holds_claim = 0
                 WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND channel = ?3
                     AND holds_claim = 1",
            )?
            .execute(key)?;
    } else if may_take_again(delivery) && stored_claim(connection, tenant, id, delivery)?.takes_again(delivery) {
        let mut statement = connection.prepare_cached(
            "UPDATE distribution_channel_logs SET holds_claim = 1
             WHERE tenant_id = ?1 AND distribution_log_id = ?2 AND channel = ?3",
        )?;
        check_one(statement.execute(key)?)?;
    }
    Ok(())
}

fn insert_attempt(
    connection: &Connection,
    tenant: &TenantId,
    id: &UuidText,
    attempt: &Attempt,
) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO attempts (tenant_id, distribution_log_id, channel, generation, attempt, phase,
             failure, started_at, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    check_one(statement.execute(params![
        tenant.as_str(),
        id,
        attempt.channel.name(),
        attempt.generation,
        attempt.attempt,
        attempt.phase.name(),
        attempt.failure.as_ref().map(json).transpose()?,
        time_text(attempt.started_at),
        attempt.ended_at.map(time_text),
    ])?)
}

/// One row for each distribution and commit.
pub(super) fn insert_history(
    connection: &Connection,
    tenant: &TenantId,
    id: &UuidText,
    entry: &HistoryEntry,
) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO history (tenant_id, distribution_log_id, number, at, actor, token, transitions, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    check_one(statement.execute(params![
        tenant.as_str(),
        id,
        entry.number,
        time_text(entry.at),
        entry.actor,
        int(entry.token.0),
        transitions_json(&entry.transitions)?,
        entry.reason,
    ])?)
}
