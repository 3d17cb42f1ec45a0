//! Kakao Channel, through NHN Cloud's Brand Message: a picture, a text and
//! buttons, to the consenting friends of a Kakao channel.
//!
//! upload → (cut → send) for each thousand of the list → results. Only `send` has
//! an effect. The channel is not relied on to know a key, so a request whose
//! answer is not clear is looked up by its grouping key, and only when it was not
//! found several times over a minute is it sent again. Once anybody has been sent
//! anything, nothing ends in FAILED for what is left: it goes on, or is given up
//! and counted.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the client and what it is told |
//! | `recipients.rs` | who is on a list, who of them may be sent it, and how it is cut |
//! | `steps.rs` | upload, cut and send |
//! | `hold.rs` | what holds a request back: the night, a refusal, a call-off |
//! | `results.rs` | what became of what was sent, at once and days later |
//! | `webhook.rs` | what NHN Cloud tells unasked |
//! | `look_up.rs` | what became of a request whose answer was not clear |
//! | `checkpoint.rs` | where the protocol stands between steps |
//! | `error.rs` | the result codes and what each means, the one table |
//! | `wire.rs` | what is sent and what is read |
//!
//! Deliberately absent: other bubble types, templates, text messages in place of what
//! fails, targeting of people who are no friends.

mod checkpoint;
mod error;
mod hold;
mod look_up;
mod mock;
pub mod recipients;
mod results;
mod steps;
pub mod webhook;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Observation, Protocol, Retry, StepOutcome};
use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use fanfare_core::ids::TenantId;
use fanfare_core::picture::ImageFit;
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Text;
use jiff::Timestamp;

use self::checkpoint::Stage;
use self::recipients::{Allowed, Recipients, RecipientsError};
use crate::api::Api;
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{Checked, NOBODY};
use crate::client::ChannelClient;
use crate::failure;
use crate::http::ExchangeError;
use crate::media::MediaClient;

pub use self::mock::mock_receipt;

/// Where NHN Cloud is.
pub const BASE_URL: &str = "https://kakaotalk-bizmessage.api.nhncloudservice.com";

/// How the protocol behaves, whoever is called; `settle` is from an unclear answer to the
/// first look-up.
pub const fn protocol(settle: Duration) -> Protocol {
    Protocol {
        first_step_has_effect: false,
        dedup: Dedup::LookUp { settle },
        observed_at: OBSERVED_AT,
    }
}

/// A message may arrive for three days (NHN Cloud's guide, result code 3005). The ages
/// are our own.
const OBSERVED_AT: &[Duration] = &[
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(12),
    Duration::from_hours(24),
    Duration::from_hours(48),
    Duration::from_hours(73),
];

/// What the client is told once.
#[derive(Debug, Clone)]
pub struct KakaoSettings {
    /// The NHN Cloud project's; a part of addresses.
    pub app_key: String,
    /// The Kakao channel's sender profile.
    pub sender_key: String,
    /// The 080 number where people opt out free of charge.
    pub unsubscribe_number: String,
    /// Whose advertising it is, as people know them.
    pub sender_name: String,
    /// Whether `(광고)` is put before the text; off where Kakao does it.
    pub label: bool,
    /// The list of requests that name none.
    pub recipient_list: Option<String>,
    /// What is done with a picture that the channel does not take.
    pub image_fit: ImageFit,
    /// People in one request, at most; NHN Cloud takes [`recipients::RECIPIENTS_MAX`].
    pub per_request: usize,
    /// Between two looks at results.
    pub poll_interval: Duration,
    /// Results are waited for so long; what comes later is asked for at ages of its own.
    pub patience: Duration,
    /// From an unclear answer to the first look-up.
    pub settle: Duration,
    /// From the first look-up to the last that must find nothing.
    pub second_look: Duration,
    /// So long the channel refuses a key that it knows.
    pub key_window: Duration,
}

impl KakaoSettings {
    /// For a sender, with what NHN Cloud's guide says.
    pub fn new(app_key: &str, sender_key: &str, sender_name: &str, unsubscribe_number: &str) -> Self {
        Self {
            app_key: app_key.to_owned(),
            sender_key: sender_key.to_owned(),
            sender_name: sender_name.to_owned(),
            unsubscribe_number: unsubscribe_number.to_owned(),
            label: true,
            recipient_list: None,
            image_fit: ImageFit::default(),
            per_request: recipients::RECIPIENTS_MAX,
            poll_interval: Duration::from_secs(5),
            patience: Duration::from_secs(20),
            settle: Duration::from_secs(5),
            second_look: Duration::from_mins(1),
            key_window: Duration::from_mins(10),
        }
    }
}

/// The client.
#[derive(Debug)]
pub struct KakaoChannelClient {
    api: Api,
    media: MediaClient,
    recipients: Arc<dyn Recipients>,
    settings: KakaoSettings,
}

