//! Counts calls to live channels, for `/metrics`: how many are under way, how
//! long each took, and what its client took the answer for.

use std::sync::{Arc, OnceLock};

use fanfare_core::attempt::{LookUpOutcome, Observation, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::Channel;
use metrics::{Gauge, Histogram, gauge, histogram};
use tokio::time::Instant;

use crate::telemetry;

/// What a call came to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    Advanced,
    Pending,
    PollFailed,
    Confirmed,
    NeedsAction,
    Rejected,
    Deferred,
    Unknown,
    Found,
    Absent,
    Gone,
}

/// As many as there are words.
const WORDS: usize = 11;

impl Came {
    const fn name(self) -> &'static str {
        match self {
            Self::Advanced => "advanced",
            Self::Pending => "pending",
            Self::PollFailed => "poll_failed",
            Self::Confirmed => "confirmed",
            Self::NeedsAction => "needs_action",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
            Self::Unknown => "unknown",
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Gone => "gone",
        }
    }
}

impl From<&StepOutcome> for Came {
    fn from(outcome: &StepOutcome) -> Self {
        match outcome {
            StepOutcome::Advanced { .. } | StepOutcome::Prepared { .. } => Self::Advanced,
            StepOutcome::Pending { .. } => Self::Pending,
            StepOutcome::PollFailed { .. } => Self::PollFailed,
            StepOutcome::Confirmed(_) => Self::Confirmed,
            StepOutcome::NeedsAction { .. } => Self::NeedsAction,
            StepOutcome::Rejected { .. } => Self::Rejected,
            StepOutcome::Deferred { .. } | StepOutcome::Held { .. } => Self::Deferred,
            StepOutcome::Unknown(_) => Self::Unknown,
        }
    }
}

impl From<&LookUpOutcome> for Came {
    fn from(outcome: &LookUpOutcome) -> Self {
        match outcome {
            LookUpOutcome::Found(_) => Self::Found,
            LookUpOutcome::Advanced { .. } => Self::Advanced,
            LookUpOutcome::Absent { .. } => Self::Absent,
            LookUpOutcome::Pending { .. } => Self::Pending,
            LookUpOutcome::Unknown(_) => Self::Unknown,
        }
    }
}

impl From<&Observation> for Came {
    fn from(outcome: &Observation) -> Self {
        match outcome {
            Observation::Stands { .. } => Self::Confirmed,
            Observation::Advanced { .. } => Self::Advanced,
            Observation::Declined { .. } => Self::Rejected,
            Observation::Unknown { .. } | Observation::Untold => Self::Unknown,
        }
    }
}

impl From<&WithdrawOutcome> for Came {
    fn from(outcome: &WithdrawOutcome) -> Self {
        match outcome {
            WithdrawOutcome::Gone => Self::Gone,
            WithdrawOutcome::Refused { .. } => Self::Rejected,
            WithdrawOutcome::Unknown(_) => Self::Unknown,
        }
    }
}

/// Which kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Step,
    LookUp,
    Withdraw,
    Observe,
}

/// As many as there are kinds.
const KINDS: usize = 4;

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::LookUp => "look_up",
            Self::Withdraw => "withdraw",
            Self::Observe => "observe",
        }
    }
}

/// Handles, looked up once; a histogram is made when it is first needed, since
/// most combinations never come up and each is many lines.
pub(super) struct CallCounts {
    in_flight: [Gauge; Channel::ALL.len()],
    durations: [[[OnceLock<Histogram>; WORDS]; KINDS]; Channel::ALL.len()],
}

impl CallCounts {
    pub(super) fn register() -> Arc<Self> {
        let in_flight = Channel::ALL.map(|channel| {
            let gauge = gauge!(telemetry::CALLS_IN_FLIGHT, "channel" => channel.name());
            // Shown from the start.
            gauge.increment(0.0);
            gauge
        });
        Arc::new(Self {
            in_flight,
            durations: Default::default(),
        })
    }

    /// Makes a call and counts it. One that is cut off, or panics, came to `unknown`.
    pub(super) async fn timed<T>(self: &Arc<Self>, channel: Channel, kind: Kind, call: impl Future<Output = T>) -> T
    where
        for<'a> &'a T: Into<Came>,
    {
        let mut timed = self.begin(channel, kind);
        let outcome = call.await;
        timed.came = (&outcome).into();
        outcome
    }

    /// A call begins; it is over when what is returned is dropped.
    fn begin(self: &Arc<Self>, channel: Channel, kind: Kind) -> Timed {
        self.in_flight[channel.index()].increment(1.0);
        Timed {
            counts: Arc::clone(self),
            channel,
            kind,
            begun: Instant::now(),
            came: Came::Unknown,
        }
    }
}

/// A call that is under way.
struct Timed {
    counts: Arc<CallCounts>,
    channel: Channel,
    kind: Kind,
    begun: Instant,
    came: Came,
}

impl Timed {
    fn record(&self) {
        let to = self.came;
        let histogram = &self.counts.durations[self.channel.index()][self.kind as usize][to as usize];
        let (channel, call, outcome) = (self.channel.name(), self.kind.name(), to.name());
        let make = || histogram!(telemetry::CALL_DURATION, "channel" => channel, "call" => call, "outcome" => outcome);
        histogram.get_or_init(make).record(self.begun.elapsed().as_secs_f64());
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.record();
        self.counts.in_flight[self.channel.index()].decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fanfare_core::cause;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_cut_off_came_to_unknown_and_one_that_is_not_made_is_none() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _here = metrics::set_default_local_recorder(&recorder);
        let counts = CallCounts::register();
        let channel = Channel::Instagram;
        let calls = |outcome: &str| {
            let labels = format!(r#"{{channel="Instagram",call="step",outcome="{outcome}"}}"#);
            let line = format!("{}_count{labels} ", telemetry::CALL_DURATION);
            let shown = recorder.handle().render();
            let count = shown.lines().find_map(|shown| shown.strip_prefix(&*line)?.parse().ok());
            count.unwrap_or(0)
        };
        let answer = async { StepOutcome::Unknown(cause::OUTCOME_UNKNOWN.failure()) };
        drop(counts.timed(channel, Kind::Step, answer));
        assert_eq!(calls("unknown"), 0, "it was never begun");
        let hangs = counts.timed(channel, Kind::Step, std::future::pending::<StepOutcome>());
        assert!(tokio::time::timeout(Duration::from_secs(9), hangs).await.is_err());
        assert_eq!(calls("unknown"), 1);
        let rejected = async {
            StepOutcome::Rejected {
                failure: cause::CONTENT_REJECTED.failure(),
                retry: fanfare_core::attempt::Retry::Never,
                checkpoint: None,
            }
        };
        counts.timed(channel, Kind::Step, rejected).await;
        assert_eq!((calls("unknown"), calls("rejected")), (1, 1));
        let in_flight = format!(r#"{}{{channel="Instagram"}} 0"#, telemetry::CALLS_IN_FLIGHT);
        assert!(recorder.handle().render().contains(&in_flight));
    }
}
