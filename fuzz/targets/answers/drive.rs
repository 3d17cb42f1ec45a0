//! Drives a client as the engine would, as far as it can be done without one, and says what
//! must be true of all that comes of it.

use std::fmt::Debug;
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_core::attempt::{LookUpOutcome, Observation, Retry, StepOutcome};
use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::delivery::{Checkpoint, Phase};
use fanfare_core::engine::Call;
use fanfare_core::receipt::{Receipt, ResultFields};
use jiff::Timestamp;

use crate::input::{Answer, Ask, Input};
use crate::server::Server;
use crate::subjects::{ChannelSubject, DEADLINE, NUMBERS, TOKEN, now};
use crate::told::Told;

/// One call makes several exchanges at the most, each within its own deadline.
const CALL_MAX: Duration = Duration::from_secs(DEADLINE.as_secs() * 4);

/// Text that is kept of a receipt has no more bytes.
const KEPT_MAX: usize = 2_048;

/// Looks after the steps.
const LOOKS: usize = 3;

/// A delivery under way.
struct Drive<'w> {
    client: &'w dyn ChannelClient,
    server: &'w Server,
    call: Call,
    now: Timestamp,
    /// Whether the next step has an effect.
    effecting: bool,
    /// Whether anything but mute faults was answered so far.
    heard: bool,
}

pub(crate) async fn drive(subject: &ChannelSubject, server: &Server, input: &Input) {
    let client = &*subject.client;
    let mut drive = Drive {
        client,
        server,
        call: subject.call.clone(),
        now: now(),
        effecting: client.protocol().first_step_has_effect,
        heard: false,
    };
    for _ in 0..input.steps {
        if !drive.step().await {
            break;
        }
    }
    let asks = |ask: Ask| input.ask == Ask::All || input.ask == ask;
    if asks(Ask::LookUp) {
        for _ in 0..LOOKS {
            drive.look_up().await;
        }
    }
    // Whatever came of the steps, what is asked here is asked of something live.
    drive.call.delivery.receipt.get_or_insert_with(receipt_of_all);
    drive.call.delivery.phase = Phase::Confirmed;
    if asks(Ask::Observe) {
        for _ in 0..LOOKS {
            drive.observe().await;
        }
    }
    if asks(Ask::Withdraw) {
        let outcome = within(client.withdraw(&drive.call, drive.now)).await;
        drive.shows_nothing(&outcome);
    }
    if asks(Ask::Check) {
        let checked = within(client.check(drive.now)).await;
        drive.shows_nothing(&checked);
        _ = within(client.probe()).await;
    }
}

