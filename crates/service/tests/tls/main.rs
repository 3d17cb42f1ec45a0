//! TLS to the servers, with certificates that the test makes: it works with the
//! right authority, and one clear line says what is wrong with another one, or
//! without TLS. (Redis: `http/shared_cache_faults.rs`.)
//!
//! | file | does |
//! |---|---|
//! | `certificates.rs` | makes them |
//! | `postgres.rs` | a `PostgreSQL` that takes nobody without TLS |
//! | `kafka.rs` | a Kafka that takes nobody without TLS and SCRAM |
//!
//! Both servers are the tests' own.

#![expect(clippy::unwrap_used, reason = "what a test did not expect is to stop it")]

mod certificates;
mod kafka;
mod postgres;

#[path = "../support/servers/mod.rs"]
mod servers;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod support;
