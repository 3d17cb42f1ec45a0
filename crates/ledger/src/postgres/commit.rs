//! A batch of writes, in one transaction and few statements.
//!
//! A round reads at once all that its writes depend on, decides in memory, one
//! write after the other, and writes at once what was decided. A write that
//! depends on what an earlier one of the same round changes waits for the next
//! round: so each is answered as if it had come alone. What other nodes write
//! in between shows itself by a row that is not as it had been or by a key that
//! is taken: then the whole batch is done again (`pool.rs`).

use std::collections::HashSet;

use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, TenantId};
use fanfare_core::notice::Subscription;
use fanfare_core::spend::Spend;
use fanfare_core::write::{Write, Written};

use super::accept::{self, Released};
use super::deliveries;
use super::error::SqlError;
use super::record::{self, Change};
use super::rows::{self, Rows};
use super::seen::{Seen, SeenOf};
use super::session::Session;
use super::{evidence, history, keys, notices, outbox, spending};

/// Writes all of it and answers each write, in order.
pub(super) async fn commit(
    session: &Session,
    batch: &[Write],
    subscriptions: &[Subscription],
) -> Result<Vec<Written>, SqlError> {
    let mut answers: Vec<Option<Written>> = vec![None; batch.len()];
    let mut open: Vec<usize> = (0..batch.len()).collect();
    let mut begin = true;
    while !open.is_empty() {
        let seen = Seen::read(session, batch, &open, begin).await?;
        begin = false;
        let (plan, waiting) = decide(batch, &open, &seen, &mut answers);
        let told = notices::of_changed(&plan.changed, subscriptions)?;
        let mut statements = plan.statements()?;
        statements.extend(notices::insert(&told));
        rows::write(session, &statements, waiting.is_empty()).await?;
        open = waiting;
    }
    let answers: Option<Vec<Written>> = answers.into_iter().collect();
    answers.ok_or(SqlError::Conflict("a write without an answer"))
}

/// What a round writes.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) released: Vec<Released<'a>>,
    pub(super) accepted: Vec<&'a fanfare_core::write::Acceptance>,
    pub(super) changed: Vec<Change<'a>>,
    pub(super) evidence: Vec<&'a fanfare_core::attempt::Evidence>,
}

/// What one write may have to do with another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Touched<'a> {
    Distribution(DistributionId),
    /// Its claims and its list of distributions.
    Event(&'a TenantId, &'a EventId),
    Key(&'a TenantId, &'a IdempotencyKey),
    /// What is left of a cap.
    Cap(&'a TenantId, Channel),
}

/// Decides those that depend on nothing that is about to change; says which wait.
pub(super) fn decide<'a>(
    batch: &'a [Write],
    open: &[usize],
    seen: &'a Seen,
    answers: &mut [Option<Written>],
) -> (Plan<'a>, Vec<usize>) {
    let mut plan = Plan::default();
    let mut waiting = Vec::new();
    let mut dirty = HashSet::new();
    for &number in open {
        let (write, of) = (&batch[number], seen.of(number));
        let touched = touched(write, of);
        if touched.iter().any(|touched| dirty.contains(touched)) {
            dirty.extend(touched);
            waiting.push(number);
            continue;
        }
        let (answer, changes) = decide_one(write, of, &mut plan);
        if changes {
            dirty.extend(touched);
        }
        answers[number] = Some(answer);
    }
    (plan, waiting)
}

/// The answer, and whether anything changes by it.
fn decide_one<'a>(write: &'a Write, seen: &'a SeenOf, plan: &mut Plan<'a>) -> (Written, bool) {
    match (write, seen) {
        (Write::Accept(acceptance), SeenOf::Acceptance(seen)) => accept::decide(acceptance, seen, plan),
        (Write::Record(record), SeenOf::Record(seen)) => record::decide(record, seen, plan),
        (Write::Evidence(evidence), _) => {
            plan.evidence.push(evidence);
            (evidence::noted(evidence), false)
        }
        // Nothing was seen of it.
        (Write::Accept(_) | Write::Record(_), _) => (Written::Fenced, false),
    }
}

fn touched<'a>(write: &'a Write, seen: &'a SeenOf) -> Vec<Touched<'a>> {
    let mut touched = vec![Touched::Distribution(write.id())];
    match (write, seen) {
        (Write::Accept(acceptance), _) => {
            let distribution = &acceptance.distribution;
            touched.push(Touched::Event(&distribution.tenant, &distribution.event_id));
            let key = acceptance.idempotency_key.as_ref();
            touched.extend(key.map(|key| Touched::Key(&distribution.tenant, key)));
            touched.extend(caps(&distribution.tenant, &acceptance.spends));
        }
        (Write::Record(record), SeenOf::Record(seen)) if record::touches_claims(record) => {
            touched.extend(seen.event.as_ref().map(|event| Touched::Event(&record.tenant, event)));
            touched.extend(caps(&record.tenant, &record.spends));
        }
        (Write::Record(_) | Write::Evidence(_), _) => {}
    }
    touched
}

fn caps<'a>(tenant: &'a TenantId, spends: &'a [Spend]) -> impl Iterator<Item = Touched<'a>> {
    let capped = spends.iter().filter(|spend| spend.cap.limits());
    capped.map(|spend| Touched::Cap(tenant, spend.channel))
}

impl Plan<'_> {
    /// In an order in which each finds what it refers to; of the rows of a
    /// statement, in the order of their keys, so that nodes do not wait for
    /// each other in a circle.
    pub(super) fn statements(&self) -> Result<Vec<Rows<'_>>, SqlError> {
        let mut statements = Vec::new();
        if !self.released.is_empty() {
            statements.push(accept::release(&self.released));
        }
        if !self.accepted.is_empty() {
            statements.push(accept::insert(&self.accepted));
            statements.push(deliveries::insert(&self.accepted)?);
            statements.extend(keys::insert(&self.accepted));
        }
        if !self.changed.is_empty() {
            statements.extend(outbox::freeze(&self.changed)?);
            statements.extend(outbox::insert(&self.changed));
            statements.push(record::update(&self.changed));
            statements.extend(deliveries::update(&self.changed)?);
            statements.extend(record::insert_attempts(&self.changed)?);
        }
        statements.extend(spending::insert(self));
        statements.extend(history::insert(&self.accepted, &self.changed)?);
        statements.extend(evidence::insert(&self.evidence)?);
        Ok(statements)
    }
}
