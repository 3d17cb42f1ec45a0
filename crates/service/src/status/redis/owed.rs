//! Marks that Redis does not have yet: what moves is noted here first, and
//! struck out once Redis has noted it too.
//!
//! While Redis is away it may keep a state that the database has left behind.
//! As long as a mark is owed, nothing that Redis says of that event is believed.
//! The list is bounded; beyond it nothing is believed that was put before.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::status::Order;

/// Events that are remembered; some 10 MB.
const MOST: usize = 65_536;

/// What was put up to so long after a mark was forgotten is not believed: time
/// for puts that were on their way, and for nodes whose clocks are ahead.
const MARGIN: Duration = Duration::from_secs(5);

/// The list.
#[derive(Debug, Default)]
pub(super) struct Owed {
    marks: HashMap<String, Order>,
    /// What was put before is not believed.
    distrusted_until: Option<Timestamp>,
}

impl Owed {
    /// Notes that this state moves.
    pub(super) fn note(&mut self, key: &str, order: Order, now: Timestamp) {
        if let Some(noted) = self.marks.get_mut(key) {
            *noted = order.max(*noted);
        } else if self.marks.len() < MOST {
            self.marks.insert(key.to_owned(), order);
        } else {
            let until = now.saturating_add(MARGIN).unwrap_or(Timestamp::MAX);
            self.distrusted_until = self.distrusted_until.max(Some(until));
        }
    }

    /// Redis knows of this state, or of a newer one.
    pub(super) fn settle(&mut self, key: &str, order: Order) {
        if self.marks.get(key).is_some_and(|noted| *noted <= order) {
            self.marks.remove(key);
        }
    }

    /// Whether a mark is owed.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.marks.contains_key(key)
    }

    /// Whether this state, or a newer one, is known to move.
    pub(super) fn outdates(&self, key: &str, order: Order) -> bool {
        self.marks.get(key).is_some_and(|noted| *noted >= order)
    }

    /// Whether what was put at that time may be believed.
    pub(super) fn believes(&self, put_at: Timestamp) -> bool {
        self.distrusted_until.is_none_or(|until| put_at > until)
    }

    /// All that is owed.
    pub(super) fn all(&self) -> Vec<(String, Order)> {
        self.marks.iter().map(|(key, order)| (key.clone(), *order)).collect()
    }
}

#[cfg(test)]
mod tests {
    use fanfare_core::ids::DistributionId;
    use uuid::Uuid;

    use super::*;

    fn order(number: u32) -> Order {
        (DistributionId(Uuid::nil()), number)
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_mark_is_owed_until_redis_knows_at_least_as_much() {
        let mut owed = Owed::default();
        owed.note("k", order(3), NOW);
        owed.note("k", order(2), NOW);
        owed.settle("k", order(2));
        assert!(owed.holds("k") && owed.outdates("k", order(3)) && !owed.outdates("k", order(4)));
        owed.settle("other", order(9));
        assert_eq!(owed.all(), [("k".to_owned(), order(3))]);
        owed.settle("k", order(4));
        assert!(!owed.holds("k") && owed.believes(NOW));
    }

    #[test]
    fn beyond_its_bound_nothing_older_is_believed() {
        let mut owed = Owed::default();
        for number in 0..MOST {
            owed.note(&number.to_string(), order(1), NOW);
        }
        assert!(owed.believes(NOW));
        owed.note("0", order(2), NOW);
        assert!(owed.believes(NOW), "a known event takes no further room");
        owed.note("one more", order(1), NOW);
        assert_eq!(owed.all().len(), MOST);
        assert!(!owed.believes(NOW + MARGIN) && owed.believes(NOW + 2 * MARGIN));
    }
}
