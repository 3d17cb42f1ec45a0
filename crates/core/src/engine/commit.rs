//! What is written when, and what follows a commit.
//!
//! At most one write of a distribution is under way; what is decided meanwhile
//! goes into the next one. A call is made when the intent that it needs is
//! committed, and nobody is told anything that is not.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::ask::AskAnswer;
use super::door::told;
use super::message::{Answer, AskId, Command};
use super::planted::Bug;
use super::work::{CallKind, Changes, PlannedCall, Unaccepted, Work, Writing};
use super::{Alarm, Engine, HOLD_LIMIT, Turn};
use crate::delivery::{Delivery, DeliveryStatus};
use crate::distribution::{Distribution, DistributionStatus};
use crate::event::publication;
use crate::history::{HistoryEntry, Transition};
use crate::ids::{DistributionId, IdempotencyKey, Incarnation};
use crate::resilience::retry::later;
use crate::spend::SpendCaps;
use crate::write::{Acceptance, Record, Write, Written};

/// Who is named in the history for what the engine decides.
const ENGINE: &str = "engine";

/// And for what a person asked for.
const PERSON: &str = "person";

/// What a client is told to wait where the database could not write.
const UNAVAILABLE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Between a failed commit and the next try of the same write.
const WRITE_AGAIN_AFTER: Duration = Duration::from_millis(200);

impl Engine {
    /// Writes what is decided, if nothing of it is being written already.
    pub(super) fn assemble(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let token = self.token;
        let Some(work) = self.works.get_mut(&id) else { return };
        if work.writing.is_some() || work.unwritten.is_empty() {
            return;
        }
        let mut changes = std::mem::take(&mut work.unwritten);
        if changes.transitions.is_empty() && changes.changed == Changes::default().changed {
            // Only calls, and nothing that they need is uncommitted.
            return self.make_calls(id, changes.calls, turn);
        }
        if turn.planted.has(Bug::CallBeforeCommit) {
            let early = std::mem::take(&mut changes.calls);
            self.make_calls(id, early, turn);
        }
        let Some(work) = self.works.get_mut(&id) else { return };
        let write = match work.unaccepted.take() {
            Some(Unaccepted { idempotency_key }) => {
                let caps = &self.settings.spend_caps;
                Write::Accept(Box::new(acceptance(
                    work,
                    idempotency_key,
                    changes,
                    (token, caps),
                    turn,
                )))
            }
            None => Write::Record(Box::new(record(
                work,
                changes,
                (token, &self.settings.spend_caps),
                turn,
            ))),
        };
        if turn.planted.has(Bug::ToldBeforeCommit)
            && let Some(writing) = &work.writing
        {
            let (distribution, others) = (Arc::clone(&writing.snapshot), Arc::clone(&work.others));
            turn.commands.push(Command::Moves { distribution, others });
        }
        turn.commands.push(Command::Write(write));
    }

    pub(super) fn written(&mut self, id: DistributionId, written: Written, turn: &mut Turn<'_>) {
        if let Written::Noted {
            channel,
            generation,
            attempt,
        } = written
        {
            return self.noted(id, (channel, generation, attempt));
        }
        if let Some(refusal) = self.turned_away.remove(&id) {
            return turn.commands.push(told(id, written, refusal));
        }
        let Some(writing) = self.works.get_mut(&id).and_then(|work| work.writing.take()) else {
            return;
        };
        match written {
            Written::Accepted { others } => {
                self.take_claims_over(&writing.snapshot, &others, turn);
                if let Some(work) = self.works.get_mut(&id) {
                    work.others = Arc::from(others);
                }
                self.committed(id, writing, turn);
                turn.commands.push(Command::Answer {
                    id,
                    answer: Answer::Accepted(id),
                });
            }
            Written::Recorded => self.committed(id, writing, turn),
            Written::Replayed { existing } => self.refuse(id, writing, Answer::Replayed(existing), turn),
            Written::KeyReused { existing } => self.refuse(id, writing, Answer::KeyReused(existing), turn),
            Written::Held { holders } if !writing.asks.is_empty() => {
                self.take_back(id, writing, &AskAnswer::Held(holders), turn);
            }
            Written::OverSpent { over } if !writing.asks.is_empty() => {
                self.take_back(id, writing, &AskAnswer::OverSpent(over), turn);
            }
            Written::OverSpent { over } => self.refuse(id, writing, Answer::OverSpent(over), turn),
            Written::Held { holders } => self.refuse(id, writing, Answer::Held(holders), turn),
            Written::Fenced if turn.planted.has(Bug::FencedIgnored) => self.committed(id, writing, turn),
            Written::Fenced => {
                answer_asks(&writing.asks, &AskAnswer::Elsewhere, turn);
                self.lose(id, writing.calls, turn);
            }
            Written::TakenOver => {
                let tenant = writing.snapshot.tenant.clone();
                answer_asks(&writing.asks, &AskAnswer::NotHere, turn);
                self.forget(id, writing.calls, turn);
                turn.commands.push(Command::Forgotten { tenant, id });
            }
            // Answered above: it is not the write that was under way.
            Written::Noted { .. } | Written::NotKnown => {}
        }
    }

