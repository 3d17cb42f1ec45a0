//! Changing a distribution in memory: fencing, claims taken again, the journal.

use fanfare_core::delivery::Delivery;
use fanfare_core::event::DistributionCompleted;
use fanfare_core::write::{Holder, Record, Written};

use super::accept::claim;
use super::outbox::Relayed;
use super::{Memory, Published, Row};

impl Memory {
    pub(super) fn record(&mut self, record: &Record) -> Written {
        let own = (record.tenant.clone(), record.id);
        let Some(row) = self.rows.get(&own) else {
            return Written::Fenced;
        };
        let follows = row.distribution.history_number + 1 == record.history.number;
        if !follows || row.owner != Some(record.history.token) {
            return if row.has_written(record) {
                Written::Recorded
            } else {
                Written::Fenced
            };
        }
        let lost = |delivery: &Delivery| {
            let stored = row.distribution.delivery(delivery.channel);
            record.begins(delivery) && stored.is_some_and(|stored| !stored.holds_claim)
        };
        if record.deliveries.iter().any(lost) {
            return Written::TakenOver;
        }
        let holders = self.holders_against(row, record);
        if !holders.is_empty() {
            return Written::Held { holders };
        }
        let over = self.overspent(&record.tenant, record.id, &record.spends);
        if !over.is_empty() {
            return Written::OverSpent { over };
        }
        self.change(record);
        self.keep_spends(&record.tenant, record.id, &record.spends);
        Written::Recorded
    }

    /// Who holds the claims that this record would take again.
    fn holders_against(&self, row: &Row, record: &Record) -> Vec<Holder> {
        record
            .deliveries
            .iter()
            .filter(|new| row.takes_again(new))
            .filter_map(|new| {
                let claim = claim(&row.distribution, new.channel);
                let distribution = *self.claims.get(&claim)?;
                Some(Holder {
                    channel: new.channel,
                    distribution,
                })
            })
            .collect()
    }

    fn change(&mut self, record: &Record) {
        let Some(row) = self.rows.get_mut(&(record.tenant.clone(), record.id)) else {
            return;
        };
        if let Some(version) = record.freeze
            && version == row.distribution.version
            && let Some(position) = row.positions.get(&version)
            && let Some(published) = self.journal.get_mut(position)
            && published.body.is_none()
        {
            published.body = DistributionCompleted::of(&row.distribution);
        }
        for new in &record.deliveries {
            let claim = claim(&row.distribution, new.channel);
            if row.replace(new) {
                self.claims.insert(claim, record.id);
            } else if self.claims.get(&claim) == Some(&record.id) {
                self.claims.remove(&claim);
            }
        }
        row.update(record);
        let event = row.distribution.event_id.clone();
        if record.publish {
            let position = self.journal.last_key_value().map_or(1, |(last, _)| last + 1);
            let earlier = row.positions.insert(record.version, position);
            debug_assert!(earlier.is_none(), "a version is published once");
            let published = Published {
                tenant: record.tenant.clone(),
                distribution: record.id,
                version: record.version,
                created_at: record.history.at,
                body: None,
                fate: Relayed::default(),
            };
            self.journal.insert(position, published);
        }
        self.tell_of(&event, record);
    }
}

impl Row {
    /// Whether exactly this record was written before.
    fn has_written(&self, record: &Record) -> bool {
        self.history
            .iter()
            .any(|entry| entry.number == record.history.number && entry.token == record.history.token)
    }

    /// Whether a claim that was released is wanted again: a redrive. One that
    /// another distribution has taken over is not wanted again by what its
    /// former holder does on.
    fn takes_again(&self, new: &Delivery) -> bool {
        let stored = self.distribution.delivery(new.channel);
        stored.is_some_and(|stored| {
            new.holds_claim
                && !stored.holds_claim
                && new.generation > stored.generation
                && stored.status.came_to_nothing()
        })
    }

    /// Puts the new delivery in the old one's place; says whether it holds its claim.
    fn replace(&mut self, new: &Delivery) -> bool {
        let takes_again = self.takes_again(new);
        let Some(stored) = self.distribution.delivery_mut(new.channel) else {
            debug_assert!(false, "a record changes only what was accepted");
            return false;
        };
        let holds_claim = new.holds_claim && (stored.holds_claim || takes_again);
        *stored = Delivery {
            holds_claim,
            ..new.clone()
        };
        holds_claim
    }

    fn update(&mut self, record: &Record) {
        let distribution = &mut self.distribution;
        distribution.status = record.status;
        distribution.completed_at = record.completed_at;
        distribution.version = record.version;
        distribution.published.clone_from(&record.published);
        distribution.history_number = record.history.number;
        self.owner = record.owner;
        self.due_at = record.due_at;
        self.open = record.open;
        self.superseded.extend(record.superseded.iter().cloned());
        self.history.push(record.history.clone());
    }
}
