//! Looks from time to time at what stands open in the database, whether it can
//! be written, and how full its disk is; for `/metrics`, and what does not go on
//! for the notices. Nothing else is decided by it.
//!
//! What stands in the database is all nodes' together: each shows the same.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_ledger::{OpenDeliveries, Store, StoreError};
use jiff::Timestamp;
use metrics::{Gauge, gauge};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::telemetry::{self, code_label, float};

/// Between two looks: as often as Prometheus mostly looks here.
const INTERVAL: Duration = Duration::from_secs(15);

/// How soon a clock that has gone on is noticed.
const TICK: Duration = Duration::from_secs(1);

/// A look reads all that is open: it takes at most this share of the time.
const SHARE: u32 = 20;

/// A count that takes longer is given up; the next one begins [`SHARE`] times later.
const COUNT_DEADLINE: Duration = Duration::from_secs(30);

/// A database that needs longer is not up.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// A delivery whose time came longer ago is told of.
const OVERDUE_AFTER: Duration = Duration::from_mins(5);

/// Since when the delivery that has waited longest should have been under way, by the
/// channel's index; nothing where none is late.
pub(crate) type Overdue = [Option<Timestamp>; Channel::ALL.len()];

/// Looks until it is aborted. `data_dir` is given where the database is a file in it.
/// Whether the database is up waits for no count, which may take long.
pub(crate) async fn watch(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    data_dir: Option<PathBuf>,
    overdue: watch::Sender<Overdue>,
) {
    let ((), ()) = tokio::join!(watch_database(&*store, data_dir), count_open(&*store, &*clock, overdue));
}

