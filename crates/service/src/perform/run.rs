//! The one loop around the engine: gather what happened, let the engine decide,
//! carry it out.

mod life;

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{AskAnswer, AskId, Command, Engine, Input, Settings};
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::resilience::breaker::{BreakerState, BreakerView};
use fanfare_ledger::{Committed, Done, GroupCommit, GroupCommitHandle, GroupCommitSettings, Store, StoreError};
use jiff::Timestamp;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::attempts::Attempts;
use super::breakers::Breakers;
use super::call_counts::CallCounts;
use super::channels::{CallThread, Calls};
use super::count::Counts;
use super::elsewhere::Elsewhere;
use super::feed::Feed;
use super::health::Health;
use super::lease::{Lease, LeaseSettings, Life};
use super::sweep::{ADOPT_INTERVAL, EXPIRE_INTERVAL, OWNED_INTERVAL, Retention, Sweeps};
use super::{Answer, EngineHandle, Intake, Question};
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::outbox::Link;
use crate::status::{CachedStatus, StatusCache};

/// Requests that wait for the engine; beyond it their senders wait.
const INTAKE_CAPACITY: usize = 1_024;

/// What the loop works with.
pub struct Parts {
    /// Of the engine.
    pub engine: Settings,
    /// A call to a channel is over after this time.
    pub call_deadline: Duration,
    /// Whom each channel is called as.
    pub accounts: Arc<Accounts>,
    /// Of the group commit.
    pub group_commit: GroupCommitSettings,
    /// How this node's life is kept.
    pub lease: LeaseSettings,
    /// What is deleted, and when.
    pub retention: Retention,
    /// Where distributions are kept.
    pub store: Arc<dyn Store>,
    /// Where resting states are cached.
    pub cache: Arc<dyn StatusCache>,
    /// The relay that is told what has come to rest, where there is one.
    pub relay: Option<Arc<Link>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// For ids and jitter.
    pub rng: StdRng,
}

