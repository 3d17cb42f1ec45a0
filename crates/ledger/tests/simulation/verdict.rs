//! What must be true when all has come to rest.

use std::collections::BTreeMap;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::DistributionId;

use crate::channels::SETTINGS;
use crate::figures::Figures;
use crate::withdrawals::is_doubted;
use crate::world::World;
use fanfare_core::attempt::Dedup;

impl World {
    /// Looks at all of it once more, and counts.
    pub(crate) fn finish(mut self) -> (String, Figures) {
        let distributions = self.all();
        for distribution in &distributions {
            self.witness.look(&self.store, &distribution.tenant, distribution.id);
            for delivery in &distribution.deliveries {
                *self.figures.statuses.entry(delivery.status.name()).or_default() += 1;
                self.figures.withdrawn += u64::from(delivery.is_withdrawn());
                self.figures.declined += u64::from(delivery.is_declined_since());
                self.says_the_truth(delivery);
            }
        }
        let is_lost = |id: &&DistributionId| !distributions.iter().any(|known| known.id == **id);
        self.figures.lost = self.acknowledged.iter().filter(is_lost).count() as u64;
        assert_eq!(self.figures.lost, 0, "I1: acknowledged and lost");
        claims_are_held_once(&distributions);
        assert_eq!(
            self.channels.doubled(),
            Vec::<&(Channel, String)>::new(),
            "I2: one delivery, two effects"
        );
        for ((event, channel), times) in self.channels.effects_by_event() {
            let allowed = 1 + repeats_allowed(&distributions, &event, channel);
            self.figures.repeated += times.saturating_sub(allowed);
            assert!(
                times <= allowed,
                "I2: {event} came to be {times} times on {channel}, {allowed} were allowed"
            );
        }
        (self.trace.join("\n"), std::mem::take(&mut self.figures))
    }

    fn says_the_truth(&mut self, delivery: &Delivery) {
        let exists = self.ever_came_to_be(delivery);
        if delivery.status == DeliveryStatus::NeedsReview {
            let has_key = has_key_in_time(delivery);
            self.figures.left_to_a_person += u64::from(!has_key);
            self.figures.left_with_a_key += u64::from(has_key);
            return;
        }
        if is_doubted(delivery) || self.was_not_told(delivery) {
            return;
        }
        let says = delivery.status == DeliveryStatus::Success;
        assert_eq!(
            exists, says,
            "I2: {} of {} says {:?}, the channel says {exists}",
            delivery.channel, delivery.id, delivery.status
        );
    }

    /// The channel took it back, and no look heard of it.
    fn was_not_told(&self, delivery: &Delivery) -> bool {
        let name = delivery
            .receipt
            .as_ref()
            .and_then(|receipt| receipt.fields.post_id.as_deref());
        let is_taken_back = name.is_some_and(|name| self.channels.was_taken_back(delivery.channel, name));
        is_taken_back && delivery.status == DeliveryStatus::Success && !delivery.is_open()
    }

    /// In any generation of the delivery.
    pub(crate) fn ever_came_to_be(&self, delivery: &Delivery) -> bool {
        (1..=delivery.generation).any(|generation| {
            let key = format!("{}.{generation}", delivery.id);
            self.channels.came_to_be(delivery.channel, &key)
        })
    }
}

/// Distributions that were accepted as repeats of this event on this channel.
fn repeats_allowed(distributions: &[Distribution], event: &str, channel: Channel) -> u64 {
    let of_this = |known: &&Distribution| known.event_id.as_str() == event && known.delivery(channel).is_some();
    let repeats = distributions
        .iter()
        .filter(of_this)
        .filter(|known| known.request.request.allow_repeat);
    repeats.count() as u64
}

/// At most one holder of a claim, and none that failed.
fn claims_are_held_once(distributions: &[Distribution]) {
    let mut holders = BTreeMap::new();
    for distribution in distributions {
        for delivery in distribution.deliveries.iter().filter(|delivery| delivery.holds_claim) {
            let claim = (distribution.event_id.clone(), delivery.channel);
            let other = holders.insert(claim, distribution.id);
            assert_eq!(
                other, None,
                "{} of {} is claimed twice",
                delivery.channel, distribution.event_id
            );
            let released = matches!(delivery.status, DeliveryStatus::Failed | DeliveryStatus::Cancelled);
            assert!(
                !released,
                "{} holds a claim although it is {:?}",
                delivery.id, delivery.status
            );
        }
    }
}

/// The channel still knows the key. Clocks differ here by more than a day: by the clock of
/// the node that looked last its time may be over a minute after the attempt began, and
/// then a person decides.
fn has_key_in_time(delivery: &Delivery) -> bool {
    let Dedup::Key { window } = SETTINGS[delivery.channel.index()].protocol.dedup else {
        return false;
    };
    let began = delivery.attempt_started_at.unwrap_or(delivery.updated_at);
    delivery.updated_at < began.saturating_add(window).unwrap_or(began)
}
