//! Endpoints for notices, which several nodes may have configured otherwise for a
//! while: who began last is right as long as a node names it so, and what none has
//! named for long is forgotten (`docs/decisions/0022-notices.md`). Which node sends
//! to an endpoint is said by a claim of its row.
//!
//! Who alters both locks the endpoint before its notices, and endpoints by name.

use fanfare_core::notice::sending::EndpointHealth;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::row::{Columns, big, compared, json};
use super::session::Session;
use crate::notices::{Endpoint, EndpointLook, FORGET_AT_ONCE, FORGOTTEN, Holder, SILENT};
use crate::store::StoreError;

const TABLE: &str = "notice_endpoints";

/// What a node says of the endpoints that it has configured.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    pub(super) names: Vec<String>,
    pub(super) fingerprints: Vec<String>,
    pub(super) now: Timestamp,
    /// The node begins: what it says holds, whoever says otherwise.
    pub(super) begins: bool,
}

impl Naming {
    pub(super) fn new(endpoints: &[(String, String)], now: Timestamp, begins: bool) -> Self {
        let (names, fingerprints) = endpoints.iter().cloned().unzip();
        Self {
            names,
            fingerprints,
            now,
            begins,
        }
    }
}

pub(super) const LOCK: &str = "SELECT FROM notice_endpoints WHERE name = ANY ($1::text[]) ORDER BY name FOR UPDATE";

pub(super) const CHANGE: &str = "UPDATE notice_endpoints AS e
    SET fingerprint = w.fingerprint, health = $3, named_at = greatest(e.named_at, $4)
    FROM unnest($1::text[], $2::text[]) AS w (name, fingerprint)
    WHERE e.name = w.name AND e.fingerprint <> w.fingerprint AND ($5 OR e.named_at <= $6) RETURNING e.name";

pub(super) const NAME: &str = "INSERT INTO notice_endpoints AS e (name, fingerprint, health, named_at)
    SELECT name, fingerprint, $3, $4 FROM unnest($1::text[], $2::text[]) AS w (name, fingerprint) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET named_at = greatest(e.named_at, excluded.named_at)
    WHERE e.fingerprint = excluded.fingerprint";

/// What waits for its next time is sent now.
pub(super) const MAKE_DUE: &str = "UPDATE notices SET due_at = $2 WHERE endpoint = ANY ($1::text[]) AND due_at > $2";

pub(super) async fn name(session: &Session, naming: &Naming) -> Result<(), SqlError> {
    let Naming {
        names,
        fingerprints,
        now,
        begins,
    } = naming;
    let health = json(&EndpointHealth::default())?;
    session.run("BEGIN").await?;
    session.query(LOCK, &[names]).await?;
    let silent = compared(before(*now, SILENT));
    let changed = session
        .query(CHANGE, &[names, fingerprints, &health, now, begins, &silent])
        .await?;
    let changed: Result<Vec<String>, _> = changed.iter().map(|row| Columns { table: TABLE, row }.get(0)).collect();
    session.execute(MAKE_DUE, &[&changed?, now]).await?;
    session.execute(NAME, &[names, fingerprints, &health, now]).await?;
    session.run("COMMIT").await
}

pub(super) const FORGET_OF: &str = "DELETE FROM notices WHERE position = ANY (ARRAY(
    SELECT position FROM notices WHERE endpoint = $1 ORDER BY id LIMIT $2))";

/// All that it was to be told first, in slices: a kill in between leaves nothing
/// that nobody would forget.
pub(super) async fn forget(store: &PostgresStore, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let doing = "forget endpoints for notices";
    let since = compared(before(now, FORGOTTEN));
    let find = store
        .others
        .run(doing, move |session| Box::pin(unnamed(session, since)));
    let mut forgotten = Vec::new();
    for name in find.await? {
        loop {
            let own = name.clone();
            let step = store.others.run(doing, move |session| {
                let own = own.clone();
                Box::pin(async move { forget_slice(session, &own, since).await })
            });
            match step.await? {
                Slice::More => {}
                Slice::Named => break,
                Slice::Last => {
                    forgotten.push(name);
                    break;
                }
            }
        }
    }
    let silent = compared(before(now, SILENT));
    let end = store
        .others
        .run(doing, move |session| Box::pin(forget_alarms(session, silent)));
    end.await?;
    Ok(forgotten)
}

async fn unnamed(session: &Session, since: Timestamp) -> Result<Vec<String>, SqlError> {
    let sql = "SELECT name FROM notice_endpoints WHERE named_at <= $1 ORDER BY name";
    let rows = session.query(sql, &[&since]).await?;
    rows.iter().map(|row| Columns { table: TABLE, row }.get(0)).collect()
}

/// What was forgotten of an endpoint.
enum Slice {
    /// Some of what it was to be told; there may be more.
    More,
    /// The rest, and the endpoint.
    Last,
    /// Nothing: a node has named it meanwhile, or another one was quicker.
    Named,
}

