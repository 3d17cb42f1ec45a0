//! The state machine of one node: `step(inputs, now, rng) -> commands`.
//!
//! It knows what is in flight on this node and decides all that happens to it.
//! It reads no clock, draws no randomness of its own, waits for nothing and
//! calls nobody: whoever runs it performs the commands and feeds what came of
//! them back in. There is no other loop.
//!
//! | file | decides |
//! |---|---|
//! | `accept.rs` | how a request becomes a distribution |
//! | `attempt.rs` | when an attempt begins and goes on |
//! | `account.rs` | what is known of each tenant's account at a channel |
//! | `availability.rs` | what an answer says of whether its channel is at work |
//! | `breaker.rs` | whether a channel is called at all, and with whose account, and what waits until it is |
//! | `quota.rs` | how often a channel is called, and what waits meanwhile |
//! | `queue.rs` | who is next, and how long each waits |
//! | `drain.rs` | how fast a queue empties |
//! | `door.rs` | what is not taken while channels are behind |
//! | `stop.rs` | what waits while sending is stopped |
//! | `outcome.rs` | what follows what a channel said |
//! | `look_up.rs` | what follows an unknown outcome |
//! | `commit.rs` | what is written when, and what follows a commit |
//! | `adopt.rs` | what becomes of work that another life left behind |
//! | `ask.rs` | what a person may ask: a redrive, a decision in doubt, calling off, a withdrawal |
//! | `cancel.rs` | what becomes of what is called off |
//! | `withdraw.rs` | how what is live is taken down |
//! | `observe.rs` | when a channel is asked what became of what it took, and what follows |
//! | `hand_off.rs` | how long a person has to finish what was handed to them |
//! | `evidence.rs` | what becomes of an answer that came too late |
//! | `life.rs` | how a life winds down, and how the next one begins |
//! | `planted.rs` | faults that tests plant; none without their feature |
//!
//! Deliberately absent: anything about a particular channel.

mod accept;
mod account;
mod adopt;
mod ask;
mod attempt;
mod availability;
mod breaker;
mod cancel;
mod commit;
mod door;
mod drain;
mod evidence;
mod hand_off;
mod lane;
mod life;
mod look_up;
mod message;
mod observe;
mod outcome;
mod planted;
mod queue;
mod quota;
mod stop;
mod withdraw;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;

use self::lane::Lane;
use self::planted::Planted;
use self::work::Work;
use crate::attempt::{Evidence, Protocol};
use crate::channel::{Channel, Mode};
use crate::delivery::Delivery;
use crate::ids::{DistributionId, Incarnation};
use crate::resilience::breaker::{BreakerSettings, BreakerView};
use crate::resilience::rate_limiter::RateLimit;
use crate::resilience::retry::RetryPolicy;
use crate::sending::Stops;
use crate::spend::SpendCaps;

pub use crate::delivery::RETRYING_LIMIT;

pub use self::ask::{Ask, AskAnswer, AskRefusal, Verdict};
pub use self::breaker::has_a_say;
pub use self::cancel::CallOff;
pub use self::door::{Behind, Lag};
pub use self::message::{Answer, AskId, Call, CallReference, Command, Input, NewDistribution};
pub use self::planted::Bug;
pub use self::withdraw::Withdrawal;

/// Work that is due later than this belongs to no node.
pub const HOLD_LIMIT: Duration = Duration::from_mins(1);

/// What a breaker or a stop holds back is due within this time, when it asks
/// again; a little more than that, since clocks differ.
pub const HELD_LIMIT: Duration = Duration::from_secs(330);

