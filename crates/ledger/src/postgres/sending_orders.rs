//! Orders to sending. Two that come at once may commit in either order; the one
//! with the greater number holds on every node.

use async_trait::async_trait;
use fanfare_core::ids::TenantId;
use fanfare_core::sending::{SendingAction, SendingOrder, SendingScope};
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::row::Columns;
use crate::sending_orders::SendingOrders;
use crate::store::StoreError;

#[async_trait]
impl SendingOrders for PostgresStore {
    async fn keep_sending_order(&self, order: &SendingOrder) -> Result<u64, StoreError> {
        let order = order.clone();
        let insert = self.others.run("keep an order to sending", move |session| {
            let order = order.clone();
            Box::pin(async move {
                let sql = "INSERT INTO sending_orders (tenant_id, of_service, action, actor, reason, ordered_at)
                     VALUES ($1, $2, $3, $4, $5, $6) RETURNING number";
                let (tenant, action) = (order.scope.tenant().map(TenantId::as_str), order.action.name());
                let values: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
                    &tenant,
                    &order.scope.is_of_service(),
                    &action,
                    &order.actor,
                    &order.reason,
                    &order.at,
                ];
                let row = session.query_opt(sql, values).await?;
                let number = row.as_ref().map(|row| columns(row).get::<i64>(0)).transpose()?;
                Ok(number.unwrap_or_default().unsigned_abs())
            })
        });
        insert.await
    }

    async fn sending_orders(&self) -> Result<Vec<(u64, SendingOrder)>, StoreError> {
        let read = self.others.run("read the orders to sending", move |session| {
            Box::pin(async move {
                let sql = "SELECT number, tenant_id, of_service, action, actor, reason, ordered_at FROM sending_orders
                     WHERE number IN (SELECT max(number) FROM sending_orders GROUP BY tenant_id, of_service) ORDER BY number";
                let rows = session.query(sql, &[]).await?;
                rows.iter().map(order).collect()
            })
        });
        read.await
    }
}

fn columns(row: &Row) -> Columns<'_> {
    Columns {
        table: "sending_orders",
        row,
    }
}

fn order(row: &Row) -> Result<(u64, SendingOrder), SqlError> {
    let columns = columns(row);
    let tenant: Option<&str> = columns.get(1)?;
    let order = SendingOrder {
        scope: SendingScope::of(tenant.map(TenantId::new), columns.get(2)?),
        action: columns.word(3, SendingAction::from_name)?,
        actor: columns.get(4)?,
        reason: columns.get(5)?,
        at: columns.get(6)?,
    };
    Ok((columns.get::<i64>(0)?.unsigned_abs(), order))
}
