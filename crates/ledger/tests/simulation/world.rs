//! The world around the engine: clients, commits, channels, time and death.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Answer, Call, Command, Engine, HOLD_LIMIT, Input, NewDistribution, Settings};
use fanfare_core::ids::{DistributionId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::request::RequestHash;
use fanfare_core::resilience::retry::RetryPolicy;
use fanfare_core::write::Write;
use fanfare_ledger::{Filter, Memory};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::channels::{Channels, SETTINGS};
use crate::figures::Figures;
use crate::invariants::{Witness, intent_is_committed, is_committed};
use crate::requests::request;

/// Requests of one run.
const REQUESTS: u32 = 30;

/// A run that takes more steps than this does not come to rest.
const MOST_STEPS: u32 = 200_000;

/// What will happen, and when; the number keeps the order of what happens together.
#[expect(clippy::large_enum_variant, reason = "a handful of them live at once")]
enum Happening {
    /// A client asks.
    Request,
    /// A commit ends: whether it took effect, and whether it says so.
    CommitEnds {
        batch: Vec<Write>,
        took_effect: bool,
        says_so: bool,
    },
    /// A channel answers.
    Answer(Input),
    /// The node looks for work that nobody owns.
    Adoption,
    /// A timer of the engine.
    Timer,
}

pub(crate) struct World {
    now: Timestamp,
    rng: StdRng,
    store: Memory,
    engine: Engine,
    token: Incarnation,
    channels: Channels,
    coming: BTreeMap<(Timestamp, u64), Happening>,
    number: u64,
    /// Handed to the Ledger while it commits.
    gathered: Vec<Write>,
    committing: bool,
    commit_failed: bool,
    requests: u32,
    asked: BTreeMap<DistributionId, NewDistribution>,
    by_key: BTreeMap<(IdempotencyKey, [u8; 32]), DistributionId>,
    acknowledged: BTreeSet<DistributionId>,
    out: BTreeSet<(DistributionId, Channel)>,
    witness: Witness,
    figures: Figures,
    trace: Vec<String>,
}

fn settings() -> Settings {
    let retry = RetryPolicy {
        max_attempts: 4,
        max_interval: Duration::from_mins(2),
        ..RetryPolicy::default()
    };
    let look_up = RetryPolicy {
        max_attempts: 6,
        ..retry
    };
    Settings {
        channels: SETTINGS,
        retry,
        look_up,
        call_deadline: Duration::from_secs(10),
        max_in_flight: 20,
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut store = Memory::default();
        let token = store.begin_incarnation();
        let mut world = Self {
            now: "2026-11-22T09:00:00Z".parse().unwrap(),
            rng: StdRng::seed_from_u64(seed),
            store,
            engine: Engine::new(settings(), token),
            token,
            channels: Channels::default(),
            coming: BTreeMap::new(),
            number: 0,
            gathered: Vec::new(),
            committing: false,
            commit_failed: false,
            requests: 0,
            asked: BTreeMap::new(),
            by_key: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            out: BTreeSet::new(),
            witness: Witness::default(),
            figures: Figures::default(),
            trace: Vec::new(),
        };
        world.comes_within(Duration::from_millis(1), Happening::Request);
        world.comes_within(Duration::from_millis(1), Happening::Adoption);
        world
    }

    /// Until all that was asked has come to rest.
    pub(crate) fn run(&mut self) {
        for _ in 0..MOST_STEPS {
            self.figures.steps += 1;
            let timer = self.engine.next_timer().unwrap_or(Timestamp::MAX);
            let next = self.coming.keys().next().map_or(Timestamp::MAX, |(at, _)| *at);
            let happening = if timer < next {
                self.now = self.now.max(timer);
                Happening::Timer
            } else {
                let Some(((at, _), happening)) = self.coming.pop_first() else {
                    return;
                };
                self.now = self.now.max(at);
                happening
            };
            self.happen(happening);
            if self.requests >= REQUESTS && self.is_at_rest() {
                return;
            }
        }
        panic!("I1: it does not come to rest");
    }

    /// Faults have stopped once the last request was made.
    fn peaceful(&self) -> bool {
        self.requests >= REQUESTS
    }

    fn is_at_rest(&self) -> bool {
        let busy = self.engine.is_busy() || self.committing || !self.gathered.is_empty() || !self.out.is_empty();
        !busy
            && self
                .all()
                .iter()
                .all(|distribution| !distribution.moves() && distribution.due_at(self.now).is_none())
    }

    fn all(&self) -> Vec<Distribution> {
        self.store
            .list(&TenantId::default(), &Filter::default(), None, usize::MAX)
    }

    fn happen(&mut self, happening: Happening) {
        let inputs = match happening {
            Happening::Request => vec![self.ask()],
            Happening::CommitEnds {
                batch,
                took_effect,
                says_so,
            } => self.commit_ends(&batch, took_effect, says_so),
            Happening::Answer(input) => {
                if let Input::Stepped { reference, .. } | Input::LookedUp { reference, .. } = &input {
                    self.out.remove(&(reference.distribution, reference.channel));
                }
                vec![input]
            }
            Happening::Adoption => {
                self.comes_within(Duration::from_secs(5), Happening::Adoption);
                let due_by = self.now + HOLD_LIMIT;
                let include_own = std::mem::take(&mut self.commit_failed);
                vec![Input::Adopted(self.store.adopt(self.token, due_by, include_own, 50))]
            }
            Happening::Timer => vec![],
        };
        let commands = self.engine.step(inputs, self.now, &mut self.rng);
        for command in commands {
            self.trace.push(format!("{} {command:?}", self.now));
            if !self.peaceful() && self.rng.random_range(0..150) == 0 {
                self.crash();
                return;
            }
            self.perform(command);
        }
        self.begin_commit();
    }

    fn ask(&mut self) -> Input {
        self.requests += 1;
        if self.requests < REQUESTS {
            let pause = Duration::from_millis(self.rng.random_range(0..20_000));
            self.comes_within(pause, Happening::Request);
        }
        let id = DistributionId::new(self.now, &mut self.rng);
        let new = request(self.now, &mut self.rng);
        self.asked.insert(id, new.clone());
        Input::Accept { id, new: Box::new(new) }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Write(write) => self.gathered.push(write),
            Command::Step(call) => {
                self.goes_out(&call);
                let peaceful = self.peaceful();
                let outcome = self.channels.step(&call, peaceful, self.now, &mut self.rng);
                self.answers(Input::Stepped {
                    reference: call.reference(),
                    outcome,
                });
            }
            Command::LookUp(call) => {
                self.goes_out(&call);
                let peaceful = self.peaceful();
                let outcome = self.channels.look_up(&call, peaceful, &mut self.rng);
                self.answers(Input::LookedUp {
                    reference: call.reference(),
                    outcome,
                });
            }
            Command::Answer { id, answer } => self.client_hears(id, &answer),
            Command::Moves { distribution, .. } => is_committed(&self.store, &distribution),
            Command::Rests { distribution, .. } => {
                assert!(!distribution.moves(), "what is said to rest moves");
                is_committed(&self.store, &distribution);
            }
            Command::AnswerAsk { .. } => {}
            Command::Lost(id) => panic!("{id} was fenced although there is one node"),
        }
    }

    fn goes_out(&mut self, call: &Call) {
        let place = (call.distribution, call.delivery.channel);
        assert!(self.out.insert(place), "I4: two calls at once for {place:?}");
        intent_is_committed(&self.store, call);
    }

    fn answers(&mut self, input: Input) {
        let travel = Duration::from_millis(self.rng.random_range(1..3_000));
        self.comes_within(travel, Happening::Answer(input));
    }

    fn client_hears(&mut self, id: DistributionId, answer: &Answer) {
        let Some(new) = self.asked.get(&id).cloned() else {
            return;
        };
        let tenant = TenantId::default();
        match answer {
            Answer::Accepted(_) => {
                assert!(
                    self.store.distribution(&tenant, id).is_some(),
                    "I1: {id} was acknowledged and is not there"
                );
                self.acknowledged.insert(id);
                self.figures.acknowledged += 1;
                self.key_means(&new, id);
            }
            Answer::Replayed(existing) => {
                self.figures.replayed += 1;
                let first = self
                    .store
                    .distribution(&tenant, *existing)
                    .expect("I12: a replay of nothing");
                assert_eq!(first.request.hash, new.request.hash, "I12: a replay of another request");
                self.key_means(&new, *existing);
            }
            Answer::Held(holders) => {
                self.figures.held += 1;
                assert!(!holders.is_empty());
            }
            Answer::KeyReused(existing) => {
                let first = self
                    .store
                    .distribution(&tenant, *existing)
                    .expect("I12: a key of nothing");
                assert_ne!(first.request.hash, new.request.hash, "I12: the same request is refused");
            }
            Answer::Overloaded { .. } | Answer::Unavailable { .. } => {}
        }
    }

    /// I12: the same key and request, the same distribution.
    fn key_means(&mut self, new: &NewDistribution, id: DistributionId) {
        let RequestHash(hash) = new.request.hash;
        if let Some(key) = new.idempotency_key.clone() {
            let first = *self.by_key.entry((key, hash)).or_insert(id);
            assert_eq!(first, id, "I12: one key, two distributions");
        }
    }

    fn begin_commit(&mut self) {
        if self.committing || self.gathered.is_empty() {
            return;
        }
        self.committing = true;
        let batch = std::mem::take(&mut self.gathered);
        let fails = !self.peaceful() && self.rng.random_range(0..40) == 0;
        let took_effect = !fails || self.rng.random_range(0..2) == 0;
        let flush = Duration::from_micros(self.rng.random_range(100..5_000));
        self.comes_within(
            flush,
            Happening::CommitEnds {
                batch,
                took_effect,
                says_so: !fails,
            },
        );
    }

    fn commit_ends(&mut self, batch: &[Write], took_effect: bool, says_so: bool) -> Vec<Input> {
        self.committing = false;
        let ids: Vec<_> = batch.iter().map(Write::id).collect();
        let written = if took_effect {
            self.store.apply(batch)
        } else {
            Vec::new()
        };
        for id in &ids {
            self.witness.look(&self.store, *id);
        }
        if says_so {
            return ids
                .into_iter()
                .zip(written)
                .map(|(id, written)| Input::Written { id, written })
                .collect();
        }
        self.figures.failed_commits += 1;
        self.commit_failed = true;
        ids.into_iter().map(|id| Input::NotWritten { id }).collect()
    }

    /// All that is in memory is gone; a commit that was under way may have taken
    /// effect, and what was sent to the channels was sent.
    fn crash(&mut self) {
        self.figures.crashes += 1;
        self.trace.push(format!("{} crash", self.now));
        for (_, happening) in std::mem::take(&mut self.coming) {
            match happening {
                Happening::CommitEnds {
                    batch,
                    took_effect: true,
                    ..
                } if self.rng.random_range(0..2) == 0 => {
                    self.store.apply(&batch);
                    for write in &batch {
                        self.witness.look(&self.store, write.id());
                    }
                }
                Happening::Request => self.comes_within(Duration::from_secs(1), Happening::Request),
                _ => {}
            }
        }
        self.gathered.clear();
        self.committing = false;
        self.commit_failed = false;
        self.out.clear();
        self.token = self.store.begin_incarnation();
        self.engine = Engine::new(settings(), self.token);
        self.comes_within(Duration::from_millis(200), Happening::Adoption);
    }

    fn comes_within(&mut self, wait: Duration, happening: Happening) {
        self.number += 1;
        self.coming.insert((self.now + wait, self.number), happening);
    }

    /// Looks at all of it once more, and counts.
    pub(crate) fn finish(mut self) -> (String, Figures) {
        let distributions = self.all();
        for distribution in &distributions {
            self.witness.look(&self.store, distribution.id);
            for delivery in &distribution.deliveries {
                *self.figures.statuses.entry(delivery.status.name()).or_default() += 1;
                self.figures.left_to_a_person += u64::from(delivery.status == DeliveryStatus::NeedsReview);
                let exists = self.channels.came_to_be(delivery.channel, &delivery.idempotency_key());
                let says = delivery.status == DeliveryStatus::Success;
                let unsure = delivery.status == DeliveryStatus::NeedsReview;
                assert!(
                    unsure || exists == says,
                    "{} says {:?}, the channel says {exists}",
                    delivery.id,
                    delivery.status
                );
            }
        }
        let is_lost = |id: &&DistributionId| !distributions.iter().any(|known| known.id == **id);
        self.figures.lost = self.acknowledged.iter().filter(is_lost).count() as u64;
        assert_eq!(self.figures.lost, 0, "I1: acknowledged and lost");
        claims_are_held_once(&distributions);
        assert_eq!(
            self.channels.doubled(),
            Vec::<&(Channel, String)>::new(),
            "I2: one delivery, two effects"
        );
        for ((event, channel), times) in self.channels.effects_by_event() {
            let allowed = 1 + repeats_allowed(&distributions, &event, channel);
            self.figures.repeated += times.saturating_sub(allowed);
            assert!(
                times <= allowed,
                "I2: {event} came to be {times} times on {channel}, {allowed} were allowed"
            );
        }
        (self.trace.join("\n"), self.figures)
    }
}

/// Distributions that were accepted as repeats of this event on this channel.
fn repeats_allowed(distributions: &[Distribution], event: &str, channel: Channel) -> u64 {
    let of_this = |known: &&Distribution| known.event_id.as_str() == event && known.delivery(channel).is_some();
    let repeats = distributions
        .iter()
        .filter(of_this)
        .filter(|known| known.request.request.allow_repeat);
    repeats.count() as u64
}

/// At most one holder of a claim, and none that failed.
fn claims_are_held_once(distributions: &[Distribution]) {
    let mut holders = BTreeMap::new();
    for distribution in distributions {
        for delivery in distribution.deliveries.iter().filter(|delivery| delivery.holds_claim) {
            let claim = (distribution.event_id.clone(), delivery.channel);
            let other = holders.insert(claim, distribution.id);
            assert_eq!(
                other, None,
                "{} of {} is claimed twice",
                delivery.channel, distribution.event_id
            );
            let released = matches!(delivery.status, DeliveryStatus::Failed | DeliveryStatus::Cancelled);
            assert!(
                !released,
                "{} holds a claim although it is {:?}",
                delivery.id, delivery.status
            );
        }
    }
}
