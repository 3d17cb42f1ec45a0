//! What the writes of a round depend on, read at once.
//!
//! Each row says by its first column to which write it belongs: the write's
//! place in the batch.

use std::collections::HashMap;

use fanfare_core::channel::Channel;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::request::RequestHash;
use fanfare_core::spend::{Spend, Spent};
use fanfare_core::write::{Acceptance, Record, Write};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::ask::{CLAIMS, KEYS, KNOWN, OTHERS, Of, RELEASED, STORED, WRITTEN, of_accepts, of_records, place};
use super::error::SqlError;
use super::row::{Columns, big, int};
use super::rows::{Rows, columns};
use super::session::{Session, call};
use super::spending::{self, SPENT};
use super::{read, record};

/// What was seen for the writes of a round.
pub(super) struct Seen(HashMap<usize, SeenOf>);

/// What was seen for one write.
pub(super) enum SeenOf {
    Acceptance(SeenAcceptance),
    Record(SeenRecord),
    Nothing,
}

/// What an acceptance depends on.
#[derive(Default)]
pub(super) struct SeenAcceptance {
    /// It was accepted before.
    pub(super) known: bool,
    /// The others of its event, newest first.
    pub(super) others: Vec<DistributionId>,
    /// Who holds claims of its event.
    pub(super) claims: Vec<Claim>,
    /// What its key stands for.
    pub(super) key: Option<KnownKey>,
    /// What others have spent where it has a cap.
    pub(super) spent: HashMap<Channel, Spent>,
}

/// A claim that is held.
pub(super) struct Claim {
    pub(super) channel: Channel,
    pub(super) distribution: DistributionId,
    pub(super) hash: RequestHash,
}

/// A key that is known.
pub(super) struct KnownKey {
    pub(super) hash: RequestHash,
    pub(super) existing: DistributionId,
    pub(super) accepted_at: Timestamp,
}

/// What a record depends on.
#[derive(Default)]
pub(super) struct SeenRecord {
    /// Of what event its distribution is; `None` where there is none.
    pub(super) event: Option<EventId>,
    /// It follows, and its token is the owner's.
    pub(super) next: bool,
    /// It was written before.
    pub(super) written: bool,
    /// Its deliveries whose claim was released, with their generation.
    pub(super) released: HashMap<Channel, u32>,
    /// Those that go on without it: another distribution has taken it over.
    pub(super) taken_over: Vec<Channel>,
    /// Who holds claims of its event.
    pub(super) claims: Vec<Claim>,
    /// What others have spent where it has a cap.
    pub(super) spent: HashMap<Channel, Spent>,
    /// What the version to be frozen says, while it is the current one.
    pub(super) said: Option<DistributionCompleted>,
}

impl Seen {
    /// Reads it; the first round of a batch begins the transaction with it.
    pub(super) async fn read(
        session: &Session,
        batch: &[Write],
        open: &[usize],
        begin: bool,
    ) -> Result<Self, SqlError> {
        let mut seen = Self(
            open.iter()
                .map(|number| (*number, nothing_of(&batch[*number])))
                .collect(),
        );
        let accepts: Vec<Of<'_, Acceptance>> = open.iter().filter_map(|n| accept_of(*n, batch)).collect();
        let records: Vec<Of<'_, Record>> = open.iter().filter_map(|n| record_of(*n, batch)).collect();
        seen.read_first(session, &accepts, &records, begin).await?;
        let late: Vec<_> = records.iter().filter(|of| !seen.is_next(of.number)).collect();
        if !late.is_empty() {
            seen.read_written(session, &late).await?;
        }
        let deep = |of: &&Of<'_, Record>| seen.is_next(of.number) && record::looks_back(of.write);
        let deep: Vec<_> = records.iter().filter(deep).collect();
        if !deep.is_empty() {
            seen.read_before(session, &deep).await?;
        }
        Ok(seen)
    }

    pub(super) fn of(&self, number: usize) -> &SeenOf {
        self.0.get(&number).unwrap_or(&SeenOf::Nothing)
    }

    fn is_next(&self, number: usize) -> bool {
        matches!(self.of(number), SeenOf::Record(seen) if seen.next)
    }

