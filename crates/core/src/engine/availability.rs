//! What an answer says of whether its channel is at work: the table of causes decides
//! whose trouble a failure is.

use crate::attempt::{LookUpOutcome, Observation, StepOutcome, WithdrawOutcome};
use crate::cause::Cause;
use crate::delivery::Failure;
use crate::resilience::breaker::CallResult;

/// What a step says of it.
pub(super) fn result_of_step(outcome: &StepOutcome) -> CallResult {
    match outcome {
        StepOutcome::Advanced { .. } | StepOutcome::Pending { .. } | StepOutcome::Confirmed(_) => CallResult::Succeeded,
        StepOutcome::Prepared { .. }
        | StepOutcome::NeedsAction { .. }
        | StepOutcome::Deferred { .. }
        | StepOutcome::Held { .. } => CallResult::Ignored,
        StepOutcome::Rejected { failure, .. } => result_of_failure(failure, CallResult::Ignored),
        StepOutcome::Unknown(failure) => result_of_failure(failure, CallResult::Failed),
        StepOutcome::PollFailed { why, .. } => result_of_failure(why, CallResult::Ignored),
    }
}

/// What a look-up says of it.
pub(super) fn result_of_look_up(outcome: &LookUpOutcome) -> CallResult {
    match outcome {
        LookUpOutcome::Found(_)
        | LookUpOutcome::Advanced { .. }
        | LookUpOutcome::Absent { .. }
        | LookUpOutcome::Pending { .. } => CallResult::Succeeded,
        LookUpOutcome::Unknown(failure) => result_of_failure(failure, CallResult::Failed),
    }
}

/// What a call to take something down says of it.
pub(super) fn result_of_withdrawal(outcome: &WithdrawOutcome) -> CallResult {
    match outcome {
        WithdrawOutcome::Gone => CallResult::Succeeded,
        WithdrawOutcome::Refused { failure, .. } => result_of_failure(failure, CallResult::Ignored),
        WithdrawOutcome::Unknown(failure) => result_of_failure(failure, CallResult::Failed),
    }
}

/// What a look at what it took says of it.
pub(super) fn result_of_observation(outcome: &Observation) -> CallResult {
    match outcome {
        Observation::Stands { .. } | Observation::Advanced { .. } | Observation::Declined { .. } => {
            CallResult::Succeeded
        }
        Observation::Unknown { failure, .. } => result_of_failure(failure, CallResult::Failed),
        Observation::Untold => CallResult::Ignored,
    }
}

fn result_of_failure(failure: &Failure, unlisted: CallResult) -> CallResult {
    match Cause::of(&failure.code) {
        Some(cause) if cause.availability => CallResult::Failed,
        Some(_) => CallResult::Ignored,
        None => unlisted,
    }
}
