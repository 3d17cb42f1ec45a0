//! Between the core's types and the columns of the tables.
//!
//! The words in the columns are the wire's own; what has no column of its own
//! is JSON. Which rows are read or written is decided elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use fanfare_core::attempt::Attempt;
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::delivery::{Checkpoint, Delivery, DeliveryStatus, Phase};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::event::OutcomeDigest;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DeliveryId, DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::{CanonicalRequest, RequestHash};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::error::SqlError;
use super::transitions;

/// A value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, SqlError> {
    serde_json::to_string(value).map_err(|error| SqlError::Unreadable(format!("a value to be stored: {error}")))
}

/// A time that a column is compared with: what `PostgreSQL` can't hold, before
/// 4713 BC, is earlier than all that it holds, and so is the epoch.
pub(super) fn compared(time: Timestamp) -> Timestamp {
    time.max(Timestamp::UNIX_EPOCH)
}

/// What a channel said, as `PostgreSQL` can hold it: without the zero character.
pub(super) fn said(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A number that `PostgreSQL` can hold; none of ours comes near the limit.
pub(super) fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that `PostgreSQL` can hold; none of ours comes near the limit.
pub(super) fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The columns of one row, each read as what it means.
pub(super) struct Columns<'r> {
    pub(super) table: &'static str,
    pub(super) row: &'r Row,
}

impl<'r> Columns<'r> {
    pub(super) fn get<T: FromSql<'r>>(&self, index: usize) -> Result<T, SqlError> {
        self.row.try_get(index).map_err(|_wrong_type| self.unreadable(index))
    }

    /// Reads a text by what it means; `None` means that it means nothing.
    pub(super) fn word<T>(&self, index: usize, meaning: impl FnOnce(&str) -> Option<T>) -> Result<T, SqlError> {
        meaning(self.get(index)?).ok_or_else(|| self.unreadable(index))
    }

    pub(super) fn optional_word<T>(
        &self,
        index: usize,
        meaning: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SqlError> {
        let text: Option<&str> = self.get(index)?;
        text.map(|text| meaning(text).ok_or_else(|| self.unreadable(index)))
            .transpose()
    }

    pub(super) fn uuid(&self, index: usize) -> Result<Uuid, SqlError> {
        self.get(index)
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, index: usize) -> Result<T, SqlError> {
        self.word(index, |text| serde_json::from_str(text).ok())
    }

    pub(super) fn optional_json<T: serde::de::DeserializeOwned>(&self, index: usize) -> Result<Option<T>, SqlError> {
        self.optional_word(index, |text| serde_json::from_str(text).ok())
    }

    /// A number of any of the database's widths.
    pub(super) fn number<T: TryFrom<i64>>(&self, index: usize) -> Result<T, SqlError> {
        let wide = self.row.try_get::<_, i64>(index);
        let wide = wide.or_else(|_narrower| self.row.try_get::<_, i32>(index).map(i64::from));
        let wide = wide.or_else(|_narrower| self.row.try_get::<_, i16>(index).map(i64::from));
        let number = wide.ok().and_then(|wide| T::try_from(wide).ok());
        number.ok_or_else(|| self.unreadable(index))
    }

    pub(super) fn hash(&self, index: usize) -> Result<[u8; 32], SqlError> {
        let bytes: &[u8] = self.get(index)?;
        bytes.try_into().map_err(|_wrong_length| self.unreadable(index))
    }

    pub(super) fn owned(&self, index: usize) -> Result<Option<String>, SqlError> {
        self.get(index)
    }

    pub(super) fn unreadable(&self, index: usize) -> SqlError {
        let column = self.row.columns().get(index).map_or("?", |column| column.name());
        SqlError::Unreadable(format!("{}.{column}", self.table))
    }
}

/// The columns that [`distribution`] reads, of `distribution_logs AS d`.
pub(super) const DISTRIBUTION: &str = "d.tenant_id, d.id, d.event_id, d.request, d.request_hash, d.status, \
    d.history_number, d.version, d.published, d.created_at, d.completed_at";

