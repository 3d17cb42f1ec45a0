//! Lists of distributions: every filter served without reading all of history.
//!
//! Words of closed sets are written into the statement itself: only so can the
//! planner see that a partial index serves it. What comes from users is bound.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::ids::{DistributionId, TenantId};

use super::error::SqlError;
use super::read;
use super::row;
use super::rows::{Column, params};
use super::session::{Call, Session};
use crate::listing::{ids_before, ids_from, needs_attention};
use crate::store::Filter;

/// Newest first, those before `before` only.
pub(super) async fn list(
    session: &Session,
    tenant: &TenantId,
    filter: &Filter,
    before: Option<DistributionId>,
    limit: usize,
) -> Result<Vec<Distribution>, SqlError> {
    let statement = statement(tenant, filter, before, limit);
    read::with_deliveries(session, statement.call()).await
}

/// The statement and what is bound to it.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Column<'static>>,
}

impl Statement {
    pub(super) fn call(&self) -> Call<'_> {
        Call {
            sql: &self.sql,
            params: params(&self.values),
        }
    }
}

/// A list of distributions that begins at their own rows, or, where it asks for
/// deliveries that need attention, at these: their index has the same order.
pub(super) fn statement(tenant: &TenantId, filter: &Filter, before: Option<DistributionId>, limit: usize) -> Statement {
    let mut parts = Parts {
        values: vec![Box::new(tenant.as_str().to_owned())],
        of_ids: Vec::new(),
        others: Vec::new(),
    };
    parts.add_ids(filter, before);
    parts.add_others(filter);
    let attention = filter.channel_status.filter(|status| needs_attention(*status));
    let attention = attention.filter(|_| filter.event_id.is_none());
    let from = match attention {
        Some(status) => begin_at_attention(&parts.ids_of("c.distribution_log_id"), filter, status),
        None => begin_at_distributions(filter),
    };
    let ids = parts.ids_of("d.id");
    let others = joined(&parts.others, "");
    let limit = parts.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let columns = row::DISTRIBUTION;
    Statement {
        sql: format!("SELECT {columns} FROM {from}{ids}{others} ORDER BY d.id DESC LIMIT {limit}"),
        values: parts.values,
    }
}

struct Parts {
    values: Vec<Column<'static>>,
    /// Conditions on the id, without its name.
    of_ids: Vec<String>,
    /// Conditions on the distribution.
    others: Vec<String>,
}

impl Parts {
    /// Its place in the statement.
    fn bind(&mut self, value: impl tokio_postgres::types::ToSql + Sync + Send + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    /// The time in the id finds the place.
    fn add_ids(&mut self, filter: &Filter, before: Option<DistributionId>) {
        if let Some(before) = before {
            let place = self.bind(before.0);
            self.of_ids.push(format!("< {place}"));
        }
        if let Some(from) = filter.from {
            let place = self.bind(ids_from(from));
            self.of_ids.push(format!(">= {place}"));
        }
        if let Some(until) = filter.until {
            let place = self.bind(ids_before(until));
            self.of_ids.push(format!("< {place}"));
        }
    }

    /// The time of acceptance decides.
    fn add_others(&mut self, filter: &Filter) {
        if let Some(from) = filter.from {
            let place = self.bind(row::compared(from));
            self.others.push(format!("d.created_at >= {place}"));
        }
        if let Some(until) = filter.until {
            let place = self.bind(row::compared(until));
            self.others.push(format!("d.created_at < {place}"));
        }
        if let Some(event) = &filter.event_id {
            let place = self.bind(event.as_str().to_owned());
            self.others.push(format!("d.event_id = {place}"));
        }
        if let Some(status) = filter.status {
            self.others.push(format!("d.status = '{}'", status.name()));
            // Something of these may still happen: they are found as open ones.
            if matches!(status, DistributionStatus::Pending | DistributionStatus::InProgress) {
                self.others.push("d.open".to_owned());
            }
        }
    }

    fn ids_of(&self, name: &str) -> String {
        joined(&self.of_ids, name)
    }
}

/// Conditions, each of that name.
fn joined(conditions: &[String], name: &str) -> String {
    let mut sql = String::new();
    for condition in conditions {
        sql.push_str(" AND ");
        sql.push_str(name);
        sql.push(' ');
        sql.push_str(condition);
    }
    sql
}

fn begin_at_distributions(filter: &Filter) -> String {
    let wanted = wanted(filter);
    let of_channel = if wanted.is_empty() {
        String::new()
    } else {
        format!(
            " AND EXISTS (SELECT FROM distribution_channel_logs AS c
              WHERE c.tenant_id = d.tenant_id AND c.distribution_log_id = d.id{wanted})"
        )
    };
    format!("distribution_logs AS d WHERE d.tenant_id = $1{of_channel}")
}

fn begin_at_attention(ids: &str, filter: &Filter, status: DeliveryStatus) -> String {
    let channel = filter.channel.map(Channel::name);
    let channel = channel.map(|name| format!(" AND c.channel = '{name}'"));
    format!(
        "(SELECT DISTINCT c.distribution_log_id AS id FROM distribution_channel_logs AS c
          WHERE c.tenant_id = $1 AND c.attention = '{}'{}{ids}
          ORDER BY c.distribution_log_id DESC) AS found
         JOIN distribution_logs AS d ON d.tenant_id = $1 AND d.id = found.id WHERE true",
        status.name(),
        channel.unwrap_or_default()
    )
}

/// What one delivery must be.
fn wanted(filter: &Filter) -> String {
    let channel = filter.channel.map(Channel::name);
    let channel = channel.map(|name| format!(" AND c.channel = '{name}'"));
    let status = filter.channel_status.map(DeliveryStatus::name);
    let status = status.map(|name| format!(" AND c.status = '{name}'"));
    channel.unwrap_or_default() + &status.unwrap_or_default()
}
