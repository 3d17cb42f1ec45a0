//! The group commit over a scripted store, under paused time.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

#[path = "scripted/credentials.rs"]
mod credentials;
#[path = "scripted/failed.rs"]
mod failed;
#[path = "scripted/notices.rs"]
mod notices;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::api_key::{ApiKey, KeyHash, KeyId};
use fanfare_core::attempt::{Attempt, Evidence};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::resilience::breaker::BreakerOrder;
use fanfare_core::sending::SendingOrder;
use fanfare_core::write::{Adopted, Record, Write, Written};
use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::breaker_orders::BreakerOrders;
use fanfare_ledger::outbox::{Backlog, DeadLetter, Mark, MarkKind, Outbox, OutboxEntry, Partition, Replay};
use fanfare_ledger::sending_orders::SendingOrders;
use fanfare_ledger::{
    Committed, Done, Filter, GroupCommit, GroupCommitHandle, GroupCommitSettings, JournalEntry, OpenDeliveries,
    OpenWork, Store, StoreError,
};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long each commit of the scripted store takes.
const COMMIT_TIME: Duration = Duration::from_millis(10);

/// Remembers each commit's beginning and what it held; fails where it is told to.
struct Scripted {
    writers: usize,
    began: Instant,
    commits: Mutex<Vec<(Duration, Vec<u128>)>>,
    fails: Mutex<VecDeque<bool>>,
}

#[async_trait]
impl Outbox for Scripted {
    async fn claim_partitions(&self, _: Incarnation) -> Result<Vec<Partition>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn unmarked(&self, _: MarkKind, _: &[Partition], _: u64, _: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn mark(&self, _: &[Mark], _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Err(StoreError::Closed)
    }

    async fn dead_letters(&self, _: &TenantId, _: u64, _: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn replay(&self, _: &TenantId, _: &Replay) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }
}

#[async_trait]
impl ApiKeys for Scripted {
    async fn insert_api_key(&self, _: &ApiKey, _: &KeyHash) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn api_key_of_hash(&self, _: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn api_keys(&self, _: Option<&TenantId>) -> Result<Vec<ApiKey>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn revoke_api_key(&self, _: &TenantId, _: KeyId, _: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        Err(StoreError::Closed)
    }
}

#[async_trait]
impl BreakerOrders for Scripted {
    async fn keep_breaker_order(&self, _: &BreakerOrder) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }

    async fn breaker_orders(&self) -> Result<Vec<(u64, BreakerOrder)>, StoreError> {
        Err(StoreError::Closed)
    }
}

#[async_trait]
impl SendingOrders for Scripted {
    async fn keep_sending_order(&self, _: &SendingOrder) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }

    async fn sending_orders(&self) -> Result<Vec<(u64, SendingOrder)>, StoreError> {
        Err(StoreError::Closed)
    }
}

#[async_trait]
impl OpenWork for Scripted {
    async fn open_work(&self) -> Result<Vec<OpenDeliveries>, StoreError> {
        Err(StoreError::Closed)
    }
}

#[async_trait]
impl Store for Scripted {
    fn writers(&self) -> usize {
        self.writers
    }

    async fn commit(&self, batch: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let ids = batch.iter().map(|write| write.id().0.as_u128()).collect();
        let commit = (self.began.elapsed(), ids);
        self.commits.lock().unwrap().push(commit);
        sleep(COMMIT_TIME).await;
        if self.fails.lock().unwrap().pop_front() == Some(true) {
            let source = "no space left".into();
            let doing = "commit";
            return Err(StoreError::Database { doing, source });
        }
        Ok(vec![Written::Recorded; batch.len()])
    }

    async fn begin_incarnation(&self, _: Timestamp) -> Result<Incarnation, StoreError> {
        Err(StoreError::Closed)
    }

