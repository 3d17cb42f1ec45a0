//! What became of what was sent. *Accepted* is not *delivered*: the channel says
//! of each recipient, seconds or days later, whether the message arrived.

use fanfare_core::attempt::{Observation, Retry, StepOutcome};
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use jiff::Timestamp;

use super::checkpoint::{Progress, Stage, count};
use super::steps::{advanced, rejected};
use super::wire::{self, Page, Standing};
use super::{KakaoChannelClient, age};
use crate::failure;

/// Messages of one page (NHN Cloud's guide: at most 1,000).
const PAGE_SIZE: &str = "1000";

/// Recipients of one request, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    delivered: u32,
    failed: u32,
    /// Nobody's result is open, or missing.
    is_final: bool,
}

impl KakaoChannelClient {
    /// One request's results at a time; each that is known is kept.
    pub(super) async fn results(&self, call: &Call, mut progress: Progress, now: Timestamp) -> StepOutcome {
        let Some(open) = progress.next_unsettled() else {
            return settled(progress);
        };
        let waits = age(progress.since, now) < self.settings.patience;
        let poll_after = self.settings.poll_interval;
        match self.read(call, &progress, open, now).await {
            Ok(tally) if tally.is_final => {
                progress.count_results(open, tally);
                advanced(Stage::Results(progress), false)
            }
            Ok(_) if waits => StepOutcome::Pending { poll_after },
            Err(why) if waits => StepOutcome::PollFailed { poll_after, why },
            Ok(_) | Err(_) => StepOutcome::Confirmed(receipt(&progress, ChannelState::Accepted)),
        }
    }

    /// The results that came later, one request's at a time, those that are open still
    /// too: a telephone that is off for days does not hide the others.
    pub(super) async fn look_again(&self, call: &Call, mut progress: Progress, now: Timestamp) -> Observation {
        let Some(open) = progress.next_unseen() else {
            return stands(progress);
        };
        let read = self.read(call, &progress, open, now).await;
        // One that can't be read does not keep the others from being read.
        progress.seen_until = open + 1;
        match read {
            Ok(tally) => progress.count_results(open, tally),
            Err(failure) => {
                if progress.next_unseen().is_none() {
                    progress.seen_until = 0;
                }
                return Observation::Unknown {
                    failure,
                    checkpoint: Some(Stage::Results(progress).into()),
                };
            }
        }
        match progress.next_unseen() {
            Some(_) => Observation::Advanced {
                checkpoint: Stage::Results(progress).into(),
            },
            None => stands(progress),
        }
    }

    async fn read(&self, call: &Call, progress: &Progress, open: usize, now: Timestamp) -> Result<Tally, Failure> {
        let request = &progress.requests[open];
        let query = [
            ("requestId", request.id.as_str()),
            ("pageNum", "1"),
            ("pageSize", PAGE_SIZE),
        ];
        let answer = self.api.get(call, &self.path("messages"), &query).await;
        let answer = answer.map_err(|error| failure::unavailable().said(&error.words()))?;
        let page = wire::page(&answer, now)?;
        if page.messages.iter().any(|message| message.request_id != request.id) {
            return Err(failure::unavailable().said(&answer.words_without_numbers()));
        }
        Ok(tally(&page, request.taken))
    }
}

fn tally(page: &Page, taken: u32) -> Tally {
    let standing = |wanted| count(page.messages.iter().filter(|one| one.standing() == wanted).count());
    let (delivered, failed) = (standing(Standing::Delivered), standing(Standing::Failed));
    let known = delivered + failed;
    Tally {
        delivered,
        failed,
        is_final: standing(Standing::Open) == 0 && known == page.total_count && known >= taken,
    }
}

impl Progress {
    fn next_unsettled(&self) -> Option<usize> {
        self.requests.iter().position(|request| !request.settled)
    }

    /// In this round of looks.
    fn next_unseen(&self) -> Option<usize> {
        let mut unseen = self.requests.iter().enumerate().skip(self.seen_until);
        unseen.find(|(_, request)| !request.settled).map(|(place, _)| place)
    }

    /// In the place of what an earlier look counted of the same request.
    fn count_results(&mut self, open: usize, tally: Tally) {
        let Some(request) = self.requests.get_mut(open) else {
            return;
        };
        let (delivered, failed) = (request.delivered, request.failed);
        if tally.delivered + tally.failed < delivered + failed {
            // A page that lacks what was on it before says nothing.
            return;
        }
        self.counts.delivered = self
            .counts
            .delivered
            .saturating_sub(delivered)
            .saturating_add(tally.delivered);
        self.counts.failed = self.counts.failed.saturating_sub(failed).saturating_add(tally.failed);
        request.delivered = tally.delivered;
        request.failed = tally.failed;
        request.settled = tally.is_final;
    }
}

/// All of them are final: a success if one arrived.
fn settled(progress: Progress) -> StepOutcome {
    match nobody_reached(&progress) {
        None => StepOutcome::Confirmed(receipt(&progress, ChannelState::Delivered)),
        Some(why) => rejected(Some(Stage::Results(progress)), why, Retry::Never),
    }
}

/// All of them were looked at.
fn stands(mut progress: Progress) -> Observation {
    let is_final = progress.next_unsettled().is_none();
    progress.seen_until = 0;
    if let Some(failure) = nobody_reached(&progress).filter(|_| is_final) {
        return Observation::Declined {
            failure,
            checkpoint: Some(Stage::Results(progress).into()),
        };
    }
    let state = if is_final {
        ChannelState::Delivered
    } else {
        ChannelState::Accepted
    };
    Observation::Stands {
        receipt: receipt(&progress, state),
        checkpoint: Some(Stage::Results(progress).into()),
    }
}

/// Why it arrived with nobody, where that is so.
fn nobody_reached(progress: &Progress) -> Option<Failure> {
    if progress.counts.delivered > 0 {
        return None;
    }
    let asked_for_nobody = progress.requests.is_empty() && progress.counts.refused == 0;
    Some(match (asked_for_nobody, progress.counts.capped) {
        (true, 0) => failure::no_consented_recipients(progress.counts.blocked_by),
        (true, _) => failure::frequency_cap_reached(),
        (false, _) => failure::no_recipient_reached(),
    })
}

/// The first request's name stands for all.
fn receipt(progress: &Progress, state: ChannelState) -> Receipt {
    Receipt {
        state,
        fields: ResultFields {
            message_id: progress.requests.first().map(|request| request.id.clone()),
            ..ResultFields::default()
        },
    }
}
