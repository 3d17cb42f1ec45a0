//! Alarms of the service itself: when one that is seen again is told again.
//!
//! Deliberately absent: how an alarm is over; that is when nobody has seen it for
//! a while, whatever its level was.

use jiff::Timestamp;

/// An alarm's level falls with what is seen only where that is so much less: two
/// nodes that see the one and the other side of a step do not tell it in turns.
const FALLS_BY: u64 = 2;

/// An alarm as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// How bad it is: a higher one is told again.
    pub level: u64,
    /// When somebody saw it last.
    pub seen_at: Timestamp,
}

impl Alarm {
    /// Somebody sees it at this level: how it is kept now, and whether it is told.
    pub fn seen(before: Option<Self>, level: u64, at: Timestamp) -> (Self, bool) {
        let Some(before) = before else {
            return (Self { level, seen_at: at }, true);
        };
        let has_fallen = level.saturating_add(FALLS_BY) <= before.level;
        let now = Self {
            level: if has_fallen { level } else { level.max(before.level) },
            // A node that is slow does not make it older.
            seen_at: before.seen_at.max(at),
        };
        (now, level > before.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is told of these levels, seen second by second.
    fn told(levels: &[u64]) -> Vec<bool> {
        let mut alarm = None;
        let seen = levels.iter().zip(1..).map(|(level, second)| {
            let (now, is_told) = Alarm::seen(alarm, *level, at(second));
            assert_eq!(now.seen_at, at(second));
            alarm = Some(now);
            is_told
        });
        seen.collect()
    }

    #[test]
    fn more_is_told_and_as_much_is_not() {
        assert_eq!(told(&[1, 1, 2, 2]), [true, false, true, false]);
    }

    #[test]
    fn two_who_see_both_sides_of_a_step_do_not_tell_in_turns() {
        assert_eq!(told(&[6, 7, 6, 7, 6, 7]), [true, true, false, false, false, false]);
    }

    /// 64 dead letters, all but one of them replayed, and then 60.
    #[test]
    fn after_a_replay_new_ones_are_told_again() {
        assert_eq!(told(&[7, 1, 6, 6]), [true, false, true, false]);
    }

    #[test]
    fn a_slow_node_does_not_make_it_older() {
        let before = Alarm {
            level: 1,
            seen_at: at(9),
        };
        assert_eq!(Alarm::seen(Some(before), 1, at(4)), (before, false));
    }
}
