//! Who is next for a place in a lane: the tenant that has had none for longest, and
//! of its work what came first. So a tenant that announces a thousand events keeps
//! another's one waiting for one call, not for a thousand. And how long it has
//! waited, and will: what follows from that is decided in `door.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::drain::Drain;
use crate::ids::{DistributionId, TenantId};

#[derive(Debug, Default)]
pub(super) struct FairQueue {
    /// Each tenant's, in the order in which it came, and since when it waits.
    work: BTreeMap<TenantId, VecDeque<(DistributionId, Timestamp)>>,
    /// Since when the first of each tenant's waits.
    firsts: BTreeSet<(Timestamp, TenantId)>,
    drain: Drain,
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
    pub(super) fn push(&mut self, tenant: &TenantId, id: DistributionId, now: Timestamp) {
        if !self.queued.insert(id) {
            return;
        }
        self.drain.begin(now);
        if let Some(own) = self.work.get_mut(tenant) {
            return own.push_back((id, now));
        }
        self.work.insert(tenant.clone(), VecDeque::from([(id, now)]));
        self.firsts.insert((now, tenant.clone()));
        let turn = self.turn_of(tenant);
        self.turns.insert((turn, tenant.clone()));
    }

    /// The next of those tenants that may have a turn now, and whose it is; that turn
    /// is over.
    pub(super) fn pop(
        &mut self,
        now: Timestamp,
        may: impl Fn(&TenantId) -> bool,
    ) -> Option<(TenantId, DistributionId)> {
        let turn = self.turns.iter().find(|(_, tenant)| may(tenant))?.clone();
        self.turns.remove(&turn);
        let (_, tenant) = turn;
        let own = self.work.get_mut(&tenant)?;
        let (next, since) = own.pop_front()?;
        self.queued.remove(&next);
        self.drain.take(now, self.queued.is_empty());
        self.firsts.remove(&(since, tenant.clone()));
        self.count += 1;
        self.last.insert(tenant.clone(), self.count);
        if let Some((_, since)) = own.front() {
            self.firsts.insert((*since, tenant.clone()));
            self.turns.insert((self.count, tenant.clone()));
        } else {
            self.work.remove(&tenant);
        }
        Some((tenant, next))
    }

    /// It waits no longer, though its turn has not come.
    pub(super) fn remove(&mut self, tenant: &TenantId, id: DistributionId) {
        if !self.queued.remove(&id) {
            return;
        }
        let Some(own) = self.work.get_mut(tenant) else { return };
        let first = own.front().map(|(_, since)| *since);
        own.retain(|(queued, _)| *queued != id);
        let next = own.front().map(|(_, since)| *since);
        if first != next {
            self.firsts.retain(|(_, whose)| whose != tenant);
            self.firsts.extend(next.map(|since| (since, tenant.clone())));
        }
        if next.is_none() {
            self.work.remove(tenant);
            self.turns.retain(|(_, whose)| whose != tenant);
        }
        if self.queued.is_empty() {
            self.drain.end();
        }
    }

