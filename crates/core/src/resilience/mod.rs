//! Policies for what may fail: when to try again.
//!
//! The circuit breaker and the rate limit will stand here too.

pub mod budget;
pub mod retry;
