//! Which database the configuration means: the one place that opens it, for
//! the service and for the commands that work on it directly.

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::secret::Secret;
use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::credentials::Credentials;
use fanfare_ledger::{PostgresSettings, PostgresStore, SqliteKeys, SqliteStore, Store, StoreError};

use crate::config::Config;

/// Opens it for a service; a file blocks for as long as that takes.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    match &config.database_url {
        Some(url) => Ok(Arc::new(PostgresStore::connect(&settings(config, url)).await?)),
        None => Ok(Arc::new(SqliteStore::open(&config.data_dir)?)),
    }
}

/// Opens its API keys, beside the services that use it; a file blocks for as
/// long as that takes.
pub async fn open_keys(config: &Config) -> Result<Arc<dyn ApiKeys>, StoreError> {
    match &config.database_url {
        Some(url) => Ok(Arc::new(PostgresStore::connect(&settings(config, url)).await?)),
        None => Ok(Arc::new(SqliteKeys::open_beside(&config.data_dir)?)),
    }
}

/// Opens its credentials, beside the services that use it; a file blocks for as
/// long as that takes.
pub async fn open_credentials(config: &Config) -> Result<Arc<dyn Credentials>, StoreError> {
    match &config.database_url {
        Some(url) => Ok(Arc::new(PostgresStore::connect(&settings(config, url)).await?)),
        None => Ok(Arc::new(SqliteKeys::open_beside(&config.data_dir)?)),
    }
}

/// The same for who only reads them: no table is made or altered for it.
pub async fn look_into_credentials(config: &Config) -> Result<Arc<dyn Credentials>, StoreError> {
    match &config.database_url {
        Some(url) => Ok(Arc::new(PostgresStore::connect_as_it_is(&settings(config, url)).await?)),
        None => Ok(Arc::new(SqliteKeys::open_as_it_is(&config.data_dir)?)),
    }
}

fn settings(config: &Config, url: &Secret) -> PostgresSettings {
    let database = &config.database;
    PostgresSettings {
        schema: database.schema.clone(),
        lease: Duration::from_secs(config.nodes.lease_s),
        writers: database.writers,
        readers: database.readers,
        connect_timeout: Duration::from_millis(database.connect_timeout_ms),
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        ..PostgresSettings::new(url.reveal())
    }
}

/// The command that makes the first key in this database, for a shell. The
/// variable says which database, however the service was told; the URL of one
/// that is shared is a secret, and is not repeated.
pub fn first_key_command(config: &Config) -> String {
    const CREATE: &str = "fanfare keys create --name admin --scope admin";
    if config.database_url.is_some() {
        return format!("FANFARE_DATABASE_URL=… {CREATE}");
    }
    let directory = config.data_dir.display().to_string().replace('\'', r"'\''");
    format!("FANFARE_DATA_DIR='{directory}' {CREATE}")
}
