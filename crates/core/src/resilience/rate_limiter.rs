//! How often a channel may be called: its quota, of which each node takes an
//! equal share, so that no counter need be shared.
//!
//! Words after Resilience4j's
//! (<https://resilience4j.readme.io/docs/ratelimiter>); its fixed periods let
//! twice the limit through around their ends, so calls are paced instead, by the
//! generic cell rate algorithm (ITU-T I.371): never more than the limit in any
//! period, wherever it begins. A tenth of it may come at once.
//!
//! What that does not hold back: one call of each life that begins, as nobody knows
//! what the life before it has called; and where a quota has fewer calls than there
//! are nodes, one call of each node.
//!
//! Pure: the time is an argument, and nothing waits.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;

/// A channel's quota, for all nodes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls in a period.
    pub limit_for_period: NonZeroU32,
    /// The period.
    pub limit_refresh_period: Duration,
}

/// One node's share of it.
#[derive(Debug, Clone, Copy)]
pub struct RateLimiter {
    limit: Option<RateLimit>,
    /// `None` until they are counted: what the share is, is not known then, and
    /// nothing is permitted.
    nodes: Option<NonZeroU32>,
    /// When the next call would come if all came evenly; `None` before the first
    /// question: what a life before this one has called is not known, and nothing
    /// comes at once then.
    next: Option<Timestamp>,
}

/// What a share comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    interval: Duration,
    /// How much sooner than evenly a call may come.
    ahead: Duration,
}

/// Of the share, so much may come at once: one in so many.
const BURST: u32 = 10;

/// The nodes are counted at the beginning of a life; till then it is asked again.
const UNCOUNTED: Duration = Duration::from_secs(1);

impl RateLimiter {
    /// Without a limit it permits all.
    pub const fn new(limit: Option<RateLimit>) -> Self {
        Self {
            limit,
            nodes: None,
            next: None,
        }
    }

    /// Of the node's next life: while it was taken for over, others have taken its
    /// share.
    #[must_use]
    pub const fn anew(&self) -> Self {
        Self::new(self.limit)
    }

    /// So many nodes live. One that comes upon others waits for so long, until
    /// they have heard of it. Where their number changes nothing comes at once: a
    /// node that has gone may have called just now.
    pub fn share(&mut self, nodes: NonZeroU32, now: Timestamp, wait: Duration) {
        let before = self.nodes.replace(nodes);
        let Some(ahead) = self.pace().map(|pace| pace.ahead) else {
            return;
        };
        match (before, self.next) {
            (None, None) if nodes > NonZeroU32::MIN => self.next = Some(later(now, wait + ahead)),
            (Some(before), Some(next)) if before != nodes => self.next = Some(next.max(later(now, ahead))),
            _ => {}
        }
    }

    /// Whether a call may be made now, or when. Counts nothing.
    pub fn check(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let Some(limit) = self.limit else { return Ok(()) };
        let Some(nodes) = self.nodes else {
            return Err(later(now, UNCOUNTED));
        };
        let pace = limit.pace(nodes);
        let next = *self.next.get_or_insert(later(now, pace.ahead));
        let from = next.saturating_sub(pace.ahead).unwrap_or(Timestamp::MIN);
        if now < from { Err(from) } else { Ok(()) }
    }

    /// Counts a call.
    pub fn count(&mut self, now: Timestamp) {
        let Some(pace) = self.pace() else { return };
        self.next = Some(later(self.next.unwrap_or(now).max(now), pace.interval));
    }

    /// Between two calls, if all came evenly.
    pub fn interval(&self) -> Duration {
        self.pace().map_or(Duration::ZERO, |pace| pace.interval)
    }

    fn pace(&self) -> Option<Pace> {
        Some(self.limit?.pace(self.nodes?))
    }
}

impl RateLimit {
    fn pace(self, nodes: NonZeroU32) -> Pace {
        let period = self.limit_refresh_period;
        let share = self.limit_for_period.get() / nodes;
        if share == 0 {
            // Fewer calls than nodes: on average each has its part of one.
            return Pace {
                interval: rounded_up(period * nodes.get() / self.limit_for_period.get()),
                ahead: Duration::ZERO,
            };
        }
        let burst = (share / BURST).max(1);
        let interval = rounded_up(period / (share - burst + 1));
        Pace {
            interval,
            ahead: interval * (burst - 1),
        }
    }
}

