//! How fast a queue empties, while there is one: counted by the second over the
//! last ten, so that what is said of it follows a channel that becomes slower.
//!
//! Deliberately absent: who waits there (`queue.rs`), and what follows (`door.rs`).

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

/// Seconds that are looked back upon.
const WINDOW: u64 = 10;

/// A queue that has been there for a shorter time says nothing of its speed.
const LEAST: Duration = Duration::from_secs(1);

/// Fewer say nothing of it either: the first calls that a hung channel ends by their
/// deadline, before its breaker opens, are not its speed.
const FEWEST: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Drain {
    /// Since when something has waited all the time.
    began: Option<Timestamp>,
    /// The number of a second since then, and how many went in it; the last ten only.
    gone: VecDeque<(u64, u32)>,
}

impl Drain {
    /// Something waits.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.began.get_or_insert(now);
    }

    /// One has gone on; `last` where nothing waits behind it.
    pub(super) fn take(&mut self, now: Timestamp, last: bool) {
        if last {
            return self.end();
        }
        let busy = self.busy(now);
        if busy.is_zero() {
            // It takes a place that was free: that is no speed.
            return;
        }
        let second = busy.as_secs();
        match self.gone.back_mut() {
            Some((latest, count)) if *latest >= second => *count += 1,
            _ => self.gone.push_back((second, 1)),
        }
        while self.gone.front().is_some_and(|(first, _)| first + WINDOW <= second) {
            self.gone.pop_front();
        }
    }

    /// Nothing waits any more.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// How long so many will take; `None` where that is not known yet, or hardly any goes.
    pub(super) fn time_for(&self, count: usize, now: Timestamp) -> Option<Duration> {
        let busy = self.busy(now);
        let first = (busy.as_secs() + 1).saturating_sub(WINDOW);
        let gone: u32 = self
            .gone
            .iter()
            .filter(|(second, _)| *second >= first)
            .map(|(_, count)| count)
            .sum();
        if busy < LEAST || gone < FEWEST {
            return None;
        }
        let looked_at = busy.saturating_sub(Duration::from_secs(first));
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Some(looked_at.saturating_mul(count) / gone)
    }

    fn busy(&self, now: Timestamp) -> Duration {
        let busy = self.began.map(|began| now.duration_since(began));
        // A clock that goes backwards has nobody wait.
        busy.and_then(|busy| Duration::try_from(busy).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn the_speed_is_that_of_the_last_ten_seconds() {
        let mut drain = Drain::default();
        drain.begin(at(0));
        assert_eq!(drain.time_for(10, at(500)), None, "too early");
        assert_eq!(drain.time_for(10, at(5_000)), None, "nothing goes");
        let mut hung = Drain::default();
        hung.begin(at(0));
        for tick in 0..9 {
            hung.take(at(9_000 + tick), false);
        }
        assert_eq!(hung.time_for(400, at(9_100)), None, "hardly any does");
        // 20 a second, then 2.
        for tick in 1..=200 {
            drain.take(at(tick * 50 - 1), false);
        }
        let ten = drain.time_for(100, at(9_999)).unwrap();
        assert!(
            (Duration::from_millis(4_900)..=Duration::from_secs(5)).contains(&ten),
            "{ten:?}"
        );
        for tick in 0..40 {
            drain.take(at(10_000 + tick * 500), false);
        }
        let ten = drain.time_for(100, at(29_999)).unwrap();
        assert!(
            (Duration::from_secs(49)..=Duration::from_secs(50)).contains(&ten),
            "{ten:?}"
        );
    }

    #[test]
    fn a_queue_that_was_empty_begins_anew_and_a_clock_may_jump() {
        let ten_go = |drain: &mut Drain, millis| (0..10).for_each(|_| drain.take(at(millis), false));
        let mut drain = Drain::default();
        drain.begin(at(0));
        ten_go(&mut drain, 2_000);
        assert!(drain.time_for(1, at(2_000)).is_some());
        drain.take(at(2_000), true);
        drain.begin(at(60_000));
        assert_eq!(drain.time_for(1, at(62_000)), None);
        ten_go(&mut drain, 10_000);
        assert_eq!(drain.time_for(1, at(10_000)), None, "before it began");
        ten_go(&mut drain, 60_000);
        assert_eq!(drain.time_for(1, at(62_000)), None, "free places were taken");
    }
}
