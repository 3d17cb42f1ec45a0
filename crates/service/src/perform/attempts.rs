//! What a commit says of attempts: which ended and how, how long the others had
//! waited when they began. Each that ended is counted, and is one line of the
//! log, once that is committed.
//!
//! A line says nothing of a request's content, and of a channel's words only its
//! code. Deliberately absent: calls, of which an attempt may need several
//! (`call_counts.rs`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use fanfare_core::attempt::Attempt;
use fanfare_core::cause;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::{Delivery, DeliveryStatus, Failure};
use fanfare_core::distribution::Distribution;
use fanfare_core::history::Transition;
use fanfare_core::ids::DistributionId;
use fanfare_core::write::{Record, Write};
use jiff::Timestamp;

use super::attempt_counts::AttemptCounts;

/// The log's target, so that these lines can be filtered by themselves.
const TARGET: &str = "fanfare::attempt";

/// Attempts as commits tell of them.
pub(super) struct Attempts {
    counts: AttemptCounts,
    /// What is on its way to the database; at most one write of a distribution is.
    writing: HashMap<DistributionId, Said>,
}

/// What one write says.
#[derive(Debug, Default, PartialEq)]
struct Said {
    /// The number of its history entry.
    number: u32,
    came_to: Vec<(Channel, DeliveryStatus)>,
    ended: Vec<Ended>,
    /// The first outcome is published.
    first_outcome: bool,
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq)]
struct Ended {
    channel: Channel,
    mode: Mode,
    generation: u32,
    attempt: u32,
    /// What the delivery came to.
    outcome: DeliveryStatus,
    code: Option<Cow<'static, str>>,
    /// The channel's own code.
    channel_code: Option<String>,
    /// Unknown where it was held back.
    took: Option<Duration>,
    next_attempt_at: Option<Timestamp>,
}

impl Attempts {
    pub(super) fn register() -> Self {
        Self {
            counts: AttemptCounts::register(),
            writing: HashMap::new(),
        }
    }

    /// It goes to the database; one that is given again says the same.
    pub(super) fn writes(&mut self, write: &Write) {
        let said = match write {
            Write::Accept(acceptance) => Said {
                number: acceptance.history.number,
                came_to: came_to(&acceptance.history.transitions),
                ..Said::default()
            },
            Write::Record(record) => said_by(record),
            Write::Evidence(_) => return,
        };
        if said.ended.is_empty() && said.came_to.is_empty() && !said.first_outcome {
            return;
        }
        self.writing.insert(write.id(), said);
    }

    /// It is committed, and stood so before, where that is known.
    pub(super) fn committed(&mut self, distribution: &Distribution, before: Option<&Distribution>) {
        for (channel, waited) in waits(before, distribution) {
            self.counts.waited(channel, waited);
        }
        let Some(said) = self.writing.remove(&distribution.id) else {
            return;
        };
        if said.number != distribution.history_number {
            return;
        }
        for (channel, status) in said.came_to {
            self.counts.came_to(channel, status);
        }
        for ended in &said.ended {
            let code = ended.code.as_deref();
            self.counts.ended(ended.channel, ended.outcome, code, ended.took);
            log(distribution, ended);
        }
        if said.first_outcome
            && let Some(completed_at) = distribution.completed_at
        {
            let took = between(distribution.due_since(), completed_at);
            self.counts.outcome(distribution.status, took);
        }
    }

    /// It was not accepted, or is another node's.
    pub(super) fn forget(&mut self, id: DistributionId) {
        self.writing.remove(&id);
    }

    /// Nothing that is on its way is this node's any more.
    pub(super) fn forget_all(&mut self) {
        self.writing.clear();
    }
}

fn log(distribution: &Distribution, ended: &Ended) {
    tracing::info!(
        target: TARGET,
        {
            distribution.id = %distribution.id,
            distribution.event_id = distribution.event_id.as_str(),
            tenant = distribution.tenant.as_str(),
            channel = ended.channel.name(),
            mode = ended.mode.name(),
            generation = ended.generation,
            attempt = ended.attempt,
            outcome = ended.outcome.name(),
            code = ended.code.as_deref(),
            channel_code = ended.channel_code.as_deref(),
            latency_ms = ended.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            next_attempt_at = ended.next_attempt_at.map(tracing::field::display),
        },
        "an attempt has ended"
    );
}

fn said_by(record: &Record) -> Said {
    let transitions = &record.history.transitions;
    Said {
        number: record.history.number,
        came_to: came_to(transitions),
        ended: transitions
            .iter()
            .filter_map(|transition| ended(record, transition))
            .collect(),
        first_outcome: record.publish && record.version == 1,
    }
}

/// Where deliveries came to stand that do not move; those that stood so already, for
/// something else or for longer, have not come to it again.
fn came_to(transitions: &[Transition]) -> Vec<(Channel, DeliveryStatus)> {
    let of_delivery = |transition: &Transition| {
        let status = DeliveryStatus::from_name(&transition.to)?;
        Some((transition.channel?, status)).filter(|_| !status.moves() && !transition.stays())
    };
    transitions.iter().filter_map(of_delivery).collect()
}

