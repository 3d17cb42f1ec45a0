//! The problems that operations answer with, one response per HTTP status, for
//! the document only: what is really sent is made in `problem.rs`.

#![expect(dead_code, reason = "these types only describe; none is ever made")]

use utoipa::ToResponse;

use crate::api::problem::Problem;

/// The request cannot be read.
#[derive(ToResponse)]
#[response(
    description = "The request cannot be read: `malformed_json`, `body_incomplete`, `bad_idempotency_key`, \
        `bad_cursor`, `bad_last_event_id`. (What is not HTTP at all, such as a forbidden byte in a header or two different \
        `Content-Length`, is answered without a body.)",
    content_type = "application/problem+json",
    examples(
        ("malformed_json" = (value = json!({
            "type": "urn:fanfare:problem:malformed_json", "title": "The body is not valid JSON", "status": 400,
            "code": "malformed_json", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "Line 3, column 5: the key \"eventId\" stands twice. Name each key once."
        }))),
        ("bad_cursor" = (value = json!({
            "type": "urn:fanfare:problem:bad_cursor", "title": "The cursor is not valid here", "status": 400,
            "code": "bad_cursor", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "Pass `next` of the last page unchanged and with the same filter, or leave `cursor` out to begin anew."
        })))
    )
)]
pub(in crate::api) struct BadRequest(Problem);

/// It is not known who asks.
#[derive(ToResponse)]
#[response(
    description = "No API key, or one that opens nothing (malformed, unknown, revoked): `unauthenticated`.",
    content_type = "application/problem+json",
    headers(("WWW-Authenticate" = String, description = "`Bearer realm=\"fanfare\"` (RFC 6750)")),
    example = json!({
        "type": "urn:fanfare:problem:unauthenticated", "title": "An API key is needed", "status": 401,
        "code": "unauthenticated", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "Send an API key with the request: `Authorization: Bearer ff_…`. Who runs the service makes one \
            with `fanfare keys create`."
    })
)]
pub(in crate::api) struct Unauthenticated(Problem);

/// It is not the channel that calls.
#[derive(ToResponse)]
#[response(
    description = "The call does not bear the signature that was set with the webhook: `wrong_signature`.",
    content_type = "application/problem+json",
    example = json!({
        "type": "urn:fanfare:problem:wrong_signature", "title": "The signature is wrong", "status": 403,
        "code": "wrong_signature", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "The header X-Toast-Webhook-Signature is not the signature of this service. Set the same words in NHN \
            Cloud's webhook and in `channels.kakao_channel.webhook_signature`."
    })
)]
pub(in crate::api) struct WrongSignature(Problem);

/// Who asks may not.
#[derive(ToResponse)]
#[response(
    description = "The key is known but not for this: `insufficient_scope` names the scope that is needed; \
        `operator_only`: it needs a key of the tenant `default`.",
    content_type = "application/problem+json",
    headers(("WWW-Authenticate" = String,
        description = "`Bearer realm=\"fanfare\", error=\"insufficient_scope\", scope=\"…\"` (RFC 6750)")),
    example = json!({
        "type": "urn:fanfare:problem:insufficient_scope", "title": "The API key is not for this", "status": 403,
        "code": "insufficient_scope", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "This needs a key with the scope `distribute`; this key has `read`. Nothing was done."
    })
)]
pub(in crate::api) struct Forbidden(Problem);

/// The request is not HTTP.
#[derive(ToResponse)]
#[response(
    description = "The request is not HTTP: a forbidden byte in its line or a header, a `Content-Length` that is \
    no number or stands twice with different values. The HTTP library answers, without a body or `X-Request-Id`, and \
    closes the connection."
)]
pub(in crate::api) struct NotHttp;

/// The address is too long for the HTTP library.
#[derive(ToResponse)]
#[response(
    description = "The address is longer than 65,534 bytes. The HTTP library answers, without a body or \
    `X-Request-Id`, and closes the connection."
)]
pub(in crate::api) struct AddressTooLong;

/// There is no such thing.
#[derive(ToResponse)]
#[response(
    description = "There is none: `event_not_found`, `distribution_not_found`. A malformed id is answered alike.",
    content_type = "application/problem+json",
    example = json!({
        "type": "urn:fanfare:problem:distribution_not_found", "title": "No such distribution", "status": 404,
        "code": "distribution_not_found", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "There is no distribution of this id. `GET /api/distributions` lists those that are there."
    })
)]
pub(in crate::api) struct NotFound(Problem);

