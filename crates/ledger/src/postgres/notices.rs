//! Notices. What concerns a distribution is put there by its commit; which node
//! sends to an endpoint is said by a claim of the endpoint's row.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::ids::Incarnation;
use fanfare_core::notice::sending::{EndpointHealth, NoticeFate};
use fanfare_core::notice::{Notice, Subscription, to_tell};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::record::Change;
use super::row::{Columns, big, compared, int, json};
use super::rows::{Rows, columns};
use super::session::Session;
use crate::notices::{DueNotice, Endpoint, Noted, Notices};
use crate::store::StoreError;

/// One notice for one endpoint.
pub(super) struct Told<'s> {
    endpoint: &'s str,
    notice: Notice,
    body: String,
}

impl<'s> Told<'s> {
    fn new((endpoint, notice): (&'s str, Notice)) -> Result<Self, SqlError> {
        let body = json(&notice)?;
        Ok(Self { endpoint, notice, body })
    }
}

/// What is to be told of what is changed.
pub(super) fn of_changed<'s>(
    changed: &[Change<'_>],
    subscriptions: &'s [Subscription],
) -> Result<Vec<Told<'s>>, SqlError> {
    let told = changed
        .iter()
        .flat_map(|change| to_tell(subscriptions, change.event, change.record));
    told.map(Told::new).collect()
}

/// The rows of these; nothing where there are none.
pub(super) fn insert<'a>(told: &'a [Told<'a>]) -> Option<Rows<'a>> {
    let columns = columns!(told, one => [one.endpoint, one.notice.id, one.notice.at, one.body.as_str()]);
    (!told.is_empty()).then_some(Rows {
        sql: INSERT,
        columns,
        // What is known is not told again.
        must_change: None,
    })
}

const INSERT: &str = "INSERT INTO notices (endpoint, id, made_at, due_at, body)
    SELECT endpoint, id, at, at, body
    FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[]) AS w (endpoint, id, at, body)
    ON CONFLICT (endpoint, id) DO NOTHING";

async fn tell(session: &Session, subscriptions: &[Subscription], notice: &Notice) -> Result<(), SqlError> {
    let wanting = subscriptions.iter().filter(|one| one.wants(notice));
    let told: Result<Vec<_>, _> = wanting.map(|one| Told::new((&*one.endpoint, notice.clone()))).collect();
    let told = told?;
    if let Some(rows) = insert(&told) {
        super::rows::write(session, &[rows]).await?;
    }
    Ok(())
}

async fn configure(session: &Session, endpoints: &[(String, String)]) -> Result<(), SqlError> {
    let names: Vec<&str> = endpoints.iter().map(|(name, _)| &**name).collect();
    let prints: Vec<&str> = endpoints.iter().map(|(_, print)| &**print).collect();
    let health = json(&EndpointHealth::default())?;
    session.run("BEGIN").await?;
    for sql in [
        "DELETE FROM notice_endpoints WHERE name <> ALL ($1::text[])",
        "DELETE FROM notices WHERE endpoint <> ALL ($1::text[])",
    ] {
        session.execute(sql, &[&names]).await?;
    }
    session.execute(CONFIGURE, &[&names, &prints, &health]).await?;
    session.run("COMMIT").await
}

const CONFIGURE: &str = "INSERT INTO notice_endpoints AS e (name, fingerprint, health)
    SELECT name, fingerprint, $3 FROM unnest($1::text[], $2::text[]) AS w (name, fingerprint) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, health = excluded.health
    WHERE e.fingerprint <> excluded.fingerprint";

const ENDPOINTS: &str = "SELECT e.name, e.health, n.pending, n.oldest FROM notice_endpoints AS e
    CROSS JOIN LATERAL (SELECT count(*) AS pending, min(made_at) AS oldest FROM notices
        WHERE endpoint = e.name AND due_at IS NOT NULL) AS n
    ORDER BY e.name";

const HOLD: &str = "UPDATE notice_endpoints SET held_by = $2, held_until = $4
    WHERE name = $1 AND (held_by IS NULL OR held_by = $2 OR held_until <= $3) RETURNING health";

const DUE: &str = "SELECT position, attempts, body FROM notices
    WHERE endpoint = $1 AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at, position LIMIT $3";

const NOTE: &str = "UPDATE notices SET attempts = $2, due_at = $3, delivered_at = $4, given_up_at = $5
    WHERE position = $1";

