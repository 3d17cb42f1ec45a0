//! What follows when a notice was sent: it was taken, or is tried again, or given
//! up; and whether its endpoint is told anything more.
//!
//! A notice that fails waits for itself, so that one that is refused does not keep
//! the others; and an endpoint that fails is left alone for as long as its failures
//! in a row say.

use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::attempt::Retry;
use crate::resilience::retry::{Next, RetryPolicy};

/// An endpoint that has failed for so long, without one success, is told nothing
/// more until a person says so.
pub const DISABLED_AFTER: Duration = Duration::from_hours(72);

/// How often a notice is tried, and for how long.
pub const POLICY: RetryPolicy = RetryPolicy {
    max_attempts: u32::MAX,
    initial_interval: Duration::from_secs(5),
    factor: 2,
    max_interval: Duration::from_hours(1),
    max_age: DISABLED_AFTER,
};

/// What came of sending a notice once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The endpoint has it.
    Delivered,
    /// It does not; perhaps later.
    Failed {
        /// Why, for the operator; no secret is in here.
        why: String,
        /// The endpoint asks to be left alone for so long.
        retry_after: Option<Duration>,
    },
    /// The endpoint says that it is there no more (410).
    Gone,
}

/// What becomes of the notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeFate {
    /// It was told.
    Delivered,
    /// It is sent again.
    Later(Timestamp),
    /// It is too old to be told.
    GivenUp,
}

/// How an endpoint is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointHealth {
    /// Failures since the last success.
    #[serde(default)]
    pub failures: u32,
    /// When the first of those was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// It is left alone until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Timestamp>,
    /// Why the last failure was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// When the last success was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_delivered_at: Option<Timestamp>,
    /// It is told nothing since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

impl EndpointHealth {
    /// Whether something may be sent to it.
    pub fn may_be_told(&self, now: Timestamp) -> bool {
        self.disabled_at.is_none() && self.paused_until.is_none_or(|until| until <= now)
    }
}

/// A notice that was sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was sent, this time included.
    pub attempts: u32,
}

/// Decides what follows, for the notice and for its endpoint.
pub fn after(
    sent: &Sent,
    sending: Sending,
    health: &EndpointHealth,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> (NoticeFate, EndpointHealth) {
    let (why, retry) = match sent {
        Sent::Delivered => {
            let healthy = EndpointHealth {
                last_delivered_at: Some(now),
                ..EndpointHealth::default()
            };
            return (NoticeFate::Delivered, healthy);
        }
        Sent::Failed { why, retry_after } => (why.as_str(), retry_after.map_or(Retry::Backoff, Retry::After)),
        Sent::Gone => ("410 Gone", Retry::Backoff),
    };
    let at = |failures, since, rng: &mut dyn Rng| match POLICY.next(failures, retry, since, now, rng) {
        Next::At(at) => Some(at),
        Next::Permanent | Next::Exhausted | Next::Expired => None,
    };
    let fate = at(sending.attempts, sending.created_at, rng).map_or(NoticeFate::GivenUp, NoticeFate::Later);
    let failures = health.failures.saturating_add(1);
    let since = health.failing_since.unwrap_or(now);
    let paused_until = at(failures, since, rng);
    let ends = *sent == Sent::Gone || paused_until.is_none();
    let health = EndpointHealth {
        failures,
        failing_since: Some(since),
        paused_until,
        last_failure: Some(why.to_owned()),
        last_delivered_at: health.last_delivered_at,
        disabled_at: ends.then_some(now),
    };
    (fate, health)
}
