//! This life's right to work. It is renewed in the store again and again; where
//! that fails for too long, others take this life for over, so a call to a
//! channel begins only if it is surely over before they may.
//!
//! Time is counted here by a clock that can't jump, from before each renewal,
//! and in the store by its own, from within: so this side gives up first.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fanfare_core::engine::Input;
use fanfare_core::ids::Incarnation;
use fanfare_ledger::Store;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::Clock;
use crate::shared_time;

/// How a life is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSettings {
    /// Between two renewals.
    pub heartbeat: Duration,
    /// A life that has not been renewed for so long is taken for over.
    pub duration: Duration,
}

/// Which life a node lives now: it begins another one where it was taken for dead.
#[derive(Debug, Clone)]
pub struct Life(Arc<AtomicU64>);

impl Life {
    /// Begins with this one.
    pub fn new(token: Incarnation) -> Self {
        Self(Arc::new(AtomicU64::new(token.0)))
    }

    /// The one that is lived now.
    pub fn token(&self) -> Incarnation {
        Incarnation(self.0.load(Ordering::Acquire))
    }

    pub(super) fn begin(&self, token: Incarnation) {
        self.0.store(token.0, Ordering::Release);
    }
}

/// The right to work, as far as it is known to last.
#[derive(Debug, Clone)]
pub(super) struct Lease(Arc<Mutex<Held>>);

#[derive(Debug, Clone, Copy)]
struct Held {
    token: Incarnation,
    until: Instant,
}

impl Lease {
    /// Of a life that began not before `begun`.
    pub(super) fn new(token: Incarnation, begun: Instant, settings: LeaseSettings) -> Self {
        let until = begun + settings.duration;
        Self(Arc::new(Mutex::new(Held { token, until })))
    }

    /// Whether what begins now and takes so long is over in time.
    pub(super) fn covers(&self, duration: Duration) -> bool {
        Instant::now() + duration <= self.held().until
    }

    /// The next life has begun, not before `begun`.
    pub(super) fn hand_on(&self, token: Incarnation, begun: Instant, settings: LeaseSettings) {
        *self.lock() = Held {
            token,
            until: begun + settings.duration,
        };
    }

    /// Renews it from time to time, and says to the loop how many nodes live; where
    /// this life was taken for over, says so, by its token. Beside it the clock is held to the one that
    /// nodes share. Ends with the loop.
    pub(super) fn keep(
        &self,
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        settings: LeaseSettings,
        (over, news): (mpsc::UnboundedSender<Incarnation>, mpsc::UnboundedSender<Input>),
    ) {
        let lease = self.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(settings.heartbeat);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut failing = false;
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    () = over.closed() => return,
                }
                let (begun, token) = (Instant::now(), lease.held().token);
                match tokio::time::timeout(settings.duration, store.renew(token)).await {
                    Ok(Ok(Some(nodes))) => {
                        lease.renewed(token, begun, settings);
                        // Refused only when the loop has ended.
                        _ = news.send(Input::NodesCounted(nodes));
                        shared_time::again(store.time(), &*clock, settings.heartbeat).await;
                    }
                    // Refused only when the loop has ended.
                    Ok(Ok(None)) => _ = over.send(token),
                    Ok(Err(error)) if !failing => {
                        tracing::warn!(error = &error as &dyn Error, "the node could not give a sign of life");
                        failing = true;
                        continue;
                    }
                    Ok(Err(_)) | Err(_) => continue,
                }
                failing = false;
            }
        });
    }

    fn renewed(&self, token: Incarnation, begun: Instant, settings: LeaseSettings) {
        let mut held = self.lock();
        // Another life may have begun meanwhile.
        if held.token == token {
            held.until = begun + settings.duration;
        }
    }

    fn held(&self) -> Held {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // Each use is one assignment or one copy.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: LeaseSettings = LeaseSettings {
        heartbeat: Duration::from_secs(5),
        duration: Duration::from_secs(30),
    };

    #[tokio::test(start_paused = true)]
    async fn a_call_begins_only_if_it_ends_before_the_lease() {
        let lease = Lease::new(Incarnation(1), Instant::now(), SETTINGS);
        let call = Duration::from_secs(10);
        assert!(lease.covers(call));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(lease.covers(call));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!lease.covers(call));
        lease.renewed(Incarnation(9), Instant::now(), SETTINGS);
        assert!(!lease.covers(call), "another life's renewal is not this one's");
        lease.renewed(Incarnation(1), Instant::now(), SETTINGS);
        assert!(lease.covers(call));
        lease.hand_on(Incarnation(2), Instant::now(), SETTINGS);
        lease.renewed(Incarnation(1), Instant::now() + call, SETTINGS);
        tokio::time::advance(Duration::from_secs(25)).await;
        assert!(!lease.covers(call), "a late renewal of the former life");
    }
}
