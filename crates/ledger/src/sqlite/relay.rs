//! The outbox as the relay sees it: what still has to go out, and what became
//! of it.
//!
//! One process has the file, so each life relays all partitions. The indices
//! are made when somebody first looks: a service without a relay does not pay
//! for them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fanfare_core::ids::{DistributionId, EventId, Incarnation, TenantId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::error::SqlError;
use super::row::{Columns, int, time_text};
use super::{SqliteStore, outbox, read};
use crate::outbox::{
    Backlog, DeadLetter, Fate, Mark, MarkKind, Outbox, OutboxEntry, PARTITIONS, Partition, Replay, partition_of,
};
use crate::store::StoreError;

/// So many positions are gone through at once; commits go on in between.
const REPLAY_AT_ONCE: u64 = 5_000;

pub(super) const INDICES: &str = "
    CREATE INDEX IF NOT EXISTS outbox_unpublished
        ON outbox (position, created_at) WHERE published_at IS NULL AND dead_at IS NULL;
    CREATE INDEX IF NOT EXISTS outbox_uncached ON outbox (position) WHERE cached_at IS NULL;
    CREATE INDEX IF NOT EXISTS outbox_dead ON outbox (tenant_id, position) WHERE dead_at IS NOT NULL;";

pub(super) const UNPUBLISHED: &str =
    "SELECT position, tenant_id, distribution_log_id, version, event_uuid, body, refusals
     FROM outbox INDEXED BY outbox_unpublished
     WHERE published_at IS NULL AND dead_at IS NULL AND position > ?1 ORDER BY position";

pub(super) const UNCACHED: &str = "SELECT position, tenant_id, distribution_log_id, version, event_uuid, body, refusals
     FROM outbox INDEXED BY outbox_uncached
     WHERE cached_at IS NULL AND position > ?1 ORDER BY position";

pub(super) const DEAD: &str =
    "SELECT position, tenant_id, distribution_log_id, version, event_uuid, body, refusals, refusal, dead_at
     FROM outbox INDEXED BY outbox_dead
     WHERE dead_at IS NOT NULL AND tenant_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3";

