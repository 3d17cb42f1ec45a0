//! Orders to sending, in the file.

use async_trait::async_trait;
use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingAction, SendingOrder, SendingScope};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::error::SqlError;
use super::row::{Columns, time_text};
use crate::sending_orders::SendingOrders;
use crate::store::StoreError;

#[async_trait]
impl SendingOrders for SqliteStore {
    async fn keep_sending_order(&self, order: &SendingOrder) -> Result<u64, StoreError> {
        let order = order.clone();
        self.writer
            .transact("keep an order to sending", move |transaction| {
                insert(transaction, &order)
            })
            .await
    }

    async fn sending_orders(&self) -> Result<Vec<(u64, SendingOrder)>, StoreError> {
        self.readers.read("read the orders to sending", last).await
    }
}

fn insert(connection: &Connection, order: &SendingOrder) -> Result<u64, SqlError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO sending_orders (tenant_id, of_service, action, actor, reason, ordered_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    statement.execute(params![
        order.scope.tenant().map(TenantId::as_str),
        order.scope.is_of_service(),
        order.action.name(),
        order.actor,
        order.reason,
        time_text(order.at),
    ])?;
    Ok(connection.last_insert_rowid().unsigned_abs())
}

fn last(connection: &Connection) -> Result<Vec<(u64, SendingOrder)>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, tenant_id, of_service, action, actor, reason, ordered_at FROM sending_orders
         WHERE number IN (SELECT max(number) FROM sending_orders GROUP BY tenant_id, of_service) ORDER BY number",
    )?;
    let mut rows = statement.query([])?;
    let mut orders = Vec::new();
    while let Some(row) = rows.next()? {
        orders.push(order(row)?);
    }
    Ok(orders)
}

fn order(row: &Row<'_>) -> Result<(u64, SendingOrder), SqlError> {
    let columns = Columns {
        table: "sending_orders",
        row,
    };
    let tenant = columns.optional(1, Columns::text)?;
    let order = SendingOrder {
        scope: SendingScope::of(tenant.map(TenantId::new), row.get(2)?),
        action: columns.word(3, SendingAction::from_name)?,
        actor: columns.text(4)?.to_owned(),
        reason: columns.optional(5, |columns, at| columns.text(at).map(str::to_owned))?,
        at: columns.time(6)?,
    };
    Ok((row.get::<_, i64>(0)?.unsigned_abs(), order))
}
