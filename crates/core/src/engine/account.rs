//! What this node knows of each tenant's account at one channel, beside what it
//! knows of the channel: whether calls with it fail, how many retries it may still
//! spend, and how many places of the lane it has. So one account in trouble holds
//! back its own deliveries, and nobody else's.
//!
//! The account of the tenant `default` is the configured one, whose breaker is the
//! channel's. Which account a call is made with in the end is not known here: a
//! tenant without one of its own is judged by itself all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::ids::{DistributionId, TenantId};
use crate::resilience::breaker::{BreakerSettings, BreakerState, CircuitBreaker};
use crate::resilience::budget::RetryBudget;
use crate::resilience::retry::later;

/// Calls of two accounts that go badly within this time are the channel's trouble.
const TOGETHER: Duration = Duration::from_mins(5);

/// Between two looks at which accounts nobody asks for any more.
const TIDIED_EVERY: Duration = Duration::from_mins(1);

/// So many are remembered before those are forgotten that are in order and have no
/// call under way.
const REMEMBERED: usize = 1_024;

/// A breaker, and what it holds back.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) breaker: CircuitBreaker,
    /// To go on as soon as it closes.
    held: BTreeSet<DistributionId>,
}

impl Gate {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            breaker: CircuitBreaker::new(settings),
            held: BTreeSet::new(),
        }
    }

    /// Waits for the breaker.
    pub(super) fn hold(&mut self, id: DistributionId) {
        self.held.insert(id);
    }

    /// Of what waits for the breaker, the oldest; it waits no longer.
    pub(super) fn next_held(&mut self) -> Option<DistributionId> {
        self.held.pop_first()
    }

    /// It waits no longer.
    pub(super) fn let_go(&mut self, id: DistributionId) {
        self.held.remove(&id);
    }

    /// Of the node's next life: nothing is held, and what is known of the channel is
    /// kept.
    pub(super) fn begin_anew(&mut self) {
        self.held.clear();
    }
}

/// Of one tenant, at one channel.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) gate: Gate,
    /// Of the retries of all its deliveries together.
    pub(super) budget: RetryBudget,
    /// Places of the lane that it has.
    places: usize,
}

impl Account {
    fn new(settings: BreakerSettings) -> Self {
        Self {
            gate: Gate::new(settings),
            budget: RetryBudget::default(),
            places: 0,
        }
    }

    fn is_troubled(&self) -> bool {
        self.gate.breaker.view().state != BreakerState::Closed
    }

    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.places == 0 && self.gate.held.is_empty() && self.gate.breaker.is_forgotten(now)
    }

    /// Whether there is anything to remember of it but counts.
    fn is_remarkable(&self) -> bool {
        self.is_troubled() || self.places > 0 || !self.gate.held.is_empty()
    }
}

/// All that are known at one channel.
#[derive(Debug)]
pub(super) struct Accounts {
    settings: BreakerSettings,
    known: BTreeMap<TenantId, Account>,
    /// Beyond so many, what need not be remembered is forgotten.
    most: usize,
    /// The two whose calls went badly last, and when.
    bad: [Option<(TenantId, Timestamp)>; 2],
    /// When those are looked for that nobody asks for any more, while any is in trouble.
    pub(super) tidied_at: Option<Timestamp>,
}

