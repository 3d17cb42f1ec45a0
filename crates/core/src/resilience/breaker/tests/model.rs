//! The same rules, said as plainly as they can be: every call is kept and counted
//! anew each time. Whatever is done to both, they must agree.

use proptest::prelude::*;

use super::*;

struct Model {
    settings: BreakerSettings,
    state: BreakerState,
    /// One for each change of state.
    generation: u64,
    until: Timestamp,
    openings: u32,
    /// Of this generation: when it ended, whether it failed, whether it was slow.
    ended: Vec<(Timestamp, bool, bool)>,
    /// Permits of this generation that were given and not returned.
    given: u32,
}

struct Leave {
    generation: u64,
    begun_at: Timestamp,
}

impl Model {
    fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: BreakerState::Closed,
            generation: 0,
            until: Timestamp::MIN,
            openings: 0,
            ended: Vec::new(),
            given: 0,
        }
    }

    fn become_state(&mut self, state: BreakerState) {
        self.state = state;
        self.generation += 1;
        self.ended.clear();
        self.given = 0;
    }

    fn open(&mut self, now: Timestamp) {
        let mut wait = self.settings.wait_duration_in_open_state;
        for _ in 0..self.openings {
            wait = (wait * 2).min(self.settings.max_wait_duration_in_open_state);
        }
        self.openings += 1;
        self.until = now + wait;
        self.become_state(BreakerState::Open);
    }

    fn acquire(&mut self, now: Timestamp) -> Option<Leave> {
        if self.state == BreakerState::Open && now >= self.until {
            self.become_state(BreakerState::HalfOpen);
            self.until = now + self.settings.max_wait_duration_in_half_open_state;
        } else if self.state == BreakerState::HalfOpen && self.given == 0 && self.ended.is_empty() {
            self.until = now + self.settings.max_wait_duration_in_half_open_state;
        } else if self.state == BreakerState::HalfOpen && now >= self.until {
            self.open(now);
        }
        let permits = self.settings.permitted_number_of_calls_in_half_open_state;
        let permitted = match self.state {
            BreakerState::Closed | BreakerState::Disabled => true,
            BreakerState::HalfOpen => self.given < permits,
            BreakerState::Open | BreakerState::ForcedOpen => false,
        };
        self.given += u32::from(permitted);
        permitted.then_some(Leave {
            generation: self.generation,
            begun_at: now,
        })
    }

    fn record(&mut self, leave: &Leave, result: CallResult, now: Timestamp) {
        if leave.generation != self.generation {
            return;
        }
        if result == CallResult::Ignored {
            self.given -= 1;
            return;
        }
        let slow = now.duration_since(leave.begun_at).unsigned_abs() > self.settings.slow_call_duration_threshold;
        self.ended.push((now, result == CallResult::Failed, slow));
        let judged = match self.state {
            BreakerState::Closed => self.in_window(now),
            BreakerState::HalfOpen => self.ended.clone(),
            BreakerState::Open | BreakerState::ForcedOpen | BreakerState::Disabled => return,
        };
        let minimum = match (self.state, self.settings.sliding_window) {
            (BreakerState::HalfOpen, _) => self.settings.permitted_number_of_calls_in_half_open_state,
            (_, SlidingWindow::Count { size }) => size,
            (_, SlidingWindow::Time { .. }) => u32::MAX,
        };
        let minimum = self.settings.minimum_number_of_calls.min(minimum) as usize;
        let failed = judged.iter().filter(|(_, failed, _)| *failed).count();
        let slow = judged.iter().filter(|(.., slow)| *slow).count();
        let share = |part: usize| part * 100 / judged.len().max(1);
        let bad = judged.len() >= minimum
            && (exceeds(
                share(failed),
                failed,
                judged.len(),
                self.settings.failure_rate_threshold,
            ) || exceeds(share(slow), slow, judged.len(), self.settings.slow_call_rate_threshold));
        let in_a_row = self.ended.iter().rev().take_while(|(_, failed, _)| *failed).count();
        let in_a_row = in_a_row >= self.settings.consecutive_failures as usize;
        if bad || (in_a_row && self.state == BreakerState::Closed) {
            self.open(now);
        } else if self.state == BreakerState::HalfOpen && judged.len() >= minimum {
            self.openings = 0;
            self.become_state(BreakerState::Closed);
        }
    }

    fn in_window(&self, now: Timestamp) -> Vec<(Timestamp, bool, bool)> {
        match self.settings.sliding_window {
            SlidingWindow::Count { size } => {
                let skip = self.ended.len().saturating_sub(size as usize);
                self.ended[skip..].to_vec()
            }
            SlidingWindow::Time { buckets, bucket } => {
                let number = |at: Timestamp| at.as_second() / i64::try_from(bucket.as_secs()).unwrap();
                let first = number(now) - i64::from(buckets) + 1;
                let ended = self.ended.iter().filter(|(at, ..)| number(*at) >= first);
                ended.copied().collect()
            }
        }
    }
}

