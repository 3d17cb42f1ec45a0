//! What comes before a carousel's own container: each picture is looked at, then each
//! gets a container of its own, then Meta must be done with all of them. Every one of
//! these is a step, so that no picture gets two containers because a later one failed:
//! an account has 400 a day.
//!
//! All pictures are looked at before any container is made, since one that Meta does not
//! take ends it all; that a post is allowed at all is asked before the first of them.
//! Nothing here is seen by anybody. Containers that are of no more use are all made anew.

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::compose::instagram::Shown;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::text::Text;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::checkpoint::{Gathered, LookedAt, Sent, Stage};
use super::error::Meaning;
use super::poll::patience;
use super::steps::{advanced, not_created, rejected};
use super::wire::{self, Container, StatusCode};
use super::{InstagramClient, age};
use crate::failure;
use crate::http::Answer;

impl InstagramClient {
    /// Goes on where it stands.
    pub(super) async fn gather_more(&self, call: &Call, so_far: Gathered, now: Timestamp) -> StepOutcome {
        let urls = match Shown::of(&call.request.request) {
            Shown::Carousel(urls) => urls,
            // What was accepted never changes.
            Shown::Picture(_) | Shown::Reel(_) => &[],
        };
        self.gather(call, urls, Some(so_far), now).await
    }

    /// The next of its steps.
    pub(super) async fn gather(
        &self,
        call: &Call,
        urls: &[String],
        so_far: Option<Gathered>,
        now: Timestamp,
    ) -> StepOutcome {
        let so_far = so_far.unwrap_or(Gathered {
            pictures: Vec::new(),
            children: Vec::new(),
            ready: Vec::new(),
            since: now,
        });
        if let Some(url) = urls.get(so_far.pictures.len()) {
            return self.look_at(call, (url, urls.len()), so_far, now).await;
        }
        match urls.get(so_far.children.len()) {
            Some(url) => self.child(call, url, so_far, now).await,
            None => self.carousel(call, so_far, now).await,
        }
    }

    /// Looks at the next picture, and puts it where Meta can fetch it. The quota is read
    /// before the first.
    async fn look_at(
        &self,
        call: &Call,
        (url, all): (&str, usize),
        mut so_far: Gathered,
        now: Timestamp,
    ) -> StepOutcome {
        let is_first = so_far.pictures.is_empty();
        if is_first && let Err(held) = self.check_quota(call, now).await {
            return held;
        }
        match self.picture(call, url, now).await {
            Ok(picture) => {
                so_far.pictures.push(LookedAt {
                    fitted: picture.url != url,
                    sha256: picture.sha256.clone(),
                });
                so_far.since = now;
                let stage = Stage::Gathering(so_far);
                let outcome = if is_first {
                    advanced(call, &stage, false)
                } else {
                    StepOutcome::Prepared {
                        checkpoint: stage.kept(call),
                        next_has_effect: false,
                    }
                };
                picture.noted(outcome, url)
            }
            Err((why, retry)) => {
                let why = of_one(why, so_far.pictures.len() + 1, all);
                keeping(rejected(why, retry, None), call, so_far)
            }
        }
    }

    /// Makes the next picture's container.
    async fn child(&self, call: &Call, url: &str, mut so_far: Gathered, now: Timestamp) -> StepOutcome {
        let ours = match so_far.pictures.get(so_far.children.len()) {
            Some(picture) if picture.fitted => match &self.links {
                Ok(links) => Some(links.address(&picture.sha256)),
                Err(why) => return keeping(rejected(why.clone(), Retry::Never, None), call, so_far),
            },
            _ => None,
        };
        let url = ours.as_deref().unwrap_or(url);
        let form = [("image_url", url), ("is_carousel_item", "true")];
        match self.make(call, &form, now).await {
            Ok(container) => {
                so_far.children.push(container);
                so_far.since = now;
                advanced(call, &Stage::Gathering(so_far), false)
            }
            Err(meaning) => keeping(not_created(call, meaning, now), call, so_far),
        }
    }

    /// Makes the carousel's container, as soon as Meta has fetched every picture.
    async fn carousel(&self, call: &Call, mut so_far: Gathered, now: Timestamp) -> StepOutcome {
        if let Err(wait) = self.wait_for_children(call, &mut so_far, now).await {
            return wait;
        }
        let children = so_far.children.join(",");
        let form = [("media_type", "CAROUSEL"), ("children", children.as_str())];
        let hashes = so_far.pictures.iter().map(|picture| picture.sha256.clone());
        let sent = Sent {
            pictures: hashes.collect(),
            ..Sent::default()
        };
        let made = self.make_post(call, &form, sent, now).await;
        made.unwrap_or_else(|meaning| self.not_joined(call, meaning, so_far, now))
    }

