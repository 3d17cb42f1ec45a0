//! The signed name of one task: whoever holds it may see the post and say that
//! it is done. It stands in the page's address, so that a person needs no key
//! and no account, and nothing of it has to be stored.
//!
//! It names the tenant, the distribution, the channel, the generation and the
//! time by which it is to be done; a redrive makes another one.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use fanfare_core::channel::Channel;
use fanfare_core::ids::{DistributionId, TenantId};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::secret::Secret;

/// What this key signs, and nothing else that it might sign one day.
const PURPOSE: &[u8] = b"fanfare hand-off 1\0";

/// Longest ticket that is looked at, in bytes.
const TICKET_MAX: usize = 1_024;

/// Shortest key, in bytes.
pub const KEY_LEAST: usize = 32;

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub tenant: TenantId,
    /// Of which distribution.
    pub distribution: DistributionId,
    /// On which channel.
    pub channel: Channel,
    /// Which generation of the delivery.
    pub generation: u32,
    /// When its time is over, to the second.
    pub until: Timestamp,
}

/// What tickets are signed with.
#[derive(Clone)]
pub struct TicketKey(Hmac<Sha256>);

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl TicketKey {
    /// `None` where it is shorter than [`KEY_LEAST`].
    pub fn new(key: &Secret) -> Option<Self> {
        let key = Some(key.reveal().as_bytes()).filter(|key| key.len() >= KEY_LEAST)?;
        Hmac::new_from_slice(key).ok().map(Self)
    }

    /// The ticket as it stands in an address.
    pub fn sign(&self, ticket: &Ticket) -> String {
        let Ticket {
            tenant,
            distribution,
            channel,
            generation,
            until,
        } = ticket;
        let (channel, tenant) = (channel.name(), tenant.as_str());
        let named = format!("{distribution} {channel} {generation} {} {tenant}", until.as_second());
        let named = BASE64.encode(named);
        let signature = self.mac(&named).finalize().into_bytes();
        format!("{named}.{}", BASE64.encode(signature))
    }

    /// The ticket, where we have signed it. Whether its time is over is not
    /// looked at.
    pub fn open(&self, text: &str) -> Option<Ticket> {
        if text.len() > TICKET_MAX {
            return None;
        }
        let (named, signature) = text.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        self.mac(named).verify_slice(&signature).ok()?;
        let named = String::from_utf8(BASE64.decode(named).ok()?).ok()?;
        let mut parts = named.splitn(5, ' ');
        let mut next = || parts.next();
        Some(Ticket {
            distribution: next()?.parse().ok()?,
            channel: Channel::from_name(next()?)?,
            generation: next()?.parse().ok()?,
            until: Timestamp::from_second(next()?.parse().ok()?).ok()?,
            tenant: TenantId::new(next()?),
        })
    }

    fn mac(&self, named: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(PURPOSE).chain_update(named)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(text: &str) -> TicketKey {
        TicketKey::new(&Secret::new(text.repeat(KEY_LEAST))).unwrap()
    }

    fn ticket(tenant: &str) -> Ticket {
        Ticket {
            tenant: TenantId::new(tenant),
            distribution: DistributionId(Uuid::from_u128(7)),
            channel: Channel::NaverBlog,
            generation: 3,
            until: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_signed_is_opened_and_can_stand_in_an_address() {
        for tenant in ["default", "카페 두 곳", "a.b/c"] {
            let text = key("k").sign(&ticket(tenant));
            assert_eq!(key("k").open(&text), Some(ticket(tenant)));
            assert!(
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_else_is_opened() {
        let text = key("k").sign(&ticket("default"));
        assert_eq!(key("l").open(&text), None, "another key");
        let (named, signature) = text.split_once('.').unwrap();
        let other = key("k").sign(&ticket("cafe"));
        let (other, _) = other.split_once('.').unwrap();
        for forged in [
            String::new(),
            ".".to_owned(),
            named.to_owned(),
            format!("{named}."),
            format!("{other}.{signature}"),
            format!("{named}.{}", &signature[..signature.len() - 4]),
            format!("{text}.x"),
            format!("{text}{}", "A".repeat(TICKET_MAX)),
        ] {
            assert_eq!(key("k").open(&forged), None, "{forged}");
        }
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            assert_eq!(key("k").open(&forged), None, "{place}");
        }
        assert!(TicketKey::new(&Secret::new("short")).is_none());
    }

    #[test]
    fn the_key_is_never_shown() {
        assert!(!format!("{:?}", key("canary")).contains("canary"));
    }
}
