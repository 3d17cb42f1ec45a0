//! One channel's bulkhead: how many calls are out, who waits for a place, how
//! often the channel is called, and whether it is at all.
//!
//! What waits here is already in the database, so a full lane costs nothing
//! but time, and only that channel's. Where several tenants use it, none has all of
//! its places: one whose calls hang would keep the others waiting.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::account::{Accounts, Gate};
use super::attempt::Next;
use super::breaker::Leave;
use super::queue::FairQueue;
use crate::ids::{DistributionId, TenantId};
use crate::resilience::breaker::BreakerSettings;
use crate::resilience::rate_limiter::{RateLimit, RateLimiter};
use crate::resilience::retry::later;

#[derive(Debug)]
pub(super) struct Lane {
    concurrency: usize,
    out: usize,
    /// Calls whose answer is still to come, with the breakers' leave for each.
    under_way: BTreeMap<u64, Leave>,
    /// What has not begun waits here for a place,
    queue: FairQueue,
    /// and behind this one: what is under way.
    under_way_queue: FairQueue,
    /// Behind both, nobody waits for it: what the channel took is to be asked about.
    looks: FairQueue,
    /// Until when each tenant's part of what waits for the quota is told to wait.
    promised: BTreeMap<TenantId, Timestamp>,
    /// How often the channel is called.
    pub(super) limiter: RateLimiter,
    /// When its quota lets the next one through, where it holds one back.
    pub(super) resumes_at: Option<Timestamp>,
    /// Whether the channel is called,
    pub(super) gate: Gate,
    /// and with whose account.
    pub(super) accounts: Accounts,
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
            limiter: RateLimiter::new(limit),
            resumes_at: None,
            gate: Gate::new(breaker),
            accounts: Accounts::new(breaker),
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
        self.gate.begin_anew();
        self.accounts.begin_anew();
    }

    /// The breaker that a tenant's account has, or the channel's.
    pub(super) fn gate_of(&mut self, account: Option<&TenantId>) -> &mut Gate {
        match account {
            Some(tenant) => &mut self.accounts.of(tenant).gate,
            None => &mut self.gate,
        }
    }

    /// Waits for a place; what is under way goes before what has not begun, and both
    /// before a look.
    pub(super) fn queue(&mut self, tenant: &TenantId, id: DistributionId, next: Next, now: Timestamp) {
        self.let_go(tenant, id);
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

    /// It waits for no breaker any more.
    fn let_go(&mut self, tenant: &TenantId, id: DistributionId) {
        self.gate.let_go(id);
        self.accounts.let_go(tenant, id);
    }

    /// It has left the memory.
    pub(super) fn forget(&mut self, tenant: &TenantId, id: DistributionId) {
        self.let_go(tenant, id);
        self.queue.remove(tenant, id);
        self.under_way_queue.remove(tenant, id);
        self.looks.remove(tenant, id);
    }

    /// A call is made.
    pub(super) fn call(&mut self, number: u64, leave: Leave) {
        self.under_way.insert(number, leave);
    }

    /// An answer has come: the leave for its call, if it is the first to it.
    pub(super) fn hear(&mut self, number: u64) -> Option<Leave> {
        self.under_way.remove(&number)
    }

    /// Whether an answer is still to come.
    pub(super) fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Gives a tenant's place back; the next in the queue is called by [`Lane::admit`].
    pub(super) fn release(&mut self, tenant: &TenantId) {
        self.out = self.out.saturating_sub(1);
        self.accounts.give_place_back(tenant);
    }

    /// The next in the queue, and whose it is, with a place, if there is one for it.
    pub(super) fn admit(&mut self, now: Timestamp) -> Option<(TenantId, DistributionId)> {
        if self.out >= self.concurrency {
            return None;
        }
        let most = self.most_of_one();
        let may = |tenant: &TenantId| self.accounts.places(tenant) < most;
        let next = self.under_way_queue.pop(now, may);
        let next = next.or_else(|| self.queue.pop(now, may));
        let (tenant, next) = next.or_else(|| self.looks.pop(now, may))?;
        self.out += 1;
        self.accounts.take_place(&tenant);
        Some((tenant, next))
    }

    /// Places that one tenant may have: a quarter is left to others as soon as there is a
    /// second tenant.
    fn most_of_one(&self) -> usize {
        if self.accounts.len() < 2 {
            return self.concurrency;
        }
        (self.concurrency - self.concurrency.div_ceil(4)).max(1)
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
