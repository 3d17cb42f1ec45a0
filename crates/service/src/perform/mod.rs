//! What carries out the engine's commands: it commits, calls the channels,
//! caches, tells who waits, and feeds what came of it back into the engine.
//!
//! | file | does |
//! |---|---|
//! | `run.rs` | the one loop around the engine |
//! | `channels.rs` | calls channels |
//! | `health.rs` | whether the live channels can be reached |
//! | `count.rs` | counts what happens, for `/metrics` |
//! | `feed.rs` | tells waiting clients what was committed |
//! | `sweep.rs` | from time to time: takes over work that nobody owns, forgets old keys |
//!
//! Nothing is decided here.

mod channels;
mod count;
mod feed;
mod health;
mod run;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_ledger::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::feed::{Feed, Watched};
use self::health::Health;

pub use self::channels::Connection;
pub use self::run::{Parts, RunError, Running, start};
pub use fanfare_core::engine::{Answer, NewDistribution};

/// Between two looks at a distribution that another node works on.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The door to the engine.
#[derive(Clone)]
pub struct EngineHandle {
    intake: mpsc::Sender<Intake>,
    feed: Arc<Feed>,
    store: Arc<dyn Store>,
    health: Arc<Health>,
}

/// A request on its way to the engine.
struct Intake {
    new: Box<NewDistribution>,
    reply: oneshot::Sender<Answer>,
}

impl EngineHandle {
    /// What keeps a live channel from being called; nothing where it can be.
    pub fn channel_problem(&self, channel: Channel) -> Option<Failure> {
        self.health.problem(channel)
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
