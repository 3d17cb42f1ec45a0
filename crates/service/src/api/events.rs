//! `GET /api/events`: the journal of published outcomes, for who does not read
//! the Kafka topic. It says the same, in the same order.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use fanfare_core::event::{DISTRIBUTION_COMPLETED, DistributionCompleted};
use fanfare_core::text::Text;
use fanfare_ledger::JournalEntry;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::error::ApiError;
use super::openapi::problems;
use super::query::{Query, ValueFault};
use super::state::Api;
use super::view;

/// A part of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventPage {
    /// Oldest first.
    #[schema(max_items = 200)]
    events: Vec<EventView>,
    /// Pass it as `after` to go on, now or when more may have been published: the
    /// last position of this page, or `after` itself where the page is empty.
    next: u64,
}

/// A published outcome.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventView {
    /// Where it stands in the journal; grows, with gaps.
    pub(super) position: u64,
    /// The one id of this outcome, however often it is published.
    id: Uuid,
    /// What happened. More words may be added: pass over those that you do not know.
    #[serde(rename = "type")]
    #[schema(example = "DistributionCompleted")]
    kind: &'static str,
    /// What it says. Upsert by `distributionId`; the highest `version` wins.
    data: DistributionCompleted,
}

impl From<JournalEntry> for EventView {
    fn from(entry: JournalEntry) -> Self {
        Self {
            position: entry.position,
            id: entry.event_uuid,
            kind: DISTRIBUTION_COMPLETED,
            data: entry.event,
        }
    }
}

/// Reads the journal of published outcomes, oldest first.
///
/// Where `after` is the end, or beyond it, `events` is empty and `next` is
/// `after` again: ask anew later. A position beyond the end is no error, so a
/// reader whose service was given an empty database sees nothing until that one
/// has come as far: after such a reset begin at 0 again.
#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "listEvents",
    tag = "events",
    params(
        ("after" = Option<u64>, Query, minimum = 0,
            description = "Those after this position only; from the beginning if absent"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Events at once; 50 if absent"),
    ),
    responses(
        (status = 200, body = EventPage, description = "A part of the journal."),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn list_events(State(state): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, ApiError> {
    let mut query = Query::of(&uri, &["after", "limit"]);
    let after = query.read("after", position).unwrap_or(0);
    let limit = query.limit();
    query.finish()?;
    let events = state.store.events(&caller.tenant, after, limit).await?;
    let page = EventPage {
        next: events.last().map_or(after, |last| last.position),
        events: events.into_iter().map(EventView::from).collect(),
    };
    view::json(StatusCode::OK, &page)
}

/// Positions that no database's integer holds are refused, not wrapped.
pub(super) fn position(value: &str) -> Result<u64, ValueFault> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let position = value.parse::<i64>().ok().filter(|_| digits);
    position
        .and_then(|position| u64::try_from(position).ok())
        .ok_or_else(|| {
            let detail = Text::new(
                "Give `next` of the page before, or 0 to begin at the oldest event.",
                "이전 페이지의 `next` 값을 적어 주세요. 처음부터 보려면 0입니다.",
            );
            ("out_of_range", detail)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_what_a_database_can_hold() {
        assert_eq!(position("0").unwrap(), 0);
        assert_eq!(
            position("9223372036854775807").unwrap(),
            u64::try_from(i64::MAX).unwrap()
        );
        for bad in ["", "-1", "+1", "9223372036854775808", "1.0", "x"] {
            assert!(position(bad).is_err(), "{bad}");
        }
    }
}