async fn watch_database(store: &dyn Store, data_dir: Option<PathBuf>) {
    let up = gauge!(telemetry::DATABASE_UP);
    loop {
        let answered = tokio::time::timeout(PING_DEADLINE, store.ping()).await;
        up.set(if matches!(answered, Ok(Ok(()))) { 1.0 } else { 0.0 });
        if let Some(folder) = &data_dir {
            show_disk(folder).await;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn count_open(store: &dyn Store, clock: &dyn Clock, overdue: watch::Sender<Overdue>) {
    let mut shown = Shown::register();
    loop {
        let (begun, now) = (Instant::now(), clock.now());
        if let Some(open) = counted(store.open_work()).await {
            let now = clock.now();
            let late = Channel::ALL.map(|channel| overdue_since(&open, channel, now));
            shown.show(&open, &late, now);
            // Decided here: what is told later may be done by then.
            let is_told = |since: &Timestamp| passed(*since, now) >= OVERDUE_AFTER;
            overdue.send_replace(late.map(|since| since.filter(is_told)));
        }
        let next_in = INTERVAL.max(begun.elapsed() * SHARE);
        while (Duration::ZERO..next_in).contains(&passed(now, clock.now())) {
            tokio::time::sleep(TICK).await;
        }
    }
}

/// What a count came to; `None` where it failed, or took too long.
async fn counted<T>(count: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    match tokio::time::timeout(COUNT_DEADLINE, count).await {
        Ok(Ok(open)) => return Some(open),
        // Why it is down, others say louder.
        Ok(Err(error)) => tracing::debug!(error = &error as &dyn Error, "could not count what stands open"),
        Err(_) => tracing::warn!("counting what stands open took too long; the last count is shown on"),
    }
    None
}

type Alike = (Channel, DeliveryStatus, &'static str);

/// What was shown so far: a sum that is gone must be shown as none.
struct Shown {
    open: HashMap<Alike, Gauge>,
    overdue: [Gauge; Channel::ALL.len()],
}

impl Shown {
    fn register() -> Self {
        Self {
            open: HashMap::new(),
            overdue: Channel::ALL.map(|channel| gauge!(telemetry::OVERDUE, "channel" => channel.name())),
        }
    }

    fn show(&mut self, open: &[OpenDeliveries], late: &Overdue, now: Timestamp) {
        let sums = sums(open);
        for alike in sums.keys() {
            self.open.entry(*alike).or_insert_with(|| gauge_of(*alike));
        }
        for (alike, gauge) in &self.open {
            gauge.set(sums.get(alike).copied().unwrap_or(0.0));
        }
        for (since, gauge) in late.iter().zip(&self.overdue) {
            gauge.set(since.map_or(Duration::ZERO, |since| passed(since, now)).as_secs_f64());
        }
    }
}

fn gauge_of((channel, status, code): Alike) -> Gauge {
    let labels = [("channel", channel.name()), ("status", status.name()), ("code", code)];
    gauge!(telemetry::OPEN, &labels)
}

/// Codes that are not of the table come together.
fn sums(open: &[OpenDeliveries]) -> HashMap<Alike, f64> {
    let mut sums = HashMap::new();
    for one in open {
        let alike = (one.channel, one.status, code_label(one.code.as_deref()));
        *sums.entry(alike).or_insert(0.0) += float(one.count);
    }
    sums
}

/// When the one that has waited longest should have been under way.
fn overdue_since(open: &[OpenDeliveries], channel: Channel, now: Timestamp) -> Option<Timestamp> {
    let waits = |one: &&OpenDeliveries| {
        let begins = matches!(
            one.status,
            DeliveryStatus::Pending | DeliveryStatus::Retrying | DeliveryStatus::Waiting
        );
        begins && one.channel == channel
    };
    let oldest = open.iter().filter(waits).map(|one| one.oldest).min();
    oldest.filter(|oldest| *oldest <= now)
}

/// None where the clock went back.
fn passed(since: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(since).try_into().unwrap_or(Duration::ZERO)
}

async fn show_disk(folder: &Path) {
    let folder = folder.to_owned();
    let looked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await;
    match looked {
        Ok(Ok(disk)) => {
            gauge!(telemetry::DISK_FREE).set(float(disk.f_bavail.saturating_mul(disk.f_frsize)));
            gauge!(telemetry::DISK_SIZE).set(float(disk.f_blocks.saturating_mul(disk.f_frsize)));
        }
        Ok(Err(error)) => tracing::debug!(error = &error as &dyn Error, "could not look at the disk"),
        // The service stops.
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(status: DeliveryStatus, code: Option<&str>, count: u64, oldest: i64) -> OpenDeliveries {
        OpenDeliveries {
            channel: Channel::Instagram,
            status,
            code: code.map(str::to_owned),
            count,
            oldest: Timestamp::UNIX_EPOCH + Duration::from_secs(oldest.unsigned_abs()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_never_ends_is_given_up() {
        let begun = Instant::now();
        assert_eq!(counted(std::future::pending::<Result<(), _>>()).await, None);
        assert_eq!(begun.elapsed(), COUNT_DEADLINE);
        assert_eq!(counted(async { Ok(7) }).await, Some(7));
    }

    #[test]
    fn codes_that_nobody_knows_come_together() {
        let waiting = DeliveryStatus::Waiting;
        let found = sums(&[
            open(waiting, Some("canary-1"), 2, 0),
            open(waiting, Some("canary-2"), 3, 0),
            open(waiting, Some("rate_limited"), 7, 0),
            open(waiting, None, 1, 0),
        ]);
        let of = |code| found.get(&(Channel::Instagram, waiting, code)).copied();
        assert_eq!(
            [of("other"), of("rate_limited"), of("")],
            [Some(5.0), Some(7.0), Some(1.0)]
        );
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn only_what_should_be_under_way_is_overdue() {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(100);
        let since = |open: &[OpenDeliveries]| {
            let since = overdue_since(open, Channel::Instagram, now);
            since.map(Timestamp::as_second)
        };
        assert_eq!(since(&[]), None);
        assert_eq!(
            since(&[open(DeliveryStatus::Waiting, None, 1, 900)]),
            None,
            "its time is to come"
        );
        assert_eq!(
            since(&[open(DeliveryStatus::NeedsReview, None, 1, 1)]),
            None,
            "a person's"
        );
        assert_eq!(
            since(&[open(DeliveryStatus::InProgress, None, 1, 1)]),
            None,
            "under way"
        );
        let due = [
            open(DeliveryStatus::Pending, None, 1, 70),
            open(DeliveryStatus::Retrying, None, 1, 40),
        ];
        assert_eq!(since(&due), Some(40));
        assert_eq!(overdue_since(&due, Channel::NaverBlog, now), None);
    }
}
