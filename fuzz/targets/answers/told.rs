//! The words in what came of a call, which people are shown.

use fanfare_channels::check::Checked;
use fanfare_core::attempt::{LookUpOutcome, Observation, StepOutcome, WithdrawOutcome};
use fanfare_core::delivery::Failure;

pub(crate) trait Told {
    /// What did not go well, where something did not.
    fn failure(&self) -> Option<&Failure>;
}

impl Told for StepOutcome {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::PollFailed { why, .. } => Some(why),
            Self::NeedsAction { task, .. } => Some(task),
            Self::Rejected { failure, .. } | Self::Unknown(failure) => Some(failure),
            Self::Deferred { reason, .. } | Self::Held { reason, .. } => Some(reason),
            Self::Advanced { .. } | Self::Prepared { .. } | Self::Pending { .. } | Self::Confirmed(_) => None,
        }
    }
}

impl Told for LookUpOutcome {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Unknown(failure) => Some(failure),
            Self::Found(_) | Self::Advanced { .. } | Self::Absent { .. } | Self::Pending { .. } => None,
        }
    }
}

impl Told for Observation {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Declined { failure, .. } | Self::Unknown { failure, .. } => Some(failure),
            Self::Stands { .. } | Self::Advanced { .. } | Self::Untold => None,
        }
    }
}

impl Told for WithdrawOutcome {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refused { failure, .. } | Self::Unknown(failure) => Some(failure),
            Self::Gone => None,
        }
    }
}

impl Told for Checked {
    fn failure(&self) -> Option<&Failure> {
        Self::failure(self)
    }
}
