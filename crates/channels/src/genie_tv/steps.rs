//! What is made before the booking: an order, a line, something to show, and
//! that the line shows it. Nobody sees any of it and nothing is spent, so a
//! failure here is never unknown: the attempt begins anew, and the same keys and
//! the order's name lead to what was made.

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::checkpoint::Stage;
use super::error::heard;
use super::{GenieTvClient, wire};
use crate::contract::{Heard, path_id};
use crate::failure;

/// What is to be made, and where the same is found if it exists.
struct Making<'m> {
    /// A part of the key.
    step: &'static str,
    /// Where it is made, below the account; its last part names the list.
    path: &'m [&'m str],
    /// What is sent.
    body: Value,
    /// How it is found in the list.
    query: (&'static str, String),
}

impl GenieTvClient {
    pub(super) async fn order(&self, call: &Call, now: Timestamp) -> StepOutcome {
        let Some(content) = wire::content(call, now) else {
            return rejected(failure::content_rejected(), Retry::Never);
        };
        if let Err(rejected) = self.spots.check(call).await {
            return rejected;
        }
        let making = Making {
            step: "order",
            path: &["orders"],
            body: wire::order(call, &content),
            query: ("name", call.delivery.idempotency_key()),
        };
        let made = self.make(call, making, now).await;
        made.map_or_else(|held| held, |order| advanced(Stage::Ordered { order }, false))
    }

    pub(super) async fn line(&self, call: &Call, order: String, now: Timestamp) -> StepOutcome {
        let Some(content) = wire::content(call, now) else {
            return rejected(failure::content_rejected(), Retry::Never);
        };
        let making = Making {
            step: "line",
            path: &["orders", &order, "lines"],
            body: wire::line(call, &self.settings.product_id, &content),
            query: ("name", call.delivery.idempotency_key()),
        };
        match self.make(call, making, now).await {
            Ok(line) => advanced(Stage::Lined { order, line }, false),
            Err(held) => held,
        }
    }

    pub(super) async fn creative(&self, call: &Call, order: String, line: String, now: Timestamp) -> StepOutcome {
        let Some(content) = wire::content(call, now) else {
            return rejected(failure::content_rejected(), Retry::Never);
        };
        let making = Making {
            step: "creative",
            path: &["creatives"],
            body: wire::creative(call, &content),
            query: ("name", call.delivery.idempotency_key()),
        };
        match self.make(call, making, now).await {
            Ok(creative) => advanced(Stage::Shown { order, line, creative }, false),
            Err(held) => held,
        }
    }

    pub(super) async fn assignment(
        &self,
        call: &Call,
        (order, line): (String, String),
        creative: &str,
        now: Timestamp,
    ) -> StepOutcome {
        let making = Making {
            step: "assignment",
            path: &["assignments"],
            body: json!({"lineid": line, "creativeid": creative}),
            query: ("lineid", line.clone()),
        };
        match self.make(call, making, now).await {
            Ok(_) => advanced(Stage::Ready { order, line }, true),
            Err(held) => held,
        }
    }

    /// Makes it, or takes what exists; its id.
    async fn make(&self, call: &Call, making: Making<'_>, now: Timestamp) -> Result<String, StepOutcome> {
        let path = self.path(making.path);
        let again = |words: &str| rejected(failure::unavailable().said(words), Retry::Backoff);
        let answer = match self.post(call, making.step, &path, &making.body).await {
            Ok(answer) => answer,
            Err(error) => return Err(again(&error.words())),
        };
        let made = match heard(&answer, now) {
            Heard::Taken => answer.json().ok().and_then(|made: Value| path_id(&made, "id")),
            Heard::Known => self.existing(call, &making).await,
            Heard::Refused(why, retry) => return Err(rejected(why.said(&answer.words()), retry)),
            Heard::Unclear => None,
        };
        made.ok_or_else(|| again(&answer.words()))
    }

    /// What the channel has of this; nothing where it can't be found, or not yet:
    /// the first call with the key may still be at it.
    async fn existing(&self, call: &Call, making: &Making<'_>) -> Option<String> {
        let (field, value) = &making.query;
        let path = self.path(making.path);
        let answer = self.api.get(call, &path, &[(field, value)]).await.ok()?;
        let list: Value = answer.json().ok().filter(|_| answer.status.is_success())?;
        let ours = |item: &&Value| item.get(*field).and_then(Value::as_str) == Some(value);
        let items = list.get(making.path.last()?)?.as_array()?;
        path_id(items.iter().find(ours)?, "id")
    }
}

pub(super) fn advanced(stage: Stage, next_has_effect: bool) -> StepOutcome {
    StepOutcome::Advanced {
        checkpoint: stage.into(),
        next_has_effect,
    }
}

/// It had no effect; another attempt begins the protocol anew.
pub(super) fn rejected(failure: Failure, retry: Retry) -> StepOutcome {
    rejected_at(None, failure, retry)
}

pub(super) fn rejected_at(stage: Option<Stage>, failure: Failure, retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint: stage.map(Checkpoint::from),
    }
}
