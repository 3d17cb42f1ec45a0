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
//! The channel fetches the sound by its address; it is looked at here before that.
//!
//! Deliberately absent: `sha256` of the sound and `effectiveAt`, which the
//! contract allows: a repeat must say the very same.

mod error;
mod mock;
mod withdraw;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::compose::{ChannelContent, compose};
use fanfare_core::delivery::{Failure, Phase};
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::text::Text;
use fanfare_core::validate::ringo_biz::AUDIO_SECONDS_MAX;
use fanfare_core::verified::VerifiedNumbers;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use self::error::heard;
use crate::api::{Api, Body};
use crate::call_off::{is_called_off, nothing_done};
use crate::check::{self, Checked};
use crate::client::ChannelClient;
use crate::contract::{Heard, KEY_WINDOW};
use crate::failure;
use crate::http::{Answer, ExchangeError};
use crate::media::MediaClient;

pub use self::mock::mock_receipt;

/// A tone counts as older than an attempt only by more than this; the two clocks
/// may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// How the protocol behaves, whoever is called.
pub const PROTOCOL: Protocol = Protocol {
    first_step_has_effect: true,
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
        let Some(Order { e164, audio_url }) = order(call, now) else {
            return rejected(failure::content_rejected(), Retry::Never);
        };
        if !self.verified.holds(&call.tenant, &e164) {
            return rejected(failure::number_not_verified(), Retry::Never);
        }
        if let Err((why, retry)) = self.listen(call, &audio_url).await {
            return rejected(why, retry);
        }
        let key = call.delivery.idempotency_key();
        let body = Body::Json {
            value: &json!({"externalId": key, "audioUrl": audio_url}),
            key: &key,
        };
        match self.api.put(call, &path(&e164), None, body).await {
            Ok(answer) => self.replaced(call, &e164, &answer, now).await,
            Err(error @ ExchangeError::NotSent(..)) => {
                rejected(failure::unavailable().said(&error.words()), Retry::Backoff)
            }
            Err(error @ ExchangeError::Lost { .. }) => {
                StepOutcome::Unknown(failure::outcome_unknown().said(&error.words()))
            }
        }
    }

    async fn look_up(&self, call: &Call, now: Timestamp) -> LookUpOutcome {
        match order(call, now) {
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

    async fn probe(&self) -> Result<(), ExchangeError> {
        self.api.probe().await
    }
}

impl RingoBizClient {
    /// A client for the API at `api`, for these lines. Sounds are looked at by `media`.
    pub fn new(api: Api, media: MediaClient, verified: Arc<VerifiedNumbers>) -> Self {
        Self { api, media, verified }
    }

    /// Looks at the sound; not where a first call may have had its effect, whatever
    /// has become of the sound since.
    async fn listen(&self, call: &Call, audio_url: &str) -> Result<(), (Failure, Retry)> {
        if call.delivery.phase == Phase::Unknown {
            return Ok(());
        }
        let heard = self.media.check_sound(audio_url, AUDIO_SECONDS_MAX).await;
        heard.map_err(|error| error.refusal())
    }

    async fn replaced(&self, call: &Call, e164: &str, answer: &Answer, now: Timestamp) -> StepOutcome {
        let unclear = || StepOutcome::Unknown(failure::outcome_unknown().said(&answer.words()));
        match heard(answer, now) {
            Heard::Taken => {
                let receipt = answer.json::<Tone>().ok().and_then(receipt);
                receipt.map_or_else(unclear, StepOutcome::Confirmed)
            }
            Heard::Known => match self.find(call, e164).await {
                LookUpOutcome::Found(receipt) => StepOutcome::Confirmed(receipt),
                // The first call with this key may still be at it.
                _ => unclear(),
            },
            Heard::Refused(why, retry) => rejected(why.said(&answer.words()), retry),
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

fn order(call: &Call, now: Timestamp) -> Option<Order> {
    match compose(&call.request.request, Channel::RingoBiz, Mode::Live, now).content {
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

fn rejected(failure: Failure, retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure,
        retry,
        checkpoint: None,
    }
}
