//! A schema of its own for each test, dropped at its end.

use std::sync::atomic::{AtomicU32, Ordering};

use fanfare_ledger::{PostgresSettings, PostgresStore};
use tokio_postgres::{Client, NoTls};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An empty schema.
pub(crate) struct Database {
    pub(crate) settings: PostgresSettings,
}

impl Database {
    /// One that no other test has.
    pub(crate) fn new() -> Self {
        let url = std::env::var("FANFARE_TEST_DATABASE_URL").expect(
            "set FANFARE_TEST_DATABASE_URL to a PostgreSQL for tests, such as postgres://fanfare@localhost/fanfare",
        );
        let mut settings = PostgresSettings::new(url);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        settings.schema = format!("test_{}_{number}", std::process::id());
        settings.readers = 3;
        let database = Self { settings };
        // Of a test that was killed.
        database.drop_schema();
        database
    }

    /// A store on it, as a node has one.
    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::connect(&self.settings).await.expect("a new schema")
    }

    /// A plain connection, in the schema.
    pub(crate) async fn client(&self) -> Client {
        let client = connect(&self.settings.url).await;
        let path = format!("SET search_path = {}", self.settings.schema);
        client.batch_execute(&path).await.unwrap();
        client
    }

    fn drop_schema(&self) {
        let (url, schema) = (self.settings.url.clone(), self.settings.schema.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let drop = format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {schema} CASCADE");
                connect(&url).await.batch_execute(&drop).await.unwrap();
            });
        });
        let dropped = dropping.join();
        assert!(
            dropped.is_ok() || std::thread::panicking(),
            "the schema could not be dropped"
        );
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("FANFARE_TEST_DATABASE_URL");
    tokio::spawn(async move { drop(connection.await) });
    client
}

impl Drop for Database {
    fn drop(&mut self) {
        self.drop_schema();
    }
}
