//! Hands a post to a person. Nothing is called: the delivery waits with the
//! address of a page that holds the post, until the person gives the post's own
//! address back, or the time is over.
//!
//! One person, one post: what is asked of Naver is only whether its public feed
//! shows the post.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, StepOutcome};
use fanfare_core::cause;
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::{ActionUrl, Failure};
use fanfare_core::engine::Call;
use fanfare_core::picture::ImageFit;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::text::Text;
use fanfare_core::validate::naver_blog::PICTURE;
use fanfare_core::validate::naver_post::NaverPost;
use jiff::Timestamp;
use url::Url;

use super::rss::Feeds;
use super::ticket::{Ticket, TicketKey};
use crate::check::{Checked, Credentials};
use crate::client::ChannelClient;
use crate::http::{ExchangeError, HttpClient};
use crate::media::{MediaClient, Picture};

pub use super::rss::FEEDS;

/// What is told once.
#[derive(Debug, Clone)]
pub struct HandOffSettings {
    /// Where people reach this service; pages are below it.
    pub public_url: Url,
    /// What their addresses are signed with.
    pub key: TicketKey,
    /// How long a person has.
    pub valid_for: Duration,
    /// Where blogs' feeds are; [`FEEDS`] but in tests.
    pub feeds: Url,
    /// How a picture is made to fit that is no post's as it is.
    pub image_fit: ImageFit,
}

/// What makes pages' addresses, opens them, and takes what a person gives back.
#[derive(Debug)]
pub struct HandOff {
    settings: HandOffSettings,
    feeds: Feeds,
    media: MediaClient,
}

impl HandOff {
    /// With a client for the feeds, and one for pictures.
    pub fn new(http: HttpClient, media: MediaClient, settings: HandOffSettings) -> Self {
        let base = settings.feeds.clone();
        Self {
            feeds: Feeds { http, base },
            settings,
            media,
        }
    }

    /// The post's picture as a blog takes it, looked at here: who opens the page is shown
    /// no file that nobody has seen.
    ///
    /// # Errors
    /// Why there is none, in words for people.
    pub async fn picture(&self, url: &str) -> Result<Picture, Text> {
        let picture = self.media.picture(url, &PICTURE, self.settings.image_fit).await;
        picture.map_err(|error| error.refusal().0.detail)
    }

    /// The task that a page's address names; `None` where we have not made it.
    pub fn open(&self, token: &str) -> Option<Ticket> {
        self.settings.key.open(token)
    }

    /// Where people reach this service.
    pub fn public_url(&self) -> &Url {
        &self.settings.public_url
    }

    /// What the post proves: that its owner says so, or that the blog's public
    /// feed shows it.
    pub async fn receipt(&self, post: &NaverPost) -> Receipt {
        let state = if self.feeds.have(post).await {
            ChannelState::Verified
        } else {
            ChannelState::Live
        };
        Receipt {
            state,
            fields: ResultFields {
                post_url: Some(post.to_string()),
                ..ResultFields::default()
            },
        }
    }

    fn page_of(&self, ticket: &Ticket) -> String {
        let mut url = self.settings.public_url.clone();
        // Refused only by addresses such as `mailto:`, which are no base.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["handoff", &self.settings.key.sign(ticket)]);
        }
        url.into()
    }
}

/// The client. It calls nobody.
#[derive(Debug)]
pub struct HandOffClient(pub Arc<HandOff>);

#[async_trait]
impl ChannelClient for HandOffClient {
    fn protocol(&self) -> Protocol {
        Protocol {
            first_step_has_effect: false,
            dedup: Dedup::None,
            observed_at: &[],
        }
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        let until = now.saturating_add(self.0.settings.valid_for).unwrap_or(Timestamp::MAX);
        let ticket = Ticket {
            tenant: call.tenant.clone(),
            distribution: call.distribution,
            channel: call.delivery.channel,
            generation: call.delivery.generation,
            until,
        };
        let mut task = task();
        task.action_url = Some(Box::new(ActionUrl(self.0.page_of(&ticket))));
        StepOutcome::NeedsAction {
            task,
            until: Some(until),
        }
    }

    async fn look_up(&self, _call: &Call, _now: Timestamp) -> LookUpOutcome {
        // No step has an effect, so none is ever in doubt.
        LookUpOutcome::Absent { checkpoint: None }
    }

    fn cannot_withdraw(&self) -> Option<Text> {
        Some(Text::new(
            "A person put the post on the blog, and only a person can take it down: open it on Naver Blog, and delete it or \
             make it private there.",
            "담당자가 직접 올린 글이므로 직접 내려야 합니다. 네이버 블로그에서 해당 글을 열어 삭제하거나 비공개로 바꿔 주세요.",
        ))
    }

    /// A person posts, so there is nothing to let us in: whether the feeds, which
    /// prove a post, are there.
    async fn check(&self, _now: Timestamp) -> Checked {
        let feeds = &self.0.settings.feeds;
        let (address, encrypted) = (feeds.origin().ascii_serialization(), feeds.scheme() == "https");
        match self.0.feeds.http.probe(feeds).await {
            Ok(()) => Checked {
                credentials: Credentials::NotNeeded,
                ..Checked::at(address, encrypted, Ok(()))
            },
            Err(error) => Checked::without_answer(address, encrypted, &error),
        }
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        // People are reached by their own ways, and the feed is not needed.
        Ok(())
    }
}

fn task() -> Failure {
    let detail = Text::new(
        "Naver Blog has no API: a person puts the post on the blog. Open the page at actionUrl, copy the post, publish \
         it, and paste its address there.",
        "네이버 블로그에는 API가 없어 사람이 직접 올려야 합니다. actionUrl의 페이지를 열어 글을 복사해 올리고, 올린 글의 주소를 그 \
         페이지에 붙여 넣어 주세요.",
    );
    cause::HAND_OFF.because(detail)
}
