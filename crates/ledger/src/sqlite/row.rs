//! Between the core's types and the columns of the tables.
//!
//! The words in the columns are the wire's own; what has no column of its own
//! is JSON. Which rows are read or written is decided elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use fanfare_core::attempt::Attempt;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::{Checkpoint, Delivery, DeliveryStatus, Phase};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::event::OutcomeDigest;
use fanfare_core::history::{HistoryEntry, Transition};
use fanfare_core::ids::{DeliveryId, DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::request::{CanonicalRequest, RequestHash};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, Type, ValueRef};
use serde_json::Value;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::error::SqlError;

/// A UUID as text, without an allocation.
pub(super) struct UuidText([u8; Hyphenated::LENGTH]);

impl UuidText {
    pub(super) fn of(uuid: Uuid) -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        uuid.hyphenated().encode_lower(&mut text);
        Self(text)
    }
}

impl ToSql for UuidText {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// A time as text whose order is the order of time: six digits of a second.
pub(super) fn time_text(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// A value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, SqlError> {
    serde_json::to_string(value)
        .map_err(|error| SqlError::Sqlite(rusqlite::Error::ToSqlConversionFailure(error.into())))
}

/// A number that `SQLite` can hold; none of ours comes near the limit.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `[channel, from, to, generation, attempt, code]`.
type TransitionRow<'a> = (
    Option<Channel>,
    Option<Cow<'a, str>>,
    Cow<'a, str>,
    Option<u32>,
    Option<u32>,
    Option<Cow<'a, str>>,
);

/// The transitions of a history entry, compact.
pub(super) fn transitions_json(transitions: &[Transition]) -> Result<String, SqlError> {
    let rows: Vec<TransitionRow<'_>> = transitions
        .iter()
        .map(|transition| {
            (
                transition.channel,
                transition.from.as_deref().map(Cow::Borrowed),
                Cow::Borrowed(&*transition.to),
                transition.generation,
                transition.attempt,
                transition.code.as_deref().map(Cow::Borrowed),
            )
        })
        .collect();
    json(&rows)
}

/// The columns of one row, each read as what it means.
pub(super) struct Columns<'r, 's> {
    pub(super) table: &'static str,
    pub(super) row: &'r Row<'s>,
}

impl Columns<'_, '_> {
    pub(super) fn text(&self, index: usize) -> Result<&str, SqlError> {
        let text = self.row.get_ref(index)?.as_str();
        text.map_err(|_wrong_type| self.unreadable(index))
    }

    pub(super) fn optional<'a, T>(
        &'a self,
        index: usize,
        read: impl FnOnce(&'a Self, usize) -> Result<T, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        if self.row.get_ref(index)?.data_type() == Type::Null {
            return Ok(None);
        }
        read(self, index).map(Some)
    }

    /// Reads a text by what it means; `None` means that it means nothing.
    pub(super) fn word<T>(&self, index: usize, meaning: impl FnOnce(&str) -> Option<T>) -> Result<T, SqlError> {
        meaning(self.text(index)?).ok_or_else(|| self.unreadable(index))
    }

    pub(super) fn time(&self, index: usize) -> Result<Timestamp, SqlError> {
        self.word(index, |text| text.parse().ok())
    }

    pub(super) fn uuid(&self, index: usize) -> Result<Uuid, SqlError> {
        self.word(index, |text| text.parse().ok())
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, index: usize) -> Result<T, SqlError> {
        self.word(index, |text| serde_json::from_str(text).ok())
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, index: usize) -> Result<T, SqlError> {
        let number = self.row.get_ref(index)?.as_i64().ok();
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.unreadable(index))
    }

    pub(super) fn hash(&self, index: usize) -> Result<RequestHash, SqlError> {
        let bytes = self.row.get_ref(index)?.as_blob().ok();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.map(RequestHash).ok_or_else(|| self.unreadable(index))
    }

    pub(super) fn unreadable(&self, index: usize) -> SqlError {
        let column = self.row.as_ref().column_name(index).unwrap_or("?");
        SqlError::Unreadable(format!("{}.{column}", self.table))
    }
}

/// The columns that [`distribution`] reads.
pub(super) const DISTRIBUTION: &str = "tenant_id, id, event_id, request, request_hash, status, \
    history_number, version, published, created_at, completed_at";

