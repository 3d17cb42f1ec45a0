//! Where distributions are kept: one trait, several stores, one suite for all,
//! and the group commit in front of them.
//!
//! SQL is written here and nowhere else. What is decided is decided in
//! `fanfare-core`; this crate only keeps it.

mod store;

pub use store::{Filter, JournalEntry, Store, StoreError};
