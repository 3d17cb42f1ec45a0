//! The keys that credentials are sealed with, and how: each value under a key of its
//! own, and that one under a key of the operator's (an envelope). So a new key of the
//! operator's changes what is sealed with it, and no value.
//!
//! Deliberately absent: a key service elsewhere (KMS); the operator's key is in a
//! variable or a file.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Channel;
use fanfare_core::credential::Sealed;
use fanfare_core::ids::TenantId;

use crate::config::Config;
use crate::private_file;
use crate::sealed::{Seal, SealError, random_key};

/// Its name in the data directory.
const FILE: &str = "credentials.key";

/// Letters of a key's mark that name it.
const ID_LETTERS: usize = 12;

/// The operator's keys.
pub(crate) struct KeyRing {
    /// The first seals, all open.
    keys: Vec<(String, Seal)>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyRingError {
    /// Each node would have another one.
    #[error("nodes that share a database need one key: set credentials_key (FANFARE_CREDENTIALS_KEY)")]
    Shared,
    /// The file can't be read or made.
    #[error("cannot read or keep the key in {path}", path = .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// One of them is none.
    #[error("key {0} of credentials_key is refused")]
    Key(usize, #[source] SealError),
    /// There is nothing in it.
    #[error("credentials_key holds no key")]
    Empty,
}

impl KeyRing {
    /// The configured keys; else one that is made once, and kept beside the embedded
    /// database.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub(crate) fn configured(config: &Config) -> Result<Self, KeyRingError> {
        match &config.credentials_key {
            Some(keys) => Self::read(keys),
            None if config.database_url.is_some() => Err(KeyRingError::Shared),
            None => Self::read(&kept(&config.data_dir.join(FILE))?),
        }
    }

    /// The same for who only opens: none is made.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub(crate) fn present(config: &Config) -> Result<Self, KeyRingError> {
        if config.credentials_key.is_some() || config.database_url.is_some() {
            return Self::configured(config);
        }
        let path = config.data_dir.join(FILE);
        let key = fs::read_to_string(&path).map_err(|error| KeyRingError::File(path, error))?;
        Self::read(&Secret::new(key))
    }

    /// Of keys in base64, with commas or line breaks between: the first one seals.
    ///
    /// # Errors
    /// [`KeyRingError::Key`], [`KeyRingError::Empty`].
    pub(crate) fn read(keys: &Secret) -> Result<Self, KeyRingError> {
        let parts = keys
            .reveal()
            .split([',', '\n'])
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let read = |(number, key): (usize, &str)| {
            let seal = Seal::new(key).map_err(|error| KeyRingError::Key(number, error))?;
            let id = seal.mark("fanfare credentials: the name of this key");
            Ok((id.chars().take(ID_LETTERS).collect(), seal))
        };
        let keys: Vec<_> = (1..).zip(parts).map(read).collect::<Result<_, KeyRingError>>()?;
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        Ok(Self { keys })
    }

    /// The name of the key that seals.
    #[cfg(test)]
    pub(crate) fn first_id(&self) -> &str {
        &self.keys[0].0
    }

    /// Seals a value for this place alone.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub(crate) fn close(&self, tenant: &TenantId, channel: Channel, clear: &[u8]) -> Result<Sealed, SealError> {
        let (place, data_key) = (place(tenant, channel), random_key()?);
        let (key_id, key) = &self.keys[0];
        Ok(Sealed {
            key_id: key_id.clone(),
            data_key: key.close(&format!("{place}/key"), &data_key)?,
            value: Seal::of_bytes(&data_key)?.close(&place, clear)?,
        })
    }

    /// Opens it, by whichever key it was sealed with.
    ///
    /// # Errors
    /// [`SealError::Opened`].
    pub(crate) fn open(&self, tenant: &TenantId, channel: Channel, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let data_key = self.data_key(tenant, channel, sealed)?;
        Seal::of_bytes(&data_key)?.open(&place(tenant, channel), &sealed.value)
    }

    /// The same value with its own key sealed by the first one; nothing where it is.
    ///
    /// # Errors
    /// [`SealError::Opened`].
    pub(crate) fn rotate(
        &self,
        tenant: &TenantId,
        channel: Channel,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, SealError> {
        let (key_id, key) = &self.keys[0];
        if sealed.key_id == *key_id {
            return Ok(None);
        }
        let data_key = self.data_key(tenant, channel, sealed)?;
        Ok(Some(Sealed {
            key_id: key_id.clone(),
            data_key: key.close(&format!("{}/key", place(tenant, channel)), &data_key)?,
            value: sealed.value.clone(),
        }))
    }

    fn data_key(&self, tenant: &TenantId, channel: Channel, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let known = self.keys.iter().find(|(id, _)| *id == sealed.key_id);
        let (_, key) = known.ok_or(SealError::Opened)?;
        key.open(&format!("{}/key", place(tenant, channel)), &sealed.data_key)
    }
}

