//! The relay: takes published outcomes from the outbox to Kafka, and repairs a
//! shared status cache.
//!
//! | file | does |
//! |---|---|
//! | `link.rs` | what the performer tells the relay, and what people see of it |
//! | `relay.rs` | the loop towards Kafka: order, marks, backoff, dead letters |
//! | `hold.rs` | events that have to wait, and for how long |
//! | `repair.rs` | the loop towards a shared cache |
//! | `cloud_event.rs` | an outcome as a message |
//! | `publisher.rs` | where messages go: the trait, and one in memory |
//! | `kafka.rs`, `kafka/` | Kafka, and what it says when it refuses |
//!
//! It reads what is committed and nothing else, so nothing that happens here
//! keeps a distribution waiting. Each outcome is published at least once, always
//! under its one id.

pub mod cloud_event;
mod hold;
pub mod kafka;
mod link;
pub mod publisher;
mod relay;
mod repair;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use fanfare_ledger::Store;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::link::{Link, View};

use self::cloud_event::EventSettings;
use self::publisher::EventPublisher;
use self::relay::{Publishing, Relay};
use self::repair::Repair;
use crate::clock::Clock;
use crate::perform::Life;
use crate::status::StatusCache;
use crate::tasks;

/// How long a stop waits for what is on its way. What is not acknowledged then
/// is published by the next start, under the same id.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// What the relay works with.
pub struct Parts {
    /// Where the outbox is.
    pub store: Arc<dyn Store>,
    /// Which life this node lives.
    pub life: Life,
    /// Kafka, where there is one, and how events are dressed for it.
    pub publisher: Option<(Arc<dyn EventPublisher>, EventSettings)>,
    /// The status cache, where several nodes share it, and how long it keeps.
    pub shared_cache: Option<(Arc<dyn StatusCache>, Duration)>,
    /// To the performer, and to who asks.
    pub link: Arc<Link>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub rng: StdRng,
}

/// The relay, running.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts it.
pub fn start(parts: Parts) -> Running {
    let (stop, stopping) = watch::channel(false);
    let (partitions, claimed) = watch::channel(Vec::new());
    let mut tasks = Vec::new();
    if let Some((cache, ttl)) = parts.shared_cache {
        let repair = Repair {
            store: Arc::clone(&parts.store),
            cache,
            ttl,
            link: Arc::clone(&parts.link),
            clock: Arc::clone(&parts.clock),
            partitions: claimed,
        };
        tasks.push(tokio::spawn(repair.run(stopping.clone())));
    }
    let publishing = parts
        .publisher
        .map(|(publisher, settings)| Publishing::new(publisher, settings));
    let relay = Relay {
        store: parts.store,
        life: parts.life,
        link: parts.link,
        clock: parts.clock,
        rng: parts.rng,
        partitions,
        publishing,
    };
    tasks.push(tokio::spawn(relay.run(stopping)));
    Running { stop, tasks }
}

impl Running {
    /// Publishes what has just come to rest, and ends.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        tasks::end(self.tasks, STOP_TIMEOUT).await;
    }
}
