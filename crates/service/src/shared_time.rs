//! Asks the clock that nodes share, the database's, and corrects this node's by it.
//! What a correction does to a clock is the clock's business (`clock.rs`).

use std::time::Duration;

use fanfare_ledger::StoreError;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::Clock;

/// What was told later is not believed: it is wrong by half of that at most.
const WITHIN: Duration = Duration::from_secs(1);

/// So often it is asked at the start; the first time the connection may be new.
const ATTEMPTS: u32 = 5;

/// Why the clock was not corrected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    /// The database did not say.
    #[error("the database did not tell the time, by which all nodes go")]
    Store(#[from] StoreError),
    /// It said it too late.
    #[error("the database took more than {WITHIN:?} to tell the time, by which all nodes go")]
    Late,
}

/// Before anything is decided: by a machine's clock that is wrong, what is scheduled
/// for tomorrow would begin today.
///
/// # Errors
/// [`Untold`] where it was asked in vain again and again: a clock that is corrected
/// once work has begun might go back.
pub(crate) async fn at_start(
    tell: impl AsyncFn() -> Result<Option<Timestamp>, StoreError>,
    clock: &dyn Clock,
) -> Result<(), Untold> {
    let mut corrected = Ok(());
    for _ in 0..ATTEMPTS {
        corrected = correct(tell(), clock, WITHIN).await;
        if corrected.is_ok() {
            break;
        }
    }
    corrected
}

/// Later, beside other work, which must not wait longer than `within`. Untold, the
/// clock goes on as it is.
pub(crate) async fn again(
    told: impl Future<Output = Result<Option<Timestamp>, StoreError>>,
    clock: &dyn Clock,
    within: Duration,
) {
    if let Err(error) = correct(told, clock, within.min(WITHIN)).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "the clock goes on as it is");
    }
}

/// It was told at some time between question and answer: in the middle of it.
async fn correct(
    told: impl Future<Output = Result<Option<Timestamp>, StoreError>>,
    clock: &dyn Clock,
    within: Duration,
) -> Result<(), Untold> {
    let asked = Instant::now();
    let told = tokio::time::timeout(within, told);
    // A database that has no clock of its own leaves it to the machine.
    if let Some(told) = told.await.map_err(|_elapsed| Untold::Late)?? {
        let since = asked.elapsed() / 2;
        clock.correct(told.saturating_add(since).unwrap_or(told));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Remembers what it was corrected by.
    #[derive(Default)]
    struct Corrected(Mutex<Vec<Timestamp>>);

    impl Clock for Corrected {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn correct(&self, shared: Timestamp) {
            self.0.lock().unwrap().push(shared);
        }
    }

    impl Corrected {
        fn by(&self) -> Vec<i64> {
            self.0
                .lock()
                .unwrap()
                .drain(..)
                .map(Timestamp::as_millisecond)
                .collect()
        }
    }

    async fn told_after(millis: u64) -> Result<Option<Timestamp>, StoreError> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(Some(Timestamp::from_millisecond(1_000).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_took_its_time_is_believed_as_far_as_it_goes() {
        let clock = Corrected::default();
        again(told_after(0), &clock, WITHIN).await;
        again(told_after(400), &clock, WITHIN).await;
        assert_eq!(clock.by(), [1_000, 1_200]);
        again(told_after(1_001), &clock, Duration::from_secs(9)).await;
        again(told_after(400), &clock, Duration::from_millis(100)).await;
        again(async { Ok(None) }, &clock, WITHIN).await;
        assert_eq!(clock.by(), [0; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_by_a_clock_that_was_not_corrected() {
        let clock = Corrected::default();
        let asked = AtomicU32::new(0);
        let well_after = |failures| {
            let asked = &asked;
            async move || match asked.fetch_add(1, Ordering::Relaxed) {
                0 => told_after(5_000).await,
                attempt if attempt < failures => Err(StoreError::Closed),
                _ => told_after(0).await,
            }
        };
        at_start(well_after(ATTEMPTS - 1), &clock).await.unwrap();
        assert_eq!(clock.by(), [1_000]);
        asked.store(0, Ordering::Relaxed);
        let refused = at_start(well_after(u32::MAX), &clock).await;
        assert!(matches!(refused, Err(Untold::Store(_))), "{refused:?}");
        assert_eq!((asked.into_inner(), clock.by()), (ATTEMPTS, Vec::new()));
    }
}
