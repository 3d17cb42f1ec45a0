//! Notices, in the file. One process has it, so it has every endpoint.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::ids::EventId;
use fanfare_core::notice::alarm::Alarm;
use fanfare_core::notice::sending::EndpointHealth;
use fanfare_core::notice::{Notice, Subscription, tells, to_tell, wanting};
use fanfare_core::write::Record;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::error::SqlError;
use super::row::{Columns, UuidText, int, json, time_text};
use super::{SqliteStore, notice_endpoints};
use crate::notices::{DueNotice, Endpoint, EndpointLook, FORGET_AT_ONCE, Forgotten, Holder, Noted, Notices};
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
    wanting(subscriptions, notice).try_for_each(|endpoint| keep(connection, endpoint, notice))
}

pub(super) const DUE: &str = "SELECT position, attempts, body FROM notices
    WHERE endpoint = ?1 AND due_at IS NOT NULL AND due_at <= ?2 ORDER BY due_at, position LIMIT ?3";

fn due(connection: &Connection, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, SqlError> {
    let mut statement = connection.prepare_cached(DUE)?;
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

/// One that was forgotten or told meanwhile needs no note.
fn note(connection: &Connection, noted: &Noted) -> Result<(), SqlError> {
    let times = noted.times();
    let mut statement = connection.prepare_cached(
        "UPDATE notices SET attempts = ?2, due_at = ?3, delivered_at = ?4, given_up_at = ?5
         WHERE position = ?1 AND due_at IS NOT NULL",
    )?;
    statement.execute(params![
        int(noted.position),
        noted.attempts,
        times.due.map(time_text),
        times.delivered.map(time_text),
        times.given_up.map(time_text),
    ])?;
    Ok(())
}

/// Whether it is to be told.
fn raise(connection: &Connection, key: &str, level: u64, at: Timestamp) -> Result<bool, SqlError> {
    let mut statement = connection.prepare_cached("SELECT level, seen_at FROM alarms WHERE key = ?1")?;
    let mut rows = statement.query(params![key])?;
    let before = rows.next()?.map(alarm).transpose()?;
    let (now, is_told) = Alarm::seen(before, level, at);
    let mut statement = connection.prepare_cached(
        "INSERT INTO alarms (key, level, raised_at, seen_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (key) DO UPDATE SET level = excluded.level, seen_at = excluded.seen_at",
    )?;
    statement.execute(params![key, int(now.level), time_text(now.seen_at)])?;
    Ok(is_told)
}

fn alarm(row: &Row<'_>) -> Result<Alarm, SqlError> {
    let columns = Columns { table: "alarms", row };
    Ok(Alarm {
        level: columns.number(0)?,
        seen_at: columns.time(1)?,
    })
}

pub(super) const FORGET: &str = "DELETE FROM notices WHERE position IN (
    SELECT position FROM notices WHERE made_at < ?1 ORDER BY made_at LIMIT ?2)
    RETURNING endpoint, due_at IS NOT NULL";

fn forget(connection: &Connection, made_before: Timestamp) -> Result<Forgotten, SqlError> {
    let mut statement = connection.prepare_cached(FORGET)?;
    let mut rows = statement.query(params![time_text(made_before), int(FORGET_AT_ONCE)])?;
    let mut forgotten = Forgotten::default();
    while let Some(row) = rows.next()? {
        let columns = Columns { table: "notices", row };
        forgotten.add(columns.text(0)?, 1, columns.number(1)?);
    }
    Ok(forgotten)
}

#[async_trait]
impl Notices for SqliteStore {
    fn subscribe(&self, subscriptions: Arc<[Subscription]>) {
        self.subscribers.set(subscriptions);
    }

    async fn configure_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        notice_endpoints::configure(self, endpoints, now).await
    }

    /// Nobody else alters them.
    async fn name_endpoints(&self, _endpoints: &[(String, String)], _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    /// They were when this process began.
    async fn forget_endpoints(&self, _now: Timestamp) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let doing = "read the endpoints for notices";
        self.readers.read(doing, notice_endpoints::endpoints).await
    }

    async fn look_at_endpoint(&self, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, StoreError> {
        let name = name.to_owned();
        self.readers
            .read("look at an endpoint for notices", move |connection| {
                notice_endpoints::look(connection, &name, now)
            })
            .await
    }

    /// There is no other life.
    async fn hold_endpoint(
        &self,
        holder: &Holder,
        now: Timestamp,
        _until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let look = self.look_at_endpoint(&holder.endpoint, now).await?;
        Ok(look.and_then(|look| look.held_by(holder)))
    }

    async fn release_endpoint(&self, _holder: &Holder) -> Result<(), StoreError> {
        Ok(())
    }

    async fn enable_endpoint(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer
            .transact("enable an endpoint for notices", move |transaction| {
                notice_endpoints::enable(transaction, &name, now)
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

    async fn note_sending(&self, holder: &Holder, noted: &Noted) -> Result<(), StoreError> {
        let (holder, noted, subscriptions) = (holder.clone(), noted.clone(), self.subscribers.get());
        self.writer
            .transact("note what was told", move |transaction| {
                note(transaction, &noted)?;
                let has_it = notice_endpoints::set_health(transaction, &holder, &noted.health)?;
                let mut notice = noted.notice.iter().filter(|_| has_it);
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

    async fn forget_notices(&self, made_before: Timestamp) -> Result<Forgotten, StoreError> {
        self.writer
            .transact("forget old notices", move |transaction| {
                forget(transaction, made_before)
            })
            .await
    }
}
