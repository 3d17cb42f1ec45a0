//! The `OpenAPI` document, put together from the endpoints' own descriptions.
//!
//! What is the same everywhere (the trace id, oversized headers, failures of
//! ours) is added here once, so that no endpoint can forget it.

pub(super) mod problems;
pub(super) mod redrive;
pub(super) mod replay;
pub(super) mod request;
mod security;
pub(super) mod stop;
mod tidy;

use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::Object;
use utoipa::openapi::{OpenApi as Document, Ref, RefOr};
use utoipa::{Modify, OpenApi};

use super::problem::Problem;
use super::{
    account, attempts, breaker, cancel, channels, dead_events, distribute, distribution, distributions, events, health,
    history, metrics, notices, preview, progress, replay_events, resolve, retry, status, withdraw,
};

const DESCRIPTION: &str = "\
Announces an approved marketing event on up to six channels at once, and says truthfully what happened on each.

**Enums may grow.** Statuses, channel names, codes and event types may get further words: treat an unknown status \
as *not finished*, an unknown code by its HTTP status, and pass over an unknown event type. **Fields may be added**: \
ignore those that you do not know (in Java, `FAIL_ON_UNKNOWN_PROPERTIES = false`).

**Times carry an offset** (RFC 3339; answers use `Z`): read them into `OffsetDateTime` or `Instant`, never \
`LocalDateTime`. Dates of schedules (`YYYY-MM-DD`) and times of day are Korean time.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`; their texts are Korean or English by \
`Accept-Language`, English by default. **Every answer** carries `X-Request-Id`: the trace id of a valid incoming \
`traceparent` (W3C Trace Context), else a new one. Neither holds for what the HTTP library refuses before this \
service sees it, with an empty body: 400 for what is not HTTP (a forbidden byte in a header, a doubled \
`Content-Length`), 414 for an address over 65,534 bytes, 431 for a head over 128 KiB or with more than 256 headers.

**API keys** are brought as `Authorization: Bearer ff_…`; each operation says which scope it needs, and `admin` \
includes all. A key shows its own tenant's data and no other's: another tenant's id is answered like one that is not \
there. A service that only its own machine can reach asks for no key until the first one is made (`fanfare keys create`).

**`mode` is `mock` unless configured otherwise:** then no channel is called, and every result says so.";

/// The whole document.
#[derive(OpenApi)]
#[openapi(
    info(title = "Fanfare, the distribution service", description = DESCRIPTION),
    paths(
        distribute::distribute,
        preview::preview,
        status::get_event_status,
        distributions::list_distributions,
        distribution::get_distribution,
        attempts::list_attempts,
        history::get_history,
        progress::follow_distribution,
        retry::retry,
        super::redrive::redrive,
        cancel::cancel,
        super::stop::order_sending,
        super::stop::get_stopped,
        resolve::resolve,
        withdraw::withdraw,
        events::list_events,
        dead_events::list_dead_events,
        replay_events::replay_events,
        channels::list_channels,
        breaker::order_breaker,
        account::get_account,
        account::put_account,
        account::delete_account,
        super::kakao_results::hear,
        notices::list_endpoints,
        notices::enable_endpoint,
        health::healthz,
        health::readyz,
        metrics::metrics,
    ),
    components(
        schemas(Problem),
        responses(
            problems::BadRequest,
            problems::Unauthenticated,
            problems::WrongSignature,
            problems::Forbidden,
            problems::NotHttp,
            problems::AddressTooLong,
            problems::NotFound,
            problems::BodyTooSlow,
            problems::AlreadyDistributed,
            problems::NotPossible,
            problems::AccountKept,
            problems::BodyTooLarge,
            problems::UnsupportedMediaType,
            problems::Invalid,
            problems::Overloaded,
            problems::HeadersTooLarge,
            problems::InternalError,
            problems::Unavailable,
            problems::NotNow,
            problems::NotReady,
        ),
    ),
    tags(
        (name = "distribution", description = "Announce an event and see where it stands"),
        (name = "distributions", description = "Distributions one by one: attempts and history"),
        (name = "events", description = "The journal of published outcomes"),
        (name = "channels", description = "What there is to choose from"),
        (name = "operation", description = "For operators and probes"),
    ),
    modifiers(&Everywhere),
)]
struct Api;

/// One line that is not blank, without control characters: as `event_of` and `decode`
/// take it.
const LINE_PATTERN: &str =
    r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";

/// Why something is ordered, where it may be said.
pub(super) fn reason() -> Object {
    stop::reason(false)
}

/// The `OpenAPI` document, as `/openapi.json` shows it.
pub fn document() -> Document {
    Api::openapi()
}

/// What every operation may answer, where it says nothing of its own.
const EVERYWHERE: [(&str, &str); 4] = [
    ("400", "NotHttp"),
    ("414", "AddressTooLong"),
    ("431", "HeadersTooLarge"),
    ("500", "InternalError"),
];

/// Adds what every operation has.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut Document) {
        env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
        for item in document.paths.paths.values_mut() {
            operations(item).for_each(complete);
            operations(item).for_each(tidy::parameters);
        }
        security::describe(document);
        if let Some(components) = &mut document.components {
            tidy::schemas(components);
            let shared = components.responses.iter_mut();
            let ours = shared.filter(|(name, _)| !["NotHttp", "AddressTooLong"].contains(&name.as_str()));
            ours.for_each(|(_, response)| with_request_id(response));
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
    all.into_iter().filter_map(Option::as_mut)
}

fn complete(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    for (status, name) in EVERYWHERE {
        let reference = RefOr::Ref(Ref::from_response_name(name));
        responses.entry(status.to_owned()).or_insert(reference);
    }
    responses.values_mut().for_each(with_request_id);
}

fn with_request_id(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        let mut header = Header::default();
        header.description = Some("The trace id: under it the request is found in the service's log".to_owned());
        response.headers.insert("X-Request-Id".to_owned(), header.into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::api::routes::Needs;

    fn written() -> Value {
        serde_json::to_value(document()).unwrap()
    }

    /// Every `$ref` of a JSON value.
    fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference);
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = written();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_a_name_a_summary_and_problems() {
        let document = written();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for field in ["operationId", "summary", "tags"] {
                    assert!(!operation[field].is_null(), "{method} {path} lacks {field}");
                }
                for (status, _) in EVERYWHERE {
                    assert!(
                        !operation["responses"][status].is_null(),
                        "{method} {path} lacks {status}"
                    );
                }
            }
        }
    }

    /// A route that is closed can't be left out of the document, from which the
    /// tests take what they knock at.
    #[test]
    fn every_closed_route_is_described_with_the_scope_it_asks_for() {
        let document = written();
        let (_, needs) = crate::api::routes().into_parts();
        let mut closed = 0;
        for (method, path, needs) in needs.all() {
            let described = document["paths"].as_object().unwrap().iter();
            let plain = security::without_names;
            let operation = described
                .filter(|(described, _)| plain(described) == plain(path))
                .map(|(_, item)| &item[method])
                .next();
            let scope = match needs {
                Needs::Nothing => {
                    assert!(operation.is_none_or(|one| one["security"] == json!([])), "{path}");
                    continue;
                }
                Needs::Scope(scope) | Needs::OfService(scope) => scope.name(),
            };
            let operation = operation.unwrap();
            assert_eq!(operation["security"], json!([{ "apiKey": [scope] }]), "{method} {path}");
            for status in ["401", "403", "503"] {
                assert!(
                    !operation["responses"][status].is_null(),
                    "{method} {path} lacks {status}"
                );
            }
            closed += 1;
        }
        assert_eq!(closed, 26);
        assert_eq!(document["components"]["securitySchemes"]["apiKey"]["scheme"], "bearer");
    }

    #[test]
    fn a_reason_is_one_line_wherever_it_is_given() {
        let document = written();
        for name in ["CancelBody", "BreakerBody"] {
            let body = &document["components"]["schemas"][name];
            let reason = &body["properties"]["reason"];
            assert_eq!(reason["pattern"], LINE_PATTERN, "{name}: {body}");
            assert_eq!((&reason["minLength"], &reason["maxLength"]), (&json!(1), &json!(500)));
            let required = body["required"].as_array();
            assert!(required.is_none_or(|names| !names.contains(&json!("reason"))), "{body}");
        }
    }

    #[test]
    fn the_bare_request_is_among_the_examples() {
        let document = written();
        let body = &document["paths"]["/api/distribution/distribute"]["post"]["requestBody"];
        let example = &body["content"]["application/json"]["examples"]["three fields"]["value"];
        assert_eq!(example.as_object().unwrap().len(), 3, "{body}");
    }

    #[test]
    fn what_is_taken_is_not_described_more_narrowly() {
        let document = written();
        let schemas = &document["components"]["schemas"];
        let kinds = schemas["EventIdBody"]["oneOf"].as_array().unwrap();
        let number = kinds.iter().find(|kind| kind["type"] == "integer").unwrap();
        assert_eq!(
            (&number["format"], &number["minimum"]),
            (&Value::Null, &Value::from(i64::MIN))
        );
        assert_eq!(number["maximum"], u64::MAX, "{number}");
        let body = &schemas["PreviewBody"];
        assert!(body["additionalProperties"].is_null(), "{body}");
        assert_eq!(body["required"], serde_json::json!(["eventId", "channels"]), "{body}");
        let parameters = document["paths"]["/api/distributions"]["get"]["parameters"]
            .as_array()
            .unwrap();
        let cursor = parameters.iter().find(|one| one["name"] == "cursor").unwrap();
        assert_eq!(cursor["schema"]["minLength"], 1, "{cursor}");
    }

    /// What `decode` knows at each place, by its own words.
    #[test]
    fn the_body_has_the_fields_that_decode_knows() {
        let document = written();
        let genie = "/channelOptions/GenieTV";
        for (name, place) in [
            ("DistributeBody", ""),
            ("MediaByKindBody", "/contentUrls"),
            ("ContentBody", "/content"),
            ("WooridongneTvBody", "/channelOptions/WooridongneTV"),
            ("RingoBizBody", "/channelOptions/RingoBiz"),
            ("GenieTvBody", genie),
            ("ScheduleBody", &format!("{genie}/schedule")),
            ("InstagramBody", "/channelOptions/Instagram"),
            ("NaverBlogBody", "/channelOptions/NaverBlog"),
            ("KakaoChannelBody", "/channelOptions/KakaoChannel"),
            ("KakaoButtonBody", "/channelOptions/KakaoChannel/buttons/0"),
        ] {
            let schema = &document["components"]["schemas"][name];
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}: {schema}");
            let described: BTreeSet<_> = schema["properties"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let known = known_at(place);
            let known: BTreeSet<_> = known.split(", ").collect();
            assert_eq!(described, known, "{name}");
        }
    }

    /// Puts an unknown field there; the fault names the known ones.
    fn known_at(place: &str) -> String {
        let tokens = place.split('/').skip(1).collect::<Vec<_>>();
        let unknown = serde_json::json!({ "qqqqqqqqqqqq": 1 });
        let body = tokens.iter().rev().fold(unknown, |inner, token| match *token {
            "0" => Value::Array(vec![inner]),
            token => serde_json::json!({ token: inner }),
        });
        let settings = fanfare_core::validate::AdmitSettings::default();
        let (_, faults) = fanfare_core::validate::faults(&body, &settings, jiff::Timestamp::UNIX_EPOCH);
        let fault = faults
            .iter()
            .find(|fault| fault.pointer == format!("{place}/qqqqqqqqqqqq"))
            .unwrap();
        let (_, known) = fault.detail.en.split_once("known here: ").unwrap();
        known.trim_end_matches('.').to_owned()
    }

    #[test]
    fn only_requests_know_null() {
        let document = written();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas
            .iter()
            .filter(|(name, _)| !name.ends_with("Body") && *name != "ChannelPreview")
        {
            assert!(!schema.to_string().contains("\"null\""), "{name}: {schema}");
        }
        for item in document["paths"].as_object().unwrap().values() {
            let parameters = item
                .as_object()
                .unwrap()
                .values()
                .map(|operation| operation["parameters"].to_string());
            parameters.for_each(|parameters| assert!(!parameters.contains("\"null\""), "{parameters}"));
        }
        assert_eq!(schemas["DistributeBody"]["properties"]["channels"]["uniqueItems"], true);
        assert!(
            schemas["Phase"]["description"]
                .as_str()
                .unwrap()
                .contains("may be added")
        );
    }
}
