//! What a delivery costs its tenant, and how much may be spent: for one event, and in a
//! month.
//!
//! Only what is known before sending costs anything here: the budget that a request
//! gives to 지니TV or 우리동네TV, where the channel is really called. It counts from
//! acceptance, whatever becomes of it, until it is FAILED or CANCELLED; a redrive
//! counts anew, in its own month. Months are Korea's: so channels invoice. What was
//! spent is counted where it is accepted, in the Ledger, so that two requests at once
//! can't both take what is left.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::channel::{Channel, Mode};
use crate::delivery::Delivery;
use crate::distribution::Distribution;
use crate::ids::{EventId, TenantId};
use crate::korea::KOREA;
use crate::request::DistributeRequest;
use crate::text::Text;

/// The name under which stand the caps of tenants without some of their own.
pub const EVERY_TENANT: &str = "*";

/// How much a tenant may spend on one channel, in KRW; as much as it likes where
/// nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpendCap {
    /// For one event.
    pub per_event: Option<u64>,
    /// In a calendar month.
    pub per_month: Option<u64>,
}

impl SpendCap {
    /// Whether it limits anything.
    pub const fn limits(self) -> bool {
        self.per_event.is_some() || self.per_month.is_some()
    }
}

/// All caps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendCaps(BTreeMap<(usize, String), SpendCap>);

impl SpendCaps {
    /// Each for a channel and a tenant, or for [`EVERY_TENANT`].
    pub fn new(caps: impl IntoIterator<Item = (Channel, String, SpendCap)>) -> Self {
        let caps = caps.into_iter();
        Self(
            caps.map(|(channel, tenant, cap)| ((channel.index(), tenant), cap))
                .collect(),
        )
    }

    /// A tenant's own, or everybody's.
    pub fn of(&self, tenant: &TenantId, channel: Channel) -> SpendCap {
        let of = |name: &str| self.0.get(&(channel.index(), name.to_owned()));
        let cap = of(tenant.as_str()).or_else(|| of(EVERY_TENANT));
        cap.copied().unwrap_or_default()
    }

    /// What these deliveries of a distribution spend from now on.
    pub fn spends(
        &self,
        distribution: &Distribution,
        is_meant: impl Fn(&Delivery) -> bool,
        now: Timestamp,
    ) -> Vec<Spend> {
        let meant = distribution.deliveries.iter().filter(|delivery| is_meant(delivery));
        let spend = |delivery: &Delivery| {
            let request = &distribution.request.request;
            let cost = cost(request, delivery.channel, delivery.mode)?;
            Some(self.spend(&distribution.tenant, request, (delivery.channel, cost), now))
        };
        meant.filter_map(spend).collect()
    }

    /// What one channel of a request spends.
    pub fn spend(
        &self,
        tenant: &TenantId,
        request: &DistributeRequest,
        (channel, cost): (Channel, u64),
        now: Timestamp,
    ) -> Spend {
        Spend {
            channel,
            event_id: request.event_id.clone(),
            cost,
            at: now,
            cap: self.of(tenant, channel),
        }
    }
}

/// What a channel costs, in KRW, as far as that is known before sending; `None` where
/// it costs nothing.
pub fn cost(request: &DistributeRequest, channel: Channel, mode: Mode) -> Option<u64> {
    let options = &request.channel_options;
    let budget = match channel {
        Channel::WooridongneTV => options.wooridongne_tv.as_ref()?.budget,
        Channel::GenieTV => options.genie_tv.as_ref()?.budget,
        Channel::RingoBiz | Channel::Instagram | Channel::NaverBlog | Channel::KakaoChannel => None,
    };
    budget.filter(|budget| mode == Mode::Live && *budget > 0)
}

/// What one delivery spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// On this channel.
    pub channel: Channel,
    /// For this event.
    pub event_id: EventId,
    /// KRW.
    pub cost: u64,
    /// When: in this time's month it counts.
    pub at: Timestamp,
    /// What its tenant may spend there.
    pub cap: SpendCap,
}

impl Spend {
    /// From the month's first moment, in Korea, to that of the next.
    pub fn month(&self) -> (Timestamp, Timestamp) {
        let first = self.at.to_zoned(KOREA.to_time_zone()).date().first_of_month();
        let next = first.checked_add(1.month()).unwrap_or(Date::MAX);
        let moment = |date: Date, beyond| {
            let zoned = date.to_zoned(KOREA.to_time_zone());
            zoned.map_or(beyond, |zoned| zoned.timestamp())
        };
        (moment(first, Timestamp::MIN), moment(next, Timestamp::MAX))
    }

