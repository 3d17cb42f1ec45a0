//! Cancelling a booking. The line's address is in the checkpoint, which outlives the
//! booking; a line is cancelled once, however often it is asked for.

use fanfare_core::attempt::WithdrawOutcome;
use fanfare_core::engine::Call;
use jiff::Timestamp;
use serde_json::json;

use super::booking::line_of;
use super::checkpoint::{Booking, Stage};
use super::error::State;
use super::{GenieTvClient, key_of};
use crate::api::Body;
use crate::failure;
use crate::withdraw;

impl GenieTvClient {
    pub(super) async fn cancel(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        let Ok(Some(Stage::Ready { order, line } | Stage::Booking(Booking { order, line, .. }))) = Stage::of(call)
        else {
            return withdraw::without_name();
        };
        let path = self.path(&["orders", &order, "lines", &line]);
        let body = Body::Json {
            value: &json!({}),
            key: &key_of(call, "cancel"),
        };
        let answer = match self.api.put(call, &path, Some("cancel"), body).await {
            Ok(answer) if answer.status.is_success() => answer,
            refused => return withdraw::by_contract(refused, now),
        };
        match line_of(&answer, &line) {
            // `Canceled`, or declined before: it is not shown, and will not be.
            Some(read) if read.state() == State::Declined => WithdrawOutcome::Gone,
            _ => WithdrawOutcome::Unknown(failure::outcome_unknown().said(&answer.words())),
        }
    }
}
