//! What is called off before anything of it was done on the channel: then nothing
//! is. Only a client can tell from its checkpoint how far it came; what follows
//! is the engine's.
//!
//! Deliberately absent: what is done already, which comes to its end.

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::cause;
use fanfare_core::delivery::Phase;
use fanfare_core::engine::Call;

/// Whether a step that has had no effect before it need not be run. In doubt it is
/// run all the same: under the channel's own key, that is the look-up.
pub(crate) fn is_called_off(call: &Call) -> bool {
    call.delivery.called_off && call.delivery.phase != Phase::Unknown
}

/// The step was not run, and none before it had an effect.
pub(crate) fn nothing_done() -> StepOutcome {
    StepOutcome::Rejected {
        failure: cause::CANCELLED.failure(),
        retry: Retry::Never,
        checkpoint: None,
    }
}
