//! Whether a channel is called at all, and with whose account: each call asks its
//! channel's breaker, and that of its tenant's account, when it is planned and again
//! when it is made, and says what came of it. What is held back is WAITING, spends no
//! attempt, and goes on in the order in which it was accepted once the breaker closes.
//!
//! Whose trouble it is when a call goes badly, its own account's breaker says first: while
//! that is not closed, what comes of calls with that account is not counted for the
//! channel; nor is what goes badly with one account alone. So one account can't open
//! the channel's breaker, however often it fails; the configured account can, and two
//! that fail within minutes of one another. Where accounts lie apart, as blogs do, the
//! channel's breaker is not asked for them, unless an operator has forced it open.
//!
//! A delivery may be held in the course of an attempt: before its next step, or
//! before a look-up. Its phase stays as it is, and it goes on from there.

use jiff::Timestamp;

use super::message::{CallReference, Command};
use super::outcome::begins_too_late;
use super::planted::Bug;
use super::withdraw::waits_to_withdraw;
use super::{Engine, Turn};
use crate::cause;
use crate::channel::Channel;
use crate::delivery::{Delivery, DeliveryStatus, Failure, Phase};
use crate::ids::{DistributionId, TenantId};
use crate::resilience::breaker::{BreakerAction, BreakerState, BreakerView, CallResult, CircuitBreaker, Permit};
use crate::text::Text;

/// Leave for one call; empty where none was asked for yet.
#[derive(Debug, Default)]
pub(super) struct Leave {
    /// Of the channel's breaker, where it has a say.
    channel: Option<Permit>,
    /// Of the account's own, where it has one.
    account: Option<Permit>,
}

/// No call now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Denied {
    until: Timestamp,
    by: Denier,
    /// It finds out whether calls succeed again.
    half_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denier {
    Channel,
    Account,
}

impl Engine {
    /// Where the breaker of a tenant's account stands; nothing where it has none of its
    /// own, or nothing is known of it.
    pub fn account_breaker(&self, channel: Channel, tenant: &TenantId) -> Option<BreakerView> {
        let accounts = &self.lanes[channel.index()].accounts;
        let account = accounts.get(own_account(tenant)?)?;
        Some(account.gate.breaker.view())
    }

