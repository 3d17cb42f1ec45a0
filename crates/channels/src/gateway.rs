//! Our own contract for channels whose makers publish no API: a token, a client
//! id that is unique and can be searched for, and an idempotency key under which
//! a repeat is answered like the first (`CHANNELS` names it as our proposal).
//!
//! One client speaks it for every channel; what a channel sends and what it
//! gives back is its [`Shape`].

use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::engine::Call;
use fanfare_core::receipt::Receipt;
use fanfare_core::text::Text;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, Body};
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{self, Checked, NOBODY};
use crate::client::ChannelClient;
use crate::contract::{Heard, KEY_WINDOW, heard, is_path_id};
use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::media::Spots;
use crate::withdraw;

/// How the protocol behaves, whoever is called.
pub const PROTOCOL: Protocol = Protocol {
    first_step_has_effect: true,
    dedup: Dedup::Key { window: KEY_WINDOW },
    observed_at: &[],
};

/// What one channel makes of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Below the base URL: where is created, and searched.
    pub path: &'static [&'static str],
    /// What is sent, but for `externalId`, which the client adds.
    pub body: fn(&Call, Timestamp) -> Value,
    /// What a created thing says as proof; nothing where it does not.
    pub receipt: fn(Channel, &Value) -> Option<Receipt>,
    /// By which name what was created is taken down; nothing where the gateway offers
    /// no way of it.
    pub withdrawn_by: Option<fn(&Receipt) -> Option<&str>>,
}

/// The client of every channel that speaks the contract.
#[derive(Debug)]
pub struct GatewayClient {
    api: Api,
    shape: Shape,
    spots: Spots,
}

/// What a search answers.
#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
}

impl GatewayClient {
    /// A client for the API at `api`. Media are handed on unseen.
    pub fn new(api: Api, shape: Shape) -> Self {
        let spots = Spots::new(None, Duration::ZERO);
        Self { api, shape, spots }
    }

    /// The same for television: films are looked at first.
    #[must_use]
    pub fn showing(self, spots: Spots) -> Self {
        Self { spots, ..self }
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
                LookUpOutcome::Unknown(why.said(&answer.words_without_numbers()))
            }
            Err(error) => LookUpOutcome::Unknown(failure::outcome_unknown().said(&error.words())),
        }
    }

    /// An empty list proves absence; one that holds something else proves nothing.
    fn found(&self, call: &Call, key: &str, answer: &Answer) -> LookUpOutcome {
        let unclear = || LookUpOutcome::Unknown(failure::outcome_unknown().said(&answer.words_without_numbers()));
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
        let unclear = || StepOutcome::Unknown(failure::outcome_unknown().said(&answer.words_without_numbers()));
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
                failure: why.said(&answer.words_without_numbers()),
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
        PROTOCOL
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        if is_called_off(call) {
            return nothing_done();
        }
        if let Err(rejected) = self.spots.check(call).await {
            return rejected;
        }
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

    fn cannot_withdraw(&self) -> Option<Text> {
        self.shape.withdrawn_by.is_none().then(withdraw::by_hand)
    }

    async fn withdraw(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        let Some(name) = self.shape.withdrawn_by else {
            return withdraw::refused(withdraw::by_hand());
        };
        // The protocol has none: a person has named what is live.
        if call.delivery.checkpoint.is_some() {
            return withdraw::without_name();
        }
        let Some(id) = call
            .delivery
            .receipt
            .as_ref()
            .and_then(name)
            .filter(|id| is_path_id(id))
        else {
            return withdraw::without_name();
        };
        let path: Vec<_> = self.shape.path.iter().copied().chain([id]).collect();
        withdraw::by_contract(self.api.delete(call, &path, &[]).await, now)
    }

    /// A search for what was never made.
    async fn check(&self, now: Timestamp) -> Checked {
        let answer = self.api.look(self.shape.path, &[("externalId", NOBODY)]).await;
        let is_page = |answer: &Answer| answer.status == StatusCode::OK && answer.json::<Page>().is_ok();
        check::of_contract(&self.api, answer, |answer| heard(answer, now), is_page)
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}
