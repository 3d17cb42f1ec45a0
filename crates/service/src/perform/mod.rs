//! What carries out the engine's commands: it commits, calls the channels,
//! caches, tells who waits, and feeds what came of it back into the engine.
//!
//! | file | does |
//! |---|---|
//! | `run.rs` | the one loop around the engine |
//! | `channels.rs` | calls channels |
//! | `count.rs` | counts what happens, for `/metrics` |
//! | `feed.rs` | tells waiting clients what was committed |
//!
//! Nothing is decided here.

mod channels;
mod count;
mod feed;
mod run;

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::distribution::Distribution;
use fanfare_core::engine::Answer;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::write::Holder;
use fanfare_ledger::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::feed::{Feed, Watched};

pub use self::run::{Parts, RunError, Running, start};
pub use fanfare_core::engine::NewDistribution;

/// Between two looks at a distribution that another node works on.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The door to the engine.
#[derive(Clone)]
pub struct EngineHandle {
    intake: mpsc::Sender<Intake>,
    feed: Arc<Feed>,
    store: Arc<dyn Store>,
}

/// A request on its way to the engine.
struct Intake {
    new: Box<NewDistribution>,
    reply: oneshot::Sender<AcceptAnswer>,
}

/// What became of a request; given once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptAnswer {
    /// Accepted under this id.
    Accepted(DistributionId),
    /// The same request was accepted before, under this id.
    Replayed(DistributionId),
    /// The same key was used for another request, which has this id.
    KeyReused(DistributionId),
    /// Another request holds claims of this event.
    Held(Vec<Holder>),
    /// Too much is in flight.
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// It could not be written, or the service is stopping.
    Unavailable {
        /// When to come back.
        retry_after: Duration,
    },
}

impl AcceptAnswer {
    fn new(id: DistributionId, answer: Answer) -> Self {
        match answer {
            Answer::Accepted => Self::Accepted(id),
            Answer::Replayed(existing) => Self::Replayed(existing),
            Answer::KeyReused(existing) => Self::KeyReused(existing),
            Answer::Held(holders) => Self::Held(holders),
            Answer::Overloaded { retry_after } => Self::Overloaded { retry_after },
            Answer::Unavailable { retry_after } => Self::Unavailable { retry_after },
        }
    }
}

impl EngineHandle {
    /// Hands a checked request to the engine; returns once it is committed, or
    /// refused.
    pub async fn accept(&self, new: NewDistribution) -> AcceptAnswer {
        let (reply, answer) = oneshot::channel();
        let stopping = AcceptAnswer::Unavailable {
            retry_after: Duration::from_secs(1),
        };
        if self
            .intake
            .send(Intake {
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
                    // Whether it rests, or the time is over: the latest is the answer.
                    _ = tokio::time::timeout_at(deadline, changes.wait_for(|latest| !latest.moves())).await;
                    let latest = Arc::clone(&changes.borrow());
                    return Ok(Some(latest).filter(|latest| latest.tenant == *tenant));
                }
                Watched::Elsewhere => {
                    let Some(stored) = self.store.distribution(tenant, id).await? else {
                        return Ok(None);
                    };
                    if !stored.moves() || Instant::now() >= deadline {
                        return Ok(Some(Arc::new(stored)));
                    }
                    tokio::time::sleep_until((Instant::now() + LOOK_INTERVAL).min(deadline)).await;
                }
            }
        }
    }
}
