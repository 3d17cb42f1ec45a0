//! What carries out the engine's commands: it commits, calls the channels,
//! caches, tells who waits, and feeds what came of it back into the engine.
//!
//! | file | does |
//! |---|---|
//! | `run.rs` | the one loop around the engine |
//! | `ahead.rs` | asks what is to be known before anything is sent |
//! | `channels.rs` | calls channels |
//! | `breakers.rs` | shows where the breakers stand, and hears operators' orders |
//! | `sending.rs` | what is ordered of sending |
//! | `orders.rs` | which orders are new |
//! | `health.rs` | whether the live channels can be reached |
//! | `count.rs`, `attempt_counts.rs`, `call_counts.rs` | count what happens, for `/metrics` |
//! | `attempts.rs` | what commits say of attempts: counted, and a line of the log each |
//! | `lease.rs` | keeps this node's right to work |
//! | `elsewhere.rs` | follows what other nodes work on |
//! | `feed.rs` | tells waiting clients what was committed |
//! | `sweep.rs` | from time to time: takes over work that nobody owns, forgets old keys, deletes what is old |
//!
//! Nothing is decided here.

mod ahead;
mod attempt_counts;
mod attempts;
mod breakers;
mod call_counts;
mod channels;
mod count;
mod elsewhere;
mod feed;
mod health;
mod lease;
mod orders;
mod run;
mod sending;
mod sweep;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::attempt::Evidence;
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::has_a_say;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::resilience::breaker::{BreakerOrder, BreakerView};
use fanfare_core::sending::SendingOrder;
use fanfare_core::text::Text;
use fanfare_core::write::Adopted;
use fanfare_ledger::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::breakers::Breakers;
use self::elsewhere::Elsewhere;
use self::feed::{Feed, Watched};
use self::health::Health;
use crate::accounts::Accounts;
use crate::outbox;

pub use self::channels::Connection;
pub use self::lease::{LeaseSettings, Life};
pub use self::run::{Parts, RunError, Running, start};
pub use self::sweep::Retention;
pub use crate::outbox::View as RelayView;
pub use fanfare_core::engine::{Answer, Ask, AskAnswer, AskRefusal, Behind, CallOff, Lag, NewDistribution, Withdrawal};

/// The door to the engine.
#[derive(Clone)]
pub struct EngineHandle {
    intake: mpsc::Sender<Intake>,
    feed: Arc<Feed>,
    store: Arc<dyn Store>,
    elsewhere: Arc<Elsewhere>,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    breakers: Arc<Breakers>,
    life: Life,
    relay: Option<Arc<outbox::Link>>,
}

/// What is on its way to the engine.
enum Intake {
    /// A request.
    New {
        new: Box<NewDistribution>,
        reply: oneshot::Sender<Answer>,
    },
    /// A person asks something of a distribution.
    Question(Box<Question>),
}

struct Question {
    id: DistributionId,
    what: Ask,
    /// As it was taken over for this, where this node did not have it.
    adopted: Option<Box<Adopted>>,
    evidence: Vec<Evidence>,
    reply: oneshot::Sender<AskAnswer>,
}

/// How often a distribution that leaves the memory just then is taken over anew.
const ADOPT_ATTEMPTS: u32 = 3;

/// How long a question waits for another node to let the distribution go: it does
/// as soon as nothing of it moves or is due within a minute.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks whether it has.
const LET_GO_INTERVAL: Duration = Duration::from_millis(200);

impl EngineHandle {
    /// Which life this node lives.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// How the relay is, where there is one.
    pub fn relay(&self) -> Option<RelayView> {
        self.relay.as_ref().map(|relay| relay.view())
    }

    /// There may be something to publish.
    pub fn wake_relay(&self) {
        if let Some(relay) = &self.relay {
            relay.wake();
        }
    }

