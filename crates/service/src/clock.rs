//! What time it is. Whoever needs to know is given a clock, so that tests can
//! say it. Waiting is `tokio::time`'s business, not this file's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use tokio::time::Instant;

/// Tells the wall clock's time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// A clock that all nodes share shows this.
    fn correct(&self, _shared: Timestamp) {}
}

/// The machine's clock, without its jumps: it never goes back, and what the
/// machine's clock jumps by is followed at a tenth of the pace of time. What
/// waits for safety, such as the look after an unknown outcome, is so never cut
/// short by more than that tenth. A restart follows at once.
///
/// Where nodes share a clock, the database's, that one is followed instead, and
/// the machine's only from one correction to the next.
#[derive(Debug)]
pub struct SystemClock(Mutex<Anchor>);

/// What was shown, and when, by a clock that can't jump.
#[derive(Debug)]
struct Anchor {
    shown: Timestamp,
    at: Instant,
    /// How far the clock that nodes share is ahead of the machine's, once known.
    ahead: Option<SignedDuration>,
    /// A jump was told of.
    told: bool,
}

/// So far from the machine's clock it is worth telling.
const JUMP: SignedDuration = SignedDuration::from_secs(2);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Mutex::new(Anchor {
            shown: machine_time(),
            at: Instant::now(),
            ahead: None,
            told: false,
        }))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = anchor.ahead.unwrap_or_default();
        let (machine, at) = (after(machine_time(), ahead), Instant::now());
        anchor.shown = followed(anchor.shown, at.duration_since(anchor.at), machine);
        anchor.at = at;
        let away = machine.duration_since(anchor.shown);
        if away.abs() > JUMP && !anchor.told {
            tracing::warn!(
                seconds = away.as_secs(),
                "the machine's clock has jumped; it is followed slowly"
            );
        }
        anchor.told = away.abs() > JUMP;
        // Microseconds are what the database keeps: what is said before a
        // restart and after it is the same.
        anchor.shown.round(Unit::Microsecond).unwrap_or(anchor.shown)
    }

    /// The first time it is followed at once, since nothing was decided before
    /// (`shared_time::at_start`).
    fn correct(&self, shared: Timestamp) {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = shared.duration_since(machine_time());
        if anchor.ahead.replace(ahead).is_none() {
            (anchor.shown, anchor.at) = (shared, Instant::now());
            if ahead.abs() > JUMP {
                tracing::warn!(
                    seconds = ahead.as_secs(),
                    "the machine's clock is wrong by the database's, which is followed"
                );
            }
        }
    }
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(time)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the machine's clock is read"
)]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

/// What is shown after so much time, where the machine's clock shows `machine`.
fn followed(shown: Timestamp, passed: Duration, machine: Timestamp) -> Timestamp {
    let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
    let expected = shown.saturating_add(passed).unwrap_or(Timestamp::MAX);
    let most = passed / 10;
    let away = machine.duration_since(expected).clamp(-most, most);
    expected.saturating_add(away).unwrap_or(Timestamp::MAX)
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// Stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Jumps, forwards or backwards.
    pub fn set(&self, to: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// Goes on by `by`.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn it_follows_the_machine_s_clock_and_takes_its_time_over_a_jump() {
        let ten = Duration::from_secs(10);
        assert_eq!(followed(at(0), ten, at(10)), at(10));
        assert_eq!(followed(at(0), ten, at(86_400)), at(11), "a tenth faster");
        assert_eq!(
            followed(at(0), ten, at(-86_400)),
            at(9),
            "a tenth slower, and never back"
        );
        assert_eq!(followed(at(0), Duration::ZERO, at(86_400)), at(0));
        assert_eq!(
            followed(at(0), Duration::from_secs(1_000), at(1_030)),
            at(1_030),
            "it has caught up"
        );
    }

    #[test]
    fn the_clock_that_nodes_share_is_followed_at_once_and_then_slowly() {
        let clock = SystemClock::default();
        let day = SignedDuration::from_hours(24);
        let away = |expected: Timestamp| clock.now().duration_since(expected).abs() < SignedDuration::from_secs(1);
        clock.correct(after(machine_time(), day));
        assert!(away(after(machine_time(), day)));
        clock.correct(machine_time());
        assert!(away(after(machine_time(), day)), "it never goes back");
    }

    #[test]
    fn the_machine_s_clock_is_read() {
        let away = machine_time().duration_since(SystemClock::default().now());
        assert!(away.abs() < SignedDuration::from_secs(1));
    }
}