    /// A commit failed. A client is told so; what was accepted is written again.
    pub(super) fn not_written(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        self.evidence_not_written(id, turn);
        if self.turned_away.remove(&id).is_some() {
            let answer = Answer::Unavailable {
                retry_after: UNAVAILABLE_RETRY_AFTER,
            };
            return turn.commands.push(Command::Answer { id, answer });
        }
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(writing) = work.writing.as_mut() else { return };
        if writing.record.is_some() {
            writing.failures += 1;
            let wait = WRITE_AGAIN_AFTER.saturating_mul(writing.failures.min(25));
            self.timers.insert((later(turn.now, wait), id, Alarm::Write));
        } else if let Some(writing) = work.writing.take() {
            let answer = Answer::Unavailable {
                retry_after: UNAVAILABLE_RETRY_AFTER,
            };
            let tenant = writing.snapshot.tenant.clone();
            self.refuse(id, writing, answer, turn);
            turn.commands.push(Command::Forgotten { tenant, id });
        }
    }

    pub(super) fn write_again(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let writing = self.works.get(&id).and_then(|work| work.writing.as_ref());
        if let Some(record) = writing.and_then(|writing| writing.record.clone()) {
            turn.commands.push(Command::Write(Write::Record(record)));
        }
    }

    /// What follows a commit: who waits is told, calls are made, and the next
    /// write is assembled.
    fn committed(&mut self, id: DistributionId, writing: Writing, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let (distribution, others) = (writing.snapshot, Arc::clone(&work.others));
        turn.commands.push(if distribution.moves() {
            Command::Moves { distribution, others }
        } else {
            Command::Rests { distribution, others }
        });
        self.make_calls(id, writing.calls, turn);
        answer_asks(&writing.asks, &AskAnswer::Done, turn);
        let Some(work) = self.works.get_mut(&id) else { return };
        let taken_again = std::mem::take(&mut work.taken_again);
        if !writing.release {
            self.dirty.insert(id);
        } else if work.unwritten.is_empty() && !taken_again {
            self.release(id);
        } else {
            self.give_up(id, turn);
        }
    }

    /// Another life has written to it. If this one has taken it over since, it is
    /// this one's to go on with, from what stands in the database.
    fn lose(&mut self, id: DistributionId, unmade: Vec<PlannedCall>, turn: &mut Turn<'_>) {
        let taken = self.works.get(&id).filter(|work| work.taken_again);
        let tenant = taken.map(|work| work.distribution.tenant.clone());
        self.forget(id, unmade, turn);
        turn.commands.push(match tenant {
            Some(tenant) => Command::Forgotten { tenant, id },
            None => Command::Lost(id),
        });
    }

