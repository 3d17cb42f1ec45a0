//! Instagram, through Meta's content publishing API: a picture, several as a carousel,
//! or a film as a Reel, with a caption.
//!
//! picture → container → status → publish → permalink; of a carousel each picture → its
//! own container first, and then one of all of them. Two containers are not two posts;
//! only `media_publish` posts, and Meta knows no idempotency key for it. So the
//! container's id is kept before anything is published, and after a publish
//! whose answer is not clear its `status_code` says whether it took effect: only
//! when it is found unpublished twice, a minute apart, is it published again. What Meta
//! blocks ("suspected spam") is looked up, too, and then not published again by itself.
//!
//! Meta fetches what is shown itself. A picture is looked at here before that, and one that
//! Meta would not take is made to fit and put where Meta can fetch it (`picture.rs`).
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the client and what it is told |
//! | `steps.rs` | the four steps |
//! | `poll.rs` | how long and how often Meta is asked whether a container is ready |
//! | `carousel.rs` | a carousel's pictures, a container each |
//! | `picture.rs` | which address Meta is given for the picture |
//! | `look_up.rs` | what became of an unclear publish |
//! | `checkpoint.rs` | where the protocol stands between steps |
//! | `error.rs` | Meta's error codes and what each means, the one table |
//! | `token.rs` | how a token is exchanged and renewed |
//! | `check.rs` | whether the token is good, and for what |
//! | `wire.rs` | what Meta answers, and its usage headers |
//!
//! Deliberately absent: films in a carousel, stories; and when a token is renewed,
//! which `core/credential.rs` says.

mod carousel;
mod check;
mod checkpoint;
mod error;
mod look_up;
mod mock;
mod picture;
mod poll;
mod steps;
pub mod token;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome};
use fanfare_core::channel::ChannelState;
use fanfare_core::compose::instagram::Shown;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::picture::ImageFit;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Text;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use self::checkpoint::Stage;
use self::error::Meaning;
use self::steps::rejected;
use crate::api::Api;
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{Checked, PostQuota};
use crate::client::ChannelClient;
use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::media::MediaClient;
use crate::media::links::MediaLinks;

pub use self::mock::mock_receipt;

/// The version of Meta's API that is called where none is configured.
pub const API_VERSION: &str = "v26.0";

/// How the protocol behaves, whoever is called; `settle` is from an unclear answer to the
/// first look-up.
pub const fn protocol(settle: Duration) -> Protocol {
    Protocol {
        first_step_has_effect: false,
        dedup: Dedup::LookUp { settle },
        observed_at: &[],
    }
}

/// What the client is told once.
#[derive(Debug, Clone)]
pub struct InstagramSettings {
    /// The professional account's id.
    pub account_id: String,
    /// Such as `v26.0`.
    pub api_version: String,
    /// What is done with a picture that Instagram does not take.
    pub image_fit: ImageFit,
    /// Between the first looks at a container that is not ready.
    pub poll_interval: Duration,
    /// From an unclear publish to the first look at its container.
    pub settle: Duration,
    /// Between the two looks that must find it unpublished.
    pub second_look: Duration,
}

impl InstagramSettings {
    /// For an account, with what Meta advises.
    pub fn new(account_id: impl Into<String>) -> Self {
        Self {
            account_id: account_id.into(),
            api_version: API_VERSION.to_owned(),
            image_fit: ImageFit::default(),
            poll_interval: Duration::from_secs(5),
            settle: Duration::from_secs(5),
            second_look: Duration::from_mins(1),
        }
    }
}

/// The client.
#[derive(Debug)]
pub struct InstagramClient {
    api: Api,
    media: MediaClient,
    /// Where Meta fetches what was made to fit, or what is missing for that.
    links: Result<Arc<MediaLinks>, Failure>,
    settings: InstagramSettings,
}

#[async_trait]
impl ChannelClient for InstagramClient {
    fn protocol(&self) -> Protocol {
        protocol(self.settings.settle)
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        match Stage::of(call) {
            Ok(None | Some(Stage::Gathering(_) | Stage::Preparing { .. } | Stage::Ready { .. }))
                if is_called_off(call) =>
            {
                nothing_done()
            }
            Ok(None) => self.begin(call, now).await,
            Ok(Some(Stage::Gathering(so_far))) => self.gather_more(call, so_far, now).await,
            Ok(Some(Stage::Preparing { made, since })) => self.poll(call, made, since, now).await,
            Ok(Some(Stage::Ready { made, .. })) => self.publish(call, made, now).await,
            // What became of it is found by a look-up (`look_up.rs`), which ends here
            // where it is not live.
            Ok(Some(Stage::Blocked { why, .. })) => StepOutcome::Unknown(failure::in_doubt(why)),
            Ok(Some(Stage::Refused { why })) => rejected(why, Retry::Never, None),
            Ok(Some(Stage::Published { media, since, .. })) => self.link(call, media, since, now).await,
            // Only a later version writes what this one can't read.
            Err(unreadable) => StepOutcome::Unknown(unreadable),
        }
    }

    async fn look_up(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        self.find(call, now).await
    }

    fn cannot_withdraw(&self) -> Option<Text> {
        Some(Text::new(
            "A post can't be deleted from here: Instagram allows that to apps with another login and a permission that this \
             service does not ask for. Open the post in the Instagram app, and delete or archive it there.",
            "이 서비스에는 게시물을 삭제할 권한이 없습니다. 인스타그램 앱에서 해당 게시물을 열어 직접 삭제하거나 보관해 주세요.",
        ))
    }

    async fn check(&self, now: Timestamp) -> Checked {
        self.try_token(now).await
    }

    async fn look_ahead(&self, request: &DistributeRequest, _now: Timestamp) -> Vec<(String, String)> {
        let pictures = match Shown::of(request) {
            Shown::Picture(url) => url.map(str::to_owned).into_iter().collect(),
            Shown::Carousel(urls) => urls.to_vec(),
            // A film is never read whole.
            Shown::Reel(_) => Vec::new(),
        };
        self.media.look_ahead(pictures).await
    }

    async fn post_quota(&self, now: Timestamp) -> Option<PostQuota> {
        self.quota(now).await.ok().flatten()
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

impl InstagramClient {
    /// A client for the API at `api`. Pictures are looked at by `media`; those that
    /// are made to fit are put into `links`, and fail for its reason where there are
    /// none.
    pub fn new(
        api: Api,
        media: MediaClient,
        links: Result<Arc<MediaLinks>, Failure>,
        settings: InstagramSettings,
    ) -> Self {
        Self {
            api,
            media,
            links,
            settings,
        }
    }

    fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        [&[self.settings.api_version.as_str()], rest].concat()
    }
}

/// What was asked for, or what its absence means.
fn heard<T: DeserializeOwned>(answer: Result<Answer, ExchangeError>, now: Timestamp) -> Result<(T, Answer), Meaning> {
    match answer {
        Ok(answer) if answer.status.is_success() => match answer.json() {
            Ok(read) => Ok((read, answer)),
            Err(_) => Err(Meaning::Unclear(failure::unavailable().said(&answer.words()))),
        },
        Ok(answer) => Err(Meaning::of_answer(&answer, now)),
        Err(error) => Err(Meaning::of_exchange(&error)),
    }
}

fn receipt(post_id: Option<String>, post_url: Option<String>) -> Receipt {
    Receipt {
        state: ChannelState::Live,
        fields: ResultFields {
            post_id,
            post_url,
            ..ResultFields::default()
        },
    }
}

/// How long ago `since` is; nothing where a clock went back.
fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
