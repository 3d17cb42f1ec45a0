//! When to try again: exponential backoff with full jitter, `Retry-After`
//! honoured within bounds, a limit on attempts and one on age.

use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, RngExt};

use crate::attempt::Retry;

/// A channel's own wish (`Retry-After`) is followed within these bounds.
pub const RETRY_AFTER_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

/// How often, how far apart and for how long a delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Counts the first one.
    pub max_attempts: u32,
    /// The ceiling of the first backoff.
    pub initial_interval: Duration,
    /// By which the ceiling grows from one backoff to the next.
    pub factor: u32,
    /// The ceiling's own ceiling.
    pub max_interval: Duration,
    /// From acceptance (or the scheduled time) to the last attempt's begin.
    pub max_age: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_interval: Duration::from_secs(1),
            factor: 2,
            max_interval: Duration::from_mins(5),
            max_age: Duration::from_hours(24),
        }
    }
}

/// What follows a rejected attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt at this time.
    At(Timestamp),
    /// Another attempt would be refused too.
    Permanent,
    /// Out of attempts.
    Exhausted,
    /// The next attempt would begin too late.
    Expired,
}

impl RetryPolicy {
    /// Decides after attempt number `attempt` (from 1) of work that has been due since `since`.
    pub fn next(&self, attempt: u32, retry: Retry, since: Timestamp, now: Timestamp, rng: &mut dyn Rng) -> Next {
        if retry == Retry::Never {
            return Next::Permanent;
        }
        if attempt >= self.max_attempts {
            return Next::Exhausted;
        }
        let (shortest, longest) = RETRY_AFTER_BOUNDS;
        let floor = match retry {
            Retry::After(wish) => wish.clamp(shortest, longest),
            Retry::Never | Retry::Backoff => Duration::ZERO,
        };
        let at = later(now, floor + self.backoff(attempt, rng));
        if at > later(since, self.max_age) {
            Next::Expired
        } else {
            Next::At(at)
        }
    }

    /// A random share of the ceiling (full jitter), so that those who failed
    /// together do not come back together.
    pub fn backoff(&self, attempt: u32, rng: &mut dyn Rng) -> Duration {
        let growth = self.factor.saturating_pow(attempt.saturating_sub(1));
        let ceiling = self.initial_interval.saturating_mul(growth).min(self.max_interval);
        let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(rng.random_range(0..=micros))
    }
}

/// A time so much later; the end of time where it would lie beyond.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn the_backoff_stays_below_a_ceiling_that_grows_and_is_used_whole() {
        let policy = RetryPolicy::default();
        let mut rng = StdRng::seed_from_u64(1);
        for (attempt, ceiling) in [(1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 300), (99, 300)] {
            let ceiling = Duration::from_secs(ceiling);
            let drawn: Vec<_> = (0..1_000).map(|_| policy.backoff(attempt, &mut rng)).collect();
            assert!(drawn.iter().all(|backoff| *backoff <= ceiling), "attempt {attempt}");
            assert!(
                drawn.iter().any(|backoff| *backoff > ceiling * 9 / 10),
                "attempt {attempt}"
            );
            assert!(drawn.iter().any(|backoff| *backoff < ceiling / 10), "attempt {attempt}");
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let policy = RetryPolicy {
            max_attempts: 2,
            ..RetryPolicy::default()
        };
        let mut rng = StdRng::seed_from_u64(1);
        assert!(matches!(
            policy.next(1, Retry::Backoff, NOW, NOW, &mut rng),
            Next::At(_)
        ));
        assert_eq!(policy.next(2, Retry::Backoff, NOW, NOW, &mut rng), Next::Exhausted);
        assert_eq!(policy.next(1, Retry::Never, NOW, NOW, &mut rng), Next::Permanent);
    }

    #[test]
    fn retry_after_is_a_floor_and_an_absurd_one_is_clamped() {
        let policy = RetryPolicy::default();
        let mut rng = StdRng::seed_from_u64(1);
        for (wish, floor) in [(0, 1), (90, 90), (1_000_000_000, 3_600)] {
            let retry = Retry::After(Duration::from_secs(wish));
            let Next::At(at) = policy.next(1, retry, NOW, NOW, &mut rng) else {
                panic!("no retry after {wish} s")
            };
            let waited = at.duration_since(NOW).as_millis();
            assert!(
                (floor * 1_000..=floor * 1_000 + 1_000).contains(&waited),
                "{wish}: {waited} ms"
            );
        }
    }

    #[test]
    fn work_that_is_too_old_is_not_tried_again() {
        let policy = RetryPolicy::default();
        let mut rng = StdRng::seed_from_u64(1);
        let now = later(NOW, policy.max_age);
        assert_eq!(
            policy.next(1, Retry::After(Duration::from_secs(2)), NOW, now, &mut rng),
            Next::Expired
        );
    }
}