    /// What it would go beyond, where others have spent that.
    pub fn exceeds(&self, spent: Spent) -> Option<Overspend> {
        let caps = [
            (SpendPeriod::Event, self.cap.per_event, spent.on_event),
            (SpendPeriod::Month, self.cap.per_month, spent.in_month),
        ];
        let exceeded = caps.into_iter().find_map(|(period, cap, spent)| {
            let cap = cap.filter(|cap| spent.saturating_add(self.cost) > *cap)?;
            Some((period, cap, spent))
        });
        exceeded.map(|(period, cap, spent)| Overspend {
            channel: self.channel,
            period,
            cap,
            spent,
            asked: self.cost,
        })
    }
}

/// What others have spent on the same channel, in KRW.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// For the same event.
    pub on_event: u64,
    /// In the same month.
    pub in_month: u64,
}

/// For what a cap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendPeriod {
    /// One event.
    Event,
    /// A calendar month.
    Month,
}

/// A delivery that would go beyond a cap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overspend {
    /// On this channel.
    pub channel: Channel,
    /// Which cap.
    pub period: SpendPeriod,
    /// What may be spent, in KRW.
    pub cap: u64,
    /// What was spent.
    pub spent: u64,
    /// What it asks for.
    pub asked: u64,
}

impl Overspend {
    /// What may be spent, what was, and what is asked.
    pub fn text(&self) -> Text {
        let Self {
            channel,
            cap,
            spent,
            asked,
            ..
        } = self;
        let name = channel.korean_name();
        let (en, ko) = match self.period {
            SpendPeriod::Event => ("on one event", "이벤트 한 건에"),
            SpendPeriod::Month => ("in a month (Korean time)", "한 달(한국 시간)에"),
        };
        Text::new(
            format!(
                "{channel} may cost at most {cap} KRW {en}; {spent} KRW are spent, and this asks for {asked} KRW. \
                 Nothing was sent. Lower the budget, or have the operator raise the cap (spend_caps)."
            ),
            format!(
                "{name}에는 {ko} 최대 {cap}원까지 쓸 수 있습니다. 이미 {spent}원을 썼고 이번 요청은 {asked}원입니다. \
                 아무것도 보내지 않았습니다. 예산을 줄이거나 운영자에게 한도(spend_caps) 상향을 요청해 주세요."
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps() -> SpendCaps {
        let cap = |per_event, per_month| SpendCap { per_event, per_month };
        SpendCaps::new([
            (Channel::GenieTV, EVERY_TENANT.to_owned(), cap(Some(500), None)),
            (Channel::GenieTV, "cafe".to_owned(), cap(None, Some(1_000))),
        ])
    }

    #[test]
    fn a_tenant_s_own_cap_goes_before_everybody_s() {
        let of = |tenant, channel| caps().of(&TenantId::new(tenant), channel);
        assert_eq!(of("bakery", Channel::GenieTV).per_event, Some(500));
        assert_eq!(of("cafe", Channel::GenieTV).per_event, None);
        assert_eq!(of("cafe", Channel::GenieTV).per_month, Some(1_000));
        assert!(!of("cafe", Channel::WooridongneTV).limits());
    }

    #[test]
    fn a_month_is_korea_s() {
        let spend = |at: &str| Spend {
            channel: Channel::GenieTV,
            event_id: EventId::new("evt-1"),
            cost: 1,
            at: at.parse().unwrap(),
            cap: SpendCap::default(),
        };
        let december = ("2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z");
        let december = (december.0.parse().unwrap(), december.1.parse().unwrap());
        for at in ["2026-11-30T15:00:00Z", "2026-12-15T00:00:00Z", "2026-12-31T14:59:59Z"] {
            assert_eq!(spend(at).month(), december, "{at}");
        }
        for at in ["2026-11-30T14:59:59Z", "2026-12-31T15:00:00Z"] {
            assert_ne!(spend(at).month(), december, "{at}");
        }
    }

    #[test]
    fn what_is_left_may_be_spent_and_no_more() {
        let mut order = Spend {
            channel: Channel::GenieTV,
            event_id: EventId::new("evt-1"),
            cost: 300,
            at: Timestamp::UNIX_EPOCH,
            cap: SpendCap {
                per_event: Some(500),
                per_month: Some(1_000),
            },
        };
        let others = |on_event, in_month| Spent { on_event, in_month };
        assert_eq!(order.exceeds(others(200, 700)), None);
        let over = order.exceeds(others(201, 701)).unwrap();
        assert_eq!(
            (over.period, over.cap, over.spent, over.asked),
            (SpendPeriod::Event, 500, 201, 300)
        );
        assert_eq!(order.exceeds(others(0, 701)).unwrap().period, SpendPeriod::Month);
        order.cap = SpendCap::default();
        assert_eq!(order.exceeds(others(u64::MAX, u64::MAX)), None);
    }
}
