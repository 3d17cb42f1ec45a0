//! The outbox as the relay sees it: shares, marks, dead letters.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::ids::{Incarnation, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::error::SqlError;
use super::outbox::{self, Entry};
use super::row::{Columns, big, said};
use super::session::{SNAPSHOT, Session};
use super::{PostgresStore, lives, partitions};
use crate::outbox::{Backlog, DeadLetter, Fate, Mark, MarkKind, Outbox, OutboxEntry, Partition, Replay};
use crate::store::StoreError;

/// So many entries are changed at once; commits go on in between.
const REPLAY_AT_ONCE: i64 = 1000;

#[async_trait]
impl Outbox for PostgresStore {
    async fn claim_partitions(&self, token: Incarnation) -> Result<Vec<Partition>, StoreError> {
        let lease = self.settings.lease;
        if !self.relays.load(Ordering::Relaxed) {
            let indices = self
                .others
                .run("prepare the relay", |session| Box::pin(make_indices(session)));
            indices.await?;
            self.relays.store(true, Ordering::Relaxed);
        }
        let claim = self.others.run("claim partitions", move |session| {
            Box::pin(async move {
                lives::end_silent(session, lease).await?;
                partitions::claim(session, token).await
            })
        });
        claim.await
    }

    async fn unmarked(
        &self,
        lacking: MarkKind,
        partitions: &[Partition],
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let partitions: Vec<i16> = partitions.iter().filter_map(|p| i16::try_from(p.0).ok()).collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.others.run("read the outbox", move |session| {
            let partitions = partitions.clone();
            Box::pin(async move {
                let sql = unmarked(lacking);
                session.run(SNAPSHOT).await?;
                let rows = session.query(sql, &[&partitions, &big(after), &limit]).await?;
                let entries = entries(session, &rows).await?;
                session.run("COMMIT").await?;
                Ok(entries)
            })
        });
        read.await
    }

    async fn mark(&self, marks: &[Mark], at: Timestamp) -> Result<(), StoreError> {
        let marks = marks.to_vec();
        let mark = self.others.run("mark the outbox", move |session| {
            let marks = marks.clone();
            Box::pin(async move { mark(session, &marks, at).await })
        });
        mark.await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let count = self.others.run("count the outbox", |session| {
            Box::pin(async move {
                let row = session.query_opt(BACKLOG, &[]).await?;
                let Some(row) = row else { return Ok(Backlog::default()) };
                let columns = Columns {
                    table: "outbox",
                    row: &row,
                };
                Ok(Backlog {
                    unpublished: columns.number(0)?,
                    oldest: columns.get(1)?,
                    dead: columns.number(2)?,
                })
            })
        });
        count.await
    }

    async fn dead_letters(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let tenant = tenant.clone();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.others.run("read dead letters", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move {
                session.run(SNAPSHOT).await?;
                let rows = session
                    .query(DEAD_LETTERS, &[&tenant.as_str(), &big(after), &limit])
                    .await?;
                let entries = entries(session, &rows).await?;
                session.run("COMMIT").await?;
                rows.iter()
                    .zip(entries)
                    .map(|(row, entry)| dead_letter(row, entry))
                    .collect()
            })
        });
        read.await
    }

    async fn replay(&self, tenant: &TenantId, which: &Replay) -> Result<u64, StoreError> {
        let (mut replayed, mut after) = (0, 0_i64);
        loop {
            let (tenant, which) = (tenant.clone(), which.clone());
            let step = self.others.run("replay events", move |session| {
                let (tenant, which) = (tenant.clone(), which.clone());
                Box::pin(async move { replay(session, &tenant, &which, after).await })
            });
            let (count, last) = step.await?;
            replayed += count;
            match last {
                Some(last) => after = last,
                None => return Ok(replayed),
            }
        }
    }
}

