//! What became of a request whose answer was not clear.
//!
//! Its grouping key is ours and unique, and the channel can be asked for it; but
//! what was just sent may not be found yet. So it counts as absent only when it
//! was not found three times, over a minute by the channel's own clock.

use std::time::Duration;

use fanfare_core::attempt::LookUpOutcome;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::korea;
use jiff::Timestamp;

use super::checkpoint::{Doubt, Empty, Request, Sending, Stage};
use super::hold::PATIENCE;
use super::wire::{self, Page};
use super::{KakaoChannelClient, age, key_of};
use crate::contract::is_path_id;
use crate::failure;

/// Look-ups in a row that must find nothing.
const LOOKS: u32 = 3;

/// The search begins and ends so much beyond our own times; the two clocks may
/// differ, and the channel's has no seconds.
const MARGIN: Duration = Duration::from_hours(1);

impl KakaoChannelClient {
    pub(super) async fn find(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        match Stage::of(call) {
            Ok(Some(Stage::Sending(sending))) => self.find_request(call, sending, now).await,
            // Nothing is in doubt here: the same attempt goes on where something
            // was sent, and another one begins where nothing was.
            Ok(Some(Stage::Cutting(progress))) if progress.requests.is_empty() => LookUpOutcome::Absent {
                checkpoint: Some(Stage::Cutting(progress).into()),
            },
            Ok(Some(stage @ (Stage::Cutting(_) | Stage::Results(_)))) => goes_on(stage, false),
            Ok(None) => LookUpOutcome::Absent { checkpoint: None },
            Err(unreadable) => LookUpOutcome::Unknown(unreadable),
        }
    }

    async fn find_request(&self, call: &Call, sending: Sending, now: Timestamp) -> LookUpOutcome {
        let key = key_of(call, sending.progress.chunk);
        let begun = call
            .delivery
            .attempt_started_at
            .unwrap_or(now)
            .min(sending.progress.since);
        let (from, until) = around(begun, now);
        let query = [
            ("senderGroupingKey", key.as_str()),
            ("startRequestDate", &from),
            ("endRequestDate", &until),
            ("pageNum", "1"),
            ("pageSize", "1"),
        ];
        let answer = match self.api.get(call, &self.path("messages"), &query).await {
            Ok(answer) => answer,
            Err(error) => return unknown(&error.words()),
        };
        let page = match wire::page(&answer, now) {
            Ok(page) => page,
            Err(why) => return LookUpOutcome::Unknown(failure::in_doubt(why)),
        };
        if page.messages.is_empty() && page.total_count == 0 {
            return self.not_found(call, sending, answer.time(now), now).await;
        }
        match found(&page, &key) {
            Some(request) => {
                let until = sending.until;
                goes_on(
                    Stage::Cutting(sending.progress.sent(until, Some(request), 0, now)),
                    false,
                )
            }
            // A channel that does not search by the key finds anything.
            None => unknown(&answer.words_without_numbers()),
        }
    }

    async fn not_found(&self, call: &Call, mut sending: Sending, there: Timestamp, now: Timestamp) -> LookUpOutcome {
        let window = match sending.doubt {
            Doubt::None => self.settings.second_look,
            // Until then the channel refuses it anyway.
            Doubt::KeyKnown => self.settings.key_window.max(self.settings.second_look),
            Doubt::Sent => return LookUpOutcome::Unknown(failure::outcome_unknown()),
        };
        let before = sending.empty.unwrap_or(Empty { since: there, looks: 0 });
        let empty = Empty {
            // A clock that went back does not bring the last look nearer.
            since: before.since.min(there),
            looks: before.looks.saturating_add(1),
        };
        let apart = age(before.since, there);
        if empty.looks < LOOKS || apart < window {
            sending.empty = Some(empty);
            return LookUpOutcome::Pending {
                checkpoint: Stage::Sending(sending).into(),
                look_after: window.saturating_sub(apart).min(window / 2).max(window / 8),
            };
        }
        self.absent(call, sending, now).await
    }

    /// It was never sent: it may be sent again.
    async fn absent(&self, call: &Call, sending: Sending, now: Timestamp) -> LookUpOutcome {
        let key = key_of(call, sending.progress.chunk);
        self.recipients.release(&call.tenant, &key).await;
        let given_up = age(sending.progress.since, now) >= PATIENCE;
        let first = sending.progress.requests.is_empty();
        let (progress, until) = (sending.progress, sending.until);
        match (first, given_up) {
            (true, _) => LookUpOutcome::Absent {
                checkpoint: Some(Stage::Sending(Sending::clean(progress, until)).into()),
            },
            (false, false) => goes_on(Stage::Sending(Sending::clean(progress, until)), true),
            (false, true) => goes_on(self.give_up(call, progress, now).await, false),
        }
    }
}

/// Where a search for what was sent between these times begins and ends.
pub(super) fn around(begun: Timestamp, now: Timestamp) -> (String, String) {
    let from = korea::minute(begun.saturating_sub(MARGIN).unwrap_or(begun));
    (from, korea::minute(now.saturating_add(MARGIN).unwrap_or(now)))
}

/// Only a message that bears our key is believed to be ours.
fn found(page: &Page, key: &str) -> Option<Request> {
    let ours = |grouping: &Option<String>| grouping.as_deref() == Some(key);
    let message = page.messages.first()?;
    let all = page.messages.iter().all(|message| ours(&message.sender_grouping_key));
    (all && is_path_id(&message.request_id)).then(|| Request {
        id: message.request_id.clone(),
        taken: page.total_count,
        settled: false,
        delivered: 0,
        failed: 0,
    })
}

fn goes_on(stage: Stage, next_has_effect: bool) -> LookUpOutcome {
    LookUpOutcome::Advanced {
        checkpoint: stage.into(),
        next_has_effect,
    }
}

fn unknown(words: &str) -> LookUpOutcome {
    let why: Failure = failure::outcome_unknown().said(words);
    LookUpOutcome::Unknown(why)
}
