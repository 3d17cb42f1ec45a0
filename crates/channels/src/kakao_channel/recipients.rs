//! Who is sent the message: where the tenant's lists come from, and how a list is
//! cut into requests.
//!
//! A number is in memory while a request is made and nowhere else of ours: not in
//! a checkpoint, a receipt, a log or an error (I20). Where a list was cut is
//! therefore kept as buckets: each number falls into one of 65,536 by a hash that
//! differs from delivery to delivery, and a request takes whole buckets. A bucket
//! of Korea's mobile numbers has some 1,500; its name names nobody. And whoever
//! joins or leaves a list between two requests moves nobody else into another one.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use fanfare_core::advertising::{Consent, Reason, may_receive};
use fanfare_core::ids::{DeliveryId, TenantId};
use fanfare_core::recipients::BlockedCounts;
use jiff::Timestamp;
use uuid::Uuid;

use crate::secret::Secret;

/// Recipients of one request (NHN Cloud's guide).
pub const RECIPIENTS_MAX: usize = 1_000;

/// Somebody on a list.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The mobile number in national form, digits only: `01012345678`.
    pub number: Secret,
    /// What proves that they may be sent advertising.
    pub consent: Option<Consent>,
    /// Wants nothing more, whatever was consented to.
    pub suppressed: bool,
}

/// Why there is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientsError {
    /// There is none of that name for this tenant.
    #[error("there is no such recipient list")]
    Unknown,
    /// It can't be read now; whoever holds it has said why, where it is handled.
    #[error("the recipient list could not be read")]
    Unreadable,
}

/// Where recipients come from; the service's.
#[async_trait]
pub trait Recipients: Debug + Send + Sync {
    /// Everybody on a tenant's list.
    async fn of(&self, tenant: &TenantId, list: &str) -> Result<Vec<Recipient>, RecipientsError>;

    /// Whether there is such a list; nothing where that is not known now.
    async fn has(&self, tenant: &TenantId, list: &str) -> Option<bool> {
        match self.of(tenant, list).await {
            Ok(_) => Some(true),
            Err(RecipientsError::Unknown) => Some(false),
            Err(RecipientsError::Unreadable) => None,
        }
    }

    /// Those of the people of one request whom the sender's frequency cap lets be sent
    /// one more, in their order. From now on it counts for them, before it is sent: of
    /// two deliveries at once one sees the other. Other requests of the same delivery
    /// do not count. `request` names it as the channel knows it, and the same name
    /// again takes the place of what it said before.
    ///
    /// # Errors
    /// [`RecipientsError::Unreadable`]: who was sent what is not known, so nobody may be.
    async fn admit(
        &self,
        _tenant: &TenantId,
        _request: &str,
        people: Vec<Secret>,
        _now: Timestamp,
    ) -> Result<Vec<Secret>, RecipientsError> {
        // Without a cap, everybody.
        Ok(people)
    }

    /// The request has provably reached nobody: it counts for nobody.
    async fn release(&self, _tenant: &TenantId, _request: &str) {}
}

/// Somebody who may be sent it: the bucket, and the number.
pub(super) type Person = (u16, Secret);

/// Those of a list who may be sent the message now, in the order of the delivery.
#[derive(Debug)]
pub(super) struct Allowed {
    /// Ordered by bucket, and within it by number.
    people: Vec<Person>,
    /// Those who may not, by why.
    pub(super) blocked: BlockedCounts,
}

impl Recipient {
    fn may_receive(&self, now: Timestamp) -> Result<(), Reason> {
        if self.suppressed {
            return Err(Reason::Suppressed);
        }
        may_receive(self.consent.as_ref(), now)
    }
}

