//! One channel's bulkhead: how many calls are out, who waits for a place, how
//! often the channel is called, and whether it is at all.
//!
//! What waits here is already in the database, so a full lane costs nothing
//! but time, and only that channel's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::attempt::Next;
use super::queue::FairQueue;
use crate::ids::{DistributionId, TenantId};
use crate::resilience::breaker::{BreakerSettings, CircuitBreaker, Permit};
use crate::resilience::budget::RetryBudget;
use crate::resilience::rate_limiter::{RateLimit, RateLimiter};
use crate::resilience::retry::later;

#[derive(Debug)]
pub(super) struct Lane {
    concurrency: usize,
    out: usize,
    /// Calls whose answer is still to come, with the breaker's leave for each.
    under_way: BTreeMap<u64, Permit>,
    /// What has not begun waits here for a place,
    queue: FairQueue,
    /// and behind this one: what is under way.
    under_way_queue: FairQueue,
    /// Behind both, nobody waits for it: what the channel took is to be asked about.
    looks: FairQueue,
    /// Until when each tenant's part of what waits for the quota is told to wait.
    promised: BTreeMap<TenantId, Timestamp>,
    /// Of the retries of all its deliveries together.
    pub(super) budget: RetryBudget,
    /// How often the channel is called.
    pub(super) limiter: RateLimiter,
    /// When its quota lets the next one through, where it holds one back.
    pub(super) resumes_at: Option<Timestamp>,
    /// Whether the channel is called.
    pub(super) breaker: CircuitBreaker,
    /// What the breaker holds back, to go on as soon as it closes.
    held: BTreeSet<DistributionId>,
}

impl Lane {
    pub(super) fn new(concurrency: usize, limit: Option<RateLimit>, breaker: BreakerSettings) -> Self {
        Self {
            concurrency,
            out: 0,
            under_way: BTreeMap::new(),
            queue: FairQueue::default(),
            under_way_queue: FairQueue::default(),
            looks: FairQueue::default(),
            promised: BTreeMap::new(),
            budget: RetryBudget::default(),
            limiter: RateLimiter::new(limit),
            resumes_at: None,
            breaker: CircuitBreaker::new(breaker),
            held: BTreeSet::new(),
        }
    }

    /// Of the node's next life: what is known of the channel is kept. Permits of
    /// calls that are still out are lost with the calls.
    pub(super) fn begin_anew(&mut self) {
        self.out = 0;
        self.under_way.clear();
        self.queue = FairQueue::default();
        self.under_way_queue = FairQueue::default();
        self.looks = FairQueue::default();
        self.promised.clear();
        self.limiter = self.limiter.anew();
        self.resumes_at = None;
        self.budget = RetryBudget::default();
        self.held.clear();
    }

    /// Waits for a place; what is under way goes before what has not begun, and both
    /// before a look.
    pub(super) fn queue(&mut self, tenant: &TenantId, id: DistributionId, next: Next, now: Timestamp) {
        self.held.remove(&id);
        let queue = match next {
            Next::Begin => &mut self.queue,
            Next::Step | Next::LookUp | Next::Withdraw => &mut self.under_way_queue,
            Next::Observe => &mut self.looks,
        };
        queue.push(tenant, id, now);
    }

    /// All that waits for a place; it waits no longer.
    pub(super) fn take_queue(&mut self) -> Vec<DistributionId> {
        let mut all = self.under_way_queue.take();
        all.append(&mut self.queue.take());
        all.append(&mut self.looks.take());
        all
    }

    /// When one more of a tenant's that wait for the quota may ask again: each
    /// tenant's ask one by one, and take turns with the others' then.
    pub(super) fn promise(&self, tenant: &TenantId, now: Timestamp, soonest: Timestamp) -> Timestamp {
        let last = self.promised.get(tenant).copied().filter(|last| *last > now);
        last.map_or(soonest, |last| later(last, self.limiter.interval()).max(soonest))
    }

    /// It waits until then.
    pub(super) fn keep_promise(&mut self, tenant: &TenantId, at: Timestamp) {
        self.promised.insert(tenant.clone(), at);
    }

    /// Waits for the breaker.
    pub(super) fn hold(&mut self, id: DistributionId) {
        self.held.insert(id);
    }

    /// Of what waits for the breaker, the oldest; it waits no longer.
    pub(super) fn next_held(&mut self) -> Option<DistributionId> {
        self.held.pop_first()
    }

    /// It has left the memory.
    pub(super) fn forget(&mut self, tenant: &TenantId, id: DistributionId) {
        self.held.remove(&id);
        self.queue.remove(tenant, id);
        self.under_way_queue.remove(tenant, id);
        self.looks.remove(tenant, id);
    }

    /// A call is made.
    pub(super) fn call(&mut self, number: u64, permit: Permit) {
        self.under_way.insert(number, permit);
    }

    /// An answer has come: the leave for its call, if it is the first to it.
    pub(super) fn hear(&mut self, number: u64) -> Option<Permit> {
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
    pub(super) fn admit(&mut self, now: Timestamp) -> Option<DistributionId> {
        if self.out >= self.concurrency {
            return None;
        }
        let next = self.under_way_queue.pop(now).or_else(|| self.queue.pop(now));
        let next = next.or_else(|| self.looks.pop(now))?;
        self.out += 1;
        Some(next)
    }

    /// What has not begun and waits for nothing but a place.
    pub(super) fn ready(&self) -> &FairQueue {
        &self.queue
    }

    pub(super) fn out(&self) -> usize {
        self.out
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len() + self.under_way_queue.len() + self.looks.len()
    }

    /// Looks that wait.
    pub(super) fn looks(&self) -> usize {
        self.looks.len()
    }
}
