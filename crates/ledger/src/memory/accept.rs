//! Accepting a distribution in memory: its own repeat, its key, its claims.

use std::collections::BTreeMap;

use fanfare_core::channel::Channel;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{EventId, IdempotencyKey, TenantId};
use fanfare_core::write::{Acceptance, Holder, Written};

use super::{Key, Memory, Row};
use crate::store::KEY_LIFETIME;

impl Memory {
    pub(super) fn accept(&mut self, acceptance: &Acceptance) -> Written {
        let distribution = &acceptance.distribution;
        let own = (distribution.tenant.clone(), distribution.id);
        if !self.rows.contains_key(&own) {
            if let Some(refusal) = self.refusal(acceptance) {
                return refusal;
            }
            if acceptance.only_if_known {
                return Written::NotKnown;
            }
            self.insert(acceptance);
        }
        Written::Accepted {
            others: self.others_of(distribution),
        }
    }

    /// Why it is not accepted. With `allowRepeat`, nobody's claim is a reason,
    /// but without a key the same body is a repeat all the same.
    fn refusal(&self, acceptance: &Acceptance) -> Option<Written> {
        let distribution = &acceptance.distribution;
        let key = acceptance.idempotency_key.as_ref();
        let replay = key.and_then(|key| self.answer_by_key(&distribution.tenant, key, distribution));
        if replay.is_some() {
            return replay;
        }
        self.held(acceptance).or_else(|| {
            let over = self.overspent(&distribution.tenant, distribution.id, &acceptance.spends);
            (!over.is_empty()).then_some(Written::OverSpent { over })
        })
    }

    fn held(&self, acceptance: &Acceptance) -> Option<Written> {
        let (distribution, key) = (&acceptance.distribution, acceptance.idempotency_key.as_ref());
        let holders = self.holders(distribution);
        let same = |holder: &&Holder| self.asked_the_same(holder, distribution);
        match holders.iter().find(same) {
            _ if holders.is_empty() => None,
            Some(holder) if key.is_none() => Some(Written::Replayed {
                existing: holder.distribution,
            }),
            _ if distribution.request.request.allow_repeat => None,
            _ => Some(Written::Held { holders }),
        }
    }

    fn answer_by_key(&self, tenant: &TenantId, key: &IdempotencyKey, new: &Distribution) -> Option<Written> {
        let known = self.keys.get(&(tenant.clone(), key.clone()))?;
        if new.accepted_at.duration_since(known.accepted_at) >= KEY_LIFETIME {
            return None;
        }
        let existing = known.distribution;
        Some(if known.hash == new.request.hash {
            Written::Replayed { existing }
        } else {
            Written::KeyReused { existing }
        })
    }

    /// Who holds the claims that this one wants.
    fn holders(&self, distribution: &Distribution) -> Vec<Holder> {
        let wanted = distribution.deliveries.iter().filter(|d| d.holds_claim);
        wanted
            .filter_map(|delivery| {
                let claim = claim(distribution, delivery.channel);
                Some(Holder {
                    channel: delivery.channel,
                    distribution: *self.claims.get(&claim)?,
                })
            })
            .collect()
    }

    fn asked_the_same(&self, holder: &Holder, new: &Distribution) -> bool {
        self.rows
            .get(&(new.tenant.clone(), holder.distribution))
            .is_some_and(|row| row.distribution.request.hash == new.request.hash)
    }

    fn insert(&mut self, acceptance: &Acceptance) {
        let distribution = &acceptance.distribution;
        let tenant = &distribution.tenant;
        for holder in self.holders(distribution) {
            self.release(tenant, &holder);
        }
        for delivery in distribution.deliveries.iter().filter(|d| d.holds_claim) {
            let claim = claim(distribution, delivery.channel);
            self.claims.insert(claim, distribution.id);
        }
        if let Some(key) = &acceptance.idempotency_key {
            let value = Key {
                hash: distribution.request.hash,
                distribution: distribution.id,
                accepted_at: distribution.accepted_at,
            };
            self.keys.insert((tenant.clone(), key.clone()), value);
        }
        let event = (tenant.clone(), distribution.event_id.clone());
        self.events.entry(event).or_default().insert(distribution.id);
        let own = (tenant.clone(), distribution.id);
        self.rows.insert(own, Row::accepted(acceptance));
        self.keep_spends(tenant, distribution.id, &acceptance.spends);
    }

    fn release(&mut self, tenant: &TenantId, holder: &Holder) {
        if let Some(row) = self.rows.get_mut(&(tenant.clone(), holder.distribution))
            && let Some(delivery) = row.distribution.delivery_mut(holder.channel)
        {
            delivery.holds_claim = false;
        }
    }
}

impl Row {
    fn accepted(acceptance: &Acceptance) -> Self {
        Self {
            open: acceptance.distribution.open(),
            distribution: acceptance.distribution.clone(),
            owner: acceptance.owner,
            due_at: acceptance.due_at,
            superseded: Vec::new(),
            history: vec![acceptance.history.clone()],
            positions: BTreeMap::new(),
        }
    }
}

pub(super) fn claim(distribution: &Distribution, channel: Channel) -> (TenantId, EventId, Channel) {
    (distribution.tenant.clone(), distribution.event_id.clone(), channel)
}
