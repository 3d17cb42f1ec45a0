//! Group commit: many changes, one transaction.
//!
//! One task gathers what is submitted and commits it, several batches at once
//! where the store does that well; none is cancelled in its midst, and the writes
//! of a distribution stay in their order. Everything that is written to a store
//! goes through here. When a commit begins is decided in `gather.rs`; whether a
//! failed one is tried again is for whoever submitted it to decide.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fanfare_core::ids::DistributionId;
use fanfare_core::write::{Write, Written};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use crate::gather::{Gather, GatherSettings, Next};
use crate::store::{Store, StoreError};

/// How the group commit works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupCommitSettings {
    /// When a commit begins, and how much it takes.
    pub gather: GatherSettings,
    /// An artificial cost of each commit, for measurements only: it stands for
    /// the flush of a slower disk. Default none.
    pub commit_delay: Duration,
}

/// What came of one submitted write.
#[derive(Debug, Clone)]
pub struct Done {
    /// Of which distribution.
    pub id: DistributionId,
    /// The store's answer; where the commit failed, all of its writes have the
    /// same error.
    pub result: Result<Written, Arc<StoreError>>,
}

/// One commit: what came of its writes, in the order in which they were submitted.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Of each write.
    pub done: Vec<Done>,
    /// How long the store took; nothing where it was not asked.
    pub took: Duration,
}

/// What has been done since the start.
#[derive(Debug, Default)]
pub struct Counters {
    commits: AtomicU64,
    writes: AtomicU64,
    failures: AtomicU64,
}

impl Counters {
    /// Commits that went well.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Writes in them.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Commits that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

type Answers = UnboundedSender<Committed>;

/// The task that commits.
pub struct GroupCommit {
    store: Arc<dyn Store>,
    commit_delay: Duration,
    gather: Gather<Write>,
    submitted: UnboundedReceiver<Submitted>,
    on_done: Answers,
    counters: Arc<Counters>,
}

/// What comes to the task.
#[derive(Debug)]
enum Submitted {
    /// A write, and when it came.
    Write(Instant, Write),
    /// The last to come. Dropped when all is committed.
    Close(oneshot::Sender<Infallible>),
}

/// Nobody can come any more; who waits for the end is told by the drop.
struct Closing {
    _waiting: Option<oneshot::Sender<Infallible>>,
}

/// A commit that is over.
struct Ended {
    ids: Vec<DistributionId>,
    result: Result<Vec<Written>, StoreError>,
    took: Duration,
}

/// Where writes are submitted. When all are dropped, the task commits what is
/// gathered and stops.
#[derive(Debug, Clone)]
pub struct GroupCommitHandle {
    submit: UnboundedSender<Submitted>,
    on_done: Answers,
    counters: Arc<Counters>,
}

impl GroupCommit {
    /// Begins the task, within a Tokio runtime. Each commit's answers are sent
    /// together.
    pub fn start(
        store: Arc<dyn Store>,
        settings: GroupCommitSettings,
        on_done: UnboundedSender<Committed>,
    ) -> GroupCommitHandle {
        let counters = Arc::new(Counters::default());
        let (submit, submitted) = unbounded_channel();
        let this = Self {
            gather: Gather::new(settings.gather, store.writers()),
            store,
            commit_delay: settings.commit_delay,
            submitted,
            on_done: on_done.clone(),
            counters: Arc::clone(&counters),
        };
        tokio::spawn(this.run());
        GroupCommitHandle {
            submit,
            on_done,
            counters,
        }
    }

