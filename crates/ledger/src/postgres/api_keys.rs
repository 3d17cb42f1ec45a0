//! Keys of the API; only their hashes are kept.

use async_trait::async_trait;
use fanfare_core::api_key::{ApiKey, KeyHash, KeyId, Scope};
use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::PostgresStore;
use super::error::SqlError;
use super::row::Columns;
use crate::api_keys::ApiKeys;
use crate::store::StoreError;

#[async_trait]
impl ApiKeys for PostgresStore {
    async fn insert_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError> {
        let (key, hash) = (key.clone(), *hash);
        let insert = self.others.run("keep an API key", move |session| {
            let key = key.clone();
            Box::pin(async move {
                let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
                let (id, tenant, scopes) = (key.id.0, key.tenant.as_str(), scopes.join(","));
                let (hash, name, prefix) = (&hash.0[..], &key.name, &key.prefix);
                let (created_at, revoked_at) = (&key.created_at, &key.revoked_at);
                session
                    .execute(
                        INSERT,
                        &[&id, &tenant, name, prefix, &hash, &scopes, created_at, revoked_at],
                    )
                    .await?;
                Ok(())
            })
        });
        insert.await
    }

    async fn api_key_of_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let hash = *hash;
        let read = self.others.run("look an API key up", move |session| {
            Box::pin(async move {
                let sql = "SELECT id, tenant_id, name, prefix, scopes, created_at, revoked_at
                     FROM api_keys WHERE hash = $1";
                let row = session.query_opt(sql, &[&&hash.0[..]]).await?;
                row.as_ref().map(api_key).transpose()
            })
        });
        read.await
    }

    async fn api_keys(&self, tenant: Option<&TenantId>) -> Result<Vec<ApiKey>, StoreError> {
        let tenant = tenant.cloned();
        let read = self.others.run("list API keys", move |session| {
            let tenant = tenant.as_ref().map(|tenant| tenant.as_str().to_owned());
            Box::pin(async move {
                let sql = "SELECT id, tenant_id, name, prefix, scopes, created_at, revoked_at
                     FROM api_keys WHERE $1::text IS NULL OR tenant_id = $1 ORDER BY created_at, id";
                let rows = session.query(sql, &[&tenant]).await?;
                rows.iter().map(api_key).collect()
            })
        });
        read.await
    }

    async fn revoke_api_key(&self, tenant: &TenantId, id: KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        let tenant = tenant.clone();
        let revoke = self.others.run("revoke an API key", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move {
                let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $3)
                     WHERE tenant_id = $1 AND id = $2
                     RETURNING id, tenant_id, name, prefix, scopes, created_at, revoked_at";
                let row = session.query_opt(sql, &[&tenant.as_str(), &id.0, &at]).await?;
                row.as_ref().map(api_key).transpose()
            })
        });
        revoke.await
    }
}

const INSERT: &str = "INSERT INTO api_keys (id, tenant_id, name, prefix, hash, scopes, created_at, revoked_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

fn api_key(row: &Row) -> Result<ApiKey, SqlError> {
    let columns = Columns { table: "api_keys", row };
    let scopes = |words: &str| words.split(',').map(Scope::from_name).collect();
    Ok(ApiKey {
        id: KeyId(columns.uuid(0)?),
        tenant: TenantId::new(columns.get::<&str>(1)?),
        name: columns.get(2)?,
        prefix: columns.get(3)?,
        scopes: columns.word(4, scopes)?,
        created_at: columns.get(5)?,
        revoked_at: columns.get(6)?,
    })
}
