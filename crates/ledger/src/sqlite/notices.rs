//! Notices, in the file. One process has it, so it has every endpoint.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::ids::{EventId, Incarnation};
use fanfare_core::notice::sending::{EndpointHealth, NoticeFate};
use fanfare_core::notice::{Notice, Subscription, tells, to_tell};
use fanfare_core::write::Record;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::error::SqlError;
use super::row::{Columns, UuidText, int, json, time_text};
use crate::notices::{DueNotice, Endpoint, Noted, Notices};
use crate::store::StoreError;

/// Keeps what is to be told of a record that is written.
pub(super) fn tell_of(
    connection: &Connection,
    subscriptions: &[Subscription],
    record: &Record,
    id: &UuidText,
) -> Result<(), SqlError> {
    if !tells(subscriptions, record) {
        return Ok(());
    }
    let mut statement =
        connection.prepare_cached("SELECT event_id FROM distribution_logs WHERE tenant_id = ?1 AND id = ?2")?;
    let event: String = statement.query_row(params![record.tenant.as_str(), id], |row| row.get(0))?;
    for (endpoint, notice) in to_tell(subscriptions, &EventId::new(event), record) {
        keep(connection, endpoint, &notice)?;
    }
    Ok(())
}

fn keep(connection: &Connection, endpoint: &str, notice: &Notice) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO notices (endpoint, id, made_at, due_at, body) VALUES (?1, ?2, ?3, ?3, ?4)
         ON CONFLICT (endpoint, id) DO NOTHING",
    )?;
    let (id, at) = (UuidText::of(notice.id), time_text(notice.at));
    statement.execute(params![endpoint, id, at, json(notice)?])?;
    Ok(())
}

fn tell(connection: &Connection, subscriptions: &[Subscription], notice: &Notice) -> Result<(), SqlError> {
    let mut wanting = subscriptions.iter().filter(|one| one.wants(notice));
    wanting.try_for_each(|one| keep(connection, &one.endpoint, notice))
}

fn configure(connection: &Connection, endpoints: &[(String, String)]) -> Result<(), SqlError> {
    let names = json(&endpoints.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
    let others = "NOT IN (SELECT value FROM json_each(?1))";
    connection.execute(
        &format!("DELETE FROM notice_endpoints WHERE name {others}"),
        params![names],
    )?;
    connection.execute(&format!("DELETE FROM notices WHERE endpoint {others}"), params![names])?;
    let health = json(&EndpointHealth::default())?;
    for (name, fingerprint) in endpoints {
        connection.execute(
            "INSERT INTO notice_endpoints (name, fingerprint, health) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, health = excluded.health
             WHERE fingerprint <> excluded.fingerprint",
            params![name, fingerprint, health],
        )?;
    }
    Ok(())
}

fn endpoints(connection: &Connection) -> Result<Vec<Endpoint>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT e.name, e.health, n.pending, n.oldest FROM notice_endpoints AS e
         LEFT JOIN (SELECT endpoint, count(*) AS pending, min(made_at) AS oldest FROM notices
             WHERE due_at IS NOT NULL GROUP BY endpoint) AS n ON n.endpoint = e.name
         ORDER BY e.name",
    )?;
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

fn health(connection: &Connection, name: &str) -> Result<Option<EndpointHealth>, SqlError> {
    let mut statement = connection.prepare_cached("SELECT health FROM notice_endpoints WHERE name = ?1")?;
    let mut rows = statement.query(params![name])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let columns = Columns {
        table: "notice_endpoints",
        row,
    };
    columns.json(0).map(Some)
}

fn set_health(connection: &Connection, name: &str, health: &EndpointHealth) -> Result<bool, SqlError> {
    let mut statement = connection.prepare_cached("UPDATE notice_endpoints SET health = ?2 WHERE name = ?1")?;
    Ok(statement.execute(params![name, json(health)?])? == 1)
}

fn due(connection: &Connection, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, attempts, body FROM notices
         WHERE endpoint = ?1 AND due_at IS NOT NULL AND due_at <= ?2 ORDER BY due_at, position LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![endpoint, time_text(now), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(due_notice(row)?);
    }
    Ok(found)
}

fn due_notice(row: &Row<'_>) -> Result<DueNotice, SqlError> {
    let columns = Columns { table: "notices", row };
    Ok(DueNotice {
        position: columns.number(0)?,
        attempts: columns.number(1)?,
        notice: columns.json(2)?,
    })
}