    async fn run(mut self) {
        let mut closing = None;
        let mut under_way: FuturesUnordered<BoxFuture<'static, Ended>> = FuturesUnordered::new();
        loop {
            self.take_submitted(&mut closing);
            let until = match self.gather.next(Instant::now(), closing.is_some()) {
                Next::Commit(batch) => {
                    let store = Arc::clone(&self.store);
                    under_way.push(Box::pin(commit(store, batch, self.commit_delay)));
                    continue;
                }
                Next::WaitUntil(time) => Some(time),
                Next::Wait if closing.is_some() && under_way.is_empty() => return,
                Next::Wait => None,
            };
            select! {
                biased;
                Some(ended) = under_way.next() => {
                    // Before the commit is over: these have gathered, the store was not idle.
                    self.take_submitted(&mut closing);
                    self.gather.committed(&ended.ids);
                    self.answer(ended);
                }
                arrived = self.submitted.recv(), if closing.is_none() => self.take(arrived, &mut closing),
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            }
        }
    }

    /// What came while a commit was under way counts from when it came.
    fn take_submitted(&mut self, closing: &mut Option<Closing>) {
        while let Ok(arrived) = self.submitted.try_recv() {
            self.take(Some(arrived), closing);
        }
    }

    fn take(&mut self, arrived: Option<Submitted>, closing: &mut Option<Closing>) {
        match arrived {
            Some(Submitted::Write(came_at, write)) => self.gather.push(write.id(), write, came_at),
            Some(Submitted::Close(waiting)) => {
                self.submitted.close();
                *closing = Some(Closing {
                    _waiting: Some(waiting),
                });
            }
            None if closing.is_none() => *closing = Some(Closing { _waiting: None }),
            None => {}
        }
    }

    fn answer(&self, ended: Ended) {
        let Ended { ids, result, took } = ended;
        let done = match result {
            Ok(answers) => self.succeeded(ids, answers),
            Err(error) => self.failed(ids, error),
        };
        // Nobody listens any more: the service is stopping.
        drop(self.on_done.send(Committed { done, took }));
    }

    fn succeeded(&self, ids: Vec<DistributionId>, answers: Vec<Written>) -> Vec<Done> {
        let writes = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.writes.fetch_add(writes, Ordering::Relaxed);
        let pairs = ids.into_iter().zip(answers);
        pairs
            .map(|(id, written)| Done {
                id,
                result: Ok(written),
            })
            .collect()
    }

    fn failed(&self, ids: Vec<DistributionId>, error: StoreError) -> Vec<Done> {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            commit.writes = ids.len(),
            error = &error as &(dyn Error + 'static),
            "a commit failed; its writes are answered with the error"
        );
        let error = Arc::new(error);
        let result = || Err(Arc::clone(&error));
        ids.into_iter().map(|id| Done { id, result: result() }).collect()
    }
}

async fn commit(store: Arc<dyn Store>, batch: Vec<Write>, commit_delay: Duration) -> Ended {
    let ids: Vec<_> = batch.iter().map(Write::id).collect();
    let begun = Instant::now();
    let result = store.commit(batch).await.and_then(|answers| {
        if answers.len() == ids.len() {
            Ok(answers)
        } else {
            Err(StoreError::Corrupt {
                what: "the number of a commit's answers".to_owned(),
            })
        }
    });
    if !commit_delay.is_zero() {
        sleep(commit_delay).await;
    }
    let took = begun.elapsed();
    Ended { ids, result, took }
}

impl GroupCommitHandle {
    /// Hands over a write and does not wait; the answer comes to `on_done`.
    pub fn submit(&self, write: Write) {
        let id = write.id();
        if self.submit.send(Submitted::Write(Instant::now(), write)).is_err() {
            // It was closed: no write may stay unanswered.
            let result = Err(Arc::new(StoreError::Closed));
            let done = vec![Done { id, result }];
            let took = Duration::ZERO;
            drop(self.on_done.send(Committed { done, took }));
        }
    }

    /// What has been done since the start.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Commits what is gathered, then stops. What other handles submit from now
    /// on is answered with [`StoreError::Closed`].
    pub async fn close(self) {
        let (waiting, closed) = oneshot::channel();
        drop(self.submit.send(Submitted::Close(waiting)));
        // Ends when the task drops the other end; nothing is ever sent.
        drop(closed.await);
    }
}