/// A distribution without its deliveries.
pub(super) fn distribution(row: &Row<'_>) -> Result<Distribution, SqlError> {
    let columns = Columns {
        table: "distribution_logs",
        row,
    };
    let hash = columns.hash(4)?;
    let request = columns.word(3, |stored| CanonicalRequest::from_stored(stored, hash).ok())?;
    Ok(Distribution {
        tenant: TenantId::new(columns.text(0)?),
        id: DistributionId(columns.uuid(1)?),
        event_id: EventId::new(columns.text(2)?),
        request: Arc::new(request),
        deliveries: Vec::new(),
        status: columns.word(5, DistributionStatus::from_name)?,
        history_number: columns.number(6)?,
        version: columns.number(7)?,
        published: columns
            .optional(8, Columns::text)?
            .map(|digest| OutcomeDigest(digest.to_owned())),
        accepted_at: columns.time(9)?,
        completed_at: columns.optional(10, Columns::time)?,
    })
}

/// The columns that [`delivery`] reads.
pub(super) const DELIVERY: &str = "id, channel, mode, status, generation, attempt, phase, \
    attempt_started_at, checkpoint, receipt, failure, next_attempt_at, holds_claim, updated_at, called_off, \
    redriven_at, unknown_since";

/// A delivery.
pub(super) fn delivery(row: &Row<'_>) -> Result<Delivery, SqlError> {
    let columns = Columns {
        table: "distribution_channel_logs",
        row,
    };
    let mode = |name: &str| [Mode::Mock, Mode::Live].into_iter().find(|m| m.name() == name);
    Ok(Delivery {
        id: DeliveryId(columns.uuid(0)?),
        channel: columns.word(1, Channel::from_name)?,
        mode: columns.word(2, mode)?,
        status: columns.word(3, DeliveryStatus::from_name)?,
        generation: columns.number(4)?,
        attempt: columns.number(5)?,
        phase: columns.word(6, Phase::from_name)?,
        attempt_started_at: columns.optional(7, Columns::time)?,
        checkpoint: columns.optional(8, Columns::json::<Value>)?.map(Checkpoint),
        receipt: columns.optional(9, Columns::json)?,
        failure: columns.optional(10, Columns::json)?,
        next_attempt_at: columns.optional(11, Columns::time)?,
        holds_claim: columns.number::<i64>(12)? == 1,
        updated_at: columns.time(13)?,
        called_off: columns.number::<i64>(14)? == 1,
        redriven_at: columns.optional(15, Columns::time)?,
        unknown_since: columns.optional(16, Columns::time)?,
    })
}

/// The columns that [`attempt`] reads.
pub(super) const ATTEMPT: &str = "channel, generation, attempt, phase, failure, started_at, ended_at";

/// A superseded attempt.
pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt, SqlError> {
    let columns = Columns { table: "attempts", row };
    Ok(Attempt {
        channel: columns.word(0, Channel::from_name)?,
        generation: columns.number(1)?,
        attempt: columns.number(2)?,
        phase: columns.word(3, Phase::from_name)?,
        failure: columns.optional(4, Columns::json)?,
        started_at: columns.time(5)?,
        ended_at: columns.optional(6, Columns::time)?,
    })
}

/// The columns that [`history_entry`] reads.
pub(super) const HISTORY: &str = "number, at, actor, token, transitions, reason";

/// A history entry.
pub(super) fn history_entry(row: &Row<'_>) -> Result<HistoryEntry, SqlError> {
    let columns = Columns { table: "history", row };
    let transitions: Vec<TransitionRow<'static>> = columns.json(4)?;
    let transition = |(channel, from, to, generation, attempt, code)| Transition {
        channel,
        from,
        to,
        generation,
        attempt,
        code,
    };
    Ok(HistoryEntry {
        number: columns.number(0)?,
        at: columns.time(1)?,
        actor: Cow::Owned(columns.text(2)?.to_owned()),
        reason: columns.optional(5, |columns, at| columns.text(at).map(str::to_owned))?,
        token: Incarnation(columns.number(3)?),
        transitions: transitions.into_iter().map(transition).collect(),
    })
}
