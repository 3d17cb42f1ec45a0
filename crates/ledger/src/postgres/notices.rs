//! Notices. What concerns a distribution is put there by its commit; the endpoints
//! that are told it are in `notice_endpoints.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::notice::alarm::Alarm;
use fanfare_core::notice::sending::EndpointHealth;
use fanfare_core::notice::{Notice, Subscription, to_tell, wanting};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::error::SqlError;
use super::notice_endpoints::Naming;
use super::record::Change;
use super::row::{Columns, big, compared, int, json};
use super::rows::{Rows, columns};
use super::session::{Param, Session};
use super::{PostgresStore, notice_endpoints};
use crate::notices::{DueNotice, Endpoint, EndpointLook, FORGET_AT_ONCE, Forgotten, Holder, Noted, Notices};
use crate::store::StoreError;

/// One notice for one endpoint.
pub(super) struct NoticeRow<'s> {
    endpoint: &'s str,
    notice: Notice,
    body: String,
}

impl<'s> NoticeRow<'s> {
    fn new((endpoint, notice): (&'s str, Notice)) -> Result<Self, SqlError> {
        let body = json(&notice)?;
        Ok(Self { endpoint, notice, body })
    }
}

/// What is to be told of what is changed.
pub(super) fn of_changed<'s>(
    changed: &[Change<'_>],
    subscriptions: &'s [Subscription],
) -> Result<Vec<NoticeRow<'s>>, SqlError> {
    let told = changed
        .iter()
        .flat_map(|change| to_tell(subscriptions, change.event, change.record));
    told.map(NoticeRow::new).collect()
}

/// The rows of these; nothing where there are none.
pub(super) fn insert<'a>(told: &'a [NoticeRow<'a>]) -> Option<Rows<'a>> {
    let columns = columns!(told, one => [one.endpoint, one.notice.id, one.notice.at, one.body.as_str()]);
    (!told.is_empty()).then_some(Rows { sql: INSERT, columns })
}

/// What is known is not told again.
const INSERT: &str = "INSERT INTO notices (endpoint, id, made_at, due_at, body)
    SELECT endpoint, id, at, at, body
    FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[]) AS w (endpoint, id, at, body)
    ON CONFLICT (endpoint, id) DO NOTHING";

async fn tell(session: &Session, subscriptions: &[Subscription], notice: &Notice) -> Result<(), SqlError> {
    let wanting = wanting(subscriptions, notice);
    let told: Result<Vec<_>, _> = wanting
        .map(|endpoint| NoticeRow::new((endpoint, notice.clone())))
        .collect();
    let told = told?;
    if let Some(rows) = insert(&told) {
        super::rows::write(session, &[rows], false).await?;
    }
    Ok(())
}

pub(super) const DUE: &str = "SELECT position, attempts, body FROM notices
    WHERE endpoint = $1 AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at, position LIMIT $3";

const NOTE: &str = "UPDATE notices SET attempts = $2, due_at = $3, delivered_at = $4, given_up_at = $5
    WHERE position = $1 AND due_at IS NOT NULL";