/// The body did not come in time.
#[derive(ToResponse)]
#[response(
    description = "The body was not complete after 10 seconds: `body_too_slow`.",
    content_type = "application/problem+json"
)]
pub(in crate::api) struct BodyTooSlow(Problem);

/// The event already holds a channel.
#[derive(ToResponse)]
#[response(
    description = "Another request has distributed this event, or is distributing it, on some of these channels: \
        `already_distributed`. `existing` says which; `\"allowRepeat\": true` announces it there again.",
    content_type = "application/problem+json",
    example = json!({
        "type": "urn:fanfare:problem:already_distributed", "title": "The event is already distributed there",
        "status": 409, "code": "already_distributed", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "This event is already distributed, or being distributed, on: Instagram \
            (019a9b1e-7c1a-7000-8000-000000000001). Leave these channels out, or send `\"allowRepeat\": true` to \
            announce it there again.",
        "distributionId": "019a9b1e-7c1a-7000-8000-000000000001",
        "existing": [{ "channel": "Instagram", "distributionId": "019a9b1e-7c1a-7000-8000-000000000001" }]
    })
)]
pub(in crate::api) struct AlreadyDistributed(Problem);

/// It can't be done as the distribution stands.
#[derive(ToResponse)]
#[response(
    description = "It can't be done as the distribution stands, and nothing was changed: `still_moving` (with \
        `Retry-After`), `not_retryable` (it is live, in review, or goes on by itself), `not_in_review`, \
        `already_closed` and `in_review` (there is nothing to call off), `nothing_live` (there is nothing to take down), \
        `withdrawal_unsupported` (the channel can't take it down; the text says what a person does), `already_distributed` (another distribution holds the channel now), \
        `spend_cap_exceeded` (it would cost more than may be spent).",
    content_type = "application/problem+json",
    example = json!({
        "type": "urn:fanfare:problem:not_in_review", "title": "It is not in review", "status": 409,
        "code": "not_in_review", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "Instagram is SUCCESS; only what is NEEDS_REVIEW is resolved. Nothing was changed."
    })
)]
pub(in crate::api) struct NotPossible(Problem);

/// The account can't be changed now, or not at all.
#[derive(ToResponse)]
#[response(
    description = "Nothing was changed. `account_in_use`: it would be *another* account, and something is unfinished \
        that was begun with the present one; `existing` names some of it. A new token of the same account is taken \
        at any time. `account_of_service`: the account of the tenant `default` is the configuration's.",
    content_type = "application/problem+json",
    example = json!({
        "type": "urn:fanfare:problem:account_in_use", "title": "The account is in use", "status": 409,
        "code": "account_in_use", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "detail": "Instagram: what was begun with the present account is unfinished \
            (019a9b1e-7c1a-7000-8000-000000000001), and another account could not tell what becomes of it. Wait until it \
            has ended, cancel it, or resolve what is in review; then hand the account over again. Nothing was changed.",
        "existing": [{ "channel": "Instagram", "distributionId": "019a9b1e-7c1a-7000-8000-000000000001" }]
    })
)]
pub(in crate::api) struct AccountKept(Problem);

/// The body is too large.
#[derive(ToResponse)]
#[response(
    description = "The body is larger than 1.5 MB: `body_too_large`.",
    content_type = "application/problem+json"
)]
pub(in crate::api) struct BodyTooLarge(Problem);

/// The body is not plain JSON.
#[derive(ToResponse)]
#[response(
    description = "Not `application/json` in UTF-8, or compressed: `unsupported_media_type`, \
        `unsupported_content_encoding`.",
    content_type = "application/problem+json"
)]
pub(in crate::api) struct UnsupportedMediaType(Problem);

