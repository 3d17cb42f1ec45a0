//! Identifiers. All are made from time and randomness that are passed in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A `UUIDv7` (RFC 9562): later ones sort after earlier ones.
            pub fn new(now: Timestamp, rng: &mut dyn Rng) -> Self {
                let mut random = [0; 10];
                rng.fill_bytes(&mut random);
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One accepted request to distribute; a row of `distribution_logs`.
    DistributionId
);
uuid_id!(
    /// One channel's share of a distribution; with the generation it is the
    /// channel's idempotency key.
    DeliveryId
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; whoever reads it from outside checks it first.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Whose data it is; part of every key of the database.
    TenantId
);
text_id!(
    /// The Event Service's name for the event that is announced.
    EventId
);
text_id!(
    /// A client's name for one request (`Idempotency-Key`).
    IdempotencyKey
);

/// The one tenant of a service without API keys.
const DEFAULT_TENANT: &str = "default";

impl Default for TenantId {
    fn default() -> Self {
        Self::new(DEFAULT_TENANT)
    }
}

impl TenantId {
    /// Bytes of a name, at the most.
    pub const NAME_MAX: usize = 64;

    /// One that is named from outside: it becomes a part of keys in databases and caches.
    /// Nothing where no tenant has such a name.
    pub fn named(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let fits = (1..=Self::NAME_MAX).contains(&text.len()) && text.bytes().all(plain);
        fits.then(|| Self::new(text))
    }

    /// Whether it is the one of a service without API keys, whose accounts are the
    /// configured ones.
    pub fn is_default(&self) -> bool {
        self.as_str() == DEFAULT_TENANT
    }
}

/// One life of one node; the fencing token. A later one outranks an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
