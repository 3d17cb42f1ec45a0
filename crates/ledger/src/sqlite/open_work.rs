//! Counts what stands open, beginning at the index of open distributions.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::error::SqlError;
use super::row::{Columns, json};
use crate::open_work::{OpenDeliveries, OpenWork, closed_names};
use crate::store::StoreError;

pub(super) const OPEN_WORK: &str =
    "SELECT c.channel, c.status, c.code, count(*), min(coalesce(c.next_attempt_at, c.updated_at))
     FROM distribution_logs AS d INDEXED BY distribution_logs_open
     CROSS JOIN distribution_channel_logs AS c ON c.tenant_id = d.tenant_id AND c.distribution_log_id = d.id
     WHERE d.open = 1 AND c.status NOT IN (SELECT value FROM json_each(?1))
     GROUP BY 1, 2, 3";

#[async_trait]
impl OpenWork for SqliteStore {
    async fn open_work(&self) -> Result<Vec<OpenDeliveries>, StoreError> {
        self.readers.read("count what stands open", counted).await
    }
}

fn counted(connection: &Connection) -> Result<Vec<OpenDeliveries>, SqlError> {
    let mut statement = connection.prepare_cached(OPEN_WORK)?;
    let mut rows = statement.query(params![json(&closed_names())?])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(deliveries(row)?);
    }
    Ok(found)
}

fn deliveries(row: &Row<'_>) -> Result<OpenDeliveries, SqlError> {
    let columns = Columns {
        table: "distribution_channel_logs",
        row,
    };
    Ok(OpenDeliveries {
        channel: columns.word(0, Channel::from_name)?,
        status: columns.word(1, DeliveryStatus::from_name)?,
        code: columns.optional(2, |columns, index| columns.text(index).map(str::to_owned))?,
        count: columns.number(3)?,
        oldest: columns.time(4)?,
    })
}
