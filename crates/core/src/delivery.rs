//! One channel's share of a distribution: its states and legal transitions. Where its
//! protocol stands is in `checkpoint.rs`.
//!
//! Every change of a status goes through [`Delivery::transition`]. When it is
//! called, and why, is the engine's business.

mod checkpoint;

use std::borrow::Cow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cause;
use crate::channel::{Channel, ChannelState, Mode};
use crate::history::Transition;
use crate::ids::DeliveryId;
use crate::receipt::Receipt;
use crate::resilience::retry::later;
use crate::text::Text;

pub use self::checkpoint::Checkpoint;

/// Where a delivery stands; the wire's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DeliveryStatus {
    /// Accepted; begins as soon as the lane has room.
    Pending,
    /// A step, a poll or a look-up is under way.
    InProgress,
    /// The next attempt begins within 30 s.
    Retrying,
    /// Held back until a later, known time.
    Waiting,
    /// The outcome is unknown; a person decides.
    NeedsReview,
    /// A person must finish it.
    ActionRequired,
    /// The channel took it.
    Success,
    /// It did not succeed and will not by itself.
    Failed,
    /// Called off.
    Cancelled,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::InProgress,
        Self::Retrying,
        Self::Waiting,
        Self::NeedsReview,
        Self::ActionRequired,
        Self::Success,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Retrying => "RETRYING",
            Self::Waiting => "WAITING",
            Self::NeedsReview => "NEEDS_REVIEW",
            Self::ActionRequired => "ACTION_REQUIRED",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Something will happen within seconds, without anybody's doing.
    pub const fn moves(self) -> bool {
        matches!(self, Self::Pending | Self::InProgress | Self::Retrying)
    }

    /// Held back until a known time, or for a person.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Waiting | Self::NeedsReview | Self::ActionRequired)
    }

    /// Nothing more is done by itself. What is live may come to nothing all the same,
    /// where the channel declines it later.
    pub const fn closed(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled)
    }

    /// Nothing of it is live: its claim is free, what it would have cost is given back,
    /// and a person may have it tried again.
    pub const fn came_to_nothing(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled)
    }

    /// Whether a delivery may go from here to there.
    pub const fn may_become(self, to: Self) -> bool {
        use DeliveryStatus::{
            ActionRequired, Cancelled, Failed, InProgress, NeedsReview, Pending, Retrying, Success, Waiting,
        };
        match self {
            Pending => matches!(to, InProgress | Waiting | Failed | Cancelled),
            InProgress => {
                matches!(
                    to,
                    Retrying | Waiting | NeedsReview | ActionRequired | Success | Failed | Cancelled
                )
            }
            Retrying | Waiting => matches!(to, Pending | InProgress | Waiting | Failed | Cancelled),
            NeedsReview => matches!(to, Pending | InProgress | Success | Failed),
            ActionRequired => matches!(to, Pending | Success | Failed | Cancelled),
            // Declined later by the channel, or withdrawn.
            Success => matches!(to, Failed | Cancelled),
            // A redrive opens a new generation.
            Failed | Cancelled => matches!(to, Pending),
        }
    }
}

/// How far the current attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Phase {
    /// The current step has no effect: it may be run, and run again.
    Planned,
    /// An effecting step may have begun; the channel may have acted.
    Intent,
    /// Whether the effecting step took effect is not known; it is looked up.
    Unknown,
    /// The channel took it.
    Confirmed,
    /// The attempt provably had no effect.
    Rejected,
    /// A look-up proved that there was no effect.
    Absent,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Planned,
        Self::Intent,
        Self::Unknown,
        Self::Confirmed,
        Self::Rejected,
        Self::Absent,
    ];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "PLANNED",
            Self::Intent => "INTENT",
            Self::Unknown => "UNKNOWN",
            Self::Confirmed => "CONFIRMED",
            Self::Rejected => "REJECTED",
            Self::Absent => "ABSENT",
        }
    }

    /// The phase of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// The attempt has not ended yet.
    pub const fn open(self) -> bool {
        matches!(self, Self::Planned | Self::Intent | Self::Unknown)
    }
}

