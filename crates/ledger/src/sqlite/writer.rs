//! The one connection that writes, on a thread of its own.
//!
//! A job that has begun is finished even where nobody waits for it any more.
//! The lock of the data directory lives as long as the connection does.

use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::SqlError;
use crate::store::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Where jobs are handed to the thread that writes. Dropping it waits until
/// they are done and the file is closed.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Begins the thread; without a lock where another program may hold it.
    pub(super) fn start(connection: Connection, lock: Option<File>) -> Result<Self, std::io::Error> {
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new()
            .name("fanfare-ledger".to_owned())
            .spawn(move || work(connection, &received, lock))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does it in one transaction: all of it is written, or nothing.
    pub(super) async fn transact<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(doing, |connection| transact(connection, job)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |connection: &mut Connection| {
            let result = job(connection);
            // An error means that nobody waits for the answer any more.
            drop(answer.send(result.map_err(|error| error.while_to(doing))));
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_no_thread| StoreError::Closed)?;
        answered.await.map_err(|_no_thread| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the ledger's thread had died of a panic");
        }
    }
}

fn work(mut connection: Connection, jobs: &Receiver<Job>, lock: Option<File>) {
    while let Ok(job) = jobs.recv() {
        job(&mut connection);
    }
    if let Err((_connection, error)) = connection.close() {
        tracing::warn!(%error, "the database was not closed in order");
    }
    drop(lock);
}

/// Runs it in one transaction, which is rolled back where it fails.
pub(super) fn transact<T>(
    connection: &mut Connection,
    job: impl FnOnce(&Transaction<'_>) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let transaction = begin(connection)?;
    let result = job(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, SqlError> {
    if !connection.is_autocommit() {
        // An earlier roll-back failed with its transaction.
        connection.execute_batch("ROLLBACK")?;
    }
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}
