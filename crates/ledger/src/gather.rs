//! When gathered writes are committed, and which: decided purely.
//!
//! Time is passed in and nothing is written here; `group_commit.rs` does what
//! this decides.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// When a commit begins, and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherSettings {
    /// So many changes begin a commit. Default 64.
    pub trigger: usize,
    /// So long the oldest waits at most, once the last commit is done.
    /// Default 1 ms: timers round up to the next whole one, so that it is up to 2 ms.
    pub max_wait: Duration,
    /// So many a commit takes at most. Default 512.
    pub max_batch: usize,
}

impl Default for GatherSettings {
    fn default() -> Self {
        Self {
            trigger: 64,
            max_wait: Duration::from_millis(1),
            max_batch: 512,
        }
    }
}

/// Changes that wait for the next commit.
#[derive(Debug)]
pub struct Gather<T> {
    settings: GatherSettings,
    waiting: VecDeque<(Instant, T)>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is written and nothing waits: the next change is not kept waiting.
    Idle,
    /// A commit is under way.
    Committing,
    /// A commit has just ended and more has gathered meanwhile.
    Gathering,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Commit this, then say [`Gather::committed`].
    Commit(Vec<T>),
    /// Wait for another change, but ask again at this time.
    WaitUntil(Instant),
    /// Wait for another change, or for the commit that is under way.
    Wait,
}

impl<T> Gather<T> {
    /// With nothing gathered.
    pub fn new(settings: GatherSettings) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            state: State::Idle,
        }
    }

    /// One more change, which came at this time.
    pub fn push(&mut self, change: T, came_at: Instant) {
        self.waiting.push_back((came_at, change));
    }

    /// The commit that was under way has ended, well or badly.
    pub fn committed(&mut self) {
        self.state = if self.waiting.is_empty() {
            State::Idle
        } else {
            State::Gathering
        };
    }

    /// What is to be done next. Nobody can come any more where it is `closing`:
    /// then waiting has no use.
    pub fn next(&mut self, now: Instant, closing: bool) -> Next<T> {
        let Some((oldest, _)) = self.waiting.front() else {
            return Next::Wait;
        };
        let due_at = *oldest + self.settings.max_wait;
        let enough = self.waiting.len() >= self.settings.trigger || now >= due_at || closing;
        match self.state {
            State::Committing => Next::Wait,
            State::Gathering if !enough => Next::WaitUntil(due_at),
            State::Idle | State::Gathering => Next::Commit(self.take()),
        }
    }

    fn take(&mut self) -> Vec<T> {
        self.state = State::Committing;
        let count = self.waiting.len().min(self.settings.max_batch);
        self.waiting.drain(..count).map(|(_, change)| change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(count: u32, came_at: Instant) -> Gather<u32> {
        let mut gather = Gather::new(GatherSettings::default());
        gather.push(0, came_at);
        assert_eq!(gather.next(came_at, false), Next::Commit(vec![0]));
        for change in 1..=count {
            gather.push(change, came_at);
        }
        gather
    }

    #[test]
    fn while_a_commit_is_under_way_nothing_is_committed() {
        let now = Instant::now();
        let mut gather = gathered(1000, now);
        let later = now + Duration::from_secs(9);
        assert_eq!(gather.next(later, false), Next::Wait);
        assert_eq!(gather.next(later, true), Next::Wait);
    }

    #[test]
    fn sixty_four_changes_begin_a_commit_and_sixty_three_wait() {
        let now = Instant::now();
        let mut gather = gathered(63, now);
        gather.committed();
        let due_at = now + GatherSettings::default().max_wait;
        assert_eq!(gather.next(now, false), Next::WaitUntil(due_at));
        gather.push(64, now);
        assert_eq!(gather.next(now, false), Next::Commit((1..=64).collect()));
    }

    #[test]
    fn the_oldest_waits_no_longer_than_it_may_since_it_came() {
        let now = Instant::now();
        let mut gather = gathered(1, now);
        gather.push(2, now + Duration::from_micros(500));
        gather.committed();
        let due_at = now + GatherSettings::default().max_wait;
        assert_eq!(gather.next(now, false), Next::WaitUntil(due_at));
        assert_eq!(gather.next(due_at, false), Next::Commit(vec![1, 2]));
    }

    #[test]
    fn a_commit_takes_at_most_512_and_the_rest_follows() {
        let now = Instant::now();
        let mut gather = gathered(600, now);
        gather.committed();
        assert_eq!(gather.next(now, false), Next::Commit((1..=512).collect()));
        gather.committed();
        assert_eq!(gather.next(now, false), Next::Commit((513..=600).collect()));
    }

    #[test]
    fn when_closing_nobody_waits() {
        let now = Instant::now();
        let mut gather = gathered(1, now);
        gather.committed();
        assert_eq!(gather.next(now, true), Next::Commit(vec![1]));
        gather.committed();
        assert_eq!(gather.next(now, true), Next::Wait);
    }
}
