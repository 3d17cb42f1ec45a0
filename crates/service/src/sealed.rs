//! One key, and what it seals: AES-256-GCM with a random nonce for what must be
//! read again, a keyed hash for what must only be recognised. Shared by the lists of
//! recipients and by credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRng;
use rand::rngs::SysRng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// The key; it is shown nowhere.
pub(crate) struct Seal {
    seals: LessSafeKey,
    marks: hmac::Key,
}

/// A key that nobody has had before.
pub(crate) fn random_key() -> Result<[u8; KEY_BYTES], SealError> {
    let mut key = [0; KEY_BYTES];
    SysRng.try_fill_bytes(&mut key).map_err(|_none| SealError::Random)?;
    Ok(key)
}

/// What could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is no key.
    #[error("the key must be 32 random bytes in base64, such as `openssl rand -base64 32` gives")]
    Key,
    /// It was sealed with another key, for another place, or changed since.
    #[error("an entry was sealed with another key, or changed since")]
    Opened,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl Seal {
    /// Of 32 bytes in base64. What marks numbers is derived, so that the two uses
    /// of the key have nothing to do with each other.
    pub(crate) fn new(key: &str) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(key.trim()).map_err(|_malformed| SealError::Key)?;
        Self::of_bytes(&bytes)
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() != KEY_BYTES {
            return Err(SealError::Key);
        }
        let seals = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_malformed| SealError::Key)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"fanfare recipients: marks");
        Ok(Self {
            seals: LessSafeKey::new(seals),
            marks: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }

    /// A line of text that only this key opens, and only at this place.
    pub(crate) fn close(&self, place: &str, clear: &[u8]) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SysRng.try_fill_bytes(&mut nonce).map_err(|_none| SealError::Random)?;
        let mut sealed = clear.to_vec();
        let aad = Aad::from(place.as_bytes());
        let unique = Nonce::assume_unique_for_key(nonce);
        self.seals
            .seal_in_place_append_tag(unique, aad, &mut sealed)
            .map_err(|_too_long| SealError::Opened)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    pub(crate) fn open(&self, place: &str, line: &str) -> Result<Vec<u8>, SealError> {
        let bytes = STANDARD.decode(line).map_err(|_malformed| SealError::Opened)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Opened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_malformed| SealError::Opened)?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .seals
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut sealed);
        Ok(opened.map_err(|_forged| SealError::Opened)?.to_vec())
    }

    /// By which this key is recognised; no number has this mark.
    pub(crate) fn check(&self) -> String {
        self.mark("fanfare recipients: the key of these marks")
    }

    /// By which a number is recognised, and not read.
    pub(crate) fn mark(&self, number: &str) -> String {
        STANDARD.encode(hmac::sign(&self.marks, number.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn only_the_key_opens_it_and_only_at_its_place() {
        let seal = Seal::new(KEY).unwrap();
        let line = seal.close("default/friends", b"01012345678").unwrap();
        assert!(!line.contains("0101234"));
        assert_ne!(
            line,
            seal.close("default/friends", b"01012345678").unwrap(),
            "a nonce of its own"
        );
        assert_eq!(seal.open("default/friends", &line).unwrap(), b"01012345678");
        assert_eq!(seal.open("cafe/friends", &line), Err(SealError::Opened));
        assert_eq!(
            Seal::new(OTHER).unwrap().open("default/friends", &line),
            Err(SealError::Opened)
        );
        for broken in ["", "AAAA", "no base64!", &line[..line.len() - 4]] {
            assert_eq!(seal.open("default/friends", broken), Err(SealError::Opened), "{broken}");
        }
    }

    #[test]
    fn a_key_is_32_bytes() {
        for bad in ["", "short", "AAEC", &KEY[..40]] {
            assert_eq!(Seal::new(bad).err(), Some(SealError::Key), "{bad}");
        }
        let (one, other) = (Seal::new(KEY).unwrap(), Seal::new(OTHER).unwrap());
        assert_eq!(one.mark("010"), one.mark("010"));
        assert_ne!(one.mark("010"), other.mark("010"));
    }
}