/// Why a delivery did not succeed, or is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word, such as `validation_failed`.
    pub code: Cow<'static, str>,
    /// What happened and what to do.
    pub detail: Text,
    /// The channel's own code and words, cut to [`Failure::SAID_LIMIT`]
    /// characters; for the person who decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_said: Option<String>,
    /// Where a person finishes it. Who holds this link needs no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<Box<ActionUrl>>,
}

/// The address of a page on which a person finishes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionUrl(pub String);

impl Failure {
    /// Pairs a code with its explanation.
    pub fn new(code: &'static str, detail: Text) -> Self {
        Self {
            code: Cow::Borrowed(code),
            detail,
            channel_said: None,
            action_url: None,
        }
    }

    /// Characters that are kept of what a channel said.
    pub const SAID_LIMIT: usize = 500;

    /// With the channel's own words beside it.
    #[must_use]
    pub fn said(mut self, words: &str) -> Self {
        let words: String = words
            .chars()
            .filter(|c| !c.is_control())
            .take(Self::SAID_LIMIT)
            .collect();
        self.channel_said = Some(words).filter(|words| !words.is_empty());
        self
    }
}

/// One channel's share of a distribution; a row of `distribution_channel_logs`.
/// The row is also its current attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// With the generation, the channel's idempotency key.
    pub id: DeliveryId,
    /// Where.
    pub channel: Channel,
    /// Whether the channel is really called.
    pub mode: Mode,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// From 1; a redrive, resolve, withdrawal or later decline opens the next.
    pub generation: u32,
    /// From 1 within the generation; 0 before the first has begun.
    pub attempt: u32,
    /// How far the current attempt has come.
    pub phase: Phase,
    /// When the current attempt began.
    pub attempt_started_at: Option<Timestamp>,
    /// Where the protocol stands; `None` before its first step has ended.
    pub checkpoint: Option<Checkpoint>,
    /// The channel's proof.
    pub receipt: Option<Receipt>,
    /// Why it did not succeed, or is held back; of what is live, how its withdrawal
    /// stands.
    pub failure: Option<Failure>,
    /// When it goes on: with an attempt, a step, a poll or a look-up; when the channel is
    /// asked what became of what it took; or until when a person has time.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether this delivery holds the claim (tenant, event, channel).
    pub holds_claim: bool,
    /// It was called off while it was under way: it comes to its end, and no
    /// further attempt follows in this generation.
    pub called_off: bool,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When a redrive asked for this generation; `None` where it counts as it did from when
    /// the distribution was due.
    pub redriven_at: Option<Timestamp>,
    /// Since when it is not known what the attempt came to: of phase UNKNOWN. Of any other
    /// it says nothing.
    pub unknown_since: Option<Timestamp>,
}

/// A next attempt within this time is RETRYING, a later one WAITING.
pub const RETRYING_LIMIT: Duration = Duration::from_secs(30);

/// Who is to finish something is told once more so long before their time is over, or
/// when half of it is, where that is later.
const REMINDED_BEFORE: SignedDuration = SignedDuration::from_hours(24);

impl Delivery {
    /// A delivery of a distribution that has just been accepted.
    pub fn new(id: DeliveryId, channel: Channel, mode: Mode, now: Timestamp) -> Self {
        Self {
            id,
            channel,
            mode,
            status: DeliveryStatus::Pending,
            generation: 1,
            attempt: 0,
            phase: Phase::Planned,
            attempt_started_at: None,
            checkpoint: None,
            receipt: None,
            failure: None,
            next_attempt_at: None,
            holds_claim: true,
            called_off: false,
            updated_at: now,
            redriven_at: None,
            unknown_since: None,
        }
    }

