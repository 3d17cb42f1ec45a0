//! Which telephone lines were verified for which tenant: only theirs get another
//! ring-back tone. Who verified them, and how, is the operator's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::TenantId;
use crate::phone::{Phone, PhoneError};

/// The lines of each tenant, in E.164.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedNumbers(BTreeMap<TenantId, BTreeSet<String>>);

/// A number that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{number:?} is no Korean telephone number")]
pub struct BadNumber {
    /// As it was given.
    pub number: String,
    /// What is wrong with it.
    pub why: PhoneError,
}

impl VerifiedNumbers {
    /// Of numbers as people write them, by tenant.
    pub fn new<'n>(numbers: impl IntoIterator<Item = (&'n str, &'n str)>) -> Result<Self, BadNumber> {
        let mut verified: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (tenant, number) in numbers {
            let phone = Phone::parse(number).map_err(|why| BadNumber {
                number: number.to_owned(),
                why,
            })?;
            verified.entry(TenantId::new(tenant)).or_default().insert(phone.e164);
        }
        Ok(Self(verified))
    }

    /// Whether the line was verified for this tenant.
    pub fn holds(&self, tenant: &TenantId, e164: &str) -> bool {
        self.0.get(tenant).is_some_and(|lines| lines.contains(e164))
    }

    /// One of them, whoever's it is.
    pub fn any(&self) -> Option<&str> {
        self.0.values().flatten().next().map(String::as_str)
    }

    /// Nobody has any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_its_tenant_however_it_is_written() {
        let verified = VerifiedNumbers::new([("default", "02-555-0134"), ("cafe-1", "+82 2 555 0199")]).unwrap();
        let (default, cafe) = (TenantId::default(), TenantId::new("cafe-1"));
        assert!(verified.holds(&default, "+8225550134") && verified.holds(&cafe, "+8225550199"));
        assert!(!verified.holds(&default, "+8225550199") && !verified.holds(&cafe, "+8225550134"));
        assert!(!verified.holds(&TenantId::new("other"), "+8225550134"));
        assert_eq!(
            (verified.any(), VerifiedNumbers::default().any()),
            (Some("+8225550199"), None)
        );
        assert!(VerifiedNumbers::default().is_empty() && !verified.is_empty());
    }

    #[test]
    fn a_number_that_can_t_be_read_is_named() {
        let bad = VerifiedNumbers::new([("default", "12")]).unwrap_err();
        assert!(bad.to_string().contains("\"12\""), "{bad}");
    }
}
