//! The rows of `distribution_channel_logs`: many inserted or changed at once.

use std::borrow::Cow;

use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::{Delivery, DeliveryStatus, Failure};
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::receipt::ResultFields;
use fanfare_core::write::Acceptance;

use super::error::SqlError;
use super::record::Change;
use super::row::{big, int, json, said};
use super::rows::{Column, Rows, columns};

/// A delivery as its columns have it.
struct Row<'a> {
    /// In the order of the request.
    position: i16,
    tenant: &'a TenantId,
    distribution: DistributionId,
    delivery: &'a Delivery,
    checkpoint: Option<String>,
    failure: Option<String>,
}

impl<'a> Row<'a> {
    fn of(
        position: i16,
        tenant: &'a TenantId,
        distribution: DistributionId,
        delivery: &'a Delivery,
    ) -> Result<Self, SqlError> {
        Ok(Self {
            position,
            tenant,
            distribution,
            delivery,
            checkpoint: delivery.checkpoint.as_ref().map(json).transpose()?,
            failure: delivery.failure.as_ref().map(json).transpose()?,
        })
    }

    /// What the channel gave, by its column.
    fn given(&self, field: fn(&ResultFields) -> &Option<String>) -> Option<Cow<'a, str>> {
        let receipt = self.delivery.receipt.as_ref()?;
        field(&receipt.fields).as_deref().map(said)
    }

    /// Why it did not succeed, for people who read the table.
    fn reason(&self, part: fn(&Failure) -> &str) -> Option<Cow<'a, str>> {
        let failure = self.delivery.failure.as_ref();
        let failure = failure.filter(|_| self.delivery.status != DeliveryStatus::Success);
        failure.map(|failure| said(part(failure)))
    }
}

/// The columns that an insert and an update have in common.
fn common<'a>(rows: &[Row<'a>]) -> Vec<Column<'a>> {
    columns!(rows, row => [
        row.tenant.as_str(),
        row.distribution.0,
        row.delivery.channel.name(),
        row.delivery.mode.name(),
        int(row.delivery.generation),
        int(row.delivery.attempt),
        row.delivery.attempt_started_at,
        row.delivery.updated_at,
        row.delivery.status.name(),
        row.delivery.phase.name(),
        row.delivery.channel_state().map(ChannelState::name),
        row.given(|fields| &fields.distribution_id),
        row.delivery.receipt.as_ref().and_then(|receipt| receipt.fields.estimated_views).map(big),
        row.given(|fields| &fields.update_timestamp),
        row.given(|fields| &fields.ad_id),
        row.given(|fields| &fields.impression_schedule),
        row.given(|fields| &fields.post_url),
        row.given(|fields| &fields.post_id),
        row.given(|fields| &fields.message_id),
        row.reason(|failure| &failure.code),
        row.reason(|failure| &failure.detail.en),
        row.delivery.next_attempt_at,
        row.checkpoint.clone(),
        row.failure.clone(),
        row.delivery.called_off,
    ])
}

/// The deliveries of what was accepted, in the order of their claims.
pub(super) fn insert<'a>(accepted: &'a [&'a Acceptance]) -> Result<Rows<'a>, SqlError> {
    let mut rows = Vec::new();
    for acceptance in accepted {
        let distribution = &acceptance.distribution;
        for (position, delivery) in (0_i16..).zip(&distribution.deliveries) {
            let row = Row::of(position, &distribution.tenant, distribution.id, delivery)?;
            rows.push((row, &distribution.event_id));
        }
    }
    rows.sort_by_key(|(row, event)| (row.tenant, *event, row.delivery.channel.name()));
    let (rows, events): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let mut columns = common(&rows);
    columns.extend(columns!(rows, row => [row.position, row.delivery.id.0, row.delivery.holds_claim]));
    columns.extend(columns!(events, event => [event.as_str()]));
    Ok(Rows { sql: INSERT, columns })
}

const INSERT: &str = "INSERT INTO distribution_channel_logs (tenant_id, distribution_log_id, channel, mode,
        generation, attempt, attempt_started_at, updated_at, status, phase, channel_state, distribution_id,
        estimated_views, update_timestamp, ad_id, impression_schedule, post_url, post_id, message_id, code,
        message, next_attempt_at, checkpoint, failure, called_off, position, id, holds_claim, event_id)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[],
        $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
        $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
        $22::timestamptz[], $23::text[], $24::text[], $25::boolean[], $26::smallint[], $27::uuid[], $28::boolean[],
        $29::text[])";

/// The deliveries that records name, whole.
pub(super) fn update<'a>(changed: &'a [Change<'a>]) -> Result<Option<Rows<'a>>, SqlError> {
    let mut rows = Vec::new();
    for change in changed {
        let record = change.record;
        for (delivery, holds) in record.deliveries.iter().zip(&change.holds) {
            // Its position stays as it is.
            let row = Row::of(0, &record.tenant, record.id, delivery)?;
            rows.push((row, (*holds, record.begins(delivery))));
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    rows.sort_by_key(|(row, _)| (row.tenant, row.distribution, row.delivery.channel.name()));
    let (rows, (holds, begins)): (Vec<_>, (Vec<_>, Vec<_>)) = rows.into_iter().unzip();
    let mut columns = common(&rows);
    columns.push(Box::new(holds));
    columns.push(Box::new(begins));
    // Nothing that has just been accepted has these.
    columns.extend(columns!(rows, row => [row.delivery.redriven_at, row.delivery.unknown_since]));
    Ok(Some(Rows::changing(UPDATE, rows.len(), columns)))
}

/// What begins must still hold its claim when it is written: one that lost it since it was
/// looked at is looked at again.
const UPDATE: &str =
    "WITH changed AS (UPDATE distribution_channel_logs AS c SET mode = w.mode, generation = w.generation,
        attempt = w.attempt, attempt_started_at = w.attempt_started_at, updated_at = w.updated_at,
        status = w.status, phase = w.phase, channel_state = w.channel_state,
        distribution_id = w.distribution_id, estimated_views = w.estimated_views,
        update_timestamp = w.update_timestamp, ad_id = w.ad_id, impression_schedule = w.impression_schedule,
        post_url = w.post_url, post_id = w.post_id, message_id = w.message_id, code = w.code,
        message = w.message, next_attempt_at = w.next_attempt_at, checkpoint = w.checkpoint,
        failure = w.failure, called_off = w.called_off, holds_claim = coalesce(w.holds_claim, c.holds_claim),
        redriven_at = w.redriven_at, unknown_since = w.unknown_since
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[],
        $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
        $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
        $22::timestamptz[], $23::text[], $24::text[], $25::boolean[], $26::boolean[],
        $27::boolean[], $28::timestamptz[], $29::timestamptz[])
        AS w (tenant, id, channel, mode, generation, attempt, attempt_started_at, updated_at, status, phase,
            channel_state, distribution_id, estimated_views, update_timestamp, ad_id, impression_schedule,
            post_url, post_id, message_id, code, message, next_attempt_at, checkpoint, failure, called_off, holds_claim,
            begins, redriven_at, unknown_since)
    WHERE c.tenant_id = w.tenant AND c.distribution_log_id = w.id AND c.channel = w.channel
        AND (c.holds_claim OR NOT w.begins)
    RETURNING 1) SELECT 1 / (count(*) = $30)::int FROM changed";
