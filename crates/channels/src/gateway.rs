//! Our own contract for channels whose makers publish no API: a token, a client
//! id that is unique and can be searched for, and an idempotency key under which
//! a repeat is answered like the first (`CHANNELS` names it as our proposal).
//!
//! One client speaks it for every channel; what a channel sends and what it
//! gives back is its [`Shape`].

use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::receipt::Receipt;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, Body};
use crate::client::ChannelClient;
use crate::failure;
use crate::http::{Answer, ExchangeError};

/// For so long a gateway answers a repeated key like the first time.
pub const KEY_WINDOW: Duration = Duration::from_hours(24);

/// Longest remote id that is believed.
const REMOTE_ID_MAX: usize = 200;

/// What one channel makes of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Below the base URL: where is created, and searched.
    pub path: &'static [&'static str],
    /// What is sent, but for `externalId`, which the client adds.
    pub body: fn(&Call, Timestamp) -> Value,
    /// What a created thing says as proof; nothing where it does not.
    pub receipt: fn(Channel, &Value) -> Option<Receipt>,
}

/// The client of every channel that speaks the contract.
#[derive(Debug)]
pub struct GatewayClient {
    api: Api,
    shape: Shape,
}

/// What the contract says of an answer to a creating call, by its status.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// It is created.
    Taken,
    /// The key or the id is known: what exists is to be looked up.
    Known,
    /// It provably had no effect.
    Refused(Failure, Retry),
    /// The contract says nothing of it.
    Unclear,
}

/// What a search answers.
#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
}

impl GatewayClient {
    /// A client for the API at `api`.
    pub fn new(api: Api, shape: Shape) -> Self {
        Self { api, shape }
    }

    async fn find(&self, call: &Call) -> LookUpOutcome {
        let key = call.delivery.idempotency_key();
        match self.api.get(call, self.shape.path, &[("externalId", &key)]).await {
            Ok(answer) if answer.status == StatusCode::OK => self.found(call, &key, &answer),
            Ok(answer) => {
                let why = match heard(&answer, Timestamp::MIN) {
                    Heard::Refused(why, _) => why,
                    Heard::Taken | Heard::Known | Heard::Unclear => failure::outcome_unknown(),
                };
                LookUpOutcome::Unknown(why.said(&answer.words()))
            }
            Err(error) => LookUpOutcome::Unknown(failure::outcome_unknown().said(&error.words())),
        }
    }

    /// An empty list proves absence; one that holds something else proves nothing.
    fn found(&self, call: &Call, key: &str, answer: &Answer) -> LookUpOutcome {
        let unclear = || LookUpOutcome::Unknown(failure::outcome_unknown().said(&answer.words()));
        let Ok(page) = answer.json::<Page>() else {
            return unclear();
        };
        if page.items.is_empty() {
            return LookUpOutcome::Absent { checkpoint: None };
        }
        let ours = |item: &&Value| item.get("externalId").and_then(Value::as_str) == Some(key);
        let receipt = page.items.iter().find(ours).and_then(|item| self.receipt(call, item));
        receipt.map_or_else(unclear, LookUpOutcome::Found)
    }

    fn receipt(&self, call: &Call, item: &Value) -> Option<Receipt> {
        (self.shape.receipt)(call.delivery.channel, item)
    }

    async fn create(&self, call: &Call, now: Timestamp) -> Result<Answer, ExchangeError> {
        let key = call.delivery.idempotency_key();
        let mut body = (self.shape.body)(call, now);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("externalId".to_owned(), key.clone().into());
        }
        let body = Body::Json {
            value: &body,
            key: &key,
        };
        self.api.post(call, self.shape.path, body).await
    }

    async fn created(&self, call: &Call, answer: &Answer, now: Timestamp) -> StepOutcome {
        let unclear = || StepOutcome::Unknown(failure::outcome_unknown().said(&answer.words()));
        match heard(answer, now) {
            Heard::Taken => {
                let receipt = answer.json().ok().and_then(|item| self.receipt(call, &item));
                receipt.map_or_else(unclear, StepOutcome::Confirmed)
            }
            Heard::Known => match self.find(call).await {
                LookUpOutcome::Found(receipt) => StepOutcome::Confirmed(receipt),
                // The first call with this key may still be at it.
                _ => unclear(),
            },
            Heard::Refused(why, retry) => StepOutcome::Rejected {
                failure: why.said(&answer.words()),
                retry,
                checkpoint: None,
            },
            Heard::Unclear => unclear(),
        }
    }
}

