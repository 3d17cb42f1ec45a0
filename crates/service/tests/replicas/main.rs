//! Several nodes over one `PostgreSQL`, as processes of their own, with Kafka,
//! Redis and simulated channels: what must hold whatever dies.
//!
//! | file | does |
//! |---|---|
//! | `cluster.rs` | starts nodes, kills, stops and resumes them |
//! | `load.rs` | clients that distribute at whichever node answers |
//! | `observed.rs` | reads what the database, the channels and Kafka hold |
//! | `checker.rs` | compares them with the invariants; shows that it can fail |
//! | `kill.rs`, `stall.rs`, `stop.rs`, `together.rs`, `outage.rs` | T2, T3, T15, several nodes at work, T5 |
//! | `upgrade.rs` | nodes of the release before, replaced one by one |
//! | `redrive.rs` | a second chance for many, asked for by two at once |
//! | `notices.rs` | who is told, once for all nodes |
//! | `disk_full.rs`, `broker.rs`, `clock.rs` | T6, T7, T9 |
//!
//! Each test has a schema, a topic and ports of its own. Long forms: see
//! `FANFARE_TEST_NODE_KILLS` and its like in each file. Clocks are the machine's:
//! other processes are killed and stopped here.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows its figures"
)]

mod accounts;
mod broker;
mod checker;
mod clock;
mod cluster;
mod disk_full;
mod kill;
mod load;
mod notices;
mod observed;
mod outage;
#[path = "../support/receiver.rs"]
#[expect(dead_code, reason = "the tests of one node use the rest")]
mod receiver;
mod redrive;
#[path = "../support/servers/mod.rs"]
#[expect(dead_code, reason = "the tests of TLS use the rest")]
mod servers;
mod stall;
mod stop;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;
mod together;
mod upgrade;

/// How often, or how many: the variable's number, or else the short form's.
fn scale(variable: &str, short: u32) -> u32 {
    std::env::var(variable).map_or(short, |text| text.parse().unwrap())
}
