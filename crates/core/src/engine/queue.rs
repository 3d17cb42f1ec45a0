//! Who is next for a place in a lane: the tenant that has had none for longest, and
//! of its work what came first. So a tenant that announces a thousand events keeps
//! another's one waiting for one call, not for a thousand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ids::{DistributionId, TenantId};

#[derive(Debug, Default)]
pub(super) struct FairQueue {
    work: BTreeMap<TenantId, VecDeque<DistributionId>>,
    /// All work: each stands here once.
    queued: BTreeSet<DistributionId>,
    /// Those that have work here, by when their turn was, or when they came.
    turns: BTreeSet<(u64, TenantId)>,
    /// When each tenant's last turn was, also of those that have no work here now.
    last: BTreeMap<TenantId, u64>,
    /// Turns and arrivals so far.
    count: u64,
}

impl FairQueue {
    /// Behind its tenant's other work; nothing changes where it stands here already.
    pub(super) fn push(&mut self, tenant: &TenantId, id: DistributionId) {
        if !self.queued.insert(id) {
            return;
        }
        if let Some(own) = self.work.get_mut(tenant) {
            return own.push_back(id);
        }
        self.work.insert(tenant.clone(), VecDeque::from([id]));
        let turn = self.turn_of(tenant);
        self.turns.insert((turn, tenant.clone()));
    }

    /// The next; its tenant's turn is over.
    pub(super) fn pop(&mut self) -> Option<DistributionId> {
        let (_, tenant) = self.turns.pop_first()?;
        let own = self.work.get_mut(&tenant)?;
        let next = own.pop_front()?;
        self.queued.remove(&next);
        self.count += 1;
        self.last.insert(tenant.clone(), self.count);
        if own.is_empty() {
            self.work.remove(&tenant);
        } else {
            self.turns.insert((self.count, tenant));
        }
        Some(next)
    }

    /// All of it, in the order in which it came of each tenant, and nobody's turn.
    pub(super) fn take(&mut self) -> Vec<DistributionId> {
        self.turns.clear();
        self.queued.clear();
        std::mem::take(&mut self.work).into_values().flatten().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    /// One that has had no turn yet comes behind those that wait.
    fn turn_of(&mut self, tenant: &TenantId) -> u64 {
        if let Some(last) = self.last.get(tenant) {
            return *last;
        }
        self.count += 1;
        self.last.insert(tenant.clone(), self.count);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> DistributionId {
        DistributionId(Uuid::from_u128(number))
    }

    #[test]
    fn tenants_take_turns_and_each_ones_work_is_done_in_order() {
        let (many, one) = (TenantId::new("many"), TenantId::new("one"));
        let mut queue = FairQueue::default();
        for number in 1..=3 {
            queue.push(&many, id(number));
        }
        queue.push(&one, id(9));
        queue.push(&many, id(2));
        assert_eq!(queue.len(), 4, "each stands there once");
        assert_eq!(queue.pop(), Some(id(1)));
        queue.push(&many, id(1));
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, [id(9), id(2), id(3), id(1)]);
        assert_eq!(queue.len(), 0);
        queue.push(&one, id(9));
        assert_eq!(queue.pop(), Some(id(9)), "it may come again");
    }

    #[test]
    fn turns_are_remembered_of_who_went_away_in_between() {
        let (many, one) = (TenantId::new("many"), TenantId::new("one"));
        let mut queue = FairQueue::default();
        for round in 0..4 {
            queue.push(&many, id(1));
            queue.push(&one, id(2));
            let expected = if round % 2 == 0 { id(1) } else { id(2) };
            assert_eq!(queue.pop(), Some(expected), "round {round}");
            assert_eq!(queue.take().len(), 1);
        }
        assert_eq!((queue.len(), queue.pop()), (0, None));
    }
}
