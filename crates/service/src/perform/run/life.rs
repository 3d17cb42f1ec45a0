//! How the loop stops in order, and how it begins anew after its node was taken
//! for dead. What the engine does then, it decides itself.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::ids::Incarnation;
use fanfare_ledger::{GroupCommit, GroupCommitHandle, Store};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Performer, Sources, stop_of};
use crate::clock::Clock;

/// Between two tries to begin another life.
const BEGIN_AGAIN_INTERVAL: Duration = Duration::from_millis(500);

impl Performer {
    /// Told to stop: takes nothing new, and begins nothing. Who waits for an
    /// answer to a request that is not accepted yet is told to come back.
    pub(super) fn wind_down(&mut self, sources: &mut Sources) {
        self.engine.wind_down();
        self.sweeps.wind_down();
        sources.intake.close();
        // Dropped, each is answered.
        while sources.intake.try_recv().is_ok() {}
    }

    /// Told to stop, and nothing is out any more, or the time for it is over.
    pub(super) fn may_stop(&self, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else { return false };
        let late = Instant::now() >= deadline;
        if late && !self.engine.is_quiet() {
            tracing::warn!("stops before all calls have been answered and recorded; the next life finds out");
        }
        late || self.engine.is_quiet()
    }

    /// This life was taken for over: what it owned is others'. Another one begins
    /// in its place, once nothing of it is on its way to the database.
    pub(super) async fn live_again(&mut self, over: Incarnation, sources: &mut Sources) {
        if over != self.life.token() {
            return;
        }
        tracing::warn!(node.token = over.0, "this node was taken for dead; it begins anew");
        self.replies.clear();
        self.questions.clear();
        self.feed.forget_all();
        self.attempts.forget_all();
        let (done_sender, done) = mpsc::unbounded_channel();
        let ledger = GroupCommit::start(Arc::clone(&self.store), self.group_commit, done_sender);
        let former = std::mem::replace(&mut self.ledger, ledger);
        sources.done = done;
        let next = begin_again(former, Arc::clone(&self.store), Arc::clone(&self.clock));
        let mut next = std::pin::pin!(next);
        let (token, begun) = loop {
            tokio::select! {
                life = &mut next => break life,
                // Dropped, it is answered: come back.
                Some(_) = sources.intake.recv() => {}
                _ = stop_of(&mut sources.stopping) => return self.forget_all(over),
            }
        };
        self.life.begin(token);
        self.lease.hand_on(token, begun, self.lease_settings);
        self.sweeps.hand_on(token);
        self.forget_all(token);
        self.adopt();
    }

    fn forget_all(&mut self, token: Incarnation) {
        let now = self.clock.now();
        for command in self.engine.live_again(token) {
            // Only evidence to write: nothing comes back at once.
            _ = self.perform(command, now);
        }
    }
}

/// Ends the former life's writing, then begins the next life, however long the
/// database takes; says when that began.
async fn begin_again(
    former: GroupCommitHandle,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> (Incarnation, Instant) {
    former.close().await;
    loop {
        let begun = Instant::now();
        match store.begin_incarnation(clock.now()).await {
            Ok(token) => return (token, begun),
            Err(error) => tracing::warn!(error = &error as &dyn Error, "the node could not begin anew yet"),
        }
        tokio::time::sleep(BEGIN_AGAIN_INTERVAL).await;
    }
}