async fn forget_slice(session: &Session, name: &str, since: Timestamp) -> Result<Slice, SqlError> {
    session.run("BEGIN").await?;
    let sql = "SELECT FROM notice_endpoints WHERE name = $1 AND named_at <= $2 FOR UPDATE";
    let slice = if session.query_opt(sql, &[&name, &since]).await?.is_none() {
        Slice::Named
    } else if session.execute(FORGET_OF, &[&name, &big(FORGET_AT_ONCE)]).await? == FORGET_AT_ONCE {
        Slice::More
    } else {
        let sql = "DELETE FROM notice_endpoints WHERE name = $1";
        session.execute(sql, &[&name]).await?;
        Slice::Last
    };
    session.run("COMMIT").await?;
    Ok(slice)
}

/// Nobody can be told of an alarm where no endpoint is named, so nobody would see
/// that it is over.
async fn forget_alarms(session: &Session, silent: Timestamp) -> Result<(), SqlError> {
    let sql = "DELETE FROM alarms WHERE NOT EXISTS (SELECT FROM notice_endpoints WHERE named_at > $1)";
    session.execute(sql, &[&silent]).await?;
    Ok(())
}

fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(now)
}

pub(super) const ENDPOINTS: &str = "SELECT e.name, e.health, n.pending, n.oldest FROM notice_endpoints AS e
    CROSS JOIN LATERAL (SELECT count(*) AS pending, min(made_at) AS oldest FROM notices
        WHERE endpoint = e.name AND due_at IS NOT NULL) AS n
    ORDER BY e.name";

pub(super) fn endpoint(row: &Row) -> Result<Endpoint, SqlError> {
    let columns = Columns { table: TABLE, row };
    Ok(Endpoint {
        name: columns.get(0)?,
        health: columns.json(1)?,
        pending: columns.number(2)?,
        oldest: columns.get(3)?,
    })
}

pub(super) const LOOK: &str = "SELECT e.health, e.fingerprint, EXISTS (
        SELECT FROM notices WHERE endpoint = e.name AND due_at IS NOT NULL AND due_at <= $2)
    FROM notice_endpoints AS e WHERE e.name = $1";

pub(super) async fn look(session: &Session, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, SqlError> {
    let row = session.query_opt(LOOK, &[&name, &compared(now)]).await?;
    let look = |row: &Row| {
        let columns = Columns { table: TABLE, row };
        Ok(EndpointLook {
            health: columns.json(0)?,
            fingerprint: columns.get(1)?,
            is_due: columns.get(2)?,
        })
    };
    row.as_ref().map(look).transpose()
}

/// A node that has it configured otherwise does not get it.
const HOLD: &str = "UPDATE notice_endpoints SET held_by = $3, held_until = $5
    WHERE name = $1 AND fingerprint = $2 AND (held_by IS NULL OR held_by = $3 OR held_until <= $4)
    RETURNING health";

pub(super) async fn hold(
    session: &Session,
    holder: &Holder,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<EndpointHealth>, SqlError> {
    let (name, print, token) = (&holder.endpoint, &holder.fingerprint, big(holder.token.0));
    let row = session
        .query_opt(HOLD, &[name, print, &token, &compared(now), &until])
        .await?;
    let health = |row: &Row| Columns { table: TABLE, row }.json(0);
    row.as_ref().map(health).transpose()
}

pub(super) async fn release(session: &Session, holder: &Holder) -> Result<(), SqlError> {
    let sql = "UPDATE notice_endpoints SET held_by = NULL WHERE name = $1 AND held_by = $2";
    let token = big(holder.token.0);
    session.execute(sql, &[&holder.endpoint, &token]).await?;
    Ok(())
}

/// Keeps how it is, where the holder still has it.
pub(super) async fn set_health(session: &Session, holder: &Holder, health: &EndpointHealth) -> Result<bool, SqlError> {
    let sql = "UPDATE notice_endpoints SET health = $4 WHERE name = $1 AND fingerprint = $2 AND held_by = $3";
    let (name, print, token) = (&holder.endpoint, &holder.fingerprint, big(holder.token.0));
    Ok(session.execute(sql, &[name, print, &token, &json(health)?]).await? == 1)
}

pub(super) async fn enable(session: &Session, name: &str, now: Timestamp) -> Result<bool, SqlError> {
    let health = json(&EndpointHealth::default())?;
    session.run("BEGIN").await?;
    let sql = "UPDATE notice_endpoints SET health = $2 WHERE name = $1";
    let is_there = session.execute(sql, &[&name, &health]).await? == 1;
    session.execute(MAKE_DUE, &[&vec![name], &now]).await?;
    session.run("COMMIT").await?;
    Ok(is_there)
}
