//! One distribution in memory: what is decided, and what of it is still to be
//! committed. At most one write of it is under way.

use std::sync::Arc;

use jiff::Timestamp;

use super::breaker::Leave;
use super::message::{AskId, Call};
use crate::attempt::Attempt;
use crate::channel::Channel;
use crate::delivery::{Checkpoint, Delivery, DeliveryStatus};
use crate::distribution::Distribution;
use crate::history::Transition;
use crate::ids::{DistributionId, IdempotencyKey};
use crate::write::Record;

#[derive(Debug)]
pub(super) struct Work {
    /// As it is decided, ahead of the database by what is below.
    pub(super) distribution: Distribution,
    /// The other distributions of the same event.
    pub(super) others: Arc<[DistributionId]>,
    /// Not yet on its way to the database.
    pub(super) unaccepted: Option<Unaccepted>,
    /// Decided since the last write was assembled.
    pub(super) unwritten: Changes,
    /// The write that is under way.
    pub(super) writing: Option<Writing>,
    /// The call that is under way, by [`Channel::index`].
    pub(super) calling: [Option<u64>; Channel::ALL.len()],
    /// Look-ups since an outcome became unknown, by [`Channel::index`].
    pub(super) look_ups: [u32; Channel::ALL.len()],
    /// The channel has told that there is news, while it could not be asked, by
    /// [`Channel::index`].
    pub(super) has_news: [bool; Channel::ALL.len()],
    /// Taken over although it is here: what stands in the database may be newer. If
    /// the next write gives it up, or is refused, it is read anew.
    pub(super) taken_again: bool,
}

/// What the acceptance needs beside the distribution.
#[derive(Debug)]
pub(super) struct Unaccepted {
    pub(super) idempotency_key: Option<IdempotencyKey>,
}

/// What was decided and is not yet on its way to the database.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) transitions: Vec<Transition>,
    pub(super) changed: [bool; Channel::ALL.len()],
    pub(super) superseded: Vec<Attempt>,
    /// To be made once all this is committed.
    pub(super) calls: Vec<PlannedCall>,
    /// Questions of people that this answers, once it is committed.
    pub(super) asks: Vec<AskId>,
    /// Of a redrive: what is sent again, and spends again, by [`Channel::index`].
    pub(super) redriven: [bool; Channel::ALL.len()],
    /// Who asked, where that is known.
    pub(super) by: Option<String>,
    /// Why, in their words.
    pub(super) reason: Option<String>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.calls.is_empty() && self.changed == [false; Channel::ALL.len()]
    }
}

/// A write that is under way, and what follows it.
#[derive(Debug)]
pub(super) struct Writing {
    /// What the database will hold.
    pub(super) snapshot: Arc<Distribution>,
    /// To be made once it is committed.
    pub(super) calls: Vec<PlannedCall>,
    /// Questions of people that it answers.
    pub(super) asks: Vec<AskId>,
    /// To be given again if the commit fails; `None` for an acceptance, whose
    /// client is told instead.
    pub(super) record: Option<Box<Record>>,
    /// Commits that failed so far.
    pub(super) failures: u32,
    /// Nothing more to do for this node.
    pub(super) release: bool,
}

/// A call that waits for its intent to be committed.
#[derive(Debug)]
pub(super) struct PlannedCall {
    pub(super) channel: Channel,
    pub(super) kind: CallKind,
    /// The breakers' leave for it.
    pub(super) leave: Leave,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    Step,
    LookUp,
    Withdraw,
    Observe,
}

impl Work {
    pub(super) fn new(distribution: Distribution) -> Self {
        Self {
            distribution,
            others: Arc::default(),
            unaccepted: None,
            unwritten: Changes::default(),
            writing: None,
            calling: [None; Channel::ALL.len()],
            look_ups: [0; Channel::ALL.len()],
            has_news: [false; Channel::ALL.len()],
            taken_again: false,
        }
    }

    /// Changes a delivery's status and notes it for the next write.
    pub(super) fn transition(&mut self, channel: Channel, to: DeliveryStatus, now: Timestamp) {
        let Some(delivery) = self.distribution.delivery_mut(channel) else {
            return;
        };
        match delivery.transition(to, now) {
            Ok(transition) => self.unwritten.transitions.push(transition),
            // The engine decides by the status that it sees, so this is a fault
            // of its own; the deterministic simulation fails on it.
            Err(illegal) => debug_assert!(false, "{illegal}"),
        }
        self.unwritten.changed[channel.index()] = true;
    }

    /// Notes that whom a delivery waits for is told once more.
    pub(super) fn remind(&mut self, channel: Channel, now: Timestamp) {
        let Some(delivery) = self.distribution.delivery_mut(channel) else {
            return;
        };
        delivery.updated_at = now;
        let told = Transition::of_delivery(delivery, Some(delivery.status));
        self.unwritten.transitions.push(told);
        self.unwritten.changed[channel.index()] = true;
        self.unwritten.reason = Some("reminder".to_owned());
    }

    /// Changes a delivery without changing its status.
    pub(super) fn change(&mut self, channel: Channel, change: impl FnOnce(&mut Delivery)) {
        if let Some(delivery) = self.distribution.delivery_mut(channel) {
            change(delivery);
            self.unwritten.changed[channel.index()] = true;
        }
    }

    /// Whether a call to this channel is out, or planned: the next one waits for
    /// its answer.
    pub(super) fn calls(&self, channel: Channel) -> bool {
        let written = self.writing.iter().flat_map(|writing| &writing.calls);
        let mut planned = self.unwritten.calls.iter().chain(written);
        self.calling[channel.index()].is_some() || planned.any(|call| call.channel == channel)
    }

    /// The call of that number; from now on only its answer counts.
    pub(super) fn call(&mut self, channel: Channel, number: u64) -> Option<Call> {
        self.calling[channel.index()] = Some(number);
        let distribution = &self.distribution;
        // What came to nothing was never shown: it binds nobody.
        let shown = distribution
            .deliveries
            .iter()
            .filter(|known| !known.status.came_to_nothing());
        let checkpoints = shown.filter_map(|known| known.checkpoint.as_ref());
        let given = checkpoints.flat_map(Checkpoint::files);
        let accepted = distribution.request.files.iter();
        let accepted = accepted.map(|(url, sha256)| (url.as_str(), sha256.as_str()));
        let files = accepted.chain(given);
        let files = files.map(|(url, sha256)| (url.to_owned(), sha256.to_owned()));
        Some(Call {
            files: files.collect(),
            number,
            tenant: distribution.tenant.clone(),
            distribution: distribution.id,
            request: Arc::clone(&distribution.request),
            delivery: distribution.delivery(channel)?.clone(),
        })
    }
}
