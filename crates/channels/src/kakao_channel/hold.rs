//! What holds a request back, and how: the night, a refusal, a call-off.
//!
//! A deferral says that nothing was done, and lets go: what is deferred may be
//! cancelled, or given up for its age. So once a request was taken nothing is
//! deferred or rejected; the delivery keeps hold of what was sent, and what is left
//! is waited for, or given up and counted.

use std::time::Duration;

use fanfare_core::advertising::Night;
use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use jiff::Timestamp;

use super::checkpoint::{Progress, Sending, Stage, count};
use super::recipients::Allowed;
use super::steps::{advanced, rejected};
use super::{KakaoChannelClient, age};
use crate::failure;

/// After somebody has been sent it, the rest is tried for so long.
pub(super) const PATIENCE: Duration = Duration::from_hours(24);

/// Between two tries of the rest, at most.
const AGAIN_MOST: Duration = Duration::from_mins(5);

impl KakaoChannelClient {
    /// This request had no effect. Where another had, what is left is tried on, or
    /// given up; it does not make a failure of what was sent.
    pub(super) fn not_sent(
        &self,
        sending: Sending,
        allowed: Option<&Allowed>,
        why: Failure,
        retry: Retry,
        now: Timestamp,
    ) -> StepOutcome {
        if sending.progress.requests.is_empty() {
            let again = Sending::clean(sending.progress, sending.until);
            return rejected(Some(Stage::Sending(again)), why, retry);
        }
        if retry != Retry::Never && age(sending.progress.since, now) < PATIENCE {
            return self.again(&sending.progress, now);
        }
        let mut progress = sending.progress;
        progress.give_up(allowed);
        advanced(Stage::Results(progress), false)
    }

    /// The longer nothing went on, the less often.
    pub(super) fn again(&self, progress: &Progress, now: Timestamp) -> StepOutcome {
        let shortest = self.settings.poll_interval;
        StepOutcome::Pending {
            poll_after: (age(progress.since, now) / 10).clamp(shortest, AGAIN_MOST.max(shortest)),
        }
    }

    /// Sends nobody else anything: those who are left are counted, as they would
    /// be sent it by day.
    pub(super) async fn leave_off(&self, call: &Call, mut progress: Progress, now: Timestamp) -> StepOutcome {
        let by_day = Night::KAKAO.over_at(now).unwrap_or(now);
        let allowed = self.allowed(call, by_day).await.ok();
        progress.give_up(allowed.as_ref());
        advanced(Stage::Results(progress), false)
    }
}

impl Progress {
    /// Counts those who are left as not sent.
    pub(super) fn give_up(&mut self, allowed: Option<&Allowed>) {
        let left = allowed.map_or(0, |allowed| allowed.after(self.after).len());
        self.counts.not_sent = self.counts.not_sent.saturating_add(count(left));
    }
}

/// It was called off when people had been sent it already.
pub(super) fn is_called_off(call: &Call, progress: &Progress) -> bool {
    call.delivery.called_off && !progress.requests.is_empty()
}

/// By night nobody is sent anything, and nobody is counted: who may be sent it by
/// day alone would be missing.
pub(super) fn night(progress: Option<&Progress>, now: Timestamp) -> Option<StepOutcome> {
    let until = Night::KAKAO.over_at(now)?;
    Some(held_until(until, progress, failure::night_hours(), now))
}

/// It is night by the channel's clock, whatever ours says.
pub(super) fn night_by_the_channel(progress: &Progress, why: Failure, now: Timestamp) -> StepOutcome {
    held_until(Night::KAKAO.next_end(now), Some(progress), why, now)
}

fn held_until(until: Timestamp, progress: Option<&Progress>, reason: Failure, now: Timestamp) -> StepOutcome {
    if progress.is_none_or(|progress| progress.requests.is_empty()) {
        return StepOutcome::Deferred { until, reason };
    }
    StepOutcome::Pending {
        poll_after: age(now, until),
    }
}
