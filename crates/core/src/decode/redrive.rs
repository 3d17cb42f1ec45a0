//! Reads what an operator wants to have redriven: which deliveries, and whether that
//! is only looked at or really done.

use jiff::Timestamp;
use serde_json::Value;

use super::ask::finished;
use super::limits;
use super::reader::{Node, Object, Reader};
use crate::cause::{self, Cause};
use crate::fault::Fault;
use crate::ids::EventId;
use crate::redrive::RedriveFilter;
use crate::text::Text;
use crate::validate::code;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveAsked {
    /// Which deliveries; at least one condition is given.
    pub filter: RedriveFilter,
    /// How it is done; `None` where it is only looked at.
    pub order: Option<RedriveOrder>,
}

/// One step of a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveOrder {
    /// Where it goes on, as the look or the step before it said.
    pub cursor: String,
    /// Why.
    pub reason: String,
    /// Deliveries at most, but for those of one distribution, which stay together.
    pub limit: usize,
}

/// Deliveries of a step, unless the body says otherwise.
pub const DEFAULT_LIMIT: usize = 50;

/// Deliveries of a step at most.
pub const MAX_LIMIT: usize = 200;

const FIELDS: [&str; 9] = [
    "channels", "codes", "eventId", "since", "until", "dryRun", "cursor", "reason", "limit",
];

/// Reads `{channels, codes, eventId, since, until}` and `{dryRun, cursor, reason,
/// limit}`. Without `dryRun`, it is one.
///
/// # Errors
/// Everything that is wrong with the body; that it has no condition is wrong too,
/// since a slip must not send all that ever failed.
pub fn redrive(body: &Value) -> Result<RedriveAsked, Vec<Fault>> {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let Some(object) = reader.object(&Node::root(body), &FIELDS) else {
        return finished(reader, RedriveAsked::default());
    };
    let filter = reader.redrive_filter(&object);
    let dry_run = object.get("dryRun").map(|node| reader.boolean(&node));
    let order = if dry_run == Some(Some(false)) {
        reader.redrive_order(&object)
    } else {
        reader.only_looks(&object);
        None
    };
    finished(reader, RedriveAsked { filter, order })
}

impl Reader<'_> {
    fn redrive_filter(&mut self, object: &Object<'_>) -> RedriveFilter {
        let channels = object.get("channels").map(|node| (self.channel_names(&node), node));
        let causes = object.get("codes").map(|node| (self.causes(&node), node));
        let event_id = object
            .get("eventId")
            .map(|node| self.text(&node, limits::EVENT_ID).map(EventId::new));
        let since = object.get("since").map(|node| self.past_time(&node));
        let until = object.get("until").map(|node| self.past_time(&node));
        // An empty list names nothing.
        let named = |node: &Node<'_>| node.value.as_array().is_none_or(|items| !items.is_empty());
        let any_named = channels.iter().any(|(_, node)| named(node)) || causes.iter().any(|(_, node)| named(node));
        if !any_named && event_id.is_none() && since.is_none() && until.is_none() {
            self.required("", CONDITION);
        }
        let filter = RedriveFilter {
            channels: channels.and_then(|(read, _)| read).unwrap_or_default(),
            causes: causes.and_then(|(read, _)| read).unwrap_or_default(),
            event_id: event_id.flatten(),
            since: since.flatten(),
            until: until.flatten(),
        };
        if let (Some(since), Some(until)) = (filter.since, filter.until)
            && since >= until
        {
            let detail = Text::new("Give a time after `since`.", "`since`보다 뒤의 시각을 적어 주세요.");
            self.fault("/until", code::OUT_OF_RANGE, detail);
        }
        filter
    }

    fn causes(&mut self, node: &Node<'_>) -> Option<Vec<&'static Cause>> {
        let wanted = ("an array of codes", "코드 배열");
        let codes = cause::ALL.map(|cause| cause.code);
        self.list(node, wanted, |reader, node| {
            reader.one_of(node, &codes).and_then(Cause::of)
        })
    }

    fn redrive_order(&mut self, object: &Object<'_>) -> Option<RedriveOrder> {
        for (field, needed) in [("cursor", CURSOR), ("reason", REASON)] {
            if object.get(field).is_none() {
                self.required(&object.place_of(field), needed);
            }
        }
        let cursor = object.get("cursor").map(|node| self.text(&node, limits::NAME));
        let reason = object.get("reason").map(|node| self.text(&node, limits::REASON));
        let limit = object.get("limit").map(|node| self.page_limit(&node));
        Some(RedriveOrder {
            cursor: cursor??,
            reason: reason??,
            limit: limit.unwrap_or(Some(DEFAULT_LIMIT))?,
        })
    }

    fn page_limit(&mut self, node: &Node<'_>) -> Option<usize> {
        let limit = self.whole_number(node)?;
        let fits = usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit));
        if fits.is_none() {
            let detail = Text::new(
                format!("Give a whole number from 1 to {MAX_LIMIT}."),
                format!("1~{MAX_LIMIT} 사이의 정수를 적어 주세요."),
            );
            self.fault(&node.pointer, code::OUT_OF_RANGE, detail);
        }
        fits
    }

    /// Who sends what only a real run has may mean one.
    fn only_looks(&mut self, object: &Object<'_>) {
        for field in ["cursor", "reason", "limit"] {
            if object.get(field).is_some() {
                let detail = Text::new(
                    format!("A dry run takes no `{field}`. Leave it out, or send `\"dryRun\": false`."),
                    format!("미리 보기에는 `{field}`를 쓸 수 없습니다. 빼거나 `\"dryRun\": false`를 함께 보내 주세요."),
                );
                self.fault(&object.place_of(field), code::UNKNOWN_FIELD, detail);
            }
        }
    }
}

