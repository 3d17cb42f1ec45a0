//! Keeps a second service out of a data directory.
//!
//! The lock is the operating system's: it ends with the process that holds it,
//! however that ends. The file stays. Readers of the database need no lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::open::unusable;
use crate::store::StoreError;

/// The name of the lock file in the data directory.
const LOCK_FILE: &str = "fanfare.lock";

/// Takes the lock; it is held as long as the file is open.
pub(super) fn take(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK_FILE);
    let failed = |error: std::io::Error| unusable(directory, &error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(&path, &mut file)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

fn held(path: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    let process = match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!(" (process {})", text.trim()),
        // Where it can't be read, who holds it stays unknown; the refusal stands.
        Ok(_) | Err(_) => String::new(),
    };
    StoreError::Unusable(format!(
        "another service{process} holds {}: stop it, or use another data directory",
        path.display()
    ))
}
