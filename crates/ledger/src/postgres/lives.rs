//! Lives of nodes, all by the database's clock.
//!
//! To end a life and to renew it are changes of one row: one of the two comes
//! first, and the other then sees it.

use std::num::NonZeroU32;
use std::time::Duration;

use fanfare_core::ids::Incarnation;
use jiff::Timestamp;

use super::error::SqlError;
use super::row::{Columns, big};
use super::session::Session;

/// Begins a life. Those that ended long ago are forgotten: who is not there is over.
pub(super) async fn begin(session: &Session) -> Result<Incarnation, SqlError> {
    let forget = "DELETE FROM incarnations WHERE token IN (
         SELECT token FROM incarnations WHERE ended_at < clock_timestamp() - interval '1 day'
         ORDER BY token LIMIT 100 FOR UPDATE SKIP LOCKED)";
    session.execute(forget, &[]).await?;
    let begin = "INSERT INTO incarnations DEFAULT VALUES RETURNING token";
    let row = session.query_opt(begin, &[]).await?;
    let table = "incarnations";
    let token = row.map(|row| Columns { table, row: &row }.number(0)).transpose()?;
    token
        .map(Incarnation)
        .ok_or_else(|| SqlError::Unreadable("incarnations.token".to_owned()))
}

/// How many go on, this one among them; `None` where it is over.
pub(super) async fn renew(session: &Session, token: Incarnation) -> Result<Option<NonZeroU32>, SqlError> {
    let sql = "UPDATE incarnations SET renewed_at = clock_timestamp() WHERE token = $1 AND ended_at IS NULL
         RETURNING (SELECT count(*) FROM incarnations WHERE ended_at IS NULL)";
    let row = session.query_opt(sql, &[&big(token.0)]).await?;
    let table = "incarnations";
    let lives: Option<u32> = row.map(|row| Columns { table, row: &row }.number(0)).transpose()?;
    Ok(lives.map(|lives| NonZeroU32::new(lives).unwrap_or(NonZeroU32::MIN)))
}

/// What time it is.
pub(super) async fn time(session: &Session) -> Result<Timestamp, SqlError> {
    let row = session.query_opt("SELECT clock_timestamp() AS now", &[]).await?;
    let table = "the clock";
    let time = row.map(|row| Columns { table, row: &row }.get(0)).transpose()?;
    time.ok_or_else(|| SqlError::Unreadable(table.to_owned()))
}

/// Ends a life that stops by itself.
pub(super) async fn end(session: &Session, token: Incarnation) -> Result<(), SqlError> {
    let sql = "UPDATE incarnations SET ended_at = clock_timestamp() WHERE token = $1 AND ended_at IS NULL";
    session.execute(sql, &[&big(token.0)]).await?;
    Ok(())
}

/// Ends those that have not been renewed for so long.
pub(super) async fn end_silent(session: &Session, lease: Duration) -> Result<(), SqlError> {
    let sql = "UPDATE incarnations SET ended_at = clock_timestamp()
         WHERE ended_at IS NULL AND renewed_at < clock_timestamp() - $1::float8 * interval '1 second'";
    session.execute(sql, &[&lease.as_secs_f64()]).await?;
    Ok(())
}
