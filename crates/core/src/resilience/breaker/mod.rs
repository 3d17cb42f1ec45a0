//! A circuit breaker: it leaves a channel alone that fails, and finds out with a
//! few calls whether it is back.
//!
//! Its semantics and words are Resilience4j's
//! (<https://resilience4j.readme.io/docs/circuitbreaker>), less what nobody here
//! needs (`METRICS_ONLY`), and with two things that six channels of low volume
//! need: it opens after failures in a row, too, and is open for longer each time
//! that it opens again. A change of state happens when somebody asks, as it does
//! there without `automaticTransitionFromOpenToHalfOpenEnabled`.
//!
//! Pure: the time is an argument, and nothing waits. Whoever has a [`Permit`]
//! gives it back, with what came of the call or without: the engine keeps it
//! beside the call, so that none is forgotten. Deliberately absent: which outcome
//! is whose fault; `crate::cause` says that.

mod order;
mod settings;
#[cfg(test)]
mod tests;
mod window;

use std::time::Duration;

use jiff::Timestamp;

use self::window::{Counts, Window};
use super::retry::later;

pub use self::order::BreakerOrder;
pub use self::settings::{BreakerSettings, SlidingWindow};

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakerState {
    /// Calls pass and are judged.
    Closed,
    /// No call passes until a known time.
    Open,
    /// A few calls pass, to find out.
    HalfOpen,
    /// No call passes until an operator says otherwise.
    ForcedOpen,
    /// Calls pass and are not judged.
    Disabled,
}

impl BreakerState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::ForcedOpen,
        Self::Disabled,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
            Self::ForcedOpen => "FORCED_OPEN",
            Self::Disabled => "DISABLED",
        }
    }

    /// No call passes.
    pub const fn holds(self) -> bool {
        matches!(self, Self::Open | Self::ForcedOpen)
    }
}

/// What an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerAction {
    /// No call passes, until another order.
    ForceOpen,
    /// Closed now, with nothing counted; it judges on, and what it had learnt of
    /// how long to stay open is kept.
    Close,
    /// All calls pass and are not judged, until another order.
    Disable,
    /// As if it had just been made.
    Reset,
}

impl BreakerAction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ForceOpen, Self::Close, Self::Disable, Self::Reset];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForceOpen => "force_open",
            Self::Close => "close",
            Self::Disable => "disable",
            Self::Reset => "reset",
        }
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// Leave for one call. It is given back by [`CircuitBreaker::record`], or by
/// [`CircuitBreaker::release`] where the call was not made.
#[derive(Debug)]
#[must_use = "a permit that is not given back is missed while the breaker is half open"]
pub struct Permit {
    generation: u64,
    begun_at: Timestamp,
}

impl Permit {
    /// That no breaker gave; for faults that tests plant.
    pub(crate) fn unasked(now: Timestamp) -> Self {
        Self {
            generation: u64::MAX,
            begun_at: now,
        }
    }

    fn took(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.begun_at)).unwrap_or_default()
    }

    pub(crate) fn is_unasked(&self) -> bool {
        self.generation == u64::MAX
    }
}

/// No call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallNotPermitted {
    /// When to ask again. It may be permitted earlier.
    pub until: Timestamp,
}

/// What came of a call, as far as the breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// The channel is at work.
    Succeeded,
    /// It is not.
    Failed,
    /// It says nothing of the channel: the permit is returned, nothing counts.
    Ignored,
}

/// As people may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerView {
    /// Where it stands.
    pub state: BreakerState,
    /// Since when; `None` where it has never changed.
    pub since: Option<Timestamp>,
    /// Open: when the next call finds out whether the channel is back.
    pub next_probe_at: Option<Timestamp>,
}

/// One channel's breaker.
#[derive(Debug, Clone)]
pub struct CircuitBreaker {
    settings: BreakerSettings,
    state: State,
    since: Option<Timestamp>,
    /// One more with each change of state: results of an older one are discarded.
    generation: u64,
    /// How often it has opened without having closed.
    openings: u32,
    /// Of the closed state; empty in any other.
    window: Window,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failed_in_a_row: u32,
    },
    Open {
        until: Timestamp,
    },
    HalfOpen {
        free: u32,
        counts: Counts,
        until: Timestamp,
    },
    ForcedOpen,
    Disabled,
}

