//! Which life relays which share of the events.

use fanfare_core::ids::Incarnation;

use super::error::SqlError;
use super::row::{Columns, big};
use super::session::Session;
use crate::outbox::{PARTITIONS, Partition};

/// An equal share among the lives that are not over. One claims at a time.
pub(super) async fn claim(session: &Session, token: Incarnation) -> Result<Vec<Partition>, SqlError> {
    session.run("BEGIN").await?;
    let token = big(token.0);
    // Looked at only when they are locked: what is seen is of that moment.
    session.query(LOCK, &[]).await?;
    let rows = session.query(PARTITIONS_NOW, &[&token]).await?;
    let share = share(session, token).await?;
    let (mut own, mut free) = (Vec::new(), Vec::new());
    for row in &rows {
        let table = "relay_partitions";
        let columns = Columns { table, row };
        let partition: i16 = columns.get(0)?;
        match (columns.get::<bool>(1)?, columns.get::<bool>(2)?) {
            (true, _) => own.push(partition),
            (false, true) => free.push(partition),
            (false, false) => {}
        }
    }
    let surplus = own.split_off(share.min(own.len()));
    free.truncate(share - own.len());
    session.execute(GIVE, &[&surplus, &None::<i64>]).await?;
    session.execute(GIVE, &[&free, &Some(token)]).await?;
    session.run("COMMIT").await?;
    own.append(&mut free);
    own.sort_unstable();
    Ok(own.into_iter().map(|p| Partition(p.unsigned_abs())).collect())
}

/// How many a life may have; none where it is over.
async fn share(session: &Session, token: i64) -> Result<usize, SqlError> {
    let row = session.query_opt(LIVING, &[&token]).await?;
    let Some(row) = row else { return Ok(0) };
    let table = "incarnations";
    let columns = Columns { table, row: &row };
    let (living, lives): (usize, bool) = (columns.number(0)?, columns.get(1)?);
    Ok(if lives {
        usize::from(PARTITIONS).div_ceil(living.max(1))
    } else {
        0
    })
}

const LOCK: &str = "SELECT FROM relay_partitions ORDER BY partition FOR UPDATE";

/// All of them; whether each is this life's, and whether it is free.
const PARTITIONS_NOW: &str = "SELECT p.partition, (p.owner = $1) IS TRUE,
        NOT EXISTS (SELECT FROM incarnations AS i WHERE i.token = p.owner AND i.ended_at IS NULL)
    FROM relay_partitions AS p ORDER BY p.partition";

const LIVING: &str = "SELECT count(*), coalesce(bool_or(token = $1), false) FROM incarnations WHERE ended_at IS NULL";

const GIVE: &str = "UPDATE relay_partitions SET owner = $2 WHERE partition = ANY ($1)";
