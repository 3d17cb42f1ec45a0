//! What was spent: summed up where something is to be spent.
//!
//! Two acceptances at once must not both take what is left: who spends under a cap
//! locks that tenant and channel until its transaction ends, in one order for all, and
//! only then reads. Who waits for another in a circle is told so, and tries again.

use std::collections::HashMap;

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::spend::{Overspend, Spend, Spent};
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStore;
use super::commit::Plan;
use super::error::SqlError;
use super::row::{Columns, big, compared};
use super::rows::{Rows, columns};
use crate::spending::Spending;
use crate::store::StoreError;

/// What a write spends, and its place in the batch.
pub(super) struct Of<'a> {
    pub(super) number: i32,
    pub(super) tenant: &'a TenantId,
    pub(super) own: DistributionId,
    pub(super) spend: &'a Spend,
}

/// Finds no row. By the tables' schema, since locks are the whole database's.
pub(super) const LOCK: &str = "SELECT 0 AS n
    FROM (SELECT DISTINCT hashtextextended(concat_ws('/', current_schema(), 'spends', tenant, channel), 0) AS name
        FROM unnest($1::text[], $2::text[]) AS w (tenant, channel) ORDER BY name) AS w
    WHERE pg_advisory_xact_lock(w.name) IS NULL";

/// By each other delivery of the event, and of the month, that has not failed and was
/// not called off.
pub(super) const SPENT: &str = "SELECT w.n, w.channel,
    (SELECT coalesce(sum(s.cost), 0)::bigint FROM spends AS s
        JOIN distribution_channel_logs AS c
            ON c.distribution_log_id = s.distribution_log_id AND c.channel = s.channel
        WHERE s.event_id = w.event AND s.tenant_id = w.tenant AND s.channel = w.channel
            AND s.distribution_log_id <> w.id AND c.status NOT IN ('FAILED', 'CANCELLED')),
    (SELECT coalesce(sum(s.cost), 0)::bigint FROM spends AS s
        JOIN distribution_channel_logs AS c
            ON c.distribution_log_id = s.distribution_log_id AND c.channel = s.channel
        WHERE s.tenant_id = w.tenant AND s.channel = w.channel AND s.spent_at >= w.month AND s.spent_at < w.next
            AND s.distribution_log_id <> w.id AND c.status NOT IN ('FAILED', 'CANCELLED'))
    FROM unnest($1::int[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
        AS w (n, tenant, id, event, channel, month, next)";

/// First the lock, then what was spent: nothing where nothing has a cap.
pub(super) fn questions<'a>(spends: &[Of<'a>]) -> Vec<Rows<'a>> {
    let capped: Vec<_> = spends.iter().filter(|of| of.spend.cap.limits()).collect();
    if capped.is_empty() {
        return Vec::new();
    }
    let lock = Rows {
        sql: LOCK,
        columns: columns!(capped, of => [of.tenant.as_str(), of.spend.channel.name()]),
    };
    vec![lock, question(&capped)]
}

fn question<'a>(spends: &[&Of<'a>]) -> Rows<'a> {
    Rows {
        sql: SPENT,
        columns: columns!(spends, of => [
            of.number,
            of.tenant.as_str(),
            of.own.0,
            of.spend.event_id.as_str(),
            of.spend.channel.name(),
            compared(of.spend.month().0),
            compared(of.spend.month().1),
        ]),
    }
}

/// The answer, after its first column.
pub(super) fn spent(row: &Row) -> Result<(Channel, Spent), SqlError> {
    let columns = Columns { table: "spends", row };
    let spent = Spent {
        on_event: columns.number(2)?,
        in_month: columns.number(3)?,
    };
    Ok((columns.word(1, Channel::from_name)?, spent))
}

/// Where it would go beyond a cap.
pub(super) fn overspent(spends: &[Spend], spent: &HashMap<Channel, Spent>) -> Vec<Overspend> {
    let over = |spend: &Spend| spend.exceeds(spent.get(&spend.channel).copied().unwrap_or_default());
    spends.iter().filter_map(over).collect()
}

/// What is redriven counts anew.
pub(super) fn insert<'a>(plan: &'a Plan<'_>) -> Option<Rows<'a>> {
    let accepted = plan.accepted.iter().flat_map(|acceptance| {
        let of = &acceptance.distribution;
        acceptance.spends.iter().map(move |spend| (&of.tenant, of.id, spend))
    });
    let changed = plan.changed.iter().flat_map(|change| {
        let record = change.record;
        record
            .spends
            .iter()
            .map(move |spend| (&record.tenant, record.id, spend))
    });
    let mut rows: Vec<(&TenantId, DistributionId, &Spend)> = accepted.chain(changed).collect();
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|(_, id, spend)| (*id, spend.channel.name()));
    let columns = columns!(rows, row => [
        row.0.as_str(),
        row.1.0,
        row.2.channel.name(),
        row.2.event_id.as_str(),
        big(row.2.cost),
        row.2.at,
    ]);
    Some(Rows { sql: INSERT, columns })
}

const INSERT: &str = "INSERT INTO spends (tenant_id, distribution_log_id, channel, event_id, cost, spent_at)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
    ON CONFLICT (distribution_log_id, channel) DO UPDATE SET cost = excluded.cost, spent_at = excluded.spent_at";

#[async_trait]
impl Spending for PostgresStore {
    async fn spent(&self, tenant: &TenantId, spends: &[Spend]) -> Result<Vec<Spent>, StoreError> {
        let (tenant, spends) = (tenant.clone(), spends.to_vec());
        let read = self.others.run("see what was spent", move |session| {
            let (tenant, spends) = (tenant.clone(), spends.clone());
            Box::pin(async move {
                let of = (0..).zip(&spends).map(|(number, spend)| Of {
                    number,
                    tenant: &tenant,
                    own: DistributionId(Uuid::nil()),
                    spend,
                });
                let of: Vec<_> = of.collect();
                let question = question(&of.iter().collect::<Vec<_>>());
                let call = question.call();
                let mut found: Vec<(i32, Spent)> = Vec::new();
                for row in &session.query(call.sql, &call.params).await? {
                    let columns = Columns { table: "spends", row };
                    found.push((columns.number(0)?, spent(row)?.1));
                }
                found.sort_by_key(|(number, _)| *number);
                Ok(found.into_iter().map(|(_, spent)| spent).collect())
            })
        });
        read.await
    }
}
