//! Everything that an endpoint can refuse or fail with, and the HTTP status,
//! code and headers of each.
//!
//! An error knows neither the caller's language nor the trace id: it travels to
//! the envelope in the response's extensions and is written there, once
//! (`problem.rs`). Its words are in `error/wording.rs`. What went wrong inside
//! is logged there too, and never sent.

pub(super) mod access;
mod account;
mod wording;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::fault::Fault;
use fanfare_core::ids::DistributionId;
use fanfare_core::spend::Overspend;
use fanfare_core::text::Text;
use fanfare_core::write::Holder;
use fanfare_ledger::StoreError;
use tokio::sync::TryAcquireError;

use self::access::{Forbidden, Unauthenticated};
use crate::accounts::AccountError;
use crate::perform::{AskRefusal, Behind};

/// After a database failure; commits are tried again at once, so it is short.
const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// It is not known who asks.
    #[error("not authenticated: {0:?}")]
    Unauthenticated(Unauthenticated),
    /// A channel's call does not bear the signature that was set with it.
    #[error("the signature is wrong")]
    WrongSignature,
    /// Who asks may not.
    #[error("forbidden: {0:?}")]
    Forbidden(Forbidden),
    /// The body is not one JSON value.
    #[error("malformed JSON: {}", .0.en)]
    MalformedJson(Text),
    /// The connection broke before the body ended.
    #[error("the body ended early")]
    BodyIncomplete(#[source] axum::Error),
    /// The body took too long.
    #[error("the body took longer than {limit:?}")]
    BodyTooSlow {
        /// What it may take.
        limit: Duration,
    },
    /// The body is too large.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// What it may be.
        limit: usize,
    },
    /// The body is not said to be JSON.
    #[error("the content type is not application/json")]
    UnsupportedMediaType,
    /// The body is compressed.
    #[error("the content has an encoding")]
    UnsupportedEncoding,
    /// The headers are too large.
    #[error("the headers are larger than {limit} bytes")]
    HeadersTooLarge {
        /// What they may be.
        limit: usize,
    },
    /// `Idempotency-Key` cannot be used.
    #[error("bad idempotency key")]
    BadIdempotencyKey,
    /// A cursor that this service has not given for this filter.
    #[error("bad cursor")]
    BadCursor,
    /// `Last-Event-ID` is none of ours.
    #[error("bad last event id")]
    BadLastEventId,
    /// All places for event streams are taken.
    #[error("too many event streams")]
    TooManyStreams,
    /// All places for requests that wait for channels are taken.
    #[error("too many requests wait")]
    TooManyWaiting(#[source] TryAcquireError),
    /// The body says what cannot be done.
    #[error("the request has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// The query says what cannot be done.
    #[error("the query has {} faults", .0.len())]
    InvalidQuery(Vec<ParameterFault>),
    /// There is no such event.
    #[error("no distribution of that event")]
    EventUnknown,
    /// There is no such distribution.
    #[error("no such distribution")]
    DistributionUnknown,
    /// There is no such path.
    #[error("no such path")]
    PathUnknown,
    /// The path is there, the method is not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The key was used for another body.
    #[error("the idempotency key was used for {0}")]
    KeyReused(DistributionId),
    /// The event holds some of these channels.
    #[error("already distributed")]
    AlreadyDistributed(Vec<Holder>),
    /// A redrive would go beyond what the tenant may spend.
    #[error("a spend cap would be exceeded")]
    OverSpent(Vec<Overspend>),
    /// There is no such channel here.
    #[error("no such channel")]
    ChannelUnknown(String),
    /// There is no such endpoint for notices.
    #[error("no such endpoint for notices")]
    NoticeEndpointUnknown,
    /// What is asked of a distribution can't be done as it stands.
    #[error("not possible as it stands")]
    NotPossible(AskRefusal),
    /// The channel offers no way to take down what is live.
    #[error("{0} can't be told to take it down")]
    WithdrawalUnsupported(Channel, Text),
    /// A tenant's own account is not kept, or not removed.
    #[error("the account is not changed")]
    Account(#[source] AccountError),
    /// Another node has the distribution.
    #[error("another node has the distribution")]
    OwnedElsewhere,
    /// Too much is in flight.
    #[error("overloaded")]
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// Channels are behind, and nothing more is taken for them.
    #[error("channels are behind")]
    Behind(Behind),
    /// It cannot be written now.
    #[error("unavailable")]
    Unavailable {
        /// When to come back.
        retry_after: Duration,
    },
    /// The service is not ready.
    #[error("not ready")]
    NotReady(Vec<Text>),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Something that should not happen.
    #[error("{doing} failed")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed, where that is known.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The framework refused it.
    #[error("refused with {0}")]
    Refused(StatusCode),
}

/// One thing wrong with a query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParameterFault {
    /// Which.
    pub(super) parameter: String,
    /// What: a stable word.
    pub(super) code: &'static str,
    /// What, and how to mend it.
    pub(super) detail: Text,
}

