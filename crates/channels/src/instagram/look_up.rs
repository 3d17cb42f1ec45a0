//! What became of a publish whose answer was not clear.

use std::time::Duration;

use fanfare_core::attempt::LookUpOutcome;
use fanfare_core::channel::Mode;
use fanfare_core::compose::instagram::caption_of;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::receipt::Receipt;
use jiff::Timestamp;

use super::checkpoint::{Made, Stage};
use super::wire::{Link, Page, Post, StatusCode};
use super::{InstagramClient, age, heard, receipt};
use crate::failure;

/// A post is taken for ours only if it is not older than the attempt by more
/// than this; the two clocks may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// How many of the account's newest posts are looked through.
const POSTS: &str = "25";

/// A publish of which it is not known whether it took effect.
struct Doubt {
    made: Made,
    /// When it was first found unpublished.
    unpublished_at: Option<Timestamp>,
    /// What it was blocked by: then it is not to be published again by itself.
    blocked: Option<Failure>,
}

impl Doubt {
    /// It was found unpublished then.
    fn seen_at(self, at: Timestamp) -> Stage {
        let (made, unpublished_at) = (self.made, Some(at));
        match self.blocked {
            None => Stage::Ready { made, unpublished_at },
            Some(why) => Stage::Blocked {
                made,
                why,
                unpublished_at,
            },
        }
    }
}

impl InstagramClient {
    pub(super) async fn find(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        match Stage::of(call) {
            Ok(Some(Stage::Ready { made, unpublished_at })) => {
                let doubt = Doubt {
                    made,
                    unpublished_at,
                    blocked: None,
                };
                self.find_container(call, doubt, now).await
            }
            Ok(Some(Stage::Blocked {
                made,
                why,
                unpublished_at,
            })) => {
                let doubt = Doubt {
                    made,
                    unpublished_at,
                    blocked: Some(why),
                };
                self.find_container(call, doubt, now).await
            }
            Ok(Some(Stage::Refused { why })) => refused(call, why),
            Ok(Some(Stage::Published { media, .. })) => {
                let path = self.path(&[&media]);
                let link = heard::<Link>(self.api.get(call, &path, &[("fields", "permalink")]).await, now);
                let link = link.ok().and_then(|(link, _)| link.permalink);
                LookUpOutcome::Found(receipt(Some(media), link))
            }
            // Nothing was ever published from here.
            Ok(stage @ (None | Some(Stage::Gathering(_) | Stage::Preparing { .. }))) => LookUpOutcome::Absent {
                checkpoint: stage.map(|stage| stage.kept(call)),
            },
            Err(unreadable) => LookUpOutcome::Unknown(unreadable),
        }
    }

    async fn find_container(&self, call: &Call, doubt: Doubt, now: Timestamp) -> LookUpOutcome {
        let (read, answer) = match self.status(call, &doubt.made.container, now).await {
            Ok(read) => read,
            Err(meaning) => return LookUpOutcome::Unknown(failure::in_doubt(meaning.into_failure())),
        };
        match read.status_code {
            StatusCode::Published => LookUpOutcome::Found(self.find_post(call, now).await),
            StatusCode::Finished => self.unpublished(call, doubt, answer.time(now)),
            // Neither was ever published: a new container is harmless.
            StatusCode::Expired | StatusCode::Error => match doubt.blocked {
                None => LookUpOutcome::Absent { checkpoint: None },
                Some(why) => refused(call, why),
            },
            StatusCode::InProgress | StatusCode::Unknown => LookUpOutcome::Unknown(failure::outcome_unknown()),
        }
    }

    /// One look is not enough: a publish may still be under way.
    fn unpublished(&self, call: &Call, doubt: Doubt, now: Timestamp) -> LookUpOutcome {
        let second_look = self.settings.second_look;
        let seen = |doubt: Doubt, at: Timestamp, look_after: Duration| LookUpOutcome::Pending {
            checkpoint: doubt.seen_at(at).kept(call),
            look_after,
        };
        let Some(before) = doubt.unpublished_at else {
            return seen(doubt, now, second_look);
        };
        let apart = age(before, now);
        if apart < second_look {
            // A clock that went back does not bring the second look nearer.
            return seen(doubt, before.min(now), second_look.saturating_sub(apart));
        }
        match doubt.blocked {
            None => LookUpOutcome::Absent {
                checkpoint: Some(Stage::ready(doubt.made).kept(call)),
            },
            Some(why) => refused(call, why),
        }
    }

    /// It is live. Which post it is can be told only by a caption that no other
    /// post of the time has; else it stays without id and link.
    pub(super) async fn find_post(&self, call: &Call, now: Timestamp) -> Receipt {
        let nothing = || receipt(None, None);
        let Some(caption) = caption_of(&call.request.request, Mode::Live) else {
            return nothing();
        };
        let path = self.path(&[&self.settings.account_id, "media"]);
        let query = [("fields", "id,caption,permalink,timestamp"), ("limit", POSTS)];
        let Ok((page, _)) = heard::<Page<Post>>(self.api.get(call, &path, &query).await, now) else {
            return nothing();
        };
        let since = call.delivery.attempt_started_at.unwrap_or(Timestamp::MAX);
        let ours = |post: &Post| post.caption.as_deref() == Some(&*caption) && is_since(post, since);
        let mut ours = page.data.into_iter().filter(ours);
        match (ours.next(), ours.next()) {
            (Some(post), None) => receipt(Some(post.id), post.permalink),
            _ => nothing(),
        }
    }
}

/// It is not live: the next step says so, and nothing is tried again by itself.
fn refused(call: &Call, why: Failure) -> LookUpOutcome {
    LookUpOutcome::Advanced {
        checkpoint: Stage::Refused { why }.kept(call),
        next_has_effect: false,
    }
}

fn is_since(post: &Post, since: Timestamp) -> bool {
    let at = post.timestamp.as_deref().and_then(read_time);
    let earliest = since.saturating_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN);
    at.is_some_and(|at| at >= earliest)
}

/// Meta writes `+0000`, which RFC 3339 does not know.
fn read_time(text: &str) -> Option<Timestamp> {
    let text = text.replace("+0000", "Z");
    text.parse().ok()
}
