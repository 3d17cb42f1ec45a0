//! Taking down what is live: what an answer means by the contracts that are our own
//! proposal, and what is said where it can't be done from here.
//!
//! That it is gone is believed only where the channel says so of this very thing: an
//! address that is not there proves nothing.

use fanfare_core::attempt::{Retry, WithdrawOutcome};
use fanfare_core::cause;
use fanfare_core::text::Text;
use jiff::Timestamp;

use crate::contract::{Heard, heard, problem_code};
use crate::failure;
use crate::http::{Answer, ExchangeError};

/// The channel offers no way of it.
pub(crate) fn by_hand() -> Text {
    Text::new(
        "This channel can't be told to take down what is live. Take it down on the channel itself.",
        "이 채널은 게시된 내용을 내리는 기능을 제공하지 않습니다. 채널에서 직접 삭제해 주세요.",
    )
}

/// It is live still, and asking again does not help.
pub(crate) fn refused(why: Text) -> WithdrawOutcome {
    WithdrawOutcome::Refused {
        failure: cause::WITHDRAWAL_FAILED.because(why),
        retry: Retry::Never,
    }
}

/// What is to be taken down can't be named: a person said that it is live.
pub(crate) fn without_name() -> WithdrawOutcome {
    refused(Text::new(
        "The id that the channel gave it is not known here, so it can't be named to the channel. It is still live: take \
         it down on the channel itself.",
        "채널이 부여한 ID를 알 수 없어 이 서비스에서 내릴 수 없습니다. 아직 게시되어 있으니 채널에서 직접 삭제해 주세요.",
    ))
}

/// By the contract's table: 204, or 410, or 404 `not_found`, says that it is gone; 409
/// that it can't be taken down any more.
pub(crate) fn by_contract(answer: Result<Answer, ExchangeError>, now: Timestamp) -> WithdrawOutcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return without_answer(&error),
    };
    let code = problem_code(&answer);
    let said = answer.words_without_numbers();
    match (answer.status.as_u16(), code.as_deref()) {
        (204 | 410, _) | (404, Some("not_found")) => return WithdrawOutcome::Gone,
        (409, Some("in_progress")) => {
            return WithdrawOutcome::Refused {
                failure: failure::unavailable().said(&said),
                retry: Retry::Backoff,
            };
        }
        (400 | 409 | 422, _) => {
            let failure = cause::WITHDRAWAL_FAILED.failure().said(&said);
            let retry = Retry::Never;
            return WithdrawOutcome::Refused { failure, retry };
        }
        _ => {}
    }
    match heard(&answer, now) {
        Heard::Refused(why, retry) => WithdrawOutcome::Refused {
            failure: why.said(&said),
            retry,
        },
        Heard::Taken | Heard::Known | Heard::Unclear => {
            WithdrawOutcome::Unknown(failure::outcome_unknown().said(&said))
        }
    }
}

/// No whole answer came: it is asked for again.
pub(crate) fn without_answer(error: &ExchangeError) -> WithdrawOutcome {
    match error {
        ExchangeError::NotSent(..) => WithdrawOutcome::Refused {
            failure: failure::unavailable().said(&error.words()),
            retry: Retry::Backoff,
        },
        ExchangeError::Lost { .. } => WithdrawOutcome::Unknown(failure::outcome_unknown().said(&error.words())),
    }
}
