//! Policies for what may fail: when to try again, how often, and when to leave
//! a channel alone for a while.

pub mod breaker;
pub mod budget;
pub mod rate_limiter;
pub mod retry;
pub mod time_out;
