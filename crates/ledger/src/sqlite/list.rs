//! Lists of distributions: every filter served without reading all of history.
//!
//! Words of closed sets are written into the statement itself: only so can
//! `SQLite` see that a partial index serves it. What comes from users is bound.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::ids::{DistributionId, TenantId};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::error::SqlError;
use super::read::{all, load_deliveries};
use super::row::{self, time_text};
use crate::listing::{ids_before, ids_from, needs_attention};
use crate::store::Filter;

/// The condition of the index of deliveries that need attention, in its words.
pub(super) const ATTENTION: &str = "(c.status = 'WAITING' OR c.status = 'NEEDS_REVIEW' \
    OR c.status = 'ACTION_REQUIRED' OR c.status = 'FAILED' OR c.status = 'CANCELLED')";

/// Newest first, those before `before` only.
pub(super) fn list(
    connection: &Connection,
    tenant: &TenantId,
    filter: &Filter,
    before: Option<DistributionId>,
    limit: usize,
) -> Result<Vec<Distribution>, SqlError> {
    let (sql, values) = statement(tenant, filter, before, limit);
    let values = params_from_iter(values);
    let mut found = all(connection, &sql, values, row::distribution)?;
    for distribution in &mut found {
        load_deliveries(connection, distribution)?;
    }
    Ok(found)
}

/// The statement and what is bound to it.
pub(super) fn statement(
    tenant: &TenantId,
    filter: &Filter,
    before: Option<DistributionId>,
    limit: usize,
) -> (String, Vec<Value>) {
    let mut conditions = Conditions::of(tenant, index(filter));
    if let Some(event) = &filter.event_id {
        conditions.bind("d.event_id =", event.as_str());
    }
    if let Some(status) = filter.status {
        conditions.add(&format!("d.status = '{}'", status.name()));
        if status != DistributionStatus::Completed {
            conditions.add("d.status <> 'COMPLETED'");
        }
    }
    if let Some(before) = before {
        conditions.bind("d.id <", &before.to_string());
    }
    conditions.bind_times(filter);
    conditions.add_channel(filter);
    conditions.finish(limit)
}

/// The index that serves the filter; without statistics `SQLite` would guess.
fn index(filter: &Filter) -> &'static str {
    if filter.event_id.is_some() {
        "INDEXED BY distribution_logs_of_event"
    } else if filter
        .status
        .is_some_and(|status| status != DistributionStatus::Completed)
    {
        "INDEXED BY distribution_logs_not_completed"
    } else {
        ""
    }
}

struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(tenant: &TenantId, index: &str) -> Self {
        let columns = row::DISTRIBUTION;
        Self {
            sql: format!("SELECT {columns} FROM distribution_logs AS d {index} WHERE d.tenant_id = ?"),
            values: vec![Value::Text(tenant.as_str().to_owned())],
        }
    }

    fn add(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    fn bind(&mut self, condition: &str, value: &str) {
        self.add(&format!("{condition} ?"));
        self.values.push(Value::Text(value.to_owned()));
    }

    /// The time in the id finds the place, the time of acceptance decides.
    fn bind_times(&mut self, filter: &Filter) {
        if let Some(from) = filter.from {
            self.bind("d.id >=", &ids_from(from).to_string());
            self.bind("d.created_at >=", &time_text(from));
        }
        if let Some(until) = filter.until {
            self.bind("d.id <", &ids_before(until).to_string());
            self.bind("d.created_at <", &time_text(until));
        }
    }

    fn add_channel(&mut self, filter: &Filter) {
        if filter.channel.is_none() && filter.channel_status.is_none() {
            return;
        }
        let channel = filter.channel.map(Channel::name);
        let channel = channel.map(|name| format!(" AND c.channel = '{name}'"));
        let status = filter.channel_status.map(DeliveryStatus::name);
        let status = status.map(|name| format!(" AND c.status = '{name}'"));
        let wanted = channel.unwrap_or_default() + &status.unwrap_or_default();
        if filter.channel_status.is_some_and(needs_attention) && filter.event_id.is_none() {
            self.add(&format!(
                "d.id IN (SELECT c.distribution_log_id FROM distribution_channel_logs AS c
                 WHERE c.tenant_id = ?1{wanted} AND {ATTENTION})"
            ));
        } else {
            self.add(&format!(
                "EXISTS (SELECT 1 FROM distribution_channel_logs AS c
                 WHERE c.tenant_id = d.tenant_id AND c.distribution_log_id = d.id{wanted})"
            ));
        }
    }

    fn finish(mut self, limit: usize) -> (String, Vec<Value>) {
        self.sql.push_str(" ORDER BY d.id DESC LIMIT ?");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.values.push(Value::Integer(limit));
        (self.sql, self.values)
    }
}
