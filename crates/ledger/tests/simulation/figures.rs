//! What is counted: what came of the runs, and whether there was trouble at all.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use fanfare_core::resilience::breaker::BreakerState;

/// What a run, or many, came to.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) steps: u64,
    pub(crate) crashes: u64,
    pub(crate) acknowledged: u64,
    pub(crate) replayed: u64,
    pub(crate) held: u64,
    /// Requests, and redrives, that would have gone beyond a cap.
    pub(crate) over_spent: u64,
    pub(crate) redrives_over_spent: u64,
    pub(crate) failed_commits: u64,
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    pub(crate) left_to_a_person: u64,
    pub(crate) left_with_a_key: u64,
    pub(crate) stalls: u64,
    pub(crate) stops: u64,
    pub(crate) lived_again: u64,
    pub(crate) adopted: u64,
    /// Takeovers of which the node never heard.
    pub(crate) missed: u64,
    pub(crate) refused_as_stale: u64,
    pub(crate) doubled_answers: u64,
    pub(crate) evidence: u64,
    pub(crate) questions: u64,
    pub(crate) granted: u64,
    pub(crate) cancelled: u64,
    /// Withdrawals that were asked for, and deliveries that ended so.
    pub(crate) withdrawals: u64,
    pub(crate) withdrawn: u64,
    /// At what was taken, and those that found it taken back.
    pub(crate) looks: u64,
    pub(crate) declined: u64,
    /// Times that sending was stopped.
    pub(crate) stopped: u64,
    pub(crate) orders: u64,
    /// Times that a breaker opened, looked whether the channel is back, closed.
    pub(crate) opened: u64,
    pub(crate) half_opened: u64,
    pub(crate) closed: u64,
    /// Times that an account's breaker opened.
    pub(crate) opened_accounts: u64,
    pub(crate) simulated: Duration,
    pub(crate) statuses: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.acknowledged += other.acknowledged;
        self.replayed += other.replayed;
        self.held += other.held;
        self.over_spent += other.over_spent;
        self.redrives_over_spent += other.redrives_over_spent;
        self.failed_commits += other.failed_commits;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.left_to_a_person += other.left_to_a_person;
        self.left_with_a_key += other.left_with_a_key;
        self.stalls += other.stalls;
        self.stops += other.stops;
        self.lived_again += other.lived_again;
        self.adopted += other.adopted;
        self.missed += other.missed;
        self.refused_as_stale += other.refused_as_stale;
        self.doubled_answers += other.doubled_answers;
        self.evidence += other.evidence;
        self.questions += other.questions;
        self.granted += other.granted;
        self.cancelled += other.cancelled;
        self.withdrawals += other.withdrawals;
        self.withdrawn += other.withdrawn;
        self.looks += other.looks;
        self.declined += other.declined;
        self.stopped += other.stopped;
        self.orders += other.orders;
        self.opened += other.opened;
        self.half_opened += other.half_opened;
        self.closed += other.closed;
        self.opened_accounts += other.opened_accounts;
        self.simulated += other.simulated;
        for (status, times) in &other.statuses {
            *self.statuses.entry(status).or_default() += times;
        }
    }

    pub(crate) fn count_breaker(&mut self, of_account: bool, state: BreakerState) {
        match state {
            BreakerState::Open if of_account => self.opened_accounts += 1,
            BreakerState::HalfOpen | BreakerState::Closed if of_account => {}
            BreakerState::Open => self.opened += 1,
            BreakerState::HalfOpen => self.half_opened += 1,
            BreakerState::Closed => self.closed += 1,
            BreakerState::ForcedOpen | BreakerState::Disabled => {}
        }
    }

    pub(crate) fn assert_that_trouble_was_had(&self) {
        assert!(
            self.crashes > 0 && self.failed_commits > 0 && self.replayed > 0 && self.held > 0,
            "{self}"
        );
        assert!(
            self.stalls > 0
                && self.adopted > 0
                && self.missed > 0
                && self.refused_as_stale > 0
                && self.doubled_answers > 0,
            "{self}"
        );
        assert!(
            self.evidence > 0 && self.granted > 0 && self.cancelled > 0 && self.stopped > 0,
            "{self}"
        );
        assert!(self.withdrawals > 0 && self.withdrawn > 0, "{self}");
        assert!(self.looks > 0 && self.declined > 0, "{self}");
        assert!(self.opened_accounts > 0, "{self}");
        assert!(self.opened > 0 && self.half_opened > 0 && self.closed > 0, "{self}");
        assert!(self.stops > 0 && self.lived_again > 0, "{self}");
        assert!(self.over_spent > 0 && self.redrives_over_spent > 0, "{self}");
        for status in ["SUCCESS", "FAILED", "NEEDS_REVIEW", "ACTION_REQUIRED"] {
            assert!(
                self.statuses.get(status).is_some_and(|times| *times > 0),
                "no delivery ended {status}: {self}"
            );
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lost {}, repeated {}, left to a person {} (on channels with a key {}); {} stalls, {} stops, {} lives \
             taken for over, {} adopted, {} stale writes refused, {} answers doubled, {} kept as evidence, {} of {} questions granted, {} called off, {} withdrawals granted and {} deliveries withdrawn, {} looks at what was taken and {} taken back, sending stopped {} times, {} orders, breakers opened {} times, looked {}, closed {}, those of accounts opened {} times; {} steps, {} crashes, \
             {} failed commits, {} acknowledged, {} replayed, {} held, {} beyond a cap and {} of redrives; deliveries ended {:?}",
            self.lost,
            self.repeated,
            self.left_to_a_person,
            self.left_with_a_key,
            self.stalls,
            self.stops,
            self.lived_again,
            self.adopted,
            self.refused_as_stale,
            self.doubled_answers,
            self.evidence,
            self.granted,
            self.questions,
            self.cancelled,
            self.withdrawals,
            self.withdrawn,
            self.looks,
            self.declined,
            self.stopped,
            self.orders,
            self.opened,
            self.half_opened,
            self.closed,
            self.opened_accounts,
            self.steps,
            self.crashes,
            self.failed_commits,
            self.acknowledged,
            self.replayed,
            self.held,
            self.over_spent,
            self.redrives_over_spent,
            self.statuses,
        )
    }
}