/// What is sealed is worth nothing elsewhere. A channel's name has no slash.
fn place(tenant: &TenantId, channel: Channel) -> String {
    format!("credentials/{channel}/{}", tenant.as_str())
}

fn kept(path: &Path) -> Result<Secret, KeyRingError> {
    let failed = |error| KeyRingError::File(path.to_owned(), error);
    let read = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Ok(None),
        _ => Err(failed(error)),
    };
    if let Some(key) = fs::read_to_string(path).map_or_else(read, |key| Ok(Some(key)))? {
        return Ok(Secret::new(key));
    }
    let key = random_key().map_err(|error| KeyRingError::Key(1, error))?;
    match private_file::create(path, STANDARD.encode(key).as_bytes()) {
        // A command and a service may begin at the same time.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => fs::read_to_string(path).map(Secret::new).map_err(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn ring(keys: &str) -> KeyRing {
        KeyRing::read(&Secret::new(keys)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_alone() {
        let (keys, tenant) = (ring(KEY), TenantId::default());
        let sealed = keys.close(&tenant, Channel::Instagram, b"canary").unwrap();
        assert!(!format!("{sealed:?}").contains("canary"));
        let open = |tenant: &TenantId, channel| keys.open(tenant, channel, &sealed);
        assert_eq!(open(&tenant, Channel::Instagram).unwrap(), b"canary");
        assert_eq!(open(&tenant, Channel::GenieTV), Err(SealError::Opened));
        assert_eq!(open(&TenantId::new("cafe"), Channel::Instagram), Err(SealError::Opened));
        let again = keys.close(&tenant, Channel::Instagram, b"canary").unwrap();
        assert_ne!(
            (sealed.value, sealed.data_key),
            (again.value, again.data_key),
            "a key of its own"
        );
    }

    #[test]
    fn a_new_key_opens_what_the_old_one_sealed_and_takes_it_over() {
        let tenant = TenantId::default();
        let old = ring(KEY).close(&tenant, Channel::Instagram, b"canary").unwrap();
        let both = ring(&format!("{OTHER}, \n{KEY}"));
        assert_eq!(both.open(&tenant, Channel::Instagram, &old).unwrap(), b"canary");
        let new = both.rotate(&tenant, Channel::Instagram, &old).unwrap().unwrap();
        assert_eq!(new.value, old.value, "only the key of it is sealed anew");
        assert_eq!(both.rotate(&tenant, Channel::Instagram, &new), Ok(None));
        assert_eq!(ring(OTHER).open(&tenant, Channel::Instagram, &new).unwrap(), b"canary");
        assert_eq!(
            ring(KEY).open(&tenant, Channel::Instagram, &new),
            Err(SealError::Opened)
        );
        assert_eq!(
            ring(OTHER).rotate(&tenant, Channel::Instagram, &old),
            Err(SealError::Opened)
        );
        assert_eq!(new.key_id, both.first_id());
    }

    #[test]
    fn a_key_that_is_none_is_named_by_its_number_and_not_shown() {
        for (keys, words) in [
            ("", "no key"),
            (" , ", "no key"),
            ("canary", "key 1"),
            (&format!("{KEY},canary"), "key 2"),
        ] {
            let error = KeyRing::read(&Secret::new(keys)).err().unwrap().to_string();
            assert!(error.contains(words) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn one_is_made_beside_the_embedded_database_and_none_for_a_shared_one() {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        let first = KeyRing::configured(&config).unwrap();
        assert_eq!(KeyRing::configured(&config).unwrap().first_id(), first.first_id());
        config.database_url = Some(Secret::new("postgres://a@b/c"));
        assert!(matches!(KeyRing::configured(&config), Err(KeyRingError::Shared)));
        config.credentials_key = Some(Secret::new(KEY));
        assert!(KeyRing::configured(&config).is_ok());
    }
}