    /// All of it, in the order in which it came of each tenant, and nobody's turn.
    pub(super) fn take(&mut self) -> Vec<DistributionId> {
        self.turns.clear();
        self.queued.clear();
        self.firsts.clear();
        self.drain.end();
        let work = std::mem::take(&mut self.work).into_values().flatten();
        work.map(|(id, _)| id).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    /// For how long the oldest has waited.
    pub(super) fn age(&self, now: Timestamp) -> Option<Duration> {
        self.firsts.first().map(|(since, _)| waited(*since, now))
    }

    /// How long one more of a tenant's would wait: as long as the first of its work has
    /// waited already, or as what goes before it will take. Nothing where it has none here.
    pub(super) fn wait_of(&self, tenant: &TenantId, now: Timestamp) -> Duration {
        let Some(own) = self.work.get(tenant) else {
            return Duration::ZERO;
        };
        let age = own.front().map(|(_, since)| waited(*since, now)).unwrap_or_default();
        // By turns, nobody goes before it more often than it goes itself.
        let before = self.work.values().map(|work| work.len().min(own.len())).sum();
        age.max(self.drain.time_for(before, now).unwrap_or_default())
    }

    /// Whether work of other tenants stands here, and none of them waits for longer.
    pub(super) fn serves_others_within(&self, limit: Duration, than: &TenantId, now: Timestamp) -> bool {
        let mut others = self.work.keys().filter(|tenant| *tenant != than).peekable();
        others.peek().is_some() && others.all(|tenant| self.wait_of(tenant, now) <= limit)
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

/// A clock that goes backwards has nobody wait.
fn waited(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn pop(queue: &mut FairQueue, now: Timestamp) -> Option<DistributionId> {
        queue.pop(now, |_| true).map(|(_, id)| id)
    }

    fn id(number: u128) -> DistributionId {
        DistributionId(Uuid::from_u128(number))
    }

    #[test]
    fn tenants_take_turns_and_each_ones_work_is_done_in_order() {
        let (many, one) = (TenantId::new("many"), TenantId::new("one"));
        let mut queue = FairQueue::default();
        for number in 1..=3 {
            queue.push(&many, id(number), NOW);
        }
        queue.push(&one, id(9), NOW);
        queue.push(&many, id(2), NOW);
        assert_eq!(queue.len(), 4, "each stands there once");
        assert_eq!(pop(&mut queue, NOW), Some(id(1)));
        queue.push(&many, id(1), NOW);
        let rest: Vec<_> = std::iter::from_fn(|| pop(&mut queue, NOW)).collect();
        assert_eq!(rest, [id(9), id(2), id(3), id(1)]);
        assert_eq!(queue.len(), 0);
        queue.push(&one, id(9), NOW);
        assert_eq!(pop(&mut queue, NOW), Some(id(9)), "it may come again");
    }

    #[test]
    fn turns_are_remembered_of_who_went_away_in_between() {
        let (many, one) = (TenantId::new("many"), TenantId::new("one"));
        let mut queue = FairQueue::default();
        for round in 0..4 {
            queue.push(&many, id(1), NOW);
            queue.push(&one, id(2), NOW);
            let expected = if round % 2 == 0 { id(1) } else { id(2) };
            assert_eq!(pop(&mut queue, NOW), Some(expected), "round {round}");
            assert_eq!(queue.take().len(), 1);
        }
        assert_eq!((queue.len(), pop(&mut queue, NOW)), (0, None));
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn another_s_flood_is_not_one_s_own_wait() {
        let (flood, mid) = (TenantId::new("flood"), TenantId::new("mid"));
        let mut queue = FairQueue::default();
        for number in 0..1_100 {
            queue.push(&flood, id(number), at(0));
        }
        for number in 0..30 {
            queue.push(&TenantId::new(format!("small-{number}")), id(2_000 + number), at(0));
        }
        // 50 a second.
        for tick in 1..=100 {
            pop(&mut queue, at(0) + Duration::from_millis(20 * tick));
        }
        for number in 0..40 {
            queue.push(&mid, id(3_000 + number), at(2));
        }
        let (own, other) = (queue.wait_of(&mid, at(2)), queue.wait_of(&flood, at(2)));
        assert!(own < Duration::from_secs(3), "{own:?}");
        assert!(other > Duration::from_secs(15), "{other:?}");
        assert!(queue.serves_others_within(Duration::from_secs(15), &flood, at(2)));
        assert!(!queue.serves_others_within(Duration::from_secs(15), &mid, at(2)));
    }

    #[test]
    fn how_long_each_waits_is_known_of_each() {
        let (many, one) = (TenantId::new("many"), TenantId::new("one"));
        let mut queue = FairQueue::default();
        assert_eq!((queue.age(at(0)), queue.wait_of(&one, at(0))), (None, Duration::ZERO));
        for number in 0..100 {
            queue.push(&many, id(number), at(0));
        }
        queue.push(&one, id(900), at(8));
        let seconds = Duration::from_secs;
        assert_eq!(
            (queue.age(at(10)), queue.wait_of(&many, at(10))),
            (Some(seconds(10)), seconds(10))
        );
        assert_eq!(queue.wait_of(&one, at(10)), seconds(2));
        assert!(queue.serves_others_within(seconds(5), &many, at(10)));
        assert!(!queue.serves_others_within(seconds(5), &one, at(10)));
        // The other's one is the next but one; ten more go within two seconds.
        assert_eq!(
            (pop(&mut queue, at(10)), pop(&mut queue, at(11))),
            (Some(id(0)), Some(id(900)))
        );
        assert_eq!(queue.wait_of(&one, at(11)), Duration::ZERO);
        for number in 1..10 {
            assert_eq!(pop(&mut queue, at(11)), Some(id(number)));
        }
        let wait = queue.wait_of(&many, at(11));
        assert!((seconds(70)..seconds(90)).contains(&wait), "{wait:?}");
        for number in 1..100 {
            queue.remove(&many, id(number));
        }
        queue.push(&many, id(1), at(12));
        assert_eq!(
            (queue.len(), queue.age(at(13))),
            (1, Some(seconds(1))),
            "what was before it is gone"
        );
        queue.remove(&many, id(1));
        assert_eq!((pop(&mut queue, at(13)), queue.age(at(13))), (None, None));
        queue.push(&many, id(1), at(14));
        queue.take();
        assert_eq!(
            (queue.age(at(99)), queue.wait_of(&many, at(99))),
            (None, Duration::ZERO)
        );
    }
}
