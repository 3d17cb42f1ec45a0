//! The suite over the store in a file, and what only a file can do.

use std::sync::Arc;

use fanfare_ledger::{SqliteStore, Store};
use tempfile::TempDir;

fn open() -> (Arc<dyn Store>, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = SqliteStore::open(directory.path()).expect("a new file");
    (Arc::new(store), directory)
}

fanfare_ledger::store_suite!(open);
