//! What a person may ask of a distribution: that a failed channel is tried
//! again, what came of one whose outcome nobody knows, that what is live is taken
//! down (`withdraw.rs`), and that all of it is called off (`cancel.rs`). And what a
//! channel may: that it is asked for its news (`observe.rs`).
//!
//! The first three open a new generation, so that what is published tells them
//! apart.

use jiff::Timestamp;

use super::cancel::CallOff;
use super::commit::is_kept;
use super::door::Behind;
use super::message::{AskId, Command};
use super::planted::Bug;
use super::withdraw::Withdrawal;
use super::work::{Work, Writing};
use super::{Engine, Turn};
use crate::attempt::{Evidence, Proof};
use crate::cause;
use crate::channel::{Channel, ChannelState};
use crate::delivery::{Checkpoint, Delivery, DeliveryStatus, Phase};
use crate::distribution::Distribution;
use crate::ids::DistributionId;
use crate::receipt::Receipt;
use crate::spend::Overspend;
use crate::write::{Adopted, Holder};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A second chance for these channels; for all that failed or were called
    /// off where none is named.
    Retry {
        /// Each must have failed or been called off.
        channels: Vec<Channel>,
        /// Who asks, for the history; `None` where nobody knows.
        by: Option<String>,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// What came of a channel that is in review, was handed to a person, or waits while
    /// nobody knows what came of it.
    Resolve {
        /// Which.
        channel: Channel,
        /// What the person saw.
        verdict: Verdict,
        /// Who says so, for the history; `None` where nobody knows.
        by: Option<String>,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// What is live on a channel is to be taken down.
    Withdraw {
        /// Which.
        channel: Channel,
        /// Who asks, for the history; `None` where nobody knows.
        by: Option<String>,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// A channel has told unasked that there is news of what it took: it is asked soon.
    Observe {
        /// Which.
        channel: Channel,
    },
    /// Nothing of it is to begin any more.
    Cancel {
        /// Who asks, for the history; `None` where nobody knows.
        by: Option<String>,
        /// Why, in their words.
        reason: Option<String>,
    },
}

/// What a person saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is live, here; and how far that was made sure of.
    Live(Receipt),
    /// It is not; a redrive may send it again.
    NotLive,
}

/// What a person that asked is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskAnswer {
    /// Committed.
    Done,
    /// Nothing was changed.
    Refused(AskRefusal),
    /// Another distribution holds the claims that a redrive needs.
    Held(Vec<Holder>),
    /// A redrive would go beyond what the tenant may spend.
    OverSpent(Vec<Overspend>),
    /// Channels that a redrive would send to again are behind.
    Behind(Behind),
    /// Another node has it.
    Elsewhere,
    /// This node does not have it in memory: adopt it and ask again.
    NotHere,
}

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskRefusal {
    /// The request did not choose this channel.
    NotChosen(Channel),
    /// Something still moves: the answer may change by itself.
    Moves,
    /// No channel has failed or been called off.
    NothingToRetry,
    /// Only what failed or was called off is tried again.
    NotRetryable(Channel, DeliveryStatus),
    /// Only what is in review, waits for a person, or waits in doubt is resolved.
    NotInReview(Channel, DeliveryStatus),
    /// Only what is live is taken down.
    NothingLive(Channel, DeliveryStatus),
    /// All of it has come to its end: there is nothing to call off.
    AlreadyClosed,
    /// All that is open is in review: it was sent, and a person decides.
    InReview,
}

impl Ask {
    /// Why it would be refused as the distribution stands.
    pub fn refusal(&self, distribution: &Distribution) -> Option<AskRefusal> {
        match self {
            Self::Retry { channels, .. } => retry_refusal(channels, distribution),
            Self::Resolve { channel, .. } => {
                let Some(delivery) = distribution.delivery(*channel) else {
                    return Some(AskRefusal::NotChosen(*channel));
                };
                // What a breaker keeps from being looked up may be known to a person.
                let with_a_person = match delivery.status {
                    DeliveryStatus::NeedsReview | DeliveryStatus::ActionRequired => true,
                    DeliveryStatus::Waiting => delivery.is_in_doubt(),
                    _ => false,
                };
                (!with_a_person).then_some(AskRefusal::NotInReview(*channel, delivery.status))
            }
            Self::Withdraw { channel, .. } => Withdrawal::refusal(*channel, distribution),
            Self::Observe { .. } => None,
            Self::Cancel { .. } if CallOff::changes(distribution) || CallOff::stands(distribution) => None,
            Self::Cancel { .. } if CallOff::in_review(distribution) => Some(AskRefusal::InReview),
            Self::Cancel { .. } => Some(AskRefusal::AlreadyClosed),
        }
    }
}

impl Ask {
    /// Whether all of it was asked before, and nothing is left to write.
    fn is_done(&self, distribution: &Distribution) -> bool {
        match self {
            Self::Cancel { .. } => !CallOff::changes(distribution) && CallOff::stands(distribution),
            Self::Withdraw { channel, .. } => distribution.delivery(*channel).is_some_and(Withdrawal::is_asked),
            Self::Retry { .. } | Self::Resolve { .. } | Self::Observe { .. } => false,
        }
    }

