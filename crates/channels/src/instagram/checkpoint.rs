//! Where the protocol stands between two steps. It is stored with the delivery,
//! so its form is kept readable for later versions.
//!
//! Versions that know pictures alone must not go on with anything else: they would give
//! a Reel up after a picture's time, and begin it anew as a picture. So what is no single
//! picture is kept under a name of its own, which they can't read, until it is live:
//! to them its outcome is unknown, and they publish nothing.

use fanfare_core::compose::instagram::Shown;
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure;

/// What is done, and what the next step needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Stage {
    /// A carousel's pictures are looked at, then put into a container each.
    Gathering(Gathered),
    /// Meta fetches what is shown into a container, or puts a carousel's together.
    Preparing {
        #[serde(flatten)]
        made: Made,
        /// When it was made.
        since: Timestamp,
    },
    /// The container can be published, or an unclear publish is being looked up.
    Ready {
        #[serde(flatten)]
        made: Made,
        /// When a look-up first found it unpublished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unpublished_at: Option<Timestamp>,
    },
    /// The publish was answered by a block, and is looked up. Where it is not live it is
    /// not published again by itself.
    Blocked {
        #[serde(flatten)]
        made: Made,
        /// By what, in the words for people.
        why: Failure,
        /// When a look-up first found it unpublished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unpublished_at: Option<Timestamp>,
    },
    /// It was blocked, and is provably not live.
    Refused { why: Failure },
    /// It is live.
    Published {
        media: String,
        #[serde(flatten)]
        sent: Sent,
        /// When we heard of it.
        since: Timestamp,
    },
}

/// A container that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    pub(super) container: String,
    #[serde(flatten)]
    pub(super) sent: Sent,
}

/// The files that Meta was given: it stays in the delivery's row, as the record of
/// what was sent. A film is not read whole, and has no hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    /// Of the only picture. Absent in containers of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// Of a carousel's pictures, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pictures: Vec<String>,
}

/// What there is of a carousel that has no container yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gathered {
    /// That were looked at, in their order.
    pub(super) pictures: Vec<LookedAt>,
    /// Containers of the first of them.
    pub(super) children: Vec<String>,
    /// Those of them that were seen to be ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ready: Vec<String>,
    /// When the newest of all that was done.
    pub(super) since: Timestamp,
}

/// A picture that Meta takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LookedAt {
    pub(super) sha256: String,
    /// It lies at an address of ours, as it was made to fit; else at the user's.
    pub(super) fitted: bool,
}

impl Stage {
    pub(super) fn ready(made: Made) -> Self {
        Self::Ready {
            made,
            unpublished_at: None,
        }
    }

    pub(super) fn blocked(made: Made, why: Failure) -> Self {
        Self::Blocked {
            made,
            why,
            unpublished_at: None,
        }
    }

    /// As it is kept with this delivery. What is live is read alike by all.
    pub(super) fn kept(&self, call: &Call) -> Checkpoint {
        let at = json!(self);
        let form = match Shown::of(&call.request.request) {
            _ if matches!(self, Self::Published { .. }) => return Checkpoint(at),
            Shown::Picture(_) => return Checkpoint(at),
            Shown::Carousel(_) => CAROUSEL,
            Shown::Reel(_) => REEL,
        };
        Checkpoint(json!({"stage": form, "at": at}))
    }

    /// The delivery's; `None` before the first step has ended.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Failure> {
        let Some(checkpoint) = &call.delivery.checkpoint else {
            return Ok(None);
        };
        let written = &checkpoint.0;
        let stage = match written["stage"].as_str() {
            Some(CAROUSEL | REEL) => &written["at"],
            _ => written,
        };
        match Self::deserialize(stage) {
            Ok(stage) => Ok(Some(stage)),
            Err(error) => Err(failure::outcome_unknown().said(&format!("unreadable checkpoint: {error}"))),
        }
    }
}

