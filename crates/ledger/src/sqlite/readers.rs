//! A few connections that only read, each in one snapshot at a time.
//!
//! In WAL mode they neither wait for the writer nor keep it waiting.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use super::error::SqlError;
use crate::store::StoreError;

/// So many may read at once.
const MAX_READERS: usize = 4;

/// The pool. Connections are opened as they are needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Of this file, which exists.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(MAX_READERS)),
        }
    }

    /// Reads in one snapshot: what it sees belongs together.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_closed| StoreError::Closed)?;
        let this = Arc::clone(self);
        let (answer, answered) = oneshot::channel();
        // Of one type, so that a task is compiled once, not for each job.
        let read: Box<dyn FnOnce() + Send> = Box::new(move || {
            let result = this.read_now(job);
            drop(permit);
            // An error means that nobody waits for the answer any more.
            drop(answer.send(result));
        });
        drop(spawn_blocking(read));
        match answered.await {
            Ok(result) => result.map_err(|error| error.while_to(doing)),
            Err(panicked) => Err(StoreError::Database {
                doing,
                source: panicked.into(),
            }),
        }
    }

    fn read_now<T>(&self, job: impl FnOnce(&Connection) -> Result<T, SqlError>) -> Result<T, SqlError> {
        let mut connection = match self.idle().pop() {
            Some(connection) => connection,
            None => self.open()?,
        };
        // Dropped, a transaction ends; nothing was written in it.
        let result = job(&*connection.transaction()?);
        self.idle().push(connection);
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A push or a pop leaves no half of itself behind.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<Connection, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.busy_timeout(super::open::BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}
