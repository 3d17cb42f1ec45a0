//! What every channel's client is.

use std::fmt::Debug;

use async_trait::async_trait;
use fanfare_core::attempt::{LookUpOutcome, Observation, Protocol, StepOutcome, WithdrawOutcome};
use fanfare_core::delivery::Checkpoint;
use fanfare_core::engine::Call;
use fanfare_core::ids::TenantId;
use fanfare_core::request::DistributeRequest;
use fanfare_core::text::Text;
use jiff::Timestamp;

use crate::check::{Checked, PostQuota};
use crate::http::ExchangeError;
#[cfg(doc)]
use crate::media::LOOK_AHEAD_WITHIN;
use crate::withdraw;

/// Runs one channel's protocol, a step at a time.
///
/// A client keeps no state between calls, never retries by itself, and decides
/// once what an answer means: after it nobody reads a status code. Each call is
/// over within the deadline of its [`crate::http::HttpSettings`]; what only polls, as
/// soon as that channel's answers so far allow.
#[async_trait]
pub trait ChannelClient: Debug + Send + Sync {
    /// How the protocol behaves; the same in every life of the process.
    fn protocol(&self) -> Protocol;

    /// Runs the step that follows the delivery's checkpoint. A step that has an
    /// effect is only called when its intent is committed.
    ///
    /// `REJECTED` is said only where the step provably had no effect; what came
    /// of anything else after its first byte is unknown.
    async fn step(&self, call: &Call, now: Timestamp) -> StepOutcome;

    /// Finds out whether the step after the delivery's checkpoint took effect,
    /// without any of its own.
    async fn look_up(&self, call: &Call, now: Timestamp) -> LookUpOutcome;

    /// Whether a checkpoint that was heard beside the rows is further on than the
    /// delivery's own: only protocols with several effecting steps can tell, and
    /// must, since an old one would lead back to what is done.
    fn is_further(&self, _heard: &Checkpoint, _own: Option<&Checkpoint>) -> bool {
        true
    }

    /// What became of what the channel took, asked at the ages of
    /// [`Protocol::observed_at`]; without any effect. A client that names none is not
    /// asked.
    async fn observe(&self, _call: &Call, _now: Timestamp) -> Observation {
        Observation::Untold
    }

    /// What lies now at the addresses of those files that the channel will be given, and
    /// that are looked at then: each with the SHA-256 of it, as far as it can be had in
    /// [`LOOK_AHEAD_WITHIN`].
    async fn look_ahead(&self, _request: &DistributeRequest, _now: Timestamp) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What may still be posted, asked of the channel; nothing where it has no quota of
    /// that kind, or does not say.
    async fn post_quota(&self, _now: Timestamp) -> Option<PostQuota> {
        None
    }

    /// Whether a tenant has a list of people of this name, without asking the channel;
    /// nothing where that is not known, or the channel's own matter.
    async fn has_list(&self, _tenant: &TenantId, _list: &str) -> Option<bool> {
        None
    }

    /// Why what is live can't be taken down from here, and what a person does instead;
    /// nothing where it can. Asked before anything is begun.
    fn cannot_withdraw(&self) -> Option<Text> {
        Some(withdraw::by_hand())
    }

    /// Takes down what the delivery's receipt names. It may be called again whatever
    /// came of it before: what is gone already is gone.
    async fn withdraw(&self, _call: &Call, _now: Timestamp) -> WithdrawOutcome {
        withdraw::refused(self.cannot_withdraw().unwrap_or_else(withdraw::by_hand))
    }

    /// Tries the credentials by calls that post nothing and cost nothing, each over
    /// within its deadline; never an error, since what is wrong is the answer.
    async fn check(&self, now: Timestamp) -> Checked;

    /// Whether the channel's address answers at all, whatever it says.
    async fn probe(&self) -> Result<(), ExchangeError>;
}
