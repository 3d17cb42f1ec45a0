//! When it is time for a caller's next request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::driver::Plan;

/// Requests of one run at most; their latencies are kept.
const MAX_REQUESTS: u64 = 1 << 22;

/// Says when it is time for the next request.
#[derive(Debug)]
pub(super) struct Turns {
    begun: Instant,
    until: Instant,
    taken: AtomicU64,
    pace: Option<Pace>,
}

#[derive(Debug)]
struct Pace {
    rate: u32,
    total: u64,
    due: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new(plan: Plan, begun: Instant) -> Self {
        let pace = plan.rate.map(|rate| {
            let total = (u64::from(rate) * plan.length.as_secs()).min(MAX_REQUESTS);
            let due = Arc::new(Semaphore::new(0));
            tick(Arc::clone(&due), begun, rate, total);
            Pace { rate, total, due }
        });
        Self {
            begun,
            until: begun + plan.length,
            taken: AtomicU64::new(0),
            pace,
        }
    }

    /// The time from which the next request's latency counts; `None` at the end.
    pub(super) async fn next(&self) -> Option<Instant> {
        let turn = self.taken.fetch_add(1, Ordering::Relaxed);
        let Some(Pace { rate, total, due }) = &self.pace else {
            let now = Instant::now();
            return (now < self.until && turn < MAX_REQUESTS).then_some(now);
        };
        if turn >= *total {
            return None;
        }
        // There is one permit for each turn, so this ends.
        due.acquire().await.ok()?.forget();
        Some(self.begun + due_after(turn, *rate))
    }
}

fn due_after(turn: u64, rate: u32) -> Duration {
    Duration::from_nanos(turn.saturating_mul(1_000_000_000) / u64::from(rate))
}

/// Gives a permit whenever a request is due. A thread of its own, because
/// Tokio's timers know whole milliseconds only.
fn tick(due: Arc<Semaphore>, begun: Instant, rate: u32, total: u64) {
    std::thread::spawn(move || {
        for turn in 0..total {
            let at = begun + due_after(turn, rate);
            // Parking may end early; only the time counts.
            while let Some(left) = at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                std::thread::park_timeout(left);
            }
            due.add_permits(1);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_due_at_an_even_pace() {
        assert_eq!(due_after(0, 3), Duration::ZERO);
        assert_eq!(due_after(3, 3), Duration::from_secs(1));
        assert_eq!(due_after(1, 1_000), Duration::from_millis(1));
    }

    #[tokio::test]
    async fn an_open_loop_has_as_many_turns_as_planned() {
        let plan = Plan {
            callers: 1,
            length: Duration::from_secs(1),
            rate: Some(50),
        };
        let begun = Instant::now();
        let turns = Turns::new(plan, begun);
        let mut last = None;
        let mut count = 0;
        while let Some(due) = turns.next().await {
            assert!(last < Some(due) && due <= Instant::now());
            last = Some(due);
            count += 1;
        }
        assert_eq!(count, 50);
    }
}
