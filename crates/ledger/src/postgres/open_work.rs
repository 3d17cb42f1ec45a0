//! Counts what stands open, beginning at the index of open distributions.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::row::Columns;
use crate::open_work::{OpenDeliveries, OpenWork, closed_names};
use crate::store::StoreError;

/// The fence (`OFFSET 0`) keeps the planner from reading all deliveries of history
/// at once, where it takes many distributions for open.
pub(super) const OPEN_WORK: &str = "SELECT c.channel, c.status, c.code, count(*), min(c.since)
    FROM distribution_logs AS d
    CROSS JOIN LATERAL (
        SELECT channel, status, code, coalesce(next_attempt_at, updated_at) AS since
        FROM distribution_channel_logs WHERE distribution_log_id = d.id OFFSET 0) AS c
    WHERE d.open AND c.status <> ALL ($1::text[])
    GROUP BY 1, 2, 3";

#[async_trait]
impl OpenWork for PostgresStore {
    async fn open_work(&self) -> Result<Vec<OpenDeliveries>, StoreError> {
        let count = self.others.run("count what stands open", |session| {
            Box::pin(async move {
                let rows = session.query(OPEN_WORK, &[&closed_names()]).await?;
                rows.iter().map(deliveries).collect()
            })
        });
        count.await
    }
}

fn deliveries(row: &Row) -> Result<OpenDeliveries, SqlError> {
    let columns = Columns {
        table: "distribution_channel_logs",
        row,
    };
    Ok(OpenDeliveries {
        channel: columns.word(0, Channel::from_name)?,
        status: columns.word(1, DeliveryStatus::from_name)?,
        code: columns.get(2)?,
        count: columns.number(3)?,
        oldest: columns.get(4)?,
    })
}
