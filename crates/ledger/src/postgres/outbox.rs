//! The journal of published outcomes.
//!
//! An entry without a body is rendered from the rows, as long as its version is
//! the current one; before they change, what it said is frozen. What becomes of
//! the entries on their way out is in `relay.rs`.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fanfare_core::event::{DistributionCompleted, event_uuid};
use fanfare_core::ids::{DistributionId, TenantId};
use tokio::time::sleep;
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::SqlError;
use super::read;
use super::record::Change;
use super::row::{Columns, big, int, json};
use super::rows::{Rows, columns};
use super::session::{SNAPSHOT, Session};
use crate::outbox::partition_of;
use crate::store::JournalEntry;

/// Puts the records' versions into the journal.
pub(super) fn insert<'a>(changed: &'a [Change<'a>]) -> Option<Rows<'a>> {
    let mut rows: Vec<&Change<'_>> = changed.iter().filter(|change| change.record.publish).collect();
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|change| (&change.record.tenant, change.record.id));
    let partition = |change: &Change<'_>| {
        let partition = partition_of(&change.record.tenant, change.event).0;
        i16::try_from(partition).unwrap_or_default()
    };
    let columns = columns!(rows, change => [
        change.record.tenant.as_str(),
        change.record.id.0,
        int(change.record.version),
        event_uuid(change.record.id, change.record.version),
        change.record.history.at,
        partition(change),
    ]);
    Some(Rows { sql: INSERT, columns })
}

const INSERT: &str = "INSERT INTO outbox (tenant_id, distribution_log_id, version, event_uuid, created_at, partition)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[], $5::timestamptz[], $6::smallint[])";

/// Keeps what versions say, before the rows change. None is changed where it
/// was frozen before.
pub(super) fn freeze<'a>(changed: &'a [Change<'a>]) -> Result<Option<Rows<'a>>, SqlError> {
    let rows: Vec<_> = changed.iter().filter(|change| change.said.is_some()).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mut columns = columns!(rows, change => [
        change.record.tenant.as_str(),
        change.record.id.0,
        change.record.freeze.map(int),
    ]);
    let bodies: Result<Vec<_>, _> = rows.iter().map(|change| json(&change.said)).collect();
    columns.push(Box::new(bodies?));
    Ok(Some(Rows { sql: FREEZE, columns }))
}

const FREEZE: &str = "UPDATE outbox AS o SET body = w.body
    FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[]) AS w (tenant, id, version, body)
    WHERE o.distribution_log_id = w.id AND o.version = w.version AND o.tenant_id = w.tenant AND o.body IS NULL";

/// Up to which position the journal is known to be whole: nobody can put an
/// entry before it any more.
#[derive(Debug, Default)]
pub(super) struct Settled(AtomicI64);

/// How long a reader waits for those who are putting entries in, and how often
/// it looks.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(2);

impl Settled {
    fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sees to it that it is whole as far as it goes now.
    async fn catch_up(&self, session: &Session) -> Result<(), SqlError> {
        let far = session.query_opt(FAR, &[]).await?;
        let far: i64 = far.map_or(Ok(0), |row| {
            Columns {
                table: "outbox",
                row: &row,
            }
            .number(0)
        })?;
        let mut writing = writing(session).await?;
        let mut waited = Duration::ZERO;
        while !writing.is_empty() && waited < SETTLES_WITHIN {
            sleep(LOOK).await;
            waited += LOOK;
            let still = self::writing(session).await?;
            writing.retain(|writer| still.contains(writer));
        }
        if writing.is_empty() {
            self.0.fetch_max(far, Ordering::Relaxed);
        }
        Ok(())
    }
}

const FAR: &str = "SELECT last_value FROM outbox_position_seq";

/// Transactions that may have put entries in. The lock is taken before the
/// position is, and held until the end.
async fn writing(session: &Session) -> Result<HashSet<String>, SqlError> {
    let sql = "SELECT virtualtransaction FROM pg_locks
         WHERE locktype = 'relation' AND relation = 'outbox'::regclass AND mode = 'RowExclusiveLock' AND granted";
    let rows = session.query(sql, &[]).await?;
    let name = |row| Columns { table: "pg_locks", row }.get(0);
    rows.iter().map(name).collect()
}

/// The tenant's entries after the position, oldest first.
pub(super) async fn entries(
    session: &Session,
    settled: &Settled,
    tenant: &TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<JournalEntry>, SqlError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (tenant_id, after) = (tenant.as_str(), big(after));
    let newest = session.query_opt(NEWEST, &[&tenant_id, &after, &limit]).await?;
    let newest: Option<i64> = match &newest {
        Some(row) => Columns { table: "outbox", row }.get(0)?,
        None => None,
    };
    if newest.is_some_and(|newest| newest > settled.get()) {
        settled.catch_up(session).await?;
    }
    session.run(SNAPSHOT).await?;
    let rows = session
        .query(ENTRIES, &[&tenant_id, &after, &limit, &settled.get()])
        .await?;
    let entries: Vec<Entry> = rows.iter().map(entry).collect::<Result<_, _>>()?;
    let events = events(session, &entries).await?;
    session.run("COMMIT").await?;
    let pairs = entries.iter().zip(events);
    Ok(pairs
        .map(|(entry, event)| JournalEntry {
            position: entry.position,
            event_uuid: entry.event_uuid,
            event,
        })
        .collect())
}

/// The last of the page that would be read.
const NEWEST: &str = "SELECT max(position) FROM (
    SELECT position FROM outbox WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT $3) AS page";

pub(super) const ENTRIES: &str =
    "SELECT position, tenant_id, distribution_log_id, version, event_uuid, body FROM outbox
    WHERE tenant_id = $1 AND position > $2 AND position <= $4 ORDER BY position LIMIT $3";

/// A row of the journal, before it is known what it says.
pub(super) struct Entry {
    pub(super) position: u64,
    pub(super) tenant: TenantId,
    pub(super) event_uuid: Uuid,
    distribution: DistributionId,
    version: u32,
    frozen: Option<DistributionCompleted>,
}

/// From the columns that [`ENTRIES`] names; others may follow.
pub(super) fn entry(row: &Row) -> Result<Entry, SqlError> {
    let columns = Columns { table: "outbox", row };
    Ok(Entry {
        position: columns.number(0)?,
        tenant: TenantId::new(columns.get::<&str>(1)?),
        distribution: DistributionId(columns.uuid(2)?),
        version: columns.number(3)?,
        event_uuid: columns.uuid(4)?,
        frozen: columns.optional_json(5)?,
    })
}

/// What the entries say, in their order; of the same moment as they are.
pub(super) async fn events(session: &Session, entries: &[Entry]) -> Result<Vec<DistributionCompleted>, SqlError> {
    let unfrozen = entries.iter().filter(|entry| entry.frozen.is_none());
    let keys: Vec<_> = unfrozen.map(|entry| (&entry.tenant, entry.distribution)).collect();
    let current = read::whole(session, &keys).await?;
    let event = |entry: &Entry| match &entry.frozen {
        Some(frozen) => Ok(frozen.clone()),
        None => current
            .get(&entry.distribution)
            .filter(|distribution| distribution.version == entry.version)
            .and_then(DistributionCompleted::of)
            .ok_or_else(|| SqlError::Unreadable("outbox.body".to_owned())),
    };
    entries.iter().map(event).collect()
}
