//! Rules and engine of the distribution service.
//!
//! Everything here is pure: no async, no clock, no randomness of its own, no
//! I/O. Whoever calls passes the time and a random generator, and performs what
//! is decided. That is what makes the whole system's behaviour testable by
//! deterministic simulation.

pub mod advertising;
pub mod api_key;
pub mod attempt;
pub mod cause;
pub mod channel;
pub mod compose;
pub mod credential;
pub mod decode;
pub mod delivery;
pub mod distribution;
pub mod engine;
pub mod event;
pub mod fault;
pub mod film;
pub mod history;
pub mod ids;
pub mod korea;
pub mod notice;
pub mod phone;
pub mod picture;
pub mod receipt;
pub mod recipients;
pub mod redrive;
pub mod region;
pub mod request;
pub mod resilience;
pub mod result;
pub mod sending;
pub mod spend;
pub mod text;
pub mod validate;
pub mod verified;
pub mod write;