const CONDITION: (&str, &str) = (
    "`channels`, `codes`, `eventId`, `since` or `until`, so that it is clear what is sent again",
    "다시 보낼 대상을 정하는 `channels`, `codes`, `eventId`, `since`, `until` 중 하나 이상",
);

const CURSOR: (&str, &str) = (
    "`cursor`: the `next` of the dry run, so that what is redriven is what was looked at",
    "`cursor` 값: 확인한 대상만 다시 보내도록 미리 보기 응답의 `next`를 그대로 적어 주세요",
);

const REASON: (&str, &str) = (
    "`reason`: why these are sent again, for those who ask later",
    "`reason` 값: 나중에 확인할 수 있도록 다시 보내는 이유",
);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channel::Channel;

    #[test]
    fn a_look_has_conditions_and_no_more() {
        let body = json!({
            "channels": ["Instagram", "NaverBlog"], "codes": ["channel_unavailable"], "eventId": "evt-1",
            "since": "2026-12-01T09:00:00+09:00", "until": "2026-12-01T10:00:00+09:00",
        });
        let expected = RedriveFilter {
            channels: vec![Channel::Instagram, Channel::NaverBlog],
            causes: vec![&cause::CHANNEL_UNAVAILABLE],
            event_id: Some(EventId::new("evt-1")),
            since: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            until: Some("2026-12-01T01:00:00Z".parse().unwrap()),
        };
        let asked = redrive(&body).unwrap();
        assert_eq!((asked.filter, asked.order), (expected, None));
        for alone in ["channels", "codes", "eventId", "since", "until"] {
            let one = json!({alone: body[alone], "dryRun": true});
            assert!(redrive(&one).unwrap().order.is_none(), "{one}");
        }
    }

    #[test]
    fn a_real_run_carries_what_the_look_said() {
        let body = json!({"eventId": "evt-1", "dryRun": false, "cursor": "AbC", "reason": "장애 복구", "limit": 7});
        let order = redrive(&body).unwrap().order.unwrap();
        assert_eq!((&*order.cursor, &*order.reason, order.limit), ("AbC", "장애 복구", 7));
        let body = json!({"eventId": "evt-1", "dryRun": false, "cursor": "AbC", "reason": "장애 복구"});
        assert_eq!(redrive(&body).unwrap().order.unwrap().limit, DEFAULT_LIMIT);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, pointer, expected) in [
            (json!([]), "", code::WRONG_TYPE),
            (json!({}), "", code::REQUIRED),
            (json!({"channels": [], "codes": null}), "", code::REQUIRED),
            (json!({"channels": "Instagram"}), "/channels", code::WRONG_TYPE),
            (json!({"channels": ["kakao"]}), "/channels/0", code::UNKNOWN_CHANNEL),
            (
                json!({"codes": ["chanel_unavailable"]}),
                "/codes/0",
                code::UNKNOWN_VALUE,
            ),
            (json!({"since": "2026-12-01T09:00:00"}), "/since", code::OFFSET_MISSING),
            (
                json!({"status": "FAILED", "eventId": "a"}),
                "/status",
                code::UNKNOWN_FIELD,
            ),
            (json!({"eventId": "a", "dryRun": "no"}), "/dryRun", code::WRONG_TYPE),
            (json!({"eventId": "a", "reason": "x"}), "/reason", code::UNKNOWN_FIELD),
            (
                json!({"eventId": "a", "dryRun": true, "cursor": "x"}),
                "/cursor",
                code::UNKNOWN_FIELD,
            ),
            (
                json!({"eventId": "a", "dryRun": false, "reason": "x"}),
                "/cursor",
                code::REQUIRED,
            ),
            (
                json!({"eventId": "a", "dryRun": false, "cursor": "x"}),
                "/reason",
                code::REQUIRED,
            ),
            (
                json!({"eventId": "a", "dryRun": false, "cursor": "x", "reason": " "}),
                "/reason",
                code::BLANK,
            ),
            (
                json!({"eventId": "a", "dryRun": false, "cursor": "x", "reason": "x", "limit": 201}),
                "/limit",
                code::OUT_OF_RANGE,
            ),
            (
                json!({"since": "2026-12-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}),
                "/until",
                code::OUT_OF_RANGE,
            ),
        ] {
            let faults = redrive(&body).expect_err("it is refused");
            let found: Vec<_> = faults.iter().map(|fault| (&*fault.pointer, fault.code)).collect();
            assert_eq!(found, [(pointer, expected)], "{body}");
        }
    }
}
