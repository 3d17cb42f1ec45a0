//! A node: an engine, its clock, its lease, and what it has handed to the Ledger.

use std::collections::BTreeSet;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::Delivery;
use fanfare_core::engine::{Bug, Command, Engine, Input, Settings};
use fanfare_core::ids::{DistributionId, Incarnation};
use fanfare_core::resilience::retry::RetryPolicy;
use fanfare_core::sending::Stops;
use fanfare_core::write::Write;
use fanfare_ledger::Memory;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::caps::caps;
use crate::channels::{BREAKER, CALL_DEADLINE, SETTINGS};
use crate::invariants::Breakers;

/// A node that has not renewed its lease for so long is taken for dead.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// Between two renewals.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

pub(crate) struct Node {
    pub(crate) engine: Engine,
    /// The token of its process's first life: what happens to it goes by this.
    pub(crate) name: Incarnation,
    /// Of the life that it lives now.
    pub(crate) token: Incarnation,
    /// It was told to stop.
    pub(crate) stopping: bool,
    pub(crate) clock: NodeClock,
    /// In true time.
    pub(crate) lease_until: Timestamp,
    /// It does nothing until then, and does not know it.
    pub(crate) stalled_until: Timestamp,
    /// Handed to the Ledger while it commits.
    pub(crate) gathered: Vec<Write>,
    pub(crate) committing: bool,
    /// To be taken over again.
    pub(crate) dropped: Vec<DistributionId>,
    /// The next look for work looks for what is held back too.
    pub(crate) held_wanted: bool,
    /// What it says of its breakers, and sends meanwhile.
    pub(crate) breakers: Breakers,
    /// What it has heard of sending, and since when it shows that time.
    pub(crate) stops: Stops,
    pub(crate) stopped_at: Timestamp,
    /// Calls that it has made and not heard of.
    pub(crate) out: BTreeSet<(DistributionId, Channel)>,
}

/// A node's wall clock: it may be wrong by a day, and runs a tenth too fast or
/// too slow while it comes nearer to the truth. It never jumps within a life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeClock {
    began: Timestamp,
    showed: Timestamp,
    /// Tenths of a second that it shows for each true second.
    tenths: i64,
}

impl NodeClock {
    fn new(now: Timestamp, rng: &mut StdRng) -> Self {
        let most: i64 = if rng.random_range(0..10) == 0 { 86_400 } else { 60 };
        Self {
            began: now,
            showed: now + SignedDuration::from_secs(rng.random_range(-most..=most)),
            tenths: 10,
        }
    }

    pub(crate) fn shows(&self, now: Timestamp) -> Timestamp {
        let passed = now.duration_since(self.began).as_micros();
        let shown = i64::try_from(passed).unwrap() * self.tenths / 10;
        self.showed + SignedDuration::from_micros(shown)
    }

    /// When it will show that time; rounded up, so that it surely does then.
    pub(crate) fn true_time_of(&self, shown: Timestamp) -> Timestamp {
        let ahead = i64::try_from(shown.duration_since(self.showed).as_micros()).unwrap();
        self.began + SignedDuration::from_micros(ahead * 10 / self.tenths + 1)
    }

    /// From now on it runs at another pace.
    pub(crate) fn slews(&mut self, now: Timestamp, rng: &mut StdRng) {
        self.showed = self.shows(now);
        self.began = now;
        self.tenths = rng.random_range(9..=11);
    }
}

impl Node {
    /// A life begins.
    pub(crate) fn new(token: Incarnation, bug: Option<Bug>, now: Timestamp, rng: &mut StdRng) -> Self {
        Self {
            engine: engine(token, bug),
            name: token,
            token,
            stopping: false,
            clock: NodeClock::new(now, rng),
            lease_until: now + LEASE,
            stalled_until: now,
            gathered: Vec::new(),
            committing: false,
            dropped: Vec::new(),
            held_wanted: false,
            breakers: Breakers::default(),
            stops: Stops::default(),
            stopped_at: Timestamp::MAX,
            out: BTreeSet::new(),
        }
    }

    pub(crate) fn is_stalled(&self, now: Timestamp) -> bool {
        now < self.stalled_until
    }

    /// When its engine wants to be called, in true time.
    pub(crate) fn next_timer(&self, now: Timestamp) -> Option<Timestamp> {
        let timer = self.engine.next_timer()?;
        Some(self.clock.true_time_of(timer).max(self.stalled_until).max(now))
    }

    /// An answer has come: its call is out no more.
    pub(crate) fn is_answered(&mut self, answer: &Input) {
        if let Input::Stepped { reference, .. }
        | Input::LookedUp { reference, .. }
        | Input::Withdrawn { reference, .. }
        | Input::Observed { reference, .. } = answer
        {
            self.out.remove(&(reference.distribution, reference.channel));
            self.breakers.hears(reference);
        }
    }

    /// What has no attempt under way begins none. One that another node began may bear
    /// the time that this one's clock shows: the database has it already.
    pub(crate) fn begins_nothing_while_stopped(&self, commands: &[Command], shown: Timestamp, store: &Memory) {
        if shown <= self.stopped_at {
            return;
        }
        for command in commands {
            let Command::Write(write) = command else { continue };
            let (tenant, deliveries) = match write {
                Write::Accept(acceptance) => (&acceptance.distribution.tenant, &acceptance.distribution.deliveries),
                Write::Record(record) => (&record.tenant, &record.deliveries),
                Write::Evidence(_) => continue,
            };
            let stored = store.distribution(tenant, write.id());
            let is_stored = |one: &Delivery| {
                let row = stored.as_ref().and_then(|stored| stored.delivery(one.channel));
                row.is_some_and(|row| row.attempt_started_at == one.attempt_started_at)
            };
            let begins = |one: &&Delivery| one.attempt_started_at == Some(shown) && !is_stored(one);
            let begun = deliveries.iter().find(begins);
            assert!(
                begun.is_none() || !self.stops.hold(tenant),
                "it begins while sending is stopped: {begun:?}"
            );
        }
    }

    /// All that it was to end has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopping && self.engine.is_quiet() && !self.committing && self.gathered.is_empty()
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.engine.is_busy() || self.committing || !self.gathered.is_empty() || !self.out.is_empty()
    }
}

#[cfg(feature = "planted-bugs")]
fn engine(token: Incarnation, bug: Option<Bug>) -> Engine {
    Engine::new(settings(), token).with(bug)
}

#[cfg(not(feature = "planted-bugs"))]
fn engine(token: Incarnation, bug: Option<Bug>) -> Engine {
    assert_eq!(bug, None, "none can be planted without the feature");
    Engine::new(settings(), token)
}

fn settings() -> Settings {
    let retry = RetryPolicy {
        max_attempts: 4,
        max_interval: Duration::from_mins(2),
        ..RetryPolicy::default()
    };
    Settings {
        channels: SETTINGS,
        retry,
        look_up: RetryPolicy {
            max_attempts: 12,
            ..retry
        },
        // A clock that runs too fast makes less of it.
        call_deadline: CALL_DEADLINE + CALL_DEADLINE / 4,
        breaker: BREAKER,
        heartbeat: HEARTBEAT,
        max_in_flight: 20,
        max_backlog: Duration::from_secs(20),
        spend_caps: caps(),
    }
}
