//! 링고비즈: one ring-back tone a line, replaced as a whole.
//!
//! KT publishes no API for it: the contract is our own proposal
//! (`api/partners/ringo-biz.yaml`). Replacing a tone by the same one changes
//! nothing, and the key is remembered for a day besides, so repeating is the
//! look-up. Afterwards the line is read: a tone that bears our id is ours; one
//! that is older than the attempt proves that ours never came.
//!
//! Nothing is sent for a number that is not verified for its tenant, whatever was
//! checked before: the configuration may have changed since.
//!
//! The channel fetches the sound by its address. It is looked at here before that, in a
//! step of its own, so that its hash is kept when the channel is called: a repeat must
//! say the very same, whatever has become of the sound since, and the channel refuses a
//! sound that is not the one that was looked at.
//!
//! Deliberately absent: `effectiveAt`, which the contract allows.

mod checkpoint;
mod error;
mod mock;
mod withdraw;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::compose::{ChannelContent, compose};
use fanfare_core::delivery::{Checkpoint, Failure, Phase};
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Text;
use fanfare_core::validate::ringo_biz::AUDIO_SECONDS_MAX;
use fanfare_core::verified::VerifiedNumbers;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use self::checkpoint::Sound;
use self::error::heard;
use crate::api::{Api, Body};
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{self, Checked};
use crate::client::ChannelClient;
use crate::contract::{Heard, KEY_WINDOW};
use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::media::{MediaClient, MediaError};

pub use self::mock::mock_receipt;

/// A tone counts as older than an attempt only by more than this; the two clocks
/// may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// How the protocol behaves, whoever is called.
pub const PROTOCOL: Protocol = Protocol {
    first_step_has_effect: false,
    dedup: Dedup::Key { window: KEY_WINDOW },
    observed_at: &[],
};

/// The client.
#[derive(Debug)]
pub struct RingoBizClient {
    api: Api,
    media: MediaClient,
    verified: Arc<VerifiedNumbers>,
}

/// A line's tone, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tone {
    /// Whose it is: the key of the delivery that set it.
    #[serde(default)]
    external_id: Option<String>,
    /// When it was set.
    update_timestamp: String,
    /// Of the bytes that the channel fetched; partners of the first contract may not say.
    #[serde(default)]
    sha256: Option<String>,
}

/// Which line gets which sound.
struct Order {
    e164: String,
    audio_url: String,
}

#[async_trait]
impl ChannelClient for RingoBizClient {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome {
        if is_called_off(call) {
            return nothing_done();
        }
        let Some(Order { e164, audio_url }) = order(&call.request.request, now) else {
            return rejected(failure::content_rejected(), Retry::Never);
        };
        if !self.verified.holds(&call.tenant, &e164) {
            return rejected(failure::number_not_verified(), Retry::Never);
        }
        match Sound::of(call) {
            Ok(None) if call.delivery.phase != Phase::Unknown => self.listen(call, &audio_url).await,
            // An earlier version called without it: the repeat must say the same.
            Ok(sound) => {
                let sha256 = sound.map(|sound| sound.sha256);
                self.replace(call, &Order { e164, audio_url }, sha256.as_deref(), now)
                    .await
            }
            // Only a later version writes what this one can't read.
            Err(unreadable) => StepOutcome::Unknown(unreadable),
        }
    }

    async fn look_up(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        match order(&call.request.request, now) {
            Some(Order { e164, .. }) => self.find(call, &e164).await,
            // Nothing was ever sent without a number.
            None => LookUpOutcome::Absent { checkpoint: None },
        }
    }

    fn cannot_withdraw(&self) -> Option<Text> {
        None
    }

    async fn withdraw(&self, call: &Call, now: Timestamp) -> WithdrawOutcome {
        self.take_away(call, now).await
    }

    /// Reads the tone of one of the verified lines.
    async fn check(&self, now: Timestamp) -> Checked {
        // Without any, one that cannot be: who asks is looked at first.
        let line = self.verified.any().unwrap_or("+820000000");
        let answer = self.api.look(&path(line), &[]).await;
        let is_tone = |answer: &Answer| {
            error::has_no_tone(answer) || answer.status == StatusCode::OK && answer.json::<Tone>().is_ok()
        };
        check::of_contract(&self.api, answer, |answer| heard(answer, now), is_tone)
    }

    async fn look_ahead(&self, request: &DistributeRequest, now: Timestamp) -> Vec<(String, String)> {
        let Some(Order { audio_url, .. }) = order(request, now) else {
            return Vec::new();
        };
        let heard = self.media.hear_ahead(&audio_url, AUDIO_SECONDS_MAX).await;
        heard.map(|sha256| (audio_url, sha256)).into_iter().collect()
    }

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

impl RingoBizClient {
    /// A client for the API at `api`, for these lines. Sounds are looked at by `media`.
    pub fn new(api: Api, media: MediaClient, verified: Arc<VerifiedNumbers>) -> Self {
        Self { api, media, verified }
    }

    /// Looks at the sound, and keeps its hash.
    async fn listen(&self, call: &Call, audio_url: &str) -> StepOutcome {
        match self.sound(call, audio_url).await {
            Ok(sha256) => {
                let checkpoint = Checkpoint::from(Sound { sha256: sha256.clone() });
                StepOutcome::Prepared {
                    checkpoint: checkpoint.given(audio_url, &sha256),
                    next_has_effect: true,
                }
            }
            Err(error) => {
                let (why, retry) = error.refusal();
                rejected(why, retry)
            }
        }
    }