    /// Where its protocol stands from now on. Which files the channel is given stays
    /// noted for as long as anything is kept.
    pub fn stand_at(&mut self, checkpoint: Option<Checkpoint>) {
        let before = self.checkpoint.take();
        self.checkpoint = checkpoint.map(|mut checkpoint| {
            for (url, sha256) in before.iter().flat_map(Checkpoint::files) {
                if checkpoint.files().all(|(known, _)| known != url) {
                    checkpoint = checkpoint.given(url, sha256);
                }
            }
            checkpoint
        });
    }

    /// Whether what its attempt came to is not known.
    pub fn is_in_doubt(&self) -> bool {
        self.phase == Phase::Unknown && !self.status.closed()
    }

    /// Since when that is so; an earlier version noted only when it last changed.
    pub fn doubted_since(&self) -> Timestamp {
        self.unknown_since.unwrap_or(self.updated_at)
    }

    /// When there is something to do about it by itself.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.reminds_at().or(self.next_attempt_at)
    }

    /// When the person who has time until then is told once more. That it was told
    /// changes the delivery, and so is not told again.
    pub fn reminds_at(&self) -> Option<Timestamp> {
        let until = self
            .next_attempt_at
            .filter(|_| self.status == DeliveryStatus::ActionRequired)?;
        // In whole seconds: times are kept to the microsecond, and half of one is none.
        let half = self
            .attempt_started_at
            .map(|since| until.duration_since(since).as_secs() / 2);
        let half = half.map(SignedDuration::from_secs);
        let before = half.map_or(REMINDED_BEFORE, |half| half.min(REMINDED_BEFORE));
        let at = until.saturating_sub(before).unwrap_or(Timestamp::MIN);
        Some(at).filter(|at| self.updated_at < *at)
    }

    /// Whether it is WAITING, and this is why.
    pub fn waits_for(&self, code: &str) -> bool {
        let why = self.failure.as_ref();
        self.status == DeliveryStatus::Waiting && why.is_some_and(|why| why.code == code)
    }

    /// Whether it is WAITING for somebody to let it go on: a breaker, or who stopped
    /// sending. Its time is only when it asks again.
    pub fn is_held(&self) -> bool {
        self.waits_for(cause::BREAKER_OPEN.code) || self.waits_for(cause::SENDING_STOPPED.code)
    }

    /// Whether it is WAITING in the course of an attempt: a breaker, or this service
    /// itself, holds its next call back, and what the calls before it did may be seen
    /// already.
    pub fn is_in_course(&self) -> bool {
        self.status == DeliveryStatus::Waiting && self.attempt_started_at.is_some()
    }

    /// Whether anything may still happen to it by itself or by a person who was asked:
    /// what is live is closed, unless it is to be taken down, or is asked about again.
    pub fn is_open(&self) -> bool {
        self.is_unfinished() || self.is_observed()
    }

    /// Whether what was asked for is still to be done.
    pub fn is_unfinished(&self) -> bool {
        !self.status.closed() || self.is_withdrawing()
    }

    /// Whether the channel took it, and will be asked what became of it.
    pub fn is_observed(&self) -> bool {
        self.status == DeliveryStatus::Success && self.next_attempt_at.is_some() && !self.is_withdrawing()
    }

    /// Whether the channel took it, and declined it later.
    pub fn is_declined_since(&self) -> bool {
        let declined = self.channel_state() == Some(ChannelState::Declined);
        self.status == DeliveryStatus::Failed && self.attempt == 0 && declined
    }

    /// Whether it is live, and is being taken down.
    pub fn is_withdrawing(&self) -> bool {
        self.is_live_and(cause::WITHDRAW_REQUESTED.code)
    }

    /// Whether its withdrawal waits for a breaker, a stop, or a time that is not soon:
    /// nobody waits for that, as for WAITING.
    pub fn withdrawal_waits(&self) -> bool {
        let at = self.next_attempt_at.filter(|_| self.is_withdrawing());
        at.is_some_and(|at| self.withdrawal_held_by().is_some() || at > later(self.updated_at, RETRYING_LIMIT))
    }

    /// What holds its withdrawal back: the code says that there is one, and so the
    /// words alone say that. Nothing where it only waits for its next attempt.
    pub fn withdrawal_held_by(&self) -> Option<&Text> {
        let why = self.failure.as_ref().filter(|_| self.is_withdrawing())?;
        Some(&why.detail).filter(|detail| **detail != cause::WITHDRAW_REQUESTED.text())
    }

    /// Whether it is live, and could not be taken down.
    pub fn has_stayed(&self) -> bool {
        self.is_live_and(cause::WITHDRAWAL_FAILED.code)
    }

    /// Whether it was live, and has been taken down.
    pub fn is_withdrawn(&self) -> bool {
        let why = self.failure.as_ref();
        self.status == DeliveryStatus::Cancelled && why.is_some_and(|why| why.code == cause::WITHDRAWN.code)
    }

    fn is_live_and(&self, code: &str) -> bool {
        let why = self.failure.as_ref();
        self.status == DeliveryStatus::Success && why.is_some_and(|why| why.code == code)
    }

    /// How far the proof of a success goes.
    pub fn channel_state(&self) -> Option<ChannelState> {
        self.receipt.as_ref().map(|receipt| receipt.state)
    }

    /// `{delivery_id}.{generation}`: by this name the channel, or a look-up,
    /// recognises a repeat.
    pub fn idempotency_key(&self) -> String {
        format!("{}.{}", self.id, self.generation)
    }

    /// The one way to change the status. FAILED and CANCELLED release the claim.
    ///
    /// # Errors
    /// [`IllegalTransition`] where the table of [`DeliveryStatus::may_become`]
    /// has no such step; nothing is changed.
    pub fn transition(&mut self, to: DeliveryStatus, now: Timestamp) -> Result<Transition, IllegalTransition> {
        let from = self.status;
        if !from.may_become(to) {
            return Err(IllegalTransition {
                channel: self.channel,
                from,
                to,
            });
        }
        self.status = to;
        self.updated_at = now;
        if to.came_to_nothing() {
            self.holds_claim = false;
        }
        Ok(Transition::of_delivery(self, Some(from)))
    }
}

