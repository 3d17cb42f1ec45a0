//! What became of what was sent. *Accepted* is not *delivered*: the channel says
//! of each recipient, seconds later, whether the message arrived.

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use jiff::Timestamp;

use super::checkpoint::{Progress, Stage};
use super::steps::{advanced, rejected};
use super::wire::{self, Page, Standing};
use super::{KakaoChannelClient, age};
use crate::failure;

/// Messages of one page (NHN Cloud's guide: at most 1,000).
const PAGE_SIZE: &str = "1000";

impl KakaoChannelClient {
    /// One request's results at a time; each that is known is kept.
    pub(super) async fn results(&self, call: &Call, mut progress: Progress, now: Timestamp) -> StepOutcome {
        let Some(open) = progress.requests.iter().position(|request| !request.settled) else {
            return settled(progress);
        };
        let waits = age(progress.since, now) < self.settings.patience;
        let poll_after = self.settings.poll_interval;
        match self.read(call, &progress, open, now).await {
            Ok(Some((delivered, failed))) => {
                progress.requests[open].settled = true;
                progress.counts.delivered += delivered;
                progress.counts.failed += failed;
                advanced(Stage::Results(progress), false)
            }
            Ok(None) if waits => StepOutcome::Pending { poll_after },
            Err(why) if waits => StepOutcome::PollFailed { poll_after, why },
            Ok(None) | Err(_) => confirmed(&progress, ChannelState::Accepted),
        }
    }

    /// Delivered and failed, where every recipient's result is final.
    async fn read(
        &self,
        call: &Call,
        progress: &Progress,
        open: usize,
        now: Timestamp,
    ) -> Result<Option<(u32, u32)>, Failure> {
        let request = &progress.requests[open];
        let query = [
            ("requestId", request.id.as_str()),
            ("pageNum", "1"),
            ("pageSize", PAGE_SIZE),
        ];
        let answer = self.api.get(call, &self.path("messages"), &query).await;
        let answer = answer.map_err(|error| failure::unavailable().said(&error.words()))?;
        let page = wire::page(&answer, now)?;
        let ours = page.messages.iter().all(|message| message.request_id == request.id);
        Ok(tally(&page).filter(|(delivered, failed)| ours && delivered + failed >= request.taken))
    }
}

/// Nothing where any of them is open, or not on the page.
fn tally(page: &Page) -> Option<(u32, u32)> {
    let (mut delivered, mut failed) = (0, 0);
    for message in &page.messages {
        match message.standing() {
            Standing::Delivered => delivered += 1,
            Standing::Failed => failed += 1,
            Standing::Open => return None,
        }
    }
    (delivered + failed == page.total_count).then_some((delivered, failed))
}

/// All of them are final: a success if one arrived.
fn settled(progress: Progress) -> StepOutcome {
    if progress.counts.delivered > 0 {
        return confirmed(&progress, ChannelState::Delivered);
    }
    let asked_for_nobody = progress.requests.is_empty() && progress.counts.refused == 0;
    let why = match (asked_for_nobody, progress.counts.capped) {
        (true, 0) => failure::no_consented_recipients(),
        (true, _) => failure::frequency_cap_reached(),
        (false, _) => failure::no_recipient_reached(),
    };
    rejected(Some(Stage::Results(progress)), why, Retry::Never)
}

/// The first request's name stands for all.
fn confirmed(progress: &Progress, state: ChannelState) -> StepOutcome {
    StepOutcome::Confirmed(Receipt {
        state,
        fields: ResultFields {
            message_id: progress.requests.first().map(|request| request.id.clone()),
            ..ResultFields::default()
        },
    })
}
