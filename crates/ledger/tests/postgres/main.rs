//! The suite over `PostgreSQL`, and what only several nodes over one database
//! can do. Needs a server: `FANFARE_TEST_DATABASE_URL`.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod database;
mod nodes;
mod notices;
mod relay;
mod spending;
mod trouble;

use std::sync::Arc;

use fanfare_ledger::Store;

use self::database::Database;

async fn open() -> (Arc<dyn Store>, Database) {
    let database = Database::new();
    (Arc::new(database.store().await), database)
}

fanfare_ledger::store_suite!(async open);