impl Accounts {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            known: BTreeMap::new(),
            most: REMEMBERED,
            bad: [None, None],
            tidied_at: None,
        }
    }

    /// A call with an account went badly that is not known to be in trouble; says whether
    /// one with another did of late, so that it is not the account's trouble alone.
    pub(super) fn goes_badly(&mut self, tenant: &TenantId, now: Timestamp) -> bool {
        let of_another = |(whose, at): &&(TenantId, Timestamp)| {
            whose != tenant && Duration::try_from(now.duration_since(*at)).is_ok_and(|passed| passed <= TOGETHER)
        };
        let is_shared = self.bad.iter().flatten().any(|bad| of_another(&bad));
        if self.bad[0].as_ref().is_some_and(|(last, _)| last != tenant) {
            self.bad.swap(0, 1);
        }
        self.bad[0] = Some((tenant.clone(), now));
        is_shared
    }

    /// The breaker of one has changed.
    pub(super) fn changed(&mut self, now: Timestamp) {
        if self.tidied_at.is_none() {
            self.tidied_at = Some(later(now, TIDIED_EVERY));
        }
    }

    /// Those in trouble of which nothing is left here, and that nobody has asked for since
    /// long: what waited goes on elsewhere, or does not go on. Looked for now and then.
    pub(super) fn take_forgotten(&mut self, now: Timestamp) -> Vec<TenantId> {
        if self.tidied_at.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let mut troubled = self
            .known
            .iter()
            .filter(|(_, account)| account.is_troubled())
            .peekable();
        self.tidied_at = troubled.peek().map(|_| later(now, TIDIED_EVERY));
        let forgotten = troubled.filter(|(_, account)| account.is_forgotten(now));
        forgotten.map(|(tenant, _)| tenant.clone()).collect()
    }

    pub(super) fn get(&self, tenant: &TenantId) -> Option<&Account> {
        self.known.get(tenant)
    }

    /// A tenant's, from now on known.
    pub(super) fn of(&mut self, tenant: &TenantId) -> &mut Account {
        if !self.known.contains_key(tenant) {
            self.make_room();
        }
        let settings = self.settings;
        let known = self.known.entry(tenant.clone());
        known.or_insert_with(|| Account::new(settings))
    }

    /// Seldom, so that it costs next to nothing with each that is new.
    fn make_room(&mut self) {
        if self.known.len() >= self.most {
            self.known.retain(|_, account| account.is_remarkable());
            self.most = REMEMBERED.max(2 * self.known.len());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Those whose breaker is not closed.
    pub(super) fn troubled(&self) -> Vec<TenantId> {
        let troubled = self.known.iter().filter(|(_, account)| account.is_troubled());
        troubled.map(|(tenant, _)| tenant.clone()).collect()
    }

    /// It has one more place of the lane.
    pub(super) fn take_place(&mut self, tenant: &TenantId) {
        self.of(tenant).places += 1;
    }

    /// It has one less.
    pub(super) fn give_place_back(&mut self, tenant: &TenantId) {
        if let Some(account) = self.known.get_mut(tenant) {
            account.places = account.places.saturating_sub(1);
        }
    }

    pub(super) fn places(&self, tenant: &TenantId) -> usize {
        self.known.get(tenant).map_or(0, |account| account.places)
    }

    /// It waits for no breaker any more.
    pub(super) fn let_go(&mut self, tenant: &TenantId, id: DistributionId) {
        if let Some(account) = self.known.get_mut(tenant) {
            account.gate.let_go(id);
        }
    }

    /// Of the node's next life: whether calls with each fail is kept.
    pub(super) fn begin_anew(&mut self) {
        for account in self.known.values_mut() {
            account.gate.begin_anew();
            account.budget = RetryBudget::default();
            account.places = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::breaker::BreakerAction;

    #[test]
    fn what_is_in_order_is_forgotten_and_what_is_not_is_kept() {
        let mut accounts = Accounts::new(BreakerSettings::default());
        let tenant = |number: usize| TenantId::new(format!("shop-{number}"));
        let (open, called) = (tenant(0), tenant(1));
        let breaker = &mut accounts.of(&open).gate.breaker;
        breaker.order(BreakerAction::ForceOpen, Timestamp::UNIX_EPOCH);
        accounts.take_place(&called);
        for number in 2..10 * REMEMBERED {
            accounts.of(&tenant(number));
        }
        assert!(accounts.known.len() <= REMEMBERED, "{}", accounts.known.len());
        let state = accounts.get(&open).map(|account| account.gate.breaker.view().state);
        assert_eq!(state, Some(BreakerState::ForcedOpen));
        assert_eq!(accounts.places(&called), 1);
    }
}
