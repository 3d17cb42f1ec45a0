//! The suite over the store in memory.

use std::sync::Arc;

use fanfare_ledger::{MemoryStore, Store};

fn open() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

fanfare_ledger::store_suite!(open);