impl CircuitBreaker {
    /// Closed, with nothing counted.
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: State::Closed { failed_in_a_row: 0 },
            since: None,
            generation: 0,
            openings: 0,
            window: Window::new(settings.sliding_window),
        }
    }

    /// Asks for leave to make a call.
    ///
    /// # Errors
    /// [`CallNotPermitted`] with the time to ask again.
    pub fn try_acquire(&mut self, now: Timestamp) -> Result<Permit, CallNotPermitted> {
        self.turn(now);
        let generation = self.generation;
        let permit = Permit {
            generation,
            begun_at: now,
        };
        match &mut self.state {
            State::Closed { .. } | State::Disabled => Ok(permit),
            State::Open { until } | State::HalfOpen { free: 0, until, .. } => Err(CallNotPermitted { until: *until }),
            State::HalfOpen { free, .. } => {
                *free -= 1;
                Ok(permit)
            }
            State::ForcedOpen => Err(CallNotPermitted {
                until: later(now, self.settings.max_wait_duration_in_open_state),
            }),
        }
    }

    /// The call that was permitted is made now, and its time counts from here.
    /// Where the state has changed meanwhile, it needs leave anew.
    ///
    /// # Errors
    /// As [`CircuitBreaker::try_acquire`].
    pub fn confirm(&mut self, mut permit: Permit, now: Timestamp) -> Result<Permit, CallNotPermitted> {
        self.turn(now);
        if permit.generation != self.generation {
            return self.try_acquire(now);
        }
        permit.begun_at = now;
        Ok(permit)
    }

    /// Whether it is one of those that a breaker opens for: it failed, or it was slow.
    pub fn is_bad(&self, permit: &Permit, result: CallResult, now: Timestamp) -> bool {
        match result {
            CallResult::Failed => true,
            CallResult::Succeeded => permit.took(now) > self.settings.slow_call_duration_threshold,
            CallResult::Ignored => false,
        }
    }

    /// What came of a call.
    pub fn record(&mut self, permit: Permit, result: CallResult, now: Timestamp) {
        let failed = match result {
            _ if permit.generation != self.generation => return,
            CallResult::Ignored => return self.release(permit),
            CallResult::Succeeded => false,
            CallResult::Failed => true,
        };
        let outcome = Counts::one(failed, permit.took(now) > self.settings.slow_call_duration_threshold);
        match &mut self.state {
            State::Closed { failed_in_a_row } => {
                *failed_in_a_row = if failed { *failed_in_a_row + 1 } else { 0 };
                let too_many = failed && *failed_in_a_row >= self.settings.consecutive_failures;
                let counts = self.window.record(outcome, now);
                let minimum = self.settings.minimum_number_of_calls.min(self.window.capacity());
                if too_many || (counts.calls >= minimum && self.exceeds(counts)) {
                    self.open(now);
                }
            }
            State::HalfOpen { counts, .. } => {
                *counts = Counts {
                    calls: counts.calls + outcome.calls,
                    failed: counts.failed + outcome.failed,
                    slow: counts.slow + outcome.slow,
                };
                let counts = *counts;
                self.judge_half_open(counts, now);
            }
            State::Open { .. } | State::ForcedOpen | State::Disabled => {}
        }
    }

    /// The call was not made.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is given back")]
    pub fn release(&mut self, permit: Permit) {
        if let State::HalfOpen { free, .. } = &mut self.state
            && permit.generation == self.generation
        {
            *free += 1;
        }
    }

    /// Obeys an operator.
    pub fn order(&mut self, action: BreakerAction, now: Timestamp) {
        match action {
            BreakerAction::ForceOpen => self.become_state(State::ForcedOpen, now),
            BreakerAction::Disable => self.become_state(State::Disabled, now),
            BreakerAction::Close => self.become_state(State::Closed { failed_in_a_row: 0 }, now),
            BreakerAction::Reset => {
                self.openings = 0;
                self.become_state(State::Closed { failed_in_a_row: 0 }, now);
            }
        }
    }

    /// Where it stands.
    pub fn view(&self) -> BreakerView {
        let (state, next_probe_at) = match self.state {
            State::Closed { .. } => (BreakerState::Closed, None),
            State::Open { until } => (BreakerState::Open, Some(until)),
            State::HalfOpen { .. } => (BreakerState::HalfOpen, None),
            State::ForcedOpen => (BreakerState::ForcedOpen, None),
            State::Disabled => (BreakerState::Disabled, None),
        };
        BreakerView {
            state,
            since: self.since,
            next_probe_at,
        }
    }

    /// How many calls would be let through now.
    pub fn room(&self) -> usize {
        match self.state {
            State::Closed { .. } | State::Disabled => usize::MAX,
            State::HalfOpen { free, .. } => free as usize,
            State::Open { .. } | State::ForcedOpen => 0,
        }
    }

    /// One more with each change of state.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What the time alone changes. A clock that went back ends a wait: who
    /// knows how long it would be.
    fn turn(&mut self, now: Timestamp) {
        let clock_went_back = self.since.is_some_and(|since| now < since);
        match self.state {
            State::Open { until } if now >= until || clock_went_back => {
                let half_open = State::HalfOpen {
                    free: self.settings.permitted_number_of_calls_in_half_open_state.max(1),
                    counts: Counts::default(),
                    until: later(now, self.settings.max_wait_duration_in_half_open_state),
                };
                self.become_state(half_open, now);
            }
            State::HalfOpen { free, counts, .. } if self.is_unasked(free, counts) => self.find_out_longer(now),
            State::HalfOpen { until, .. } if now >= until || clock_went_back => self.open(now),
            State::Closed { .. }
            | State::Open { .. }
            | State::HalfOpen { .. }
            | State::ForcedOpen
            | State::Disabled => {}
        }
    }

    /// Nobody has asked, or no call was made: that says nothing of the channel.
    fn is_unasked(&self, free: u32, counts: Counts) -> bool {
        counts.calls == 0 && free >= self.settings.permitted_number_of_calls_in_half_open_state.max(1)
    }

    /// The time in which it finds out begins with the first call.
    fn find_out_longer(&mut self, now: Timestamp) {
        if let State::HalfOpen { until, .. } = &mut self.state {
            *until = later(now, self.settings.max_wait_duration_in_half_open_state);
        }
    }

    /// Nobody has asked for so long that nobody needs it any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        let (State::Open { until } | State::HalfOpen { until, .. }) = self.state else {
            return false;
        };
        now >= later(until, self.settings.max_wait_duration_in_open_state)
    }

    fn exceeds(&self, counts: Counts) -> bool {
        counts.fails_too_often(self.settings.failure_rate_threshold)
            || counts.is_too_slow(self.settings.slow_call_rate_threshold)
    }

    /// The window of the half open state is its permits, fresh each time.
    fn judge_half_open(&mut self, counts: Counts, now: Timestamp) {
        let permits = self.settings.permitted_number_of_calls_in_half_open_state.max(1);
        if counts.calls < self.settings.minimum_number_of_calls.min(permits) {
            return;
        }
        if self.exceeds(counts) {
            self.open(now);
        } else {
            self.openings = 0;
            self.become_state(State::Closed { failed_in_a_row: 0 }, now);
        }
    }

    fn open(&mut self, now: Timestamp) {
        let growth = 2_u32.saturating_pow(self.openings);
        let wait = self.settings.wait_duration_in_open_state.saturating_mul(growth);
        let wait = wait.min(self.settings.max_wait_duration_in_open_state);
        self.openings = self.openings.saturating_add(1);
        self.become_state(
            State::Open {
                until: later(now, wait),
            },
            now,
        );
    }

    fn become_state(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.since = Some(now);
        self.generation += 1;
        self.window.clear();
    }
}