    async fn sound(&self, call: &Call, audio_url: &str) -> Result<String, MediaError> {
        let sha256 = self.media.check_sound(audio_url, AUDIO_SECONDS_MAX).await?;
        self.media.compare(call, audio_url, &sha256).await?;
        Ok(sha256)
    }

    async fn replace(&self, call: &Call, order: &Order, sha256: Option<&str>, now: Timestamp) -> StepOutcome {
        let key = call.delivery.idempotency_key();
        let mut value = json!({"externalId": key, "audioUrl": order.audio_url});
        if let Some(sha256) = sha256 {
            value["sha256"] = sha256.into();
        }
        let body = Body::Json {
            value: &value,
            key: &key,
        };
        match self.api.put(call, &path(&order.e164), None, body).await {
            Ok(answer) => self.replaced(call, &order.e164, &answer, now).await,
            Err(error @ ExchangeError::NotSent(..)) => {
                again(call, failure::unavailable().said(&error.words()), Retry::Backoff)
            }
            Err(error @ ExchangeError::Lost { .. }) => {
                StepOutcome::Unknown(failure::outcome_unknown().said(&error.words()))
            }
        }
    }

    async fn replaced(&self, call: &Call, e164: &str, answer: &Answer, now: Timestamp) -> StepOutcome {
        let unclear = || StepOutcome::Unknown(failure::outcome_unknown().said(&answer.words()));
        match heard(answer, now) {
            Heard::Taken => {
                let tone = answer.json::<Tone>().ok();
                if let Some(why) = tone.as_ref().and_then(|tone| another_sound(call, tone)) {
                    return StepOutcome::Unknown(why);
                }
                tone.and_then(receipt).map_or_else(unclear, StepOutcome::Confirmed)
            }
            Heard::Known => match self.find(call, e164).await {
                LookUpOutcome::Found(receipt) => StepOutcome::Confirmed(receipt),
                // The first call with this key may still be at it.
                _ => unclear(),
            },
            Heard::Refused(why, retry) => again(call, why.said(&answer.words()), retry),
            Heard::Unclear => unclear(),
        }
    }

    async fn find(&self, call: &Call, e164: &str) -> LookUpOutcome {
        let unknown = |words: &str| LookUpOutcome::Unknown(failure::outcome_unknown().said(words));
        let answer = match self.api.get(call, &path(e164), &[]).await {
            Ok(answer) => answer,
            Err(error) => return unknown(&error.words()),
        };
        let tone = match answer.status {
            StatusCode::OK => answer.json::<Tone>().ok(),
            // The channel says so itself, and not something before it.
            StatusCode::NOT_FOUND if error::has_no_tone(&answer) => return LookUpOutcome::Absent { checkpoint: None },
            _ => None,
        };
        let Some(tone) = tone else {
            return unknown(&answer.words());
        };
        if tone.external_id.as_deref() == Some(&*call.delivery.idempotency_key()) {
            if let Some(why) = another_sound(call, &tone) {
                return LookUpOutcome::Unknown(why);
            }
            return receipt(tone).map_or_else(|| unknown(&answer.words()), LookUpOutcome::Found);
        }
        if is_before(&tone, call.delivery.attempt_started_at) {
            return LookUpOutcome::Absent { checkpoint: None };
        }
        // Somebody else's, and younger: it may have replaced ours.
        unknown(&answer.words())
    }
}

fn is_before(tone: &Tone, began: Option<Timestamp>) -> bool {
    let began = began.and_then(|began| began.checked_sub(CLOCK_SKEW).ok());
    let set: Option<Timestamp> = tone.update_timestamp.parse().ok();
    matches!((set, began), (Some(set), Some(began)) if set < began)
}

/// What is said where the tone that is set is not the sound that was looked at, against
/// the contract: it is heard already, so that a person must listen and decide.
fn another_sound(call: &Call, tone: &Tone) -> Option<Failure> {
    let wanted = Sound::of(call).ok()??.sha256;
    let is = tone.sha256.as_deref()?;
    (!is.eq_ignore_ascii_case(&wanted)).then(|| {
        let words = format!("the tone that was set has sha256 {is}; the sound that was looked at has {wanted}");
        failure::outcome_unknown().said(&words)
    })
}

/// A tone is heard at the next call: it is live at once.
fn receipt(tone: Tone) -> Option<Receipt> {
    tone.update_timestamp.parse::<Timestamp>().ok()?;
    Some(Receipt {
        state: ChannelState::Live,
        fields: ResultFields {
            update_timestamp: Some(tone.update_timestamp),
            ..ResultFields::default()
        },
    })
}

fn path(e164: &str) -> [&str; 4] {
    ["v1", "lines", e164, "ringback-tone"]
}

fn order(request: &DistributeRequest, now: Timestamp) -> Option<Order> {
    match compose(request, Channel::RingoBiz, Mode::Live, now).content {
        ChannelContent::RingoBiz(content) => Some(Order {
            e164: content.phone_number_e164?,
            audio_url: content.audio_url?,
        }),
        ChannelContent::WooridongneTV(_)
        | ChannelContent::GenieTV(_)
        | ChannelContent::Instagram(_)
        | ChannelContent::NaverBlog(_)
        | ChannelContent::KakaoChannel(_) => None,
    }
}

/// Another attempt says the same under the same key: the sound that was looked at.
fn again(call: &Call, failure: Failure, retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint: call.delivery.checkpoint.clone().filter(|_| retry != Retry::Never),
    }
}

fn rejected(failure: Failure, retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint: None,
    }
}
