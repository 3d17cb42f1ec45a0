//! Endpoints for notices, in the file. One process has it: what that does not name,
//! nobody does.

use fanfare_core::notice::sending::EndpointHealth;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::error::SqlError;
use super::row::{Columns, int, json, time_text};
use crate::notices::{Endpoint, EndpointLook, FORGET_AT_ONCE, Holder};
use crate::store::StoreError;

/// Forgets those that are not named, each after all that it was to be told: a kill
/// in between leaves nothing that nobody would forget.
pub(super) async fn configure(
    store: &SqliteStore,
    endpoints: &[(String, String)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let doing = "keep the endpoints for notices";
    let known = store.readers.read(doing, endpoint_names).await?;
    let is_named = |name: &String| endpoints.iter().any(|(own, _)| own == name);
    for name in known.into_iter().filter(|name| !is_named(name)) {
        forget(store, name).await?;
    }
    let endpoints = endpoints.to_vec();
    let keep = store.writer.transact(doing, move |transaction| {
        if endpoints.is_empty() {
            // Nobody can be told of them, so nobody would see that they are over.
            transaction.execute("DELETE FROM alarms", [])?;
        }
        let mut endpoints = endpoints.iter();
        endpoints.try_for_each(|(name, fingerprint)| configure_one(transaction, name, fingerprint, now))
    });
    keep.await
}

fn endpoint_names(connection: &Connection) -> Result<Vec<String>, SqlError> {
    let mut statement = connection.prepare_cached("SELECT name FROM notice_endpoints ORDER BY name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

pub(super) const FORGET_OF: &str = "DELETE FROM notices WHERE position IN (
    SELECT position FROM notices WHERE endpoint = ?1 LIMIT ?2)";

async fn forget(store: &SqliteStore, name: String) -> Result<(), StoreError> {
    let doing = "forget an endpoint for notices";
    loop {
        let name = name.clone();
        let step = store.writer.transact(doing, move |transaction| {
            let deleted = transaction
                .prepare_cached(FORGET_OF)?
                .execute(params![name, int(FORGET_AT_ONCE)])?;
            let is_last = (deleted as u64) < FORGET_AT_ONCE;
            if is_last {
                transaction.execute("DELETE FROM notice_endpoints WHERE name = ?1", params![name])?;
            }
            Ok(is_last)
        });
        if step.await? {
            return Ok(());
        }
    }
}

fn configure_one(connection: &Connection, name: &str, fingerprint: &str, now: Timestamp) -> Result<(), SqlError> {
    let health = json(&EndpointHealth::default())?;
    let changed = connection.execute(
        "INSERT INTO notice_endpoints (name, fingerprint, health) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, health = excluded.health
         WHERE fingerprint <> excluded.fingerprint",
        params![name, fingerprint, health],
    )?;
    if changed == 1 {
        make_due(connection, name, now)?;
    }
    Ok(())
}

/// What waits for its next time is sent now.
pub(super) const MAKE_DUE: &str = "UPDATE notices SET due_at = ?2 WHERE endpoint = ?1 AND due_at > ?2";

fn make_due(connection: &Connection, name: &str, now: Timestamp) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(MAKE_DUE)?;
    statement.execute(params![name, time_text(now)])?;
    Ok(())
}

pub(super) fn enable(connection: &Connection, name: &str, now: Timestamp) -> Result<bool, SqlError> {
    let health = json(&EndpointHealth::default())?;
    let mut statement = connection.prepare_cached("UPDATE notice_endpoints SET health = ?2 WHERE name = ?1")?;
    let is_there = statement.execute(params![name, health])? == 1;
    make_due(connection, name, now)?;
    Ok(is_there)
}

pub(super) const ENDPOINTS: &str = "SELECT e.name, e.health, n.pending, n.oldest FROM notice_endpoints AS e
    LEFT JOIN (SELECT endpoint, count(*) AS pending, min(made_at) AS oldest FROM notices
        WHERE due_at IS NOT NULL GROUP BY endpoint) AS n ON n.endpoint = e.name
    ORDER BY e.name";

pub(super) fn endpoints(connection: &Connection) -> Result<Vec<Endpoint>, SqlError> {
    let mut statement = connection.prepare_cached(ENDPOINTS)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = Columns {
            table: "notice_endpoints",
            row,
        };
        found.push(Endpoint {
            name: columns.text(0)?.to_owned(),
            health: columns.json(1)?,
            pending: columns.optional(2, Columns::number)?.unwrap_or_default(),
            oldest: columns.optional(3, Columns::time)?,
        });
    }
    Ok(found)
}

pub(super) const LOOK: &str = "SELECT e.health, e.fingerprint, EXISTS (
        SELECT 1 FROM notices WHERE endpoint = e.name AND due_at IS NOT NULL AND due_at <= ?2)
    FROM notice_endpoints AS e WHERE e.name = ?1";

pub(super) fn look(connection: &Connection, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, SqlError> {
    let mut statement = connection.prepare_cached(LOOK)?;
    let mut rows = statement.query(params![name, time_text(now)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let columns = Columns {
        table: "notice_endpoints",
        row,
    };
    Ok(Some(EndpointLook {
        health: columns.json(0)?,
        fingerprint: columns.text(1)?.to_owned(),
        is_due: columns.number::<u8>(2)? == 1,
    }))
}

/// Keeps how it is, where it is still configured so.
pub(super) fn set_health(connection: &Connection, holder: &Holder, health: &EndpointHealth) -> Result<bool, SqlError> {
    let mut statement =
        connection.prepare_cached("UPDATE notice_endpoints SET health = ?3 WHERE name = ?1 AND fingerprint = ?2")?;
    Ok(statement.execute(params![holder.endpoint, holder.fingerprint, json(health)?])? == 1)
}
