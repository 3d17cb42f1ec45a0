//! What the engine asks the Ledger to write, and what the Ledger answers.
//!
//! Both are plain data: how they are written is each store's business, and one
//! suite of tests says what must be true of all of them.

use jiff::Timestamp;

use crate::attempt::{Attempt, Evidence};
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus};
use crate::distribution::{Distribution, DistributionStatus};
use crate::event::OutcomeDigest;
use crate::history::{HistoryEntry, Transition};
use crate::ids::{DistributionId, IdempotencyKey, Incarnation, TenantId};
use crate::spend::{Overspend, Spend};

/// One distribution's part of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A new one.
    Accept(Box<Acceptance>),
    /// A change of one that was accepted.
    Record(Box<Record>),
    /// What was heard too late to be recorded. Never refused.
    Evidence(Box<Evidence>),
}

impl Write {
    /// Which distribution.
    pub fn id(&self) -> DistributionId {
        match self {
            Self::Accept(acceptance) => acceptance.distribution.id,
            Self::Record(record) => record.id,
            Self::Evidence(evidence) => evidence.distribution,
        }
    }
}

/// A new distribution, its claims, its key and its first history entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// With the first intents. A delivery that holds a claim takes it: where
    /// another distribution holds it, the answer is [`Written::Held`], unless
    /// the request says `allowRepeat`, which takes it over.
    pub distribution: Distribution,
    /// Number 1.
    pub history: HistoryEntry,
    /// The client's name for the request, kept for 24 h.
    pub idempotency_key: Option<IdempotencyKey>,
    /// It is not to be accepted, only found out whether it repeats another, or would be
    /// refused: else the answer is [`Written::NotKnown`].
    pub only_if_known: bool,
    /// Who works on it; `None` where it is due later than a minute from now.
    pub owner: Option<Incarnation>,
    /// When something is due; `None` where only a person can go on.
    pub due_at: Option<Timestamp>,
    /// What its deliveries spend; beyond a cap, the answer is [`Written::OverSpent`].
    pub spends: Vec<Spend>,
}

/// What has changed in a distribution since its last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: DistributionId,
    /// Where the distribution stands now.
    pub status: DistributionStatus,
    /// When the latest published outcome came to rest; `None` while it moves.
    pub completed_at: Option<Timestamp>,
    /// Published outcomes, the one of this record included.
    pub version: u32,
    /// Of the outcome that was published last.
    pub published: Option<OutcomeDigest>,
    /// The rows that changed, whole.
    pub deliveries: Vec<Delivery>,
    /// Attempts that others have superseded.
    pub superseded: Vec<Attempt>,
    /// Refused ([`Written::Fenced`]) unless its number follows the last one and
    /// its token is the owner's.
    pub history: HistoryEntry,
    /// Put `version` into the outbox.
    pub publish: bool,
    /// A version was at rest and is about to change: keep, in its outbox row,
    /// what it said.
    pub freeze: Option<u32>,
    /// Who works on it from now on.
    pub owner: Option<Incarnation>,
    /// When something is due; `None` where only a person can go on.
    pub due_at: Option<Timestamp>,
    /// Whether anything may still happen.
    pub open: bool,
    /// What deliveries spend that it redrives; as in an acceptance.
    pub spends: Vec<Spend>,
}

/// What came of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Accepted. The other distributions of the same event, newest first, at
    /// most [`OTHERS_LIMIT`].
    Accepted {
        /// The other distributions of the same event.
        others: Vec<DistributionId>,
    },
    /// The same request was accepted before.
    Replayed {
        /// As this one.
        existing: DistributionId,
    },
    /// The same key was used for another request.
    KeyReused {
        /// For this one.
        existing: DistributionId,
    },
    /// Another request holds claims of this event.
    Held {
        /// Which claims, and by whom.
        holders: Vec<Holder>,
    },
    /// It is new, and was not to be accepted: nothing was written.
    NotKnown,
    /// It would go beyond what its tenant may spend.
    OverSpent {
        /// Where, and how far.
        over: Vec<Overspend>,
    },
    /// Changed.
    Recorded,
    /// The evidence of this attempt is kept.
    Noted {
        /// Of this channel.
        channel: Channel,
        /// Which generation.
        generation: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Refused: another node owns the distribution, or a write is missing.
    Fenced,
    /// Refused: something was to begin whose claim another distribution has taken over
    /// meanwhile ([`Record::begins`]).
    TakenOver,
}

impl Record {
    /// Whether the delivery begins by this, for the first time: only one that still holds
    /// its claim may. What has begun is not called off by a repeat.
    pub fn begins(&self, delivery: &Delivery) -> bool {
        let is_first = delivery.holds_claim && (delivery.generation, delivery.attempt) == (1, 1);
        let begun = |transition: &Transition| {
            transition.channel == Some(delivery.channel)
                && transition.to == DeliveryStatus::InProgress.name()
                && transition.attempt == Some(1)
        };
        is_first && self.history.transitions.iter().any(begun)
    }
}

/// Who holds a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Of this channel.
    pub channel: Channel,
    /// This distribution.
    pub distribution: DistributionId,
}

/// How many other distributions of an event are listed beside the newest.
pub const OTHERS_LIMIT: usize = 20;

/// A distribution that a node takes over, with the others of its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// As the database has it.
    pub distribution: Distribution,
    /// The other distributions of the same event, newest first.
    pub others: Vec<DistributionId>,
}