    /// What keeps a live channel from being called for a tenant; nothing where it can
    /// be.
    pub async fn channel_problem(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Failure>, StoreError> {
        let reach = self.accounts.reach(tenant, channel).await?;
        Ok(match reach.connection {
            Connection::Mock => None,
            Connection::Unusable(why) => Some(why),
            // The configured address was tried, and is another one.
            Connection::Live(_) if self.accounts.lies_elsewhere(reach.whose, channel) => None,
            Connection::Live(_) => self.health.unreachable(channel),
        })
    }

    /// What would keep a tenant's request from a channel at the moment.
    pub async fn held_back(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Failure>, StoreError> {
        if self.breakers.sending.holds(tenant) {
            return Ok(Some(cause::SENDING_STOPPED.failure()));
        }
        let problem = self.channel_problem(tenant, channel).await?;
        let is_open = self.breaker_holds(tenant, channel);
        Ok(match problem {
            Some(problem) if problem.code == cause::CHANNEL_NOT_CONFIGURED.code => Some(problem),
            _ if is_open => Some(cause::BREAKER_OPEN.failure()),
            problem => problem,
        })
    }

    /// Why what is live of a tenant's on a channel can't be taken down from here, and what
    /// a person does instead; nothing where it can.
    pub async fn cannot_withdraw(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Text>, StoreError> {
        Ok(self.accounts.reach(tenant, channel).await?.connection.cannot_withdraw())
    }

    /// Whether a breaker of this node's holds a tenant's calls back.
    fn breaker_holds(&self, tenant: &TenantId, channel: Channel) -> bool {
        let of_channel = self.breaker(channel).state;
        let by_channel = of_channel.holds() && has_a_say(of_channel, self.accounts.are_apart(channel), tenant);
        let of_account = self.account_breaker(tenant, channel);
        by_channel || of_account.is_some_and(|breaker| breaker.state.holds())
    }

    /// Where a channel's breaker stands on this node.
    pub fn breaker(&self, channel: Channel) -> BreakerView {
        self.breakers.view(channel)
    }

    /// Where the breaker of a tenant's account stands on this node, unless it is closed.
    pub fn account_breaker(&self, tenant: &TenantId, channel: Channel) -> Option<BreakerView> {
        self.breakers.account_view(channel, tenant)
    }

    /// Whose account's breaker is not closed on this node, and where.
    pub fn troubled_accounts(&self) -> BTreeSet<(Channel, TenantId)> {
        self.breakers.troubled_accounts()
    }

    /// Keeps an order to a channel's breakers, and has this node obey it; says how
    /// its own stands then. The others obey within two seconds.
    pub async fn order(&self, order: &BreakerOrder) -> Result<BreakerView, StoreError> {
        self.store.keep_breaker_order(order).await?;
        Ok(self.breakers.obey(order.channel, order.at).await)
    }

    /// Keeps an order to sending, and has this node hear it; the others do within
    /// two seconds.
    pub async fn order_sending(&self, order: &SendingOrder) -> Result<(), StoreError> {
        let number = self.store.keep_sending_order(order).await?;
        self.breakers.obey_sending(&order.scope, number).await;
        Ok(())
    }

    /// Whose sending is stopped, as this node has heard it.
    pub fn stops(&self) -> Vec<SendingOrder> {
        self.breakers.sending.stops()
    }

    /// Hands a checked request to the engine; returns once it is committed, or
    /// refused.
    pub async fn accept(&self, new: NewDistribution) -> Answer {
        let (reply, answer) = oneshot::channel();
        let stopping = Answer::Unavailable {
            retry_after: Duration::from_secs(1),
        };
        if self
            .intake
            .send(Intake::New {
                new: Box::new(new),
                reply,
            })
            .await
            .is_err()
        {
            return stopping;
        }
        answer.await.unwrap_or(stopping)
    }

    /// Asks something of a distribution; returns once it is committed, or
    /// refused. Where this node does not have it in memory, it is taken over, from
    /// another node once that one lets it go; [`AskAnswer::Elsewhere`] where it does
    /// not soon.
    pub async fn ask(&self, tenant: &TenantId, id: DistributionId, what: &Ask) -> Result<AskAnswer, StoreError> {
        let deadline = Instant::now() + LET_GO_WITHIN;
        let (mut adopted, mut adoptions) = (None, 0);
        while adoptions < ADOPT_ATTEMPTS {
            let evidence = self.store.evidence(tenant, id).await?;
            let (reply, answer) = oneshot::channel();
            let question = Question {
                id,
                what: what.clone(),
                adopted: adopted.take(),
                evidence,
                reply,
            };
            // Refused, or unanswered, only where the loop stops.
            if self.intake.send(Intake::Question(Box::new(question))).await.is_err() {
                break;
            }
            match answer.await {
                Ok(AskAnswer::NotHere) => {}
                Ok(answer) => return Ok(answer),
                Err(_) => break,
            }
            match self.store.adopt_one(self.life.token(), tenant, id).await? {
                Some(taken) => {
                    adopted = Some(Box::new(taken));
                    adoptions += 1;
                }
                None if Instant::now() < deadline => tokio::time::sleep(LET_GO_INTERVAL).await,
                None => break,
            }
        }
        Ok(AskAnswer::Elsewhere)
    }

    /// A channel has told that it has news of a delivery: has it asked soon. What another
    /// node has in hand is that one's to look at, as it does within a minute.
    pub async fn observe(&self, tenant: &TenantId, id: DistributionId, channel: Channel) -> Result<(), StoreError> {
        let mut adopted = None;
        loop {
            let (reply, answer) = oneshot::channel();
            let is_here = adopted.is_some();
            let question = Question {
                id,
                what: Ask::Observe { channel },
                adopted: adopted.take(),
                evidence: Vec::new(),
                reply,
            };
            // Refused, or unanswered, only where the loop stops.
            let asked = self.intake.send(Intake::Question(Box::new(question))).await;
            if asked.is_err() || is_here || !matches!(answer.await, Ok(AskAnswer::NotHere)) {
                return Ok(());
            }
            match self.store.adopt_one(self.life.token(), tenant, id).await? {
                Some(taken) => adopted = Some(Box::new(taken)),
                None => return Ok(()),
            }
        }
    }

    /// As it is committed now; `None` where there is none of that id.
    pub async fn latest(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Arc<Distribution>>, StoreError> {
        match self.feed.watch(id) {
            Watched::InFlight { changes } => {
                let latest = Arc::clone(&changes.borrow());
                Ok(Some(latest).filter(|latest| latest.tenant == *tenant))
            }
            Watched::Elsewhere => Ok(self.store.distribution(tenant, id).await?.map(Arc::new)),
        }
    }

    /// Waits for a state whose history number is greater than `than`.
    pub async fn newer(
        &self,
        tenant: &TenantId,
        id: DistributionId,
        than: u32,
    ) -> Result<Option<Arc<Distribution>>, StoreError> {
        loop {
            match self.feed.watch(id) {
                Watched::InFlight { mut changes } => {
                    // An error means that it rests: the last state is still to be seen.
                    _ = changes.wait_for(|latest| latest.history_number > than).await;
                    let latest = Arc::clone(&changes.borrow());
                    if latest.history_number > than {
                        return Ok(Some(latest).filter(|latest| latest.tenant == *tenant));
                    }
                }
                Watched::Elsewhere => match self.store.distribution(tenant, id).await? {
                    Some(stored) if stored.history_number <= than => self.elsewhere.beyond(tenant, id, than).await,
                    stored => return Ok(stored.map(Arc::new)),
                },
            }
        }
    }

    /// Waits until a channel of it is not being taken down any more, that waits itself,
    /// or the time is over, and returns it as it is then; `None` where there is none of that id.
    pub async fn withdrawn(
        &self,
        tenant: &TenantId,
        id: DistributionId,
        channel: Channel,
        within: Duration,
    ) -> Result<Option<Distribution>, StoreError> {
        let deadline = Instant::now() + within;
        loop {
            // What waits is committed; who waits for news may hear of it a moment later.
            let stored = self.store.distribution(tenant, id).await?;
            let Some(stored) = stored else { return Ok(None) };
            let delivery = stored.delivery(channel);
            let goes_on = delivery.is_some_and(|delivery| delivery.is_withdrawing() && !delivery.withdrawal_waits());
            if !goes_on || Instant::now() >= deadline || self.intake.is_closed() {
                return Ok(Some(stored));
            }
            tokio::select! {
                newer = self.newer(tenant, id, stored.history_number) => { newer?; }
                () = tokio::time::sleep_until(deadline) => {}
                () = self.intake.closed() => {}
            }
        }
    }

    /// Waits until nothing of the distribution moves, or the time is over, and
    /// returns it as it is then; `None` where there is none of that id.
    pub async fn rest(
        &self,
        tenant: &TenantId,
        id: DistributionId,
        within: Duration,
    ) -> Result<Option<Arc<Distribution>>, StoreError> {
        let deadline = Instant::now() + within;
        loop {
            match self.feed.watch(id) {
                Watched::InFlight { mut changes } => {
                    let rests = changes.wait_for(|latest| !latest.moves());
                    let gone = matches!(tokio::time::timeout_at(deadline, rests).await, Ok(Err(_)));
                    // This node has it no more, and another one goes on.
                    if gone && !self.intake.is_closed() {
                        continue;
                    }
                    let latest = Arc::clone(&changes.borrow());
                    return Ok(Some(latest).filter(|latest| latest.tenant == *tenant));
                }
                Watched::Elsewhere => {
                    let Some(stored) = self.store.distribution(tenant, id).await? else {
                        return Ok(None);
                    };
                    if !stored.moves() || Instant::now() >= deadline || self.intake.is_closed() {
                        return Ok(Some(Arc::new(stored)));
                    }
                    // Whether there is news, or the time is over, or the service
                    // stops: looks again.
                    tokio::select! {
                        () = self.elsewhere.beyond(tenant, id, stored.history_number) => {}
                        () = tokio::time::sleep_until(deadline) => {}
                        () = self.intake.closed() => {}
                    }
                }
            }
        }
    }
}
