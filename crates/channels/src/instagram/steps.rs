//! The four steps of the protocol, which all that is shown has in common. What comes
//! before a carousel's own container is in `carousel.rs`, the wait for it in `poll.rs`.

use std::time::Duration;

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::channel::Mode;
use fanfare_core::compose::instagram::{Shown, caption_of};
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use fanfare_core::validate::instagram::FILM;
use jiff::Timestamp;

use super::checkpoint::{Made, Sent, Stage};
use super::error::Meaning;
use super::wire::{self, Created, Link, Page, Quota};
use super::{InstagramClient, age, heard, receipt};
use crate::api::Body;
use crate::failure;

/// The link of a post that is live is asked for as long as this.
const LINK_PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at the daily quota.
const QUOTA_INTERVAL: Duration = Duration::from_hours(1);

/// A throttled account is left alone at least so long.
pub(super) const THROTTLE_LEAST: Duration = Duration::from_mins(15);

/// Tries of a picture that Meta can't fetch.
pub(super) const FETCH_ATTEMPTS: u32 = 3;

impl InstagramClient {
    /// What is done first, by what is shown. Nothing of it is seen by anybody.
    pub(super) async fn begin(&self, call: &Call, now: Timestamp) -> StepOutcome {
        match Shown::of(&call.request.request) {
            Shown::Picture(url) => self.picture_container(call, url.unwrap_or_default(), now).await,
            Shown::Carousel(urls) => self.gather(call, urls, None, now).await,
            Shown::Reel(url) => self.film_container(call, url.unwrap_or_default(), now).await,
        }
    }

    /// Looks at the picture, reads the quota and makes a container.
    async fn picture_container(&self, call: &Call, url: &str, now: Timestamp) -> StepOutcome {
        let picture = match self.picture(call, url, now).await {
            Ok(picture) => picture,
            Err((why, retry)) => return rejected(why, retry, None),
        };
        if let Err(held) = self.check_quota(call, now).await {
            return held;
        }
        let sent = Sent {
            sha256: Some(picture.sha256.clone()),
            ..Sent::default()
        };
        let made = self.make_post(call, &[("image_url", &picture.url)], sent, now).await;
        match made {
            Ok(outcome) => picture.noted(outcome, url),
            Err(meaning) => not_created(call, meaning, now),
        }
    }

    /// The same with a film, which Meta makes into a Reel.
    async fn film_container(&self, call: &Call, url: &str, now: Timestamp) -> StepOutcome {
        if let Err(error) = self.media.check_film(url, &FILM).await {
            let (why, retry) = error.refusal();
            return rejected(why, retry, None);
        }
        if let Err(held) = self.check_quota(call, now).await {
            return held;
        }
        let form = [("media_type", "REELS"), ("video_url", url)];
        let made = self.make_post(call, &form, Sent::default(), now).await;
        made.unwrap_or_else(|meaning| not_created(call, meaning, now))
    }

    /// Makes the container that is published.
    pub(super) async fn make_post(
        &self,
        call: &Call,
        shows: &[(&str, &str)],
        sent: Sent,
        now: Timestamp,
    ) -> Result<StepOutcome, Meaning> {
        let caption = caption_of(&call.request.request, Mode::Live).unwrap_or_default();
        let form = [shows, &[("caption", caption.as_str())]].concat();
        let container = self.make(call, &form, now).await?;
        let made = Made { container, sent };
        Ok(advanced(call, &Stage::Preparing { made, since: now }, false))
    }

    /// Makes a container, and gives its id.
    pub(super) async fn make(&self, call: &Call, form: &[(&str, &str)], now: Timestamp) -> Result<String, Meaning> {
        let path = self.path(&[&self.settings.account_id, "media"]);
        let (created, _) = heard::<Created>(self.api.post(call, &path, Body::Form(form)).await, now)?;
        Ok(created.id)
    }

    /// Held back where the day's posts are used up, or the account is throttled.
    pub(super) async fn check_quota(&self, call: &Call, now: Timestamp) -> Result<(), StepOutcome> {
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

    /// The one step that everybody sees.
    pub(super) async fn publish(&self, call: &Call, made: Made, now: Timestamp) -> StepOutcome {
        let path = self.path(&[&self.settings.account_id, "media_publish"]);
        let form = [("creation_id", made.container.as_str())];
        match heard::<Created>(self.api.post(call, &path, Body::Form(&form)).await, now) {
            Ok((created, _)) => {
                let published = Stage::Published {
                    media: created.id,
                    sent: made.sent,
                    since: now,
                };
                advanced(call, &published, false)
            }
            Err(meaning) => self.not_published(call, made, meaning, now),
        }
    }

    fn not_published(&self, call: &Call, made: Made, meaning: Meaning, now: Timestamp) -> StepOutcome {
        let ready = || Some(Stage::ready(made.clone()).kept(call));
        match meaning {
            Meaning::NotSent(why) => rejected(why, Retry::Backoff, ready()),
            Meaning::NotReady(why) => {
                let preparing = Stage::Preparing {
                    made: made.clone(),
                    since: now,
                };
                rejected(
                    why,
                    Retry::After(self.settings.poll_interval),
                    Some(preparing.kept(call)),
                )
            }
            Meaning::DailyCap(why) => deferred(now, QUOTA_INTERVAL, why),
            Meaning::Throttled(why, wait) => rejected(why, Retry::After(wait.max(THROTTLE_LEAST)), ready()),
            Meaning::Refused(why) => rejected(why, Retry::Never, ready()),
            // It may be live; what was said is kept, since it decides where it is not.
            Meaning::Blocked(why) => advanced(call, &Stage::blocked(made, why), false),
            // A container that is of no more use may be so because it is live.
            Meaning::NotFetched(why)
            | Meaning::FetchTimedOut(why)
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
}

/// A container is only a preparation: whatever went wrong, nothing is live.
pub(super) fn not_created(call: &Call, meaning: Meaning, now: Timestamp) -> StepOutcome {
    match meaning {
        Meaning::DailyCap(why) => deferred(now, QUOTA_INTERVAL, why),
        Meaning::Throttled(why, wait) => deferred(now, wait.max(THROTTLE_LEAST), why),
        Meaning::Refused(why) | Meaning::Blocked(why) => rejected(why, Retry::Never, None),
        Meaning::NotFetched(why) if call.delivery.attempt >= FETCH_ATTEMPTS => rejected(why, Retry::Never, None),
        Meaning::NotFetched(why)
        | Meaning::FetchTimedOut(why)
        | Meaning::NotReady(why)
        | Meaning::ContainerDead(why)
        | Meaning::ContainerMissing(why)
        | Meaning::NotSent(why)
        | Meaning::Unclear(why) => rejected(why, Retry::Backoff, None),
    }
}

pub(super) fn advanced(call: &Call, stage: &Stage, next_has_effect: bool) -> StepOutcome {
    StepOutcome::Advanced {
        checkpoint: stage.kept(call),
        next_has_effect,
    }
}

pub(super) fn rejected(failure: Failure, retry: Retry, checkpoint: Option<Checkpoint>) -> StepOutcome {
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