/// A distribution without its deliveries.
pub(super) fn distribution(row: &Row) -> Result<Distribution, SqlError> {
    let table = "distribution_logs";
    let columns = Columns { table, row };
    let hash = RequestHash(columns.hash(4)?);
    let request = columns.word(3, |stored| CanonicalRequest::from_stored(stored, hash).ok())?;
    Ok(Distribution {
        tenant: TenantId::new(columns.get::<&str>(0)?),
        id: DistributionId(columns.uuid(1)?),
        event_id: EventId::new(columns.get::<&str>(2)?),
        request: Arc::new(request),
        deliveries: Vec::new(),
        status: columns.word(5, DistributionStatus::from_name)?,
        history_number: columns.number(6)?,
        version: columns.number(7)?,
        published: columns.owned(8)?.map(OutcomeDigest),
        accepted_at: columns.get(9)?,
        completed_at: columns.get(10)?,
    })
}

/// The columns that [`delivery`] reads, of `distribution_channel_logs AS c`.
pub(super) const DELIVERY: &str = "c.distribution_log_id, c.id, c.channel, c.mode, c.status, c.generation, \
    c.attempt, c.phase, c.attempt_started_at, c.checkpoint, c.failure, c.next_attempt_at, c.holds_claim, \
    c.updated_at, c.channel_state, c.distribution_id, c.estimated_views, c.update_timestamp, c.ad_id, \
    c.impression_schedule, c.post_url, c.post_id, c.message_id, c.called_off, \
    c.redriven_at, c.unknown_since";

/// A delivery, and whose it is.
pub(super) fn delivery(row: &Row) -> Result<(DistributionId, Delivery), SqlError> {
    let table = "distribution_channel_logs";
    let columns = Columns { table, row };
    let mode = |name: &str| [Mode::Mock, Mode::Live].into_iter().find(|m| m.name() == name);
    let delivery = Delivery {
        id: DeliveryId(columns.uuid(1)?),
        channel: columns.word(2, Channel::from_name)?,
        mode: columns.word(3, mode)?,
        status: columns.word(4, DeliveryStatus::from_name)?,
        generation: columns.number(5)?,
        attempt: columns.number(6)?,
        phase: columns.word(7, Phase::from_name)?,
        attempt_started_at: columns.get(8)?,
        checkpoint: columns.optional_json::<Value>(9)?.map(Checkpoint),
        failure: columns.optional_json(10)?,
        next_attempt_at: columns.get(11)?,
        holds_claim: columns.get(12)?,
        updated_at: columns.get(13)?,
        called_off: columns.get(23)?,
        redriven_at: columns.get(24)?,
        unknown_since: columns.get(25)?,
        receipt: receipt(&columns)?,
    };
    Ok((DistributionId(columns.uuid(0)?), delivery))
}

/// The columns from 14 to 22.
fn receipt(columns: &Columns<'_>) -> Result<Option<Receipt>, SqlError> {
    let Some(state) = columns.optional_word(14, state_of)? else {
        return Ok(None);
    };
    let views: Option<i64> = columns.get(16)?;
    let fields = ResultFields {
        distribution_id: columns.owned(15)?,
        estimated_views: views.map(i64::unsigned_abs),
        update_timestamp: columns.owned(17)?,
        ad_id: columns.owned(18)?,
        impression_schedule: columns.owned(19)?,
        post_url: columns.owned(20)?,
        post_id: columns.owned(21)?,
        message_id: columns.owned(22)?,
    };
    Ok(Some(Receipt { state, fields }))
}

fn state_of(name: &str) -> Option<ChannelState> {
    serde_json::from_value(Value::from(name)).ok()
}

/// The columns that [`attempt`] reads.
pub(super) const ATTEMPT: &str = "channel, generation, attempt, phase, failure, started_at, ended_at";

/// A superseded attempt.
pub(super) fn attempt(row: &Row) -> Result<Attempt, SqlError> {
    let columns = Columns { table: "attempts", row };
    Ok(Attempt {
        channel: columns.word(0, Channel::from_name)?,
        generation: columns.number(1)?,
        attempt: columns.number(2)?,
        phase: columns.word(3, Phase::from_name)?,
        failure: columns.optional_json(4)?,
        started_at: columns.get(5)?,
        ended_at: columns.get(6)?,
    })
}

/// The columns that [`history_entry`] reads.
pub(super) const HISTORY: &str = "number, at, actor, token, transitions, reason";

/// A history entry.
pub(super) fn history_entry(row: &Row) -> Result<HistoryEntry, SqlError> {
    let columns = Columns { table: "history", row };
    let transitions = columns.word(4, transitions::read)?;
    Ok(HistoryEntry {
        number: columns.number(0)?,
        at: columns.get(1)?,
        actor: Cow::Owned(columns.get(2)?),
        reason: columns.owned(5)?,
        token: Incarnation(columns.number(3)?),
        transitions,
    })
}
