//! Waits until Meta has fetched what is shown: how long, and how often is looked.
//! Meta asks for a look a minute and five minutes at most; a picture is mostly ready in
//! seconds, so that the first looks come sooner, and each later than the one before.

use std::time::Duration;

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::compose::instagram::Shown;
use fanfare_core::engine::Call;
use jiff::Timestamp;

use super::checkpoint::{Made, Stage};
use super::error::Meaning;
use super::steps::{FETCH_ATTEMPTS, THROTTLE_LEAST, advanced, rejected};
use super::wire::{self, Container, StatusCode};
use super::{InstagramClient, age, heard};
use crate::failure;
use crate::http::Answer;

/// A container that is not ready after this time is given up.
const CONTAINER_PATIENCE: Duration = Duration::from_mins(5);

/// A film's: Meta fetches up to 300 MB of it, and makes it anew.
const FILM_PATIENCE: Duration = Duration::from_mins(30);

/// Between two looks, at most.
const POLL_MAX: Duration = Duration::from_mins(1);

/// A container that can't be found may only be young.
const FINDING_PATIENCE: Duration = Duration::from_mins(2);

impl InstagramClient {
    /// A look at the container that is published.
    pub(super) async fn poll(&self, call: &Call, made: Made, since: Timestamp, now: Timestamp) -> StepOutcome {
        let age = age(since, now);
        let (read, answer) = match self.status(call, &made.container, now).await {
            Ok(read) => read,
            Err(meaning) => return self.not_polled(call, meaning, age),
        };
        match read.status_code {
            StatusCode::Finished => match wire::hold(&answer.headers) {
                Some(wait) => StepOutcome::Pending { poll_after: wait },
                None => advanced(call, &Stage::ready(made), true),
            },
            // Published by an attempt whose answer nobody heard.
            StatusCode::Published => StepOutcome::Confirmed(self.find_post(call, now).await),
            StatusCode::InProgress | StatusCode::Unknown if age < patience(call) => StepOutcome::Pending {
                poll_after: wire::hold(&answer.headers).unwrap_or_else(|| self.until_next_look(call, age)),
            },
            StatusCode::InProgress | StatusCode::Unknown | StatusCode::Expired => {
                rejected(failure::unavailable().said(&answer.words()), Retry::Backoff, None)
            }
            StatusCode::Error => self.not_polled(call, read.meaning(&answer), age),
        }
    }

    /// Nothing is published yet: another container is harmless.
    pub(super) fn not_polled(&self, call: &Call, meaning: Meaning, age: Duration) -> StepOutcome {
        let again = |poll_after| StepOutcome::Pending { poll_after };
        let failed = |poll_after, why| StepOutcome::PollFailed { poll_after, why };
        match meaning {
            Meaning::Refused(why) | Meaning::Blocked(why) => rejected(why, Retry::Never, None),
            Meaning::NotFetched(why) if call.delivery.attempt >= FETCH_ATTEMPTS => rejected(why, Retry::Never, None),
            Meaning::ContainerMissing(_) if age < FINDING_PATIENCE => {
                let left = FINDING_PATIENCE.saturating_sub(age);
                again(self.settings.poll_interval.max((age / 2).min(left)))
            }
            Meaning::Throttled(why, wait) => failed(wait.max(THROTTLE_LEAST), why),
            Meaning::NotReady(_) if age < patience(call) => again(self.until_next_look(call, age)),
            Meaning::DailyCap(why) | Meaning::NotSent(why) | Meaning::Unclear(why) if age < patience(call) => {
                failed(self.until_next_look(call, age), why)
            }
            Meaning::NotFetched(why)
            | Meaning::FetchTimedOut(why)
            | Meaning::ContainerDead(why)
            | Meaning::ContainerMissing(why)
            | Meaning::DailyCap(why)
            | Meaning::NotReady(why)
            | Meaning::NotSent(why)
            | Meaning::Unclear(why) => rejected(why, Retry::Backoff, None),
        }
    }

    /// Longer, the longer it takes, and the last look when patience ends.
    pub(super) fn until_next_look(&self, call: &Call, age: Duration) -> Duration {
        let left = patience(call).saturating_sub(age);
        let stretched = (age / 5).min(POLL_MAX).min(left);
        stretched.max(self.settings.poll_interval)
    }

    pub(super) async fn status(
        &self,
        call: &Call,
        container: &str,
        now: Timestamp,
    ) -> Result<(Container, Answer), Meaning> {
        let path = self.path(&[container]);
        heard(
            self.api.get(call, &path, &[("fields", "status_code,status")]).await,
            now,
        )
    }
}

/// How long what is shown may take.
pub(super) fn patience(call: &Call) -> Duration {
    match Shown::of(&call.request.request) {
        Shown::Picture(_) | Shown::Carousel(_) => CONTAINER_PATIENCE,
        Shown::Reel(_) => FILM_PATIENCE,
    }
}
