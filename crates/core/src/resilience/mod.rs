//! Policies for what may fail: when to try again, how often, and when to leave
//! a channel alone for a while.
//!
//! The rate limit will stand here too.

pub mod breaker;
pub mod budget;
pub mod retry;
