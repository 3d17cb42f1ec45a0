//! One connection: its settings, its prepared statements, and several
//! statements sent at once.
//!
//! Who uses it when is decided in `pool.rs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::{Instant, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::error::{SqlError, while_connecting};
use super::settings::{PostgresSettings, Target};
use super::tls::Tls;

/// What a statement is given.
pub(super) type Param<'a> = &'a (dyn ToSql + Sync);

/// So many statements are kept prepared; lists have many forms.
const PREPARED: usize = 200;

/// A commit's few statements are planned once and not for each batch anew, which was
/// a quarter of what the database did for small ones; and again after [`PLANS_KEPT`].
pub(super) const PLANNING_ONCE: &str = "SET plan_cache_mode = force_generic_plan";

/// Plans are made anew after this time: one that was made just after tables of a few rows
/// were analyzed reads them from end to end, and would until they are analyzed again.
pub(super) const PLANS_KEPT: Duration = Duration::from_secs(10);

/// How sessions are begun.
#[derive(Clone)]
pub(super) struct Dialer {
    target: Arc<Target>,
    tls: Tls,
    settings: Arc<PostgresSettings>,
    /// Said to each new session; ends with the name of the tables' schema.
    hello: Arc<str>,
}

/// One connection.
pub(super) struct Session {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
    /// Since when its plans are kept.
    planned_at: Mutex<Instant>,
}

/// A statement and what it is given, to be sent together with others.
pub(super) struct Call<'a> {
    pub(super) sql: &'a str,
    pub(super) params: Vec<Param<'a>>,
}

