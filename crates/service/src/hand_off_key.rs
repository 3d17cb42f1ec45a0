//! The key that signs the addresses of hand-off pages: the configured one, or
//! one that is made once and kept beside the embedded database. Whoever has it
//! can open every page, so the file is its owner's alone.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_channels::naver_blog::ticket::{KEY_LEAST, TicketKey};
use fanfare_channels::secret::Secret;
use rand::TryRng;
use rand::rngs::SysRng;

use crate::config::Config;
use crate::private_file;

/// Its name in the data directory.
const FILE: &str = "handoff.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandOffKeyError {
    /// Each node would have another one.
    #[error("nodes that share a database need one key: set hand_off.key (FANFARE_HAND_OFF__KEY)")]
    Shared,
    /// The file can't be read or made.
    #[error("cannot keep the key in {path}", path = .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
    /// What is there is no key.
    #[error("the key in {path} has fewer than {KEY_LEAST} characters; remove the file, and pages that are open are lost", path = .0.display())]
    Short(PathBuf),
}

/// The configured key, else the one in the data directory, which is made there
/// the first time.
pub(crate) fn find(config: &Config) -> Result<TicketKey, HandOffKeyError> {
    let path = config.data_dir.join(FILE);
    let key = match &config.hand_off.key {
        Some(key) => key.clone(),
        None if config.database_url.is_some() => return Err(HandOffKeyError::Shared),
        None => kept(&path)?,
    };
    TicketKey::new(&key).ok_or(HandOffKeyError::Short(path))
}

fn kept(path: &Path) -> Result<Secret, HandOffKeyError> {
    let failed = |error| HandOffKeyError::File(path.to_owned(), error);
    match std::fs::read_to_string(path) {
        Ok(key) => return Ok(Secret::new(key.trim())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut random = [0; KEY_LEAST];
    SysRng
        .try_fill_bytes(&mut random)
        .map_err(|_unavailable| HandOffKeyError::Randomness)?;
    let key = URL_SAFE_NO_PAD.encode(random);
    private_file::create(path, key.as_bytes()).map_err(failed)?;
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(data: &Path) -> Config {
        Config {
            data_dir: data.to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let config = config(data.path());
        find(&config).unwrap();
        let path = data.path().join(FILE);
        let made = std::fs::read_to_string(&path).unwrap();
        assert_eq!(made.len(), 43);
        find(&config).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(find(&config), Err(HandOffKeyError::Short(_))));
    }

    #[test]
    fn nodes_that_share_a_database_must_be_given_one() {
        let data = tempfile::tempdir().unwrap();
        let mut config = config(data.path());
        config.database_url = Some(Secret::new("postgres://a@b/c"));
        assert!(matches!(find(&config), Err(HandOffKeyError::Shared)));
        config.hand_off.key = Some(Secret::new("k".repeat(KEY_LEAST)));
        assert!(find(&config).is_ok());
        assert!(!data.path().join(FILE).exists());
    }
}