    /// Leave for a call that is to be made once its intent is committed.
    pub(super) fn ask_breaker(
        &mut self,
        channel: Channel,
        tenant: &TenantId,
        looks_up: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Leave, Denied> {
        let unasked = Leave {
            channel: Some(Permit::unasked(turn.now)),
            account: None,
        };
        if looks_up && turn.planted.has(Bug::LookUpUnasked) {
            return Ok(unasked);
        }
        match self.ask_both(channel, tenant, Leave::default(), turn) {
            Err(Denied {
                half_open: true,
                by: Denier::Channel,
                ..
            }) if turn.planted.has(Bug::ProbesUnlimited) => Ok(unasked),
            leave => leave,
        }
    }

    /// The call is made now, if it still may be.
    pub(super) fn confirm_leave(
        &mut self,
        channel: Channel,
        tenant: &TenantId,
        leave: Leave,
        turn: &mut Turn<'_>,
    ) -> Result<Leave, Denied> {
        if turn.planted.has(Bug::OldLeaveTaken) || leave.channel.as_ref().is_some_and(Permit::is_unasked) {
            return Ok(leave);
        }
        self.ask_both(channel, tenant, leave, turn)
    }

    /// The account's breaker, then the channel's: anew, or for a call that they permitted
    /// before. Where one refuses, the other has its permit back.
    fn ask_both(
        &mut self,
        channel: Channel,
        tenant: &TenantId,
        before: Leave,
        turn: &mut Turn<'_>,
    ) -> Result<Leave, Denied> {
        let own = own_account(tenant).filter(|_| self.judges(channel));
        let account = match own.map(|own| self.ask(channel, Some(own), before.account, turn)) {
            Some(Err(denied)) if !turn.planted.has(Bug::AccountIgnored) => {
                self.give_back(channel, None, before.channel, turn);
                // Another account's delivery may find out how the channel is.
                self.with_breaker(channel, None, turn, |_| ());
                return Err(denied);
            }
            asked => asked.and_then(Result::ok),
        };
        if before.channel.is_none() && !self.asks_channel(channel, tenant) {
            return Ok(Leave { channel: None, account });
        }
        match self.ask(channel, None, before.channel, turn) {
            Ok(permit) => Ok(Leave {
                channel: Some(permit),
                account,
            }),
            Err(denied) => {
                self.give_back(channel, own, account, turn);
                Err(denied)
            }
        }
    }

    /// One breaker, for a permit or whether it still holds.
    fn ask(
        &mut self,
        channel: Channel,
        account: Option<&TenantId>,
        before: Option<Permit>,
        turn: &mut Turn<'_>,
    ) -> Result<Permit, Denied> {
        let now = turn.now;
        let by = if account.is_some() {
            Denier::Account
        } else {
            Denier::Channel
        };
        self.with_breaker(channel, account, turn, |breaker| {
            let leave = match before {
                Some(permit) => breaker.confirm(permit, now),
                None => breaker.try_acquire(now),
            };
            leave.map_err(|denied| Denied {
                until: denied.until,
                by,
                half_open: breaker.view().state == BreakerState::HalfOpen,
            })
        })
    }

    fn give_back(&mut self, channel: Channel, account: Option<&TenantId>, permit: Option<Permit>, turn: &mut Turn<'_>) {
        if let Some(permit) = permit {
            self.with_breaker(channel, account, turn, |breaker| breaker.release(permit));
        }
    }

    /// The call was not made.
    pub(super) fn return_leave(&mut self, channel: Channel, tenant: &TenantId, leave: Leave, turn: &mut Turn<'_>) {
        self.give_back(channel, Some(tenant), leave.account, turn);
        self.give_back(channel, None, leave.channel, turn);
    }

    /// An answer has come; says whether it is the first to its call. Whosever the
    /// delivery is by now, it says how the channel is.
    pub(super) fn hear(&mut self, reference: &CallReference, result: CallResult, turn: &mut Turn<'_>) -> bool {
        let (channel, tenant) = (reference.channel, &reference.tenant);
        let Some(leave) = self.lanes[channel.index()].hear(reference.number) else {
            return false;
        };
        let now = turn.now;
        let judges = self.judges(channel);
        let own_trouble = leave.account.is_some_and(|permit| {
            self.with_breaker(channel, Some(tenant), turn, |breaker| {
                if judges {
                    breaker.record(permit, result, now);
                } else {
                    breaker.release(permit);
                }
                breaker.view().state != BreakerState::Closed
            })
        });
        let Some(permit) = leave.channel else { return true };
        let lane = &mut self.lanes[channel.index()];
        let is_bad = lane.gate.breaker.is_bad(&permit, result, now);
        // One that is known to be in trouble vouches for nobody else's.
        let is_shared = is_bad && !own_trouble && lane.accounts.goes_badly(tenant, now);
        let is_own = own_trouble || is_bad && !is_shared && own_account(tenant).is_some();
        let result = if is_own { CallResult::Ignored } else { result };
        self.with_breaker(channel, None, turn, |breaker| breaker.record(permit, result, now));
        true
    }

    /// An operator's order. But for one that holds all back, what is known of the
    /// accounts is put in order with the channel.
    pub(super) fn obey(&mut self, channel: Channel, action: BreakerAction, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.with_breaker(channel, None, turn, |breaker| breaker.order(action, now));
        let for_accounts = match action {
            BreakerAction::ForceOpen => return,
            BreakerAction::Close | BreakerAction::Disable => BreakerAction::Close,
            BreakerAction::Reset => BreakerAction::Reset,
        };
        for tenant in self.lanes[channel.index()].accounts.troubled() {
            self.with_breaker(channel, Some(&tenant), turn, |breaker| breaker.order(for_accounts, now));
        }
    }

    /// Closes the breakers of accounts that nobody asks for any more: nobody else would.
    pub(super) fn forget_accounts(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        for channel in Channel::ALL {
            for tenant in self.lanes[channel.index()].accounts.take_forgotten(now) {
                self.with_breaker(channel, Some(&tenant), turn, |breaker| {
                    breaker.order(BreakerAction::Reset, now);
                });
            }
        }
    }

    /// Whether a breaker holds back a tenant's calls, or finds out whether they succeed
    /// again.
    pub(super) fn is_in_trouble(&self, channel: Channel, tenant: &TenantId) -> bool {
        let of_channel = self.asks_channel(channel, tenant).then(|| self.breaker(channel));
        let views = [of_channel, self.account_breaker(channel, tenant)];
        views.into_iter().flatten().any(|view| match view.state {
            BreakerState::Closed | BreakerState::Disabled => false,
            BreakerState::Open | BreakerState::HalfOpen | BreakerState::ForcedOpen => true,
        })
    }

    /// Whether outcomes count at a channel, and with each account there.
    fn judges(&self, channel: Channel) -> bool {
        self.breaker(channel).state != BreakerState::Disabled
    }

    fn asks_channel(&self, channel: Channel, tenant: &TenantId) -> bool {
        let apart = self.settings.channels[channel.index()].accounts_apart;
        has_a_say(self.breaker(channel).state, apart, tenant)
    }

    /// The channel's breaker, or an account's: says what has changed, and lets go what
    /// may go on now.
    fn with_breaker<T>(
        &mut self,
        channel: Channel,
        account: Option<&TenantId>,
        turn: &mut Turn<'_>,
        ask: impl FnOnce(&mut CircuitBreaker) -> T,
    ) -> T {
        let breaker = &mut self.lanes[channel.index()].gate_of(account).breaker;
        let (generation, from) = (breaker.generation(), breaker.view().state);
        let answer = ask(breaker);
        let mut room = breaker.room();
        if breaker.generation() != generation {
            turn.commands.push(Command::BreakerChanged {
                channel,
                account: account.cloned(),
                from,
                to: breaker.view(),
            });
            if account.is_some() {
                self.lanes[channel.index()].accounts.changed(turn.now);
            }
        }
        // One that has gone on meanwhile, or elsewhere, takes no place.
        while room > 0
            && let Some(id) = self.lanes[channel.index()].gate_of(account).next_held()
        {
            room -= usize::from(self.wake(id, channel, turn));
        }
        answer
    }

    /// It is due now. That its time was later is what the database still says; a
    /// crash before it goes on makes it wait until then. Says whether it waited.
    fn wake(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) -> bool {
        let work = self.works.get_mut(&id);
        let held = work.and_then(|work| work.distribution.delivery_mut(channel));
        let waits =
            |delivery: &&mut Delivery| delivery.waits_for(cause::BREAKER_OPEN.code) || waits_to_withdraw(delivery);
        let Some(delivery) = held.filter(waits) else {
            return false;
        };
        delivery.next_attempt_at = Some(turn.now);
        self.set_alarm(id, channel, turn.now);
        true
    }

    /// Held back until the breaker may let it through. What waits already until
    /// then, or while the breaker finds out whether the channel is back, is not
    /// written anew.
    pub(super) fn hold(&mut self, id: DistributionId, channel: Channel, denied: Denied, turn: &mut Turn<'_>) {
        let until = denied.until;
        let Some(work) = self.works.get_mut(&id) else { return };
        let tenant = work.distribution.tenant.clone();
        let Some(delivery) = work.distribution.delivery_mut(channel) else {
            return;
        };
        if denied.half_open && delivery.waits_for(cause::BREAKER_OPEN.code) {
            delivery.next_attempt_at = Some(until);
        }
        let why = why_held(delivery, denied.by);
        if self.hold_until(id, channel, until, why, turn) {
            let account = (denied.by == Denier::Account).then_some(&tenant);
            self.lanes[channel.index()].gate_of(account).hold(id);
        }
    }

    /// WAITING until then; says whether it waits, and has not done so for too long. What is
    /// in doubt waits no longer than it may be looked up: then a person decides.
    /// What waits already, until then and for the same, is not written anew.
    pub(super) fn hold_until(
        &mut self,
        id: DistributionId,
        channel: Channel,
        until: Timestamp,
        why: Failure,
        turn: &mut Turn<'_>,
    ) -> bool {
        let work = self.works.get(&id);
        let Some(delivery) = work.and_then(|work| work.distribution.delivery(channel)) else {
            return false;
        };
        if delivery.is_withdrawing() {
            self.hold_withdrawal(id, channel, until, why);
            return true;
        }
        if delivery.is_observed() {
            self.put_off_look(id, channel, until, turn);
            return false;
        }
        match self.doubt_ends(delivery) {
            Some(end) if end <= turn.now => {
                self.end_hold(id, channel, turn);
                self.ask_a_person(id, channel, turn);
                self.dirty.insert(id);
                false
            }
            end => self.wait_until(id, channel, end.map_or(until, |end| until.min(end)), why, turn),
        }
    }

    fn wait_until(
        &mut self,
        id: DistributionId,
        channel: Channel,
        until: Timestamp,
        why: Failure,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(work) = self.works.get_mut(&id) else {
            return false;
        };
        let Some(delivery) = work.distribution.delivery(channel) else {
            return false;
        };
        let begun = delivery.attempt_started_at.is_some();
        if !begun && begins_too_late(&work.distribution, channel, until, self.settings.retry.max_age) {
            self.dirty.insert(id);
            self.expire(id, channel, turn);
            return false;
        }
        if !delivery.waits_for(&why.code) || delivery.next_attempt_at != Some(until) {
            work.change(channel, |delivery| {
                delivery.next_attempt_at = Some(until);
                delivery.failure = Some(why);
            });
            work.transition(channel, DeliveryStatus::Waiting, turn.now);
            self.dirty.insert(id);
        }
        self.set_alarm(id, channel, until);
        true
    }

    /// It goes on with the attempt that it was held back in.
    pub(super) fn end_hold(&mut self, id: DistributionId, channel: Channel, turn: &mut Turn<'_>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let held = work.distribution.delivery(channel).filter(|delivery| {
            // What waits is held; what is in progress goes on as it is.
            delivery.status == DeliveryStatus::Waiting
        });
        let Some(held) = held else { return };
        let in_doubt = (held.phase == Phase::Unknown).then(|| Failure {
            channel_said: held.failure.as_ref().and_then(|failure| failure.channel_said.clone()),
            ..cause::OUTCOME_UNKNOWN.failure()
        });
        work.change(channel, |delivery| {
            delivery.next_attempt_at = None;
            delivery.failure = in_doubt;
            // It may be anywhere in its course: the step is taken to have an effect.
            if delivery.phase == Phase::Planned {
                delivery.phase = Phase::Intent;
            }
        });
        work.transition(channel, DeliveryStatus::InProgress, turn.now);
    }
}

