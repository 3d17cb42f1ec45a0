//! The four steps of the protocol.

use std::time::Duration;

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::channel::Mode;
use fanfare_core::compose::instagram::caption_of;
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use jiff::Timestamp;

use super::checkpoint::{Made, Stage};
use super::error::Meaning;
use super::wire::{self, Container, Created, Link, Page, Quota, StatusCode};
use super::{InstagramClient, age, heard, receipt};
use crate::api::Body;
use crate::failure;
use crate::http::Answer;

/// A container that is not ready after this time is given up (Meta: ask for
/// five minutes at most).
const CONTAINER_PATIENCE: Duration = Duration::from_mins(5);

/// A container that can't be found may only be young.
const FINDING_PATIENCE: Duration = Duration::from_mins(2);

/// The link of a post that is live is asked for as long as this.
const LINK_PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at the daily quota.
const QUOTA_INTERVAL: Duration = Duration::from_hours(1);

/// A throttled account is left alone at least so long.
const THROTTLE_LEAST: Duration = Duration::from_mins(15);

/// Tries of a picture that Meta can't fetch.
const FETCH_ATTEMPTS: u32 = 3;

impl InstagramClient {
    /// Looks at the picture, reads the quota and makes a container. Nothing of it is
    /// seen by anybody.
    pub(super) async fn create(&self, call: &Call, now: Timestamp) -> StepOutcome {
        let picture = match self.picture(call, now).await {
            Ok(picture) => picture,
            Err((why, retry)) => return rejected(why, retry, None),
        };
        if let Err(held) = self.check_quota(call, now).await {
            return held;
        }
        let caption = caption_of(&call.request.request, Mode::Live).unwrap_or_default();
        let path = self.path(&[&self.settings.account_id, "media"]);
        let form = [("image_url", picture.url.as_str()), ("caption", caption.as_str())];
        match heard::<Created>(self.api.post(call, &path, Body::Form(&form)).await, now) {
            Ok((created, _)) => advanced(
                Stage::Preparing {
                    made: Made {
                        container: created.id,
                        sha256: Some(picture.sha256),
                    },
                    since: now,
                },
                false,
            ),
            Err(meaning) => not_created(call, meaning, now),
        }
    }

    /// Held back where the day's posts are used up, or the account is throttled.
    async fn check_quota(&self, call: &Call, now: Timestamp) -> Result<(), StepOutcome> {
        let path = self.path(&[&self.settings.account_id, "content_publishing_limit"]);
        let query = [("fields", "quota_usage,config")];
        match heard::<Page<Quota>>(self.api.get(call, &path, &query).await, now) {
            Ok((page, answer)) => {
                if let Some(wait) = wire::hold(&answer.headers) {
                    return Err(deferred(now, wait, failure::rate_limited()));
                }
                let used_up = page.data.first().is_some_and(Quota::is_used_up);
                if used_up {
                    return Err(deferred(now, QUOTA_INTERVAL, failure::quota_exhausted()));
                }
                Ok(())
            }
            Err(meaning) => Err(not_created(call, meaning, now)),
        }
    }

    /// Waits until Meta has fetched the picture.
    pub(super) async fn poll(&self, call: &Call, made: Made, since: Timestamp, now: Timestamp) -> StepOutcome {
        let age = age(since, now);
        let (read, answer) = match self.status(call, &made.container, now).await {
            Ok(read) => read,
            Err(meaning) => return self.not_polled(call, meaning, age),
        };
        match read.status_code {
            StatusCode::Finished => match wire::hold(&answer.headers) {
                Some(wait) => StepOutcome::Pending { poll_after: wait },
                None => advanced(Stage::ready(made), true),
            },
            // Published by an attempt whose answer nobody heard.
            StatusCode::Published => StepOutcome::Confirmed(self.find_post(call, now).await),
            StatusCode::InProgress | StatusCode::Unknown if age < CONTAINER_PATIENCE => StepOutcome::Pending {
                poll_after: wire::hold(&answer.headers).unwrap_or(self.settings.poll_interval),
            },
            StatusCode::InProgress | StatusCode::Unknown | StatusCode::Expired => {
                rejected(failure::unavailable().said(&answer.words()), Retry::Backoff, None)
            }
            StatusCode::Error => self.not_polled(call, read.meaning(&answer), age),
        }
    }

