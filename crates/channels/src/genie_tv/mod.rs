//! 지니TV, after IAB `OpenDirect` 2.1: order → line → creative → assignment → book.
//!
//! KT publishes no API for it: the contract is our own proposal
//! (`api/partners/genie-tv.yaml`). Nothing but the booking is seen by anybody or
//! costs anything, so whatever goes wrong before it begins anew, under the same
//! keys, and finds what was made. The booking is of one line, whose id is kept
//! before: however often it is asked for, that line is booked once. The channel
//! then reviews the advertisement; until it says `Booked` or `Declined` it is
//! asked again. The film is looked at before anything is made.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the client and what it is told |
//! | `steps.rs` | what is made before the booking |
//! | `booking.rs` | the booking, the wait for its review, and what becomes of it later |
//! | `checkpoint.rs` | where the protocol stands between steps |
//! | `error.rs` | what a refusal and a booking's state mean, the one table |
//! | `withdraw.rs` | cancelling a booking |
//! | `wire.rs` | what is sent, and what is read of a line |
//!
//! Deliberately absent: changes, reports.

mod booking;
mod checkpoint;
mod error;
mod mock;
mod steps;
mod wire;
mod withdraw;

use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Observation, Protocol, StepOutcome, WithdrawOutcome};
use fanfare_core::engine::Call;
use fanfare_core::text::Text;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use self::checkpoint::Stage;
use crate::api::{Api, Body};
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{self, Checked, NOBODY};
use crate::client::ChannelClient;
use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::media::Spots;

pub use self::mock::mock_receipt;

/// How the protocol behaves, whoever is called.
pub const PROTOCOL: Protocol = Protocol {
    first_step_has_effect: false,
    // A line is booked once, however often it is asked for: that does
    // not end with the channel's memory of keys.
    dedup: Dedup::Key { window: Duration::MAX },
    observed_at: OBSERVED_AT,
};

/// Until a booking is on air it is asked whether it still stands. How soon a channel
/// takes one back nobody has said: the ages are our own.
const OBSERVED_AT: &[Duration] = &[
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
    Duration::from_hours(3 * 24),
    Duration::from_hours(7 * 24),
    Duration::from_hours(14 * 24),
    Duration::from_hours(30 * 24),
    Duration::from_hours(60 * 24),
];

/// What the client is told once.
#[derive(Debug, Clone)]
pub struct GenieTvSettings {
    /// The advertiser's account at the channel; a part of addresses.
    pub account_id: String,
    /// What is booked, by the channel's own name.
    pub product_id: String,
    /// Between two looks at a booking that is young; older ones are asked for
    /// less often.
    pub poll_interval: Duration,
}

/// Orders that were found.
#[derive(Deserialize)]
struct Orders {
    #[serde(rename = "orders")]
    _orders: Vec<serde_json::Value>,
}

/// The client.
#[derive(Debug)]
pub struct GenieTvClient {
    api: Api,
    spots: Spots,
    settings: GenieTvSettings,
}

#[async_trait]
impl ChannelClient for GenieTvClient {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        match Stage::of(call) {
            Ok(stage) if is_called_off(call) && !matches!(stage, Some(Stage::Booking(_))) => nothing_done(),
            Ok(None) => self.order(call, now).await,
            Ok(Some(Stage::Ordered { order })) => self.line(call, order, now).await,
            Ok(Some(Stage::Lined { order, line })) => self.creative(call, order, line, now).await,
            Ok(Some(Stage::Shown { order, line, creative })) => {
                self.assignment(call, (order, line), &creative, now).await
            }
            Ok(Some(Stage::Ready { order, line })) => self.book(call, order, line, now).await,
            Ok(Some(Stage::Booking(booking))) => self.poll(call, booking, now).await,
            // Only a later version writes what this one can't read.
            Err(unreadable) => StepOutcome::Unknown(unreadable),
        }
    }

    /// Never asked, since the key is never forgotten: repeating is the look-up.
    async fn look_up(&self, _call: &Call, _now: Timestamp) -> LookUpOutcome {
        LookUpOutcome::Unknown(failure::outcome_unknown())
    }

    async fn observe(&self, call: &Call, now: Timestamp) -> Observation {
        self.look_again(call, now).await
    }

    fn cannot_withdraw(&self) -> Option<Text> {
        None
    }

    async fn withdraw(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        self.cancel(call, now).await
    }

    /// A search of the account for an order that was never made.
    async fn check(&self, now: Timestamp) -> Checked {
        let answer = self.api.look(&self.path(&["orders"]), &[("name", NOBODY)]).await;
        let is_list = |answer: &Answer| answer.status == StatusCode::OK && answer.json::<Orders>().is_ok();
        let checked = check::of_contract(&self.api, answer, |answer| error::heard(answer, now), is_list);
        Checked {
            untried: checked.is_good().then(|| {
                Text::new(
                    "product_id is tried by a booking alone.",
                    "product_id는 실제로 예약해야만 확인됩니다.",
                )
            }),
            ..checked
        }
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

impl GenieTvClient {
    /// A client for the API at `api`. Films are looked at by `spots`.
    pub fn new(api: Api, spots: Spots, settings: GenieTvSettings) -> Self {
        Self { api, spots, settings }
    }

    fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        [&["accounts", self.settings.account_id.as_str()], rest].concat()
    }

    async fn post(
        &self,
        call: &Call,
        step: &str,
        path: &[&str],
        value: &serde_json::Value,
    ) -> Result<Answer, ExchangeError> {
        let key = key_of(call, step);
        self.api.post(call, path, Body::Json { value, key: &key }).await
    }
}

/// Each creating call has a key of its own.
fn key_of(call: &Call, step: &str) -> String {
    format!("{}.{step}", call.delivery.idempotency_key())
}
