//! A message to many people, in numbers: what became of it for how many of them.
//!
//! Deliberately absent: who they are. No number leaves the list that it is on (I20).

use serde::{Deserialize, Serialize};

use crate::advertising::Reason;

/// How many people, by what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecipientCounts {
    /// The channel took it for them; what is neither `delivered` nor `failed` of these
    /// is not known yet.
    // Earlier versions wrote neither it nor `capped`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sent: u32,
    /// It arrived.
    pub delivered: u32,
    /// It did not arrive.
    pub failed: u32,
    /// The channel refused them at once.
    pub refused: u32,
    /// Their consent is not proved, or they want nothing.
    pub blocked: u32,
    /// Why, for how many of them; all zero where an earlier version counted them.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub blocked_by: BlockedCounts,
    /// They have been sent as much lately as the frequency cap allows.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub capped: u32,
    /// They were never sent it, since sending had to be given up.
    pub not_sent: u32,
}

/// How many people may not be sent advertising, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockedCounts {
    /// Nothing proves a consent: who, when or how is missing.
    pub no_evidence: u32,
    /// They consented to something else.
    pub not_to_advertising: u32,
    /// They took it back.
    pub withdrawn: u32,
    /// Its two years are over.
    pub not_reconfirmed: u32,
    /// It is night, and they consented for the day.
    pub night: u32,
    /// They are on the list of those who want nothing more.
    pub suppressed: u32,
}

impl BlockedCounts {
    /// One more.
    pub fn add(&mut self, reason: Reason) {
        let count = self.of(reason);
        *count = count.saturating_add(1);
    }

    /// All of them.
    pub fn total(mut self) -> u32 {
        let counts = Reason::ALL.map(|reason| *self.of(reason));
        counts.into_iter().fold(0, u32::saturating_add)
    }

    /// What keeps most of them, and how many; of two that keep as many, the one that
    /// stands first in [`Reason::ALL`]. Nothing where nobody is kept.
    pub fn most(mut self) -> Option<(Reason, u32)> {
        let counted = Reason::ALL.map(|reason| (reason, *self.of(reason)));
        let kept = counted.into_iter().rev().filter(|(_, count)| *count > 0);
        kept.max_by_key(|(_, count)| *count)
    }

    fn of(&mut self, reason: Reason) -> &mut u32 {
        match reason {
            Reason::NoEvidence => &mut self.no_evidence,
            Reason::NotToAdvertising => &mut self.not_to_advertising,
            Reason::Withdrawn => &mut self.withdrawn,
            Reason::NotReconfirmed => &mut self.not_reconfirmed,
            Reason::Night => &mut self.night,
            Reason::Suppressed => &mut self.suppressed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_apart_and_the_largest_is_told() {
        let mut counts = BlockedCounts::default();
        assert_eq!((counts.most(), counts.total()), (None, 0));
        for reason in Reason::ALL {
            let mut one = BlockedCounts::default();
            one.add(reason);
            assert_eq!((one.most(), one.total()), (Some((reason, 1)), 1));
            counts.add(reason);
        }
        assert_eq!(counts.most(), Some((Reason::NoEvidence, 1)), "the first of equals");
        counts.add(Reason::NotReconfirmed);
        assert_eq!((counts.most(), counts.total()), (Some((Reason::NotReconfirmed, 2)), 7));
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let written = r#"{"sent":1,"delivered":1,"failed":0,"refused":0,"blocked":2,"capped":0,"notSent":0}"#;
        let read: RecipientCounts = serde_json::from_str(written).unwrap();
        assert_eq!((read.blocked, read.blocked_by), (2, BlockedCounts::default()));
    }
}
