//! A delivery as the contract shows it: flat, its fields beside its status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cause::{self, Actor, Cause};
use crate::channel::{Channel, ChannelState, Mode};
use crate::delivery::{Checkpoint, Delivery, DeliveryStatus, Failure};
use crate::receipt::ResultFields;
use crate::recipients::RecipientCounts;
use crate::text::{Language, Text};

/// One entry of `results`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelResult {
    /// Where.
    pub channel: Channel,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Whether the channel was really called.
    pub mode: Mode,
    /// How far the proof of a success goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_state: Option<ChannelState>,
    /// What the channel gave.
    #[serde(flatten)]
    pub fields: ResultFields,
    /// Kakao Channel, live: what became of it for how many people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<RecipientCounts>,
    /// Why it did not succeed: a stable word. Beside SUCCESS: it is being taken down
    /// (`withdraw_requested`), or could not be (`withdrawal_failed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it did not succeed, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who must act, so that it goes on: `nobody`, `caller`, `owner` (of the
    /// channel's account) or `operator` (of this service). More may be added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who_acts: Option<String>,
    /// Whether sending the same again can help, by itself or once somebody has acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// With `ACTION_REQUIRED`: the page on which a person finishes it. Who holds
    /// this link needs no key, so it is shown to who asks with one, and is in no
    /// event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// With `ACTION_REQUIRED`: not finished by then, it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub action_until: Option<Timestamp>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub retry_at: Option<Timestamp>,
}

impl ChannelResult {
    /// What a delivery shows; `code`, `message` and what follows them only where it
    /// has not succeeded, or is being withdrawn.
    pub fn of(delivery: &Delivery, language: Language) -> Self {
        let is_plain_success = delivery.status == DeliveryStatus::Success && !is_about_withdrawal(delivery);
        let cancelling = is_being_called_off(delivery).then(|| cause::CANCEL_REQUESTED.failure());
        let failure = cancelling
            .as_ref()
            .or(delivery.failure.as_ref())
            .filter(|_| !is_plain_success);
        let retries = matches!(delivery.status, DeliveryStatus::Retrying | DeliveryStatus::Waiting);
        let cause = failure.and_then(|failure| Cause::of(&failure.code));
        let is_action = delivery.status == DeliveryStatus::ActionRequired;
        // After a redrive the row still has that of what was taken down before.
        let is_proved =
            delivery.status == DeliveryStatus::Success || delivery.is_withdrawn() || delivery.is_declined_since();
        let receipt = delivery.receipt.as_ref().filter(|_| is_proved);
        Self {
            channel: delivery.channel,
            status: delivery.status,
            mode: delivery.mode,
            channel_state: receipt.map(|receipt| receipt.state),
            fields: receipt.map(|receipt| receipt.fields.clone()).unwrap_or_default(),
            recipients: delivery.checkpoint.as_ref().and_then(Checkpoint::recipients),
            code: failure.map(|failure| failure.code.clone().into_owned()),
            message: failure.map(|failure| told(failure, delivery.status).get(language).to_owned()),
            who_acts: cause.map(|cause| cause.actor_at(delivery.status).name().to_owned()),
            retryable: cause.map(|cause| cause.retryable),
            action_url: failure
                .filter(|_| is_action)
                .and_then(|task| Some(task.action_url.as_ref()?.0.clone())),
            action_until: delivery.next_attempt_at.filter(|_| is_action),
            retry_at: delivery
                .next_attempt_at
                .filter(|_| retries || delivery.is_withdrawing()),
        }
    }
}

/// It is live, and something is to be said all the same.
fn is_about_withdrawal(delivery: &Delivery) -> bool {
    delivery.is_withdrawing() || delivery.has_stayed()
}

/// Of what has failed after it went on by itself.
const GIVEN_UP: (&str, &str) = (
    "Its attempts, or the time for them, are used up: nothing more happens by itself. Retry it if it is still wanted.",
    "정해진 시도 횟수나 시간을 모두 사용해 더는 자동으로 시도하지 않습니다. 필요하면 재시도해 주세요.",
);

/// What people are told of a failure where a delivery stands so: what went on by
/// itself does not any more, once it has failed.
pub fn told(failure: &Failure, status: DeliveryStatus) -> Text {
    let went_on = |cause: &&Cause| cause.actor == Actor::Nobody && cause.retryable;
    let of_table = |cause: &&Cause| cause.text() == failure.detail;
    let cause = Cause::of(&failure.code).filter(|_| status == DeliveryStatus::Failed);
    let Some(cause) = cause.filter(went_on).filter(of_table) else {
        return failure.detail.clone();
    };
    // What happened is the first sentence, what comes of it the rest.
    let first = |words: &'static str| words.split_inclusive('.').next().unwrap_or_default();
    Text::new(
        format!("{} {}", first(cause.en), GIVEN_UP.0),
        format!("{} {}", first(cause.ko), GIVEN_UP.1),
    )
}

/// It was called off, and goes on to its end by itself.
fn is_being_called_off(delivery: &Delivery) -> bool {
    let goes_on = delivery.status.moves() || delivery.status == DeliveryStatus::Waiting;
    delivery.called_off && goes_on
}
