//! Taking a tone away: only while it is this delivery's. The line is read first, since
//! a receipt does not name the tone; it is taken away by the name that it bears, so
//! that one which comes between is not touched.

use fanfare_core::attempt::{Retry, WithdrawOutcome};
use fanfare_core::engine::Call;
use http::StatusCode;
use jiff::Timestamp;

use super::error::{has_no_tone, heard};
use super::{Order, RingoBizClient, Tone, order, path};
use crate::contract::{Heard, problem_code};
use crate::failure;
use crate::http::Answer;
use crate::withdraw;

impl RingoBizClient {
    pub(super) async fn take_away(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        let Some(Order { e164, .. }) = order(&call.request.request, now) else {
            return withdraw::without_name();
        };
        if !self.verified.holds(&call.tenant, &e164) {
            return WithdrawOutcome::Refused {
                failure: failure::number_not_verified(),
                retry: Retry::Never,
            };
        }
        let answer = match self.api.get(call, &path(&e164), &[]).await {
            Ok(answer) => answer,
            Err(error) => return withdraw::without_answer(&error),
        };
        let tone = match answer.status {
            StatusCode::OK => answer.json::<Tone>().ok(),
            StatusCode::NOT_FOUND if has_no_tone(&answer) => return WithdrawOutcome::Gone,
            _ => return not_read(&answer, now),
        };
        let Some(tone) = tone else {
            return WithdrawOutcome::Unknown(failure::outcome_unknown().said(&answer.words()));
        };
        // Any generation's of this delivery; another's has replaced ours.
        let ours = format!("{}.", call.delivery.id);
        let Some(name) = tone.external_id.filter(|name| name.starts_with(&ours)) else {
            return WithdrawOutcome::Gone;
        };
        let answer = self.api.delete(call, &path(&e164), &[("externalId", &name)]).await;
        match answer {
            Ok(answer) if has_no_tone(&answer) || is_anothers(&answer) => WithdrawOutcome::Gone,
            answer => withdraw::by_contract(answer, now),
        }
    }
}

/// Another one has come between, and ours plays no more.
fn is_anothers(answer: &Answer) -> bool {
    answer.status == StatusCode::CONFLICT && problem_code(answer).as_deref() == Some("other_tone")
}

fn not_read(answer: &Answer, now: Timestamp) -> WithdrawOutcome {
    match heard(answer, now) {
        Heard::Refused(why, retry) => WithdrawOutcome::Refused {
            failure: why.said(&answer.words()),
            retry,
        },
        Heard::Taken | Heard::Known | Heard::Unclear => {
            WithdrawOutcome::Unknown(failure::outcome_unknown().said(&answer.words()))
        }
    }
}