    async fn renew(&self, _: Incarnation) -> Result<Option<NonZeroU32>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn end_incarnation(&self, _: Incarnation) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn delete_closed(&self, _: Timestamp, _: bool, _: usize) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }

    async fn history_numbers(
        &self,
        _: &[(TenantId, DistributionId)],
    ) -> Result<Vec<(DistributionId, u32)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn adopt(&self, _: Incarnation, _: Timestamp, _: usize) -> Result<Vec<Adopted>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn owned(
        &self,
        _: Incarnation,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<(TenantId, DistributionId)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn adopt_one(&self, _: Incarnation, _: &TenantId, _: DistributionId) -> Result<Option<Adopted>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn expire_keys(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }

    async fn distribution(&self, _: &TenantId, _: DistributionId) -> Result<Option<Distribution>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn distribution_of_key(
        &self,
        _: &TenantId,
        _: &IdempotencyKey,
        _: Timestamp,
    ) -> Result<Option<Distribution>, StoreError> {
        unreachable!("the group commit reads nothing")
    }

    async fn newest_of_event(&self, _: &TenantId, _: &EventId) -> Result<Option<Adopted>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn list(
        &self,
        _: &TenantId,
        _: &Filter,
        _: Option<DistributionId>,
        _: usize,
    ) -> Result<Vec<Distribution>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn evidence(&self, _: &TenantId, _: DistributionId) -> Result<Vec<Evidence>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn attempts(&self, _: &TenantId, _: DistributionId) -> Result<Option<Vec<Attempt>>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn history(&self, _: &TenantId, _: DistributionId) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn events(&self, _: &TenantId, _: u64, _: usize) -> Result<Vec<JournalEntry>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Setup {
    store: Arc<Scripted>,
    ledger: GroupCommitHandle,
    done: UnboundedReceiver<Committed>,
}

fn setup(fails: &[bool], commit_delay: Duration) -> Setup {
    let settings = GroupCommitSettings {
        commit_delay,
        ..GroupCommitSettings::default()
    };
    setup_with(fails, settings)
}

fn setup_with(fails: &[bool], settings: GroupCommitSettings) -> Setup {
    setup_of(1, fails, settings)
}

fn setup_of(writers: usize, fails: &[bool], settings: GroupCommitSettings) -> Setup {
    let store = Arc::new(Scripted {
        writers,
        began: Instant::now(),
        commits: Mutex::default(),
        fails: Mutex::new(fails.iter().copied().collect()),
    });
    let (on_done, done) = unbounded_channel();
    let shared: Arc<dyn Store> = Arc::<Scripted>::clone(&store);
    Setup {
        ledger: GroupCommit::start(shared, settings, on_done),
        store,
        done,
    }
}

impl Setup {
    fn submit(&self, numbers: std::ops::Range<u128>) {
        for number in numbers {
            self.ledger.submit(write(number));
        }
    }

    fn commits(&self) -> Vec<(Duration, Vec<u128>)> {
        self.store.commits.lock().unwrap().clone()
    }
}

fn write(number: u128) -> Write {
    Write::Record(Box::new(Record {
        tenant: TenantId::default(),
        id: DistributionId(Uuid::from_u128(number)),
        status: DistributionStatus::InProgress,
        completed_at: None,
        version: 0,
        published: None,
        deliveries: Vec::new(),
        superseded: Vec::new(),
        history: HistoryEntry {
            number: 2,
            at: Timestamp::UNIX_EPOCH,
            actor: "engine".into(),
            reason: None,
            token: Incarnation(1),
            transitions: Vec::new(),
        },
        publish: false,
        freeze: None,
        owner: None,
        due_at: None,
        open: true,
        spends: Vec::new(),
    }))
}

fn numbers(done: &[Done]) -> Vec<u128> {
    done.iter().map(|done| done.id.0.as_u128()).collect()
}

const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test(start_paused = true)]
async fn an_idle_store_is_written_to_at_once() {
    let mut setup = setup(&[], Duration::ZERO);
    setup.submit(0..1);
    let done = setup.done.recv().await.unwrap().done;
    assert_eq!(done[0].result.as_ref().unwrap(), &Written::Recorded);
    sleep(MS(100)).await;
    setup.submit(1..2);
    assert_eq!(setup.done.recv().await.unwrap().took, COMMIT_TIME);
    assert_eq!(setup.commits(), [(MS(0), vec![0]), (MS(110), vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn what_came_late_during_a_commit_waits_from_when_it_came() {
    let mut settings = GroupCommitSettings::default();
    settings.gather.max_wait = MS(2);
    let mut setup = setup_with(&[], settings);
    setup.submit(0..1);
    sleep(MS(9)).await;
    setup.submit(1..2);
    setup.done.recv().await.unwrap();
    setup.done.recv().await.unwrap();
    assert_eq!(setup.commits()[1], (MS(11), vec![1]));
}

#[tokio::test(start_paused = true)]
async fn what_waited_longer_is_committed_as_soon_as_the_last_commit_is_done() {
    let mut setup = setup(&[], Duration::ZERO);
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..3);
    setup.done.recv().await.unwrap();
    setup.done.recv().await.unwrap();
    assert_eq!(setup.commits()[1], (MS(10), vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn sixty_four_are_committed_before_their_time_is_up() {
    let mut settings = GroupCommitSettings::default();
    settings.gather.max_wait = MS(20);
    let mut setup = setup_with(&[], settings);
    setup.submit(0..1);
    sleep(MS(9)).await;
    setup.submit(1..64);
    sleep(MS(6)).await;
    assert_eq!(setup.commits().len(), 1, "63 still wait");
    setup.submit(64..65);
    setup.done.recv().await.unwrap();
    setup.done.recv().await.unwrap();
    let (at, batch) = setup.commits()[1].clone();
    assert_eq!((at, batch.len()), (MS(15), 64));
}

#[tokio::test(start_paused = true)]
async fn a_commit_takes_512_in_the_order_of_submission() {
    let mut setup = setup(&[], Duration::ZERO);
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..700);
    let mut answered = Vec::new();
    let mut sizes = Vec::new();
    while answered.len() < 700 {
        let done = setup.done.recv().await.unwrap().done;
        sizes.push(done.len());
        answered.extend(numbers(&done));
    }
    assert_eq!(sizes, [1, 512, 187]);
    assert!(answered.iter().copied().eq(0..700));
    let counters = setup.ledger.counters();
    assert_eq!((counters.commits(), counters.writes()), (3, 700));
}

#[tokio::test(start_paused = true)]
async fn a_failed_commit_answers_each_of_its_writes_and_the_next_one_goes_on() {
    let mut setup = setup(&[true], Duration::ZERO);
    setup.submit(0..3);
    let done = setup.done.recv().await.unwrap().done;
    assert_eq!(numbers(&done), [0, 1, 2]);
    for Done { result, .. } in &done {
        let error = result.as_ref().unwrap_err();
        assert!(matches!(**error, StoreError::Database { .. }));
    }
    setup.submit(3..4);
    let done = setup.done.recv().await.unwrap().done;
    assert!(done[0].result.is_ok());
    let counters = setup.ledger.counters();
    assert_eq!((counters.commits(), counters.failures()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn closing_commits_what_is_gathered() {
    let mut setup = setup(&[], Duration::ZERO);
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..600);
    setup.ledger.close().await;
    let mut answered = 0;
    while let Some(Committed { done, .. }) = setup.done.recv().await {
        answered += done.len();
    }
    assert_eq!(answered, 600);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_closing_is_answered() {
    let mut setup = setup(&[], Duration::ZERO);
    let late = setup.ledger.clone();
    setup.ledger.close().await;
    late.submit(write(7));
    let done = setup.done.recv().await.unwrap().done;
    let error = done[0].result.as_ref().unwrap_err();
    assert!(matches!(**error, StoreError::Closed));
    assert_eq!(numbers(&done), [7]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_commits_what_is_gathered_too() {
    let mut setup = setup(&[], Duration::ZERO);
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..3);
    drop(setup.ledger);
    let mut answered = 0;
    while let Some(Committed { done, .. }) = setup.done.recv().await {
        answered += done.len();
    }
    assert_eq!(answered, 3);
}

#[tokio::test(start_paused = true)]
async fn the_artificial_delay_is_added_to_each_commit() {
    let mut setup = setup(&[], MS(5));
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..2);
    setup.done.recv().await.unwrap();
    setup.done.recv().await.unwrap();
    let began: Vec<_> = setup.commits().iter().map(|(at, _)| *at).collect();
    assert_eq!(began, [MS(0), MS(15)]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_begins_beside_others_for_sixty_four_or_once_they_take_long() {
    let mut settings = GroupCommitSettings::default();
    settings.gather.max_behind = MS(6);
    let mut setup = setup_of(3, &[], settings);
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..65);
    sleep(MS(1)).await;
    // The first of them waits for its own distribution's commit to end.
    setup.submit(64..66);
    let mut answered = Vec::new();
    while answered.len() < 67 {
        answered.extend(numbers(&setup.done.recv().await.unwrap().done));
    }
    let commits = setup.commits();
    let began: Vec<_> = commits.iter().map(|(at, batch)| (*at, batch.len())).collect();
    assert_eq!(began, [(MS(0), 1), (MS(1), 64), (MS(8), 1), (MS(11), 1)]);
    assert_eq!((&commits[2].1[..], &commits[3].1[..]), (&[65][..], &[64][..]));
    assert_eq!(setup.ledger.counters().writes(), 67);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_every_commit() {
    let mut setup = setup_of(3, &[true], GroupCommitSettings::default());
    setup.submit(0..1);
    sleep(MS(1)).await;
    setup.submit(1..300);
    let late = setup.ledger.clone();
    setup.ledger.close().await;
    let mut answered = 0;
    while let Ok(Committed { done, .. }) = setup.done.try_recv() {
        answered += done.len();
    }
    assert_eq!(answered, 300);
    late.submit(write(7));
    let done = setup.done.recv().await.unwrap().done;
    assert!(matches!(**done[0].result.as_ref().unwrap_err(), StoreError::Closed));
}
