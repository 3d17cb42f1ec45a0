//! Drives one delivery by the real engine over the in-memory store, with a
//! clock that jumps from event to event; only the calls to the channel take real
//! time. The process may die before or after any call.

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::Delivery;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{
    Ask, AskId, Call, ChannelSettings, Command, Engine, HOLD_LIMIT, Input, NewDistribution, Settings,
};
use fanfare_core::ids::{DistributionId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::request::{CanonicalRequest, DistributeRequest};
use fanfare_core::resilience::breaker::BreakerSettings;
use fanfare_core::resilience::retry::RetryPolicy;
use fanfare_core::write::Write;
use fanfare_ledger::{MemoryStore, SqliteStore, Store};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;

use crate::schema::Database as Schema;
use crate::simulated::Simulated;

/// What does not rest after so many turns never will. A night, in looks for work
/// that nobody owns, is some thousand.
const MOST_TURNS: u32 = 20_000;

/// When the process dies, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Death {
    /// At a commit, or at a call.
    pub(crate) at: Point,
    /// Which one, from 1.
    pub(crate) number: u32,
    /// It is done, and what came of it is heard by nobody; or it is not done.
    pub(crate) done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    Commit,
    Call,
}

/// Which call of a client's.
#[derive(Clone, Copy)]
enum Kind {
    Step,
    LookUp,
    Withdraw,
    Observe,
}

/// The database, which outlives the process.
pub(crate) enum Database {
    Memory(Arc<MemoryStore>),
    Sqlite(TempDir),
    Postgres(Schema),
}

impl Database {
    async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::clone(store) as Arc<dyn Store>,
            Self::Sqlite(directory) => Arc::new(SqliteStore::open(directory.path()).unwrap()),
            Self::Postgres(schema) => Arc::new(schema.store().await),
        }
    }
}

/// What came of a delivery.
pub(crate) struct Outcome {
    pub(crate) distribution: Distribution,
    pub(crate) delivery: Delivery,
    /// Numbers of its entries in the history.
    pub(crate) history: Vec<u32>,
    /// Events that were published of it.
    pub(crate) events: usize,
    pub(crate) commits: u32,
    pub(crate) calls: u32,
}

pub(crate) struct Driver<'s> {
    simulated: &'s Simulated,
    client: Arc<dyn ChannelClient>,
    database: Database,
    store: Option<Arc<dyn Store>>,
    token: Incarnation,
    engine: Engine,
    now: Timestamp,
    rng: StdRng,
    death: Option<Death>,
    commits: u32,
    calls: u32,
}

impl<'s> Driver<'s> {
    pub(crate) async fn new(
        simulated: &'s Simulated,
        client: Arc<dyn ChannelClient>,
        database: Database,
        death: Option<Death>,
    ) -> Self {
        let store = database.open().await;
        let now = simulated.now();
        let token = store.begin_incarnation(now).await.unwrap();
        Self {
            engine: Engine::new(settings(&*client), token),
            simulated,
            client,
            database,
            store: Some(store),
            token,
            now,
            rng: StdRng::seed_from_u64(1),
            death,
            commits: 0,
            calls: 0,
        }
    }

    /// Until nothing more happens by itself. A client whose request was not
    /// acknowledged asks again, under the same key.
    pub(crate) async fn distribute(mut self, request: DistributeRequest) -> Outcome {
        let stored = Box::pin(self.until_it_rests(request)).await;
        self.outcome(stored).await
    }

    /// The same, and then what is live is taken down, under these faults and this
    /// death. Who asked and was not heard asks again.
    pub(crate) async fn withdraw(
        mut self,
        request: DistributeRequest,
        faults: &Value,
        death: Option<Death>,
    ) -> Outcome {
        let id = Box::pin(self.until_it_rests(request)).await.id;
        self.simulated.goes_wrong(faults).await;
        (self.death, self.commits, self.calls) = (death, 0, 0);
        let tenant = TenantId::default();
        let mut inputs = Vec::new();
        for _ in 0..MOST_TURNS {
            inputs = self.turn(inputs).await;
            if !inputs.is_empty() {
                continue;
            }
            let stored = self.store().distribution(&tenant, id).await.unwrap().unwrap();
            let delivery = &stored.deliveries[0];
            if delivery.is_withdrawn() || delivery.has_stayed() {
                return self.outcome(stored).await;
            }
            self.time_passes();
            if delivery.is_withdrawing() {
                let due_by = self.now + HOLD_LIMIT;
                let adopted = self.store().adopt(self.token, due_by, 10).await.unwrap();
                inputs.push(Input::Adopted(adopted));
                continue;
            }
            let adopted = self.store().adopt_one(self.token, &tenant, id).await.unwrap();
            inputs.push(Input::Asked {
                ask: AskId(1),
                id,
                what: Ask::Withdraw {
                    channel: delivery.channel,
                    by: None,
                    reason: None,
                },
                adopted: adopted.map(Box::new),
                evidence: Vec::new(),
            });
        }
        panic!("it does not come to rest")
    }

    async fn until_it_rests(&mut self, request: DistributeRequest) -> Distribution {
        let tenant = TenantId::default();
        let key = IdempotencyKey::new("key");
        let mut inputs = Vec::new();
        for _ in 0..MOST_TURNS {
            inputs = self.turn(inputs).await;
            if !inputs.is_empty() {
                continue;
            }
            let Some(stored) = self
                .store()
                .distribution_of_key(&tenant, &key, Timestamp::UNIX_EPOCH)
                .await
                .unwrap()
            else {
                let id = DistributionId::new(self.now, &mut self.rng);
                let new = Box::new(new(request.clone(), key.clone()));
                inputs.push(Input::Accept { id, new });
                continue;
            };
            // What the channel says later of it is asked for by `later.rs`.
            if stored.due_at(self.now).is_none() || !stored.unfinished() {
                return stored;
            }
            self.time_passes();
            let due_by = self.now + HOLD_LIMIT;
            let adopted = self.store().adopt(self.token, due_by, 10).await.unwrap();
            inputs.push(Input::Adopted(adopted));
        }
        panic!("it does not come to rest")
    }

