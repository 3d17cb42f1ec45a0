//! One run of a channel's protocol: what its steps can come to, and what is
//! kept of a run that another one has superseded.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::delivery::{Checkpoint, Delivery, Failure, Phase};
use crate::ids::{DistributionId, Incarnation, TenantId};
use crate::receipt::Receipt;

/// What a step of a channel's protocol came to. The channel's client decides
/// this, once; nobody reads a status code after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// The step is done and another follows.
    Advanced {
        /// Where the protocol stands now.
        checkpoint: Checkpoint,
        /// Whether the next step makes something come to be that people can see
        /// or that costs money.
        next_has_effect: bool,
    },
    /// The same of a step in which this service did its own part and called nobody
    /// but, perhaps, the host of a medium: it says nothing of how the channel is.
    Prepared {
        /// Where the protocol stands now.
        checkpoint: Checkpoint,
        /// Whether the next step has an effect.
        next_has_effect: bool,
    },
    /// The channel is at work; ask again after this time.
    Pending {
        /// From now.
        poll_after: Duration,
    },
    /// How it stands could not be seen, and nothing has changed; ask again after
    /// this time. Unlike [`Self::Pending`] it does not say that the channel is well.
    PollFailed {
        /// From now.
        poll_after: Duration,
        /// What went wrong.
        why: Failure,
    },
    /// The channel took it.
    Confirmed(Receipt),
    /// A person must finish it.
    NeedsAction {
        /// What is to be done, and where.
        task: Failure,
        /// Not done by then, it has failed; `None` waits for as long as it takes.
        until: Option<Timestamp>,
    },
    /// It provably had no effect.
    Rejected {
        /// The channel's reason.
        failure: Failure,
        /// Whether another attempt can help.
        retry: Retry,
        /// Where another attempt goes on; `None` begins the protocol anew.
        checkpoint: Option<Checkpoint>,
    },
    /// The channel holds it back, and did nothing; the attempt is not spent.
    Deferred {
        /// When to try.
        until: Timestamp,
        /// Why.
        reason: Failure,
    },
    /// Nothing was done now; an attempt, some steps of which have been taken, goes on
    /// where it stands. Either this service did not call, or the channel holds back
    /// what is left.
    Held {
        /// When to call.
        until: Timestamp,
        /// Why.
        reason: Failure,
    },
    /// Something was sent, and what came of it is not known.
    Unknown(Failure),
}

/// Whether another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will be refused again.
    Never,
    /// After a backoff.
    Backoff,
    /// Not before this time has passed, in the channel's own words.
    After(Duration),
}

/// What a look-up after an unknown outcome came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUpOutcome {
    /// It is there.
    Found(Receipt),
    /// It is there, and the protocol goes on from here: one with several steps
    /// that have an effect.
    Advanced {
        /// Where the protocol stands now.
        checkpoint: Checkpoint,
        /// Whether the next step has an effect.
        next_has_effect: bool,
    },
    /// It is provably not there: it may be sent again.
    Absent {
        /// Where another attempt goes on; `None` begins the protocol anew.
        checkpoint: Option<Checkpoint>,
    },
    /// What is seen so far proves nothing yet; a later look can.
    Pending {
        /// What was seen, for that look.
        checkpoint: Checkpoint,
        /// From now.
        look_after: Duration,
    },
    /// The look-up itself failed, or said nothing.
    Unknown(Failure),
}

/// What a channel says later of what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// So it stands by now; as the receipt said before, or otherwise.
    Stands {
        /// The channel's proof.
        receipt: Receipt,
        /// What was seen, for the next look; `None` where nothing is kept of it.
        checkpoint: Option<Checkpoint>,
    },
    /// One part was looked at, of several that follow at once.
    Advanced {
        /// What was seen so far.
        checkpoint: Checkpoint,
    },
    /// It was taken, and has come to nothing since.
    Declined {
        /// Why, in the channel's words.
        failure: Failure,
        /// What was seen; `None` where nothing is kept of it.
        checkpoint: Option<Checkpoint>,
    },
    /// The look failed, and a later one may not.
    Unknown {
        /// Why.
        failure: Failure,
        /// Where the next look begins; `None` where nothing is kept of it.
        checkpoint: Option<Checkpoint>,
    },
    /// Nobody was asked: there is nothing by which this delivery could be asked about.
    Untold,
}

impl Observation {
    /// It failed, and nothing is kept of it.
    pub fn unknown(failure: Failure) -> Self {
        Self::Unknown {
            failure,
            checkpoint: None,
        }
    }
}

/// What a call came to by which something live is taken down. To repeat it is safe:
/// what is gone already is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawOutcome {
    /// It is not there any more, or was not there.
    Gone,
    /// The channel did not take it down, and it is live as before.
    Refused {
        /// The channel's reason.
        failure: Failure,
        /// Whether asking again can help.
        retry: Retry,
    },
    /// Whether it is gone is not known.
    Unknown(Failure),
}

/// How a channel avoids a duplicate where an outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    /// The channel knows our key: repeating the step is the look-up.
    Key {
        /// From the attempt's begin; after it the channel has forgotten the key,
        /// and is searched.
        window: Duration,
    },
    /// The channel can be searched; not before it has settled.
    LookUp {
        /// From the unknown outcome to the first look-up.
        settle: Duration,
    },
    /// Neither: a person decides. Where another life was interrupted, one look
    /// comes before that, when its calls are over: it may have been heard.
    None,
}

/// What the engine must know of a channel's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    /// Whether already the first step has an effect.
    pub first_step_has_effect: bool,
    /// How a duplicate is avoided.
    pub dedup: Dedup,
    /// The ages, of what the channel has accepted, at which it is asked what became of it;
    /// ascending. Empty where it says all when it takes it.
    pub observed_at: &'static [Duration],
}

impl Protocol {
    /// A mock's: its ids are made from the delivery's own, so that a repeat is
    /// the same, whenever it comes.
    pub const MOCK: Self = Self {
        first_step_has_effect: true,
        dedup: Dedup::Key { window: Duration::MAX },
        observed_at: &[],
    };
}

/// A channel's proof that came when the attempt was no longer this node's to
/// write: append-only, and never refused for its age. Look-ups and
/// redrives read it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
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
    /// What the channel gave.
    pub proof: Proof,
    /// When it was heard.
    pub at: Timestamp,
    /// By which node.
    pub token: Incarnation,
}

/// What an answer that came too late proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Proof {
    /// The channel took it.
    Receipt(Receipt),
    /// The protocol came this far: a look-up goes on from here.
    Checkpoint(Checkpoint),
}

/// An attempt that has been superseded; a row of `attempts`. The current one is
/// the delivery's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whose.
    pub channel: Channel,
    /// From 1.
    pub generation: u32,
    /// From 1 within the generation.
    pub attempt: u32,
    /// How it ended.
    pub phase: Phase,
    /// The reason, where it did not succeed.
    pub failure: Option<Failure>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` for the current one while it is open.
    pub ended_at: Option<Timestamp>,
}

impl Attempt {
    /// The delivery's current attempt; `None` before the first has begun.
    pub fn current(delivery: &Delivery) -> Option<Self> {
        Some(Self {
            channel: delivery.channel,
            generation: delivery.generation,
            attempt: delivery.attempt,
            phase: delivery.phase,
            failure: delivery.failure.clone(),
            started_at: delivery.attempt_started_at?,
            ended_at: (!delivery.phase.open()).then_some(delivery.updated_at),
        })
    }
}