#[async_trait]
impl ChannelClient for GatewayClient {
    fn protocol(&self) -> Protocol {
        Protocol {
            first_step_has_effect: true,
            dedup: Dedup::Key { window: KEY_WINDOW },
        }
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        match self.create(call, now).await {
            Ok(answer) => self.created(call, &answer, now).await,
            Err(error @ ExchangeError::NotSent(..)) => StepOutcome::Rejected {
                failure: failure::unavailable().said(&error.words()),
                retry: Retry::Backoff,
                checkpoint: None,
            },
            Err(error @ ExchangeError::Lost { .. }) => {
                StepOutcome::Unknown(failure::outcome_unknown().said(&error.words()))
            }
        }
    }

    async fn look_up(&self, call: &Call, _now: Timestamp) -> LookUpOutcome {
        self.find(call).await
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

/// The one table of the contract.
fn heard(answer: &Answer, now: Timestamp) -> Heard {
    let told = answer.retry_after(now);
    match answer.status.as_u16() {
        200..=299 => Heard::Taken,
        // The request has not been acted upon (RFC 9110, 15.4): a gateway does
        // not redirect, so this is something else.
        301 | 302 | 307 | 308 | 404 | 405 => Heard::Refused(failure::misconfigured(), Retry::Never),
        400 | 413 | 415 | 422 => Heard::Refused(failure::content_rejected(), Retry::Never),
        401 => Heard::Refused(failure::auth_expired(), Retry::Never),
        403 => Heard::Refused(failure::permission_denied(), Retry::Never),
        409 => Heard::Known,
        425 => Heard::Refused(failure::unavailable(), Retry::Backoff),
        429 => Heard::Refused(failure::rate_limited(), told.map_or(Retry::Backoff, Retry::After)),
        503 => match told {
            Some(wish) => Heard::Refused(failure::unavailable(), Retry::After(wish)),
            None => Heard::Unclear,
        },
        _ => Heard::Unclear,
    }
}

/// A remote id that can be kept: text, neither empty nor absurdly long.
pub(crate) fn remote_id(item: &Value, field: &str) -> Option<String> {
    let id = item.get(field)?.as_str()?;
    let sound = !id.is_empty() && id.len() <= REMOTE_ID_MAX && !id.chars().any(char::is_control);
    sound.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(http::header::RETRY_AFTER, text.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::new(),
            cut: false,
        }
    }

    #[test]
    fn every_row_of_the_contract() {
        let refused = |status, told| match heard(&answer(status, told), Timestamp::UNIX_EPOCH) {
            Heard::Refused(why, retry) => Some((why.code.into_owned(), retry)),
            Heard::Taken | Heard::Known | Heard::Unclear => None,
        };
        for (status, told, code, retry) in [
            (400, None, "content_rejected", Retry::Never),
            (413, None, "content_rejected", Retry::Never),
            (415, None, "content_rejected", Retry::Never),
            (422, None, "content_rejected", Retry::Never),
            (401, None, "auth_expired", Retry::Never),
            (403, None, "permission_denied", Retry::Never),
            (404, None, "channel_misconfigured", Retry::Never),
            (302, None, "channel_misconfigured", Retry::Never),
            (425, None, "channel_unavailable", Retry::Backoff),
            (429, None, "rate_limited", Retry::Backoff),
            (429, Some("7"), "rate_limited", Retry::After(Duration::from_secs(7))),
            (429, Some("-7"), "rate_limited", Retry::Backoff),
            (
                503,
                Some("99999999999999999999999"),
                "channel_unavailable",
                Retry::After(Duration::from_secs(u64::MAX)),
            ),
            (
                503,
                Some("Thu, 01 Jan 1970 00:01:00 GMT"),
                "channel_unavailable",
                Retry::After(Duration::from_mins(1)),
            ),
            (
                503,
                Some("Wed, 31 Dec 1969 23:00:00 GMT"),
                "channel_unavailable",
                Retry::After(Duration::ZERO),
            ),
        ] {
            assert_eq!(
                refused(status, told),
                Some((code.to_owned(), retry)),
                "{status} {told:?}"
            );
        }
        let heard = |status| heard(&answer(status, None), Timestamp::UNIX_EPOCH);
        assert_eq!(
            (heard(200), heard(202), heard(409)),
            (Heard::Taken, Heard::Taken, Heard::Known)
        );
        for status in [303, 418, 500, 502, 503, 504, 599] {
            assert_eq!(heard(status), Heard::Unclear, "{status}");
        }
    }
}
