//! Distributions kept in one `SQLite` file: the store of a service that stands
//! alone.
//!
//! One connection writes (`writer.rs`), a few read (`readers.rs`), and other
//! programs may read beside them. A lock file keeps a second service out. Each
//! commit is on the disk before it is answered (WAL, `synchronous = FULL`).
//! Encryption at rest and copies elsewhere are not here.

mod accept;
mod adopt;
mod api_keys;
mod bare;
mod breaker_orders;
mod credentials;
mod delete;
mod error;
mod evidence;
mod failed;
mod keys;
mod list;
mod lock;
mod migrate;
mod notice_endpoints;
mod notices;
mod open;
mod open_work;
mod outbox;
mod read;
mod readers;
mod record;
mod relay;
mod row;
mod sending_orders;
mod spending;
mod writer;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Attempt, Evidence};
use fanfare_core::distribution::Distribution;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::notice::Subscription;
use fanfare_core::write::{Adopted, Write, Written};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use tokio::sync::OnceCell;
use tokio::time::Instant;

pub use self::api_keys::SqliteKeys;
pub(crate) use self::bare::BareFile;
use self::error::SqlError;
use self::readers::Readers;
use self::writer::Writer;
use crate::notices::Subscribers;
use crate::store::{Filter, JournalEntry, Store, StoreError};

/// The name of the database in the data directory.
pub const DATABASE_FILE: &str = "fanfare.db";

/// A ping that follows something written this closely writes nothing itself.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// So many keys are forgotten at once; commits go on in between.
const EXPIRE_AT_ONCE: u64 = 1000;

/// The store. Dropping it waits for what is being written and closes the file.
#[derive(Debug)]
pub struct SqliteStore {
    // Before the writer, which closes the file.
    readers: Arc<Readers>,
    writer: Writer,
    path: PathBuf,
    last_written: LastWritten,
    /// Who is told notices.
    subscribers: Subscribers,
    /// The relay's indices are there.
    relayed: OnceCell<()>,
}

impl SqliteStore {
    /// Opens the database in this directory, and makes both where they are
    /// missing. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where another service holds the directory, or
    /// the file is not ours or too new: it is then left as it was.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let opened = open::open(directory)?;
        let writer = Writer::start(opened.connection, Some(opened.lock));
        let path = opened.path;
        let writer = writer.map_err(|source| StoreError::Database {
            doing: "start its thread",
            source: source.into(),
        })?;
        Ok(Self {
            readers: Arc::new(Readers::new(path.clone())),
            writer,
            path,
            last_written: LastWritten::default(),
            subscribers: Subscribers::default(),
            relayed: OnceCell::new(),
        })
    }

    /// The database file; other programs may read it.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes a whole batch; the caller's transaction makes it one commit.
fn write_all(
    connection: &Connection,
    batch: &[Write],
    subscriptions: &[Subscription],
) -> Result<Vec<Written>, SqlError> {
    batch
        .iter()
        .map(|write| match write {
            Write::Accept(acceptance) => accept::accept(connection, acceptance),
            Write::Record(record) => record::record(connection, record, subscriptions),
            Write::Evidence(evidence) => evidence::insert(connection, evidence),
        })
        .collect()
}

