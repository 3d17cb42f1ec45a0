//! How many retries a channel's lane may spend: a share of its calls.
//!
//! Backoff spreads the retries of one delivery; the budget bounds those of all
//! of them together, so that a channel in trouble is not called more often than
//! one in health. What it holds back waits, and spends no attempt.

use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;

/// Calls are counted over this time, or up to half of it less.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Retries for one first attempt: one in five.
const SHARE: u32 = 5;

/// So many are always allowed.
const LEAST: u32 = 3;

/// First attempts and retries in the current half of the window and the one
/// before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RetryBudget {
    half_began: Timestamp,
    current: Counts,
    before: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    first: u32,
    retries: u32,
}

impl RetryBudget {
    /// Counts a first attempt.
    pub fn first(&mut self, now: Timestamp) {
        self.turn_over(now);
        self.current.first = self.current.first.saturating_add(1);
    }

    /// Spends one retry; where there is none left, says when to ask again.
    pub fn retry(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.turn_over(now);
        let first = self.current.first.saturating_add(self.before.first);
        let spent = self.current.retries.saturating_add(self.before.retries);
        if spent >= (first / SHARE).max(LEAST) {
            return Err(later(self.half_began, WINDOW / 2));
        }
        self.current.retries += 1;
        Ok(())
    }

    fn turn_over(&mut self, now: Timestamp) {
        let half = WINDOW / 2;
        if now < later(self.half_began, half) && now >= self.half_began {
            return;
        }
        // Longer ago than a whole window, or a clock that went back: all is forgotten.
        let recent = now >= self.half_began && now < later(self.half_began, WINDOW);
        self.before = if recent { self.current } else { Counts::default() };
        self.current = Counts::default();
        self.half_began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn three_are_always_allowed_and_then_one_in_five() {
        let mut budget = RetryBudget::default();
        assert_eq!((0..9).filter(|_| budget.retry(at(0)).is_ok()).count(), 3);
        let mut budget = RetryBudget::default();
        (0..100).for_each(|_| budget.first(at(0)));
        assert_eq!((0..99).filter(|_| budget.retry(at(1)).is_ok()).count(), 20);
        assert_eq!(budget.retry(at(1)), Err(at(30)));
    }

    #[test]
    fn what_was_spent_comes_back_after_a_window() {
        let mut budget = RetryBudget::default();
        (0..3).for_each(|_| budget.retry(at(0)).unwrap());
        assert!(budget.retry(at(31)).is_err(), "the half before still counts");
        assert!(budget.retry(at(62)).is_ok());
        let mut budget = RetryBudget::default();
        (0..3).for_each(|_| budget.retry(at(0)).unwrap());
        assert!(budget.retry(at(100)).is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_does_not_lock_it() {
        let mut budget = RetryBudget::default();
        (0..3).for_each(|_| budget.retry(at(1_000)).unwrap());
        assert!(budget.retry(at(0)).is_ok());
    }
}