    /// Nothing is published yet: another container is harmless.
    fn not_polled(&self, call: &Call, meaning: Meaning, age: Duration) -> StepOutcome {
        let again = |poll_after| StepOutcome::Pending { poll_after };
        let failed = |poll_after, why| StepOutcome::PollFailed { poll_after, why };
        match meaning {
            Meaning::Refused(why) => rejected(why, Retry::Never, None),
            Meaning::NotFetched(why) if call.delivery.attempt >= FETCH_ATTEMPTS => rejected(why, Retry::Never, None),
            Meaning::ContainerMissing(_) if age < FINDING_PATIENCE => again(self.settings.poll_interval.max(age / 2)),
            Meaning::Throttled(why, wait) => failed(wait.max(THROTTLE_LEAST), why),
            Meaning::NotReady(_) if age < CONTAINER_PATIENCE => again(self.settings.poll_interval),
            Meaning::DailyCap(why) | Meaning::NotSent(why) | Meaning::Unclear(why) if age < CONTAINER_PATIENCE => {
                failed(self.settings.poll_interval, why)
            }
            Meaning::NotFetched(why)
            | Meaning::ContainerDead(why)
            | Meaning::ContainerMissing(why)
            | Meaning::DailyCap(why)
            | Meaning::NotReady(why)
            | Meaning::NotSent(why)
            | Meaning::Unclear(why) => rejected(why, Retry::Backoff, None),
        }
    }

    /// The one step that everybody sees.
    pub(super) async fn publish(&self, call: &Call, made: Made, now: Timestamp) -> StepOutcome {
        let path = self.path(&[&self.settings.account_id, "media_publish"]);
        let form = [("creation_id", made.container.as_str())];
        let meaning = match heard::<Created>(self.api.post(call, &path, Body::Form(&form)).await, now) {
            Ok((created, _)) => {
                let published = Stage::Published {
                    media: created.id,
                    sha256: made.sha256,
                    since: now,
                };
                return advanced(published, false);
            }
            Err(meaning) => meaning,
        };
        let ready = || Some(Stage::ready(made.clone()).into());
        match meaning {
            Meaning::NotSent(why) => rejected(why, Retry::Backoff, ready()),
            Meaning::NotReady(why) => {
                let preparing = Stage::Preparing {
                    made: made.clone(),
                    since: now,
                };
                rejected(why, Retry::After(self.settings.poll_interval), Some(preparing.into()))
            }
            Meaning::DailyCap(why) => deferred(now, QUOTA_INTERVAL, why),
            Meaning::Throttled(why, wait) => rejected(why, Retry::After(wait.max(THROTTLE_LEAST)), ready()),
            Meaning::Refused(why) => rejected(why, Retry::Never, ready()),
            // A container that is of no more use may be so because it is live.
            Meaning::NotFetched(why)
            | Meaning::ContainerDead(why)
            | Meaning::ContainerMissing(why)
            | Meaning::Unclear(why) => StepOutcome::Unknown(failure::in_doubt(why)),
        }
    }

    /// It is live; only its link is missing, and for that nothing is undone.
    pub(super) async fn link(&self, call: &Call, media: String, since: Timestamp, now: Timestamp) -> StepOutcome {
        let path = self.path(&[&media]);
        match heard::<Link>(self.api.get(call, &path, &[("fields", "permalink")]).await, now) {
            Ok((link, _)) => StepOutcome::Confirmed(receipt(Some(media), link.permalink)),
            Err(meaning) if age(since, now) < LINK_PATIENCE => StepOutcome::PollFailed {
                poll_after: self.settings.poll_interval,
                why: meaning.into_failure(),
            },
            Err(_) => StepOutcome::Confirmed(receipt(Some(media), None)),
        }
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

/// A container is only a preparation: whatever went wrong, nothing is live.
fn not_created(call: &Call, meaning: Meaning, now: Timestamp) -> StepOutcome {
    match meaning {
        Meaning::DailyCap(why) => deferred(now, QUOTA_INTERVAL, why),
        Meaning::Throttled(why, wait) => deferred(now, wait.max(THROTTLE_LEAST), why),
        Meaning::Refused(why) => rejected(why, Retry::Never, None),
        Meaning::NotFetched(why) if call.delivery.attempt >= FETCH_ATTEMPTS => rejected(why, Retry::Never, None),
        Meaning::NotFetched(why)
        | Meaning::NotReady(why)
        | Meaning::ContainerDead(why)
        | Meaning::ContainerMissing(why)
        | Meaning::NotSent(why)
        | Meaning::Unclear(why) => rejected(why, Retry::Backoff, None),
    }
}

fn advanced(stage: Stage, next_has_effect: bool) -> StepOutcome {
    StepOutcome::Advanced {
        checkpoint: stage.into(),
        next_has_effect,
    }
}

fn rejected(failure: Failure, retry: Retry, checkpoint: Option<Checkpoint>) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint,
    }
}

fn deferred(now: Timestamp, wait: Duration, reason: Failure) -> StepOutcome {
    StepOutcome::Deferred {
        until: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
        reason,
    }
}
