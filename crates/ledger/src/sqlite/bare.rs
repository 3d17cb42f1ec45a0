//! The file without thread, queue and readers, for measurements.

use std::fs::File;
use std::path::Path;

use fanfare_core::ids::Incarnation;
use fanfare_core::write::{Write, Written};
use jiff::Timestamp;
use rusqlite::Connection;

use super::writer::transact;
use super::{adopt, open, write_all};
use crate::store::StoreError;

/// The connection that writes, used by whoever measures.
#[derive(Debug)]
pub(crate) struct BareFile {
    connection: Connection,
    // After the connection: the directory is ours until it is closed.
    _lock: File,
}

impl BareFile {
    /// Opens it as the store does.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let opened = open::open(directory)?;
        Ok(Self {
            connection: opened.connection,
            _lock: opened.lock,
        })
    }

    /// One row, one commit.
    pub(crate) fn commit_one_row(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.begin_incarnation(now).map(drop)
    }

    /// A life to write in.
    pub(crate) fn begin_incarnation(&mut self, now: Timestamp) -> Result<Incarnation, StoreError> {
        let token = transact(&mut self.connection, |transaction| {
            adopt::begin_incarnation(transaction, now)
        });
        token.map_err(|error| error.while_to("measure"))
    }

    /// A batch, one commit.
    pub(crate) fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
        let written = transact(&mut self.connection, |transaction| write_all(transaction, batch, &[]));
        written.map_err(|error| error.while_to("measure"))
    }
}
