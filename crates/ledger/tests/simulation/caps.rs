//! What the tenant may spend, and an account of what it spends, kept from the
//! commits alone and without the Ledger's own sums.

use std::collections::BTreeMap;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Delivery, DeliveryStatus};
use fanfare_core::distribution::Distribution;
use fanfare_core::history::HistoryEntry;
use fanfare_core::ids::{DistributionId, EventId, TenantId};
use fanfare_core::request::{ChannelOptions, GenieTvOptions, WooridongneTvOptions};
use fanfare_core::spend::{EVERY_TENANT, Overspend, SpendCap, SpendCaps, SpendPeriod};
use fanfare_core::write::{Write, Written};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::world::World;

/// For an event on 우리동네TV.
const PER_EVENT: u64 = 250;

/// In a month on 지니TV.
const PER_MONTH: u64 = 400;

pub(crate) fn caps() -> SpendCaps {
    let cap = |per_event, per_month| SpendCap { per_event, per_month };
    SpendCaps::new([
        (
            Channel::WooridongneTV,
            EVERY_TENANT.to_owned(),
            cap(Some(PER_EVENT), None),
        ),
        (Channel::GenieTV, EVERY_TENANT.to_owned(), cap(None, Some(PER_MONTH))),
    ])
}

/// With a budget for the channels that have a cap.
pub(crate) fn costing(budget: u64) -> ChannelOptions {
    ChannelOptions {
        wooridongne_tv: Some(WooridongneTvOptions {
            budget: Some(budget),
            ..WooridongneTvOptions::default()
        }),
        genie_tv: Some(GenieTvOptions {
            region: None,
            schedule: None,
            budget: Some(budget),
        }),
        ..ChannelOptions::default()
    }
}

/// What one delivery spends.
struct Spent {
    tenant: TenantId,
    event: EventId,
    /// In Korea.
    month: (i16, i8),
    cost: u64,
    /// FAILED or CANCELLED.
    is_back: bool,
    /// A redrive made it SUCCESS and sent nothing: it counts, and was not asked.
    is_settled: bool,
}

/// What all deliveries spend on channels that have a cap.
#[derive(Default)]
pub(crate) struct Account(BTreeMap<(DistributionId, Channel), Spent>);

impl Account {
    /// A distribution was written, as its history has it.
    pub(crate) fn written(&mut self, before: Option<&Distribution>, after: &Distribution, history: &HistoryEntry) {
        for delivery in &after.deliveries {
            let Some(cost) = budget(after, delivery.channel) else {
                continue;
            };
            let was_under_way = before
                .and_then(|before| before.delivery(delivery.channel))
                .is_some_and(|before| !gave_back(before))
                // Called off and redriven in one commit, it counts anew.
                && !gave_back_within(history, delivery.channel);
            let place = (after.id, delivery.channel);
            match self.0.get_mut(&place) {
                Some(spent) if gave_back(delivery) => spent.is_back = true,
                Some(spent) if !was_under_way && delivery.status == DeliveryStatus::Success => {
                    (spent.is_back, spent.is_settled) = (false, true);
                }
                None if gave_back(delivery) => {}
                _ if was_under_way => {}
                _ => {
                    let spent = Spent {
                        tenant: after.tenant.clone(),
                        event: after.event_id.clone(),
                        month: korean_month(history.at),
                        cost,
                        is_back: false,
                        is_settled: false,
                    };
                    self.0.insert(place, spent);
                }
            }
        }
        self.is_within_caps();
    }

    /// No cap is exceeded, in sum.
    fn is_within_caps(&self) {
        let mut events: BTreeMap<&EventId, u64> = BTreeMap::new();
        let mut months: BTreeMap<(&TenantId, (i16, i8)), u64> = BTreeMap::new();
        let counts = |spent: &&Spent| !spent.is_back && !spent.is_settled;
        for ((_, channel), spent) in self.0.iter().filter(|(_, spent)| counts(spent)) {
            let sum = if *channel == Channel::GenieTV {
                months.entry((&spent.tenant, spent.month)).or_default()
            } else {
                events.entry(&spent.event).or_default()
            };
            *sum += spent.cost;
        }
        let over = events.iter().find(|(_, sum)| **sum > PER_EVENT);
        assert_eq!(over, None, "more is spent on an event than may be");
        let over = months.iter().find(|(_, sum)| **sum > PER_MONTH);
        assert_eq!(over, None, "more is spent in a month than may be");
    }

    /// What was refused would have gone beyond, and by as much as is said.
    pub(crate) fn refused(&self, own: &Distribution, over: &[Overspend], at: Timestamp) {
        assert!(!over.is_empty(), "refused for nothing");
        for over in over {
            let beside = |place: &(DistributionId, Channel), spent: &Spent| {
                let same = spent.tenant == own.tenant
                    && match over.period {
                        SpendPeriod::Event => spent.event == own.event_id,
                        SpendPeriod::Month => spent.month == korean_month(at),
                    };
                same && !spent.is_back && place.1 == over.channel && place.0 != own.id
            };
            let others = self.0.iter().filter(|(place, spent)| beside(place, spent));
            let sum: u64 = others.map(|(_, spent)| spent.cost).sum();
            assert_eq!(over.spent, sum, "it is said that another sum was spent");
            assert_eq!(Some(over.asked), budget(own, over.channel));
            assert!(over.spent + over.asked > over.cap, "refused below the cap");
        }
    }
}

impl World {
    /// Looks at a write, in the order of its batch.
    pub(crate) fn keep_account(&mut self, write: &Write, before: Option<&Distribution>, written: &Written) {
        let (own, history) = match write {
            Write::Accept(acceptance) => (Some(acceptance.distribution.clone()), &acceptance.history),
            Write::Record(record) => (before.cloned(), &record.history),
            Write::Evidence(_) => return,
        };
        if let (Written::OverSpent { over }, Some(own)) = (written, own) {
            return self.account.refused(&own, over, history.at);
        }
        // What was refused changed nothing, whatever it says.
        let was_kept = matches!(written, Written::Accepted { .. } | Written::Recorded);
        let after = self.store.distribution(&self.whose(write.id()), write.id());
        if let Some(after) = after.filter(|_| was_kept) {
            self.account.written(before, &after, history);
        }
    }
}

fn budget(distribution: &Distribution, channel: Channel) -> Option<u64> {
    let options = &distribution.request.request.channel_options;
    match channel {
        Channel::WooridongneTV => options.wooridongne_tv.as_ref()?.budget,
        Channel::GenieTV => options.genie_tv.as_ref()?.budget,
        _ => None,
    }
}

fn gave_back(delivery: &Delivery) -> bool {
    matches!(delivery.status, DeliveryStatus::Failed | DeliveryStatus::Cancelled)
}

fn gave_back_within(history: &HistoryEntry, channel: Channel) -> bool {
    let given_back = [DeliveryStatus::Failed, DeliveryStatus::Cancelled].map(DeliveryStatus::name);
    let transitions = history.transitions.iter();
    transitions
        .filter(|transition| transition.channel == Some(channel))
        .any(|transition| given_back.contains(&&*transition.to))
}

/// Korea is nine hours ahead, all year.
fn korean_month(at: Timestamp) -> (i16, i8) {
    let there = (at + SignedDuration::from_hours(9)).to_zoned(TimeZone::UTC);
    (there.year(), there.month())
}