/// A statement and what it is given.
pub(super) fn call<'a>(sql: &'a str, params: &[Param<'a>]) -> Call<'a> {
    Call {
        sql,
        params: params.to_vec(),
    }
}

impl Dialer {
    pub(super) fn new(target: Target, tls: Tls, settings: PostgresSettings) -> Self {
        let hello = hello(&settings).into();
        Self {
            target: Arc::new(target),
            tls,
            settings: Arc::new(settings),
            hello,
        }
    }

    /// The same for connections that commit.
    pub(super) fn planning_once(&self) -> Self {
        let hello = format!("{PLANNING_ONCE}; {}", self.hello);
        Self {
            hello: hello.into(),
            ..self.clone()
        }
    }

    /// A new connection, within the time that reaching the database may take.
    pub(super) async fn dial(&self) -> Result<Session, SqlError> {
        let dialled = timeout(self.settings.connect_timeout, self.dial_slowly());
        dialled.await.unwrap_or(Err(SqlError::TimedOut))
    }

    async fn dial_slowly(&self) -> Result<Session, SqlError> {
        let connected = Box::pin(self.target.config.connect(self.tls.clone())).await;
        let (client, connection) = connected.map_err(while_connecting)?;
        // It ends with its client; what went wrong is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        client.batch_execute(&self.hello).await?;
        Ok(Session {
            client,
            prepared: Mutex::default(),
            planned_at: Mutex::new(Instant::now()),
        })
    }
}

/// Every statement is served by an index, also while the tables are new and
/// their statistics are not: so plans do not depend on statistics. And by an
/// index in its order: a list that has enough rows stops there, where a bitmap
/// would be made of all that a long past has. Plans are kept for long, and some are
/// made while the tables are new: tables are joined in the order in which a
/// statement names them, not beginning with all of a tenant's distributions because
/// they are few yet; and an index's entry costs as much as a page, so that no index
/// is read from end to end because it is short yet. A commit that was answered is on
/// the disk, whatever the database's own setting.
fn hello(settings: &PostgresSettings) -> String {
    let timeout = settings.statement_timeout.as_millis();
    format!(
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;
         SET enable_mergejoin = off; SET jit = off; SET join_collapse_limit = 1; SET cpu_index_tuple_cost = 1;
         SET statement_timeout = {timeout}; SET lock_timeout = {timeout};
         SET idle_in_transaction_session_timeout = {timeout};
         SELECT set_config('synchronous_commit', 'on', false)
         WHERE current_setting('synchronous_commit') = 'off';
         SET search_path = {}",
        settings.schema
    )
}

impl Session {
    /// Whether it can still be used.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The rows that a statement gives.
    pub(super) async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.query(&statement, params).await?)
    }

    /// The one row that a statement gives, or none.
    pub(super) async fn query_opt(&self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>, SqlError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// How many rows a statement has changed.
    pub(super) async fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, SqlError> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.execute(&statement, params).await?)
    }

    /// Forgets the plans, where they are older than that.
    pub(super) async fn forget_plans(&self, kept: Duration) -> Result<(), SqlError> {
        let is_old = {
            let mut planned_at = self.planned_at.lock().unwrap_or_else(PoisonError::into_inner);
            let is_old = planned_at.elapsed() >= kept;
            if is_old {
                *planned_at = Instant::now();
            }
            is_old
        };
        if is_old {
            self.run("DISCARD PLANS").await?;
        }
        Ok(())
    }

    /// Sends all of them at once; each one's rows, or the first error.
    pub(super) async fn query_all(&self, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, SqlError> {
        let statements = self.all_prepared(calls).await?;
        let sent = calls.iter().zip(&statements).map(|(call, statement)| {
            let client = &self.client;
            async move { client.query(statement, &call.params).await }
        });
        // All are waited for: the connection is in order when this is over.
        let rows: Result<_, tokio_postgres::Error> = join_all(sent).await.into_iter().collect();
        Ok(rows?)
    }

    /// Sends all of them at once; the first error, if any.
    pub(super) async fn execute_all(&self, calls: &[Call<'_>]) -> Result<(), SqlError> {
        self.query_all(calls).await.map(drop)
    }

    /// Sends all of them and then `COMMIT`, at once. What one of them is refused for, the
    /// database commits nothing for; and where one can't even be sent, `COMMIT` is not.
    pub(super) async fn commit_all(&self, calls: &[Call<'_>]) -> Result<(), SqlError> {
        let (statements, commit) = (self.all_prepared(calls).await?, self.prepared("COMMIT").await?);
        let failed = AtomicBool::new(false);
        let sent = calls.iter().zip(&statements).map(|(call, statement)| {
            let (client, failed) = (&self.client, &failed);
            async move {
                let sent = client.execute(statement, &call.params).await;
                failed.fetch_or(sent.is_err(), Ordering::Relaxed);
                sent.map(drop)
            }
        });
        // Polled after all of those: by then each has been sent, or has failed.
        let commit = async {
            let is_whole = !failed.load(Ordering::Relaxed);
            if is_whole {
                self.client.execute(&commit, &[]).await?;
            }
            Ok::<_, tokio_postgres::Error>(())
        };
        let (written, committed) = join(join_all(sent), commit).await;
        written.into_iter().collect::<Result<(), _>>()?;
        Ok(committed?)
    }

    /// Reads in one snapshot, all at once: what it sees belongs together.
    pub(super) async fn query_snapshot(&self, calls: Vec<Call<'_>>) -> Result<Vec<Vec<Row>>, SqlError> {
        let mut all = vec![call(SNAPSHOT, &[])];
        all.extend(calls);
        all.push(call("COMMIT", &[]));
        let mut rows = self.query_all(&all).await?;
        rows.pop();
        rows.remove(0);
        Ok(rows)
    }

    /// Statements without parameters, one after the other.
    pub(super) async fn run(&self, sql: &str) -> Result<(), SqlError> {
        Ok(self.client.batch_execute(sql).await?)
    }

    async fn all_prepared(&self, calls: &[Call<'_>]) -> Result<Vec<Statement>, SqlError> {
        let prepared = calls.iter().map(|call| self.prepared(call.sql));
        join_all(prepared).await.into_iter().collect()
    }

    async fn prepared(&self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(statement) = self.known(sql) {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared.len() >= PREPARED {
            prepared.clear();
        }
        prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn known(&self, sql: &str) -> Option<Statement> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.get(sql).cloned()
    }
}

/// What several statements see is of one moment.
pub(super) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
