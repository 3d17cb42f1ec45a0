//! What must be true of the database after every commit, and of what is said
//! about it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::delivery::{DeliveryStatus, Phase};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::engine::{Call, CallReference, Engine};
use fanfare_core::event::event_uuid;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::resilience::breaker::BreakerState;
use fanfare_ledger::Memory;
use jiff::Timestamp;

use crate::channels::{BREAKER, QUOTA, SETTINGS};

/// I15, of one node: nothing is sent while a breaker is open, and no more than
/// its permits while it finds out. Kept from what the node says, in its order.
#[derive(Default)]
pub(crate) struct Breakers {
    /// The channels' own, and those of tenants' accounts: where each stands, and calls
    /// that it let through to find out and that were not answered.
    of: BTreeMap<Place, Breaker>,
}

type Place = (Channel, Option<TenantId>);

struct Breaker {
    state: BreakerState,
    probes: BTreeSet<u64>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Closed,
            probes: BTreeSet::new(),
        }
    }
}

impl Breakers {
    pub(crate) fn changes(&mut self, place: Place, from: BreakerState, to: BreakerState) {
        let whose = format!("{place:?}");
        let breaker = self.of.entry(place).or_default();
        assert_eq!(breaker.state, from, "I15: the breaker of {whose} changed unsaid");
        breaker.state = to;
        breaker.probes.clear();
    }

    pub(crate) fn sends(&mut self, call: &Call) {
        for place in places(call.delivery.channel, &call.tenant) {
            let Some(breaker) = self.of.get_mut(&place) else {
                continue;
            };
            if lies_elsewhere(&place, &call.tenant) {
                let forced = breaker.state == BreakerState::ForcedOpen;
                assert!(!forced, "I15: {place:?} is called though an operator holds it back");
                continue;
            }
            assert!(
                !breaker.state.holds(),
                "I15: {place:?} is called while its breaker is open"
            );
            if breaker.state == BreakerState::HalfOpen {
                breaker.probes.insert(call.number);
                let most = BREAKER.permitted_number_of_calls_in_half_open_state as usize;
                assert!(
                    breaker.probes.len() <= most,
                    "I15: more probes of {place:?} than permits"
                );
            }
        }
    }

    pub(crate) fn hears(&mut self, reference: &CallReference) {
        for place in places(reference.channel, &reference.tenant) {
            if let Some(breaker) = self.of.get_mut(&place) {
                breaker.probes.remove(&reference.number);
            }
        }
    }

    /// What it has said is where it stands.
    pub(crate) fn agree_with(&self, engine: &Engine) {
        for (place, said) in &self.of {
            let (channel, account) = place;
            let stands = match account {
                Some(tenant) => engine.account_breaker(*channel, tenant).expect("it is known").state,
                None => engine.breaker(*channel).state,
            };
            assert_eq!(said.state, stands, "I15: the breaker of {place:?} changed unsaid");
        }
    }
}

/// Whether it is a channel's own breaker, which has no say in this tenant's calls.
fn lies_elsewhere((channel, account): &Place, tenant: &TenantId) -> bool {
    SETTINGS[channel.index()].accounts_apart && account.is_none() && !tenant.is_default()
}

/// Whose breakers a call asks: its channel's, and its account's.
fn places(channel: Channel, tenant: &TenantId) -> [Place; 2] {
    [(channel, None), (channel, Some(tenant.clone()))]
}

/// Remembers what was seen, to see what is lost.
#[derive(Default)]
pub(crate) struct Witness {
    receipts: BTreeMap<(DistributionId, Channel), (u32, ChannelState)>,
    /// How much of each tenant's journal was looked at.
    published: BTreeMap<TenantId, usize>,
    /// The last attempt that may be made of what was called off.
    last: BTreeMap<(DistributionId, Channel, u32), u32>,
    /// When each channel was called of late, by [`Channel::index`].
    called: [VecDeque<Timestamp>; Channel::ALL.len()],
    /// When lives began of late.
    begun: VecDeque<Timestamp>,
}

impl Witness {
    /// Looks at one distribution after a commit that touched it.
    pub(crate) fn look(&mut self, store: &Memory, tenant: &TenantId, id: DistributionId) {
        let Some(distribution) = store.distribution(tenant, id) else {
            return;
        };
        assert_eq!(
            distribution.status,
            DistributionStatus::of(&distribution.deliveries),
            "I7: {id}"
        );
        let history = store.history(tenant, id).expect("I11: no history");
        history_is_whole(&distribution, &history);
        self.receipts_are_kept(&distribution);
        self.events_are_one_each(store, &distribution);
    }

    /// It is called off, and that is committed.
    pub(crate) fn is_called_off(&mut self, distribution: &Distribution) {
        for delivery in &distribution.deliveries {
            let place = (distribution.id, delivery.channel, delivery.generation);
            let called_off = delivery.called_off || delivery.status == DeliveryStatus::Cancelled;
            // What was left off between two steps goes on with its attempt.
            let left_off = u32::from(delivery.status.waits() && delivery.attempt_started_at.is_none());
            if called_off {
                self.last.entry(place).or_insert(delivery.attempt + left_off);
            }
        }
    }

    /// What was called off never begins again.
    pub(crate) fn begins(&self, call: &Call) {
        let delivery = &call.delivery;
        let place = (call.distribution, delivery.channel, delivery.generation);
        let last = self.last.get(&place).copied().unwrap_or(u32::MAX);
        assert!(
            delivery.attempt <= last,
            "attempt {} of {place:?} was called off",
            delivery.attempt
        );
    }

