//! What became of a publish whose answer was not clear.

use std::time::Duration;

use fanfare_core::attempt::LookUpOutcome;
use fanfare_core::channel::Mode;
use fanfare_core::compose::instagram::caption_of;
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

impl InstagramClient {
    pub(super) async fn find(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        match Stage::of(call) {
            Ok(Some(Stage::Ready { made, unpublished_at })) => {
                self.find_container(call, made, unpublished_at, now).await
            }
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

    async fn find_container(
        &self,
        call: &Call,
        made: Made,
        unpublished_at: Option<Timestamp>,
        now: Timestamp,
    ) -> LookUpOutcome {
        let (read, answer) = match self.status(call, &made.container, now).await {
            Ok(read) => read,
            Err(meaning) => return LookUpOutcome::Unknown(failure::in_doubt(meaning.into_failure())),
        };
        match read.status_code {
            StatusCode::Published => LookUpOutcome::Found(self.find_post(call, now).await),
            StatusCode::Finished => self.unpublished(call, made, unpublished_at, answer.time(now)),
            // Neither was ever published: a new container is harmless.
            StatusCode::Expired | StatusCode::Error => LookUpOutcome::Absent { checkpoint: None },
            StatusCode::InProgress | StatusCode::Unknown => LookUpOutcome::Unknown(failure::outcome_unknown()),
        }
    }

    /// One look is not enough: a publish may still be under way.
    fn unpublished(&self, call: &Call, made: Made, before: Option<Timestamp>, now: Timestamp) -> LookUpOutcome {
        let second_look = self.settings.second_look;
        let Some(before) = before else {
            let seen = Stage::Ready {
                made,
                unpublished_at: Some(now),
            };
            return LookUpOutcome::Pending {
                checkpoint: seen.kept(call),
                look_after: second_look,
            };
        };
        let apart = age(before, now);
        if apart < second_look {
            let seen = Stage::Ready {
                made,
                // A clock that went back does not bring the second look nearer.
                unpublished_at: Some(before.min(now)),
            };
            return LookUpOutcome::Pending {
                checkpoint: seen.kept(call),
                look_after: second_look.saturating_sub(apart),
            };
        }
        LookUpOutcome::Absent {
            checkpoint: Some(Stage::ready(made).kept(call)),
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
