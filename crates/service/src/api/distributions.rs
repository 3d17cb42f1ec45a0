//! `GET /api/distributions`: lists distributions, newest first, page by page.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::DistributionStatus;
use fanfare_core::text::Text;
use fanfare_ledger::Filter;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, event_of};
use super::cursor;
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::query::{self, Query, ValueFault};
use super::state::Api;
use super::view::{self, DistributionView};

const PARAMETERS: [&str; 8] = [
    "eventId",
    "status",
    "channel",
    "channelStatus",
    "from",
    "until",
    "limit",
    "cursor",
];

/// A page of distributions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DistributionPage {
    /// Newest first.
    #[schema(max_items = 200)]
    distributions: Vec<DistributionView>,
    /// Pass it as `cursor`, with the same filter, for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists distributions, newest first. All given conditions must hold.
#[utoipa::path(
    get,
    path = "/api/distributions",
    operation_id = "listDistributions",
    tag = "distributions",
    params(
        ("eventId" = Option<String>, Query, min_length = 1, max_length = 256,
            pattern = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$",
            description = "Of this event"),
        ("status" = Option<DistributionStatus>, Query, description = "That stand so"),
        ("channel" = Option<Channel>, Query, description = "That go to this channel"),
        ("channelStatus" = Option<DeliveryStatus>, Query,
            description = "With a channel that stands so; together with `channel`, that one"),
        ("from" = Option<String>, Query, format = DateTime,
            description = "Accepted at or after; RFC 3339 with an offset, a plus written as `%2B`"),
        ("until" = Option<String>, Query, format = DateTime, description = "Accepted before; the same form"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Distributions on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, min_length = 1, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = DistributionPage, description = "A page."),
        (status = 400, response = problems::BadRequest),
        (status = 422, response = problems::Invalid),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn list_distributions(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    uri: Uri,
) -> Result<Response, ApiError> {
    let mut query = Query::of(&uri, &PARAMETERS);
    let filter = filter(&mut query);
    let limit = query.limit();
    let cursor = query.read("cursor", |value| Ok(value.to_owned()));
    query.finish()?;
    let before = cursor.map(|cursor| cursor::read(&cursor, &caller.tenant, &filter));
    let before = before.transpose()?;
    // One more than is shown tells whether there is a next page.
    let mut found = state.store.list(&caller.tenant, &filter, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let page = DistributionPage {
        next: last.map(|last| cursor::write(last.id, &caller.tenant, &filter)),
        distributions: found.iter().map(|one| DistributionView::of(one, language)).collect(),
    };
    view::json_in(language, StatusCode::OK, &page)
}

fn filter(query: &mut Query) -> Filter {
    let filter = Filter {
        event_id: query.read("eventId", |value| event_of(value).ok_or_else(bad_event)),
        status: query.read("status", |value| {
            query::word(value, &DistributionStatus::ALL, DistributionStatus::name)
        }),
        channel: query.read("channel", channel),
        channel_status: query.read("channelStatus", |value| {
            query::word(value, &DeliveryStatus::ALL, DeliveryStatus::name)
        }),
        from: query.read("from", query::time),
        until: query.read("until", query::time),
    };
    if let (Some(from), Some(until)) = (filter.from, filter.until)
        && from >= until
    {
        let detail = Text::new("Give a time after `from`.", "`from`보다 뒤의 시각을 적어 주세요.");
        query.fault("until", "out_of_range", detail);
    }
    filter
}

fn channel(value: &str) -> Result<Channel, ValueFault> {
    query::word(value, &Channel::ALL, Channel::name).map_err(|(code, detail)| match Channel::suggest(value) {
        Some(meant) => {
            let detail = Text::new(
                format!("Did you mean `{meant}`? {}", detail.en),
                format!("`{meant}`을(를) 쓰려고 하셨나요? {}", detail.ko),
            );
            (code, detail)
        }
        None => (code, detail),
    })
}

fn bad_event() -> ValueFault {
    let detail = Text::new(
        "Give an event's id: 1 to 256 characters, not blank, without control characters.",
        "이벤트 ID를 1~256자로 적어 주세요. 공백만 쓰거나 제어 문자를 넣을 수 없습니다.",
    );
    ("out_of_range", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> (Filter, Result<(), ApiError>) {
        let mut query = Query::of(&address.parse().unwrap(), &PARAMETERS);
        let filter = filter(&mut query);
        (filter, query.finish())
    }

    #[test]
    fn every_condition_is_read() {
        let (filter, verdict) = read(
            "/x?eventId=a%20b&status=COMPLETED&channel=NaverBlog&channelStatus=NEEDS_REVIEW\
             &from=2026-01-01T00:00:00%2B09:00&until=2026-01-02T00:00:00Z",
        );
        verdict.unwrap();
        assert_eq!(filter.event_id.unwrap().as_str(), "a b");
        assert_eq!(filter.status, Some(DistributionStatus::Completed));
        assert_eq!(filter.channel, Some(Channel::NaverBlog));
        assert_eq!(filter.channel_status, Some(DeliveryStatus::NeedsReview));
        assert_eq!(filter.from.unwrap().to_string(), "2025-12-31T15:00:00Z");
        assert!(filter.until.is_some());
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let (_, verdict) = read("/x?eventId=&status=completed&channel=kakao&from=2026-01-01&until=soon");
        let Err(ApiError::InvalidQuery(faults)) = verdict else {
            panic!("accepted")
        };
        let named: Vec<_> = faults.iter().map(|fault| fault.parameter.as_str()).collect();
        assert_eq!(named, ["eventId", "status", "channel", "from", "until"]);
        assert!(faults[2].detail.en.contains("Did you mean `KakaoChannel`?"));
        let (_, backwards) = read("/x?from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z");
        assert!(backwards.is_err());
    }
}
