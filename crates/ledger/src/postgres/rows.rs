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
    /// How many rows it must change, where it must; else somebody else has
    /// written in between.
    pub(super) must_change: Option<usize>,
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
    /// It must change as many rows.
    pub(super) fn all(sql: &'static str, count: usize, columns: Vec<Column<'a>>) -> Self {
        Self {
            sql,
            columns,
            must_change: Some(count),
        }
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

/// Writes all of it, sent at once, in this order.
pub(super) async fn write(session: &Session, statements: &[Rows<'_>]) -> Result<(), SqlError> {
    let calls: Vec<_> = statements.iter().map(Rows::call).collect();
    let changed = session.execute_all(&calls).await?;
    for (rows, changed) in statements.iter().zip(changed) {
        if rows
            .must_change
            .is_some_and(|count| usize::try_from(changed) != Ok(count))
        {
            return Err(SqlError::Conflict("a row was not as it had been"));
        }
    }
    Ok(())
}