/// What is no single picture is kept under.
const CAROUSEL: &str = "carousel";
const REEL: &str = "reel";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fanfare_core::channel::{Channel, Mode};
    use fanfare_core::decode::decode;
    use fanfare_core::delivery::Delivery;
    use fanfare_core::ids::{DeliveryId, DistributionId, TenantId};
    use fanfare_core::request::CanonicalRequest;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    const SINCE: &str = "2026-11-20T00:00:00Z";

    /// A delivery that shows this, and stands there.
    fn call(options: &Value, at: &Value) -> Call {
        let now = SINCE.parse().unwrap();
        let urls = json!({"imageUrl": "https://a.kr/a.jpg", "videoUrl": "https://a.kr/a.mp4"});
        let body = json!({
            "eventId": "evt-1", "channels": ["Instagram"], "contentUrls": urls, "channelOptions": {"Instagram": options},
        });
        let request = decode(&body, &[], now).request.unwrap();
        let id = Uuid::from_u128(1);
        let mut delivery = Delivery::new(DeliveryId(id), Channel::Instagram, Mode::Live, now);
        delivery.checkpoint = Some(Checkpoint(at.clone()));
        Call {
            files: Vec::new(),
            number: 1,
            tenant: TenantId::default(),
            distribution: DistributionId(id),
            request: Arc::new(CanonicalRequest::new(request)),
            delivery,
        }
    }

    /// A delivery may be on its way when the program is replaced, and replaced back.
    #[test]
    fn what_a_version_without_hashes_wrote_is_read_and_written_as_it_was() {
        for stage in [
            json!({"stage": "preparing", "container": "1", "since": SINCE}),
            json!({"stage": "ready", "container": "1"}),
            json!({"stage": "ready", "container": "1", "unpublishedAt": SINCE}),
            json!({"stage": "published", "media": "2", "since": SINCE}),
            json!({"stage": "published", "media": "2", "sha256": "0a", "since": SINCE}),
        ] {
            let call = call(&json!({}), &stage);
            let read = Stage::of(&call).unwrap().unwrap();
            assert_eq!(read.kept(&call).0, stage);
        }
    }

    /// As versions before carousels and Reels knew it.
    #[derive(Debug, Deserialize)]
    #[serde(tag = "stage", rename_all = "lowercase", rename_all_fields = "camelCase")]
    #[expect(dead_code, reason = "what is in it is only read")]
    enum Earlier {
        Preparing { container: String, since: Timestamp },
        Ready { container: String },
        Published { media: String, since: Timestamp },
    }

    #[test]
    fn an_earlier_version_goes_on_only_with_what_is_live() {
        let pictures = json!({"imageUrls": ["https://a.kr/1.jpg", "https://a.kr/2.jpg"]});
        for (options, form) in [(pictures, "carousel"), (json!({"reel": true}), "reel")] {
            for at in [
                json!({"stage": "gathering", "pictures": [{"sha256": "0a", "fitted": true}], "children": ["1"], "ready": ["1"], "since": SINCE}),
                json!({"stage": "preparing", "container": "1", "pictures": ["0a", "0b"], "since": SINCE}),
                json!({"stage": "ready", "container": "1", "unpublishedAt": SINCE}),
            ] {
                let stage = json!({"stage": form, "at": at});
                let call = call(&options, &stage);
                let read = Stage::of(&call).unwrap().unwrap();
                assert_eq!(read.kept(&call).0, stage);
                assert!(Earlier::deserialize(&stage).is_err(), "{stage}");
            }
            let live = json!({"stage": "published", "media": "2", "since": SINCE});
            let call = call(&options, &live);
            assert_eq!(Stage::of(&call).unwrap().unwrap().kept(&call).0, live);
            assert!(Earlier::deserialize(&live).is_ok());
        }
    }

    /// It would publish what was blocked.
    #[test]
    fn an_earlier_version_goes_on_with_nothing_that_was_blocked() {
        let why =
            json!({"code": "account_restricted", "detail": {"en": "no", "ko": "아니요"}, "channel_said": "4/2207051"});
        for stage in [
            json!({"stage": "blocked", "container": "1", "sha256": "0a", "why": why}),
            json!({"stage": "blocked", "container": "1", "why": why, "unpublishedAt": SINCE}),
            json!({"stage": "refused", "why": why}),
        ] {
            let call = call(&json!({}), &stage);
            assert_eq!(Stage::of(&call).unwrap().unwrap().kept(&call).0, stage);
            assert!(Earlier::deserialize(&stage).is_err(), "{stage}");
        }
    }

    #[test]
    fn what_a_later_version_wrote_is_not_taken_for_anything_else() {
        for stage in [
            json!({"stage": "story", "at": {"stage": "ready", "container": "1"}}),
            json!({"stage": "reel"}),
            json!({"stage": "carousel", "at": {"stage": "story"}}),
            json!("ready"),
            json!(null),
        ] {
            let unread = Stage::of(&call(&json!({}), &stage));
            assert_eq!(unread.unwrap_err().code, "outcome_unknown", "{stage}");
        }
    }
}