/// The attempt that a transition ends; one that a breaker holds back between two
/// calls goes on. None was made where the outcome of the generation before was only
/// looked up: its number is 0.
fn ended(record: &Record, transition: &Transition) -> Option<Ended> {
    let channel = transition.channel?;
    // What is live is called only to be taken down.
    let called = [DeliveryStatus::InProgress, DeliveryStatus::Success].map(DeliveryStatus::name);
    if !called.contains(&transition.from.as_deref().unwrap_or_default()) {
        return None;
    }
    let outcome = DeliveryStatus::from_name(&transition.to)?;
    let (generation, number) = (transition.generation?, transition.attempt.unwrap_or(0));
    let row = record.deliveries.iter().find(|row| row.channel == channel)?;
    if transition.stays() && outcome == DeliveryStatus::Success && !row.is_withdrawing() && !row.has_stayed() {
        // The channel's later word is of the same attempt, which has ended.
        return None;
    }
    let is_it =
        |attempt: &&Attempt| (attempt.channel, attempt.generation, attempt.attempt) == (channel, generation, number);
    let superseded = record.superseded.iter().find(is_it);
    let stands = Some(row).filter(|row| row.status == outcome && row.generation == generation);
    let waits = superseded.is_none() && outcome == DeliveryStatus::Waiting;
    if waits && stands.is_some_and(Delivery::is_in_course) {
        return None;
    }
    // What is held back is not spent: the row has counted it off again.
    let attempt = if waits { number + 1 } else { number };
    if attempt == 0 {
        return None;
    }
    let (begun, until, failure) = course(superseded, stands);
    Some(Ended {
        channel,
        mode: row.mode,
        generation,
        attempt,
        outcome,
        code: transition.code.clone(),
        channel_code: failure.and_then(channel_code),
        took: begun.zip(until).map(|(begun, until)| between(begun, until)),
        next_attempt_at: stands.and_then(|row| row.next_attempt_at),
    })
}

/// When an attempt began and ended, and why it did not succeed; the delivery's row
/// is the attempt, until another one follows.
fn course<'a>(
    superseded: Option<&'a Attempt>,
    row: Option<&'a Delivery>,
) -> (Option<Timestamp>, Option<Timestamp>, Option<&'a Failure>) {
    match (superseded, row) {
        (Some(attempt), _) => (Some(attempt.started_at), attempt.ended_at, attempt.failure.as_ref()),
        (None, Some(row)) => (row.attempt_started_at, Some(row.updated_at), failure_of(row)),
        (None, None) => (None, None, None),
    }
}

fn failure_of(row: &Delivery) -> Option<&Failure> {
    row.failure.as_ref().filter(|_| row.status != DeliveryStatus::Success)
}

/// The code with which a channel's words begin: an HTTP status or its own number,
/// `502` or `190/463`. As many digits as are struck from a
/// channel's words (seven) could be part of somebody's telephone number.
fn channel_code(failure: &Failure) -> Option<String> {
    const LONGEST: usize = 6;
    let said = failure.channel_said.as_deref()?;
    let code = said.split_whitespace().next()?;
    let is_number = |part: &str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        (1..=LONGEST).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_code = code.split('/').count() <= 2 && code.split('/').all(is_number);
    is_code.then(|| code.to_owned())
}

/// How long each attempt that has begun since then had been due.
fn waits(before: Option<&Distribution>, now: &Distribution) -> impl Iterator<Item = (Channel, Duration)> {
    let begun = now
        .deliveries
        .iter()
        .filter(|one| one.status == DeliveryStatus::InProgress);
    begun.filter_map(move |delivery| {
        let begun_at = delivery.attempt_started_at?;
        let due = match before {
            None if now.history_number == 1 => now.due_since(),
            // It was not in flight here: since when it has been due is not known.
            None => return None,
            Some(before) => due_at(before, before.delivery(delivery.channel)?, delivery)?,
        };
        Some((delivery.channel, between(due, begun_at)))
    })
}

/// When the attempt was due that has begun since; `None` where none has, or it is
/// not known.
fn due_at(before: &Distribution, was: &Delivery, is: &Delivery) -> Option<Timestamp> {
    match was.status {
        DeliveryStatus::Pending => Some(was.updated_at.max(before.due_since())),
        // Between two calls of an attempt it was held back, and goes on.
        DeliveryStatus::Waiting if was.attempt_started_at == is.attempt_started_at => None,
        DeliveryStatus::Waiting if asks_again(was) => None,
        DeliveryStatus::Retrying | DeliveryStatus::Waiting => was.next_attempt_at,
        _ => None,
    }
}

/// Its time is only when it asks again: it waits for somebody, or for its turn in a
/// channel's quota.
fn asks_again(delivery: &Delivery) -> bool {
    delivery.is_held() || delivery.waits_for(cause::RATE_LIMITED.code)
}

/// Clocks differ and may be set back: never less than nothing.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
#[path = "attempts/tests.rs"]
mod tests;
