//! What every request passes on its way in and every answer on its way out:
//! trace id, language, the cap on headers, panics, and the problem format.
//!
//! The trace id is that of a valid incoming `traceparent` (W3C Trace Context),
//! else a new one. It is in every log line of the request (`trace.id`), in every
//! problem (`traceId`), and in every answer (`X-Request-Id`); an incoming
//! `X-Request-Id` is not believed. This is the one layer: what only some routes
//! need, their handlers do.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fanfare_core::text::Language;
use tokio::time::Instant;
use tracing::Instrument;

use super::error::ApiError;
use super::language::language_of;
use super::problem;
use super::state::Api;
use crate::telemetry;

/// Carries the trace id back.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Under this name a request is found in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Makes trace ids that nobody can guess and that do not repeat.
#[derive(Debug, Default)]
pub(super) struct TraceIds {
    keys: [RandomState; 2],
    made: AtomicU64,
}

impl TraceIds {
    /// The caller's trace, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> TraceId {
        headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(trace_of)
            .unwrap_or_else(|| self.make())
    }

    fn make(&self) -> TraceId {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let [high, low] = &self.keys;
        let halves = [high.hash_one(number), low.hash_one(number)].map(u128::from);
        TraceId(halves[0] << 64 | halves[1].max(1))
    }
}

/// The trace id of `version-traceid-parentid-flags`; `None` where it is not
/// well formed or all zero. A later version may have more fields.
fn trace_of(traceparent: &str) -> Option<TraceId> {
    let mut fields = traceparent.split('-');
    let (version, trace) = (fields.next()?, fields.next()?);
    let (parent, flags) = (fields.next()?, fields.next()?);
    let hex = |field: &str, length: usize| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        field.len() == length && field.bytes().all(digit)
    };
    let well_formed = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let ended = version != "00" || fields.next().is_none();
    if !well_formed || !ended || version == "ff" || parent.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let id = u128::from_str_radix(trace, 16).ok()?;
    (id != 0).then_some(TraceId(id))
}

/// The layer.
pub(super) async fn envelope(State(state): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let language = language_of(request.headers());
    let trace = state.traces.of(request.headers());
    let (method, route) = (method_of(request.method()), route_of(&request));
    let span = tracing::info_span!("http.request", trace.id = %trace, http.method = method, http.route = &*route);
    let mut response = async {
        let limit = state.limits.header_bytes;
        let response = if header_bytes(&request) > limit {
            ApiError::HeadersTooLarge { limit }.into_response()
        } else {
            request.extensions_mut().insert(language);
            caught(next.run(request)).await
        };
        let failed = response.status().is_client_error() || response.status().is_server_error();
        if failed {
            problem::write(response, language, trace)
        } else {
            response
        }
    }
    .instrument(span)
    .await;
    // Hexadecimal digits are always a header's value.
    if let Ok(id) = HeaderValue::try_from(trace.to_string()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    measure(method, route, response.status(), begun);
    response
}

/// The same, and a panic inside becomes an answer: one request's bad luck must
/// not be its connection's.
async fn caught(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
    let polled = poll_fn(|context| {
        let poll = || answer.as_mut().poll(context);
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    });
    polled
        .await
        .unwrap_or_else(|panic| ApiError::internal("handling the request", words_of(&*panic)).into_response())
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", words.unwrap_or("without words"))
}

/// As they were on the wire: a colon, a space and a line end beside each.
fn header_bytes(request: &Request) -> usize {
    let headers = request.headers().iter();
    let lines = headers.map(|(name, value)| name.as_str().len() + value.len() + 4);
    lines.sum::<usize>() + request.uri().path_and_query().map_or(0, |target| target.as_str().len())
}

/// Label values must not be the caller's to choose.
fn method_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

fn route_of(request: &Request) -> Arc<str> {
    let matched = request.extensions().get::<MatchedPath>();
    Arc::from(matched.map_or("none", MatchedPath::as_str))
}

fn measure(method: &'static str, route: Arc<str>, status: StatusCode, begun: Instant) {
    let status = status.as_str().to_owned();
    let seconds = begun.elapsed().as_secs_f64();
    metrics::histogram!(
        telemetry::HTTP_DURATION,
        "method" => method, "route" => route, "status" => status
    )
    .record(seconds);
}

/// The language that the caller is to be answered in, for handlers.
pub(super) type AskedLanguage = axum::Extension<Language>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_traceparent_is_continued_and_any_other_is_not() {
        let parent = |text: &str| trace_of(text).map(|trace| trace.to_string());
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let valid = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(parent(&valid).as_deref(), Some(trace));
        let later = format!("01-{trace}-00f067aa0ba902b7-01-more");
        assert_eq!(parent(&later).as_deref(), Some(trace));
        for invalid in [
            "",
            "00-4bf9-00f067aa0ba902b7-01",
            &format!("00-{trace}-00f067aa0ba902b7"),
            &format!("00-{trace}-00f067aa0ba902b7-01-more"),
            &format!("ff-{trace}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-{trace}-0000000000000000-01"),
            &format!("00-+{}-00f067aa0ba902b7-01", &trace[1..]),
        ] {
            assert_eq!(parent(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn new_trace_ids_differ() {
        let ids = TraceIds::default();
        let headers = HeaderMap::new();
        assert_ne!(ids.of(&headers), ids.of(&headers));
        assert_ne!(ids.of(&headers), TraceIds::default().of(&headers));
        assert_eq!(ids.of(&headers).to_string().len(), 32);
    }

    #[tokio::test]
    async fn a_panic_is_answered() {
        let response = caught(async { panic!("at the disco") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
