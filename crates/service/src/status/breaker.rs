//! When the shared cache is asked, and when it is left alone.
//!
//! A cache that hangs costs each caller its whole time limit, so a few failures
//! suffice to leave it alone for a while. Time is an argument; who asks, and
//! what counts as a failure, is `redis/link.rs`' business. The channels'
//! breaker is another one: it counts in windows and is an operator's tool.

use std::time::Duration;

use tokio::time::Instant;

/// How long it stays open at first; doubled with each probe that fails.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What a failure adds to the score; a success takes one off. So three failures
/// in a row open it, and so does any mixture in which more than a third fail,
/// after a while.
const FAILURE_WEIGHT: u32 = 2;

/// The score at which it opens.
const OPENS_AT: u32 = 3 * FAILURE_WEIGHT;

/// Closed, open or half-open, in the words of every breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// The next time for which it opens.
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { score: u32 },
    Open { until: Instant },
    HalfOpen,
}

impl Breaker {
    /// Open, its first probe due at once: nothing is known yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Open { until: now },
            wait: FIRST_WAIT,
        }
    }

    /// Whether the cache may be asked.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Closed, but something has failed lately.
    pub(super) fn is_suspicious(&self) -> bool {
        matches!(self.state, State::Closed { score } if score > 0)
    }

    /// A call was answered.
    pub(super) fn succeeded(&mut self) {
        if let State::Closed { score } = &mut self.state {
            *score = score.saturating_sub(1);
        }
    }

    /// A call failed, or came too late. `true`: that has opened it.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let State::Closed { score } = &mut self.state else {
            return false;
        };
        *score += FAILURE_WEIGHT;
        let opens = *score >= OPENS_AT;
        if opens {
            self.open(now);
        }
        opens
    }

    /// The connection is gone. It may only have been idle for too long, so the
    /// first probe is due at once. `true`: that has opened it.
    pub(super) fn lost(&mut self, now: Instant) -> bool {
        let opens = self.is_closed();
        if opens {
            self.state = State::Open { until: now };
        }
        opens
    }

    /// When the next probe is due; `None` where none is to come.
    pub(super) fn probe_due(&self) -> Option<Instant> {
        match self.state {
            State::Open { until } => Some(until),
            State::Closed { .. } | State::HalfOpen => None,
        }
    }

    /// Half-opens it if a probe is due; `true` for one caller only.
    pub(super) fn try_probe(&mut self, now: Instant) -> bool {
        let due = self.probe_due().is_some_and(|due| due <= now);
        if due {
            self.state = State::HalfOpen;
        }
        due
    }

    /// What came of the probe.
    pub(super) fn probed(&mut self, answered: bool, now: Instant) {
        if answered {
            self.state = State::Closed { score: 0 };
            self.wait = FIRST_WAIT;
        } else {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = State::Open { until: now + self.wait };
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(now);
        assert!(!breaker.is_closed() && breaker.try_probe(now));
        breaker.probed(true, now);
        assert!(breaker.is_closed());
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_two_do_not() {
        let now = Instant::now();
        let mut breaker = closed(now);
        for _ in 0..100 {
            assert!(!breaker.failed(now) && !breaker.failed(now));
            assert!(breaker.is_suspicious());
            (0..4).for_each(|_| breaker.succeeded());
            assert!(!breaker.is_suspicious());
        }
        let opened: Vec<_> = (0..4).map(|_| breaker.failed(now)).collect();
        assert_eq!(opened, [false, false, true, false]);
        assert_eq!(breaker.probe_due(), Some(now + FIRST_WAIT));
    }

    #[test]
    fn it_opens_where_every_second_call_fails_and_not_where_one_in_ten_does() {
        let now = Instant::now();
        let opens_with = |successes: u32| {
            let mut breaker = closed(now);
            (0..100).any(|_| {
                (0..successes).for_each(|_| breaker.succeeded());
                breaker.failed(now)
            })
        };
        assert!(opens_with(1));
        assert!(!opens_with(9));
    }

    #[test]
    fn it_is_left_alone_longer_and_longer_and_one_probe_decides() {
        let start = Instant::now();
        let mut breaker = closed(start);
        (0..3).for_each(|_| _ = breaker.failed(start));
        let mut now = start;
        for seconds in [1, 2, 4, 8, 10, 10] {
            let due = now + Duration::from_secs(seconds);
            assert!(!breaker.try_probe(due.checked_sub(Duration::from_millis(1)).unwrap()));
            assert!(breaker.try_probe(due), "{seconds}");
            assert!(!breaker.try_probe(due), "one probe at a time");
            assert!(!breaker.failed(due), "a straggler of before says nothing");
            breaker.probed(false, due);
            now = due;
        }
        assert!(breaker.try_probe(now + LONGEST_WAIT));
        breaker.probed(true, now);
        (0..3).for_each(|_| _ = breaker.failed(now));
        assert_eq!(breaker.probe_due(), Some(now + FIRST_WAIT), "it begins anew");
    }

    #[test]
    fn a_lost_connection_is_tried_again_at_once_and_then_left_alone() {
        let now = Instant::now();
        let mut breaker = closed(now);
        assert!(breaker.lost(now) && !breaker.lost(now));
        assert!(!breaker.is_closed() && breaker.try_probe(now));
        breaker.probed(false, now);
        assert!(!breaker.try_probe(now) && breaker.try_probe(now + FIRST_WAIT));
    }
}
