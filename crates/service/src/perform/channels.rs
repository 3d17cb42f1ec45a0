//! Calls channels. A mock answers in place: nothing leaves the process.

use fanfare_channels::mock;
use fanfare_core::attempt::{LookUpOutcome, StepOutcome};
use fanfare_core::channel::Mode;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::{Call, Input};
use fanfare_core::text::Text;
use jiff::Timestamp;

/// Runs the next step of a channel's protocol.
pub(super) fn step(call: &Call, now: Timestamp) -> Input {
    let outcome = match call.delivery.mode {
        Mode::Mock => StepOutcome::Confirmed(receipt(call, now)),
        Mode::Live => StepOutcome::NeedsAction(not_built()),
    };
    Input::Stepped {
        reference: call.reference(),
        outcome,
    }
}

/// Finds out whether a step took effect.
pub(super) fn look_up(call: &Call, now: Timestamp) -> Input {
    let outcome = match call.delivery.mode {
        Mode::Mock => LookUpOutcome::Found(receipt(call, now)),
        Mode::Live => LookUpOutcome::Unknown(not_built()),
    };
    Input::LookedUp {
        reference: call.reference(),
        outcome,
    }
}

fn receipt(call: &Call, now: Timestamp) -> fanfare_core::receipt::Receipt {
    let delivery = &call.delivery;
    mock::receipt(
        delivery.channel,
        &call.request.request,
        delivery.id,
        delivery.generation,
        now,
    )
}

/// The configuration refuses live mode, so only a database that a later version
/// wrote can lead here.
fn not_built() -> Failure {
    let detail = Text::new(
        "This version cannot call the channel. Start the version that accepted the request.",
        "이 버전은 해당 채널을 호출할 수 없습니다. 요청을 접수한 버전을 실행해 주세요.",
    );
    Failure::new("live_not_available", detail)
}
