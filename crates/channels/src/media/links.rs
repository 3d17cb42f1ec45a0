//! Where a channel that fetches by itself finds a picture that was made to fit:
//! `{public_url}/media/{sha256}`. A file's name is what is in it, so it is written
//! once, whole or not at all, and never changes.
//!
//! Nothing but what was put here can be found: a name is 64 hexadecimal digits,
//! and no path. Nodes that share a database share the folder.

use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use jiff::Timestamp;
use tempfile::NamedTempFile;
use url::Url;

use super::Picture;

/// How a file begins that is not whole yet.
const UNFINISHED: &str = ".new-";

/// Digits of a name.
const NAME_LENGTH: usize = 64;

/// The folder, and where it is seen.
#[derive(Debug)]
pub struct MediaLinks {
    folder: PathBuf,
    public_url: Url,
}

impl MediaLinks {
    /// Files are kept in `folder`, which is made when it is needed; `public_url` is
    /// where channels reach this service.
    pub fn new(folder: PathBuf, public_url: Url) -> Self {
        Self { folder, public_url }
    }

    /// Puts a picture there, and says its address. One that is there already is kept
    /// as long as one that is new.
    ///
    /// # Errors
    /// Where it can't be written.
    pub async fn publish(&self, picture: &Picture, now: Timestamp) -> io::Result<String> {
        let (path, bytes) = (self.folder.join(&picture.sha256), picture.bytes.clone());
        on_disk(move || keep(&path, &bytes, now)).await?;
        Ok(self.address(&picture.sha256))
    }

    /// Where the picture of that name is, once it was put there.
    pub fn address(&self, name: &str) -> String {
        let mut url = self.public_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["media", name]);
        }
        url.into()
    }

    /// The file of that name; `None` where there is none, and for what is no name.
    ///
    /// # Errors
    /// Where it can't be read.
    pub async fn find(&self, name: &str) -> io::Result<Option<Bytes>> {
        if !is_name(name) {
            return Ok(None);
        }
        let path = self.folder.join(name);
        on_disk(move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Deletes what was put there before that time, and says how much it was.
    ///
    /// # Errors
    /// Where a file can't be deleted; the others may be.
    pub async fn forget(&self, before: Timestamp) -> io::Result<usize> {
        let folder = self.folder.clone();
        on_disk(move || forget(&folder, before.into())).await
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => Err(io::Error::other(panicked)),
    }
}

fn keep(path: &Path, bytes: &[u8], now: Timestamp) -> io::Result<()> {
    match File::options().write(true).open(path) {
        Ok(file) => return file.set_modified(now.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::with_prefix_in(UNFINISHED, folder)?;
    file.write_all(bytes)?;
    file.as_file().set_modified(now.into())?;
    file.as_file().sync_all()?;
    // Another node that is as fast writes the same.
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn forget(folder: &Path, before: SystemTime) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut forgotten = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| is_name(name) || name.starts_with(UNFINISHED));
        if ours && remove_old(&entry, before)? {
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

/// One that is gone meanwhile was another node's to delete.
fn remove_old(entry: &DirEntry, before: SystemTime) -> io::Result<bool> {
    let removed = || -> io::Result<bool> {
        let is_old = entry.metadata()?.modified()? < before;
        if is_old {
            fs::remove_file(entry.path())?;
        }
        Ok(is_old)
    };
    match removed() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        removed => removed,
    }
}

fn is_name(text: &str) -> bool {
    text.len() == NAME_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use fanfare_core::picture::PictureKind;

    use super::*;
    use crate::media::sha256;

    fn picture(bytes: &'static [u8]) -> Picture {
        Picture {
            bytes: Bytes::from_static(bytes),
            kind: PictureKind::Jpeg,
            sha256: sha256(bytes),
            source: sha256(bytes),
            is_original: false,
        }
    }

    #[tokio::test]
    async fn what_was_put_there_is_found_by_its_hash_and_nothing_else_is() {
        let data = tempfile::tempdir().unwrap();
        let public = Url::parse("https://fanfare.example/base/").unwrap();
        let links = MediaLinks::new(data.path().join("media"), public);
        let now = Timestamp::UNIX_EPOCH;
        let abc = picture(b"abc");
        assert_eq!(links.find(&abc.sha256).await.unwrap(), None);
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for _ in 0..2 {
            let url = links.publish(&abc, now).await.unwrap();
            assert_eq!(url, format!("https://fanfare.example/base/media/{hash}"));
        }
        assert_eq!(links.find(hash).await.unwrap().unwrap(), &b"abc"[..]);
        assert_eq!(fs::read_dir(data.path().join("media")).unwrap().count(), 1);
        let secret = "a".repeat(64);
        fs::write(data.path().join(&secret), "secret").unwrap();
        let outside = format!("../{secret}");
        for name in [
            "",
            "..",
            &outside,
            &hash[..63],
            &hash.to_uppercase(),
            &format!("{hash}/"),
            &secret,
        ] {
            assert_eq!(links.find(name).await.unwrap(), None, "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_used_again_is_kept_longer() {
        let data = tempfile::tempdir().unwrap();
        let links = MediaLinks::new(data.path().to_owned(), Url::parse("http://a").unwrap());
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let (old, used) = (picture(b"old"), picture(b"used"));
        fs::write(data.path().join("not-ours"), "").unwrap();
        for (picture, second) in [(&old, 10), (&used, 10), (&used, 30)] {
            links.publish(picture, at(second)).await.unwrap();
        }
        assert_eq!(links.forget(at(20)).await.unwrap(), 1);
        assert!(links.find(&old.sha256).await.unwrap().is_none());
        assert!(links.find(&used.sha256).await.unwrap().is_some());
        assert_eq!(links.forget(at(40)).await.unwrap(), 1);
        assert!(data.path().join("not-ours").exists());
    }

    #[test]
    fn what_another_node_has_deleted_is_no_failure() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("a".repeat(NAME_LENGTH)), "").unwrap();
        let entry = fs::read_dir(data.path()).unwrap().next().unwrap().unwrap();
        fs::remove_file(entry.path()).unwrap();
        assert!(!remove_old(&entry, SystemTime::UNIX_EPOCH).unwrap());
    }
}