fn note(connection: &Connection, noted: &Noted) -> Result<(), SqlError> {
    let (due_at, delivered_at, given_up_at) = match noted.fate {
        NoticeFate::Delivered => (None, Some(noted.at), None),
        NoticeFate::Later(at) => (Some(at), None, None),
        NoticeFate::GivenUp => (None, None, Some(noted.at)),
    };
    let mut statement = connection.prepare_cached(
        "UPDATE notices SET attempts = ?2, due_at = ?3, delivered_at = ?4, given_up_at = ?5 WHERE position = ?1",
    )?;
    // One that was forgotten meanwhile needs no note.
    statement.execute(params![
        int(noted.position),
        noted.attempts,
        due_at.map(time_text),
        delivered_at.map(time_text),
        given_up_at.map(time_text),
    ])?;
    Ok(())
}

/// Whether it is to be told.
fn raise(connection: &Connection, key: &str, level: u64, at: Timestamp) -> Result<bool, SqlError> {
    let mut statement = connection.prepare_cached("SELECT level FROM alarms WHERE key = ?1")?;
    let before: Option<i64> = statement.query_row(params![key], |row| row.get(0)).optional()?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO alarms (key, level, raised_at, seen_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (key) DO UPDATE SET level = max(level, excluded.level), seen_at = excluded.seen_at",
    )?;
    statement.execute(params![key, int(level), time_text(at)])?;
    Ok(before.is_none_or(|before| int(level) > before))
}

#[async_trait]
impl Notices for SqliteStore {
    fn subscribe(&self, subscriptions: Arc<[Subscription]>) {
        self.subscribers.set(subscriptions);
    }

    async fn configure_endpoints(&self, endpoints: &[(String, String)]) -> Result<(), StoreError> {
        let endpoints = endpoints.to_vec();
        self.writer
            .transact("keep the endpoints for notices", move |transaction| {
                configure(transaction, &endpoints)
            })
            .await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.readers.read("read the endpoints for notices", endpoints).await
    }

    async fn hold_endpoint(
        &self,
        name: &str,
        _token: Incarnation,
        _now: Timestamp,
        _until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let name = name.to_owned();
        self.readers
            .read("read an endpoint for notices", move |connection| {
                health(connection, &name)
            })
            .await
    }

    async fn release_endpoint(&self, _name: &str, _token: Incarnation) -> Result<(), StoreError> {
        Ok(())
    }

    async fn enable_endpoint(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer
            .transact("enable an endpoint for notices", move |transaction| {
                set_health(transaction, &name, &EndpointHealth::default())
            })
            .await
    }

    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError> {
        let endpoint = endpoint.to_owned();
        self.readers
            .read("read what is to be told", move |connection| {
                due(connection, &endpoint, now, limit)
            })
            .await
    }

    async fn note_sending(&self, endpoint: &str, noted: &Noted) -> Result<(), StoreError> {
        let (endpoint, noted, subscriptions) = (endpoint.to_owned(), noted.clone(), self.subscribers.get());
        self.writer
            .transact("note what was told", move |transaction| {
                note(transaction, &noted)?;
                set_health(transaction, &endpoint, &noted.health)?;
                let mut notice = noted.notice.iter();
                notice.try_for_each(|notice| tell(transaction, &subscriptions, notice))
            })
            .await
    }

    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError> {
        let (key, notice, subscriptions) = (key.to_owned(), notice.clone(), self.subscribers.get());
        self.writer
            .transact("raise an alarm", move |transaction| {
                let is_told = raise(transaction, &key, level, notice.at)?;
                if is_told {
                    tell(transaction, &subscriptions, &notice)?;
                }
                Ok(is_told)
            })
            .await
    }

    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError> {
        let (key, notice, subscriptions) = (key.to_owned(), notice.cloned(), self.subscribers.get());
        self.writer
            .transact("clear an alarm", move |transaction| {
                let sql = "DELETE FROM alarms WHERE key = ?1 AND seen_at <= ?2";
                let mut statement = transaction.prepare_cached(sql)?;
                let is_over = statement.execute(params![key, time_text(unseen_since)])? == 1;
                if let Some(notice) = notice.filter(|_| is_over) {
                    tell(transaction, &subscriptions, &notice)?;
                }
                Ok(is_over)
            })
            .await
    }

    async fn forget_notices(&self, made_before: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .transact("forget old notices", move |transaction| {
                let sql = "DELETE FROM notices WHERE made_at < ?1";
                let count = transaction
                    .prepare_cached(sql)?
                    .execute(params![time_text(made_before)])?;
                Ok(count as u64)
            })
            .await
    }
}
