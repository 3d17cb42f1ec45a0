//! The database that nodes share, and how long things are kept.

use fanfare_channels::secret::Secret;
use serde::{Deserialize, Serialize};

use super::Config;
use super::check::Wrong;

/// `PostgreSQL`, where `database_url` names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// The schema that holds the tables; made if missing.
    pub schema: String,
    /// Connections that commit: so many commits at once at most.
    pub writers: usize,
    /// Connections for everything else.
    pub readers: usize,
    /// How long reaching the database may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long one statement may take, in milliseconds.
    pub statement_timeout_ms: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            schema: "fanfare".to_owned(),
            writers: 4,
            readers: 8,
            connect_timeout_ms: 2_000,
            statement_timeout_ms: 10_000,
        }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Closed distributions are deleted, with their attempts, history and events,
    /// so many days after they were accepted; 0 keeps them for ever. Notices are
    /// forgotten so many days after they were made, and at the latest after 30.
    pub days: u32,
}

/// The URL's form is the store's to check; that it says anything is checked here.
pub(super) fn check(config: &Config) -> Result<(), Wrong> {
    if config.database_url.as_ref().is_some_and(Secret::is_blank) {
        let right = "it must be postgres://user:password@host:port/name, or be left out for the embedded database";
        return Err(Wrong::new("database_url", "\"\"", right));
    }
    Ok(())
}
