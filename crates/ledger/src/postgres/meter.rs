//! What the server itself counts, and what a commit of one row takes in it; for
//! measurements.
//!
//! Only counters that are right at once are read. `pg_stat_database` is not
//! among them: a session that rests tells it what it did up to ten seconds late.

use std::time::Duration;

use tokio::time::Instant;

use super::error::SqlError;
use super::row::Columns;
use super::session::{Dialer, Session};
use super::settings::{self, PostgresSettings};
use super::tls::Tls;
use crate::store::StoreError;

/// One connection that measures, beside the store.
pub struct PostgresMeter {
    session: Session,
    /// Where `pg_stat_statements` is; nothing where it is not to be had.
    statements: Option<String>,
    schema: String,
}

/// Of the whole server, since it began to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresCounters {
    /// Transactions that wrote anything; each was flushed.
    pub transactions: i64,
    /// Bytes of write-ahead log.
    pub wal_bytes: i64,
    /// What only `pg_stat_statements` knows.
    pub statements: Option<StatementCounters>,
}

/// Of this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementCounters {
    /// Statements, `BEGIN` and `COMMIT` among them; those of triggers are not.
    pub calls: i64,
    /// Pages that were logged whole, at their first change after a checkpoint.
    pub full_pages: i64,
}

impl PostgresMeter {
    /// Connects, and makes the schema if it is missing.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`](super::PostgresStore::connect) has them.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let target = settings::target(settings)?;
        let tls = Tls::new(&target.verify)?;
        let dialer = Dialer::new(target, tls, settings.clone());
        let schema = settings.schema.clone();
        let connected = async {
            let session = dialer.dial().await?;
            session
                .run(&format!(
                    "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE IF NOT EXISTS {}",
                    bare_table(&schema)
                ))
                .await?;
            let statements = statements(&session).await;
            Ok(Self {
                session,
                statements,
                schema,
            })
        };
        connected.await.map_err(|error: SqlError| error.while_to("measure"))
    }

    /// As they are now.
    pub async fn counters(&self) -> Result<PostgresCounters, StoreError> {
        let read = async {
            let row = self.session.query_opt(COUNTERS, &[]).await?;
            let row = row.ok_or(SqlError::Conflict("no counters"))?;
            let columns = Columns {
                table: "counters",
                row: &row,
            };
            let statements = match &self.statements {
                Some(view) => Some(statement_counters(&self.session, view).await?),
                None => None,
            };
            Ok(PostgresCounters {
                transactions: columns.get(0)?,
                wal_bytes: columns.get(1)?,
                statements,
            })
        };
        read.await.map_err(|error: SqlError| error.while_to("measure"))
    }

    /// Entries of the journal that Kafka has not acknowledged.
    pub async fn unpublished(&self) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND dead_at IS NULL";
        let read = async {
            let row = self.session.query_opt(sql, &[]).await?;
            row.map_or(Ok(0), |row| {
                Columns {
                    table: "outbox",
                    row: &row,
                }
                .get(0)
            })
        };
        read.await.map_err(|error: SqlError| error.while_to("measure"))
    }

    /// Has all that was written moved into the tables, where the role may: until
    /// then no page is logged whole a second time.
    pub async fn checkpoint(&self) -> bool {
        self.session.run("CHECKPOINT").await.is_ok()
    }

    /// How long each of so many commits of one row took, sorted.
    pub async fn bare_commits(&self, count: u32) -> Result<Vec<Duration>, StoreError> {
        let sql = self.bare_statement();
        let commits = async {
            let mut took = Vec::new();
            for _ in 0..count {
                let began = Instant::now();
                self.session.execute(&sql, &[]).await?;
                took.push(began.elapsed());
            }
            took.sort_unstable();
            Ok(took)
        };
        commits.await.map_err(|error: SqlError| error.while_to("measure"))
    }

    /// The statement of a bare commit, for other programs.
    pub fn bare_statement(&self) -> String {
        format!("INSERT INTO {}.{BARE} DEFAULT VALUES", self.schema)
    }

    /// Drops the schema with everything in it.
    pub async fn drop_schema(&self) -> Result<(), StoreError> {
        let sql = format!(
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE",
            self.schema
        );
        self.session.run(&sql).await.map_err(|error| error.while_to("measure"))
    }
}

const BARE: &str = "bare_commits";

fn bare_table(schema: &str) -> String {
    format!("{schema}.{BARE} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now())")
}

const COUNTERS: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    (pg_current_wal_insert_lsn() - '0/0')::bigint";

/// The name of the view, where it works; the extension is made where it may be.
async fn statements(session: &Session) -> Option<String> {
    // Refused where it is not installed, or not allowed: then it is not there.
    _ = session.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await;
    let sql = "SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_stat_statements'";
    let row = session.query_opt(sql, &[]).await.ok()??;
    let schema: String = Columns {
        table: "pg_extension",
        row: &row,
    }
    .get(0)
    .ok()?;
    let view = format!("{schema}.pg_stat_statements");
    // It is there and does not work where the server has not loaded it.
    statement_counters(session, &view).await.is_ok().then_some(view)
}

async fn statement_counters(session: &Session, view: &str) -> Result<StatementCounters, SqlError> {
    let sql = format!(
        "SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(wal_fpi), 0)::bigint FROM {view}
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let row = session.query_opt(&sql, &[]).await?;
    let row = row.ok_or(SqlError::Conflict("no counters"))?;
    let columns = Columns {
        table: "pg_stat_statements",
        row: &row,
    };
    Ok(StatementCounters {
        calls: columns.get(0)?,
        full_pages: columns.get(1)?,
    })
}
