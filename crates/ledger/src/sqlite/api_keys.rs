//! Keys of the API in the file: for the service, and beside it.
//!
//! People make and revoke keys with a command while a service holds the file.
//! [`SqliteKeys`] is what that command opens: one transaction at a time, which
//! waits for the service's like any other program's. Beside the keys it can change credentials
//! (`credentials.rs`), and nothing else.

use std::path::Path;

use async_trait::async_trait;
use fanfare_core::api_key::{ApiKey, KeyHash, KeyId, Scope};
use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::error::SqlError;
use super::row::{Columns, UuidText, time_text};
use super::writer::Writer;
use super::{SqliteStore, check_one, open};
use crate::api_keys::ApiKeys;
use crate::store::StoreError;

/// The columns that [`api_key`] reads.
const API_KEY: &str = "id, tenant_id, name, prefix, scopes, created_at, revoked_at";

fn insert(connection: &Connection, key: &ApiKey, hash: &KeyHash) -> Result<(), SqlError> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.name()).collect();
    let mut statement = connection.prepare_cached(
        "INSERT INTO api_keys (id, tenant_id, name, prefix, hash, scopes, created_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    check_one(statement.execute(params![
        UuidText::of(key.id.0),
        key.tenant.as_str(),
        key.name,
        key.prefix,
        &hash.0[..],
        scopes.join(","),
        time_text(key.created_at),
        key.revoked_at.map(time_text),
    ])?)
}

fn of_hash(connection: &Connection, hash: &KeyHash) -> Result<Option<ApiKey>, SqlError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {API_KEY} FROM api_keys WHERE hash = ?1"))?;
    let mut rows = statement.query(params![&hash.0[..]])?;
    rows.next()?.map(api_key).transpose()
}

fn all(connection: &Connection, tenant: Option<&TenantId>) -> Result<Vec<ApiKey>, SqlError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {API_KEY} FROM api_keys WHERE ?1 IS NULL OR tenant_id = ?1 ORDER BY created_at, id"
    ))?;
    let mut rows = statement.query(params![tenant.map(TenantId::as_str)])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(api_key(row)?);
    }
    Ok(keys)
}

fn revoke(connection: &Connection, tenant: &TenantId, id: KeyId, at: Timestamp) -> Result<Option<ApiKey>, SqlError> {
    let mut statement = connection.prepare_cached(&format!(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?3) WHERE tenant_id = ?1 AND id = ?2
         RETURNING {API_KEY}"
    ))?;
    let mut rows = statement.query(params![tenant.as_str(), UuidText::of(id.0), time_text(at)])?;
    let revoked = rows.next()?.map(api_key).transpose()?;
    // What is not read to its end may not be written.
    while rows.next()?.is_some() {}
    Ok(revoked)
}

fn api_key(row: &Row<'_>) -> Result<ApiKey, SqlError> {
    let columns = Columns { table: "api_keys", row };
    let scopes = |words: &str| words.split(',').map(Scope::from_name).collect();
    Ok(ApiKey {
        id: KeyId(columns.uuid(0)?),
        tenant: TenantId::new(columns.text(1)?),
        name: columns.text(2)?.to_owned(),
        prefix: columns.text(3)?.to_owned(),
        scopes: columns.word(4, scopes)?,
        created_at: columns.time(5)?,
        revoked_at: columns.optional(6, Columns::time)?,
    })
}

#[async_trait]
impl ApiKeys for SqliteStore {
    async fn insert_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError> {
        insert_through(&self.writer, key, hash).await
    }

    async fn api_key_of_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let hash = *hash;
        self.readers
            .read("look an API key up", move |connection| of_hash(connection, &hash))
            .await
    }

    async fn api_keys(&self, tenant: Option<&TenantId>) -> Result<Vec<ApiKey>, StoreError> {
        let tenant = tenant.cloned();
        self.readers
            .read("list API keys", move |connection| all(connection, tenant.as_ref()))
            .await
    }

    async fn revoke_api_key(&self, tenant: &TenantId, id: KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        revoke_through(&self.writer, tenant, id, at).await
    }
}

async fn insert_through(writer: &Writer, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError> {
    let (key, hash) = (key.clone(), *hash);
    writer
        .transact("keep an API key", move |transaction| insert(transaction, &key, &hash))
        .await
}

async fn revoke_through(
    writer: &Writer,
    tenant: &TenantId,
    id: KeyId,
    at: Timestamp,
) -> Result<Option<ApiKey>, StoreError> {
    let tenant = tenant.clone();
    writer
        .transact("revoke an API key", move |transaction| {
            revoke(transaction, &tenant, id, at)
        })
        .await
}

/// The keys in a file that a service may hold at the same time.
#[derive(Debug)]
pub struct SqliteKeys {
    pub(super) writer: Writer,
}

impl SqliteKeys {
    /// Opens the database in this directory beside whoever holds it. Where there
    /// is none, or it has an earlier schema, it is made or brought up, but only
    /// while no service holds it. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where the file is not ours or too new, or is to
    /// be brought up and a service holds it: it is then left as it was.
    pub fn open_beside(directory: &Path) -> Result<Self, StoreError> {
        Self::over(open::open_beside(directory)?)
    }

    /// Opens the database in this directory beside whoever holds it, if it has this
    /// program's schema. Nothing is made or brought up.
    ///
    /// # Errors
    /// [`StoreError::Unusable`], [`StoreError::Database`].
    pub fn open_as_it_is(directory: &Path) -> Result<Self, StoreError> {
        Self::over(open::open_as_it_is(directory)?)
    }

    fn over(connection: Connection) -> Result<Self, StoreError> {
        let writer = Writer::start(connection, None).map_err(|source| StoreError::Database {
            doing: "start its thread",
            source: source.into(),
        })?;
        Ok(Self { writer })
    }
}

#[async_trait]
impl ApiKeys for SqliteKeys {
    async fn insert_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError> {
        insert_through(&self.writer, key, hash).await
    }

    async fn api_key_of_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let hash = *hash;
        self.writer
            .transact("look an API key up", move |transaction| of_hash(transaction, &hash))
            .await
    }

    async fn api_keys(&self, tenant: Option<&TenantId>) -> Result<Vec<ApiKey>, StoreError> {
        let tenant = tenant.cloned();
        self.writer
            .transact("list API keys", move |transaction| all(transaction, tenant.as_ref()))
            .await
    }

    async fn revoke_api_key(&self, tenant: &TenantId, id: KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        revoke_through(&self.writer, tenant, id, at).await
    }
}
