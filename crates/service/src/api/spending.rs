//! Caps on what may be spent, at the door: how a request beyond one is refused, or
//! sent to the other channels, and what a preview shows of them.
//!
//! Whether it is beyond one is decided where it is accepted, in the Ledger.

use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::fault::Fault;
use fanfare_core::request::{DistributeRequest, OnInvalid};
use fanfare_core::spend::{Overspend, Spend, Spent, cost};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::error::ApiError;
use super::state::Api;
use crate::perform::{Answer, NewDistribution};

/// Has it accepted; where it goes beyond a cap and says `onInvalid: "skip"`, without the
/// channels that do.
pub(super) async fn accept(state: &Api, mut new: NewDistribution) -> Answer {
    loop {
        let skips = new.request.request.on_invalid == OnInvalid::Skip;
        let again = skips.then(|| new.clone());
        let answer = state.engine.accept(new).await;
        let (Answer::OverSpent(over), Some(mut without)) = (&answer, again) else {
            return answer;
        };
        let skipped = over
            .iter()
            .map(|over| (over.channel, cause::SPEND_CAP_EXCEEDED.because(over.text())));
        without.skipped.extend(skipped);
        if over.is_empty() || without.skipped.len() >= without.request.request.channels.len() {
            return answer;
        }
        new = without;
    }
}

/// What is wrong with a request that goes beyond caps.
pub(super) fn faults(over: &[Overspend]) -> Vec<Fault> {
    over.iter().map(fault).collect()
}

fn fault(over: &Overspend) -> Fault {
    let pointer = format!("/channelOptions/{}/budget", over.channel);
    Fault::new(pointer, cause::SPEND_CAP_EXCEEDED.code, over.text()).of(over.channel)
}

/// What a channel may cost, and what was spent on it; in KRW.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpendPreview {
    /// For this event; absent where there is no cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_event: Option<CapPreview>,
    /// In this month of Korea's; absent where there is no cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_month: Option<CapPreview>,
}

/// A cap, and what is spent of it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CapPreview {
    /// What may be spent.
    cap: u64,
    /// What is spent by others.
    spent: u64,
}

/// What a request would spend, and what is left of the caps.
pub(super) struct Spending(Vec<(Spend, Spent)>);

impl Spending {
    /// As it stands now.
    pub(super) async fn of(
        state: &Api,
        caller: &Caller,
        request: &DistributeRequest,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let spend = |channel: &Channel| {
            let cost = cost(request, *channel, state.admit.modes[channel.index()])?;
            Some(state.spend_caps.spend(&caller.tenant, request, (*channel, cost), now))
        };
        let spends: Vec<Spend> = request.channels.iter().filter_map(spend).collect();
        if spends.iter().all(|spend| !spend.cap.limits()) {
            return Ok(Self(
                spends.into_iter().map(|spend| (spend, Spent::default())).collect(),
            ));
        }
        let others = state.store.spent(&caller.tenant, &spends).await?;
        Ok(Self(spends.into_iter().zip(others).collect()))
    }

    /// Where it would go beyond a cap.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let over = self.0.iter().filter_map(|(spend, spent)| spend.exceeds(*spent));
        over.map(|over| fault(&over)).collect()
    }

    /// What a channel would cost; `None` where that is not known before sending, or
    /// nothing.
    pub(super) fn cost(&self, channel: Channel) -> Option<u64> {
        self.of_channel(channel).map(|(spend, _)| spend.cost)
    }

    /// The caps of a channel, where it has any.
    pub(super) fn caps(&self, channel: Channel) -> Option<SpendPreview> {
        let (Spend { cap, .. }, others) = self.of_channel(channel)?;
        let preview = |cap: Option<u64>, spent| cap.map(|cap| CapPreview { cap, spent });
        cap.limits().then(|| SpendPreview {
            per_event: preview(cap.per_event, others.on_event),
            per_month: preview(cap.per_month, others.in_month),
        })
    }

    fn of_channel(&self, channel: Channel) -> Option<&(Spend, Spent)> {
        self.0.iter().find(|(spend, _)| spend.channel == channel)
    }
}