    /// A write that is under way might be taken back together with it. What is
    /// called off is called off behind all but another person's write.
    fn waits_for(&self, writing: &Writing) -> bool {
        match self {
            Self::Retry { .. } | Self::Resolve { .. } => true,
            Self::Cancel { .. } | Self::Withdraw { .. } => !writing.asks.is_empty(),
            Self::Observe { .. } => false,
        }
    }
}

fn retry_refusal(channels: &[Channel], distribution: &Distribution) -> Option<AskRefusal> {
    for channel in channels {
        let Some(delivery) = distribution.delivery(*channel) else {
            return Some(AskRefusal::NotChosen(*channel));
        };
        if !is_retryable(delivery) {
            return Some(AskRefusal::NotRetryable(*channel, delivery.status));
        }
    }
    if distribution.moves() {
        return Some(AskRefusal::Moves);
    }
    let any = distribution.deliveries.iter().any(is_retryable);
    (!any).then_some(AskRefusal::NothingToRetry)
}

fn is_retryable(delivery: &Delivery) -> bool {
    delivery.status.came_to_nothing()
}

/// Where no channel is named, what was taken down stays so while others can be tried
/// again: who meant those did not mean it.
fn retried(work: &Work, channels: &[Channel]) -> impl Iterator<Item = Channel> {
    let deliveries = &work.distribution.deliveries;
    let others = deliveries.iter().any(|one| is_retryable(one) && !one.is_withdrawn());
    let chosen = move |delivery: &&Delivery| match channels {
        [] => !(others && delivery.is_withdrawn()),
        named => named.contains(&delivery.channel),
    };
    let retryable = deliveries.iter().filter(|delivery| is_retryable(delivery));
    retryable.filter(chosen).map(|delivery| delivery.channel)
}

/// What has become known meanwhile of the generation that a redrive would follow.
fn known(evidence: &[Evidence], delivery: &Delivery) -> Option<Receipt> {
    let own = evidence
        .iter()
        .filter(|one| one.channel == delivery.channel && one.generation == delivery.generation);
    let mut receipts = own.filter_map(|one| match &one.proof {
        Proof::Receipt(receipt) => Some(receipt.clone()),
        Proof::Checkpoint(_) => None,
    });
    receipts.next()
}

impl Engine {
    pub(super) fn asked(
        &mut self,
        (ask, id): (AskId, DistributionId),
        what: &Ask,
        adopted: Option<Box<Adopted>>,
        evidence: &[Evidence],
        turn: &mut Turn<'_>,
    ) {
        if let Some(adopted) = adopted {
            self.adopt(vec![*adopted], turn);
        }
        let answer = match self.works.get(&id) {
            None => AskAnswer::NotHere,
            // Nothing is written for it; what is being given up is another's to ask.
            Some(work) if let Ask::Observe { channel } = what => {
                if work.writing.as_ref().is_some_and(|writing| writing.release) {
                    AskAnswer::NotHere
                } else {
                    self.observe_soon(id, *channel, turn);
                    AskAnswer::Done
                }
            }
            Some(work) if work.writing.as_ref().is_some_and(|writing| what.waits_for(writing)) => {
                AskAnswer::Refused(AskRefusal::Moves)
            }
            // One write is signed by one person.
            Some(work) if !work.unwritten.asks.is_empty() => AskAnswer::Refused(AskRefusal::Moves),
            Some(work) if what.is_done(&work.distribution) => AskAnswer::Done,
            Some(work) => match (
                what.refusal(&work.distribution),
                self.behind_for(work, what, evidence, turn.now),
            ) {
                (Some(refusal), _) => AskAnswer::Refused(refusal),
                (None, Some(behind)) => AskAnswer::Behind(behind),
                (None, None) => return self.grant((ask, id), what, evidence, turn),
            },
        };
        self.drop_if_idle(id, turn);
        turn.commands.push(Command::AnswerAsk { ask, answer });
    }

    fn grant(&mut self, (ask, id): (AskId, DistributionId), what: &Ask, evidence: &[Evidence], turn: &mut Turn<'_>) {
        if let Some(work) = self.works.get_mut(&id) {
            work.unwritten.asks.push(ask);
            if let Ask::Retry { by, reason, .. }
            | Ask::Resolve { by, reason, .. }
            | Ask::Withdraw { by, reason, .. }
            | Ask::Cancel { by, reason } = what
            {
                work.unwritten.by.clone_from(by);
                work.unwritten.reason.clone_from(reason);
            }
            self.dirty.insert(id);
        }
        match what {
            Ask::Retry { channels, .. } => {
                for channel in self.to_retry(id, channels) {
                    self.redrive(id, channel, evidence, turn);
                }
            }
            Ask::Resolve { channel, verdict, .. } => self.resolve(id, *channel, verdict, turn),
            Ask::Withdraw { channel, .. } => self.withdraw(id, *channel, turn),
            Ask::Cancel { .. } => self.call_off(id, turn),
            Ask::Observe { .. } => {}
        }
    }