    fn store(&self) -> &dyn Store {
        &**self.store.as_ref().unwrap()
    }

    async fn turn(&mut self, inputs: Vec<Input>) -> Vec<Input> {
        let commands = self.engine.step(inputs, self.now, &mut self.rng);
        let mut heard = Vec::new();
        for command in commands {
            let answer = match command {
                Command::Write(write) => self.commit(write).await,
                Command::Step(call) => self.call(call, Kind::Step).await,
                Command::LookUp(call) => self.call(call, Kind::LookUp).await,
                Command::Withdraw(call) => self.call(call, Kind::Withdraw).await,
                Command::Observe(call) => self.call(call, Kind::Observe).await,
                _ => continue,
            };
            match answer {
                Some(answer) => heard.push(answer),
                None => return self.next_life().await,
            }
        }
        heard
    }

    async fn commit(&mut self, write: Write) -> Option<Input> {
        self.commits += 1;
        let id = write.id();
        let death = self.death_at(Point::Commit, self.commits);
        if death.is_some_and(|death| !death.done) {
            return None;
        }
        let written = self.store().commit(vec![write]).await.unwrap().remove(0);
        death.is_none().then_some(Input::Written { id, written })
    }

    async fn call(&mut self, call: Call, kind: Kind) -> Option<Input> {
        self.calls += 1;
        let death = self.death_at(Point::Call, self.calls);
        if death.is_some_and(|death| !death.done) {
            return None;
        }
        let reference = call.reference();
        let answer = match kind {
            Kind::Step => {
                let outcome = self.client.step(&call, self.now).await;
                Input::Stepped { reference, outcome }
            }
            Kind::LookUp => {
                let outcome = self.client.look_up(&call, self.now).await;
                Input::LookedUp { reference, outcome }
            }
            Kind::Withdraw => {
                let outcome = self.client.withdraw(&call, self.now).await;
                Input::Withdrawn { reference, outcome }
            }
            Kind::Observe => {
                let outcome = self.client.observe(&call, self.now).await;
                Input::Observed { reference, outcome }
            }
        };
        death.is_none().then_some(answer)
    }

    fn death_at(&self, at: Point, number: u32) -> Option<Death> {
        self.death.filter(|death| death.at == at && death.number == number)
    }

    /// All that is in memory is gone, and the next life takes over what is in
    /// the database.
    async fn next_life(&mut self) -> Vec<Input> {
        // A database in use can't be opened again.
        self.store = None;
        let store = self.database.open().await;
        // Where several lives are at once, its lease would have to end.
        store.end_incarnation(self.token).await.unwrap();
        self.token = store.begin_incarnation(self.now).await.unwrap();
        self.engine = Engine::new(settings(&*self.client), self.token);
        let adopted = store.adopt(self.token, self.now + HOLD_LIMIT, 10).await.unwrap();
        self.store = Some(store);
        vec![Input::Adopted(adopted)]
    }

    async fn outcome(&self, distribution: Distribution) -> Outcome {
        let tenant = TenantId::default();
        let history = self.store().history(&tenant, distribution.id).await.unwrap().unwrap();
        let events = self.store().events(&tenant, 0, 100).await.unwrap();
        Outcome {
            delivery: distribution.deliveries[0].clone(),
            history: history.iter().map(|entry| entry.number).collect(),
            events: events.len(),
            distribution,
            commits: self.commits,
            calls: self.calls,
        }
    }

    /// To the next timer, though no further than a look for work that nobody owns.
    fn time_passes(&mut self) {
        let look = self.now + Duration::from_secs(5);
        let next = self.engine.next_timer().map_or(look, |timer| timer.max(self.now));
        let wait = Duration::try_from(next.duration_since(self.now)).unwrap();
        self.now = next;
        self.simulated.advance(wait);
    }
}

fn settings(client: &dyn ChannelClient) -> Settings {
    let protocol = client.protocol();
    let channels = [ChannelSettings {
        concurrency: 4,
        rate_limit: None,
        protocol,
        accounts_apart: false,
    }; Channel::ALL.len()];
    let retry = RetryPolicy::default();
    Settings {
        channels,
        retry,
        look_up: RetryPolicy {
            max_attempts: 20,
            max_age: Duration::from_hours(1),
            ..retry
        },
        call_deadline: Duration::from_secs(10),
        // What is asked here is what one delivery does.
        breaker: BreakerSettings {
            minimum_number_of_calls: u32::MAX,
            consecutive_failures: u32::MAX,
            ..BreakerSettings::default()
        },
        heartbeat: Duration::from_secs(5),
        max_in_flight: 10,
        max_backlog: Duration::from_secs(20),
        spend_caps: fanfare_core::spend::SpendCaps::default(),
    }
}

fn new(request: DistributeRequest, key: IdempotencyKey) -> NewDistribution {
    NewDistribution {
        tenant: TenantId::default(),
        request: CanonicalRequest::new(request),
        skipped: Vec::new(),
        modes: [Mode::Live; Channel::ALL.len()],
        idempotency_key: Some(key),
    }
}
