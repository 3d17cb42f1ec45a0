//! API keys: how one is made and read, and which of them open the door.
//!
//! A key is `ff_` and 256 bits of the system's randomness in base64url. It is
//! shown once, to who makes it; only its SHA-256 is kept. Where keys are kept is
//! the ledger's business, which route asks for which scope the API's.

mod keyring;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_channels::secret::Secret;
use fanfare_core::api_key::{ApiKey, KeyHash, KeyId, Scope};
use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use uuid::Builder;

pub use self::keyring::{Keyring, KeyringError};

/// Begins every key, so that scanners of leaked secrets know one.
const START: &str = "ff_";

/// Random bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Characters of a key that are kept and shown; the rest still holds 214 bits.
const PREFIX_LENGTH: usize = 10;

/// A key that was just made.
#[derive(Debug)]
pub struct NewKey {
    /// The key itself, for its owner's eyes.
    pub text: Secret,
    /// What is kept to know it by.
    pub hash: KeyHash,
    /// What may be shown of it.
    pub key: ApiKey,
}

impl NewKey {
    /// Makes one; `random` and `id` come from the system's randomness.
    pub fn make(
        (random, id): ([u8; KEY_BYTES], [u8; 16]),
        tenant: TenantId,
        name: String,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Self {
        let text = format!("{START}{}", URL_SAFE_NO_PAD.encode(random));
        let key = ApiKey {
            id: KeyId(Builder::from_random_bytes(id).into_uuid()),
            tenant,
            name,
            prefix: text[..PREFIX_LENGTH].to_owned(),
            scopes: Scope::ALL.into_iter().filter(|scope| scopes.contains(scope)).collect(),
            created_at: now,
            revoked_at: None,
        };
        Self {
            hash: KeyHash::of(&text),
            text: Secret::new(text),
            key,
        }
    }
}

/// By what a key is looked up; `None` for what can't be one.
///
/// The look-up compares hashes, and may take longer the more of them is alike:
/// who measures that learns something of a hash, whose first bytes nobody can
/// choose, and nothing of a key.
pub fn hash_of(text: &str) -> Option<KeyHash> {
    let random = URL_SAFE_NO_PAD.decode(text.strip_prefix(START)?).ok()?;
    (random.len() == KEY_BYTES).then(|| KeyHash::of(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(byte: u8, scopes: &[Scope]) -> NewKey {
        let tenant = TenantId::new("cafe");
        NewKey::make(
            ([byte; KEY_BYTES], [byte; 16]),
            tenant,
            "till".to_owned(),
            scopes,
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_key_is_known_by_its_hash_and_shown_by_its_prefix() {
        let new = made(0xfb, &[Scope::Read, Scope::Distribute, Scope::Read]);
        let text = new.text.reveal();
        assert_eq!(text, "ff_-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        assert_eq!(hash_of(text), Some(new.hash));
        assert_eq!(new.key.prefix, "ff_-_v7-_v");
        assert_eq!(new.key.scopes, [Scope::Distribute, Scope::Read]);
        assert_eq!(new.key.id.0.get_version_num(), 4);
        assert!(!format!("{new:?}").contains(text), "it is never shown");
        assert_ne!(made(1, &[]).hash, made(2, &[]).hash);
    }

    #[test]
    fn what_cannot_be_a_key_is_not_looked_up() {
        let new = made(7, &[]);
        let text = new.text.reveal();
        for bad in [
            "",
            "ff_",
            &text[3..],
            &text[..45],
            &format!("{text}A"),
            &text.to_uppercase(),
            &text.replace("ff_", "sk_"),
            &format!("{}=", &text[..45]),
            "ff_열쇠",
        ] {
            assert_eq!(hash_of(bad), None, "{bad}");
        }
    }
}