/// Whether a channel's breaker that stands so has a say in a tenant's calls: not where
/// tenants' accounts lie apart, but for the configured one and for an operator who holds all
/// back.
pub fn has_a_say(of_channel: BreakerState, accounts_apart: bool, tenant: &TenantId) -> bool {
    !accounts_apart || own_account(tenant).is_none() || of_channel == BreakerState::ForcedOpen
}

/// The tenant whose account has a breaker of its own: the configured account's is the
/// channel's.
fn own_account(tenant: &TenantId) -> Option<&TenantId> {
    (!tenant.is_default()).then_some(tenant)
}

/// Where an outcome is unknown, that stays said.
fn why_held(delivery: &Delivery, by: Denier) -> Failure {
    let in_doubt = delivery.phase == Phase::Unknown;
    let detail = match (by, in_doubt) {
        (Denier::Channel, false) => return cause::BREAKER_OPEN.failure(),
        (Denier::Account, false) => Text::new(
            "The account is not used for calls at the moment because the last ones with it failed; others' are not \
             affected. It goes on as soon as a call with it succeeds again.",
            "이 계정으로 한 최근 호출이 계속 실패해 이 계정의 호출만 잠시 멈췄습니다. 호출이 다시 성공하면 바로 \
             이어집니다.",
        ),
        (Denier::Channel, true) => Text::new(
            "Whether it took effect is not known, and the channel is not called at the moment because its last calls \
             failed. It is found out as soon as the channel answers again; do not post it yourself.",
            "반영 여부를 아직 알 수 없고, 최근 호출이 계속 실패해 채널 호출을 잠시 멈췄습니다. 채널이 다시 응답하면 바로 \
             확인하니 직접 게시하지 마세요.",
        ),
        (Denier::Account, true) => Text::new(
            "Whether it took effect is not known, and the account is not used for calls at the moment because the last \
             ones with it failed. It is found out as soon as a call with it succeeds again; do not post it yourself.",
            "반영 여부를 아직 알 수 없고, 이 계정으로 한 최근 호출이 계속 실패해 이 계정의 호출을 잠시 멈췄습니다. 호출이 \
             다시 성공하면 바로 확인하니 직접 게시하지 마세요.",
        ),
    };
    let said = delivery.failure.as_ref().filter(|_| in_doubt);
    Failure {
        channel_said: said.and_then(|failure| failure.channel_said.clone()),
        ..cause::BREAKER_OPEN.because(detail)
    }
}