/// A statement that must change one row.
fn check_one(changed: usize) -> Result<(), SqlError> {
    if changed == 1 {
        return Ok(());
    }
    Err(rusqlite::Error::StatementChangedRows(changed).into())
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin_incarnation(&self, now: Timestamp) -> Result<Incarnation, StoreError> {
        self.writer
            .transact("begin a life", move |transaction| {
                adopt::begin_incarnation(transaction, now)
            })
            .await
    }

    /// The lock file keeps every other life out: this one is not over.
    async fn renew(&self, _token: Incarnation) -> Result<Option<NonZeroU32>, StoreError> {
        Ok(Some(NonZeroU32::MIN))
    }

    /// The next life takes all earlier ones for over.
    async fn end_incarnation(&self, _token: Incarnation) -> Result<(), StoreError> {
        Ok(())
    }

    async fn commit(&self, batch: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let subscriptions = self.subscribers.get();
        let written = self
            .writer
            .transact("commit", move |transaction| {
                write_all(transaction, &batch, &subscriptions)
            })
            .await;
        self.last_written.note(written.is_ok());
        written
    }

    async fn adopt(&self, token: Incarnation, due_by: Timestamp, limit: usize) -> Result<Vec<Adopted>, StoreError> {
        self.writer
            .transact("adopt open work", move |transaction| {
                adopt::adopt(transaction, token, due_by, limit)
            })
            .await
    }

    async fn owned(
        &self,
        token: Incarnation,
        due_by: Timestamp,
        limit: usize,
    ) -> Result<Vec<(TenantId, DistributionId)>, StoreError> {
        self.readers
            .read("look for own work", move |connection| {
                adopt::owned(connection, token, due_by, limit)
            })
            .await
    }

    async fn adopt_one(
        &self,
        token: Incarnation,
        tenant: &TenantId,
        id: DistributionId,
    ) -> Result<Option<Adopted>, StoreError> {
        let tenant = tenant.clone();
        self.writer
            .transact("adopt a distribution", move |transaction| {
                adopt::adopt_one(transaction, token, &tenant, id)
            })
            .await
    }

    async fn expire_keys(&self, accepted_before: Timestamp) -> Result<u64, StoreError> {
        let mut expired = 0;
        loop {
            let count = self
                .writer
                .transact("forget old keys", move |transaction| {
                    keys::expire(transaction, accepted_before, EXPIRE_AT_ONCE)
                })
                .await?;
            expired += count;
            if count < EXPIRE_AT_ONCE {
                return Ok(expired);
            }
        }
    }

    async fn delete_closed(
        &self,
        accepted_before: Timestamp,
        unpublished_stay: bool,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.writer
            .transact("delete closed distributions", move |transaction| {
                delete::delete_closed(transaction, accepted_before, unpublished_stay, limit)
            })
            .await
    }

    async fn history_numbers(
        &self,
        ids: &[(TenantId, DistributionId)],
    ) -> Result<Vec<(DistributionId, u32)>, StoreError> {
        let ids = ids.to_vec();
        self.readers
            .read("see how far histories are", move |connection| {
                read::history_numbers(connection, &ids)
            })
            .await
    }

    async fn distribution(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Distribution>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read("read a distribution", move |connection| {
                read::distribution(connection, &tenant, id)
            })
            .await
    }

    async fn distribution_of_key(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        accepted_after: Timestamp,
    ) -> Result<Option<Distribution>, StoreError> {
        let (tenant, key) = (tenant.clone(), key.clone());
        self.readers
            .read("read what a key stands for", move |connection| {
                keys::distribution(connection, &tenant, &key, accepted_after)
            })
            .await
    }

    async fn newest_of_event(&self, tenant: &TenantId, event: &EventId) -> Result<Option<Adopted>, StoreError> {
        let (tenant, event) = (tenant.clone(), event.clone());
        self.readers
            .read("read an event's distributions", move |connection| {
                read::newest_of_event(connection, &tenant, &event)
            })
            .await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        before: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<Distribution>, StoreError> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.readers
            .read("list distributions", move |connection| {
                list::list(connection, &tenant, &filter, before, limit)
            })
            .await
    }

    async fn attempts(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<Attempt>>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read("read attempts", move |connection| {
                read::attempts(connection, &tenant, id)
            })
            .await
    }

    async fn evidence(&self, tenant: &TenantId, id: DistributionId) -> Result<Vec<Evidence>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read("read evidence", move |connection| {
                evidence::of_distribution(connection, &tenant, id)
            })
            .await
    }

    async fn history(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read("read a history", move |connection| {
                read::history(connection, &tenant, id)
            })
            .await
    }

    async fn events(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read("read the journal", move |connection| {
                outbox::entries(connection, &tenant, after, limit)
            })
            .await
    }

    /// Really writes, unless something was written a moment ago.
    async fn ping(&self) -> Result<(), StoreError> {
        if self.last_written.is_recent() {
            return Ok(());
        }
        let written = self.writer.transact("see whether it can be written", probe).await;
        self.last_written.note(written.is_ok());
        written
    }
}

/// Has the file grow and takes that back, then writes one page: a disk that is
/// full refuses the one or the other.
fn probe(transaction: &Transaction<'_>) -> Result<(), SqlError> {
    transaction.execute_batch(
        "SAVEPOINT growth;
         INSERT INTO meta (key, value) VALUES ('probe', hex(zeroblob(8192)));
         ROLLBACK TO growth;
         RELEASE growth;
         UPDATE meta SET value = value;",
    )?;
    Ok(())
}

/// When something was last written, if nothing has failed since.
#[derive(Debug, Default)]
struct LastWritten(Mutex<Option<Instant>>);

impl LastWritten {
    fn note(&self, succeeded: bool) {
        let now = succeeded.then(Instant::now);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn is_recent(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < PING_INTERVAL)
    }
}