/// Why the loop could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// This life could not be entered in the database.
    #[error("the node could not be entered in the database")]
    Store(#[from] StoreError),
    /// No thread could be had for the calls to channels.
    #[error("no thread could be started for the calls to channels")]
    Thread(#[from] std::io::Error),
}

/// The loop, running.
pub struct Running {
    /// The door.
    pub handle: EngineHandle,
    stop: watch::Sender<Option<Instant>>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Takes nothing new and begins nothing, lets what is out end, at most until
    /// the deadline, closes the Ledger, and leaves the rest to other lives.
    pub async fn stop(self, within: Duration) {
        self.stop.send_replace(Some(Instant::now() + within));
        if let Err(error) = self.task.await {
            tracing::error!(error = &error as &dyn Error, "the loop around the engine ended badly");
        }
    }
}

/// Enters this life in the database and starts the loop.
pub async fn start(parts: Parts) -> Result<Running, RunError> {
    let begun = Instant::now();
    let token = parts.store.begin_incarnation(parts.clock.now()).await?;
    let lease = Lease::new(token, begun, parts.lease);
    let (over_sender, over) = mpsc::unbounded_channel();
    let clock = Arc::clone(&parts.clock);
    let (intake, intake_receiver) = mpsc::channel(INTAKE_CAPACITY);
    let (done_sender, done) = mpsc::unbounded_channel();
    let (found_sender, found) = mpsc::unbounded_channel();
    let senders = (over_sender, found_sender.clone());
    lease.keep((Arc::clone(&parts.store), clock), parts.lease, senders);
    let (stop, stopping) = watch::channel(None);
    let feed = Arc::new(Feed::default());
    let breakers = Breakers::start(Arc::clone(&parts.store), found_sender.clone()).await?;
    let ledger = GroupCommit::start(Arc::clone(&parts.store), parts.group_commit, done_sender);
    let handle = EngineHandle {
        intake,
        feed: Arc::clone(&feed),
        store: Arc::clone(&parts.store),
        elsewhere: Elsewhere::start(Arc::clone(&parts.store)),
        health: Health::watch(parts.accounts.shared_connections()),
        accounts: Arc::clone(&parts.accounts),
        breakers: Arc::clone(&breakers),
        life: Life::new(token),
        relay: parts.relay.clone(),
    };
    let calls = Calls {
        accounts: parts.accounts,
        store: Arc::clone(&parts.store),
        deadline: parts.call_deadline,
        lease: lease.clone(),
        thread: CallThread::start(found_sender.clone())?,
        counts: CallCounts::register(),
    };
    let counts = Counts::register(parts.engine.channels.map(|channel| channel.concurrency));
    let performer = Performer {
        calls,
        engine: Engine::new(parts.engine, token),
        ledger,
        group_commit: parts.group_commit,
        store: Arc::clone(&parts.store),
        lease,
        lease_settings: parts.lease,
        life: handle.life.clone(),
        cache: parts.cache,
        relay: parts.relay,
        feed,
        clock: parts.clock,
        rng: parts.rng,
        replies: HashMap::new(),
        questions: HashMap::new(),
        asked: 0,
        sweeps: Sweeps::new(parts.store, parts.retention, token, found_sender),
        counts,
        attempts: Attempts::register(),
        breakers,
    };
    let sources = Sources {
        intake: intake_receiver,
        done,
        found,
        over,
        stopping,
    };
    let task = tokio::spawn(performer.run(sources));
    Ok(Running { handle, stop, task })
}

/// Where inputs come from.
struct Sources {
    intake: mpsc::Receiver<Intake>,
    done: mpsc::UnboundedReceiver<Committed>,
    found: mpsc::UnboundedReceiver<Input>,
    /// Lives that were taken for over.
    over: mpsc::UnboundedReceiver<Incarnation>,
    stopping: watch::Receiver<Option<Instant>>,
}

struct Performer {
    engine: Engine,
    calls: Calls,
    ledger: GroupCommitHandle,
    group_commit: GroupCommitSettings,
    store: Arc<dyn Store>,
    lease: Lease,
    lease_settings: LeaseSettings,
    life: Life,
    cache: Arc<dyn StatusCache>,
    relay: Option<Arc<Link>>,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
    rng: StdRng,
    replies: HashMap<DistributionId, oneshot::Sender<Answer>>,
    questions: HashMap<AskId, oneshot::Sender<AskAnswer>>,
    /// Questions so far.
    asked: u64,
    sweeps: Sweeps,
    counts: Counts,
    attempts: Attempts,
    breakers: Arc<Breakers>,
}

impl Performer {
    async fn run(mut self, mut sources: Sources) {
        let mut adopt = tokio::time::interval(ADOPT_INTERVAL);
        adopt.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = tokio::time::interval(OWNED_INTERVAL);
        let mut expire = tokio::time::interval(EXPIRE_INTERVAL);
        let mut deadline = None;
        while !self.may_stop(deadline) {
            let mut inputs = Vec::new();
            tokio::select! {
                Some(intake) = sources.intake.recv() => self.take_in(intake, &mut inputs),
                Some(done) = sources.done.recv() => self.take_done(done, &mut inputs),
                Some(found) = sources.found.recv() => inputs.push(found),
                () = sleep_until_timer(self.engine.next_timer(), self.clock.now()) => {}
                _ = adopt.tick(), if deadline.is_none() => self.adopt(),
                _ = missed.tick(), if deadline.is_none() => self.sweeps.find_missed(self.clock.now()),
                _ = expire.tick() => self.sweeps.expire(self.clock.now()),
                Some(over) = sources.over.recv(), if deadline.is_none() => self.live_again(over, &mut sources).await,
                stop = stop_of(&mut sources.stopping), if deadline.is_none() => {
                    deadline = Some(stop);
                    self.wind_down(&mut sources);
                }
                () = sleep_until_deadline(deadline) => {}
            }
            self.gather(&mut sources, &mut inputs);
            self.turn(inputs);
        }
        self.ledger.close().await;
        self.feed.forget_all();
    }

    /// Takes all else that is there already, so that it is committed together.
    fn gather(&mut self, sources: &mut Sources, inputs: &mut Vec<Input>) {
        while let Ok(done) = sources.done.try_recv() {
            self.take_done(done, inputs);
        }
        while let Ok(found) = sources.found.try_recv() {
            inputs.push(found);
        }
        while let Ok(intake) = sources.intake.try_recv() {
            self.take_in(intake, inputs);
        }
    }

    fn adopt(&mut self) {
        self.sweeps.adopt(self.clock.now(), self.engine.room_to_adopt());
    }

    fn take_in(&mut self, intake: Intake, inputs: &mut Vec<Input>) {
        match intake {
            Intake::New { new, reply } => {
                let id = DistributionId::new(self.clock.now(), &mut self.rng);
                self.replies.insert(id, reply);
                inputs.push(Input::Accept { id, new });
            }
            Intake::Question(question) => {
                let Question {
                    id,
                    what,
                    adopted,
                    evidence,
                    reply,
                } = *question;
                let ask = AskId(self.asked);
                self.asked += 1;
                self.questions.insert(ask, reply);
                inputs.push(Input::Asked {
                    ask,
                    id,
                    what,
                    adopted,
                    evidence,
                });
            }
        }
    }

    fn take_done(&mut self, committed: Committed, inputs: &mut Vec<Input>) {
        self.counts.commit(&committed);
        for Done { id, result } in committed.done {
            // Why a commit failed, the group commit has logged.
            inputs.push(match result {
                Ok(written) => Input::Written { id, written },
                Err(_) => Input::NotWritten { id },
            });
        }
    }

    /// Lets the engine decide and carries it out; mocks answer in place, so
    /// that what they say is committed together.
    fn turn(&mut self, mut inputs: Vec<Input>) {
        loop {
            let now = self.clock.now();
            let commands = self.engine.step(inputs, now, &mut self.rng);
            inputs = commands
                .into_iter()
                .filter_map(|command| self.perform(command, now))
                .collect();
            if inputs.is_empty() {
                self.counts.load(&self.engine, now);
                return;
            }
        }
    }

    fn perform(&mut self, command: Command, now: Timestamp) -> Option<Input> {
        match command {
            Command::Write(write) => {
                self.attempts.writes(&write);
                self.ledger.submit(write);
            }
            Command::Step(call) => return self.calls.step(call, now),
            Command::LookUp(call) => return self.calls.look_up(call, now),
            Command::Withdraw(call) => return self.calls.withdraw(call, now),
            Command::Observe(call) => return self.calls.observe(call, now),
            Command::Answer { id, answer } => {
                self.counts.answer(&answer);
                if !matches!(answer, Answer::Accepted(_)) {
                    self.attempts.forget(id);
                }
                if let Some(reply) = self.replies.remove(&id) {
                    // A client that has gone away needs no answer.
                    _ = reply.send(answer);
                }
            }
            Command::Moves { distribution, others } => {
                // Only an event that was distributed before can be cached.
                if distribution.history_number > 1 || !others.is_empty() {
                    self.uncache(Arc::clone(&distribution));
                }
                let before = self.feed.moves(Arc::clone(&distribution));
                self.attempts.committed(&distribution, before.as_deref());
            }
            Command::Rests { distribution, others } => self.rest(distribution, others),
            Command::BreakerChanged {
                channel,
                account,
                from,
                to,
            } => self.breaker_changed((channel, account), (from, to), now),
            Command::SendingResumed => self.sweeps.adopt_held(now, self.engine.room_to_adopt()),
            Command::Forgotten { tenant, id } => {
                self.feed.forget(id);
                self.attempts.forget(id);
                self.sweeps.take_back(tenant, id);
            }
            Command::Lost(id) => {
                tracing::warn!(distribution.id = %id, "another node owns the distribution; left to it");
                self.feed.forget(id);
                self.attempts.forget(id);
            }
            Command::AnswerAsk { ask, answer } => {
                if let Some(reply) = self.questions.remove(&ask) {
                    // A client that has gone away needs no answer.
                    _ = reply.send(answer);
                }
            }
        }
        None
    }

    /// What waited for a channel's and was left to nobody is taken over, to go on at once.
    fn breaker_changed(
        &self,
        (channel, account): (Channel, Option<TenantId>),
        (from, to): (BreakerState, BreakerView),
        now: Timestamp,
    ) {
        let (was, is, tenant) = (from.name(), to.state.name(), account.as_ref().map(TenantId::as_str));
        if to.state.holds() {
            tracing::warn!(channel = %channel, tenant, was, is, "the breaker holds calls back");
        } else {
            tracing::info!(channel = %channel, tenant, was, is, "the breaker lets calls through");
        }
        if let Some(tenant) = account {
            let troubled = self.breakers.account_changed(channel, tenant, to);
            // What was left to nobody meanwhile goes on at its time, within minutes: to look for
            // it is to take over all that waits for any breaker.
            return self.counts.account_breakers(channel, troubled);
        }
        self.counts.breaker(channel, to.state);
        self.breakers.changed(channel, to);
        if matches!(to.state, BreakerState::Closed | BreakerState::Disabled) {
            self.sweeps.adopt_held(now, self.engine.room_to_adopt());
        }
    }

    fn uncache(&self, moving: Arc<Distribution>) {
        let cache = Arc::clone(&self.cache);
        tokio::spawn(async move { cache.moving(&moving).await });
    }

    /// Caches, then tells who waits, and the relay.
    fn rest(&mut self, distribution: Arc<Distribution>, others: Arc<[DistributionId]>) {
        self.attempts.committed(&distribution, None);
        let (cache, feed, relay) = (Arc::clone(&self.cache), Arc::clone(&self.feed), self.relay.clone());
        tokio::spawn(async move {
            // A cache that did not answer is the cache's own affair: it misses.
            let cached = cache.put(CachedStatus::new(&distribution, others)).await;
            if let Some(relay) = relay {
                relay.rests(&distribution, cached);
            }
            feed.rests(distribution);
        });
    }
}

/// When the stop must be over, once there is to be one. That the other end is
/// gone is a stop too.
async fn stop_of(stopping: &mut watch::Receiver<Option<Instant>>) -> Instant {
    let stop = stopping.wait_for(Option::is_some).await;
    stop.ok().and_then(|stop| *stop).unwrap_or_else(Instant::now)
}

async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn sleep_until_timer(timer: Option<Timestamp>, now: Timestamp) {
    match timer {
        Some(at) => {
            let wait = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
            tokio::time::sleep_until(Instant::now() + wait).await;
        }
        None => std::future::pending().await,
    }
}
