//! What became of a post whose answer was not clear: the blog's recent posts are
//! looked through for its mark.
//!
//! That it is not among them proves something only where one of them is older
//! than the attempt, and only when a second look, a while later by the blog's own
//! clock, says so too: a call may still be under way there. A list that is shorter
//! than was asked for proves nothing: a blog may give out fewer than it has.

use std::time::Duration;

use fanfare_core::attempt::LookUpOutcome;
use fanfare_core::engine::Call;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::Meaning;
use super::meta_weblog::{MetaWeblogClient, Stage, Uploaded, age, is_sound, mark, mark_of_any, receipt};
use super::xml_rpc::{Param, Value};
use crate::failure;
use crate::http::sound_url;

/// How many of the newest posts are asked for. More would not fit into an
/// answer where posts are long.
const POSTS: usize = 10;

/// Two clocks may differ by this.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// A time without a zone may be anywhere's: from UTC-12 to UTC+14.
const ZONE_SKEW: Duration = Duration::from_hours(15);

/// The newest posts, newest first.
pub(super) struct Recent {
    posts: Vec<Post>,
    /// By the blog's clock.
    at: Timestamp,
}

/// One post, as far as it is read.
#[derive(Debug, Clone)]
pub(super) struct Post {
    id: String,
    slug: String,
    text: String,
    pub(super) link: Option<String>,
    /// The latest that it may have been made at.
    made_by: Option<Timestamp>,
}

impl MetaWeblogClient {
    pub(super) async fn find(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        match Stage::of(call) {
            Ok(Some(Stage::Ready { image, absent_at })) => match self.recent(call, now).await {
                Ok(recent) => self.judged(call, (image, absent_at), &recent, now),
                Err(meaning) => LookUpOutcome::Unknown(meaning.into_doubt()),
            },
            Ok(Some(Stage::Posted { id, .. })) => {
                let recent = self.recent(call, now).await.ok();
                let link = recent.and_then(|recent| recent.ours(call, Some(&id))?.link);
                LookUpOutcome::Found(receipt(link.or_else(|| self.by_pattern(&id))))
            }
            // Nothing was ever posted from here.
            Ok(None) => LookUpOutcome::Absent { checkpoint: None },
            Err(unreadable) => LookUpOutcome::Unknown(unreadable),
        }
    }

    /// The blog's newest posts. Of an answer that was cut off, those that came
    /// whole.
    pub(super) async fn recent(&self, call: &Call, now: Timestamp) -> Result<Recent, Meaning> {
        let count = i64::try_from(POSTS).unwrap_or(i64::MAX);
        let params = vec![Param::Int(count)];
        let (value, answer) = self.value(call, "metaWeblog.getRecentPosts", params, now).await?;
        let Value::Array(items) = value else {
            return Err(Meaning::Unclear(failure::unavailable().said(&answer.words())));
        };
        Ok(Recent {
            posts: items.iter().map(Post::of).collect(),
            at: answer.time(now),
        })
    }

    fn judged(
        &self,
        call: &Call,
        (image, absent_at): (Uploaded, Option<Timestamp>),
        recent: &Recent,
        now: Timestamp,
    ) -> LookUpOutcome {
        if let Some(post) = recent.ours(call, None) {
            return LookUpOutcome::Found(receipt(post.link.or_else(|| self.by_pattern(&post.id))));
        }
        let begun = call.delivery.attempt_started_at.unwrap_or(now);
        if !recent.reaches_before(begun) {
            return LookUpOutcome::Unknown(
                failure::outcome_unknown().said("the newest posts do not reach back far enough"),
            );
        }
        let second_look = self.settings.second_look;
        let seen = |at: Timestamp, look_after: Duration| LookUpOutcome::Pending {
            checkpoint: Stage::Ready {
                image: image.clone(),
                absent_at: Some(at),
            }
            .into(),
            look_after,
        };
        let Some(before) = absent_at else {
            return seen(recent.at, second_look);
        };
        let apart = age(before, recent.at);
        if apart < second_look {
            // A clock that went back does not bring the second look nearer.
            return seen(before.min(recent.at), second_look.saturating_sub(apart));
        }
        LookUpOutcome::Absent {
            checkpoint: Some(Stage::ready(image).into()),
        }
    }
}