/// Entries that still lack the mark, oldest first.
fn unmarked(
    connection: &Connection,
    lacking: MarkKind,
    wanted: &BTreeSet<Partition>,
    after: u64,
    limit: usize,
) -> Result<Vec<OutboxEntry>, SqlError> {
    let mut statement = connection.prepare_cached(match lacking {
        MarkKind::Published => UNPUBLISHED,
        MarkKind::Cached => UNCACHED,
    })?;
    let mut rows = statement.query(params![int(after)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        if entries.len() == limit {
            break;
        }
        let entry = outgoing(connection, row)?;
        if wanted.contains(&partition_of(&entry.tenant, &entry.event.event_id)) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn outgoing(connection: &Connection, row: &Row<'_>) -> Result<OutboxEntry, SqlError> {
    let columns = Columns { table: "outbox", row };
    let tenant = TenantId::new(columns.text(1)?);
    let id = DistributionId(columns.uuid(2)?);
    Ok(OutboxEntry {
        position: columns.number(0)?,
        event_uuid: columns.uuid(4)?,
        event: outbox::said(connection, &tenant, id, &columns, 3, 5)?,
        refusals: columns.number(6)?,
        tenant,
    })
}

/// One that was deleted meanwhile needs no mark.
fn mark(connection: &Connection, marks: &[Mark], at: Timestamp) -> Result<(), SqlError> {
    let at = time_text(at);
    for mark in marks {
        let (position, fate) = (&mark.position, &mark.fate);
        let position = int(*position);
        let set = |columns: &str| format!("UPDATE outbox SET {columns} WHERE position = ?1");
        match fate {
            Fate::Published => connection
                .prepare_cached(&set("published_at = ?2"))?
                .execute(params![position, at])?,
            Fate::Cached => connection
                .prepare_cached(&set("cached_at = ?2"))?
                .execute(params![position, at])?,
            Fate::PublishedAndCached => connection
                .prepare_cached(&set("published_at = ?2, cached_at = ?2"))?
                .execute(params![position, at])?,
            Fate::Refused { reason, dead } => connection
                .prepare_cached(&set("refusals = refusals + 1, refusal = ?3, dead_at = ?2"))?
                .execute(params![position, dead.then_some(&at), reason])?,
        };
    }
    Ok(())
}

fn backlog(connection: &Connection) -> Result<Backlog, SqlError> {
    let unpublished = "SELECT COUNT(*), MIN(created_at) FROM outbox INDEXED BY outbox_unpublished
         WHERE published_at IS NULL AND dead_at IS NULL";
    let dead = "SELECT COUNT(*) FROM outbox INDEXED BY outbox_dead WHERE dead_at IS NOT NULL";
    let table = "outbox";
    let mut unpublished = read::all(connection, unpublished, [], |row| {
        let columns = Columns { table, row };
        Ok((columns.number(0)?, columns.optional(1, Columns::time)?))
    })?;
    let mut dead = read::all(connection, dead, [], |row| Columns { table, row }.number(0))?;
    let (unpublished, oldest) = unpublished.pop().unwrap_or_default();
    Ok(Backlog {
        unpublished,
        oldest,
        dead: dead.pop().unwrap_or_default(),
    })
}

fn dead_letters(
    connection: &Connection,
    tenant: &TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<DeadLetter>, SqlError> {
    let index = "SELECT 1 FROM sqlite_master WHERE name = 'outbox_dead'";
    if read::all(connection, index, [], |_| Ok(()))?.is_empty() {
        // Nothing was ever relayed: nothing is dead.
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    read::all(connection, DEAD, params![tenant.as_str(), int(after), limit], |row| {
        let columns = Columns { table: "outbox", row };
        Ok(DeadLetter {
            entry: outgoing(connection, row)?,
            reason: columns
                .optional(7, Columns::text)?
                .map(str::to_owned)
                .unwrap_or_default(),
            dead_at: columns.time(8)?,
        })
    })
}

/// Of the positions from `after` on, so many; says how many are published again.
fn replay(connection: &Connection, tenant: &TenantId, which: &Replay, after: u64) -> Result<u64, SqlError> {
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET published_at = NULL, refusals = 0, refusal = NULL, dead_at = NULL
         WHERE position > ?1 AND position <= ?2 AND tenant_id = ?3
             AND (dead_at IS NOT NULL OR published_at IS NOT NULL AND NOT ?4)
             AND (?5 IS NULL OR created_at >= ?5)
             AND (?6 IS NULL OR distribution_log_id IN
                 (SELECT id FROM distribution_logs WHERE tenant_id = ?3 AND event_id = ?6))",
    )?;
    let changed = statement.execute(params![
        int(after),
        int(after + REPLAY_AT_ONCE),
        tenant.as_str(),
        which.dead_only,
        which.since.map(time_text),
        which.event_id.as_ref().map(EventId::as_str),
    ])?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

fn last_position(connection: &Connection) -> Result<u64, SqlError> {
    let last = read::all(connection, "SELECT MAX(position) FROM outbox", [], |row| {
        let table = "outbox";
        Columns { table, row }.optional(0, Columns::number)
    })?;
    Ok(last.into_iter().flatten().next().unwrap_or_default())
}

impl SqliteStore {
    /// Makes the indices, unless that was done.
    async fn relayed(&self) -> Result<(), StoreError> {
        let make = || {
            self.writer.transact(
                "index the outbox",
                |transaction| Ok(transaction.execute_batch(INDICES)?),
            )
        };
        self.relayed.get_or_try_init(make).await.copied()
    }
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim_partitions(&self, _token: Incarnation) -> Result<Vec<Partition>, StoreError> {
        Ok((0..PARTITIONS).map(Partition).collect())
    }

    async fn unmarked(
        &self,
        lacking: MarkKind,
        partitions: &[Partition],
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.relayed().await?;
        let wanted: BTreeSet<_> = partitions.iter().copied().collect();
        self.readers
            .read("read what is to be relayed", move |connection| {
                unmarked(connection, lacking, &wanted, after, limit)
            })
            .await
    }

    async fn mark(&self, marks: &[Mark], at: Timestamp) -> Result<(), StoreError> {
        let marks = marks.to_vec();
        self.writer
            .transact("mark what was relayed", move |transaction| {
                mark(transaction, &marks, at)
            })
            .await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.relayed().await?;
        self.readers.read("count what is to be relayed", backlog).await
    }

    async fn dead_letters(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read("read dead letters", move |connection| {
                dead_letters(connection, &tenant, after, limit)
            })
            .await
    }

    async fn replay(&self, tenant: &TenantId, which: &Replay) -> Result<u64, StoreError> {
        let last = self.readers.read("see how far the outbox is", last_position).await?;
        let (mut after, mut replayed) = (0, 0);
        while after < last {
            let (tenant, which) = (tenant.clone(), which.clone());
            replayed += self
                .writer
                .transact("publish events again", move |transaction| {
                    replay(transaction, &tenant, &which, after)
                })
                .await?;
            after += REPLAY_AT_ONCE;
        }
        Ok(replayed)
    }
}
