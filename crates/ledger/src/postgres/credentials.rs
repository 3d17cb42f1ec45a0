//! Credentials, which all nodes share.

use async_trait::async_trait;
use fanfare_core::channel::Channel;
use fanfare_core::credential::{Credential, Sealed, TokenStanding};
use fanfare_core::ids::TenantId;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::error::SqlError;
use super::row::{Columns, big, json};
use crate::credentials::Credentials;
use crate::store::StoreError;

/// The first is inserted, each later one follows the one before it.
const KEEP: [&str; 2] = [
    "INSERT INTO credentials (tenant_id, channel, version, key_id, data_key, sealed, standing)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING version",
    "UPDATE credentials SET version = $3::bigint, key_id = $4, data_key = $5, sealed = $6, standing = $7
     WHERE tenant_id = $1 AND channel = $2 AND version = $3::bigint - 1 AND sealed = $8 RETURNING version",
];

#[async_trait]
impl Credentials for PostgresStore {
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        let read = self.others.run("read the credentials", move |session| {
            Box::pin(async move {
                let sql = "SELECT tenant_id, channel, version, key_id, data_key, sealed, standing
                     FROM credentials ORDER BY tenant_id, channel";
                let rows = session.query(sql, &[]).await?;
                rows.iter().map(credential).collect()
            })
        });
        read.await
    }

    async fn credential(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        let tenant = tenant.clone();
        let read = self.others.run("read a credential", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move {
                let sql = "SELECT tenant_id, channel, version, key_id, data_key, sealed, standing
                     FROM credentials WHERE tenant_id = $1 AND channel = $2";
                let row = session.query_opt(sql, &[&tenant.as_str(), &channel.name()]).await?;
                row.as_ref().map(credential).transpose()
            })
        });
        read.await
    }

    async fn credential_standings(&self, channel: Channel) -> Result<Vec<(TenantId, TokenStanding)>, StoreError> {
        let read = self.others.run("read how credentials stand", move |session| {
            Box::pin(async move {
                let sql = "SELECT tenant_id, standing FROM credentials WHERE channel = $1 ORDER BY tenant_id";
                let rows = session.query(sql, &[&channel.name()]).await?;
                rows.iter().map(standing).collect()
            })
        });
        read.await
    }

    async fn keep_credential(&self, credential: &Credential, before: Option<&Sealed>) -> Result<bool, StoreError> {
        let (credential, before) = (credential.clone(), before.map(|before| before.value.clone()));
        let keep = self.others.run("keep a credential", move |session| {
            let (credential, before) = (credential.clone(), before.clone());
            Box::pin(async move {
                let (tenant, channel) = (credential.tenant.as_str(), credential.channel.name());
                let (version, standing) = (big(credential.version), json(&credential.standing)?);
                let Sealed {
                    key_id,
                    data_key,
                    value,
                } = &credential.sealed;
                let mut values: Vec<&(dyn ToSql + Sync)> =
                    vec![&tenant, &channel, &version, key_id, data_key, value, &standing];
                let before = before.as_ref();
                values.extend(before.map(|before| before as &(dyn ToSql + Sync)));
                let sql = KEEP[usize::from(before.is_some())];
                Ok(session.query_opt(sql, &values).await?.is_some())
            })
        });
        keep.await
    }

    async fn forget_credential(&self, tenant: &TenantId, channel: Channel) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        let forget = self.others.run("forget a credential", move |session| {
            let tenant = tenant.clone();
            Box::pin(async move {
                let sql = "DELETE FROM credentials WHERE tenant_id = $1 AND channel = $2 RETURNING version";
                let row = session.query_opt(sql, &[&tenant.as_str(), &channel.name()]).await?;
                Ok(row.is_some())
            })
        });
        forget.await
    }
}

fn standing(row: &Row) -> Result<(TenantId, TokenStanding), SqlError> {
    let columns = Columns {
        table: "credentials",
        row,
    };
    Ok((TenantId::new(columns.get::<&str>(0)?), columns.json(1)?))
}

fn credential(row: &Row) -> Result<Credential, SqlError> {
    let columns = Columns {
        table: "credentials",
        row,
    };
    Ok(Credential {
        tenant: TenantId::new(columns.get::<&str>(0)?),
        channel: columns.word(1, Channel::from_name)?,
        version: columns.get::<i64>(2)?.unsigned_abs(),
        sealed: Sealed {
            key_id: columns.get(3)?,
            data_key: columns.get(4)?,
            value: columns.get(5)?,
        },
        standing: columns.json(6)?,
    })
}
