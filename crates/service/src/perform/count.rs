//! Counts what happens, for `/metrics`. The names say the unit.

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::Answer;
use fanfare_core::resilience::breaker::BreakerState;
use fanfare_ledger::Done;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Counters, looked up once: a look-up by name for each event costs more than
/// the rest of counting it.
pub(super) struct Counts {
    accepted: Counter,
    replayed: Counter,
    refused: Counter,
    commits: Counter,
    failed_commits: Counter,
    writes: Counter,
    /// By [`Channel::index`] and the place in [`DeliveryStatus::ALL`].
    deliveries: [[Counter; DeliveryStatus::ALL.len()]; Channel::ALL.len()],
    /// By [`Channel::index`] and the place in [`BreakerState::ALL`].
    breakers: [[Gauge; BreakerState::ALL.len()]; Channel::ALL.len()],
}

impl Counts {
    pub(super) fn register() -> Self {
        describe_counter!("fanfare_distributions_accepted_total", "Distributions accepted");
        describe_counter!(
            "fanfare_distributions_replayed_total",
            "Requests answered with a distribution that existed"
        );
        describe_counter!(
            "fanfare_distributions_refused_total",
            "Requests refused: claims held, keys reused, no room"
        );
        describe_counter!("fanfare_ledger_commits_total", "Commits of the database");
        describe_counter!("fanfare_ledger_failed_commits_total", "Commits that failed");
        describe_counter!(
            "fanfare_ledger_writes_total",
            "Changes of a distribution that were committed"
        );
        describe_counter!(
            "fanfare_deliveries_rested_total",
            "Deliveries by how they stood when nothing moved"
        );
        describe_gauge!(
            "fanfare_sending_stopped",
            "Orders that hold sending on this node: of all, and of single tenants"
        );
        describe_gauge!(
            "fanfare_breaker_state",
            "1 for the state in which a channel's breaker is on this node, else 0"
        );
        let this = Self {
            accepted: counter!("fanfare_distributions_accepted_total"),
            replayed: counter!("fanfare_distributions_replayed_total"),
            refused: counter!("fanfare_distributions_refused_total"),
            commits: counter!("fanfare_ledger_commits_total"),
            failed_commits: counter!("fanfare_ledger_failed_commits_total"),
            writes: counter!("fanfare_ledger_writes_total"),
            deliveries: Channel::ALL.map(|channel| {
                DeliveryStatus::ALL.map(|status| {
                    counter!("fanfare_deliveries_rested_total", "channel" => channel.name(), "status" => status.name())
                })
            }),
            breakers: Channel::ALL.map(|channel| {
                BreakerState::ALL
                    .map(|state| gauge!("fanfare_breaker_state", "channel" => channel.name(), "state" => state.name()))
            }),
        };
        for channel in Channel::ALL {
            this.breaker(channel, BreakerState::Closed);
        }
        this
    }

    pub(super) fn breaker(&self, channel: Channel, now: BreakerState) {
        for (state, gauge) in BreakerState::ALL.iter().zip(&self.breakers[channel.index()]) {
            gauge.set(if *state == now { 1.0 } else { 0.0 });
        }
    }

    /// One batch of the group commit.
    pub(super) fn commit(&self, done: &[Done]) {
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
            Answer::KeyReused(_) | Answer::Held(_) | Answer::Overloaded { .. } | Answer::Unavailable { .. } => {
                self.refused.increment(1);
            }
        }
    }

    pub(super) fn rest(&self, distribution: &Distribution) {
        for delivery in &distribution.deliveries {
            let status = DeliveryStatus::ALL.iter().position(|status| *status == delivery.status);
            if let Some(place) = status {
                self.deliveries[delivery.channel.index()][place].increment(1);
            }
        }
    }
}