    /// A life of a node begins.
    pub(crate) fn begins_life(&mut self, now: Timestamp) {
        self.begun.push_back(now);
    }

    /// I14, over all nodes. What was decided in one period may be committed, and
    /// sent, in the next: so many calls as all lanes have places. And a life that
    /// begins does not know what the one before it has called. A node's clock may
    /// run a tenth too fast.
    pub(crate) fn calls(&mut self, channel: Channel, nodes: usize, now: Timestamp) {
        let period = QUOTA.limit_refresh_period.mul_f64(0.9);
        let called = &mut self.called[channel.index()];
        called.push_back(now);
        for times in [called, &mut self.begun] {
            while times.front().is_some_and(|first| *first + period <= now) {
                times.pop_front();
            }
        }
        let called = self.called[channel.index()].len();
        let places = nodes * SETTINGS[channel.index()].concurrency;
        let most = QUOTA.limit_for_period.get() as usize + places + self.begun.len();
        assert!(called <= most, "I14: {channel} is called {called} times in {period:?}");
    }

    /// I6: a receipt is never lost, and (generation, rank) never goes back.
    fn receipts_are_kept(&mut self, distribution: &Distribution) {
        for delivery in &distribution.deliveries {
            let place = (distribution.id, delivery.channel);
            let now = delivery.channel_state().map(|state| (delivery.generation, state));
            assert!(
                now.is_some() || delivery.status != DeliveryStatus::Success,
                "I6: {place:?} has no receipt"
            );
            let before = self.receipts.get(&place).copied();
            assert!(before <= now, "I6: {place:?} had {before:?} and has {now:?}");
            if let Some(now) = now {
                self.receipts.insert(place, now);
            }
        }
    }

    /// I8, I9: each version once, under its one id, and none while it moves.
    fn events_are_one_each(&mut self, store: &Memory, distribution: &Distribution) {
        let all = store
            .events(&distribution.tenant, 0, usize::MAX)
            .expect("I8: the journal is readable");
        let published = self.published.entry(distribution.tenant.clone()).or_default();
        for entry in &all[*published..] {
            let current = store
                .distribution(&distribution.tenant, entry.event.distribution_id)
                .expect("I8: no such one");
            assert!(
                current.version > entry.event.version || !current.moves(),
                "I9: published while it moves"
            );
        }
        *published = all.len();
        let own: Vec<_> = all
            .iter()
            .filter(|entry| entry.event.distribution_id == distribution.id)
            .collect();
        let versions: Vec<_> = own.iter().map(|entry| entry.event.version).collect();
        assert_eq!(
            versions,
            (1..=distribution.version).collect::<Vec<_>>(),
            "I8: {}",
            distribution.id
        );
        for entry in own {
            assert_eq!(
                entry.event_uuid,
                event_uuid(distribution.id, entry.event.version),
                "I8: another id"
            );
            let moves = entry.event.results.iter().any(|result| result.status.moves());
            assert!(
                !moves,
                "I9: version {} of {} moves",
                entry.event.version, distribution.id
            );
        }
    }
}

/// What waiters and caches are told is what is committed, or older: never
/// ahead (I10).
pub(crate) fn is_committed(store: &Memory, said: &Distribution) {
    let stored = store
        .distribution(&said.tenant, said.id)
        .expect("I10: told of what is not there");
    assert!(
        said.history_number <= stored.history_number,
        "I10: {} is ahead of the database",
        said.id
    );
}

/// I3: before an effecting step, its intent is in the database.
pub(crate) fn intent_is_committed(store: &Memory, call: &Call) {
    let stored = store
        .distribution(&call.tenant, call.distribution)
        .expect("I3: a call for what is not there");
    let row = stored
        .delivery(call.delivery.channel)
        .expect("I3: a call for a channel that was not chosen");
    assert!(
        row.status == DeliveryStatus::InProgress || row.is_withdrawing(),
        "I3: {} is not in progress",
        row.id
    );
    let same = (row.generation, row.attempt) == (call.delivery.generation, call.delivery.attempt);
    assert!(same, "I3: the database has another attempt of {}", row.id);
    let announced = call.delivery.phase == Phase::Planned || row.phase != Phase::Planned;
    assert!(announced, "I3: {} has no intent", row.id);
}

/// I11: numbered without gaps; each transition begins where the last one ended;
/// the last one is where it stands.
fn history_is_whole(distribution: &Distribution, history: &[HistoryEntry]) {
    let id = distribution.id;
    let numbers: Vec<_> = history.iter().map(|entry| entry.number).collect();
    assert_eq!(
        numbers,
        (1..=distribution.history_number).collect::<Vec<_>>(),
        "I11: {id}"
    );
    let mut stands: BTreeMap<Option<Channel>, String> = BTreeMap::new();
    for transition in history.iter().flat_map(|entry| &entry.transitions) {
        let before = stands.insert(transition.channel, transition.to.clone().into_owned());
        assert_eq!(
            before.as_deref(),
            transition.from.as_deref(),
            "I11: {id} {:?}",
            transition.channel
        );
    }
    assert_eq!(
        stands.get(&None).map(String::as_str),
        Some(distribution.status.name()),
        "I11: {id}"
    );
    for delivery in &distribution.deliveries {
        let last = stands.get(&Some(delivery.channel)).map(String::as_str);
        assert_eq!(last, Some(delivery.status.name()), "I11: {id} {}", delivery.channel);
    }
}