#[async_trait]
impl ChannelClient for KakaoChannelClient {
    fn protocol(&self) -> Protocol {
        protocol(self.settings.settle)
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        match Stage::of(call) {
            Ok(stage) if is_called_off(call) && stage.as_ref().is_none_or(Stage::has_reached_nobody) => nothing_done(),
            Ok(None) => self.upload(call, now).await,
            Ok(Some(Stage::Cutting(progress))) => self.cut(call, progress, now).await,
            Ok(Some(Stage::Sending(sending))) => self.send(call, sending, now).await,
            Ok(Some(Stage::Results(progress))) => self.results(call, progress, now).await,
            // Only a later version writes what this one can't read.
            Err(unreadable) => StepOutcome::Unknown(unreadable),
        }
    }

    async fn look_up(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        self.find(call, now).await
    }

    async fn observe(&self, call: &Call, now: Timestamp) -> Observation {
        match Stage::of(call) {
            Ok(Some(Stage::Results(progress))) => self.look_again(call, progress, now).await,
            // A person said that it is live, or a later version keeps what this one can't read.
            Ok(_) | Err(_) => Observation::Untold,
        }
    }

    fn is_further(&self, heard: &Checkpoint, own: Option<&Checkpoint>) -> bool {
        let rank = |checkpoint: &Checkpoint| Stage::read(checkpoint).ok().map(|stage| stage.rank());
        rank(heard) > own.and_then(rank)
    }

    fn cannot_withdraw(&self) -> Option<Text> {
        Some(Text::new(
            "A message that was sent can't be called back from the recipients' phones. If something in it is wrong, send a \
             correction as a new event.",
            "이미 발송된 메시지는 수신자의 휴대전화에서 회수할 수 없습니다. 내용이 잘못되었다면 정정 메시지를 새 이벤트로 보내 주세요.",
        ))
    }

    /// A search for a message that was never sent.
    async fn check(&self, now: Timestamp) -> Checked {
        let (from, until) = look_up::around(now, now);
        let query = [
            ("senderGroupingKey", NOBODY),
            ("startRequestDate", &from),
            ("endRequestDate", &until),
            ("pageNum", "1"),
            ("pageSize", "1"),
        ];
        let answer = match self.api.look(&self.path("messages"), &query).await {
            Ok(answer) => answer,
            Err(error) => return Checked::unanswered(&self.api, &error),
        };
        let checked = Checked::answered(&self.api, wire::page(&answer, now).map(|_| ()));
        Checked {
            untried: checked.is_good().then(untried),
            ..checked
        }
    }

    async fn look_ahead(&self, request: &DistributeRequest, now: Timestamp) -> Vec<(String, String)> {
        let content = wire::content(request, now);
        self.media
            .look_ahead(content.and_then(|content| content.image_url))
            .await
    }

    async fn has_list(&self, tenant: &TenantId, list: &str) -> Option<bool> {
        self.recipients.has(tenant, list).await
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

impl KakaoChannelClient {
    /// A client for the API at `api`. Pictures are fetched by `media`.
    pub fn new(api: Api, media: MediaClient, recipients: Arc<dyn Recipients>, settings: KakaoSettings) -> Self {
        Self {
            api: api.with_headers(wire::SECRET_KEY, wire::IDEMPOTENCY_KEY, wire::ANSWER_MAX),
            media,
            recipients,
            settings,
        }
    }

    fn path<'p>(&'p self, last: &'p str) -> [&'p str; 5] {
        ["brand-message", "v1.0", "appkeys", &self.settings.app_key, last]
    }

    /// Those of the request's list who may be sent it now, or why there is none.
    async fn allowed(&self, call: &Call, now: Timestamp) -> Result<Allowed, (Failure, Retry)> {
        let asked = wire::content(&call.request.request, now).and_then(|content| content.recipient_list_ref);
        let list = asked.or_else(|| self.settings.recipient_list.clone());
        let list = list.ok_or_else(|| (failure::recipient_list_unknown(), Retry::Never))?;
        match self.recipients.of(&call.tenant, &list).await {
            Ok(people) => Ok(Allowed::of(people, call.delivery.id, now)),
            Err(RecipientsError::Unknown) => Err((failure::recipient_list_unknown(), Retry::Never)),
            Err(RecipientsError::Unreadable) => Err((failure::recipient_list_unreadable(), Retry::Backoff)),
        }
    }
}

/// A search says nothing of the sender.
fn untried() -> Text {
    Text::new(
        "sender_key is tried by a message alone.",
        "sender_key는 실제로 메시지를 보내야만 확인됩니다.",
    )
}

/// The name of a request: the same for all in it, and unique.
fn key_of(call: &Call, chunk: u32) -> String {
    format!("{}.{chunk}", call.delivery.idempotency_key())
}

/// How long ago `since` is; nothing where a clock went back.
fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