    /// Looks at those that were not seen to be ready; what to do where not all are.
    async fn wait_for_children(&self, call: &Call, so_far: &mut Gathered, now: Timestamp) -> Result<(), StepOutcome> {
        let children = so_far.children.iter();
        let open: Vec<_> = children
            .filter(|child| !so_far.ready.contains(child))
            .cloned()
            .collect();
        let looks = open.iter().map(|child| self.status(call, child, now));
        let (mut ready, mut hold) = (Vec::new(), None);
        for (child, looked) in open.iter().zip(join_all(looks).await) {
            let (read, answer) = looked.map_err(|meaning| self.not_ready(call, meaning, so_far, now))?;
            hold = hold.max(wire::hold(&answer.headers));
            if self.is_ready(call, &read, &answer, so_far, now).await? {
                ready.push(child.clone());
            }
        }
        if let Some(poll_after) = hold {
            return Err(StepOutcome::Pending { poll_after });
        }
        let (all, some) = (ready.len() == open.len(), !ready.is_empty());
        so_far.ready.append(&mut ready);
        if all {
            return Ok(());
        }
        // A poll keeps nothing: what is ready by now is kept as a step, and the others are
        // looked at once more.
        Err(if some {
            advanced(call, &Stage::Gathering(so_far.clone()), false)
        } else {
            StepOutcome::Pending {
                poll_after: self.until_next_look(call, age(so_far.since, now)),
            }
        })
    }

    /// Whether a picture's container is; how it ends where it never will be.
    async fn is_ready(
        &self,
        call: &Call,
        read: &Container,
        answer: &Answer,
        so_far: &Gathered,
        now: Timestamp,
    ) -> Result<bool, StepOutcome> {
        match read.status_code {
            StatusCode::Finished => Ok(true),
            StatusCode::InProgress | StatusCode::Unknown if age(so_far.since, now) < patience(call) => Ok(false),
            StatusCode::InProgress | StatusCode::Unknown | StatusCode::Expired => Err(rejected(
                failure::unavailable().said(&answer.words()),
                Retry::Backoff,
                None,
            )),
            StatusCode::Error => Err(self.not_ready(call, read.meaning(answer), so_far, now)),
            // Published by an attempt whose answer nobody heard.
            StatusCode::Published => Err(StepOutcome::Confirmed(self.find_post(call, now).await)),
        }
    }

    /// The carousel's container was not made.
    fn not_joined(&self, call: &Call, meaning: Meaning, so_far: Gathered, now: Timestamp) -> StepOutcome {
        if is_of_children(&meaning) {
            return self.not_polled(call, meaning, age(so_far.since, now));
        }
        keeping(not_created(call, meaning, now), call, so_far)
    }

    /// How a picture's container stands was not to be seen, or is no good.
    fn not_ready(&self, call: &Call, meaning: Meaning, so_far: &Gathered, now: Timestamp) -> StepOutcome {
        let are_of_use = !is_of_children(&meaning);
        let outcome = self.not_polled(call, meaning, age(so_far.since, now));
        if are_of_use {
            keeping(outcome, call, so_far.clone())
        } else {
            outcome
        }
    }
}

/// Whether it says something of the pictures' containers: where that does not pass, all
/// of them are made anew. None was published.
fn is_of_children(meaning: &Meaning) -> bool {
    match meaning {
        Meaning::NotFetched(_)
        | Meaning::FetchTimedOut(_)
        | Meaning::NotReady(_)
        | Meaning::ContainerDead(_)
        | Meaning::ContainerMissing(_) => true,
        Meaning::NotSent(_)
        | Meaning::Refused(_)
        | Meaning::Blocked(_)
        | Meaning::DailyCap(_)
        | Meaning::Throttled(..)
        | Meaning::Unclear(_) => false,
    }
}

/// Another attempt goes on where this one stands.
fn keeping(outcome: StepOutcome, call: &Call, so_far: Gathered) -> StepOutcome {
    match outcome {
        StepOutcome::Rejected { failure, retry, .. } => {
            let nothing = so_far.pictures.is_empty();
            rejected(failure, retry, (!nothing).then(|| Stage::Gathering(so_far).kept(call)))
        }
        other => other,
    }
}

/// Says which picture it is that can't be shown.
fn of_one(why: Failure, place: usize, all: usize) -> Failure {
    let detail = Text::new(
        format!("Picture {place} of {all}: {}", why.detail.en),
        format!("이미지 {all}장 중 {place}번째: {}", why.detail.ko),
    );
    Failure { detail, ..why }
}