impl Drive<'_> {
    /// Whether another may follow.
    async fn step(&mut self) -> bool {
        self.call.delivery.phase = if self.effecting { Phase::Intent } else { Phase::Planned };
        let outcome = within(self.client.step(&self.call, self.now)).await;
        let given = self.shows_nothing(&outcome);
        let is_mute = !given.is_empty() && given.iter().all(Answer::is_mute_fault);
        match outcome {
            StepOutcome::Advanced {
                checkpoint,
                next_has_effect,
            }
            | StepOutcome::Prepared {
                checkpoint,
                next_has_effect,
            } => {
                self.call.delivery.checkpoint = Some(checkpoint);
                self.effecting = next_has_effect;
            }
            StepOutcome::Pending { poll_after } | StepOutcome::PollFailed { poll_after, .. } => self.wait(poll_after),
            StepOutcome::Confirmed(receipt) => {
                self.confirmed(receipt);
                return false;
            }
            StepOutcome::NeedsAction { .. } => return false,
            StepOutcome::Rejected { retry, checkpoint, .. } => {
                assert!(
                    !(self.effecting && is_mute),
                    "a fault that says nothing is taken for a refusal"
                );
                match retry {
                    Retry::Never => return false,
                    Retry::Backoff => self.wait(Duration::from_secs(1)),
                    Retry::After(wait) => self.wait(wait),
                }
                self.again(checkpoint);
            }
            StepOutcome::Deferred { until, .. } | StepOutcome::Held { until, .. } => self.now = self.now.max(until),
            StepOutcome::Unknown(_) => return self.look_up().await,
        }
        true
    }

    /// Whether another step may follow.
    async fn look_up(&mut self) -> bool {
        self.call.delivery.phase = Phase::Unknown;
        let outcome = within(self.client.look_up(&self.call, self.now)).await;
        self.shows_nothing(&outcome);
        match outcome {
            LookUpOutcome::Found(receipt) => self.confirmed(receipt),
            LookUpOutcome::Advanced {
                checkpoint,
                next_has_effect,
            } => {
                self.call.delivery.checkpoint = Some(checkpoint);
                self.effecting = next_has_effect;
                return true;
            }
            LookUpOutcome::Absent { checkpoint } => {
                assert!(
                    self.heard || self.call.delivery.checkpoint.is_none(),
                    "nobody said that it is absent"
                );
                self.again(checkpoint);
                return true;
            }
            LookUpOutcome::Pending { checkpoint, look_after } => {
                self.call.delivery.checkpoint = Some(checkpoint);
                self.wait(look_after);
            }
            LookUpOutcome::Unknown(_) => {}
        }
        false
    }

    async fn observe(&mut self) {
        let outcome = within(self.client.observe(&self.call, self.now)).await;
        self.shows_nothing(&outcome);
        match outcome {
            Observation::Stands { receipt, checkpoint } => {
                is_sound(&receipt);
                self.call.delivery.receipt = Some(receipt);
                self.call.delivery.stand_at(checkpoint);
            }
            Observation::Advanced { checkpoint } => self.call.delivery.stand_at(Some(checkpoint)),
            Observation::Declined { checkpoint, .. } | Observation::Unknown { checkpoint, .. } => {
                self.call.delivery.stand_at(checkpoint);
            }
            Observation::Untold => {}
        }
    }

    /// Another attempt, which goes on there.
    fn again(&mut self, checkpoint: Option<Checkpoint>) {
        let delivery = &mut self.call.delivery;
        self.effecting = checkpoint.is_none() && self.client.protocol().first_step_has_effect;
        delivery.attempt += 1;
        delivery.attempt_started_at = Some(self.now);
        delivery.checkpoint = checkpoint;
    }

    fn confirmed(&mut self, receipt: Receipt) {
        assert!(self.heard, "nobody said that it is live");
        is_sound(&receipt);
        self.call.delivery.receipt = Some(receipt);
    }

    /// An hour at the most: a channel may say anything.
    fn wait(&mut self, wait: Duration) {
        self.now = self
            .now
            .saturating_add(wait.min(Duration::from_hours(1)))
            .unwrap_or(self.now);
    }

    /// Whatever was answered: no token (I16) is in what comes of it, and no number (I20) in what
    /// is told of the channel that is sent to people's. What it calls its own request may be
    /// anything. Gives what was answered.
    fn shows_nothing(&mut self, outcome: &(impl Debug + Told)) -> Vec<Answer> {
        assert!(!format!("{outcome:?}").contains(TOKEN), "the token is shown");
        if self.call.delivery.channel == Channel::KakaoChannel {
            let told = format!("{:?}", outcome.failure());
            assert!(!told.contains(NUMBERS), "a number is shown");
        }
        let given = self.server.given();
        self.heard |= given.iter().any(|answer| !answer.is_mute_fault());
        given
    }
}

/// It is over in time, whatever comes.
pub(crate) async fn within<T>(call: impl Future<Output = T>) -> T {
    let over = tokio::time::timeout(CALL_MAX, Box::pin(call)).await;
    over.expect("a call goes on beyond its deadline")
}

/// What is kept can be shown to people.
fn is_sound(receipt: &Receipt) {
    let ResultFields {
        distribution_id,
        estimated_views: _,
        update_timestamp,
        ad_id,
        impression_schedule,
        post_url,
        post_id,
        message_id,
    } = &receipt.fields;
    if let Some(url) = post_url {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let is_web = matches!(scheme.as_deref(), Some("http" | "https"));
        assert!(is_web, "a link that is none of the web's: {url:?}");
    }
    let texts = [
        distribution_id,
        update_timestamp,
        ad_id,
        impression_schedule,
        post_url,
        post_id,
        message_id,
    ];
    for text in texts.into_iter().flatten() {
        assert!(text.len() <= KEPT_MAX, "{} bytes are kept", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?} is kept");
    }
}

/// As any channel may have given it.
fn receipt_of_all() -> Receipt {
    let text = |text: &str| Some(text.to_owned());
    Receipt {
        state: ChannelState::Accepted,
        fields: ResultFields {
            distribution_id: text("D-1"),
            estimated_views: Some(1),
            update_timestamp: text("2026-11-24T01:00:00Z"),
            ad_id: text("LN-1"),
            impression_schedule: text("18:00-22:00"),
            post_url: text("https://a.kr/1"),
            post_id: text("1"),
            message_id: text("2026"),
        },
    }
}
