//! When gathered writes are committed, and which: decided purely.
//!
//! Time is passed in and nothing is written here; `group_commit.rs` does what
//! this decides. One commit of many writes costs little more than one of few, so
//! a second one is begun beside the first only where that has its reason: as many
//! wait as make a commit of their own, or the first takes long.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use fanfare_core::ids::DistributionId;
use tokio::time::Instant;

/// When a commit begins, and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherSettings {
    /// So many changes begin a commit, also beside another. Default 64.
    pub trigger: usize,
    /// So long the oldest waits at most, once the last commit is done.
    /// Default 1 ms: timers round up to the next whole one, so that it is up to 2 ms.
    pub max_wait: Duration,
    /// So long the oldest waits for a commit that is under way; then another begins
    /// beside it, where the store does several at once. Default 25 ms: a commit that
    /// waits for somebody's lock does not hold up all others.
    pub max_behind: Duration,
    /// So many a commit takes at most. Default 512.
    pub max_batch: usize,
}

impl Default for GatherSettings {
    fn default() -> Self {
        Self {
            trigger: 64,
            max_wait: Duration::from_millis(1),
            max_behind: Duration::from_millis(25),
            max_batch: 512,
        }
    }
}

/// Changes that wait for the next commit. A distribution's are never in two commits
/// at once, so that they stay in their order.
#[derive(Debug)]
pub struct Gather<T> {
    settings: GatherSettings,
    /// So many commits may be under way at once.
    writers: usize,
    /// May be committed now.
    waiting: VecDeque<Waiting<T>>,
    /// Of a distribution that is in a commit under way.
    held: VecDeque<Waiting<T>>,
    /// What is in a commit under way.
    committing: HashSet<DistributionId>,
    commits: usize,
    /// Nothing was under way and nothing waited: the next change is not kept waiting.
    idle: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    came_at: Instant,
    id: DistributionId,
    change: T,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Commit this, then say [`Gather::committed`].
    Commit(Vec<T>),
    /// Wait for another change or for a commit that is under way, but ask again at
    /// this time.
    WaitUntil(Instant),
    /// Wait for another change, or for a commit that is under way.
    Wait,
}

impl<T> Gather<T> {
    /// With nothing gathered, for a store that does so many commits well at once.
    pub fn new(settings: GatherSettings, writers: usize) -> Self {
        Self {
            settings,
            writers: writers.max(1),
            waiting: VecDeque::new(),
            held: VecDeque::new(),
            committing: HashSet::new(),
            commits: 0,
            idle: true,
        }
    }

    /// One more change, of this distribution, which came at this time.
    pub fn push(&mut self, id: DistributionId, change: T, came_at: Instant) {
        let one_more = Waiting { came_at, id, change };
        if self.committing.contains(&id) {
            self.held.push_back(one_more);
        } else {
            self.waiting.push_back(one_more);
        }
    }

    /// A commit of these distributions, once each or more, has ended, well or badly.
    pub fn committed(&mut self, ids: &[DistributionId]) {
        for id in ids {
            self.committing.remove(id);
        }
        self.commits -= 1;
        let held = std::mem::take(&mut self.held);
        let (held, free) = held.into_iter().partition(|one| self.committing.contains(&one.id));
        self.held = held;
        // What was held came before most of what has gathered meanwhile.
        let gathered = std::mem::replace(&mut self.waiting, free);
        self.waiting.extend(gathered);
        self.idle = self.commits == 0 && self.waiting.is_empty();
    }

    /// What is to be done next. Nobody can come any more where it is `closing`:
    /// then waiting for company has no use.
    pub fn next(&mut self, now: Instant, closing: bool) -> Next<T> {
        let Some(oldest) = self.waiting.front() else {
            return Next::Wait;
        };
        let company = if self.commits == 0 {
            self.settings.max_wait
        } else {
            self.settings.max_behind
        };
        let due_at = oldest.came_at + company;
        let enough = self.waiting.len() >= self.settings.trigger || now >= due_at;
        let at_once = self.commits == 0 && (self.idle || closing);
        match self.commits < self.writers {
            true if enough || at_once => Next::Commit(self.take()),
            true => Next::WaitUntil(due_at),
            false => Next::Wait,
        }
    }

    fn take(&mut self) -> Vec<T> {
        self.commits += 1;
        self.idle = false;
        let count = self.waiting.len().min(self.settings.max_batch);
        let rest = self.waiting.split_off(count);
        let taken = std::mem::replace(&mut self.waiting, rest);
        self.committing.extend(taken.iter().map(|one| one.id));
        self.hold_back();
        taken.into_iter().map(|one| one.change).collect()
    }

