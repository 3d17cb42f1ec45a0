//! Deterministic simulation: one to three nodes with the real engine over one
//! in-memory store, with simulated channels, commits, leases and clocks, and
//! people who ask for repairs or call it off. Nodes die, stall and are told to stop at any command; answers are
//! late, lost or doubled; clocks disagree by up to a day and run too fast or too
//! slow. The invariants of the service are checked after every step. The same
//! seed gives the same run, to the letter.
//!
//! | file | holds |
//! |---|---|
//! | `world.rs` | what happens when |
//! | `node.rs` | a node, its clock and its lease |
//! | `channels.rs` | what the channels do |
//! | `caps.rs` | what may be spent, and what is |
//! | `lives.rs` | how nodes begin, stop, die, and live again |
//! | `people.rs`, `requests.rs` | who asks, and what |
//! | `operators.rs` | channels that are out of order, and orders to breakers and to stop sending |
//! | `invariants.rs`, `verdict.rs` | what must be true at each step, and in the end |
//! | `withdrawals.rs` | what is live is taken down |
//! | `looks.rs` | looks at what is in doubt, and at what was taken |
//! | `figures.rs` | what is counted |
//!
//! A failing seed says the command that replays it alone; with
//! `FANFARE_TEST_TRACE=1` that prints all that happened, too. More seeds than the
//! default run with `FANFARE_TEST_SEEDS=10000`. With the feature `planted-bugs`
//! the same is run with faults in the engine, each of which must be found.
//!
//! Deliberately absent: SQL (the stores' own suite has that), and clocks that
//! jump within a life, which the service's clock does not do either.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod caps;
mod channels;
mod figures;
mod invariants;
mod lives;
mod looks;
mod node;
mod operators;
mod people;
mod requests;
mod verdict;
mod withdrawals;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fanfare_core::engine::Bug;
use figures::Figures;
use world::World;

/// Seeds of a plain test run.
const SEEDS: u64 = 200;

fn run(seed: u64, bug: Option<Bug>) -> (String, Figures) {
    let mut world = World::new(seed, bug);
    world.run();
    world.finish()
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text:?} is no number")))
}

#[test]
fn every_invariant_holds_whatever_dies() {
    let seeds = match variable("FANFARE_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("FANFARE_TEST_SEEDS").unwrap_or(SEEDS),
    };
    let mut total = Figures::default();
    let began = tokio::time::Instant::now();
    for seed in seeds {
        let Ok((_, figures)) = catch_unwind(AssertUnwindSafe(|| run(seed, None))) else {
            panic!(
                "seed {seed} failed; replay it with: \
                 FANFARE_TEST_SEED={seed} cargo test -p fanfare-ledger --test simulation"
            )
        };
        total.add(&figures);
    }
    let ratio = total.simulated.as_secs_f64() / began.elapsed().as_secs_f64();
    println!(
        "{total}; simulated {:?}, {ratio:.0} times as fast as it",
        total.simulated
    );
    assert!(ratio > 1_000.0, "slower than it was meant to be");
    // A simulation in which nothing goes wrong proves nothing.
    if variable("FANFARE_TEST_SEED").is_none() {
        total.assert_that_trouble_was_had();
        assert_eq!(total.left_with_a_key, 0, "a key leaves nothing to a person");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..5 {
        assert_eq!(run(seed, None).0, run(seed, None).0, "seed {seed}");
    }
}

/// T14: the simulation is worth what it finds.
#[cfg(feature = "planted-bugs")]
#[test]
fn every_planted_bug_is_found() {
    /// In so many seeds.
    const MOST: u64 = 1_000;

    let mut missed = Vec::new();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for bug in Bug::ALL {
        let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| run(*seed, Some(bug)))).err();
        match (0..MOST).find_map(|seed| Some((seed, fails(&seed)?))) {
            Some((seed, why)) => {
                let words = why.downcast_ref::<String>().map(String::as_str);
                let words = words.or(why.downcast_ref::<&str>().copied()).unwrap_or_default();
                let words: String = words.chars().take(90).collect();
                println!("{bug:?}: found with seed {seed}: {}", words.replace('\n', " "));
            }
            None => missed.push(bug),
        }
    }
    std::panic::set_hook(hook);
    assert_eq!(missed, [], "not found in {MOST} seeds");
}
