//! How a breaker judges. The names are Resilience4j's
//! (<https://resilience4j.readme.io/docs/circuitbreaker>); `consecutive_failures`
//! and the growing wait are ours.

use std::time::Duration;

/// When a breaker opens, and how it finds out whether to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Which calls are judged together while it is closed.
    pub sliding_window: SlidingWindow,
    /// Nothing is judged by rate before so many calls; of a count window, at
    /// most its size.
    pub minimum_number_of_calls: u32,
    /// Opens at this share of failures or a greater one, in percent.
    pub failure_rate_threshold: u32,
    /// Opens at this share of slow calls or a greater one, in percent.
    pub slow_call_rate_threshold: u32,
    /// A call that takes strictly longer is slow. Longer than the deadline of a call
    /// none ever is.
    pub slow_call_duration_threshold: Duration,
    /// Opens after so many failures in a row, however few calls there were.
    pub consecutive_failures: u32,
    /// Calls that are let through to find out whether the channel is back.
    pub permitted_number_of_calls_in_half_open_state: u32,
    /// Where they have not shown it by then, it opens again.
    pub max_wait_duration_in_half_open_state: Duration,
    /// How long it is open the first time; twice as long each time that it opens
    /// again without having closed.
    pub wait_duration_in_open_state: Duration,
    /// But no longer than this.
    pub max_wait_duration_in_open_state: Duration,
}

/// Which calls are judged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlidingWindow {
    /// The last ones.
    Count {
        /// So many.
        size: u32,
    },
    /// Those of the last so many buckets of time.
    Time {
        /// How many; the current one is one of them.
        buckets: u32,
        /// How long each is, in whole seconds.
        bucket: Duration,
    },
}

/// Six channels of low volume would never fill Resilience4j's window of 100: five
/// failures in a row are enough, or half of at least ten calls in five minutes.
/// One call finds out whether the channel is back: with two, a lone delivery
/// would succeed and the breaker open again. A call is slow before the service's own
/// deadline of ten seconds ends it; Resilience4j's minute would never come.
impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            sliding_window: SlidingWindow::Time {
                buckets: 30,
                bucket: Duration::from_secs(10),
            },
            minimum_number_of_calls: 10,
            failure_rate_threshold: 50,
            slow_call_rate_threshold: 100,
            slow_call_duration_threshold: Duration::from_secs(8),
            consecutive_failures: 5,
            permitted_number_of_calls_in_half_open_state: 1,
            max_wait_duration_in_half_open_state: Duration::from_secs(30),
            wait_duration_in_open_state: Duration::from_secs(30),
            max_wait_duration_in_open_state: Duration::from_mins(5),
        }
    }
}