impl ApiError {
    /// For what should not happen.
    pub(super) fn internal(doing: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal {
            doing,
            source: Some(source.into()),
        }
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::WrongSignature => StatusCode::FORBIDDEN,
            Self::MalformedJson(_)
            | Self::BodyIncomplete(_)
            | Self::BadIdempotencyKey
            | Self::BadCursor
            | Self::BadLastEventId => StatusCode::BAD_REQUEST,
            Self::EventUnknown
            | Self::DistributionUnknown
            | Self::ChannelUnknown(_)
            | Self::NoticeEndpointUnknown
            | Self::PathUnknown => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::AlreadyDistributed(_)
            | Self::OverSpent(_)
            | Self::NotPossible(_)
            | Self::WithdrawalUnsupported(..) => StatusCode::CONFLICT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) | Self::InvalidQuery(_) | Self::KeyReused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Overloaded { .. } | Self::Behind(Behind { own_share: true, .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Store(StoreError::Corrupt { .. }) | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable { .. }
            | Self::Behind(_)
            | Self::OwnedElsewhere
            | Self::TooManyStreams
            | Self::TooManyWaiting(_)
            | Self::NotReady(_)
            | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Account(why) => account::status(why),
            Self::Refused(status) => *status,
        }
    }

    /// The stable word that clients branch on.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "unauthenticated",
            Self::WrongSignature => "wrong_signature",
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::MalformedJson(_) => "malformed_json",
            Self::BodyIncomplete(_) => "body_incomplete",
            Self::BodyTooSlow { .. } => "body_too_slow",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnsupportedEncoding => "unsupported_content_encoding",
            Self::HeadersTooLarge { .. } => "headers_too_large",
            Self::BadIdempotencyKey => "bad_idempotency_key",
            Self::BadCursor => "bad_cursor",
            Self::BadLastEventId => "bad_last_event_id",
            Self::TooManyStreams => "too_many_streams",
            Self::TooManyWaiting(_) => "too_many_waiting",
            Self::Invalid(_) | Self::InvalidQuery(_) => "validation_failed",
            Self::EventUnknown => "event_not_found",
            Self::DistributionUnknown => "distribution_not_found",
            Self::ChannelUnknown(_) => "channel_not_found",
            Self::NoticeEndpointUnknown => "notice_endpoint_not_found",
            Self::NotPossible(AskRefusal::Moves) => "still_moving",
            Self::NotPossible(AskRefusal::NotInReview(..)) => "not_in_review",
            Self::NotPossible(AskRefusal::AlreadyClosed) => "already_closed",
            Self::NotPossible(AskRefusal::InReview) => "in_review",
            Self::NotPossible(AskRefusal::NothingLive(..)) => "nothing_live",
            Self::NotPossible(_) => "not_retryable",
            Self::WithdrawalUnsupported(..) => "withdrawal_unsupported",
            Self::Account(why) => account::code(why),
            Self::OwnedElsewhere => "owned_elsewhere",
            Self::PathUnknown => "path_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::KeyReused(_) => "idempotency_key_reused",
            Self::AlreadyDistributed(_) => "already_distributed",
            Self::OverSpent(_) => cause::SPEND_CAP_EXCEEDED.code,
            Self::Overloaded { .. } => "overloaded",
            Self::Behind(_) => "channels_behind",
            Self::Store(StoreError::Corrupt { .. }) | Self::Internal { .. } => "internal_error",
            Self::Unavailable { .. } | Self::Store(_) => "unavailable",
            Self::NotReady(_) => "not_ready",
            Self::Refused(status) if status.is_server_error() => "internal_error",
            Self::Refused(_) => "bad_request",
        }
    }

    /// Whether it is our fault, to be logged.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Store(_) | Self::Internal { .. } => true,
            Self::Account(why) => account::is_ours(why),
            Self::Refused(status) => status.is_server_error(),
            _ => false,
        }
    }

    fn set_headers(&self, headers: &mut HeaderMap) {
        let retry_after = match self {
            Self::Overloaded { retry_after }
            | Self::Unavailable { retry_after }
            | Self::Behind(Behind { retry_after, .. }) => Some(*retry_after),
            Self::Store(StoreError::Corrupt { .. }) => None,
            Self::Store(_)
            | Self::NotReady(_)
            | Self::OwnedElsewhere
            | Self::TooManyStreams
            | Self::TooManyWaiting(_)
            | Self::NotPossible(AskRefusal::Moves) => Some(DATABASE_RETRY),
            _ => None,
        };
        if let Some(retry_after) = retry_after {
            let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            Self::Unauthenticated(why) => {
                headers.insert(WWW_AUTHENTICATE, why.challenge());
            }
            Self::Forbidden(why) => {
                headers.insert(WWW_AUTHENTICATE, why.challenge());
            }
            Self::UnsupportedMediaType => {
                headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            }
            Self::UnsupportedEncoding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            // What is left of the request is not read.
            Self::BodyTooLarge { .. } | Self::BodyTooSlow { .. } => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        self.set_headers(response.headers_mut());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds_and_never_zero() {
        for (millis, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2")] {
            let retry_after = Duration::from_millis(millis);
            let response = ApiError::Overloaded { retry_after }.into_response();
            assert_eq!(response.headers()[RETRY_AFTER], seconds);
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        }
    }

    #[test]
    fn a_database_that_fails_is_no_fault_of_the_caller_and_may_recover() {
        let failed = StoreError::Database {
            doing: "commit",
            source: "disk full".into(),
        };
        let response = ApiError::from(failed).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        let what = "deliveries.receipt".to_owned();
        let corrupt = ApiError::from(StoreError::Corrupt { what }).into_response();
        assert_eq!(corrupt.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!corrupt.headers().contains_key(RETRY_AFTER));
    }
}
