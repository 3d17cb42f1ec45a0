//! Orders to breakers, in the file.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerOrder};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::error::SqlError;
use super::row::{Columns, time_text};
use crate::breaker_orders::BreakerOrders;
use crate::store::StoreError;

#[async_trait]
impl BreakerOrders for SqliteStore {
    async fn keep_breaker_order(&self, order: &BreakerOrder) -> Result<u64, StoreError> {
        let order = order.clone();
        self.writer
            .transact("keep an order to a breaker", move |transaction| {
                insert(transaction, &order)
            })
            .await
    }

    async fn breaker_orders(&self) -> Result<Vec<(u64, BreakerOrder)>, StoreError> {
        self.readers.read("read the orders to breakers", last).await
    }
}

fn insert(connection: &Connection, order: &BreakerOrder) -> Result<u64, SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO breaker_orders (channel, action, actor, reason, ordered_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute(params![
        order.channel.name(),
        order.action.name(),
        order.actor,
        order.reason,
        time_text(order.at),
    ])?;
    Ok(connection.last_insert_rowid().unsigned_abs())
}

fn last(connection: &Connection) -> Result<Vec<(u64, BreakerOrder)>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, channel, action, actor, reason, ordered_at FROM breaker_orders
         WHERE number IN (SELECT max(number) FROM breaker_orders GROUP BY channel) ORDER BY number",
    )?;
    let mut rows = statement.query([])?;
    let mut orders = Vec::new();
    while let Some(row) = rows.next()? {
        orders.push(order(row)?);
    }
    Ok(orders)
}

fn order(row: &Row<'_>) -> Result<(u64, BreakerOrder), SqlError> {
    let columns = Columns {
        table: "breaker_orders",
        row,
    };
    let order = BreakerOrder {
        channel: columns.word(1, Channel::from_name)?,
        action: columns.word(2, BreakerAction::from_name)?,
        actor: columns.text(3)?.to_owned(),
        reason: columns.optional(4, |columns, at| columns.text(at).map(str::to_owned))?,
        at: columns.time(5)?,
    };
    Ok((row.get::<_, i64>(0)?.unsigned_abs(), order))
}