/// A period that ends with a call must not have one more; and clocks are kept in
/// microseconds.
fn rounded_up(interval: Duration) -> Duration {
    Duration::from_micros(
        u64::try_from(interval.as_micros())
            .unwrap_or(u64::MAX)
            .saturating_add(1),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    /// The only node.
    fn alone(limit: RateLimit) -> RateLimiter {
        let mut limiter = RateLimiter::new(Some(limit));
        limiter.share(NonZeroU32::MIN, start(), Duration::ZERO);
        limiter
    }

    fn limit(calls: u32, seconds: u64) -> RateLimit {
        RateLimit {
            limit_for_period: NonZeroU32::new(calls).unwrap(),
            limit_refresh_period: Duration::from_secs(seconds),
        }
    }

    fn nodes(nodes: u32) -> NonZeroU32 {
        NonZeroU32::new(nodes).unwrap()
    }

    /// Calls as soon as it may, for so long; when each was made.
    fn greedy(limiter: &mut RateLimiter, from: Timestamp, time: Duration) -> Vec<Timestamp> {
        let (mut now, mut made) = (from, Vec::new());
        while now < later(from, time) {
            match limiter.check(now) {
                Ok(()) => {
                    limiter.count(now);
                    made.push(now);
                }
                Err(at) => now = at,
            }
        }
        made
    }

    fn most_in(period: Duration, mut made: Vec<Timestamp>) -> u64 {
        made.sort_unstable();
        let within = |from: &Timestamp| {
            made.iter()
                .filter(|at| **at >= *from && **at < later(*from, period))
                .count() as u64
        };
        made.iter().map(within).max().unwrap_or(0)
    }

    #[test]
    fn without_a_limit_all_is_permitted() {
        let mut limiter = RateLimiter::new(None);
        assert_eq!(limiter.check(start()), Ok(()));
        limiter.count(start());
        assert_eq!((limiter.check(start()), limiter.interval()), (Ok(()), Duration::ZERO));
    }

    #[test]
    fn a_tenth_may_come_at_once_but_not_at_the_beginning_of_a_life() {
        let mut limiter = alone(limit(100, 60));
        let first = greedy(&mut limiter, start(), Duration::from_millis(1));
        assert_eq!(first.len(), 1, "what the life before has called is not known");
        let later_on = later(start(), Duration::from_mins(1));
        let burst = greedy(&mut limiter, later_on, Duration::from_millis(1));
        assert_eq!(burst.len(), 10);
    }

    #[test]
    fn a_node_that_comes_upon_others_waits_until_they_have_heard_of_it() {
        let mut limiter = RateLimiter::new(Some(limit(100, 60)));
        let wait = Duration::from_secs(10);
        assert!(limiter.check(start()).is_err(), "nobody has counted them");
        limiter.share(nodes(2), start(), wait);
        assert_eq!(limiter.check(start()), Err(later(start(), wait)));
        let mut alone = alone(limit(100, 60));
        assert_eq!(alone.check(start()), Ok(()));
        alone.count(start());
        alone.share(nodes(2), start(), wait);
        assert!(
            alone.check(start()).unwrap_err() < later(start(), wait),
            "it was there before"
        );
    }

    #[test]
    fn the_next_life_of_a_node_begins_with_nothing() {
        let mut limiter = alone(limit(100, 60));
        limiter.check(start()).unwrap();
        let much_later = later(start(), Duration::from_hours(1));
        let mut anew = limiter.anew();
        assert!(anew.check(much_later).is_err(), "nobody has counted the nodes");
        let wait = Duration::from_secs(10);
        anew.share(nodes(2), much_later, wait);
        assert_eq!(anew.check(much_later), Err(later(much_later, wait)));
        let first = greedy(&mut anew, later(much_later, wait), Duration::from_millis(1));
        assert_eq!(first.len(), 1);
    }

    #[test]
    fn who_inherits_a_share_inherits_no_burst() {
        let mut limiter = RateLimiter::new(Some(limit(100, 60)));
        limiter.share(nodes(2), start(), Duration::ZERO);
        limiter.check(start()).unwrap();
        let long_after = later(start(), Duration::from_mins(5));
        limiter.share(nodes(1), long_after, Duration::ZERO);
        let first = greedy(&mut limiter, long_after, Duration::from_millis(1));
        assert_eq!(first.len(), 1, "the other may have called just now");
        limiter.share(nodes(1), later(long_after, Duration::from_mins(1)), Duration::ZERO);
        let burst = greedy(
            &mut limiter,
            later(long_after, Duration::from_mins(1)),
            Duration::from_millis(1),
        );
        assert_eq!(burst.len(), 10, "nothing has changed meanwhile");
    }

    proptest! {
        /// However many nodes share it, and however many calls there are to make.
        #[test]
        fn no_period_has_more_than_the_limit(calls in 1_u32..300, seconds in 1_u64..120, count in 1_u32..6) {
            let quota = limit(calls, seconds);
            let period = quota.limit_refresh_period;
            let mut made = Vec::new();
            for node in 0..count {
                let mut limiter = RateLimiter::new(Some(quota));
                limiter.share(nodes(count), start(), Duration::ZERO);
                let from = later(start(), period * node / 7);
                made.extend(greedy(&mut limiter, from, period * 3));
            }
            // Where there are fewer calls than nodes, each node may make one.
            let most = u64::from(calls.max(count));
            prop_assert!(most_in(period, made.clone()) <= most, "{}", most_in(period, made));
        }
    }
}
