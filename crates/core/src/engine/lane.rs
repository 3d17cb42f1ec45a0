//! One channel's bulkhead: how many calls are out, and who waits for a place.
//!
//! What waits here is already in the database, so a full lane costs nothing
//! but time, and only that channel's.

use std::collections::{BTreeSet, VecDeque};

use crate::ids::DistributionId;
use crate::resilience::budget::RetryBudget;

#[derive(Debug)]
pub(super) struct Lane {
    concurrency: usize,
    out: usize,
    /// Numbers of calls whose answer is still to come.
    under_way: BTreeSet<u64>,
    queue: VecDeque<DistributionId>,
    /// Of the retries of all its deliveries together.
    pub(super) budget: RetryBudget,
}

impl Lane {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            concurrency,
            out: 0,
            under_way: BTreeSet::new(),
            queue: VecDeque::new(),
            budget: RetryBudget::default(),
        }
    }

    /// Waits for a place.
    pub(super) fn queue(&mut self, id: DistributionId) {
        self.queue.push_back(id);
    }

    /// A call is made.
    pub(super) fn call(&mut self, number: u64) {
        self.under_way.insert(number);
    }

    /// An answer has come; says whether it is the first to its call.
    pub(super) fn hear(&mut self, number: u64) -> bool {
        self.under_way.remove(&number)
    }

    /// Whether an answer is still to come.
    pub(super) fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Gives a place back; the next in the queue is called by [`Lane::admit`].
    pub(super) fn release(&mut self) {
        self.out = self.out.saturating_sub(1);
    }

    /// The next in the queue, with a place, if there is one.
    pub(super) fn admit(&mut self) -> Option<DistributionId> {
        if self.out >= self.concurrency {
            return None;
        }
        let next = self.queue.pop_front()?;
        self.out += 1;
        Some(next)
    }

    pub(super) fn out(&self) -> usize {
        self.out
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }
}