/// What the engine is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of each channel, by [`Channel::index`].
    pub channels: [ChannelSettings; Channel::ALL.len()],
    /// For attempts that were rejected.
    pub retry: RetryPolicy,
    /// For look-ups of unknown outcomes: the backoff between two, and the age
    /// after which a person is asked.
    pub look_up: RetryPolicy,
    /// When a channel is left alone for a while.
    pub breaker: BreakerSettings,
    /// A call that another life began is over after this time: before, nothing
    /// is concluded from what can't be found.
    pub call_deadline: Duration,
    /// Between two signs of a node's life.
    pub heartbeat: Duration,
    /// Distributions in memory; beyond it the door says 429.
    pub max_in_flight: usize,
    /// How long what is accepted may wait for a place in a channel's lane; beyond it
    /// nothing more is taken for that channel.
    pub max_backlog: Duration,
    /// What tenants may spend.
    pub spend_caps: SpendCaps,
}

/// What the engine is told of one channel.
#[derive(Debug, Clone, Copy)]
pub struct ChannelSettings {
    /// Calls at once.
    pub concurrency: usize,
    /// Calls in a period, by all nodes together; `None` for as many as there are.
    pub rate_limit: Option<RateLimit>,
    /// How its protocol behaves.
    pub protocol: Protocol,
    /// Every tenant's account but the configured one lies at a place of its own: what calls
    /// with it come to says nothing of the channel.
    pub accounts_apart: bool,
}

/// The state machine of one node.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    token: Incarnation,
    works: BTreeMap<DistributionId, Work>,
    /// Requests that are not taken, with what they are told unless they turn out to be
    /// repeats.
    turned_away: BTreeMap<DistributionId, Answer>,
    lanes: Box<[Lane; Channel::ALL.len()]>,
    /// Whose sending is stopped.
    stops: Stops,
    timers: BTreeSet<(Timestamp, DistributionId, Alarm)>,
    /// To be looked at before the step ends: something is to be written.
    dirty: BTreeSet<DistributionId>,
    /// Not yet known to be in the database.
    evidence: Vec<Evidence>,
    /// Calls that were made.
    calls: u64,
    /// Nothing is begun any more.
    winding_down: bool,
    planted: Planted,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    /// A delivery's `next_attempt_at`.
    Delivery(Channel),
    /// A commit that failed is given again.
    Write,
    /// Evidence whose commit failed is given again.
    Evidence,
    /// What has come together is written.
    Gather,
}

/// One call of [`Engine::step`]: the time, the randomness and what is decided.
struct Turn<'a> {
    now: Timestamp,
    rng: &'a mut dyn Rng,
    commands: Vec<Command>,
    planted: Planted,
}

impl Engine {
    /// An engine that has nothing in flight; `token` is this life's.
    pub fn new(settings: Settings, token: Incarnation) -> Self {
        let lanes = settings
            .channels
            .map(|channel| Lane::new(channel.concurrency, channel.rate_limit, settings.breaker));
        Self {
            settings,
            token,
            works: BTreeMap::new(),
            turned_away: BTreeMap::new(),
            lanes: Box::new(lanes),
            stops: Stops::default(),
            timers: BTreeSet::new(),
            dirty: BTreeSet::new(),
            evidence: Vec::new(),
            calls: 0,
            winding_down: false,
            planted: Planted::default(),
        }
    }

    /// The same with a fault in it.
    #[cfg(feature = "planted-bugs")]
    #[must_use]
    pub fn with(mut self, bug: Option<Bug>) -> Self {
        self.planted.bug = bug;
        self
    }

    /// Takes what happened, and the time, and says what is to be done. All
    /// inputs are taken before anything is written, so that what comes together
    /// is committed together.
    pub fn step(&mut self, inputs: impl IntoIterator<Item = Input>, now: Timestamp, rng: &mut dyn Rng) -> Vec<Command> {
        let mut turn = Turn {
            now,
            rng,
            commands: Vec::new(),
            planted: self.planted,
        };
        self.fire_timers(&mut turn);
        for input in inputs {
            self.take(input, &mut turn);
        }
        self.fill_lanes(&mut turn);
        self.forget_accounts(&mut turn);
        while let Some(id) = self.dirty.pop_first() {
            self.assemble(id, &mut turn);
        }
        turn.commands
    }

