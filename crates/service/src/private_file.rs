//! Files that hold secrets: private to their owner, and whole or not at all, also
//! after a crash. What is in them is their callers' business.

use std::fs::{self, File};
use std::io::{Result, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes it in the place of what is there; makes the folder where it is missing.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    written(path, content)?.persist(path).map_err(|error| error.error)?;
    keep_name(path)
}

/// The same, where nothing is there; else `AlreadyExists`, and what is there stays.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<()> {
    let file = written(path, content)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    keep_name(path)
}

/// Beside its place, under a name that nobody reads.
fn written(path: &Path, content: &[u8]) -> Result<NamedTempFile> {
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::with_prefix_in(".new-", folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A new name lasts only once its folder is on the disk.
fn keep_name(path: &Path) -> Result<()> {
    // Elsewhere a folder can't be opened like a file.
    if cfg!(unix) {
        File::open(folder(path))?.sync_all()?;
    }
    Ok(())
}

fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn it_is_its_owner_s_alone_and_leaves_nothing_beside_it() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("a/secret");
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(data.path().join("a")).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
