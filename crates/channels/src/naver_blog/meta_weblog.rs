//! The client of a blog that speaks `MetaWeblog`: `WordPress` and others; not
//! Naver, whose endpoint is closed.
//!
//! picture → post → link. `newPost` is not idempotent, so every post carries a
//! mark: as `wp_slug`, which `WordPress` keeps, and in its footer. After an
//! unclear answer the recent posts are looked through for it (`look_up.rs`).

use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::compose::{ChannelContent, NaverBlogContent, compose};
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use fanfare_core::picture::ImageFit;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Text;
use fanfare_core::validate::naver_blog::PICTURE;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::Meaning;
use super::html;
use super::xml_rpc::{self, Param, Reply, Value};
use crate::api::{Api, Body};
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{self, Account, Checked};
use crate::client::ChannelClient;
use crate::failure;
use crate::http::{Answer, ExchangeError, sound_url};
use crate::media::MediaClient;

/// The link of a post that is live is asked for as long as this.
const LINK_PATIENCE: Duration = Duration::from_mins(1);

/// Longest id of a post that is believed.
const ID_MAX: usize = 100;

/// What the client is told once.
#[derive(Debug, Clone)]
pub struct MetaWeblogSettings {
    /// Who posts; the password is the API's token. Blogs of the Naver kind take
    /// it for the blog's id too, `WordPress` looks at no id.
    pub user: String,
    /// What is done with a picture that is too large.
    pub image_fit: ImageFit,
    /// Between two looks for the link of a post.
    pub poll_interval: Duration,
    /// From an unclear answer to the first look-up.
    pub settle: Duration,
    /// Between the two looks that must not find it.
    pub second_look: Duration,
    /// The address of a post whose link the blog does not tell, with `{id}` in
    /// the place of its id.
    pub post_url: Option<String>,
}

impl MetaWeblogSettings {
    /// For an author, with our own measure of time.
    pub fn new(user: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            image_fit: ImageFit::default(),
            poll_interval: Duration::from_secs(5),
            settle: Duration::from_secs(5),
            second_look: Duration::from_mins(1),
            post_url: None,
        }
    }
}

/// The client.
#[derive(Debug)]
pub struct MetaWeblogClient {
    pub(super) api: Api,
    media: MediaClient,
    pub(super) settings: MetaWeblogSettings,
}

/// Where the protocol stands. It is stored with the delivery, so its form is
/// kept readable for later versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Stage {
    /// The picture is there; it can be posted, or an unclear post is being
    /// looked up.
    Ready {
        #[serde(flatten)]
        image: Uploaded,
        /// When a look-up first did not find the post.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        absent_at: Option<Timestamp>,
    },
    /// It is live.
    Posted {
        id: String,
        /// Of the picture's file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// When we heard of it.
        since: Timestamp,
    },
}

/// A picture on the blog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Uploaded {
    /// Its address there.
    pub(super) image: String,
    /// Of its file: the record of what was sent. Absent in those of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

/// How the protocol behaves; `settle` passes from an unclear answer to the first look-up.
pub const fn protocol(settle: Duration) -> Protocol {
    Protocol {
        first_step_has_effect: false,
        dedup: Dedup::LookUp { settle },
        observed_at: &[],
    }
}

#[async_trait]
impl ChannelClient for MetaWeblogClient {
    fn protocol(&self) -> Protocol {
        protocol(self.settings.settle)
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        match Stage::of(call) {
            Ok(None | Some(Stage::Ready { .. })) if is_called_off(call) => nothing_done(),
            Ok(None) => self.upload(call, now).await,
            Ok(Some(Stage::Ready { image, .. })) => self.post(call, image, now).await,
            Ok(Some(Stage::Posted { id, since, .. })) => self.link(call, id, since, now).await,
            // Only a later version writes what this one can't read.
            Err(unreadable) => StepOutcome::Unknown(unreadable),
        }
    }

    async fn look_up(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        self.find(call, now).await
    }

    fn cannot_withdraw(&self) -> Option<Text> {
        None
    }

    async fn withdraw(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        self.delete(call, now).await
    }

    /// Asks which blogs the author has.
    async fn check(&self, now: Timestamp) -> Checked {
        let xml = self.document("blogger.getUsersBlogs", Vec::new());
        let answer = match self.api.look_by_xml(xml).await {
            Ok(answer) => answer,
            Err(error) => return Checked::unanswered(&self.api, &error),
        };
        match read(answer, now) {
            Ok((value, _)) => Checked {
                account: account(&value),
                ..Checked::answered(&self.api, Ok(()))
            },
            Err(meaning) => Checked::answered(&self.api, Err(meaning.into_failure())),
        }
    }