/// One relay makes them; the journal cannot grow meanwhile.
async fn make_indices(session: &Session) -> Result<(), SqlError> {
    if session.query(INDICES, &[]).await?.len() == MAKE_INDICES.len() {
        return Ok(());
    }
    session.run("BEGIN; SET LOCAL statement_timeout = 0").await?;
    for make in MAKE_INDICES {
        session.run(make).await?;
    }
    session.run("COMMIT").await
}

const INDICES: &str = "SELECT FROM pg_index WHERE indexrelid IN (
    to_regclass('outbox_unpublished'), to_regclass('outbox_uncached'))";

const MAKE_INDICES: [&str; 2] = [
    "CREATE INDEX IF NOT EXISTS outbox_unpublished ON outbox (partition, position)
     WHERE published_at IS NULL AND dead_at IS NULL",
    "CREATE INDEX IF NOT EXISTS outbox_uncached ON outbox (partition, position)
     WHERE cached_at IS NULL",
];

/// Each partition's oldest, by its index, and of these the oldest.
pub(super) const fn unmarked(lacking: MarkKind) -> &'static str {
    match lacking {
        MarkKind::Published => {
            "SELECT o.* FROM unnest($1::smallint[]) AS w (partition) CROSS JOIN LATERAL (
                SELECT position, tenant_id, distribution_log_id, version, event_uuid, body, refusals FROM outbox
                WHERE partition = w.partition AND position > $2 AND published_at IS NULL AND dead_at IS NULL
                ORDER BY position LIMIT $3) AS o
             ORDER BY o.position LIMIT $3"
        }
        MarkKind::Cached => {
            "SELECT o.* FROM unnest($1::smallint[]) AS w (partition) CROSS JOIN LATERAL (
                SELECT position, tenant_id, distribution_log_id, version, event_uuid, body, refusals FROM outbox
                WHERE partition = w.partition AND position > $2 AND cached_at IS NULL
                ORDER BY position LIMIT $3) AS o
             ORDER BY o.position LIMIT $3"
        }
    }
}

/// What the rows say; of the moment of their transaction.
async fn entries(session: &Session, rows: &[Row]) -> Result<Vec<OutboxEntry>, SqlError> {
    let found: Vec<Entry> = rows.iter().map(outbox::entry).collect::<Result<_, _>>()?;
    let events = outbox::events(session, &found).await?;
    let entry = |(row, (entry, event)): (&Row, (Entry, DistributionCompleted))| {
        Ok(OutboxEntry {
            tenant: entry.tenant,
            position: entry.position,
            event_uuid: entry.event_uuid,
            event,
            refusals: Columns { table: "outbox", row }.number(6)?,
        })
    };
    rows.iter().zip(found.into_iter().zip(events)).map(entry).collect()
}

/// Of one entry's several marks, each has its effect.
async fn mark(session: &Session, marks: &[Mark], at: Timestamp) -> Result<(), SqlError> {
    let of = |wanted: fn(&Fate) -> bool| -> (Vec<&str>, Vec<i64>) {
        let marks = marks.iter().filter(|mark| wanted(&mark.fate));
        marks.map(|mark| (mark.tenant.as_str(), big(mark.position))).unzip()
    };
    let both = of(|fate| *fate == Fate::PublishedAndCached);
    let published = of(|fate| *fate == Fate::Published);
    let cached = of(|fate| *fate == Fate::Cached);
    session.run("BEGIN").await?;
    for (sql, (tenants, positions)) in [(MARK_BOTH, both), (MARK_PUBLISHED, published), (MARK_CACHED, cached)] {
        if !positions.is_empty() {
            session.execute(sql, &[&tenants, &positions, &at]).await?;
        }
    }
    for mark in marks {
        if let Fate::Refused { reason, dead } = &mark.fate {
            let reason = said(reason);
            session
                .execute(
                    REFUSE,
                    &[&mark.tenant.as_str(), &big(mark.position), &&*reason, dead, &at],
                )
                .await?;
        }
    }
    session.run("COMMIT").await
}

