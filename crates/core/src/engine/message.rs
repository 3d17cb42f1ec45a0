//! What the engine is told and what it asks for: plain data both ways.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::ask::{Ask, AskAnswer};
use super::door::Behind;
use crate::attempt::{Evidence, LookUpOutcome, Observation, StepOutcome, WithdrawOutcome};
use crate::channel::{Channel, Mode};
use crate::delivery::{Delivery, Failure, Phase};
use crate::distribution::Distribution;
use crate::ids::{DistributionId, IdempotencyKey, TenantId};
use crate::request::CanonicalRequest;
use crate::resilience::breaker::{BreakerAction, BreakerState, BreakerView};
use crate::sending::{SendingAction, SendingScope};
use crate::spend::Overspend;
use crate::write::{Adopted, Holder, Write, Written};

/// A request that was checked and is to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDistribution {
    /// Whose.
    pub tenant: TenantId,
    /// What is asked.
    pub request: CanonicalRequest,
    /// Channels that cannot be served, and why; they are FAILED from the start.
    pub skipped: Vec<(Channel, Failure)>,
    /// How each channel is called, by [`Channel::index`].
    pub modes: [Mode; Channel::ALL.len()],
    /// The client's name for the request.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// What happened outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A client asks.
    Accept {
        /// The name that it gets.
        id: DistributionId,
        /// What it asks.
        new: Box<NewDistribution>,
    },
    /// A write was committed.
    Written {
        /// Whose.
        id: DistributionId,
        /// What the Ledger says.
        written: Written,
    },
    /// A commit failed; whether it took effect is not known.
    NotWritten {
        /// Whose.
        id: DistributionId,
    },
    /// A step has ended.
    Stepped {
        /// Whose, and of which attempt.
        reference: CallReference,
        /// What it came to.
        outcome: StepOutcome,
    },
    /// A look-up has ended.
    LookedUp {
        /// Whose, and of which attempt.
        reference: CallReference,
        /// What it came to.
        outcome: LookUpOutcome,
    },
    /// A call has ended by which something live is taken down.
    Withdrawn {
        /// Whose, and of which attempt.
        reference: CallReference,
        /// What it came to.
        outcome: WithdrawOutcome,
    },
    /// A call has ended by which a channel was asked what became of what it took.
    Observed {
        /// Whose, and of which attempt.
        reference: CallReference,
        /// What it came to.
        outcome: Observation,
    },
    /// Work was taken over from the database.
    Adopted(Vec<Adopted>),
    /// What the database has as this life's, and has been due for a while.
    Owned(Vec<(TenantId, DistributionId)>),
    /// A person asks something of a distribution.
    Asked {
        /// The name of the question, for its answer.
        ask: AskId,
        /// Which distribution.
        id: DistributionId,
        /// What is asked.
        what: Ask,
        /// As it was taken over for this, where the node did not have it.
        adopted: Option<Box<Adopted>>,
        /// What was heard of it beside its rows.
        evidence: Vec<Evidence>,
    },
    /// So many nodes are at work, this one among them: they share every quota.
    NodesCounted(NonZeroU32),
    /// An operator orders something of a channel's breaker.
    BreakerOrdered {
        /// Which.
        channel: Channel,
        /// What.
        action: BreakerAction,
    },
    /// An operator orders that sending stops or goes on.
    SendingOrdered {
        /// Whose.
        scope: SendingScope,
        /// What.
        action: SendingAction,
    },
}

/// One question of a person; unique within a node's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// To which attempt a call belongs; an answer to an older one is not taken for
/// an answer to this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReference {
    /// Whose data it is.
    pub tenant: TenantId,
    /// Which distribution.
    pub distribution: DistributionId,
    /// Which channel.
    pub channel: Channel,
    /// Which generation.
    pub generation: u32,
    /// Which attempt.
    pub attempt: u32,
    /// Whether the call may have an effect, so that its answer is evidence.
    pub may_have_effect: bool,
    /// Which call of this engine's: an answer that comes twice is taken once.
    pub number: u64,
}