    async fn look_ahead(&self, request: &DistributeRequest, now: Timestamp) -> Vec<(String, String)> {
        let content = composed(request, Channel::NaverBlog, now);
        self.media.look_ahead(content.image_url).await
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

impl MetaWeblogClient {
    /// A client for the endpoint at `api`, whose token is the password.
    pub fn new(api: Api, media: MediaClient, settings: MetaWeblogSettings) -> Self {
        Self { api, media, settings }
    }

    /// Puts the picture on the blog; nobody sees it before a post shows it.
    async fn upload(&self, call: &Call, now: Timestamp) -> StepOutcome {
        let image = content(call, now).image_url.unwrap_or_default();
        let picture = match self.media.picture(&image, &PICTURE, self.settings.image_fit).await {
            Ok(picture) => picture,
            Err(error) => {
                let (why, retry) = error.refusal();
                return rejected(why, retry, None);
            }
        };
        if let Err(error) = self.media.compare(call, &image, &picture.source).await {
            let (why, retry) = error.refusal();
            return rejected(why, retry, None);
        }
        let name = format!("{}.{}", mark(call), picture.kind.extension());
        let object = Param::Struct(&[
            ("name", Param::Text(&name)),
            ("type", Param::Text(picture.kind.media_type())),
            ("bits", Param::Bytes(&picture.bytes)),
        ]);
        let heard = self.value(call, "metaWeblog.newMediaObject", vec![object], now).await;
        let url = heard.and_then(|(value, answer)| {
            let url = value.member("url").and_then(Value::text).and_then(sound_url);
            url.ok_or_else(|| Meaning::Unclear(failure::unavailable().said(&answer.words())))
        });
        match url {
            Ok(uploaded) => {
                let stage = Stage::ready(Uploaded {
                    image: uploaded,
                    sha256: Some(picture.sha256),
                });
                StepOutcome::Advanced {
                    checkpoint: Checkpoint::from(stage).given(&image, &picture.source),
                    next_has_effect: true,
                }
            }
            Err(Meaning::NotSent(why) | Meaning::Unclear(why)) => rejected(why, Retry::Backoff, None),
            Err(Meaning::Refused(why)) => rejected(why, Retry::Never, None),
            Err(Meaning::Throttled(why, wait)) => rejected(why, Retry::After(wait), None),
        }
    }

    /// The one step that everybody sees.
    async fn post(&self, call: &Call, image: Uploaded, now: Timestamp) -> StepOutcome {
        let content = content(call, now);
        let mark = mark(call);
        let html = html::post(&content, &image.image, &mark);
        let title = html::title(&content);
        let post = Param::Struct(&[
            ("title", Param::Text(&title)),
            ("description", Param::Text(&html)),
            ("wp_slug", Param::Text(&mark)),
        ]);
        let params = vec![post, Param::Flag(true)];
        let heard = self.value(call, "metaWeblog.newPost", params, now).await;
        let id = heard.and_then(|(value, answer)| {
            let id = value.text().map(str::trim).filter(|id| is_sound(id)).map(str::to_owned);
            id.ok_or_else(|| Meaning::Unclear(failure::unavailable().said(&answer.words())))
        });
        let ready = || Some(Stage::ready(image.clone()).into());
        match id {
            Ok(id) => StepOutcome::Advanced {
                checkpoint: Stage::Posted {
                    id,
                    sha256: image.sha256,
                    since: now,
                }
                .into(),
                next_has_effect: false,
            },
            Err(Meaning::NotSent(why)) => rejected(why, Retry::Backoff, ready()),
            Err(Meaning::Refused(why)) => rejected(why, Retry::Never, ready()),
            Err(Meaning::Throttled(why, wait)) => rejected(why, Retry::After(wait), ready()),
            Err(Meaning::Unclear(why)) => StepOutcome::Unknown(failure::in_doubt(why)),
        }
    }

    /// It is live; only its link is missing, and for that nothing is undone.
    async fn link(&self, call: &Call, id: String, since: Timestamp, now: Timestamp) -> StepOutcome {
        let found = match self.recent(call, now).await {
            Ok(recent) => Ok(recent.ours(call, Some(&id)).and_then(|post| post.link)),
            Err(meaning) => Err(meaning.into_failure()),
        };
        let waits = self.settings.post_url.is_none() && age(since, now) < LINK_PATIENCE;
        let poll_after = self.settings.poll_interval;
        match found {
            Ok(Some(link)) => StepOutcome::Confirmed(receipt(Some(link))),
            Ok(None) if waits => StepOutcome::Pending { poll_after },
            Err(why) if waits => StepOutcome::PollFailed { poll_after, why },
            Ok(None) | Err(_) => StepOutcome::Confirmed(receipt(self.by_pattern(&id))),
        }
    }

    /// Where a post of that id should be.
    pub(super) fn by_pattern(&self, id: &str) -> Option<String> {
        let url = self.settings.post_url.as_ref()?.replace("{id}", id);
        sound_url(&url)
    }

    /// The value that a method answers to these parameters, which follow blog,
    /// user and password.
    pub(super) async fn value(
        &self,
        call: &Call,
        method: &str,
        params: Vec<Param<'_>>,
        now: Timestamp,
    ) -> Result<(Value, Answer), Meaning> {
        let body = Body::Xml(self.document(method, params));
        let answer = self.api.post(call, &[], body).await;
        read(answer.map_err(|error| Meaning::of_exchange(&error))?, now)
    }

    fn document(&self, method: &str, params: Vec<Param<'_>>) -> String {
        let (user, password) = (&self.settings.user, self.api.token());
        let mut all = vec![Param::Text(user), Param::Text(user), Param::Text(password.reveal())];
        all.extend(params);
        xml_rpc::call(method, &all)
    }
}

/// The value that a method answered, or what its absence means.
fn read(answer: Answer, now: Timestamp) -> Result<(Value, Answer), Meaning> {
    if answer.status != StatusCode::OK {
        return Err(Meaning::of_status(&answer, now));
    }
    let unclear = |words: &str| Meaning::Unclear(failure::unavailable().said(words));
    match Reply::read(&answer.body, answer.cut) {
        Ok(Reply::Value(value)) => Ok((value, answer)),
        Ok(Reply::Fault { code, words }) => Err(Meaning::of_fault(code, &words)),
        Ok(Reply::Beginning(items)) => Ok((Value::Array(items), answer)),
        Err(error) => Err(unclear(&format!("{error}: {}", answer.words()))),
    }
}

/// The first of the blogs that an author has.
fn account(blogs: &Value) -> Option<Account> {
    let Value::Array(blogs) = blogs else { return None };
    let said = |name: &str| blogs.first()?.member(name)?.text().and_then(check::shown);
    Some(Account {
        id: said("blogid")?,
        name: said("blogName"),
    })
}

impl Stage {
    pub(super) fn ready(image: Uploaded) -> Self {
        Self::Ready { image, absent_at: None }
    }

    /// The delivery's; `None` before the first step has ended.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Failure> {
        let Some(checkpoint) = &call.delivery.checkpoint else {
            return Ok(None);
        };
        match Self::deserialize(&checkpoint.0) {
            Ok(stage) => Ok(Some(stage)),
            Err(error) => Err(failure::outcome_unknown().said(&format!("unreadable checkpoint: {error}"))),
        }
    }
}

impl From<Stage> for Checkpoint {
    fn from(stage: Stage) -> Self {
        Self(serde_json::json!(stage))
    }
}

/// By which a post is known again: our key, in the letters that `WordPress`
/// leaves as they are in a slug.
pub(super) fn mark(call: &Call) -> String {
    format!("{}{}", mark_of_any(call), call.delivery.generation)
}

/// How the mark begins in every generation.
pub(super) fn mark_of_any(call: &Call) -> String {
    format!("fanfare-{}-", call.delivery.id)
}

pub(super) fn receipt(post_url: Option<String>) -> Receipt {
    Receipt {
        state: ChannelState::Live,
        fields: ResultFields {
            post_url,
            ..ResultFields::default()
        },
    }
}

/// How long ago `since` is; nothing where a clock went back.
pub(super) fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// An id that can stand in an address.
pub(super) fn is_sound(id: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(is_letter)
}

fn content(call: &Call, now: Timestamp) -> NaverBlogContent {
    composed(&call.request.request, call.delivery.channel, now)
}

fn composed(request: &DistributeRequest, channel: Channel, now: Timestamp) -> NaverBlogContent {
    match compose(request, channel, Mode::Live, now).content {
        ChannelContent::NaverBlog(content) => content,
        // The client is made for the blog alone.
        _ => NaverBlogContent::default(),
    }
}

fn rejected(failure: Failure, retry: Retry, checkpoint: Option<Checkpoint>) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint,
    }
}