/// One that was forgotten or told meanwhile needs no note.
async fn note(session: &Session, noted: &Noted) -> Result<(), SqlError> {
    let (position, attempts, times) = (big(noted.position), int(noted.attempts), noted.times());
    let values: [Param<'_>; 5] = [&position, &attempts, &times.due, &times.delivered, &times.given_up];
    session.execute(NOTE, &values).await?;
    Ok(())
}

/// Whether it is to be told. Of several that raise it at once, one tells.
async fn raise(session: &Session, key: &str, level: u64, at: Timestamp) -> Result<bool, SqlError> {
    let sql = "INSERT INTO alarms (key, level, raised_at, seen_at) VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING";
    if session.execute(sql, &[&key, &big(level), &at]).await? == 1 {
        return Ok(true);
    }
    let sql = "SELECT level, seen_at FROM alarms WHERE key = $1 FOR UPDATE";
    let Some(row) = session.query_opt(sql, &[&key]).await? else {
        // It was over just now: who looks next raises it.
        return Ok(false);
    };
    let columns = Columns {
        table: "alarms",
        row: &row,
    };
    let before = Alarm {
        level: columns.number(0)?,
        seen_at: columns.get(1)?,
    };
    let (now, is_told) = Alarm::seen(Some(before), level, at);
    let sql = "UPDATE alarms SET level = $2, seen_at = $3 WHERE key = $1";
    session.execute(sql, &[&key, &big(now.level), &now.seen_at]).await?;
    Ok(is_told)
}

/// Another node's slice is another. An array, so that the planner looks for these
/// rows and does not read all to find them.
pub(super) const FORGET: &str = "WITH gone AS (
        DELETE FROM notices WHERE position = ANY (ARRAY(
            SELECT position FROM notices WHERE made_at < $1 ORDER BY made_at LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING endpoint, due_at)
    SELECT endpoint, count(*), count(due_at) FROM gone GROUP BY endpoint";

async fn forget(session: &Session, made_before: Timestamp) -> Result<Forgotten, SqlError> {
    let limit = big(FORGET_AT_ONCE);
    let mut forgotten = Forgotten::default();
    for row in session.query(FORGET, &[&compared(made_before), &limit]).await? {
        let columns = Columns {
            table: "notices",
            row: &row,
        };
        forgotten.add(columns.get(0)?, columns.number(1)?, columns.number(2)?);
    }
    Ok(forgotten)
}

fn due_notice(row: &Row) -> Result<DueNotice, SqlError> {
    let columns = Columns { table: "notices", row };
    Ok(DueNotice {
        position: columns.number(0)?,
        attempts: columns.number(1)?,
        notice: columns.json(2)?,
    })
}

#[async_trait]
impl Notices for PostgresStore {
    fn subscribe(&self, subscriptions: Arc<[Subscription]>) {
        self.subscribers.set(subscriptions);
    }

    /// What no node names any more is forgotten later.
    async fn configure_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        self.name(Naming::new(endpoints, now, true)).await
    }

    async fn name_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        self.name(Naming::new(endpoints, now, false)).await
    }

    async fn forget_endpoints(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        notice_endpoints::forget(self, now).await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let read = self.others.run("read the endpoints for notices", |session| {
            Box::pin(async move {
                let rows = session.query(notice_endpoints::ENDPOINTS, &[]).await?;
                rows.iter().map(notice_endpoints::endpoint).collect()
            })
        });
        read.await
    }

    async fn look_at_endpoint(&self, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, StoreError> {
        let name = name.to_owned();
        let look = self.others.run("look at an endpoint for notices", move |session| {
            let name = name.clone();
            Box::pin(async move { notice_endpoints::look(session, &name, now).await })
        });
        look.await
    }

    async fn hold_endpoint(
        &self,
        holder: &Holder,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let holder = holder.clone();
        let hold = self.others.run("hold an endpoint for notices", move |session| {
            let holder = holder.clone();
            Box::pin(async move { notice_endpoints::hold(session, &holder, now, until).await })
        });
        hold.await
    }

    async fn release_endpoint(&self, holder: &Holder) -> Result<(), StoreError> {
        let holder = holder.clone();
        let release = self.others.run("release an endpoint for notices", move |session| {
            let holder = holder.clone();
            Box::pin(async move { notice_endpoints::release(session, &holder).await })
        });
        release.await
    }

    async fn enable_endpoint(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let enable = self.others.run("enable an endpoint for notices", move |session| {
            let name = name.clone();
            Box::pin(async move { notice_endpoints::enable(session, &name, now).await })
        });
        enable.await
    }

    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError> {
        let (endpoint, limit) = (endpoint.to_owned(), i64::try_from(limit).unwrap_or(i64::MAX));
        let read = self.others.run("read what is to be told", move |session| {
            let endpoint = endpoint.clone();
            Box::pin(async move {
                let rows = session.query(DUE, &[&endpoint, &compared(now), &limit]).await?;
                rows.iter().map(due_notice).collect()
            })
        });
        read.await
    }

    async fn note_sending(&self, holder: &Holder, noted: &Noted) -> Result<(), StoreError> {
        let given = Arc::new((holder.clone(), noted.clone(), self.subscribers.get()));
        let keep = self.others.run("note what was told", move |session| {
            let given = Arc::clone(&given);
            Box::pin(async move {
                let (holder, noted, subscriptions) = &*given;
                session.run("BEGIN").await?;
                let has_it = notice_endpoints::set_health(session, holder, &noted.health).await?;
                note(session, noted).await?;
                if let Some(notice) = noted.notice.as_ref().filter(|_| has_it) {
                    tell(session, subscriptions, notice).await?;
                }
                session.run("COMMIT").await
            })
        });
        keep.await
    }

    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError> {
        let given = Arc::new((key.to_owned(), notice.clone(), self.subscribers.get()));
        let raised = self.others.run("raise an alarm", move |session| {
            let given = Arc::clone(&given);
            Box::pin(async move {
                let (key, notice, subscriptions) = &*given;
                session.run("BEGIN").await?;
                let is_told = raise(session, key, level, notice.at).await?;
                if is_told {
                    tell(session, subscriptions, notice).await?;
                }
                session.run("COMMIT").await?;
                Ok(is_told)
            })
        });
        raised.await
    }

    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError> {
        let given = Arc::new((key.to_owned(), notice.cloned(), self.subscribers.get()));
        let cleared = self.others.run("clear an alarm", move |session| {
            let given = Arc::clone(&given);
            Box::pin(async move {
                let (key, notice, subscriptions) = &*given;
                let sql = "DELETE FROM alarms WHERE key = $1 AND seen_at <= $2";
                session.run("BEGIN").await?;
                let is_over = session.execute(sql, &[key, &compared(unseen_since)]).await? == 1;
                if let Some(notice) = notice.as_ref().filter(|_| is_over) {
                    tell(session, subscriptions, notice).await?;
                }
                session.run("COMMIT").await?;
                Ok(is_over)
            })
        });
        cleared.await
    }

    async fn forget_notices(&self, made_before: Timestamp) -> Result<Forgotten, StoreError> {
        let forgotten = self.others.run("forget old notices", move |session| {
            Box::pin(forget(session, made_before))
        });
        forgotten.await
    }
}

impl PostgresStore {
    async fn name(&self, naming: Naming) -> Result<(), StoreError> {
        let naming = Arc::new(naming);
        let name = self.others.run("keep the endpoints for notices", move |session| {
            let naming = Arc::clone(&naming);
            Box::pin(async move { notice_endpoints::name(session, &naming).await })
        });
        name.await
    }
}