    /// It belongs to nobody now, and more was decided meanwhile: that would be
    /// refused. Or this life has taken it over since. It is read anew.
    fn give_up(&mut self, id: DistributionId, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let tenant = work.distribution.tenant.clone();
        answer_asks(&std::mem::take(&mut work.unwritten.asks), &AskAnswer::NotHere, turn);
        self.forget(id, Vec::new(), turn);
        turn.commands.push(Command::Forgotten { tenant, id });
    }

    /// A redrive is taken back: the database has the rows as they were.
    fn take_back(&mut self, id: DistributionId, writing: Writing, answer: &AskAnswer, turn: &mut Turn<'_>) {
        answer_asks(&writing.asks, answer, turn);
        let tenant = writing.snapshot.tenant.clone();
        self.forget(id, writing.calls, turn);
        turn.commands.push(Command::Forgotten { tenant, id });
    }

    /// The request was not accepted: its places in the lanes are free.
    fn refuse(&mut self, id: DistributionId, writing: Writing, answer: Answer, turn: &mut Turn<'_>) {
        self.forget(id, writing.calls, turn);
        turn.commands.push(Command::Answer { id, answer });
    }

    /// Drops a distribution, and the places that its unmade calls hold.
    fn forget(&mut self, id: DistributionId, unmade: Vec<PlannedCall>, turn: &mut Turn<'_>) {
        let Some(work) = self.release(id) else { return };
        // What a person asked behind the write is not written either.
        answer_asks(&work.unwritten.asks, &AskAnswer::Elsewhere, turn);
        let tenant = &work.distribution.tenant;
        for call in unmade.into_iter().chain(work.unwritten.calls) {
            self.lanes[call.channel.index()].release(tenant);
            self.return_leave(call.channel, tenant, call.leave, turn);
        }
    }

    /// Makes the calls whose intent is committed, those that the breaker still
    /// permits.
    fn make_calls(&mut self, id: DistributionId, calls: Vec<PlannedCall>, turn: &mut Turn<'_>) {
        let Some(tenant) = self.works.get(&id).map(|work| work.distribution.tenant.clone()) else {
            return;
        };
        for PlannedCall { channel, kind, leave } in calls {
            let leave = match self.confirm_leave(channel, &tenant, leave, turn) {
                Ok(leave) => leave,
                Err(denied) => {
                    self.lanes[channel.index()].release(&tenant);
                    self.hold(id, channel, denied, turn);
                    continue;
                }
            };
            self.calls += 1;
            let number = self.calls;
            let Some(call) = self.works.get_mut(&id).and_then(|work| work.call(channel, number)) else {
                continue;
            };
            self.lanes[channel.index()].call(number, leave);
            turn.commands.push(match kind {
                CallKind::Step => Command::Step(call),
                CallKind::LookUp => Command::LookUp(call),
                CallKind::Withdraw => Command::Withdraw(call),
                CallKind::Observe => Command::Observe(call),
            });
        }
    }

    /// Takes a distribution and its timers out of memory.
    pub(super) fn release(&mut self, id: DistributionId) -> Option<Work> {
        let work = self.works.remove(&id)?;
        for delivery in &work.distribution.deliveries {
            self.lanes[delivery.channel.index()].forget(&work.distribution.tenant, id);
            if let Some(at) = delivery.due_at() {
                self.timers.remove(&(at, id, Alarm::Delivery(delivery.channel)));
            }
        }
        Some(work)
    }
}

fn answer_asks(asks: &[AskId], answer: &AskAnswer, turn: &mut Turn<'_>) {
    let answers = asks.iter().map(|ask| Command::AnswerAsk {
        ask: *ask,
        answer: answer.clone(),
    });
    turn.commands.extend(answers);
}

pub(super) fn acceptance(
    work: &mut Work,
    idempotency_key: Option<IdempotencyKey>,
    mut changes: Changes,
    (token, caps): (Incarnation, &SpendCaps),
    turn: &mut Turn<'_>,
) -> Acceptance {
    settle(&mut work.distribution, &mut changes, turn);
    let history = history(&mut work.distribution, &mut changes, token, turn);
    let kept = is_kept(&work.distribution, turn);
    let acceptance = Acceptance {
        distribution: work.distribution.clone(),
        history,
        idempotency_key,
        only_if_known: false,
        owner: kept.then_some(token),
        due_at: work.distribution.due_at(turn.now),
        spends: caps.spends(&work.distribution, |delivery| !delivery.status.closed(), turn.now),
    };
    work.writing = Some(Writing {
        snapshot: Arc::new(work.distribution.clone()),
        calls: changes.calls,
        asks: changes.asks,
        record: None,
        failures: 0,
        release: !kept,
    });
    acceptance
}

