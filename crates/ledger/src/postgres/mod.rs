//! Distributions kept in `PostgreSQL` (13 and later): the store that several
//! nodes share.
//!
//! A few connections commit, each one batch at a time (`commit.rs`), one keeps
//! the node's life (`lives.rs`), the others do everything else. A connection
//! that was lost is made anew by whoever needs it next. Who may write what is
//! decided by the owner of a distribution, and the tables' own triggers hold
//! everybody to it (`schema.sql`). Encryption at rest and copies elsewhere are
//! not here.

mod accept;
mod adopt;
mod api_keys;
mod ask;
mod breaker_orders;
mod commit;
mod credentials;
mod delete;
mod deliveries;
mod error;
mod evidence;
mod failed;
mod history;
mod keys;
mod list;
mod lives;
mod meter;
mod migrate;
mod notice_endpoints;
mod notices;
mod open_work;
mod outbox;
mod partitions;
mod pool;
mod read;
mod record;
mod relay;
mod row;
mod rows;
mod seen;
mod sending_orders;
mod session;
mod settings;
mod spending;
mod tls;
mod transitions;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use fanfare_core::attempt::{Attempt, Evidence};
use fanfare_core::distribution::Distribution;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::write::{Adopted, Write, Written};
use jiff::Timestamp;

pub use self::meter::{PostgresCounters, PostgresMeter, StatementCounters};
use self::outbox::Settled;
use self::pool::Pool;
use self::session::Dialer;
pub use self::settings::PostgresSettings;
use self::tls::Tls;
use crate::notices::Subscribers;
use crate::store::{Filter, JournalEntry, Store, StoreError};

/// So many keys are forgotten at once; commits go on in between.
const EXPIRE_AT_ONCE: u64 = 1000;

/// So many distributions are deleted at once; commits go on in between.
const DELETE_AT_ONCE: usize = 100;

/// So many statements of a transaction may take all of their time.
const SLOW_STATEMENTS: u32 = 3;

/// The store. Connections are made as they are needed.
pub struct PostgresStore {
    settings: PostgresSettings,
    /// They commit.
    writers: Pool,
    /// It keeps the node's life, whatever the others are busy with.
    life: Pool,
    others: Pool,
    settled: Arc<Settled>,
    /// Who is told notices.
    subscribers: Subscribers,
    /// Whether the indices of what is to be relayed are known to be there.
    relays: AtomicBool,
}