/// A step that the state machine does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{channel} cannot go from {} to {}", from.name(), to.name())]
pub struct IllegalTransition {
    /// Whose delivery.
    pub channel: Channel,
    /// Where it stands.
    pub from: DeliveryStatus,
    /// Where it was to go.
    pub to: DeliveryStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_moves_or_waits_or_is_closed_and_nothing_twice() {
        for status in DeliveryStatus::ALL {
            let kinds = [status.moves(), status.waits(), status.closed()];
            assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "{status:?}");
            assert_eq!(DeliveryStatus::from_name(status.name()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }

    #[test]
    fn an_illegal_transition_changes_nothing() {
        let id = DeliveryId(uuid::Uuid::nil());
        let mut delivery = Delivery::new(id, Channel::Instagram, Mode::Mock, Timestamp::UNIX_EPOCH);
        let before = delivery.clone();
        assert!(delivery.transition(DeliveryStatus::Success, Timestamp::MAX).is_err());
        assert_eq!(delivery, before);
    }

    #[test]
    fn failing_releases_the_claim_and_success_keeps_it() {
        let id = DeliveryId(uuid::Uuid::nil());
        let mut delivery = Delivery::new(id, Channel::Instagram, Mode::Mock, Timestamp::UNIX_EPOCH);
        delivery
            .transition(DeliveryStatus::InProgress, Timestamp::UNIX_EPOCH)
            .unwrap();
        let mut succeeded = delivery.clone();
        succeeded
            .transition(DeliveryStatus::Success, Timestamp::UNIX_EPOCH)
            .unwrap();
        delivery
            .transition(DeliveryStatus::Failed, Timestamp::UNIX_EPOCH)
            .unwrap();
        assert!(succeeded.holds_claim && !delivery.holds_claim);
    }
}
