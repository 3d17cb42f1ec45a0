//! Who is next for a place in a lane: the tenants take turns, and of each one's
//! work what came first is next. So a tenant that announces a thousand events
//! keeps another's one waiting for one call, not for a thousand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ids::{DistributionId, TenantId};

#[derive(Debug, Default)]
pub(super) struct FairQueue {
    /// Those that have work here, the next one first.
    turns: VecDeque<TenantId>,
    work: BTreeMap<TenantId, VecDeque<DistributionId>>,
    /// All work: each stands here once.
    queued: BTreeSet<DistributionId>,
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
        self.turns.push_back(tenant.clone());
    }

    /// The next; its tenant's turn is over.
    pub(super) fn pop(&mut self) -> Option<DistributionId> {
        let tenant = self.turns.pop_front()?;
        let own = self.work.get_mut(&tenant)?;
        let next = own.pop_front()?;
        self.queued.remove(&next);
        if own.is_empty() {
            self.work.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        Some(next)
    }

    pub(super) fn len(&self) -> usize {
        self.queued.len()
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
}
