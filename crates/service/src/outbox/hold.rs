//! Events that have to wait before they are tried again, and for how long.
//!
//! Only the event that fails waits: the others go on.

use std::collections::HashMap;
use std::time::Duration;

use fanfare_core::ids::{EventId, TenantId};
use fanfare_ledger::outbox::OutboxEntry;
use rand::{Rng, RngExt};
use tokio::time::Instant;

/// The ceiling of the first wait; it doubles with each failure.
const INITIAL: Duration = Duration::from_secs(1);

/// The ceiling of every wait: so soon after Kafka is back it is noticed.
const MAX: Duration = Duration::from_secs(10);

/// What has waited so long without being tried belongs to another node by now.
const FORGET: Duration = Duration::from_mins(5);

/// How long to wait after so many failures in a row, from 1: at least half of
/// the ceiling, so that a broker that comes back is not met by all at once.
pub(super) fn backoff(failures: u32, rng: &mut dyn Rng) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let ceiling = INITIAL.saturating_mul(1 << doublings).min(MAX);
    ceiling.mul_f64(rng.random_range(0.5..=1.0))
}

type Key = (TenantId, EventId);

/// Which events wait.
#[derive(Debug, Default)]
pub(super) struct Holds(HashMap<Key, Hold>);

#[derive(Debug)]
struct Hold {
    until: Instant,
    failures: u32,
}

/// What an event's outcomes keep their order under.
pub(super) fn key_of(entry: &OutboxEntry) -> Key {
    (entry.tenant.clone(), entry.event.event_id.clone())
}

impl Holds {
    pub(super) fn waits(&self, key: &Key, now: Instant) -> bool {
        self.0.get(key).is_some_and(|hold| now < hold.until)
    }

    pub(super) fn hold(&mut self, entry: &OutboxEntry, now: Instant, rng: &mut dyn Rng) {
        let hold = self.0.entry(key_of(entry)).or_insert(Hold {
            until: now,
            failures: 0,
        });
        hold.failures += 1;
        hold.until = now + backoff(hold.failures, rng);
    }

    pub(super) fn release(&mut self, entry: &OutboxEntry) {
        if !self.0.is_empty() {
            self.0.remove(&key_of(entry));
        }
    }

    pub(super) fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, hold| now < hold.until + FORGET);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_has_jitter() {
        let mut rng = StdRng::seed_from_u64(1);
        for (failures, ceiling) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (u32::MAX, 10.0)] {
            let waits: Vec<_> = (0..50).map(|_| backoff(failures, &mut rng).as_secs_f64()).collect();
            assert!(
                waits.iter().all(|wait| (ceiling / 2.0..=ceiling).contains(wait)),
                "{waits:?}"
            );
            assert!(waits.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.01));
        }
    }
}