/// A call to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// From 1, unique within an engine's life.
    pub number: u64,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Which distribution.
    pub distribution: DistributionId,
    /// What was asked.
    pub request: Arc<CanonicalRequest>,
    /// As it is committed, with the checkpoint to go on from.
    pub delivery: Delivery,
    /// The files that channels of this distribution are given, and those that were looked
    /// at when it was accepted: each address, and the SHA-256 of what lay there.
    pub files: Vec<(String, String)>,
}

impl Call {
    /// What lay at this address when the request was accepted, or what another channel, or
    /// this one before, was given of it, where it was never this.
    pub fn other_file(&self, url: &str, sha256: &str) -> Option<&str> {
        let mut given = self.files.iter().filter(|(known, _)| known == url);
        let first = given.next()?;
        let is_known = first.1 == sha256 || given.any(|(_, known)| known == sha256);
        (!is_known).then_some(&*first.1)
    }

    /// By which its answer is known.
    pub fn reference(&self) -> CallReference {
        CallReference {
            number: self.number,
            tenant: self.tenant.clone(),
            may_have_effect: self.delivery.phase != Phase::Planned,
            distribution: self.distribution,
            channel: self.delivery.channel,
            generation: self.delivery.generation,
            attempt: self.delivery.attempt,
        }
    }
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Commit; answered by `Written` or `NotWritten`.
    Write(Write),
    /// Run the next step of the channel's protocol; answered by `Stepped`.
    Step(Call),
    /// Find out whether an unknown step took effect; answered by `LookedUp`.
    LookUp(Call),
    /// Take down what is live; answered by `Withdrawn`.
    Withdraw(Call),
    /// Ask what became of what the channel took; answered by `Observed`.
    Observe(Call),
    /// Answer the client that asked.
    Answer {
        /// The name that its request was given.
        id: DistributionId,
        /// What to say.
        answer: Answer,
    },
    /// Committed: something moves. A status that was cached for its event no
    /// longer holds.
    Moves {
        /// As it is committed.
        distribution: Arc<Distribution>,
        /// The other distributions of the same event, newest first.
        others: Arc<[DistributionId]>,
    },
    /// Committed: nothing moves. Cache its status, then tell who waits.
    Rests {
        /// As it is committed.
        distribution: Arc<Distribution>,
        /// The other distributions of the same event, newest first.
        others: Arc<[DistributionId]>,
    },
    /// Dropped from memory, although the database may have it as this node's:
    /// take it over again.
    Forgotten {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: DistributionId,
    },
    /// The node no longer owns it; what it still hears is evidence.
    Lost(DistributionId),
    /// Answer the person that asked.
    AnswerAsk {
        /// Which question.
        ask: AskId,
        /// What to say.
        answer: AskAnswer,
    },
    /// A breaker stands otherwise than before. Calls that this engine asked for earlier
    /// were permitted.
    BreakerChanged {
        /// Of which channel.
        channel: Channel,
        /// Of this tenant's account there; `None` for the channel's own.
        account: Option<TenantId>,
        /// Where it stood.
        from: BreakerState,
        /// Where it stands.
        to: BreakerView,
    },
    /// What was stopped goes on: take over what waits for it and belongs to nobody.
    SendingResumed,
}

/// What a client that asked is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Accepted and committed, under this name.
    Accepted(DistributionId),
    /// The same was accepted before.
    Replayed(DistributionId),
    /// The same key was used for another request.
    KeyReused(DistributionId),
    /// Another request holds claims.
    Held(Vec<Holder>),
    /// It would go beyond what its tenant may spend.
    OverSpent(Vec<Overspend>),
    /// Too much is in flight.
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// Channels that it names are behind.
    Behind(Behind),
    /// The database could not write it; nothing is known to be accepted.
    Unavailable {
        /// When to come back.
        retry_after: Duration,
    },
}