async fn note(session: &Session, noted: &Noted) -> Result<(), SqlError> {
    let (due_at, delivered_at, given_up_at) = match noted.fate {
        NoticeFate::Delivered => (None, Some(noted.at), None),
        NoticeFate::Later(at) => (Some(at), None, None),
        NoticeFate::GivenUp => (None, None, Some(noted.at)),
    };
    let (position, attempts) = (big(noted.position), int(noted.attempts));
    // One that was forgotten meanwhile needs no note.
    session
        .execute(NOTE, &[&position, &attempts, &due_at, &delivered_at, &given_up_at])
        .await?;
    Ok(())
}

async fn set_health(session: &Session, name: &str, health: &EndpointHealth) -> Result<bool, SqlError> {
    let sql = "UPDATE notice_endpoints SET health = $2 WHERE name = $1";
    Ok(session.execute(sql, &[&name, &json(health)?]).await? == 1)
}

/// Whether it is to be told. Of several that raise it at once, one tells.
async fn raise(session: &Session, key: &str, level: u64, at: Timestamp) -> Result<bool, SqlError> {
    let level = big(level);
    let sql = "INSERT INTO alarms (key, level, raised_at, seen_at) VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING";
    if session.execute(sql, &[&key, &level, &at]).await? == 1 {
        return Ok(true);
    }
    let sql = "UPDATE alarms AS a SET level = greatest(a.level, $2), seen_at = greatest(a.seen_at, $3)
         FROM (SELECT key, level FROM alarms WHERE key = $1 FOR UPDATE) AS before
         WHERE a.key = before.key RETURNING before.level < $2";
    let row = session.query_opt(sql, &[&key, &level, &at]).await?;
    // Without a row it was over just now: who looks next raises it.
    row.map_or(Ok(false), |row| {
        Columns {
            table: "alarms",
            row: &row,
        }
        .get(0)
    })
}

fn endpoint(row: &Row) -> Result<Endpoint, SqlError> {
    let columns = Columns {
        table: "notice_endpoints",
        row,
    };
    Ok(Endpoint {
        name: columns.get(0)?,
        health: columns.json(1)?,
        pending: columns.number(2)?,
        oldest: columns.get(3)?,
    })
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

    async fn configure_endpoints(&self, endpoints: &[(String, String)]) -> Result<(), StoreError> {
        let endpoints = endpoints.to_vec();
        let keep = self.others.run("keep the endpoints for notices", move |session| {
            let endpoints = endpoints.clone();
            Box::pin(async move { configure(session, &endpoints).await })
        });
        keep.await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let read = self.others.run("read the endpoints for notices", |session| {
            Box::pin(async move { session.query(ENDPOINTS, &[]).await?.iter().map(endpoint).collect() })
        });
        read.await
    }

    async fn hold_endpoint(
        &self,
        name: &str,
        token: Incarnation,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let name = name.to_owned();
        let hold = self.others.run("hold an endpoint for notices", move |session| {
            let name = name.clone();
            Box::pin(async move {
                let row = session
                    .query_opt(HOLD, &[&name, &big(token.0), &compared(now), &until])
                    .await?;
                let health = |row: &Row| {
                    Columns {
                        table: "notice_endpoints",
                        row,
                    }
                    .json(0)
                };
                row.as_ref().map(health).transpose()
            })
        });
        hold.await
    }

    async fn release_endpoint(&self, name: &str, token: Incarnation) -> Result<(), StoreError> {
        let name = name.to_owned();
        let release = self.others.run("release an endpoint for notices", move |session| {
            let name = name.clone();
            Box::pin(async move {
                let sql = "UPDATE notice_endpoints SET held_by = NULL WHERE name = $1 AND held_by = $2";
                session.execute(sql, &[&name, &big(token.0)]).await?;
                Ok(())
            })
        });
        release.await
    }

    async fn enable_endpoint(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let enable = self.others.run("enable an endpoint for notices", move |session| {
            let name = name.clone();
            Box::pin(async move { set_health(session, &name, &EndpointHealth::default()).await })
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

    async fn note_sending(&self, endpoint: &str, noted: &Noted) -> Result<(), StoreError> {
        let given = Arc::new((endpoint.to_owned(), noted.clone(), self.subscribers.get()));
        let keep = self.others.run("note what was told", move |session| {
            let given = Arc::clone(&given);
            Box::pin(async move {
                let (endpoint, noted, subscriptions) = &*given;
                session.run("BEGIN").await?;
                note(session, noted).await?;
                set_health(session, endpoint, &noted.health).await?;
                if let Some(notice) = &noted.notice {
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

    async fn forget_notices(&self, made_before: Timestamp) -> Result<u64, StoreError> {
        let forget = self.others.run("forget old notices", move |session| {
            Box::pin(async move {
                let sql = "DELETE FROM notices WHERE made_at < $1";
                session.execute(sql, &[&compared(made_before)]).await
            })
        });
        forget.await
    }
}
