//! What the database alone can do on a given disk, to be held beside what the
//! service does: commits of one row, and batches of distributions, written by
//! the store's own statements and settings; embedded, or a server.
//!
//! There is no engine, no group commit and no reader in these figures.

use std::path::Path;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::ids::Incarnation;
use fanfare_core::write::Write;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::postgres::{PostgresMeter, PostgresSettings, PostgresStore};
use crate::sample;
use crate::sqlite::{BareFile, DATABASE_FILE};
use crate::store::{Store, StoreError};

/// Rows of a batch, and the distributions that make them: accepting one of six
/// deliveries writes eight rows (itself, the deliveries, a history entry).
pub const BATCH_ROWS: u32 = 512;
const BATCH: u32 = BATCH_ROWS / 8;

/// What was done, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bare {
    /// Commits of a single row.
    pub commits: u32,
    /// The median of them.
    pub commit_took: Duration,
    /// One in a hundred took at least so long.
    pub commit_p99: Duration,
    /// Distributions of six deliveries, accepted, then concluded and published.
    pub distributions: u32,
    /// In so many commits of [`BATCH_ROWS`] rows or a few more.
    pub batch_commits: u32,
    /// For all of these distributions.
    pub distributions_took: Duration,
}

/// Measures in a directory of its own, which must be empty or missing, and
/// leaves the file there. Blocks.
pub fn measure(directory: &Path, now: Timestamp, commits: u32, batches: u32) -> Result<Bare, StoreError> {
    let path = directory.join(DATABASE_FILE);
    if path.exists() {
        let why = format!("{} exists: measure in an empty directory", path.display());
        return Err(StoreError::Unusable(why));
    }
    let mut file = BareFile::open(directory)?;
    let mut took = Vec::new();
    for _ in 0..commits {
        let began = Instant::now();
        file.commit_one_row(now)?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let token = file.begin_incarnation(now)?;
    let mut distributions_took = Duration::ZERO;
    for batch in 0..batches {
        let (accept, conclude) = batch_of(u64::from(batch * BATCH), BATCH, now, token);
        let began = Instant::now();
        file.commit(&accept)?;
        file.commit(&conclude)?;
        distributions_took += began.elapsed();
    }
    Ok(bare(&took, batches, distributions_took))
}

/// Measures on a server, one connection at a time: the commits of one row in the
/// meter's schema, the batches in that of the settings, which must be empty.
pub async fn measure_server(
    meter: &PostgresMeter,
    settings: &PostgresSettings,
    now: Timestamp,
    (commits, batches): (u32, u32),
) -> Result<Bare, StoreError> {
    let took = meter.bare_commits(commits).await?;
    let store = PostgresStore::connect(settings).await?;
    let token = store.begin_incarnation(now).await?;
    let mut distributions_took = Duration::ZERO;
    for batch in 0..batches {
        let (accept, conclude) = batch_of(u64::from(batch * BATCH), BATCH, now, token);
        let began = Instant::now();
        store.commit(accept).await?;
        store.commit(conclude).await?;
        distributions_took += began.elapsed();
    }
    Ok(bare(&took, batches, distributions_took))
}

/// From the times of the commits, sorted.
fn bare(took: &[Duration], batches: u32, distributions_took: Duration) -> Bare {
    let at = |place: usize| took.get(place).copied().unwrap_or_default();
    Bare {
        commits: u32::try_from(took.len()).unwrap_or(u32::MAX),
        commit_took: at(took.len() / 2),
        commit_p99: at((took.len() * 99).div_ceil(100).max(1) - 1),
        distributions: batches * BATCH,
        batch_commits: 2 * batches,
        distributions_took,
    }
}

/// The two commits of a batch's life: distributions of six deliveries, accepted
/// with their first intents, then concluded and published.
pub fn batch_of(first: u64, count: u32, now: Timestamp, token: Incarnation) -> (Vec<Write>, Vec<Write>) {
    (first..first + u64::from(count))
        .map(|number| {
            let event = format!("evt-{:016x}", scattered(number));
            let request = sample::request(&event, &Channel::ALL);
            let acceptance = sample::acceptance(number, request, now, token);
            let record = sample::completion(&mut acceptance.distribution.clone(), now, token);
            (Write::Accept(Box::new(acceptance)), Write::Record(Box::new(record)))
        })
        .unzip()
}

/// Events come in no order: neighbours in time are not neighbours in the index.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_what_it_was_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let bare = measure(directory.path(), Timestamp::UNIX_EPOCH, 3, 1).unwrap();
        assert_eq!((bare.commits, bare.distributions), (3, BATCH));
        assert!(bare.commit_took > Duration::ZERO && bare.distributions_took > Duration::ZERO);
        assert!(
            measure(directory.path(), Timestamp::UNIX_EPOCH, 3, 1).is_err(),
            "it is not empty"
        );
    }
}
