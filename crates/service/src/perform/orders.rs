//! Orders of operators are numbered as they were kept, and read again and again: of
//! each kind only one that is newer than the last counts.

use std::collections::BTreeMap;

/// The number of the last order of each kind.
#[derive(Debug)]
pub(super) struct Newest<K>(BTreeMap<K, u64>);

impl<K> Default for Newest<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Newest<K> {
    /// Whether an order of that number has not been heard yet; from now on it has.
    pub(super) fn hears(&mut self, of: K, number: u64) -> bool {
        let last = self.0.entry(of).or_default();
        let is_new = number > *last;
        *last = number.max(*last);
        is_new
    }

    /// The number of the last order of that kind; 0 where there was none.
    pub(super) fn last(&self, of: &K) -> u64 {
        self.0.get(of).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_counts_once_and_an_older_one_never() {
        let mut newest = Newest::default();
        let heard = [("a", 2), ("a", 2), ("a", 1), ("b", 1), ("a", 3)].map(|(of, number)| newest.hears(of, number));
        assert_eq!(heard, [true, false, false, true, true]);
    }
}