    fn to_retry(&self, id: DistributionId, channels: &[Channel]) -> Vec<Channel> {
        let work = self.works.get(&id);
        work.map(|work| retried(work, channels).collect()).unwrap_or_default()
    }

    /// A redrive adds to what waits, but where it is known by now that the channel took
    /// it; nothing else that is asked does.
    fn behind_for(&self, work: &Work, what: &Ask, evidence: &[Evidence], now: Timestamp) -> Option<Behind> {
        let is_sent = |channel: &Channel| {
            let delivery = work.distribution.delivery(*channel);
            delivery.is_some_and(|delivery| known(evidence, delivery).is_none())
        };
        match what {
            Ask::Retry { channels, .. } => {
                let sent = retried(work, channels).filter(is_sent);
                self.behind(&work.distribution.tenant, sent, now)
            }
            Ask::Resolve { .. } | Ask::Withdraw { .. } | Ask::Observe { .. } | Ask::Cancel { .. } => None,
        }
    }

    /// A new generation. Where it has become known meanwhile that the channel
    /// took the last one, that is the outcome, and nothing is sent.
    fn redrive(&mut self, id: DistributionId, channel: Channel, evidence: &[Evidence], turn: &mut Turn<'_>) {
        let Some(delivery) = self.works.get(&id).and_then(|work| work.distribution.delivery(channel)) else {
            return;
        };
        let known = known(evidence, delivery);
        let phase = delivery.phase;
        self.next_generation(id, channel, phase, turn);
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.holds_claim = true;
            delivery.redriven_at = Some(turn.now);
            // The ids of what was taken down or declined stay until there are others; how
            // far the proof of it went was the generation before's.
            if let Some(receipt) = &mut delivery.receipt {
                receipt.state = ChannelState::Accepted;
            }
        });
        work.transition(channel, DeliveryStatus::Pending, turn.now);
        if let Some(receipt) = known {
            work.transition(channel, DeliveryStatus::InProgress, turn.now);
            self.confirm(id, channel, receipt, turn);
        } else {
            work.unwritten.redriven[channel.index()] = !turn.planted.has(Bug::SpendForgotten);
            self.want(id, channel, turn.now);
        }
    }

    fn resolve(&mut self, id: DistributionId, channel: Channel, verdict: &Verdict, turn: &mut Turn<'_>) {
        self.end_hold(id, channel, turn);
        match verdict {
            Verdict::Live(receipt) => {
                let work = self.works.get(&id);
                let before = work.and_then(|work| work.distribution.delivery(channel)?.checkpoint.clone());
                self.next_generation(id, channel, Phase::Confirmed, turn);
                if let Some(work) = self.works.get_mut(&id) {
                    work.change(channel, |delivery| {
                        // Which files it was given stays noted.
                        delivery.checkpoint = before;
                        delivery.stand_at(Some(Checkpoint::of_person()));
                    });
                }
                self.confirm(id, channel, receipt.clone(), turn);
            }
            Verdict::NotLive => {
                self.next_generation(id, channel, Phase::Absent, turn);
                let Some(work) = self.works.get_mut(&id) else { return };
                work.change(channel, |delivery| {
                    delivery.phase = Phase::Absent;
                    delivery.failure = Some(cause::NOT_LIVE.failure());
                });
                work.transition(channel, DeliveryStatus::Failed, turn.now);
            }
        }
    }

    /// What was tried is kept among the attempts; nothing of the new generation
    /// has begun.
    pub(super) fn next_generation(&mut self, id: DistributionId, channel: Channel, phase: Phase, turn: &mut Turn<'_>) {
        self.supersede(id, channel, phase, turn.now);
        let Some(work) = self.works.get_mut(&id) else { return };
        work.change(channel, |delivery| {
            delivery.generation += 1;
            delivery.attempt = 0;
            delivery.phase = Phase::Planned;
            delivery.checkpoint = None;
            delivery.failure = None;
            delivery.next_attempt_at = None;
            delivery.called_off = false;
        });
    }

    /// What was taken over for a question that changed nothing, and has nothing
    /// else to do, leaves the memory again; where channels are to be asked later what
    /// became of it, it is written that it belongs to nobody until then.
    pub(super) fn drop_if_idle(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        if work.writing.is_some() || !work.unwritten.is_empty() {
            return;
        }
        if !work.distribution.open() {
            self.release(id);
        } else if !work.distribution.unfinished() && !is_kept(&work.distribution, turn) {
            // Any row, as it is: what matters is whose the distribution is.
            if let Some(channel) = work.distribution.deliveries.first().map(|first| first.channel) {
                work.change(channel, |_| {});
            }
            self.dirty.insert(id);
        }
    }
}
