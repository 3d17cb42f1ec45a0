//! Which database the configuration means: the one place that opens it, for
//! the service and for the commands that work on it directly.

use std::sync::Arc;

use fanfare_ledger::api_keys::ApiKeys;
use fanfare_ledger::{SqliteKeys, SqliteStore, Store, StoreError};

use crate::config::Config;

/// Opens it for a service. Blocks for as long as that takes.
pub fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open(&config.data_dir)?))
}

/// Opens its API keys, beside the services that use it. Blocks for as long as
/// that takes.
pub fn open_keys(config: &Config) -> Result<Arc<dyn ApiKeys>, StoreError> {
    Ok(Arc::new(SqliteKeys::open_beside(&config.data_dir)?))
}

/// The command that makes the first key in this database, for a shell. The
/// variable says which database, however the service was told.
pub fn first_key_command(config: &Config) -> String {
    let directory = config.data_dir.display().to_string().replace('\'', r"'\''");
    format!("FANFARE_DATA_DIR='{directory}' fanfare keys create --name admin --scope admin")
}