    /// When [`Engine::step`] must be called although nothing happens.
    pub fn next_timer(&self) -> Option<Timestamp> {
        let timer = self.timers.first().map(|(at, ..)| *at);
        let filled = if self.winding_down { &[] } else { &self.lanes[..] };
        let lanes = filled.iter().filter_map(|lane| lane.resumes_at);
        let tidied = self.lanes.iter().filter_map(|lane| lane.accounts.tidied_at);
        lanes.chain(tidied).chain(timer).min()
    }

    /// Distributions in memory.
    pub fn in_flight(&self) -> usize {
        self.works.len()
    }

    /// Whether anything moves or is being written.
    pub fn is_busy(&self) -> bool {
        self.works
            .values()
            .any(|work| work.writing.is_some() || work.distribution.moves())
    }

    /// Whether it is in memory.
    pub fn holds(&self, id: DistributionId) -> bool {
        self.works.contains_key(&id)
    }

    /// Calls that are out, and deliveries that wait for a place, of one channel.
    pub fn lane_load(&self, channel: Channel) -> (usize, usize) {
        let lane = &self.lanes[channel.index()];
        (lane.out(), lane.queued())
    }

    /// Where a channel's breaker stands.
    pub fn breaker(&self, channel: Channel) -> BreakerView {
        self.lanes[channel.index()].gate.breaker.view()
    }

    fn take(&mut self, input: Input, turn: &mut Turn<'_>) {
        match input {
            Input::Accept { id, new } => self.accept(id, *new, turn),
            Input::Written { id, written } => self.written(id, written, turn),
            Input::NotWritten { id } => self.not_written(id, turn),
            Input::Stepped { reference, outcome } => self.stepped(&reference, outcome, turn),
            Input::LookedUp { reference, outcome } => self.looked_up(&reference, outcome, turn),
            Input::Withdrawn { reference, outcome } => self.withdrawn(&reference, outcome, turn),
            Input::Observed { reference, outcome } => self.observed(&reference, outcome, turn),
            Input::Adopted(adopted) => {
                let ids: Vec<_> = adopted.iter().map(|adopted| adopted.distribution.id).collect();
                self.adopt(adopted, turn);
                for id in ids {
                    self.drop_if_idle(id, turn);
                }
            }
            Input::Owned(owned) => self.miss(owned, turn),
            Input::NodesCounted(nodes) => self.share_quotas(nodes, turn.now),
            Input::BreakerOrdered { channel, action } => self.obey(channel, action, turn),
            Input::SendingOrdered { scope, action } => self.order_sending(scope, action, turn),
            Input::Asked {
                ask,
                id,
                what,
                adopted,
                evidence,
            } => self.asked((ask, id), &what, adopted, &evidence, turn),
        }
    }

    fn fire_timers(&mut self, turn: &mut Turn<'_>) {
        while self.timers.first().is_some_and(|(at, ..)| *at <= turn.now) {
            let Some((at, id, alarm)) = self.timers.pop_first() else {
                return;
            };
            match alarm {
                Alarm::Delivery(channel) => self.delivery_due(id, channel, at, turn),
                Alarm::Write => self.write_again(id, turn),
                Alarm::Evidence => self.give_evidence_again(id, turn),
                Alarm::Gather => _ = self.dirty.insert(id),
            }
        }
    }

    fn fill_lanes(&mut self, turn: &mut Turn<'_>) {
        for channel in Channel::ALL {
            if self.winding_down {
                self.leave_off_queued(channel, turn);
            } else {
                self.fill_lane(channel, turn);
            }
        }
    }

    /// A delivery keeps the mode that it was accepted with.
    fn protocol(&self, delivery: &Delivery) -> Protocol {
        match delivery.mode {
            Mode::Mock => Protocol::MOCK,
            Mode::Live => self.settings.channels[delivery.channel.index()].protocol,
        }
    }
}
