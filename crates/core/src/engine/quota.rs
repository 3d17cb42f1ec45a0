//! How often a channel is called: each lane takes its node's share of the quota
//! and no more. What is due sooner than in half a minute waits in its lane, what is
//! under way before what has not begun; what would wait for longer is WAITING,
//! spends no attempt, and asks again one by one. A doubt keeps its place in the lane:
//! that it is one stays said, and its age runs on.

use std::num::NonZeroU32;

use jiff::Timestamp;

use super::attempt::{Next, next};
use super::planted::Bug;
use super::{Engine, RETRYING_LIMIT, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Phase};
use crate::ids::DistributionId;
use crate::resilience::retry::later;
use crate::text::Text;

impl Engine {
    /// So many nodes share every quota.
    pub(super) fn share_quotas(&mut self, nodes: NonZeroU32, now: Timestamp) {
        let nodes = if self.planted.has(Bug::QuotaUnshared) {
            NonZeroU32::MIN
        } else {
            nodes
        };
        for lane in self.lanes.iter_mut() {
            // Two signs of life: until then the others may not have heard of it.
            lane.limiter.share(nodes, now, self.settings.heartbeat * 2);
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
            let Some(next) = lane.admit(turn.now) else { return };
            self.proceed(next, channel, turn);
        }
    }

    fn wait_for_quota(&mut self, channel: Channel, until: Timestamp, turn: &mut Turn<'_>) {
        if until > later(turn.now, RETRYING_LIMIT) {
            for id in self.lanes[channel.index()].take_queue() {
                if self.is_unknown(id, channel) {
                    self.want(id, channel, turn.now);
                } else {
                    self.hold_for_quota(id, channel, until, turn);
                }
            }
        }
        let lane = &mut self.lanes[channel.index()];
        lane.resumes_at = (lane.queued() > 0).then_some(until);
    }

    /// In the course of an attempt too, as behind a breaker.
    fn hold_for_quota(&mut self, id: DistributionId, channel: Channel, until: Timestamp, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get(&id) else { return };
        if work.distribution.delivery(channel).and_then(next).is_none() || work.calls(channel) {
            return;
        }
        let tenant = work.distribution.tenant.clone();
        let at = self.lanes[channel.index()].promise(&tenant, turn.now, until);
        let why = cause::RATE_LIMITED.because(Text::new(
            "The calls that the channel allows in a period are used up. It goes on by itself when there is room again.",
            "채널이 일정 시간에 허용하는 호출 횟수를 모두 사용했습니다. 여유가 생기면 자동으로 이어집니다.",
        ));
        if self.hold_until(id, channel, at, why, turn) {
            self.lanes[channel.index()].keep_promise(&tenant, at);
        }
    }

    /// No step is taken any more: what waits for its next one, which has an effect,
    /// is another life's, and is not in doubt there.
    pub(super) fn leave_off_queued(&mut self, channel: Channel, turn: &mut Turn<'_>) {
        for id in self.lanes[channel.index()].take_queue() {
            let work = self.works.get(&id).filter(|work| !work.calls(channel));
            let delivery = work.and_then(|work| work.distribution.delivery(channel));
            let between_steps = |one: &Delivery| {
                one.status == DeliveryStatus::InProgress && one.phase == Phase::Intent && one.checkpoint.is_some()
            };
            if delivery.is_some_and(|one| between_steps(one) && next(one) == Some(Next::Step)) {
                self.leave_off(id, channel, turn);
            }
        }
    }
}
