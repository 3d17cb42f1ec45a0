//! An error as it is sent: `application/problem+json` (RFC 9457).

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use fanfare_core::channel::Channel;
use fanfare_core::fault::Fault;
use fanfare_core::ids::DistributionId;
use fanfare_core::text::Language;
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::TraceId;
use super::error::{ApiError, ParameterFault};
use super::language::tag_of;
use crate::accounts::AccountError;

/// The media type of every error.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Faults listed in one answer; a request of 1.5 MB can hold a great many.
const FAULTS_SHOWN: usize = 300;

/// Characters of a pointer that are shown: a field's name can be a megabyte.
const POINTER_SHOWN: usize = 300;

/// Why a request was not answered with what it asked for (RFC 9457). Clients
/// branch on `code`, which is stable; codes may be added.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// `urn:fanfare:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:fanfare:problem:validation_failed")]
    kind: String,
    /// The kind of problem, in the language of `Accept-Language`.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A stable word for programs. More may be added.
    #[schema(example = "validation_failed")]
    code: &'static str,
    /// What happened here and how to mend it, in the language of `Accept-Language`.
    detail: String,
    /// Under this id the request is found in the service's log; also in `X-Request-Id`.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
    /// With `validation_failed`: everything that is wrong, at most 300.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 300)]
    errors: Vec<ProblemFault>,
    /// How many more there are than are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_omitted: Option<usize>,
    /// With `idempotency_key_reused` and `already_distributed`: the existing distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution_id: Option<DistributionId>,
    /// With `already_distributed`: which distribution holds which channel. With
    /// `account_in_use`: what is unfinished there, some of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    existing: Vec<ExistingDelivery>,
    /// With `channels_behind`: which of the request's channels, and how far.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    behind: Vec<ChannelBehind>,
    /// With `not_ready`: why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProblemFault {
    /// Where in the body: a JSON pointer (RFC 6901); empty means the whole body.
    /// Absent where a query parameter is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/channelOptions/Instagram/caption")]
    pointer: Option<String>,
    /// Which query parameter; absent where the body is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// A stable word for programs. More may be added.
    #[schema(example = "too_long")]
    code: &'static str,
    /// What is wrong and how to mend it, in the language of `Accept-Language`.
    detail: String,
    /// The channel that cannot be served, where it is not the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
}

/// A channel that the event already holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExistingDelivery {
    /// Where.
    channel: Channel,
    /// The distribution that holds it.
    distribution_id: DistributionId,
}

/// A channel for which nothing more is taken at the moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelBehind {
    /// Which.
    channel: Channel,
    /// Seconds that one more delivery would wait before it begins.
    wait_seconds: u64,
}

impl ProblemFault {
    /// A fault of the body.
    pub(super) fn of(fault: &Fault, language: Language) -> Self {
        Self {
            pointer: Some(shortened(&fault.pointer)),
            parameter: None,
            code: fault.code,
            detail: fault.detail.get(language).to_owned(),
            channel: fault.channel,
        }
    }

    fn of_parameter(fault: &ParameterFault, language: Language) -> Self {
        Self {
            pointer: None,
            parameter: Some(shortened(&fault.parameter)),
            code: fault.code,
            detail: fault.detail.get(language).to_owned(),
            channel: None,
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(POINTER_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Problem {
    fn of(error: &ApiError, language: Language, trace: TraceId) -> Self {
        let code = error.code();
        let mut problem = Self {
            kind: format!("urn:fanfare:problem:{code}"),
            title: error.title().get(language).to_owned(),
            status: error.status().as_u16(),
            code,
            detail: error.detail().get(language).to_owned(),
            trace_id: trace.to_string(),
            errors: Vec::new(),
            errors_omitted: None,
            distribution_id: None,
            existing: Vec::new(),
            behind: Vec::new(),
            reasons: Vec::new(),
        };
        problem.extend(error, language);
        problem
    }

    /// What only some errors have.
    fn extend(&mut self, error: &ApiError, language: Language) {
        match error {
            ApiError::Invalid(faults) => {
                let fault = |fault| ProblemFault::of(fault, language);
                self.list(faults.iter().map(fault), faults.len());
            }
            ApiError::InvalidQuery(faults) => {
                let fault = |fault| ProblemFault::of_parameter(fault, language);
                self.list(faults.iter().map(fault), faults.len());
            }
            ApiError::KeyReused(id) => self.distribution_id = Some(*id),
            ApiError::AlreadyDistributed(holders) => {
                self.distribution_id = holders.first().map(|holder| holder.distribution);
                let existing = holders.iter().map(|holder| ExistingDelivery {
                    channel: holder.channel,
                    distribution_id: holder.distribution,
                });
                self.existing = existing.collect();
            }
            ApiError::Behind(behind) => {
                let lags = behind.channels.iter().map(|lag| ChannelBehind {
                    channel: lag.channel,
                    wait_seconds: lag.wait.as_secs(),
                });
                self.behind = lags.collect();
            }
            ApiError::Account(AccountError::InUse(channel, unfinished)) => {
                let existing = unfinished.iter().map(|id| ExistingDelivery {
                    channel: *channel,
                    distribution_id: *id,
                });
                self.existing = existing.collect();
            }
            ApiError::NotReady(reasons) => {
                let reason = |reason: &fanfare_core::text::Text| reason.get(language).to_owned();
                self.reasons = reasons.iter().map(reason).collect();
            }
            _ => {}
        }
    }

    fn list(&mut self, faults: impl Iterator<Item = ProblemFault>, count: usize) {
        self.errors = faults.take(FAULTS_SHOWN).collect();
        self.errors_omitted = count.checked_sub(FAULTS_SHOWN).filter(|omitted| *omitted > 0);
    }
}

/// In the extensions of an answer that is a page already: who opened a link is
/// not shown JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForPeople;

/// Turns an error answer into a problem, whoever gave it: an endpoint, whose
/// error travels in the extensions, or the framework. Other headers are kept.
/// A failure of ours is logged here, once.
pub(super) fn write(mut response: Response, language: Language, trace: TraceId) -> Response {
    if response.extensions().get::<ForPeople>().is_some() {
        return response;
    }
    let error = response
        .extensions_mut()
        .remove::<Arc<ApiError>>()
        .unwrap_or_else(|| Arc::new(of_framework(response.status())));
    if error.is_ours() {
        let cause: &(dyn std::error::Error + 'static) = &*error;
        tracing::error!(error = cause, status = error.status().as_u16(), "a request failed");
    }
    let problem = Problem::of(&error, language, trace);
    // Unreachable: every field has a JSON form.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    set_headers(response.headers_mut(), language);
    *response.body_mut() = Body::from(body);
    response
}

fn of_framework(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::PathUnknown,
        StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
        status => ApiError::Refused(status),
    }
}

fn set_headers(headers: &mut HeaderMap, language: Language) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(tag_of(language)));
    headers.insert(VARY, HeaderValue::from_static("accept-language"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