    /// More of what has just been taken, where a batch was full.
    fn hold_back(&mut self) {
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            let (held, free): (VecDeque<_>, _) = waiting.into_iter().partition(|one| self.committing.contains(&one.id));
            self.waiting = free;
            self.held.extend(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u32) -> DistributionId {
        DistributionId(Uuid::from_u128(number.into()))
    }

    /// Each change is of a distribution of its own, 0 of which is being committed.
    fn gathered(writers: usize, count: u32, came_at: Instant) -> Gather<u32> {
        let mut gather = Gather::new(GatherSettings::default(), writers);
        gather.push(id(0), 0, came_at);
        assert_eq!(gather.next(came_at, false), Next::Commit(vec![0]));
        for change in 1..=count {
            gather.push(id(change), change, came_at);
        }
        gather
    }

    #[test]
    fn while_the_only_commit_is_under_way_nothing_is_committed() {
        let now = Instant::now();
        let mut gather = gathered(1, 1000, now);
        let later = now + Duration::from_secs(9);
        assert_eq!(gather.next(later, false), Next::Wait);
        assert_eq!(gather.next(later, true), Next::Wait);
    }

    #[test]
    fn sixty_four_changes_begin_a_commit_and_sixty_three_wait() {
        let now = Instant::now();
        let mut gather = gathered(1, 63, now);
        gather.committed(&[id(0)]);
        let due_at = now + GatherSettings::default().max_wait;
        assert_eq!(gather.next(now, false), Next::WaitUntil(due_at));
        gather.push(id(64), 64, now);
        assert_eq!(gather.next(now, false), Next::Commit((1..=64).collect()));
    }

    #[test]
    fn the_oldest_waits_no_longer_than_it_may_since_it_came() {
        let now = Instant::now();
        let mut gather = gathered(1, 1, now);
        gather.push(id(2), 2, now + Duration::from_micros(500));
        gather.committed(&[id(0)]);
        let due_at = now + GatherSettings::default().max_wait;
        assert_eq!(gather.next(now, false), Next::WaitUntil(due_at));
        assert_eq!(gather.next(due_at, false), Next::Commit(vec![1, 2]));
    }

    #[test]
    fn a_commit_takes_at_most_512_and_the_rest_follows() {
        let now = Instant::now();
        let mut gather = gathered(1, 600, now);
        gather.committed(&[id(0)]);
        assert_eq!(gather.next(now, false), Next::Commit((1..=512).collect()));
        gather.committed(&(1..=512).map(id).collect::<Vec<_>>());
        assert_eq!(gather.next(now, false), Next::Commit((513..=600).collect()));
    }

    #[test]
    fn when_closing_nobody_waits() {
        let now = Instant::now();
        let mut gather = gathered(1, 1, now);
        gather.committed(&[id(0)]);
        assert_eq!(gather.next(now, true), Next::Commit(vec![1]));
        gather.committed(&[id(1)]);
        assert_eq!(gather.next(now, true), Next::Wait);
    }

    #[test]
    fn a_second_commit_begins_beside_the_first_for_as_many_as_make_one() {
        let now = Instant::now();
        let mut gather = gathered(2, 63, now);
        let behind = now + GatherSettings::default().max_behind;
        assert_eq!(gather.next(now, false), Next::WaitUntil(behind));
        gather.push(id(64), 64, now);
        assert_eq!(gather.next(now, false), Next::Commit((1..=64).collect()));
        gather.push(id(65), 65, now);
        assert_eq!(gather.next(behind, false), Next::Wait, "both are under way");
    }

    #[test]
    fn a_commit_that_takes_long_does_not_hold_up_others() {
        let now = Instant::now();
        let mut gather = gathered(2, 1, now);
        let behind = now + GatherSettings::default().max_behind;
        assert_eq!(gather.next(behind, false), Next::Commit(vec![1]));
        gather.committed(&[id(1)]);
        gather.push(id(2), 2, behind);
        let again = behind + GatherSettings::default().max_behind;
        assert_eq!(gather.next(behind, false), Next::WaitUntil(again), "the first still is");
        gather.committed(&[id(0)]);
        assert_eq!(gather.next(again, false), Next::Commit(vec![2]));
    }

    #[test]
    fn a_distribution_is_never_in_two_commits_at_once() {
        let now = Instant::now();
        let mut gather = gathered(3, 0, now);
        gather.push(id(0), 100, now);
        for change in 1..=512 {
            gather.push(id(change), change, now);
        }
        // Of the last one that the next batch takes.
        gather.push(id(512), 1512, now);
        assert_eq!(gather.next(now, false), Next::Commit((1..=512).collect()));
        let later = now + Duration::from_secs(9);
        assert_eq!(gather.next(later, false), Next::Wait, "both are held back");
        gather.push(id(513), 513, later);
        gather.committed(&[id(0)]);
        assert_eq!(gather.next(later, false), Next::Commit(vec![100, 513]), "in order");
        gather.committed(&(1..=512).map(id).collect::<Vec<_>>());
        assert_eq!(gather.next(later, false), Next::Commit(vec![1512]));
    }
}