impl Allowed {
    pub(super) fn of(list: Vec<Recipient>, delivery: DeliveryId, now: Timestamp) -> Self {
        // A number that stands on a list twice is one person.
        let mut persons: BTreeMap<String, Result<(), Reason>> = BTreeMap::new();
        for row in list {
            let may = row.may_receive(now);
            let number = row.number.reveal().to_owned();
            let so_far = persons.entry(number).or_insert(may);
            *so_far = together(*so_far, may);
        }
        let mut blocked = BlockedCounts::default();
        let mut people = Vec::new();
        for (number, may) in persons {
            let number = Secret::new(number);
            match may {
                Ok(()) => people.push((bucket(delivery, &number), number)),
                Err(reason) => blocked.add(reason),
            }
        }
        people.sort_by(|(bucket, number), (other, another)| (bucket, number.reveal()).cmp(&(other, another.reveal())));
        Self { people, blocked }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Up to which bucket the next request goes, after what is done; nothing where
    /// nobody is left.
    pub(super) fn next_until(&self, after: Option<u16>, most: usize) -> Option<u16> {
        let rest = self.after(after);
        let (first, _) = rest.first()?;
        // Whole buckets only. One that is too large alone is cut where it is sent.
        let Some((beyond, _)) = rest.get(most) else {
            return rest.last().map(|(last, _)| *last);
        };
        let fits = rest[..most].iter().rev().find(|(bucket, _)| bucket < beyond);
        Some(fits.map_or(*first, |(bucket, _)| *bucket))
    }

    /// Those of one request.
    pub(super) fn between(&self, after: Option<u16>, until: u16) -> &[Person] {
        let rest = self.after(after);
        let end = rest.partition_point(|(bucket, _)| *bucket <= until);
        &rest[..end]
    }

    /// Those who come after.
    pub(super) fn after(&self, after: Option<u16>) -> &[Person] {
        let done = |(bucket, _): &Person| after.is_some_and(|after| *bucket <= after);
        let start = self.people.partition_point(done);
        &self.people[start..]
    }
}

/// What two rows of one number say: who wants nothing more in one of them wants
/// nothing more; beside that, one consent is enough.
fn together(one: Result<(), Reason>, other: Result<(), Reason>) -> Result<(), Reason> {
    let wants_nothing = |may: &Result<(), Reason>| matches!(may, Err(Reason::Suppressed | Reason::Withdrawn));
    if wants_nothing(&one) || other.is_err() && !wants_nothing(&other) {
        one
    } else {
        other
    }
}

fn bucket(delivery: DeliveryId, number: &Secret) -> u16 {
    let hash = Uuid::new_v5(&delivery.0, number.reveal().as_bytes());
    let [first, second, ..] = *hash.as_bytes();
    u16::from_be_bytes([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: usize) -> Recipient {
        Recipient {
            number: Secret::new(format!("010{number:08}")),
            consent: Some(Consent {
                who: "customer".to_owned(),
                at: "2026-01-01T00:00:00Z".parse().unwrap(),
                how: "form".to_owned(),
                advertising: true,
                night: false,
                withdrawn_at: None,
                reconfirmed_at: None,
            }),
            suppressed: false,
        }
    }

    fn allowed(people: Vec<Recipient>) -> Allowed {
        let now = "2026-11-24T01:00:00Z".parse().unwrap();
        Allowed::of(people, DeliveryId(Uuid::from_u128(7)), now)
    }

    /// Each request's people.
    fn requests(allowed: &Allowed) -> Vec<Vec<String>> {
        let (mut after, mut requests) = (None, Vec::new());
        while let Some(until) = allowed.next_until(after, RECIPIENTS_MAX) {
            let people = allowed.between(after, until);
            requests.push(people.iter().map(|(_, number)| number.reveal().to_owned()).collect());
            after = Some(until);
        }
        requests
    }

    #[test]
    fn everybody_is_in_one_request_of_at_most_a_thousand() {
        for people in [0, 1, 999, 1_000, 1_001, 2_500, 9_000] {
            let allowed = allowed((0..people).map(person).collect());
            let requests = requests(&allowed);
            assert!(
                requests
                    .iter()
                    .all(|request| (1..=RECIPIENTS_MAX).contains(&request.len()))
            );
            assert_eq!(requests.len() <= 1, people <= 1_000, "{people}");
            let mut all: Vec<_> = requests.concat();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), people);
        }
    }

    /// A list that changes while it is sent: nobody is sent it twice.
    #[test]
    fn who_joins_or_leaves_moves_nobody_else() {
        let before = allowed((0..3_000).map(person).collect());
        let first = before.next_until(None, RECIPIENTS_MAX).unwrap();
        let sent: Vec<_> = before.between(None, first).to_vec();
        let changed = allowed((700..5_000).map(person).collect());
        let mut later = changed.after(Some(first)).to_vec();
        later.retain(|(_, number)| sent.iter().any(|(_, other)| other == number));
        assert!(later.is_empty());
    }

    #[test]
    fn who_wants_nothing_more_in_one_row_is_sent_nothing_for_another() {
        let withdrawn = || {
            let mut row = person(1);
            row.consent.as_mut().unwrap().withdrawn_at = Some("2026-10-01T00:00:00Z".parse().unwrap());
            row
        };
        let suppressed = || Recipient {
            suppressed: true,
            ..person(1)
        };
        let unproved = || Recipient {
            consent: None,
            ..person(1)
        };
        let of = |rows: Vec<Recipient>| {
            let allowed = allowed(rows);
            (allowed.people.len(), allowed.blocked.total())
        };
        let withdrawn_without_name = || {
            let mut row = withdrawn();
            row.consent.as_mut().unwrap().who.clear();
            row
        };
        for no in [withdrawn(), withdrawn_without_name(), suppressed()] {
            assert_eq!(of(vec![person(1), no.clone()]), (0, 1));
            assert_eq!(of(vec![no.clone(), person(1)]), (0, 1));
            assert_eq!(of(vec![no.clone(), unproved(), person(1)]), (0, 1));
            assert_eq!(of(vec![unproved(), no, person(1), person(2)]), (1, 1));
        }
        // A row that proves nothing takes nothing back.
        assert_eq!(of(vec![unproved(), person(1)]), (1, 0));
        assert_eq!(of(vec![person(1), unproved(), person(1)]), (1, 0));
    }

    #[test]
    fn who_may_not_be_sent_anything_is_counted_and_left_out() {
        let mut people: Vec<_> = (0..5).map(person).collect();
        people[1].consent = None;
        people[2].suppressed = true;
        people.push(person(0));
        let allowed = allowed(people);
        let why = BlockedCounts {
            no_evidence: 1,
            suppressed: 1,
            ..BlockedCounts::default()
        };
        assert_eq!((allowed.people.len(), allowed.blocked), (3, why), "a repeat is nobody");
        assert!(!format!("{allowed:?}").contains("010"), "a number is never shown");
    }
}
