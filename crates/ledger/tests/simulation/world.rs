//! The world around the engines: what happens when, in one order that follows
//! from the seed alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare_core::delivery::Delivery;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Ask, AskId, Bug, Call, Command, Input, NewDistribution};
use fanfare_core::ids::{DistributionId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::resilience::breaker::BreakerState;
use fanfare_core::sending::Stops;
use fanfare_core::write::{Write, Written};
use fanfare_ledger::{Filter, Memory};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::caps::Account;
use crate::channels::{Came, Channels};
use crate::figures::Figures;
use crate::invariants::{Witness, intent_is_committed, is_committed};
use crate::node::{HEARTBEAT, Node};
use crate::requests::tenants;

/// Requests of one run.
pub(crate) const REQUESTS: u32 = 30;

/// A run that takes more steps than this does not come to rest.
const MOST_STEPS: u32 = 400_000;

/// What will happen, and when; the number keeps the order of what happens together.
pub(crate) enum Happening {
    /// A client asks.
    Request,
    /// One that was refused for a cap asks without the channels that are beyond it.
    RequestAgain(Box<NewDistribution>),
    /// A person asks.
    Question,
    /// A channel is out of order for a while.
    Outage,
    /// An operator orders something of a breaker.
    Order,
    /// An operator stops sending, or lets it go on.
    Sending,
    /// What a call does is done.
    Effect(Call),
    /// What a call takes down is gone.
    Gone(Call),
    /// The rest happens to a node, as long as it lives.
    To(Incarnation, Event),
}

#[expect(clippy::large_enum_variant, reason = "a handful of them live at once")]
pub(crate) enum Event {
    /// A commit ends: whether it took effect, and whether it says so.
    CommitEnds {
        batch: Vec<Write>,
        took_effect: bool,
        says_so: bool,
    },
    /// A channel answers.
    Answer(Input),
    /// It looks for work that nobody owns.
    Adoption,
    /// It reads what is ordered of sending.
    HearsOrders,
    /// It renews its lease.
    Heartbeat,
    /// Its clock changes its pace.
    ClockSlews,
    /// It has found out that it was taken for over, and begins another life.
    LivesAgain,
    /// It ends, with all that is in its memory.
    Dies,
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    began: Timestamp,
    pub(crate) rng: StdRng,
    pub(crate) store: Memory,
    pub(crate) nodes: Vec<Node>,
    pub(crate) channels: Channels,
    pub(crate) coming: BTreeMap<(Timestamp, u64), Happening>,
    number: u64,
    pub(crate) requests: u32,
    pub(crate) asked: BTreeMap<DistributionId, NewDistribution>,
    /// Whether what is live may be taken down: in a quarter of the runs.
    pub(crate) withdraws: bool,
    pub(crate) questions: BTreeMap<AskId, (DistributionId, u32, Ask)>,
    pub(crate) by_key: BTreeMap<(IdempotencyKey, [u8; 32]), DistributionId>,
    pub(crate) acknowledged: BTreeSet<DistributionId>,
    pub(crate) sending: Stops,
    pub(crate) witness: Witness,
    pub(crate) account: Account,
    pub(crate) figures: Figures,
    pub(crate) trace: Vec<String>,
    pub(crate) bug: Option<Bug>,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> Self {
        // In Korea a month ends while they ask.
        let now = "2026-11-30T14:57:00Z".parse().unwrap();
        let mut world = Self {
            now,
            began: now,
            rng: StdRng::seed_from_u64(seed),
            store: Memory::default(),
            nodes: Vec::new(),
            channels: Channels::default(),
            coming: BTreeMap::new(),
            number: 0,
            requests: 0,
            asked: BTreeMap::new(),
            withdraws: seed % 4 == 3,
            questions: BTreeMap::new(),
            by_key: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            sending: Stops::default(),
            witness: Witness::default(),
            account: Account::default(),
            figures: Figures::default(),
            trace: Vec::new(),
            bug,
        };
        for _ in 0..world.rng.random_range(1..=3) {
            let node = world.life();
            world.nodes.push(node);
        }
        world.comes_within(Duration::from_millis(1), Happening::Request);
        world.comes_within(Duration::from_mins(1), Happening::Question);
        world.comes_within(Duration::from_secs(2), Happening::Outage);
        world.comes_within(Duration::from_mins(2), Happening::Order);
        world.comes_within(Duration::from_mins(2), Happening::Sending);
        world
    }

    /// Until all that was asked has come to rest.
    pub(crate) fn run(&mut self) {
        for _ in 0..MOST_STEPS {
            self.figures.steps += 1;
            let next = self.coming.keys().next().map_or(Timestamp::MAX, |(at, _)| *at);
            let timers = self.nodes.iter().enumerate();
            let timer = timers
                .filter_map(|(at, node)| Some((node.next_timer(self.now)?, at)))
                .min();
            match timer {
                Some((at, node)) if at < next => {
                    self.now = self.now.max(at);
                    self.turn(node, Vec::new());
                }
                _ => {
                    let Some(((at, _), happening)) = self.coming.pop_first() else {
                        return;
                    };
                    self.now = self.now.max(at);
                    self.happen(happening);
                }
            }
            if self.peaceful() && self.is_at_rest() {
                self.figures.simulated += self.now.duration_since(self.began).unsigned_abs();
                return;
            }
        }
        panic!("I1: it does not come to rest: {}", self.restless());
    }

    /// What still goes on.
    fn restless(&self) -> String {
        let busy = self.nodes.iter().filter(|node| node.is_busy()).map(|node| node.token.0);
        let busy: Vec<_> = busy.collect();
        let open = self
            .all()
            .into_iter()
            .filter(|distribution| distribution.due_at(self.now).is_some());
        let open: Vec<_> = open
            .map(|distribution| {
                let of = |delivery: &Delivery| {
                    (
                        delivery.channel,
                        delivery.status,
                        delivery.phase,
                        delivery.next_attempt_at,
                    )
                };
                let owner = self.store.owner(&distribution.tenant, distribution.id);
                (
                    distribution.id,
                    owner,
                    distribution.deliveries.iter().map(of).collect::<Vec<_>>(),
                )
            })
            .collect();
        format!("it is {}, busy are {busy:?}, open are {open:?}", self.now)
    }

    /// Faults have stopped once the last request was made.
    pub(crate) fn peaceful(&self) -> bool {
        self.requests >= REQUESTS
    }

    fn is_at_rest(&self) -> bool {
        let effects = self
            .coming
            .values()
            .any(|coming| matches!(coming, Happening::Effect(_) | Happening::Gone(_)));
        let busy = effects || self.nodes.iter().any(Node::is_busy);
        !busy
            && self
                .all()
                .iter()
                .all(|distribution| distribution.due_at(self.now).is_none())
    }

    pub(crate) fn all(&self) -> Vec<Distribution> {
        let of = |tenant| self.store.list(&tenant, &Filter::default(), None, usize::MAX);
        tenants().into_iter().flat_map(of).collect()
    }

    /// Who asked for it.
    pub(crate) fn whose(&self, id: DistributionId) -> TenantId {
        self.asked[&id].tenant.clone()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Request => self.request(),
            Happening::RequestAgain(new) => self.request_again(new),
            Happening::Question => self.question(),
            Happening::Outage => self.outage(),
            Happening::Order => self.order(),
            Happening::Sending => self.order_sending(),
            Happening::Effect(call) => self.channels.take_effect(&call),
            Happening::Gone(call) => self.channels.take_down(&call),
            Happening::To(name, event) => {
                let Some(node) = self.nodes.iter().position(|node| node.name == name) else {
                    return;
                };
                if self.nodes[node].is_stalled(self.now) {
                    // It hears of it when it goes on.
                    let later = self.nodes[node].stalled_until;
                    self.number += 1;
                    self.coming.insert((later, self.number), Happening::To(name, event));
                    return;
                }
                self.happen_to(node, event);
            }
        }
    }

    fn happen_to(&mut self, node: usize, event: Event) {
        let name = self.nodes[node].name;
        let inputs = match event {
            Event::CommitEnds {
                batch,
                took_effect,
                says_so,
            } => self.commit_ends(node, &batch, took_effect, says_so),
            Event::Answer(input) => {
                self.nodes[node].is_answered(&input);
                vec![input]
            }
            Event::Adoption => {
                self.comes_within(Duration::from_secs(5), Happening::To(name, Event::Adoption));
                vec![Input::Adopted(self.adopt(node)), Input::Owned(self.owned(node))]
            }
            Event::HearsOrders => self.hears_orders(node),
            Event::Heartbeat => {
                self.comes_within(HEARTBEAT, Happening::To(name, Event::Heartbeat));
                return self.renew(node);
            }
            Event::ClockSlews => {
                self.comes_within(Duration::from_mins(1), Happening::To(name, Event::ClockSlews));
                return self.nodes[node].clock.slews(self.now, &mut self.rng);
            }
            Event::LivesAgain => return self.lives_again(node),
            Event::Dies => return self.dies(node),
        };
        self.turn(node, inputs);
    }

    /// Lets an engine decide, and carries it out, unless the node dies of it.
    pub(crate) fn turn(&mut self, node: usize, inputs: Vec<Input>) {
        let shown = self.nodes[node].clock.shows(self.now);
        let commands = self.nodes[node].engine.step(inputs, shown, &mut self.rng);
        self.nodes[node].begins_nothing_while_stopped(&commands, shown, &self.store);
        for command in commands {
            self.trace
                .push(format!("{} {} {command:?}", self.now, self.nodes[node].token.0));
            match self.fate() {
                Fate::GoesOn => self.perform(node, command),
                Fate::Dies => return self.dies(node),
                Fate::Stops => {
                    self.stops(node);
                    self.perform(node, command);
                }
                Fate::Stalls(time) => {
                    self.figures.stalls += 1;
                    self.nodes[node].stalled_until = self.now + time;
                    self.perform(node, command);
                }
            }
        }
        self.nodes[node].breakers.agree_with(&self.nodes[node].engine);
        self.begin_commit(node);
        if self.nodes[node].has_stopped() {
            self.dies(node);
        }
    }

    pub(crate) fn perform(&mut self, node: usize, command: Command) {
        match command {
            Command::Write(write) => self.nodes[node].gathered.push(write),
            Command::Step(call) => self.step(node, &call),
            Command::LookUp(call) => self.look_up(node, call),
            Command::Withdraw(call) => self.withdraw(node, &call),
            Command::Observe(call) => self.observe(node, &call),
            Command::Answer { id, answer } => self.client_hears(id, &answer),
            Command::AnswerAsk { ask, answer } => self.person_hears(ask, &answer),
            Command::Moves { distribution, .. } => is_committed(&self.store, &distribution),
            Command::Rests { distribution, .. } => {
                assert!(!distribution.moves(), "what is said to rest moves");
                is_committed(&self.store, &distribution);
            }
            Command::BreakerChanged {
                channel,
                account,
                from,
                to,
            } => {
                self.figures.count_breaker(account.is_some(), to.state);
                let lets_go = matches!(to.state, BreakerState::Closed | BreakerState::Disabled);
                self.nodes[node].held_wanted |= account.is_none() && lets_go;
                self.nodes[node].breakers.changes((channel, account), from, to.state);
            }
            Command::SendingResumed => self.nodes[node].held_wanted = true,
            Command::Forgotten { id, .. } => self.nodes[node].dropped.push(id),
            Command::Lost(_) => self.figures.refused_as_stale += 1,
        }
    }

    fn step(&mut self, node: usize, call: &Call) {
        self.nodes[node].breakers.sends(call);
        if !self.may_send(node) {
            return;
        }
        self.witness.begins(call);
        self.witness.calls(call.delivery.channel, self.nodes.len(), self.now);
        self.goes_out(node, call);
        let peaceful = self.peaceful();
        let Came {
            outcome,
            answered_after,
            effect_after,
        } = self.channels.step(call, peaceful, self.now, &mut self.rng);
        if let Some(after) = effect_after {
            self.comes_within(after, Happening::Effect(call.clone()));
        }
        let answer = Input::Stepped {
            reference: call.reference(),
            outcome,
        };
        self.answers(node, answer, answered_after);
    }

    pub(crate) fn goes_out(&mut self, node: usize, call: &Call) {
        self.is_out(node, call);
        intent_is_committed(&self.store, call);
    }

    /// What has no effect needs no intent.
    pub(crate) fn is_out(&mut self, node: usize, call: &Call) {
        let place = (call.distribution, call.delivery.channel);
        assert!(
            self.nodes[node].out.insert(place),
            "I4: two calls at once for {place:?}"
        );
    }

    /// An answer may come twice, the second time much later.
    pub(crate) fn answers(&mut self, node: usize, answer: Input, after: Duration) {
        let name = self.nodes[node].name;
        if !self.peaceful() && self.rng.random_range(0..20) == 0 {
            self.figures.doubled_answers += 1;
            let again = after + Duration::from_millis(self.rng.random_range(1..60_000));
            self.comes_within(again, Happening::To(name, Event::Answer(answer.clone())));
        }
        self.comes_within(after, Happening::To(name, Event::Answer(answer)));
    }

    pub(crate) fn begin_commit(&mut self, node: usize) {
        let peaceful = self.peaceful();
        let node = &mut self.nodes[node];
        if node.committing || node.gathered.is_empty() {
            return;
        }
        node.committing = true;
        let (batch, name) = (std::mem::take(&mut node.gathered), node.name);
        let fails = !peaceful && self.rng.random_range(0..40) == 0;
        let took_effect = !fails || self.rng.random_range(0..2) == 0;
        let flush = Duration::from_micros(self.rng.random_range(100..5_000));
        let ends = Event::CommitEnds {
            batch,
            took_effect,
            says_so: !fails,
        };
        self.comes_within(flush, Happening::To(name, ends));
    }

    fn commit_ends(&mut self, node: usize, batch: &[Write], took_effect: bool, says_so: bool) -> Vec<Input> {
        let token = self.nodes[node].token;
        self.nodes[node].committing = false;
        let written = if took_effect {
            self.commit(token, batch)
        } else {
            Vec::new()
        };
        let ids = batch.iter().map(Write::id);
        if says_so {
            let written = ids.zip(written);
            return written.map(|(id, written)| Input::Written { id, written }).collect();
        }
        self.figures.failed_commits += 1;
        ids.map(|id| Input::NotWritten { id }).collect()
    }

    /// Writes, and looks whether all is still as it must be.
    pub(crate) fn commit(&mut self, token: Incarnation, batch: &[Write]) -> Vec<Written> {
        let tenants: Vec<_> = batch.iter().map(|write| self.whose(write.id())).collect();
        let places = || batch.iter().zip(&tenants);
        let owners: Vec<_> = places()
            .map(|(write, tenant)| self.store.owner(tenant, write.id()))
            .collect();
        let before: Vec<_> = places()
            .map(|(write, tenant)| self.store.distribution(tenant, write.id()))
            .collect();
        let written = self.store.apply(batch);
        for ((write, owner), written) in batch.iter().zip(owners).zip(&written) {
            self.figures.evidence += u64::from(matches!(written, Written::Noted { .. }));
            let records = matches!(write, Write::Record(_)) && *written == Written::Recorded;
            assert!(
                !records || owner == Some(token) || self.was_written(write),
                "I5: {token:?} wrote what is not its own"
            );
            let tenant = &self.asked[&write.id()].tenant;
            self.witness.look(&self.store, tenant, write.id());
        }
        for ((write, before), written) in batch.iter().zip(&before).zip(&written) {
            self.keep_account(write, before.as_ref(), written);
        }
        written
    }

    /// A write that is given again after it took effect is answered, not done again.
    fn was_written(&self, write: &Write) -> bool {
        let Write::Record(record) = write else { return false };
        let history = self.store.history(&record.tenant, record.id).unwrap_or_default();
        history.contains(&record.history)
    }

    pub(crate) fn comes_within(&mut self, wait: Duration, happening: Happening) {
        self.number += 1;
        self.coming.insert((self.now + wait, self.number), happening);
    }
}

impl Drop for World {
    /// What led to a failure, where it is asked for.
    #[expect(clippy::print_stderr, reason = "for whoever replays a seed")]
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("FANFARE_TEST_TRACE").is_some() {
            eprintln!("{}", self.trace.join("\n"));
        }
    }
}

pub(crate) enum Fate {
    GoesOn,
    Dies,
    /// It is told to stop, and dies when all has ended.
    Stops,
    /// For so long.
    Stalls(Duration),
}