    /// What every write needs.
    async fn read_first(
        &mut self,
        session: &Session,
        accepts: &[Of<'_, Acceptance>],
        records: &[Of<'_, Record>],
        begin: bool,
    ) -> Result<(), SqlError> {
        let mut reads = of_accepts(accepts);
        let spends = accepts.iter().flat_map(|of| {
            let own = &of.write.distribution;
            spends(of.number, (&own.tenant, own.id), &of.write.spends)
        });
        reads.extend(spending::questions(&spends.collect::<Vec<_>>()));
        reads.extend(of_records(records));
        let mut calls = Vec::new();
        if begin {
            calls.push(call("BEGIN", &[]));
        }
        calls.extend(reads.iter().map(Rows::call));
        let mut found = session.query_all(&calls).await?.into_iter().skip(usize::from(begin));
        for read in &reads {
            for row in found.next().unwrap_or_default() {
                self.take(read.sql, &row)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, sql: &str, row: &Row) -> Result<(), SqlError> {
        let table = "distribution_logs";
        let columns = Columns { table, row };
        match (sql, self.entry(&columns)?) {
            (KNOWN, SeenOf::Acceptance(seen)) => seen.known = true,
            (OTHERS, SeenOf::Acceptance(seen)) => seen.others.push(DistributionId(columns.uuid(1)?)),
            (CLAIMS, SeenOf::Acceptance(seen)) => seen.claims.push(claim(&columns)?),
            (CLAIMS, SeenOf::Record(seen)) => seen.claims.push(claim(&columns)?),
            (KEYS, SeenOf::Acceptance(seen)) => seen.key = Some(known_key(&columns)?),
            (STORED, SeenOf::Record(seen)) => {
                seen.event = Some(EventId::new(columns.get::<&str>(1)?));
                seen.next = columns.get(2)?;
            }
            (SPENT, SeenOf::Acceptance(SeenAcceptance { spent, .. }) | SeenOf::Record(SeenRecord { spent, .. })) => {
                spent.extend([spending::spent(row)?]);
            }
            (WRITTEN, SeenOf::Record(seen)) => seen.written = true,
            (RELEASED, SeenOf::Record(seen)) => {
                let channel = columns.word(1, Channel::from_name)?;
                if columns.get(3)? {
                    seen.released.insert(channel, columns.number(2)?);
                } else {
                    seen.taken_over.push(channel);
                }
            }
            _ => return Err(columns.unreadable(0)),
        }
        Ok(())
    }

    fn entry(&mut self, columns: &Columns<'_>) -> Result<&mut SeenOf, SqlError> {
        let number: usize = columns.number(0)?;
        self.0.get_mut(&number).ok_or_else(|| columns.unreadable(0))
    }

    /// Whether those that do not follow were written before.
    async fn read_written(&mut self, session: &Session, records: &[&Of<'_, Record>]) -> Result<(), SqlError> {
        let read = Rows {
            sql: WRITTEN,
            columns: columns!(records, of => [
                place(of.number),
                of.write.tenant.as_str(),
                of.write.id.0,
                int(of.write.history.number),
                big(of.write.history.token.0),
            ]),
        };
        self.read_all(session, &[read]).await
    }

    /// What those need that look at what was there before.
    async fn read_before(&mut self, session: &Session, records: &[&Of<'_, Record>]) -> Result<(), SqlError> {
        let event = |number: usize| match self.of(number) {
            SeenOf::Record(seen) => seen.event.as_ref().map(|event| event.as_str().to_owned()),
            SeenOf::Acceptance(_) | SeenOf::Nothing => None,
        };
        let claims = Rows {
            sql: CLAIMS,
            columns: columns!(records, of => [place(of.number), of.write.tenant.as_str(), event(of.number)]),
        };
        let released = Rows {
            sql: RELEASED,
            columns: columns!(records, of => [place(of.number), of.write.tenant.as_str(), of.write.id.0]),
        };
        let spends = records
            .iter()
            .flat_map(|of| spends(of.number, (&of.write.tenant, of.write.id), &of.write.spends));
        let mut reads = vec![claims, released];
        reads.extend(spending::questions(&spends.collect::<Vec<_>>()));
        self.read_all(session, &reads).await?;
        let frozen: Vec<_> = records.iter().filter(|of| of.write.freeze.is_some()).collect();
        let keys: Vec<(&TenantId, DistributionId)> = frozen.iter().map(|of| (&of.write.tenant, of.write.id)).collect();
        let mut whole = read::whole(session, &keys).await?;
        for of in frozen {
            let current = whole
                .remove(&of.write.id)
                .filter(|d| Some(d.version) == of.write.freeze);
            if let Some(SeenOf::Record(seen)) = self.0.get_mut(&of.number) {
                seen.said = current.as_ref().and_then(DistributionCompleted::of);
            }
        }
        Ok(())
    }

    async fn read_all(&mut self, session: &Session, reads: &[Rows<'_>]) -> Result<(), SqlError> {
        let calls: Vec<_> = reads.iter().map(Rows::call).collect();
        let found = session.query_all(&calls).await?;
        for (read, rows) in reads.iter().zip(&found) {
            for row in rows {
                self.take(read.sql, row)?;
            }
        }
        Ok(())
    }
}

fn spends<'a>(
    number: usize,
    (tenant, own): (&'a TenantId, DistributionId),
    spends: &'a [Spend],
) -> impl Iterator<Item = spending::Of<'a>> {
    let number = place(number);
    spends.iter().map(move |spend| spending::Of {
        number,
        tenant,
        own,
        spend,
    })
}

fn nothing_of(write: &Write) -> SeenOf {
    match write {
        Write::Accept(_) => SeenOf::Acceptance(SeenAcceptance::default()),
        Write::Record(_) => SeenOf::Record(SeenRecord::default()),
        Write::Evidence(_) => SeenOf::Nothing,
    }
}

fn accept_of(number: usize, batch: &[Write]) -> Option<Of<'_, Acceptance>> {
    match &batch[number] {
        Write::Accept(write) => Some(Of { number, write }),
        Write::Record(_) | Write::Evidence(_) => None,
    }
}

fn record_of(number: usize, batch: &[Write]) -> Option<Of<'_, Record>> {
    match &batch[number] {
        Write::Record(write) => Some(Of { number, write }),
        Write::Accept(_) | Write::Evidence(_) => None,
    }
}

fn claim(columns: &Columns<'_>) -> Result<Claim, SqlError> {
    Ok(Claim {
        channel: columns.word(1, Channel::from_name)?,
        distribution: DistributionId(columns.uuid(2)?),
        hash: RequestHash(columns.hash(3)?),
    })
}

fn known_key(columns: &Columns<'_>) -> Result<KnownKey, SqlError> {
    Ok(KnownKey {
        hash: RequestHash(columns.hash(1)?),
        existing: DistributionId(columns.uuid(2)?),
        accepted_at: columns.get(3)?,
    })
}
