//! When a channel is left alone for a while; the words are those of
//! `fanfare_core::resilience::breaker`, which are Resilience4j's.

use std::time::Duration;

use fanfare_core::resilience::breaker::BreakerSettings;
use serde::{Deserialize, Serialize};

/// The same for every channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row that open it.
    pub consecutive_failures: u32,
    /// The share of failures that opens it, in percent, of the calls of the last
    /// five minutes.
    pub failure_rate_threshold: u32,
    /// Fewer calls than these are not judged by their share.
    pub minimum_number_of_calls: u32,
    /// A call that takes longer is slow, in milliseconds; less than `calls.deadline_ms`,
    /// and four fifths of it where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_call_duration_threshold_ms: Option<u64>,
    /// The share of slow calls that opens it, in percent.
    pub slow_call_rate_threshold: u32,
    /// Calls that find out whether the channel is back.
    pub permitted_number_of_calls_in_half_open_state: u32,
    /// How long it is open the first time, in seconds; each further time twice as
    /// long.
    pub wait_duration_in_open_state_s: u64,
    /// But no longer than this, in seconds. No more than five minutes, after which
    /// what waits is looked at again.
    pub max_wait_duration_in_open_state_s: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        let default = BreakerSettings::default();
        Self {
            consecutive_failures: default.consecutive_failures,
            failure_rate_threshold: default.failure_rate_threshold,
            minimum_number_of_calls: default.minimum_number_of_calls,
            slow_call_duration_threshold_ms: None,
            slow_call_rate_threshold: default.slow_call_rate_threshold,
            permitted_number_of_calls_in_half_open_state: default.permitted_number_of_calls_in_half_open_state,
            wait_duration_in_open_state_s: default.wait_duration_in_open_state.as_secs(),
            max_wait_duration_in_open_state_s: default.max_wait_duration_in_open_state.as_secs(),
        }
    }
}

impl Breaker {
    /// Of a service whose calls are over after `call_deadline`.
    pub(super) fn settings(&self, call_deadline: Duration) -> BreakerSettings {
        let slow = self.slow_call_duration_threshold_ms.map(Duration::from_millis);
        BreakerSettings {
            consecutive_failures: self.consecutive_failures,
            failure_rate_threshold: self.failure_rate_threshold,
            minimum_number_of_calls: self.minimum_number_of_calls,
            slow_call_duration_threshold: slow.unwrap_or(call_deadline * 4 / 5),
            slow_call_rate_threshold: self.slow_call_rate_threshold,
            permitted_number_of_calls_in_half_open_state: self.permitted_number_of_calls_in_half_open_state,
            wait_duration_in_open_state: Duration::from_secs(self.wait_duration_in_open_state_s),
            max_wait_duration_in_open_state: Duration::from_secs(self.max_wait_duration_in_open_state_s),
            ..BreakerSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Calls;

    #[test]
    fn without_a_word_it_judges_as_the_core_does() {
        let deadline = Duration::from_millis(Calls::default().deadline_ms);
        assert_eq!(Breaker::default().settings(deadline), BreakerSettings::default());
    }

    #[test]
    fn a_call_can_be_slow_before_it_is_over() {
        let mut breaker = Breaker::default();
        let slow = |breaker: &Breaker, deadline| breaker.settings(deadline).slow_call_duration_threshold;
        for deadline in [Duration::from_millis(500), Duration::from_mins(1)] {
            assert!(slow(&breaker, deadline) < deadline);
        }
        breaker.slow_call_duration_threshold_ms = Some(700);
        assert_eq!(slow(&breaker, Duration::from_secs(1)), Duration::from_millis(700));
    }
}
