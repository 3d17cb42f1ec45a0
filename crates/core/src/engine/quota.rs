//! How often a channel is called: each lane takes its node's share of the quota
//! and no more. What is due sooner than in half a minute waits in its lane; what
//! would wait for longer before it begins is WAITING, spends no attempt, and asks
//! again one by one. What is under way keeps its place in the lane.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;

use super::attempt::{Next, next};
use super::planted::Bug;
use super::{Engine, RETRYING_LIMIT, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::ids::DistributionId;
use crate::resilience::retry::later;
use crate::text::Text;

/// A node that comes upon others calls nobody's quota away until they have heard
/// of it: two of their heartbeats.
const UNHEARD: Duration = Duration::from_secs(10);

impl Engine {
    /// So many nodes share every quota.
    pub(super) fn share_quotas(&mut self, nodes: NonZeroU32, now: Timestamp) {
        let nodes = if self.planted.has(Bug::QuotaUnshared) {
            NonZeroU32::MIN
        } else {
            nodes
        };
        for lane in &mut self.lanes {
            lane.limiter.share(nodes, now, UNHEARD);
        }
    }

    /// Gives the places of a lane to who is next, as far as its quota goes.
    pub(super) fn fill_lane(&mut self, channel: Channel, turn: &mut Turn<'_>) {
        self.lanes[channel.index()].resumes_at = None;
        loop {
            let lane = &mut self.lanes[channel.index()];
            if lane.queued() == 0 {
                return;
            }
            if let Err(until) = lane.limiter.check(turn.now) {
                return self.wait_for_quota(channel, until, turn);
            }
            let Some(id) = lane.admit() else { return };
            self.proceed(id, channel, turn);
        }
    }

    fn wait_for_quota(&mut self, channel: Channel, until: Timestamp, turn: &mut Turn<'_>) {
        if until > later(turn.now, RETRYING_LIMIT) {
            for id in self.lanes[channel.index()].take_queue() {
                if self.begins(id, channel) {
                    self.hold_for_quota(id, channel, turn);
                } else {
                    self.want(id, channel);
                }
            }
        }
        let lane = &mut self.lanes[channel.index()];
        lane.resumes_at = (lane.queued() > 0).then_some(until);
    }

    fn begins(&self, id: DistributionId, channel: Channel) -> bool {
        let work = self.works.get(&id);
        let delivery = work.and_then(|work| work.distribution.delivery(channel));
        delivery.and_then(next) == Some(Next::Begin)
    }

    fn hold_for_quota(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let at = self.lanes[channel.index()].limiter.promise(turn.now);
        let why = cause::RATE_LIMITED.because(Text::new(
            "The calls that the channel allows in a period are used up. It goes on by itself when there is room again.",
            "채널이 일정 시간에 허용하는 호출 횟수를 모두 사용했습니다. 여유가 생기면 자동으로 이어집니다.",
        ));
        self.hold_until(id, channel, at, why, turn);
    }
}