impl PostgresStore {
    /// Reaches the database and brings its tables to this program's schema, or
    /// refuses it.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where it can never work: the URL, the password,
    /// the certificate, or tables that are not ours or too new. They are then
    /// left as they were. [`StoreError::Database`] where waiting can help.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let store = Self::reach(settings)?;
        let schema = settings.schema.clone();
        let tables = store.life.run("make its tables", move |session| {
            let schema = schema.clone();
            Box::pin(async move { migrate::bring_up(session, &schema).await })
        });
        tables.await?;
        Ok(store)
    }

    /// Reaches a database whose tables have this program's schema, for who must not
    /// alter them.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`], and [`StoreError::Unusable`] where the tables are
    /// missing or of an earlier schema.
    pub async fn connect_as_it_is(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let store = Self::reach(settings)?;
        let schema = settings.schema.clone();
        let tables = store.life.run("look at its tables", move |session| {
            let schema = schema.clone();
            Box::pin(async move { migrate::require(session, &schema).await })
        });
        tables.await?;
        Ok(store)
    }

    fn reach(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let target = settings::target(settings)?;
        let tls = Tls::new(&target.verify)?;
        let dialer = Dialer::new(target, tls, settings.clone());
        // A life has no time for more than one statement's time-out.
        let (short, long) = (settings.statement_timeout, settings.statement_timeout * SLOW_STATEMENTS);
        let life = Pool::new(dialer.clone(), 1, short);
        Ok(Self {
            settings: settings.clone(),
            writers: Pool::new(dialer.planning_once(), settings.writers, long),
            life,
            others: Pool::new(dialer, settings.readers, long),
            settled: Arc::default(),
            subscribers: Subscribers::default(),
            relays: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn writers(&self) -> usize {
        self.settings.writers
    }

    /// By the database's clock.
    async fn begin_incarnation(&self, _now: Timestamp) -> Result<Incarnation, StoreError> {
        let begin = self.life.run("begin a life", |session| Box::pin(lives::begin(session)));
        begin.await
    }

    async fn renew(&self, token: Incarnation) -> Result<Option<NonZeroU32>, StoreError> {
        let renew = self
            .life
            .run("renew a life", move |session| Box::pin(lives::renew(session, token)));
        renew.await
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let tell = self.life.run("tell the time", |session| Box::pin(lives::time(session)));
        tell.await.map(Some)
    }

    async fn end_incarnation(&self, token: Incarnation) -> Result<(), StoreError> {
        let end = self
            .life
            .run("end a life", move |session| Box::pin(lives::end(session, token)));
        end.await
    }

    async fn commit(&self, batch: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let batch = Arc::new((batch, self.subscribers.get()));
        let commit = self.writers.run("commit", move |session| {
            let batch = Arc::clone(&batch);
            Box::pin(async move { commit::commit(session, &batch.0, &batch.1).await })
        });
        commit.await
    }

    async fn adopt(&self, token: Incarnation, due_by: Timestamp, limit: usize) -> Result<Vec<Adopted>, StoreError> {
        let lease = self.settings.lease;
        let adopt = self.others.run("adopt open work", move |session| {
            Box::pin(adopt::adopt(session, token, lease, due_by, limit))
        });
        adopt.await
    }

    async fn owned(
        &self,
        token: Incarnation,
        due_by: Timestamp,
        limit: usize,
    ) -> Result<Vec<(TenantId, DistributionId)>, StoreError> {
        let owned = self.others.run("look for own work", move |session| {
            Box::pin(adopt::owned(session, token, due_by, limit))
        });
        owned.await
    }

    async fn adopt_one(
        &self,
        token: Incarnation,
        tenant: &TenantId,
        id: DistributionId,
    ) -> Result<Option<Adopted>, StoreError> {
        let tenant = tenant.clone();
        let adopt = self.others.run("adopt a distribution", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move { adopt::adopt_one(session, token, &tenant, id).await })
        });
        adopt.await
    }

    async fn expire_keys(&self, accepted_before: Timestamp) -> Result<u64, StoreError> {
        let mut expired = 0;
        loop {
            let step = self.others.run("forget old keys", move |session| {
                Box::pin(keys::expire(session, accepted_before, EXPIRE_AT_ONCE))
            });
            let count = step.await?;
            expired += count;
            if count < EXPIRE_AT_ONCE {
                return Ok(expired);
            }
        }
    }

    async fn delete_closed(
        &self,
        accepted_before: Timestamp,
        unpublished_stay: bool,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let (mut deleted, mut after) = (0, String::new());
        while deleted < limit {
            let last = after.clone();
            let next = self.others.run("find tenants", move |session| {
                let last = last.clone();
                Box::pin(async move { delete::tenant_after(session, &last).await })
            });
            let Some(tenant) = next.await? else { break };
            tenant.as_str().clone_into(&mut after);
            while deleted < limit {
                let (tenant, at_most) = (tenant.clone(), DELETE_AT_ONCE.min(limit - deleted));
                let step = self.others.run("delete closed distributions", move |session| {
                    let tenant = tenant.clone();
                    let stay = unpublished_stay;
                    Box::pin(
                        async move { delete::delete_closed(session, &tenant, accepted_before, stay, at_most).await },
                    )
                });
                let count = step.await?;
                deleted += count;
                if count < at_most {
                    break;
                }
            }
        }
        Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
    }

    async fn history_numbers(
        &self,
        ids: &[(TenantId, DistributionId)],
    ) -> Result<Vec<(DistributionId, u32)>, StoreError> {
        let ids = ids.to_vec();
        let read = self.others.run("see how far histories are", move |session| {
            let ids = ids.clone();
            Box::pin(async move { read::history_numbers(session, &ids).await })
        });
        read.await
    }

    async fn distribution(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Distribution>, StoreError> {
        let tenant = tenant.clone();
        let read = self.others.run("read a distribution", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move { read::distribution(session, &tenant, id).await })
        });
        read.await
    }

    async fn distribution_of_key(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        accepted_after: Timestamp,
    ) -> Result<Option<Distribution>, StoreError> {
        let (tenant, key) = (tenant.clone(), key.clone());
        let read = self.others.run("read what a key stands for", move |session| {
            let (tenant, key) = (tenant.clone(), key.clone());
            Box::pin(async move {
                match keys::distribution(session, &tenant, &key, accepted_after).await? {
                    Some(id) => read::distribution(session, &tenant, id).await,
                    None => Ok(None),
                }
            })
        });
        read.await
    }

    async fn newest_of_event(&self, tenant: &TenantId, event: &EventId) -> Result<Option<Adopted>, StoreError> {
        let (tenant, event) = (tenant.clone(), event.clone());
        let read = self.others.run("read an event's distributions", move |session| {
            let (tenant, event) = (tenant.clone(), event.clone());
            Box::pin(async move { read::newest_of_event(session, &tenant, &event).await })
        });
        read.await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        before: Option<DistributionId>,
        limit: usize,
    ) -> Result<Vec<Distribution>, StoreError> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        let read = self.others.run("list distributions", move |session| {
            let (tenant, filter) = (tenant.clone(), filter.clone());
            Box::pin(async move { list::list(session, &tenant, &filter, before, limit).await })
        });
        read.await
    }

    async fn attempts(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<Attempt>>, StoreError> {
        let tenant = tenant.clone();
        let read = self.others.run("read attempts", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move { read::attempts(session, &tenant, id).await })
        });
        read.await
    }

    async fn evidence(&self, tenant: &TenantId, id: DistributionId) -> Result<Vec<Evidence>, StoreError> {
        let tenant = tenant.clone();
        let read = self.others.run("read evidence", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move { evidence::of_distribution(session, &tenant, id).await })
        });
        read.await
    }

    async fn history(&self, tenant: &TenantId, id: DistributionId) -> Result<Option<Vec<HistoryEntry>>, StoreError> {
        let tenant = tenant.clone();
        let read = self.others.run("read a history", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move { read::history(session, &tenant, id).await })
        });
        read.await
    }

    async fn events(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let (tenant, settled) = (tenant.clone(), Arc::clone(&self.settled));
        let read = self.others.run("read the journal", move |session| {
            let (tenant, settled) = (tenant.clone(), Arc::clone(&settled));
            Box::pin(async move { outbox::entries(session, &settled, &tenant, after, limit).await })
        });
        read.await
    }

    /// Really writes, in a connection that commits.
    async fn ping(&self) -> Result<(), StoreError> {
        let probe = self.writers.run("see whether it can be written", |session| {
            Box::pin(async move {
                session
                    .execute("UPDATE meta SET value = value WHERE key = 'min_compatible'", &[])
                    .await?;
                Ok(())
            })
        });
        probe.await
    }
}