/// Exactly, and not by a rounded share.
fn exceeds(share: usize, part: usize, of: usize, threshold: u32) -> bool {
    let threshold = threshold as usize;
    share > threshold || part * 100 >= threshold * of
}

#[derive(Debug, Clone)]
enum Deed {
    /// Time goes on, in milliseconds.
    Wait(u16),
    Acquire,
    /// One of the calls that are out ends.
    End(prop::sample::Index, CallResult),
    Order(BreakerAction),
}

fn deed() -> impl Strategy<Value = Deed> {
    let result = prop_oneof![
        3 => Just(CallResult::Succeeded),
        4 => Just(CallResult::Failed),
        1 => Just(CallResult::Ignored),
    ];
    prop_oneof![
        6 => Just(Deed::Acquire),
        6 => (any::<prop::sample::Index>(), result).prop_map(|(which, result)| Deed::End(which, result)),
        3 => (0_u16..4_000).prop_map(Deed::Wait),
        1 => prop::sample::select(&BreakerAction::ALL[..]).prop_map(Deed::Order),
    ]
}

fn settings() -> impl Strategy<Value = BreakerSettings> {
    let window = prop_oneof![
        (1_u32..8).prop_map(|size| SlidingWindow::Count { size }),
        (1_u32..6, 1_u64..3).prop_map(|(buckets, seconds)| SlidingWindow::Time {
            buckets,
            bucket: Duration::from_secs(seconds)
        }),
    ];
    (window, 1_u32..6, 1_u32..=100, 1_u32..=100, 2_u32..8, 1_u32..4).prop_map(
        |(sliding_window, minimum, failures, slow, in_a_row, permits)| BreakerSettings {
            sliding_window,
            minimum_number_of_calls: minimum,
            failure_rate_threshold: failures,
            slow_call_rate_threshold: slow,
            slow_call_duration_threshold: Duration::from_secs(2),
            consecutive_failures: in_a_row,
            permitted_number_of_calls_in_half_open_state: permits,
            max_wait_duration_in_half_open_state: Duration::from_secs(5),
            wait_duration_in_open_state: Duration::from_secs(3),
            max_wait_duration_in_open_state: Duration::from_secs(10),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_does_what_the_model_does(settings in settings(), deeds in prop::collection::vec(deed(), 1..200)) {
        let (mut breaker, mut model) = (CircuitBreaker::new(settings), Model::new(settings));
        let mut now = at(0);
        let mut out = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Wait(millis) => now += Duration::from_millis(millis.into()),
                Deed::Acquire => match (breaker.try_acquire(now), model.acquire(now)) {
                    (Ok(permit), Some(leave)) => out.push((permit, leave)),
                    (Err(denied), None) => prop_assert!(denied.until > now, "a wait has an end"),
                    (real, leave) => prop_assert!(false, "{:?}, {}", real, leave.is_some()),
                },
                Deed::End(which, result) if !out.is_empty() => {
                    let (permit, leave) = out.swap_remove(which.index(out.len()));
                    breaker.record(permit, result, now);
                    model.record(&leave, result, now);
                }
                Deed::End(..) => {}
                Deed::Order(action) => {
                    breaker.order(action, now);
                    if action == BreakerAction::Reset {
                        model.openings = 0;
                    }
                    model.become_state(match action {
                        BreakerAction::ForceOpen => BreakerState::ForcedOpen,
                        BreakerAction::Disable => BreakerState::Disabled,
                        BreakerAction::Close | BreakerAction::Reset => BreakerState::Closed,
                    });
                }
            }
            prop_assert_eq!(breaker.view().state, model.state);
            prop_assert_eq!(breaker.generation(), model.generation);
        }
    }
}
