//! What the database and the channels hold at the end, held against each other and
//! against what callers were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use fanfare_simulator::Effect;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use crate::offer::{Phase, What};

/// One channel's share of a distribution.
pub(crate) struct Row {
    pub(crate) distribution: String,
    pub(crate) channel: String,
    id: String,
    pub(crate) status: String,
    pub(crate) accepted: Timestamp,
    /// When its attempt began.
    pub(crate) begun: Option<Timestamp>,
    /// When it came to stand as it does.
    pub(crate) changed: Timestamp,
}

/// What must never be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Acknowledged and not there, said to be sent and not sent, or never come to an end.
    pub(crate) lost: usize,
    /// Sent more than once.
    pub(crate) repeated: usize,
    /// Left to a person.
    pub(crate) left: usize,
    /// By status.
    pub(crate) statuses: BTreeMap<String, usize>,
}

/// All deliveries.
pub(crate) fn rows(file: &Path) -> anyhow::Result<Vec<Row>> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement = connection.prepare(
        "SELECT c.distribution_log_id, c.channel, c.id, c.status, d.created_at, c.attempt_started_at, c.updated_at
         FROM distribution_channel_logs AS c
         JOIN distribution_logs AS d ON d.tenant_id = c.tenant_id AND d.id = c.distribution_log_id",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(Row {
            distribution: row.get(0)?,
            channel: row.get(1)?,
            id: row.get(2)?,
            status: row.get(3)?,
            accepted: row.get::<_, String>(4)?.parse()?,
            begun: row.get::<_, Option<String>>(5)?.map(|text| text.parse()).transpose()?,
            changed: row.get::<_, String>(6)?.parse()?,
        });
    }
    Ok(all)
}

/// Held against each other. `hung` takes what it is told and does nothing.
pub(crate) fn compare(rows: &[Row], effects: &[Effect], phases: &[&Phase], hung: Option<&str>) -> Figures {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.distribution.as_str()).collect();
    let told = phases.iter().flat_map(|phase| &phase.told);
    let acknowledged = told.filter_map(|told| match &told.what {
        What::Completed(id) | What::Accepted(id) => Some(id.as_str()),
        _ => None,
    });
    let vanished = acknowledged.filter(|id| !known.contains(id)).count();
    // The key is the delivery's id and its generation.
    let mut sent: BTreeMap<&str, usize> = BTreeMap::new();
    for effect in effects {
        let delivery = effect.our_id.split('.').next().unwrap_or_default();
        *sent.entry(delivery).or_default() += 1;
    }
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    let (mut unsent, mut unended, mut left) = (0, 0, 0);
    for row in rows {
        *statuses.entry(row.status.clone()).or_default() += 1;
        match row.status.as_str() {
            "SUCCESS" => unsent += usize::from(!sent.contains_key(row.id.as_str())),
            "FAILED" | "CANCELLED" => {}
            "NEEDS_REVIEW" | "ACTION_REQUIRED" => left += 1,
            // Behind its breaker, or in doubt, until it is back.
            _ => unended += usize::from(hung != Some(row.channel.as_str())),
        }
    }
    Figures {
        lost: vanished + unsent + unended,
        repeated: sent.values().map(|times| times - 1).sum(),
        left,
        statuses,
    }
}

/// Distributions of which all came to an end within that time.
pub(crate) fn completed_between(rows: &[Row], from: Timestamp, until: Timestamp) -> usize {
    let mut ends: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
    for row in rows {
        let end = ends.entry(&row.distribution).or_insert(Some(Timestamp::MIN));
        *end = end.filter(|_| row.status == "SUCCESS").map(|end| end.max(row.changed));
    }
    ends.into_values()
        .flatten()
        .filter(|end| (from..until).contains(end))
        .count()
}

/// From one time to another; nothing where that is not after it.
pub(crate) fn between(from: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(from)).unwrap_or_default()
}
