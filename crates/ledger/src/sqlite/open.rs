//! Opening the file: lock, look, configure, and only then alter.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::SqlError;
use super::migrate::{self, Contents};
use super::{DATABASE_FILE, lock};
use crate::store::StoreError;

/// Pages in the WAL before they are brought into the file: 64 MiB. Pages that
/// change often are then brought over once instead of at each commit.
const CHECKPOINT_PAGES: i64 = 16_384;

/// Pages kept in memory, in KiB (negative by `SQLite`'s convention).
const CACHE_SIZE: i64 = -32_768;

/// Another program may hold the file for a moment.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A data directory that is ours.
pub(super) struct Opened {
    /// Held as long as the connection writes.
    pub(super) lock: File,
    /// The database file.
    pub(super) path: PathBuf,
    /// The one that writes, with its schema in place.
    pub(super) connection: Connection,
}

/// Takes the directory, and makes what is missing in it.
pub(super) fn open(directory: &Path) -> Result<Opened, StoreError> {
    std::fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
    let lock = lock::take(directory)?;
    let path = directory.join(DATABASE_FILE);
    let mut connection = connect(&path).map_err(|error| error.while_to("open its file"))?;
    let contents = migrate::inspect(&connection, &path)?;
    configure(&connection).map_err(|error| error.while_to("configure its file"))?;
    if let Contents::Before(version) = contents {
        migrate::bring_up(&mut connection, version).map_err(|error| error.while_to("make its tables"))?;
    }
    Ok(Opened { lock, path, connection })
}

/// Opens the file without holding the directory; brings it up only while no
/// service holds that.
pub(super) fn open_beside(directory: &Path) -> Result<Connection, StoreError> {
    std::fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
    let path = directory.join(DATABASE_FILE);
    let mut connection = connect(&path).map_err(|error| error.while_to("open its file"))?;
    if migrate::inspect(&connection, &path)? == Contents::Ours {
        configure(&connection).map_err(|error| error.while_to("configure its file"))?;
        return Ok(connection);
    }
    // Given back as soon as the tables are there: a service that starts just
    // then must not be kept out for longer.
    let _lock = lock::take(directory)?;
    let contents = migrate::inspect(&connection, &path)?;
    configure(&connection).map_err(|error| error.while_to("configure its file"))?;
    if let Contents::Before(version) = contents {
        migrate::bring_up(&mut connection, version).map_err(|error| error.while_to("make its tables"))?;
    }
    Ok(connection)
}

/// Opens a file that has this program's schema, for who must not alter it.
pub(super) fn open_as_it_is(directory: &Path) -> Result<Connection, StoreError> {
    let path = directory.join(DATABASE_FILE);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect_with(&path, flags).map_err(|error| error.while_to("open its file"))?;
    if let Contents::Before(version) = migrate::inspect(&connection, &path)? {
        return Err(StoreError::Unusable(format!(
            "{} has schema {version}, and this program's is {}: a service of this release brings it up when it starts",
            path.display(),
            migrate::SCHEMA_VERSION
        )));
    }
    Ok(connection)
}

/// A directory that the system does not let us use.
pub(super) fn unusable(directory: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable(format!(
        "cannot use the data directory {} (setting data_dir, FANFARE_DATA_DIR): {error}",
        directory.display()
    ))
}

fn connect(path: &Path) -> Result<Connection, SqlError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect_with(path, flags)
}

fn connect_with(path: &Path, flags: OpenFlags) -> Result<Connection, SqlError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// What every connection that writes needs; [`crate::bare`] measures the same.
pub(super) fn configure(connection: &Connection) -> Result<(), SqlError> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", CACHE_SIZE)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * 4096)?;
    Ok(())
}
