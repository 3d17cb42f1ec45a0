//! Brings a file to this program's schema, or refuses it unaltered.
//!
//! `application_id` says that a file is ours, `user_version` which schema it
//! has, and `meta.min_compatible` the oldest schema whose programs may still
//! use it: so an older release keeps working beside a newer one's file.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::error::SqlError;
use super::writer::transact;
use crate::store::StoreError;

/// The schema of this program.
pub(super) const SCHEMA_VERSION: i64 = 6;

/// "FANF".
const APPLICATION_ID: i64 = 0x4641_4e46;

/// Each brings a file from the schema before it to its own; the first begins
/// with nothing. A program of schema 1 does no harm to a file of schema 6.
const STEPS: [(i64, &str); 6] = [
    (1, include_str!("schema.sql")),
    (2, include_str!("schema_2.sql")),
    (3, include_str!("schema_3.sql")),
    (4, include_str!("schema_4.sql")),
    (5, include_str!("schema_5.sql")),
    (6, include_str!("schema_6.sql")),
];

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing yet, or our tables of an earlier schema: to be brought from this
    /// one to ours.
    Before(i64),
    /// Our tables, usable as they are.
    Ours,
}

/// Looks at the file, and alters nothing.
pub(super) fn inspect(connection: &Connection, path: &Path) -> Result<Contents, StoreError> {
    let path = path.display();
    match look(connection) {
        Ok(Found::Empty) => Ok(Contents::Before(0)),
        Ok(Found::Ours(version)) if version < SCHEMA_VERSION => Ok(Contents::Before(version)),
        Ok(Found::Ours(_)) => Ok(Contents::Ours),
        Ok(Found::Foreign) => Err(StoreError::Unusable(format!(
            "{path} holds tables that are not fanfare's: use another data directory"
        ))),
        Ok(Found::Newer(version)) => Err(StoreError::Unusable(format!(
            "{path} has schema {version}, and this program knows schemas up to {SCHEMA_VERSION}: \
             use a newer release"
        ))),
        Err(SqlError::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Err(
            StoreError::Unusable(format!("{path} is not an SQLite database: use another data directory")),
        ),
        Err(error) => Err(error.while_to("look at its file")),
    }
}

enum Found {
    Empty,
    Ours(i64),
    Foreign,
    Newer(i64),
}

fn look(connection: &Connection) -> Result<Found, SqlError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application_id = pragma("application_id")?;
    let version = pragma("user_version")?;
    if application_id != APPLICATION_ID {
        let empty = application_id == 0 && version == 0 && tables == 0;
        return Ok(if empty { Found::Empty } else { Found::Foreign });
    }
    if version <= SCHEMA_VERSION || min_compatible(connection)? <= SCHEMA_VERSION {
        return Ok(Found::Ours(version));
    }
    Ok(Found::Newer(version))
}

/// Where it says nothing, nobody but a program of its own schema may use it.
fn min_compatible(connection: &Connection) -> Result<i64, SqlError> {
    let value: Option<i64> = connection
        .query_row(
            "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'min_compatible'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(value.unwrap_or(i64::MAX))
}

/// Makes the tables that are missing, all or none.
pub(super) fn bring_up(connection: &mut Connection, from: i64) -> Result<(), SqlError> {
    transact(connection, |transaction| {
        for (_, sql) in STEPS.iter().filter(|(version, _)| *version > from) {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        Ok(())
    })
}
