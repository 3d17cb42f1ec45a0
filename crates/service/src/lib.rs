//! The service: HTTP in front, the engine's performer behind it, the status
//! cache and the relay beside it.
//!
//! Rules are in `fanfare-core` and SQL is in `fanfare-ledger`; neither is here.

pub mod accounts;
pub mod api;
pub mod app;
mod clients;
pub mod clock;
pub mod commands;
pub mod config;
mod credentials;
mod hand_off_key;
pub mod keys;
mod media_upkeep;
pub mod notify;
pub mod outbox;
pub mod perform;
mod private_file;
pub mod recipients;
mod sealed;
pub mod server;
mod shared_time;
mod standing;
pub mod status;
pub mod store;
mod tasks;
pub mod telemetry;
