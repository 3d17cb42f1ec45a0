//! Brings the database to this program's schema, or refuses it unaltered.
//!
//! `meta` says that the tables are ours, which schema they have, and the oldest
//! schema whose programs may still use them: so replicas of the last release may
//! start beside newer ones where they do no harm; those that run go on. A lock lets one of many that start at once do it.

use tokio_postgres::Row;

use super::error::SqlError;
use super::row::Columns;
use super::session::Session;
use crate::store::StoreError;

/// The schema of this program.
pub(super) const SCHEMA_VERSION: i64 = 8;

/// Each brings the tables from the schema before it to its own; the first
/// begins with nothing. An added step says, in `meta.min_compatible`, whether
/// programs of an earlier schema may go on.
pub(super) const STEPS: [(i64, &str); 8] = [
    (1, include_str!("schema.sql")),
    (2, include_str!("schema_2.sql")),
    (3, include_str!("schema_3.sql")),
    (4, include_str!("schema_4.sql")),
    (5, include_str!("schema_5.sql")),
    (6, include_str!("schema_6.sql")),
    (7, include_str!("schema_7.sql")),
    (8, include_str!("schema_8.sql")),
];

/// "FANF": one at a time looks and alters.
const LOCK: i64 = 0x4641_4e46;

/// What the schema holds.
enum Found {
    /// None of our tables.
    Nothing,
    Ours(i64),
    /// This table, which is not ours.
    Foreign(String),
    Newer(i64),
}

/// Makes what is missing, all or nothing.
pub(super) async fn bring_up(session: &Session, schema: &str) -> Result<(), SqlError> {
    // Most starts find all in place and wait for nobody.
    if let Found::Ours(SCHEMA_VERSION..) = look(session, schema).await? {
        return Ok(());
    }
    session.run("BEGIN").await?;
    session.query("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let from = usable(session, schema).await?;
    if from < SCHEMA_VERSION {
        step_up(session, schema, from).await?;
    }
    session.run("COMMIT").await
}

/// Refuses the tables unless they are of this program's schema already, or a newer
/// one that it may use. Alters nothing.
pub(super) async fn require(session: &Session, schema: &str) -> Result<(), SqlError> {
    match usable(session, schema).await? {
        SCHEMA_VERSION.. => Ok(()),
        0 => refuse(&format!(
            "{schema} holds no tables of fanfare's yet: start a service first"
        )),
        version => refuse(&format!(
            "{schema} has schema {version}, and this program's is {SCHEMA_VERSION}: a service of this release \
             brings it up when it starts"
        )),
    }
}

/// Which schema the tables have, 0 where there are none of ours.
async fn usable(session: &Session, schema: &str) -> Result<i64, SqlError> {
    match look(session, schema).await? {
        Found::Nothing => Ok(0),
        Found::Ours(version) => Ok(version),
        Found::Foreign(table) => refuse(&format!("{schema}.{table} is not fanfare's")),
        Found::Newer(version) => refuse(&format!(
            "{schema} has schema {version}, and this program knows schemas up to {SCHEMA_VERSION}: \
             use a newer release"
        )),
    }
}

async fn step_up(session: &Session, schema: &str, from: i64) -> Result<(), SqlError> {
    if !exists(session, schema).await? {
        session.run(&format!("CREATE SCHEMA {schema}")).await?;
    }
    for (version, sql) in STEPS.iter().filter(|(version, _)| *version > from) {
        session.run(sql).await?;
        let note = "INSERT INTO meta (key, value) VALUES ('schema_version', $1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        session.execute(note, &[&version.to_string()]).await?;
    }
    Ok(())
}

fn refuse<T>(what: &str) -> Result<T, SqlError> {
    Err(SqlError::Refused(StoreError::Unusable(format!(
        "the database of the setting database_url (FANFARE_DATABASE_URL) cannot be used: {what} \
         (another schema can be named by the setting database.schema)"
    ))))
}

async fn exists(session: &Session, schema: &str) -> Result<bool, SqlError> {
    let sql = "SELECT FROM pg_namespace WHERE nspname = $1";
    Ok(session.query_opt(sql, &[&schema]).await?.is_some())
}

/// Looks, and alters nothing.
async fn look(session: &Session, schema: &str) -> Result<Found, SqlError> {
    let tables = tables(session, schema).await?;
    let has_meta = tables.iter().any(|table| table == "meta");
    let ours = "SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname IN ('key', 'value')
         AND atttypid = 'text'::regtype";
    let name = format!("{schema}.meta");
    let readable = has_meta && session.query(ours, &[&name]).await?.len() == 2;
    let version = if readable {
        number(session, schema, "schema_version").await?
    } else {
        None
    };
    let Some(version) = version else {
        let known: Vec<&str> = STEPS.iter().flat_map(|(_, sql)| tables_of(sql)).collect();
        let foreign = tables.into_iter().find(|table| known.contains(&table.as_str()));
        return Ok(foreign.map_or(Found::Nothing, Found::Foreign));
    };
    // Where it says nothing, nobody but a program of its own schema may use it.
    let compatible = number(session, schema, "min_compatible").await?.unwrap_or(i64::MAX);
    if version <= SCHEMA_VERSION || compatible <= SCHEMA_VERSION {
        return Ok(Found::Ours(version));
    }
    Ok(Found::Newer(version))
}

/// What a step makes, by its own words.
fn tables_of(sql: &str) -> impl Iterator<Item = &str> {
    let after = sql.split("CREATE TABLE ").skip(1);
    after.filter_map(|rest| rest.split_whitespace().next())
}

async fn tables(session: &Session, schema: &str) -> Result<Vec<String>, SqlError> {
    let sql = "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 ORDER BY c.relname";
    let rows = session.query(sql, &[&schema]).await?;
    let name = |row: &Row| Columns { table: "pg_class", row }.get(0);
    rows.iter().map(name).collect()
}

async fn number(session: &Session, schema: &str, key: &str) -> Result<Option<i64>, SqlError> {
    let sql = format!("SELECT value FROM {schema}.meta WHERE key = $1");
    let row = session.query_opt(&sql, &[&key]).await?;
    row.map(|row| {
        Columns {
            table: "meta",
            row: &row,
        }
        .word(0, |value| value.parse().ok())
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_must_not_be_foreign_are_those_that_are_made() {
        let tables: Vec<_> = tables_of(STEPS[0].1).collect();
        for table in [
            "meta",
            "distribution_logs",
            "distribution_channel_logs",
            "outbox",
            "api_keys",
        ] {
            assert!(tables.contains(&table), "{table}: {tables:?}");
        }
        assert_eq!(STEPS[STEPS.len() - 1].0, SCHEMA_VERSION);
    }
}