pub(super) const MARK_BOTH: &str = "UPDATE outbox AS o
    SET published_at = coalesce(o.published_at, $3), cached_at = coalesce(o.cached_at, $3)
    FROM unnest($1::text[], $2::bigint[]) AS w (tenant, position)
    WHERE o.tenant_id = w.tenant AND o.position = w.position";
const MARK_PUBLISHED: &str = "UPDATE outbox AS o SET published_at = $3
    FROM unnest($1::text[], $2::bigint[]) AS w (tenant, position)
    WHERE o.tenant_id = w.tenant AND o.position = w.position AND o.published_at IS NULL";
const MARK_CACHED: &str = "UPDATE outbox AS o SET cached_at = $3
    FROM unnest($1::text[], $2::bigint[]) AS w (tenant, position)
    WHERE o.tenant_id = w.tenant AND o.position = w.position AND o.cached_at IS NULL";
const REFUSE: &str = "UPDATE outbox SET refusals = refusals + 1, refusal = $3,
        dead_at = CASE WHEN $4 THEN coalesce(dead_at, $5) ELSE dead_at END WHERE tenant_id = $1 AND position = $2";

/// Its parts are served by the indices of what they count.
pub(super) const BACKLOG: &str = "SELECT unpublished.count, unpublished.oldest, dead.count
    FROM (SELECT count(*), min(created_at) AS oldest FROM outbox WHERE published_at IS NULL AND dead_at IS NULL)
            AS unpublished,
        (SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL) AS dead";

const DEAD_LETTERS: &str = "SELECT position, tenant_id, distribution_log_id, version, event_uuid, body, refusals,
        refusal, dead_at
    FROM outbox WHERE tenant_id = $1 AND dead_at IS NOT NULL AND position > $2 ORDER BY position LIMIT $3";

fn dead_letter(row: &Row, entry: OutboxEntry) -> Result<DeadLetter, SqlError> {
    let columns = Columns { table: "outbox", row };
    let reason: Option<String> = columns.get(7)?;
    Ok(DeadLetter {
        entry,
        reason: reason.unwrap_or_default(),
        dead_at: columns.get(8)?,
    })
}

/// Some of the entries after the position: how many, and the last one looked at.
async fn replay(
    session: &Session,
    tenant: &TenantId,
    which: &Replay,
    after: i64,
) -> Result<(u64, Option<i64>), SqlError> {
    let event = which.event_id.as_ref().map(|event| event.as_str().to_owned());
    let row = session
        .query_opt(
            REPLAY,
            &[
                &tenant.as_str(),
                &after,
                &REPLAY_AT_ONCE,
                &which.since,
                &event,
                &which.dead_only,
            ],
        )
        .await?;
    let Some(row) = row else { return Ok((0, None)) };
    let columns = Columns {
        table: "outbox",
        row: &row,
    };
    Ok((columns.number(0)?, columns.get(1)?))
}

/// What is not published yet will be without that.
const REPLAY: &str = "WITH page AS MATERIALIZED (
        SELECT o.position, o.created_at, o.distribution_log_id, o.published_at, o.dead_at FROM outbox AS o
        WHERE o.tenant_id = $1 AND o.position > $2 AND (NOT $6 OR o.dead_at IS NOT NULL)
        ORDER BY o.position LIMIT $3),
    wanted AS (
        SELECT page.position FROM page
        WHERE (page.published_at IS NOT NULL OR page.dead_at IS NOT NULL)
            AND ($4::timestamptz IS NULL OR page.created_at >= $4)
            AND ($5::text IS NULL OR EXISTS (
                SELECT FROM distribution_logs AS d
                WHERE d.tenant_id = $1 AND d.id = page.distribution_log_id AND d.event_id = $5))),
    again AS (
        UPDATE outbox AS o SET published_at = NULL, dead_at = NULL, refusals = 0, refusal = NULL
        FROM wanted WHERE o.tenant_id = $1 AND o.position = wanted.position RETURNING 1)
    SELECT (SELECT count(*) FROM again), (SELECT max(position) FROM page)";