/// The request can be read but not be carried out.
#[derive(ToResponse)]
#[response(
    description = "Faults, all of them: `validation_failed`, with each in `errors`. Or the key belongs to another \
        body: `idempotency_key_reused`. Nothing was accepted or sent.",
    content_type = "application/problem+json",
    examples(
        ("validation_failed" = (value = json!({
            "type": "urn:fanfare:problem:validation_failed", "title": "The request has faults", "status": 422,
            "code": "validation_failed", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "1 fault found; nothing was accepted or sent. `errors` names each with its place.",
            "errors": [{ "pointer": "/channels/0", "code": "unknown_channel",
                "detail": "There is no channel \"kakao\"; did you mean `KakaoChannel`?" }]
        }))),
        ("a query" = (value = json!({
            "type": "urn:fanfare:problem:validation_failed", "title": "The query has faults", "status": 422,
            "code": "validation_failed", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "1 query parameter is wrong. `errors` names each and says what would be right.",
            "errors": [{ "parameter": "limit", "code": "out_of_range", "detail": "Give a whole number from 1 to 200." }]
        }))),
        ("idempotency_key_reused" = (value = json!({
            "type": "urn:fanfare:problem:idempotency_key_reused",
            "title": "The Idempotency-Key belongs to another request", "status": 422,
            "code": "idempotency_key_reused", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "This key was used for distribution 019a9b1e-7c1a-7000-8000-000000000001, which has another \
                body. Use a new key for a new request, or send the same body again.",
            "distributionId": "019a9b1e-7c1a-7000-8000-000000000001"
        })))
    )
)]
pub(in crate::api) struct Invalid(Problem);

/// Too much is in flight.
#[derive(ToResponse)]
#[response(
    description = "Too much is in flight: `overloaded`. Or this tenant's work alone waits too long: `channels_behind`, \
        with the channels in `behind`. Nothing was accepted.",
    content_type = "application/problem+json",
    headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))
)]
pub(in crate::api) struct Overloaded(Problem);

/// The headers are too large.
#[derive(ToResponse)]
#[response(
    description = "The request line and headers are larger than 64 KiB: `headers_too_large`. (Beyond 128 KiB, or \
        256 headers, the HTTP library answers, without a body or `X-Request-Id`, and closes the connection.)",
    content_type = "application/problem+json"
)]
pub(in crate::api) struct HeadersTooLarge(Problem);

/// Something went wrong inside.
#[derive(ToResponse)]
#[response(
    description = "Something went wrong inside, and was logged under `traceId`: `internal_error`.",
    content_type = "application/problem+json"
)]
pub(in crate::api) struct InternalError(Problem);

/// It cannot be done now.
#[derive(ToResponse)]
#[response(
    description = "It cannot be done now, mostly because the database does not answer: `unavailable`. The same \
        request may be sent again; with the same `Idempotency-Key` it is not carried out twice.",
    content_type = "application/problem+json",
    headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))
)]
pub(in crate::api) struct Unavailable(Problem);

/// It cannot be taken on now.
#[derive(ToResponse)]
#[response(
    description = "Nothing was accepted. Channels of the request are behind with what was accepted before: \
        `channels_behind`, with the channels in `behind`; the others are still taken. Or too many requests wait for \
        their channels: `too_many_waiting`. Or it cannot be done now, mostly \
        because the database does not answer: `unavailable`. The same request may be sent again; with the same \
        `Idempotency-Key` it is not carried out twice.",
    content_type = "application/problem+json",
    headers(("Retry-After" = u32, description = "Seconds after which to send the same request again")),
    examples(
        ("channels_behind" = (value = json!({
            "type": "urn:fanfare:problem:channels_behind", "title": "Channels are behind", "status": 503,
            "code": "channels_behind", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "Requests that were accepted before wait for their turn on: Instagram (24 s). Nothing of this one \
                was stored or sent. Send it again after the time in `Retry-After`, or leave these channels out.",
            "behind": [{ "channel": "Instagram", "waitSeconds": 24 }]
        }))),
        ("unavailable" = (value = json!({
            "type": "urn:fanfare:problem:unavailable", "title": "Temporarily unavailable", "status": 503,
            "code": "unavailable", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "detail": "The request could not be carried out now. Send the same request again after the time in \
                `Retry-After`; with the same `Idempotency-Key` it is not carried out twice."
        })))
    )
)]
pub(in crate::api) struct NotNow(Problem);

/// The service does not take requests.
#[derive(ToResponse)]
#[response(
    description = "It takes no requests; `reasons` says why: `not_ready`.",
    content_type = "application/problem+json",
    headers(("Retry-After" = u32, description = "Seconds after which to ask again"))
)]
pub(in crate::api) struct NotReady(Problem);
