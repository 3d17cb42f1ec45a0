//! Orders to breakers. Two that come at once may commit in either order; the one
//! with the greater number holds on every node.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerOrder};
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::row::Columns;
use crate::breaker_orders::BreakerOrders;
use crate::store::StoreError;

#[async_trait]
impl BreakerOrders for PostgresStore {
    async fn keep_breaker_order(&self, order: &BreakerOrder) -> Result<u64, StoreError> {
        let order = order.clone();
        let insert = self.others.run("keep an order to a breaker", move |session| {
            let order = order.clone();
            Box::pin(async move {
                let sql = "INSERT INTO breaker_orders (channel, action, actor, reason, ordered_at)
                     VALUES ($1, $2, $3, $4, $5) RETURNING number";
                let (channel, action) = (order.channel.name(), order.action.name());
                let values: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
                    &[&channel, &action, &order.actor, &order.reason, &order.at];
                let row = session.query_opt(sql, values).await?;
                let number = row.as_ref().map(|row| columns(row).get::<i64>(0)).transpose()?;
                Ok(number.unwrap_or_default().unsigned_abs())
            })
        });
        insert.await
    }

    async fn breaker_orders(&self) -> Result<Vec<(u64, BreakerOrder)>, StoreError> {
        let read = self.others.run("read the orders to breakers", move |session| {
            Box::pin(async move {
                let sql = "SELECT number, channel, action, actor, reason, ordered_at FROM breaker_orders
                     WHERE number IN (SELECT max(number) FROM breaker_orders GROUP BY channel) ORDER BY number";
                let rows = session.query(sql, &[]).await?;
                rows.iter().map(order).collect()
            })
        });
        read.await
    }
}

fn columns(row: &Row) -> Columns<'_> {
    Columns {
        table: "breaker_orders",
        row,
    }
}

fn order(row: &Row) -> Result<(u64, BreakerOrder), SqlError> {
    let columns = columns(row);
    let order = BreakerOrder {
        channel: columns.word(1, Channel::from_name)?,
        action: columns.word(2, BreakerAction::from_name)?,
        actor: columns.get(3)?,
        reason: columns.get(4)?,
        at: columns.get(5)?,
    };
    Ok((columns.get::<i64>(0)?.unsigned_abs(), order))
}
