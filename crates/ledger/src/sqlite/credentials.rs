//! Credentials in the file: for the service, and for commands beside it.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Sealed, TokenStanding};
use fanfare_core::ids::TenantId;
use rusqlite::{Connection, Row, params};

use super::error::SqlError;
use super::row::{Columns, int, json};
use super::writer::Writer;
use super::{SqliteKeys, SqliteStore};
use crate::credentials::Credentials;
use crate::store::StoreError;

const READ: &str = "read the credentials";

fn all(connection: &Connection) -> Result<Vec<Credential>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT tenant_id, channel, version, key_id, data_key, sealed, standing FROM credentials
         ORDER BY tenant_id, channel",
    )?;
    let mut rows = statement.query([])?;
    let mut credentials = Vec::new();
    while let Some(row) = rows.next()? {
        credentials.push(credential(row)?);
    }
    Ok(credentials)
}

fn one(connection: &Connection, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT tenant_id, channel, version, key_id, data_key, sealed, standing FROM credentials
         WHERE tenant_id = ?1 AND channel = ?2",
    )?;
    let mut rows = statement.query(params![tenant.as_str(), channel.name()])?;
    rows.next()?.map(credential).transpose()
}

fn standings(connection: &Connection, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, SqlError> {
    let mut statement = connection
        .prepare_cached("SELECT tenant_id, standing FROM credentials WHERE channel = ?1 ORDER BY tenant_id")?;
    let mut rows = statement.query(params![channel.name()])?;
    let mut standings = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = Columns {
            table: "credentials",
            row,
        };
        let standing = columns.word(1, |json| serde_json::from_str(json).ok())?;
        standings.push((TenantId::new(columns.text(0)?), standing));
    }
    Ok(standings)
}

fn credential(row: &Row<'_>) -> Result<Credential, SqlError> {
    let columns = Columns {
        table: "credentials",
        row,
    };
    let text = |at: usize| columns.text(at).map(str::to_owned);
    Ok(Credential {
        tenant: TenantId::new(columns.text(0)?),
        channel: columns.word(1, Channel::from_name)?,
        version: row.get::<_, i64>(2)?.unsigned_abs(),
        sealed: Sealed {
            key_id: text(3)?,
            data_key: text(4)?,
            value: text(5)?,
        },
        standing: columns.word(6, |json| serde_json::from_str(json).ok())?,
    })
}

/// The first is inserted, each later one follows the one before it.
const KEEP: [&str; 2] = [
    "INSERT INTO credentials (tenant_id, channel, version, key_id, data_key, sealed, standing)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    "UPDATE credentials SET version = ?3, key_id = ?4, data_key = ?5, sealed = ?6, standing = ?7
     WHERE tenant_id = ?1 AND channel = ?2 AND version = ?3 - 1 AND sealed = ?8",
];

fn keep(connection: &Connection, credential: &Credential, before: Option<&str>) -> Result<bool, SqlError> {
    let sealed = &credential.sealed;
    let (tenant, channel) = (credential.tenant.as_str(), credential.channel.name());
    let (version, standing) = (int(credential.version), json(&credential.standing)?);
    let (key_id, data_key, value) = (&sealed.key_id, &sealed.data_key, &sealed.value);
    let mut statement = connection.prepare_cached(KEEP[usize::from(before.is_some())])?;
    let changed = match before {
        None => statement.execute(params![tenant, channel, version, key_id, data_key, value, standing]),
        Some(before) => statement.execute(params![
            tenant, channel, version, key_id, data_key, value, standing, before
        ]),
    };
    Ok(changed? == 1)
}

fn forget(connection: &Connection, tenant: &TenantId, channel: Channel) -> Result<bool, SqlError> {
    let sql = "DELETE FROM credentials WHERE tenant_id = ?1 AND channel = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(params![tenant.as_str(), channel.name()])? == 1)
}

async fn keep_through(writer: &Writer, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
    let (credential, before) = (credential.clone(), before.map(|before| before.value.clone()));
    writer
        .transact("keep a credential", move |transaction| {
            keep(transaction, &credential, before.as_deref())
        })
        .await
}

async fn forget_through(writer: &Writer, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
    let tenant = tenant.clone();
    writer
        .transact("forget a credential", move |transaction| {
            forget(transaction, &tenant, channel)
        })
        .await
}

#[async_trait]
impl Credentials for SqliteStore {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        self.readers.read(READ, all).await
    }

    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        let tenant = tenant.clone();
        self.readers
            .read(READ, move |connection| one(connection, &tenant, channel))
            .await
    }

    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        self.readers
            .read(READ, move |connection| standings(connection, channel))
            .await
    }

    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
        keep_through(&self.writer, credential, before).await
    }

    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
        forget_through(&self.writer, tenant, channel).await
    }
}

#[async_trait]
impl Credentials for SqliteKeys {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        self.writer.transact(READ, |transaction| all(transaction)).await
    }

    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        let tenant = tenant.clone();
        self.writer
            .transact(READ, move |transaction| one(transaction, &tenant, channel))
            .await
    }

    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        self.writer
            .transact(READ, move |transaction| standings(transaction, channel))
            .await
    }

    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
        keep_through(&self.writer, credential, before).await
    }

    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
        forget_through(&self.writer, tenant, channel).await
    }
}
