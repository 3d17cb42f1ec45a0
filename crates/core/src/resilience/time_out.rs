//! How long a call that only polls is waited for: as TCP waits for an answer.
//!
//! A fixed deadline must fit the slowest channel, and so holds a place of a hung
//! channel's lane for far longer than that channel ever takes. What is learned here
//! lets such a call be given up early. It is not for calls that may have an effect, or
//! that find out whether one came to be: to give up on one of those leaves a doubt.
//!
//! The rules are those of RFC 6298, §2 and §5, and Karn's: a call that was given up
//! teaches nothing but to wait longer.

use std::time::Duration;

/// What the last answers of one channel took, and so how long the next may.
#[derive(Debug, Clone, Copy)]
pub struct TimeOut {
    least: Duration,
    most: Duration,
    seen: Option<Seen>,
    /// Twice as long for each call that was given up since the last answer.
    doubled: u32,
}

/// RFC 6298's `SRTT` and `RTTVAR`.
#[derive(Debug, Clone, Copy)]
struct Seen {
    smoothed: Duration,
    variation: Duration,
}

impl TimeOut {
    /// Never less than `least`, never more than `most`, which is the deadline; and
    /// that until an answer has been seen.
    pub fn new(least: Duration, most: Duration) -> Self {
        Self {
            least: least.min(most),
            most,
            seen: None,
            doubled: 0,
        }
    }

    /// How long the next call may take.
    pub fn allowed(&self) -> Duration {
        let Some(seen) = self.seen else { return self.most };
        let base = seen
            .smoothed
            .saturating_add(seen.variation.saturating_mul(4))
            .max(self.least);
        let factor = 1_u32.checked_shl(self.doubled).unwrap_or(u32::MAX);
        base.saturating_mul(factor).min(self.most)
    }

    /// An answer came after `took`, whatever it said.
    pub fn answered(&mut self, took: Duration) {
        self.doubled = 0;
        self.seen = Some(self.seen.map_or_else(
            || Seen {
                smoothed: took,
                variation: took / 2,
            },
            |seen| seen.after(took),
        ));
    }

    /// A call was given up: the next is waited for twice as long.
    pub fn given_up(&mut self) {
        // So many make any time longer than any deadline.
        self.doubled = (self.doubled + 1).min(u32::BITS - 1);
    }
}

impl Seen {
    /// `alpha` 1/8 and `beta` 1/4, the variation first.
    fn after(self, took: Duration) -> Self {
        let off = self.smoothed.abs_diff(took);
        Self {
            variation: self.variation * 3 / 4 + off / 4,
            smoothed: self.smoothed * 7 / 8 + took / 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn taught(times: impl IntoIterator<Item = u64>) -> TimeOut {
        let mut time_out = TimeOut::new(ms(1_000), ms(10_000));
        times.into_iter().for_each(|took| time_out.answered(ms(took)));
        time_out
    }

    #[test]
    fn the_whole_deadline_is_given_until_an_answer_was_seen() {
        assert_eq!(taught([]).allowed(), ms(10_000));
        let mut silent = taught([]);
        silent.given_up();
        assert_eq!(silent.allowed(), ms(10_000));
    }

    #[test]
    fn it_follows_the_worked_rules_of_the_rfc() {
        // R = 800: SRTT 800, RTTVAR 400, RTO 800 + 4 × 400.
        assert_eq!(taught([800]).allowed(), ms(2_400));
        // R' = 1600: RTTVAR 3/4 × 400 + 1/4 × 800 = 500, SRTT 7/8 × 800 + 1/8 × 1600 = 900.
        assert_eq!(taught([800, 1_600]).allowed(), ms(2_900));
    }

    #[test]
    fn a_quick_channel_is_given_the_least_and_a_slow_one_the_deadline_at_most() {
        assert_eq!(taught([20; 50]).allowed(), ms(1_000));
        let slow = taught([9_000; 50]).allowed();
        assert!((ms(8_990)..ms(9_010)).contains(&slow), "{slow:?}");
        assert_eq!(taught([20, 9_000]).allowed(), ms(10_000));
    }

    #[test]
    fn what_is_given_up_doubles_it_until_an_answer_comes() {
        let mut time_out = taught([20; 50]);
        let allowed: Vec<u128> = (0..5)
            .map(|_| {
                time_out.given_up();
                time_out.allowed().as_millis()
            })
            .collect();
        assert_eq!(allowed, [2_000, 4_000, 8_000, 10_000, 10_000]);
        (0..100).for_each(|_| time_out.given_up());
        assert_eq!(time_out.allowed(), ms(10_000));
        time_out.answered(ms(20));
        assert_eq!(time_out.allowed(), ms(1_000));
    }

    #[test]
    fn the_least_is_no_more_than_the_deadline() {
        let mut time_out = TimeOut::new(ms(1_000), ms(300));
        time_out.answered(ms(1));
        assert_eq!(time_out.allowed(), ms(300));
    }
}