fn record(
    work: &mut Work,
    mut changes: Changes,
    (token, caps): (Incarnation, &SpendCaps),
    turn: &mut Turn<'_>,
) -> Record {
    let redriven = changes.redriven;
    let distribution = &mut work.distribution;
    let version_before = distribution.version;
    let publish = settle(distribution, &mut changes, turn);
    let history = history(distribution, &mut changes, token, turn);
    let kept = is_kept(distribution, turn);
    let is_changed = |delivery: &&Delivery| changes.changed[delivery.channel.index()];
    let record = Record {
        tenant: distribution.tenant.clone(),
        id: distribution.id,
        status: distribution.status,
        completed_at: distribution.completed_at,
        version: distribution.version,
        published: distribution.published.clone(),
        deliveries: distribution.deliveries.iter().filter(is_changed).cloned().collect(),
        superseded: changes.superseded,
        history,
        publish,
        freeze: Some(version_before).filter(|version| *version > 0),
        owner: kept.then_some(token),
        due_at: distribution.due_at(turn.now),
        open: distribution.open(),
        spends: caps.spends(distribution, |delivery| redriven[delivery.channel.index()], turn.now),
    };
    work.writing = Some(Writing {
        snapshot: Arc::new(distribution.clone()),
        calls: changes.calls,
        asks: changes.asks,
        record: Some(Box::new(record.clone())),
        failures: 0,
        release: !kept,
    });
    record
}

/// Brings the distribution's status, and its published outcome, up to its
/// deliveries; says whether there is an outcome to publish.
fn settle(distribution: &mut Distribution, changes: &mut Changes, turn: &mut Turn<'_>) -> bool {
    let status = DistributionStatus::of(&distribution.deliveries);
    if status != distribution.status && !turn.planted.has(Bug::StatusForgotten) {
        changes
            .transitions
            .push(Transition::of_distribution(Some(distribution.status), status));
        distribution.status = status;
    }
    let digest = publication(distribution);
    let publish = digest.is_some();
    if let Some(digest) = digest {
        distribution.version += if turn.planted.has(Bug::VersionSkipped) { 2 } else { 1 };
        distribution.published = Some(digest);
        distribution.completed_at = Some(turn.now);
    } else if distribution.moves() {
        distribution.completed_at = None;
    } else if distribution.version > 0 {
        // It moved, and came to rest with the outcome that is published already.
        distribution.completed_at = distribution.completed_at.or(Some(turn.now));
    }
    publish
}

fn history(
    distribution: &mut Distribution,
    changes: &mut Changes,
    token: Incarnation,
    turn: &mut Turn<'_>,
) -> HistoryEntry {
    distribution.history_number += if turn.planted.has(Bug::HistorySkipped) { 2 } else { 1 };
    let actor = if changes.asks.is_empty() { ENGINE } else { PERSON };
    HistoryEntry {
        number: distribution.history_number,
        at: turn.now,
        actor: changes.by.take().map_or(Cow::Borrowed(actor), Cow::Owned),
        reason: changes.reason.take(),
        token,
        transitions: std::mem::take(&mut changes.transitions),
    }
}

/// Whether this node keeps it: something moves, or is due soon.
pub(super) fn is_kept(distribution: &Distribution, turn: &mut Turn<'_>) -> bool {
    let soon = later(turn.now, HOLD_LIMIT);
    distribution.due_at(turn.now).is_some_and(|due| due <= soon)
        || distribution
            .deliveries
            .iter()
            .any(|delivery| delivery.status == DeliveryStatus::InProgress)
}
