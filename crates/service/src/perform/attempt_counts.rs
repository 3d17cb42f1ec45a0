//! The handles by which attempts and deliveries are counted, for `/metrics`.
//!
//! Each is looked up once. Those of combinations that may never come up are made
//! when they are first needed: a histogram is many lines.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::DistributionStatus;
use metrics::{Counter, Histogram, counter, histogram};

use crate::telemetry;

const CHANNELS: usize = Channel::ALL.len();

/// By [`Channel::index`], and the place of the status in its enumeration.
pub(super) struct AttemptCounts {
    deliveries: [[Option<Counter>; DeliveryStatus::ALL.len()]; CHANNELS],
    attempts: HashMap<(Channel, DeliveryStatus, &'static str), Counter>,
    durations: [[OnceLock<Histogram>; DeliveryStatus::ALL.len()]; CHANNELS],
    waits: [Histogram; CHANNELS],
    outcomes: [OnceLock<Histogram>; DistributionStatus::ALL.len()],
}

impl AttemptCounts {
    pub(super) fn register() -> Self {
        let delivery = |channel: Channel, status: DeliveryStatus| {
            let labels = [("channel", channel.name()), ("status", status.name())];
            (!status.moves()).then(|| counter!(telemetry::DELIVERIES, &labels))
        };
        Self {
            deliveries: Channel::ALL.map(|channel| DeliveryStatus::ALL.map(|status| delivery(channel, status))),
            attempts: HashMap::new(),
            durations: Default::default(),
            waits: Channel::ALL.map(|channel| histogram!(telemetry::ATTEMPT_WAIT, "channel" => channel.name())),
            outcomes: Default::default(),
        }
    }

    /// A delivery came to stand so, where it does not move.
    pub(super) fn came_to(&self, channel: Channel, status: DeliveryStatus) {
        if let Some(counter) = &self.deliveries[channel.index()][status as usize] {
            counter.increment(1);
        }
    }

    /// An attempt ended. Codes that the table of causes does not have are `other`.
    pub(super) fn ended(
        &mut self,
        channel: Channel,
        outcome: DeliveryStatus,
        code: Option<&str>,
        took: Option<Duration>,
    ) {
        let code = telemetry::code_label(code);
        let counter = self.attempts.entry((channel, outcome, code)).or_insert_with(|| {
            let labels = [("channel", channel.name()), ("outcome", outcome.name()), ("code", code)];
            counter!(telemetry::ATTEMPTS, &labels)
        });
        counter.increment(1);
        let Some(took) = took else { return };
        let made = self.durations[channel.index()][outcome as usize].get_or_init(|| {
            let labels = [("channel", channel.name()), ("outcome", outcome.name())];
            histogram!(telemetry::ATTEMPT_DURATION, &labels)
        });
        made.record(took.as_secs_f64());
    }

    /// An attempt began so long after it was due.
    pub(super) fn waited(&self, channel: Channel, waited: Duration) {
        self.waits[channel.index()].record(waited.as_secs_f64());
    }

    /// A distribution's first outcome came so long after it was due.
    pub(super) fn outcome(&self, status: DistributionStatus, took: Duration) {
        let made = self.outcomes[status as usize]
            .get_or_init(|| histogram!(telemetry::OUTCOME_DURATION, "status" => status.name()));
        made.record(took.as_secs_f64());
    }
}
