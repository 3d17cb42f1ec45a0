//! Where distributions are kept: one trait, several stores, one suite for all,
//! and the group commit in front of them.
//!
//! SQL is written here and nowhere else. What is decided is decided in
//! `fanfare-core`; this crate only keeps it.

pub mod api_keys;
pub mod bare;
pub mod breaker_orders;
pub mod credentials;
mod failed;
mod gather;
mod group_commit;
mod listing;
mod memory;
pub mod notices;
mod open_work;
pub mod outbox;
mod postgres;
mod sample;
pub mod sending_orders;
mod spending;
mod sqlite;
mod store;
#[cfg(feature = "suite")]
pub mod suite;

pub use failed::FailedDeliveries;
pub use gather::{Gather, GatherSettings, Next};
pub use group_commit::{Committed, Counters, Done, GroupCommit, GroupCommitHandle, GroupCommitSettings};
pub use memory::{Memory, MemoryStore};
pub use open_work::{OpenDeliveries, OpenWork};
pub use postgres::{PostgresCounters, PostgresMeter, PostgresSettings, PostgresStore, StatementCounters};
pub use spending::Spending;
pub use sqlite::{DATABASE_FILE, SqliteKeys, SqliteStore};
pub use store::{Filter, JournalEntry, KEY_LIFETIME, Store, StoreError};
