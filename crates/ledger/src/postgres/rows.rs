//! Many rows in one statement: each column is an array, put together again by
//! `unnest` in the database.

use tokio_postgres::types::ToSql;

use super::error::SqlError;
use super::session::{Call, Param, Session};

/// One column of all rows.
pub(super) type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A statement over many rows.
pub(super) struct Rows<'a> {
    pub(super) sql: &'static str,
    pub(super) columns: Vec<Column<'a>>,
}

/// The columns of the rows: one expression each, in the order of the statement's
/// parameters.
macro_rules! columns {
    ($rows:expr, $row:ident => [$($value:expr),* $(,)?]) => {
        vec![$(Box::new($rows.iter().map(|$row| $value).collect::<Vec<_>>()) as $crate::postgres::rows::Column<'_>),*]
    };
}
pub(super) use columns;

impl<'a> Rows<'a> {
    /// An update that must change so many rows, which is its last parameter: a row that
    /// somebody else has written in between is not as it had been. It says so itself
    /// ([`SqlError::Conflict`]), so that `COMMIT` can be sent with it and not after its answer.
    pub(super) fn changing(sql: &'static str, count: usize, mut columns: Vec<Column<'a>>) -> Self {
        columns.push(Box::new(i64::try_from(count).unwrap_or(i64::MAX)));
        Self { sql, columns }
    }

    /// What is sent.
    pub(super) fn call(&self) -> Call<'_> {
        Call {
            sql: self.sql,
            params: params(&self.columns),
        }
    }
}

/// Boxed values, as they are given to a statement.
pub(super) fn params<'a>(values: &'a [Column<'_>]) -> Vec<Param<'a>> {
    let mut params: Vec<Param<'a>> = Vec::with_capacity(values.len());
    for value in values {
        params.push(&**value);
    }
    params
}

/// Writes all of it, sent at once, in this order; and commits it, where nothing follows.
pub(super) async fn write(session: &Session, statements: &[Rows<'_>], commit: bool) -> Result<(), SqlError> {
    let calls: Vec<_> = statements.iter().map(Rows::call).collect();
    if commit {
        return session.commit_all(&calls).await;
    }
    session.execute_all(&calls).await
}
