//! Brings a file to this program's schema, or refuses it unaltered.
//!
//! `application_id` says that a file is ours, `user_version` which schema it
//! has, and `meta.min_compatible` the oldest schema whose programs may still
//! use it: so an older release works on beside a newer one's file
//! where it does no harm.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::error::SqlError;
use super::writer::transact;
use crate::store::StoreError;

/// The schema of this program.
pub(super) const SCHEMA_VERSION: i64 = 9;

/// "FANF".
const APPLICATION_ID: i64 = 0x4641_4e46;

/// Each brings a file from the schema before it to its own; the first begins
/// with nothing. One that programs of an earlier schema would do harm to says so,
/// in `meta.min_compatible`.
const STEPS: [(i64, &str); 9] = [
    (1, include_str!("schema.sql")),
    (2, include_str!("schema_2.sql")),
    (3, include_str!("schema_3.sql")),
    (4, include_str!("schema_4.sql")),
    (5, include_str!("schema_5.sql")),
    (6, include_str!("schema_6.sql")),
    (7, include_str!("schema_7.sql")),
    (8, include_str!("schema_8.sql")),
    (9, include_str!("schema_9.sql")),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every column of every table, with its type, whether it may be null, whether it
    /// is hidden, and its default.
    fn columns(connection: &Connection) -> Vec<String> {
        let sql = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.hidden
                 || ' ' || coalesce(c.dflt_value, '')
             FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table' ORDER BY 1";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn of(version: i64) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        transact(&mut connection, |transaction| {
            for (_, sql) in STEPS.iter().filter(|(step, _)| *step <= version) {
                transaction.execute_batch(sql)?;
            }
            Ok(())
        })
        .unwrap();
        connection
    }

    #[test]
    fn every_earlier_file_comes_to_the_same_tables_and_keeps_its_rows() {
        let mut fresh = Connection::open_in_memory().unwrap();
        bring_up(&mut fresh, 0).unwrap();
        for version in 1..SCHEMA_VERSION {
            let mut file = of(version);
            let stop = "INSERT INTO sending_orders (tenant_id, action, actor, ordered_at) VALUES ('cafe', 'stop', 'ops', 'now')";
            if version >= 5 {
                file.execute(stop, []).unwrap();
            }
            bring_up(&mut file, version).unwrap();
            assert_eq!(columns(&file), columns(&fresh), "from schema {version}");
            assert_eq!(min_compatible(&file).unwrap(), 6);
            let kept: Option<(String, bool)> = file
                .query_row("SELECT tenant_id, of_service FROM sending_orders", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
                .unwrap();
            assert_eq!(kept, (version >= 5).then(|| ("cafe".to_owned(), false)));
        }
    }
}
