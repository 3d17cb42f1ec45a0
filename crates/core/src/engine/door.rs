//! What is not taken while channels are behind: work that is due and ready, and waits
//! for nothing but a place in its channel's lane, waits for too long. Only requests
//! that name such a channel are turned away; what waits in the open, for a breaker, a
//! quota, a stop or a time, is no backlog. A repeat of what was accepted is answered
//! as ever: the Ledger is asked before anybody is turned away.
//!
//! Lanes take tenants by turns, so each is judged by how long its own work waits.

use std::time::Duration;

use jiff::Timestamp;

use super::commit::acceptance;
use super::message::{Answer, Command, NewDistribution};
use super::work::Work;
use super::{Engine, Turn};
use crate::channel::Channel;
use crate::ids::{DistributionId, TenantId};
use crate::write::{Write, Written};

/// What a client is told to wait while too much is in flight.
const OVERLOADED_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Of so many at once it is found out whether they repeat another; where the database
/// hangs, others are turned away without.
pub(super) const MOST_TURNED_AWAY: usize = 1_024;

/// Nobody is told to stay away for longer: by then much may have changed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Why nothing more is taken for some channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Those of the request that are behind.
    pub channels: Vec<Lag>,
    /// Only this tenant's work waits for so long: others' turns come in time.
    pub own_share: bool,
    /// When half of what may wait will have gone, at the speed at which it goes now;
    /// from one second to a minute.
    pub retry_after: Duration,
}

/// How far a channel is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Which.
    pub channel: Channel,
    /// For how long one more delivery of the tenant's would wait.
    pub wait: Duration,
}

impl Engine {
    /// For how long the oldest has waited for a place in this channel's lane.
    pub fn backlog_age(&self, channel: Channel, now: Timestamp) -> Duration {
        let lane = &self.lanes[channel.index()];
        lane.ready()
            .age(now)
            .filter(|_| self.is_judged(channel))
            .unwrap_or_default()
    }

    /// Why a request is not taken.
    pub(super) fn refusal(&self, new: &NewDistribution, now: Timestamp) -> Option<Answer> {
        if self.works.len() >= self.settings.max_in_flight {
            return Some(Answer::Overloaded {
                retry_after: OVERLOADED_RETRY_AFTER,
            });
        }
        let request = &new.request.request;
        // Its time comes later.
        if request.scheduled_at.is_some_and(|at| at > now) {
            return None;
        }
        let is_skipped = |channel: &Channel| new.skipped.iter().any(|(skipped, _)| skipped == channel);
        let wanted = request.channels.iter().copied().filter(|channel| !is_skipped(channel));
        self.behind(&new.tenant, wanted, now).map(Answer::Behind)
    }

    /// Those of a tenant's channels that are behind, if any.
    pub(super) fn behind(
        &self,
        tenant: &TenantId,
        channels: impl Iterator<Item = Channel>,
        now: Timestamp,
    ) -> Option<Behind> {
        let limit = self.settings.max_backlog;
        if self.stops.hold(tenant) {
            return None;
        }
        let ready = |channel: Channel| self.lanes[channel.index()].ready();
        let lag = |channel| Lag {
            channel,
            wait: ready(channel).wait_of(tenant, now),
        };
        let judged = channels.filter(|channel| self.is_judged(*channel));
        let channels: Vec<Lag> = judged.map(lag).filter(|lag| lag.wait > limit).collect();
        let longest = channels.iter().map(|lag| lag.wait).max()?;
        let others_served = |lag: &Lag| ready(lag.channel).serves_others_within(limit, tenant, now);
        Some(Behind {
            own_share: channels.iter().all(others_served),
            channels,
            retry_after: longest
                .saturating_sub(limit / 2)
                .clamp(Duration::from_secs(1), LONGEST_RETRY_AFTER),
        })
    }

    /// Whether what stands in the lane waits for a place: not for the breaker, behind
    /// which it will wait in the open, and not for the quota.
    fn is_judged(&self, channel: Channel) -> bool {
        !self.breaker(channel).state.holds() && self.lanes[channel.index()].resumes_at.is_none()
    }

    /// Asks the Ledger whether it is a repeat; nothing is written, and nothing kept
    /// here but what the client is told then.
    pub(super) fn turn_away(&mut self, mut work: Work, refusal: Answer, turn: &mut Turn<'_>) {
        let key = work.unaccepted.take().and_then(|unaccepted| unaccepted.idempotency_key);
        let changes = std::mem::take(&mut work.unwritten);
        let mut asked = acceptance(&mut work, key, changes, (self.token, &self.settings.spend_caps), turn);
        asked.only_if_known = true;
        self.turned_away.insert(work.distribution.id, refusal);
        turn.commands.push(Command::Write(Write::Accept(Box::new(asked))));
    }
}

/// What a client is told whose request was not taken, once it is known whether it
/// repeats another.
pub(super) fn told(id: DistributionId, written: Written, refusal: Answer) -> Command {
    let answer = match written {
        Written::Replayed { existing } => Answer::Replayed(existing),
        Written::KeyReused { existing } => Answer::KeyReused(existing),
        Written::Held { holders } => Answer::Held(holders),
        Written::OverSpent { over } => Answer::OverSpent(over),
        _ => refusal,
    };
    Command::Answer { id, answer }
}
