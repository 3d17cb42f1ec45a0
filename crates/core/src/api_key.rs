//! Who may do what through the API: keys and their scopes. The key itself is
//! never kept, only its hash; making and reading keys is the service's business.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::TenantId;

/// Names a key without being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyId(pub Uuid);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Of a key's whole text. It needs no salt and no slow hash: nobody guesses
    /// 256 random bits.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// A key, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Which.
    pub id: KeyId,
    /// Whose data it opens.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// The first characters of the key, by which its owner knows it again.
    pub prefix: String,
    /// What it may do, without repetition, in the order of [`Scope::ALL`].
    pub scopes: Vec<Scope>,
    /// Since when it is.
    pub created_at: Timestamp,
    /// Since when it opens nothing any more.
    pub revoked_at: Option<Timestamp>,
}

/// What a key may do. None includes another, but for [`Scope::Admin`], which
/// includes all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Send, preview.
    Distribute,
    /// Read what was sent and what came of it.
    Read,
    /// Decide: retry, resolve, replay events.
    Operate,
    /// Everything, keys included.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Distribute, Self::Read, Self::Operate, Self::Admin];

    /// Its word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Distribute => "distribute",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// By its word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ApiKey {
    /// Whether it opens what asks for this scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.revoked_at.is_none() && self.scopes.iter().any(|held| *held == scope || *held == Scope::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: &[Scope], revoked_at: Option<Timestamp>) -> ApiKey {
        ApiKey {
            id: KeyId(Uuid::nil()),
            tenant: TenantId::default(),
            name: "till".to_owned(),
            prefix: "ff_abcd".to_owned(),
            scopes: scopes.to_vec(),
            created_at: Timestamp::UNIX_EPOCH,
            revoked_at,
        }
    }

    #[test]
    fn a_key_opens_what_it_names_and_admin_opens_all() {
        let reader = key(&[Scope::Read], None);
        assert!(reader.allows(Scope::Read));
        assert!(!reader.allows(Scope::Distribute));
        assert!(Scope::ALL.iter().all(|scope| key(&[Scope::Admin], None).allows(*scope)));
        let revoked = key(&Scope::ALL, Some(Timestamp::UNIX_EPOCH));
        assert!(!Scope::ALL.iter().any(|scope| revoked.allows(*scope)));
    }

    #[test]
    fn a_scope_is_known_by_its_word() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.name()), Some(scope));
        }
        assert_eq!(Scope::from_name("Admin"), None);
    }
}
