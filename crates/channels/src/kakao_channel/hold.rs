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

/// Two clocks may differ by this: that it is night is believed of the channel so
/// long after ours says that it is over, and asked for again.
const CLOCK_SKEW: Duration = Duration::from_mins(10);

/// Between two such questions.
const NIGHT_AGAIN: Duration = Duration::from_mins(1);

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
        self.again(sending.progress, allowed, (why, retry), now)
    }

    /// What is left is tried again: the longer nothing went on, the less often, and
    /// not before the channel wishes. After a day, or where it never helps, it is
    /// given up.
    pub(super) fn again(
        &self,
        progress: Progress,
        allowed: Option<&Allowed>,
        (why, retry): (Failure, Retry),
        now: Timestamp,
    ) -> StepOutcome {
        let waited = age(progress.since, now);
        if retry == Retry::Never || waited >= PATIENCE {
            return advanced(progress.given_up(allowed), false);
        }
        let shortest = self.settings.poll_interval;
        let ours = (waited / 10).clamp(shortest, AGAIN_MOST.max(shortest));
        let wish = match retry {
            Retry::After(wish) => wish,
            Retry::Never | Retry::Backoff => Duration::ZERO,
        };
        StepOutcome::PollFailed {
            poll_after: ours.max(wish),
            why,
        }
    }

    /// It is night by the channel's clock, whatever ours says.
    pub(super) fn night_by_the_channel(
        &self,
        progress: Progress,
        allowed: &Allowed,
        why: Failure,
        now: Timestamp,
    ) -> StepOutcome {
        if !progress.requests.is_empty() && age(progress.since, now) >= PATIENCE {
            return self.again(progress, Some(allowed), (why, Retry::Never), now);
        }
        let until = if is_just_over(now) {
            now.saturating_add(NIGHT_AGAIN).unwrap_or(now)
        } else {
            Night::KAKAO.next_end(now)
        };
        held_until(until, Some(&progress), why)
    }

    /// Sends nobody else anything: those who are left are counted, as they would
    /// be sent it by day.
    pub(super) async fn give_up(&self, call: &Call, progress: Progress, now: Timestamp) -> Stage {
        let by_day = Night::KAKAO.over_at(now).unwrap_or(now);
        let allowed = self.allowed(call, by_day).await.ok();
        progress.given_up(allowed.as_ref())
    }
}

impl Progress {
    /// Nobody else is sent it. Those who are left are counted as not sent, where the
    /// list can be read: what was sent does not wait for that.
    fn given_up(mut self, allowed: Option<&Allowed>) -> Stage {
        let left = allowed.map_or(0, |allowed| allowed.after(self.after).len());
        self.counts.not_sent = self.counts.not_sent.saturating_add(count(left));
        Stage::Results(self)
    }
}

/// By night nobody is sent anything, and nobody is counted: who may be sent it by
/// day alone would be missing.
pub(super) fn night(progress: Option<&Progress>, now: Timestamp) -> Option<StepOutcome> {
    let until = Night::KAKAO.over_at(now)?;
    Some(held_until(until, progress, failure::night_hours()))
}

/// The night has just ended by our clock, and so may not have by another.
fn is_just_over(now: Timestamp) -> bool {
    let before = now.saturating_sub(CLOCK_SKEW).unwrap_or(now);
    Night::KAKAO.over_at(before).is_some_and(|end| end <= now)
}

fn held_until(until: Timestamp, progress: Option<&Progress>, reason: Failure) -> StepOutcome {
    if progress.is_none_or(|progress| progress.requests.is_empty()) {
        return StepOutcome::Deferred { until, reason };
    }
    StepOutcome::Held { until, reason }
}
