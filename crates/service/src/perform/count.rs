//! Counts what the loop does, for `/metrics`. What attempts and calls come to is
//! counted in `attempt_counts.rs` and `call_counts.rs`; what each metric means
//! stands in the table of `telemetry.rs`.

use fanfare_core::channel::Channel;
use fanfare_core::engine::{Answer, Engine};
use fanfare_core::resilience::breaker::BreakerState;
use fanfare_ledger::Committed;
use jiff::Timestamp;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::telemetry::{self, float};

const CHANNELS: usize = Channel::ALL.len();

/// Handles, looked up once: a look-up by name for each event costs more than
/// the rest of counting it.
pub(super) struct Counts {
    accepted: Counter,
    replayed: Counter,
    refused: Counter,
    in_flight: Gauge,
    commits: Counter,
    failed_commits: Counter,
    writes: Counter,
    commit_duration: Histogram,
    commit_writes: Histogram,
    /// By [`Channel::index`].
    lanes: [Lane; CHANNELS],
    /// By [`Channel::index`] and the place in [`BreakerState::ALL`].
    breakers: [[Gauge; BreakerState::ALL.len()]; CHANNELS],
    /// By [`Channel::index`].
    account_breakers: [Gauge; CHANNELS],
}

struct Lane {
    queued: Gauge,
    oldest: Gauge,
    busy: Gauge,
}

impl Counts {
    /// `places` are those of the lanes, by [`Channel::index`].
    pub(super) fn register(places: [usize; CHANNELS]) -> Self {
        let this = Self {
            accepted: counter!(telemetry::ACCEPTED),
            replayed: counter!(telemetry::REPLAYED),
            refused: counter!(telemetry::REFUSED),
            in_flight: gauge!(telemetry::IN_FLIGHT),
            commits: counter!(telemetry::COMMITS),
            failed_commits: counter!(telemetry::FAILED_COMMITS),
            writes: counter!(telemetry::WRITES),
            commit_duration: histogram!(telemetry::COMMIT_DURATION),
            commit_writes: histogram!(telemetry::COMMIT_WRITES),
            lanes: Channel::ALL.map(|channel| Lane {
                queued: gauge!(telemetry::LANE_QUEUED, "channel" => channel.name()),
                oldest: gauge!(telemetry::LANE_OLDEST, "channel" => channel.name()),
                busy: gauge!(telemetry::LANE_BUSY, "channel" => channel.name()),
            }),
            breakers: Channel::ALL.map(|channel| {
                BreakerState::ALL
                    .map(|state| gauge!(telemetry::BREAKER_STATE, "channel" => channel.name(), "state" => state.name()))
            }),
            account_breakers: Channel::ALL
                .map(|channel| gauge!(telemetry::ACCOUNT_BREAKERS, "channel" => channel.name())),
        };
        for (channel, places) in Channel::ALL.into_iter().zip(places) {
            // A mock has no limit.
            if places != usize::MAX {
                gauge!(telemetry::LANE_PLACES, "channel" => channel.name()).set(float(places as u64));
            }
            this.breaker(channel, BreakerState::Closed);
            this.account_breakers(channel, 0);
        }
        this
    }

    pub(super) fn breaker(&self, channel: Channel, now: BreakerState) {
        for (state, gauge) in BreakerState::ALL.iter().zip(&self.breakers[channel.index()]) {
            gauge.set(if *state == now { 1.0 } else { 0.0 });
        }
    }

    /// Of so many accounts the breaker is not closed.
    pub(super) fn account_breakers(&self, channel: Channel, troubled: usize) {
        self.account_breakers[channel.index()].set(float(troubled as u64));
    }

    /// How much the engine has to do, at the end of a turn.
    pub(super) fn load(&self, engine: &Engine, now: Timestamp) {
        self.in_flight.set(float(engine.in_flight() as u64));
        for (channel, lane) in Channel::ALL.into_iter().zip(&self.lanes) {
            let (out, queued) = engine.lane_load(channel);
            lane.busy.set(float(out as u64));
            lane.queued.set(float(queued as u64));
            lane.oldest.set(engine.backlog_age(channel, now).as_secs_f64());
        }
    }

    /// One batch of the group commit.
    pub(super) fn commit(&self, committed: &Committed) {
        let done = &committed.done;
        self.commit_duration.record(committed.took.as_secs_f64());
        self.commit_writes.record(float(done.len() as u64));
        if done.iter().any(|done| done.result.is_ok()) {
            self.commits.increment(1);
            self.writes.increment(done.len() as u64);
        } else {
            self.failed_commits.increment(1);
        }
    }

    pub(super) fn answer(&self, answer: &Answer) {
        match answer {
            Answer::Accepted(_) => self.accepted.increment(1),
            Answer::Replayed(_) => self.replayed.increment(1),
            Answer::KeyReused(_)
            | Answer::Held(_)
            | Answer::OverSpent(_)
            | Answer::Overloaded { .. }
            | Answer::Behind(_)
            | Answer::Unavailable { .. } => {
                self.refused.increment(1);
            }
        }
    }
}