impl Recent {
    /// The post with our mark, or with this id.
    pub(super) fn ours(&self, call: &Call, id: Option<&str>) -> Option<Post> {
        let mark = mark(call);
        let is_ours = |post: &&Post| post.slug == mark || post.text.contains(&mark) || Some(&*post.id) == id;
        self.posts.iter().find(is_ours).cloned()
    }

    /// The id of the post at this address, if it is one of this delivery's.
    pub(super) fn id_of(&self, call: &Call, link: &str) -> Option<String> {
        let mark = mark_of_any(call);
        let is_ours = |post: &Post| post.slug.starts_with(&mark) || post.text.contains(&mark);
        let is_it = |post: &&Post| post.link.as_deref() == Some(link) && !post.id.is_empty() && is_ours(post);
        self.posts.iter().find(is_it).map(|post| post.id.clone())
    }

    /// Whether a post of an attempt that began then would be among these.
    fn reaches_before(&self, begun: Timestamp) -> bool {
        let before = begun.saturating_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN);
        let is_older = |post: &Post| post.made_by.is_some_and(|made| made < before);
        self.posts.iter().any(is_older)
    }
}

impl Post {
    /// What a blog leaves out or misspells is empty.
    fn of(value: &Value) -> Self {
        let text = |name: &str| value.member(name).and_then(Value::text).unwrap_or_default();
        let made =
            |name: &str| DateTime::strptime("%Y%m%dT%H:%M:%S", text(name).trim_end_matches('Z').replace('-', "")).ok();
        let utc = made("date_created_gmt").and_then(|time| time.to_zoned(TimeZone::UTC).ok());
        let anywhere = made("dateCreated").and_then(|time| time.to_zoned(TimeZone::UTC).ok());
        let anywhere = anywhere.and_then(|time| time.timestamp().saturating_add(ZONE_SKEW).ok());
        let link = sound_url(text("permaLink")).or_else(|| sound_url(text("link")));
        Self {
            id: Some(text("postid").trim())
                .filter(|id| is_sound(id))
                .unwrap_or_default()
                .to_owned(),
            slug: text("wp_slug").to_owned(),
            text: text("description").to_owned(),
            link,
            made_by: utc.map(|time| time.timestamp()).or(anywhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(members: &[(&str, &str)]) -> Post {
        let members = members
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Value::Text((*text).to_owned())));
        Post::of(&Value::Struct(members.collect()))
    }

    fn recent(posts: Vec<Post>) -> Recent {
        let at = "2026-11-24T01:00:00Z".parse().unwrap();
        Recent { posts, at }
    }

    #[test]
    fn a_list_proves_absence_only_where_it_goes_back_far_enough() {
        let begun = "2026-11-24T00:00:00Z".parse().unwrap();
        for (members, proves) in [
            // However few there are: the blog may hold others back.
            (None, false),
            (Some(("date_created_gmt", "20261123T23:00:00")), true),
            (Some(("date_created_gmt", "20261123T23:58:00")), false),
            (Some(("date_created_gmt", "2026-11-23T23:00:00Z")), true),
            // Nine in the morning of the 24th, somewhere.
            (Some(("dateCreated", "20261124T09:00:00")), false),
            (Some(("dateCreated", "20261123T08:00:00")), true),
            (Some(("dateCreated", "yesterday")), false),
        ] {
            let posts = members.map(|(name, text)| post(&[(name, text)]));
            let recent = recent(posts.into_iter().collect());
            assert_eq!(recent.reaches_before(begun), proves, "{members:?}");
        }
    }

    #[test]
    fn only_an_address_that_people_can_be_shown_is_a_link() {
        let linked = |members: &[(&str, &str)]| post(members).link;
        let (good, bad) = ("https://a.kr/1", "javascript:alert(1)");
        assert_eq!(
            linked(&[("permaLink", good), ("link", "https://a.kr/2")]).as_deref(),
            Some(good)
        );
        assert_eq!(linked(&[("permaLink", bad), ("link", good)]).as_deref(), Some(good));
        assert_eq!(linked(&[("link", bad)]), None);
    }
}
