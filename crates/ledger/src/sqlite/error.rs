//! What can go wrong in here, before it is known what was being done.

use crate::store::StoreError;

/// A failure of `SQLite`, or of reading what it holds.
#[derive(Debug)]
pub(super) enum SqlError {
    Sqlite(rusqlite::Error),
    Unreadable(String),
}

impl SqlError {
    /// Says what was being done.
    pub(super) fn while_to(self, doing: &'static str) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::Database {
                doing,
                source: Box::new(error),
            },
            Self::Unreadable(what) => StoreError::Corrupt { what },
        }
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
