//! T16: the cases that Resilience4j documents, ours beside them, and properties
//! against a model that keeps every call (`tests/model.rs`).
//!
//! What is cited is <https://resilience4j.readme.io/docs/circuitbreaker>.

mod model;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// Resilience4j's own shape: no failures in a row, a count window.
fn counted(size: u32, minimum: u32) -> BreakerSettings {
    BreakerSettings {
        sliding_window: SlidingWindow::Count { size },
        minimum_number_of_calls: minimum,
        consecutive_failures: u32::MAX,
        permitted_number_of_calls_in_half_open_state: 3,
        ..BreakerSettings::default()
    }
}

fn timed(buckets: u32, minimum: u32) -> BreakerSettings {
    BreakerSettings {
        sliding_window: SlidingWindow::Time {
            buckets,
            bucket: Duration::from_secs(1),
        },
        ..counted(1, minimum)
    }
}

struct Subject(CircuitBreaker);

impl Subject {
    fn new(settings: BreakerSettings) -> Self {
        Self(CircuitBreaker::new(settings))
    }

    /// A call that ends at once.
    fn call(&mut self, result: CallResult, now: Timestamp) {
        let permit = self.0.try_acquire(now).expect("permitted");
        self.0.record(permit, result, now);
    }

    fn calls(&mut self, results: &str, now: Timestamp) {
        for result in results.chars() {
            self.call(result_of(result), now);
        }
    }

    fn state(&self) -> BreakerState {
        self.0.view().state
    }

    fn is_permitted(&mut self, now: Timestamp) -> bool {
        self.0.try_acquire(now).map(|permit| self.0.release(permit)).is_ok()
    }

    /// Open since [`at`] 0.
    fn opened(settings: BreakerSettings) -> Self {
        let mut subject = Self::new(settings);
        while subject.state() == BreakerState::Closed {
            subject.call(CallResult::Failed, at(0));
        }
        subject
    }
}

fn result_of(letter: char) -> CallResult {
    match letter {
        's' => CallResult::Succeeded,
        'f' => CallResult::Failed,
        'i' => CallResult::Ignored,
        _ => panic!("{letter}"),
    }
}

/// "The state of the `CircuitBreaker` changes from CLOSED to OPEN when the failure
/// rate is equal or greater than a configurable threshold."
#[test]
fn it_opens_at_the_threshold_and_not_below() {
    for (calls, state) in [
        ("ssssssffff", BreakerState::Closed),
        ("sssssfffff", BreakerState::Open),
        ("ssssffffff", BreakerState::Open),
    ] {
        let mut subject = Subject::new(counted(10, 10));
        subject.calls(calls, at(0));
        assert_eq!(subject.state(), state, "{calls}");
    }
}

/// "If the minimum number of required calls is 10, then at least 10 calls must be
/// recorded, before the failure rate can be calculated. If only 9 calls have been
/// evaluated the `CircuitBreaker` will not trip open even if all 9 calls have failed."
#[test]
fn nothing_is_judged_before_the_minimum() {
    for settings in [counted(100, 10), timed(10, 10)] {
        let mut subject = Subject::new(settings);
        subject.calls("fffffffff", at(0));
        assert_eq!(subject.state(), BreakerState::Closed);
        subject.call(CallResult::Failed, at(0));
        assert_eq!(subject.state(), BreakerState::Open);
    }
}

/// Of a count window, the minimum is at most its size, or it would never judge.
#[test]
fn a_count_windows_minimum_is_at_most_its_size() {
    let mut subject = Subject::new(counted(4, 100));
    subject.calls("fff", at(0));
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.call(CallResult::Failed, at(0));
    assert_eq!(subject.state(), BreakerState::Open);
}

/// "The count-based sliding window is implemented with a circular array of N
/// measurements"; the oldest is evicted.
#[test]
fn a_count_window_forgets_its_oldest_call() {
    let mut subject = Subject::new(counted(4, 4));
    subject.calls("fsss", at(0));
    subject.call(CallResult::Failed, at(0));
    assert_eq!(subject.state(), BreakerState::Closed, "one of the last four");
    subject.call(CallResult::Failed, at(0));
    assert_eq!(subject.state(), BreakerState::Open);
}

/// "The time-based sliding window is implemented with a circular array of N
/// partial aggregations (buckets)"; the oldest bucket is evicted.
#[test]
fn a_time_window_forgets_its_oldest_second() {
    let mut subject = Subject::new(timed(10, 4));
    subject.calls("fff", at(0));
    subject.call(CallResult::Failed, at(10));
    assert_eq!(subject.state(), BreakerState::Closed, "the three are too old");
    subject.calls("ff", at(19));
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.call(CallResult::Failed, at(19));
    assert_eq!(subject.state(), BreakerState::Open, "that of second 10 still counts");
}

/// "slowCallDurationThreshold: the duration threshold *above which* calls are
/// considered as slow". A slow success counts as slow, too.
#[test]
fn a_call_is_slow_when_it_takes_strictly_longer() {
    for (takes, state) in [(2, BreakerState::Closed), (3, BreakerState::Open)] {
        let mut subject = Subject::new(BreakerSettings {
            slow_call_duration_threshold: Duration::from_secs(2),
            ..counted(2, 2)
        });
        for call in 0..2 {
            let permit = subject.0.try_acquire(at(call * 10)).unwrap();
            subject.0.record(permit, CallResult::Succeeded, at(call * 10 + takes));
        }
        assert_eq!(subject.state(), state, "{takes} s");
    }
}

/// A call's time counts from when it is made, not from when it was permitted.
#[test]
fn waiting_for_a_commit_makes_no_call_slow() {
    let mut subject = Subject::new(BreakerSettings {
        slow_call_duration_threshold: Duration::from_secs(2),
        ..counted(1, 1)
    });
    let permit = subject.0.try_acquire(at(0)).unwrap();
    let permit = subject.0.confirm(permit, at(60)).unwrap();
    subject.0.record(permit, CallResult::Succeeded, at(61));
    assert_eq!(subject.state(), BreakerState::Closed);
}

/// "ignoreExceptions: … neither count as a failure nor success."
#[test]
fn what_is_ignored_counts_for_nothing() {
    let mut subject = Subject::new(BreakerSettings {
        consecutive_failures: 3,
        ..counted(10, 4)
    });
    subject.calls("iiiiiiiifif", at(0));
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.calls("if", at(0));
    assert_eq!(
        subject.state(),
        BreakerState::Open,
        "and does not part failures in a row"
    );
}

/// "After a wait time duration has elapsed, the `CircuitBreaker` state changes from
/// OPEN to `HALF_OPEN` and permits a configurable number of calls … Further calls
/// are rejected … until all permitted calls have completed."
#[test]
fn after_its_wait_it_lets_its_permits_through_and_no_more() {
    let mut subject = Subject::opened(counted(1, 100));
    let until = at(30);
    assert_eq!(subject.0.try_acquire(at(29)).unwrap_err(), CallNotPermitted { until });
    assert_eq!(subject.0.view().next_probe_at, Some(until));
    let permits: Vec<_> = (0..3).map(|_| subject.0.try_acquire(until).unwrap()).collect();
    assert_eq!(subject.state(), BreakerState::HalfOpen);
    assert!(!subject.is_permitted(until));
    let mut permits = permits.into_iter();
    subject.0.record(permits.next().unwrap(), CallResult::Succeeded, until);
    assert!(!subject.is_permitted(until), "a permit that was used is not returned");
    subject.0.record(permits.next().unwrap(), CallResult::Ignored, until);
    assert!(subject.is_permitted(until), "one that was ignored is");
    subject.0.release(permits.next().unwrap());
    subject.calls("ss", until);
    assert_eq!(subject.state(), BreakerState::Closed);
}

/// "If the failure rate or slow call rate is then equal or greater than the
/// configured threshold, the state changes back to OPEN. If … below the threshold,
/// the state changes back to CLOSED."
#[test]
fn half_open_judges_its_permits_alone() {
    for (minimum, results, state) in [
        (100, "ssf", BreakerState::Closed),
        (100, "sff", BreakerState::Open),
        (100, "ss", BreakerState::HalfOpen),
        // The minimum may be less than the permits.
        (1, "s", BreakerState::Closed),
        (1, "f", BreakerState::Open),
    ] {
        let mut subject = Subject::opened(counted(1, minimum));
        subject.calls(results, at(30));
        assert_eq!(subject.state(), state, "{results}, at least {minimum}");
    }
}

#[test]
fn half_open_judges_slow_calls_too() {
    let mut subject = Subject::opened(BreakerSettings {
        slow_call_duration_threshold: Duration::from_secs(2),
        permitted_number_of_calls_in_half_open_state: 1,
        ..counted(1, 1)
    });
    let permit = subject.0.try_acquire(at(30)).unwrap();
    subject.0.record(permit, CallResult::Succeeded, at(33));
    assert_eq!(subject.state(), BreakerState::Open);
}

/// "maxWaitDurationInHalfOpenState: … the longest amount of time a `CircuitBreaker`
/// could stay in Half Open state, before it switches to open."
#[test]
fn half_open_does_not_wait_for_ever_for_calls_that_got_lost() {
    let mut subject = Subject::opened(counted(1, 1));
    let lost: Vec<_> = (0..3).map(|_| subject.0.try_acquire(at(30)).unwrap()).collect();
    assert_eq!(subject.0.try_acquire(at(59)).unwrap_err().until, at(60));
    assert_eq!(
        subject.0.try_acquire(at(60)).unwrap_err().until,
        at(120),
        "open, and twice as long"
    );
    for permit in lost {
        subject.0.record(permit, CallResult::Succeeded, at(61));
    }
    assert_eq!(
        subject.state(),
        BreakerState::Open,
        "what an older generation says is discarded"
    );
}

/// Resilience4j would open, and for longer: that nobody called says nothing of the channel.
#[test]
fn half_open_waits_for_its_first_call() {
    let mut subject = Subject::opened(counted(1, 1));
    let permit = subject.0.try_acquire(at(30)).unwrap();
    subject.0.release(permit);
    for seconds in [61, 200, 1_000] {
        let permit = subject.0.try_acquire(at(seconds)).unwrap();
        subject.0.record(permit, CallResult::Ignored, at(seconds));
        assert_eq!(subject.state(), BreakerState::HalfOpen, "{seconds}");
    }
    let permits: Vec<_> = (0..3).map(|_| subject.0.try_acquire(at(1_001)).unwrap()).collect();
    assert_eq!(subject.0.try_acquire(at(1_030)).unwrap_err().until, at(1_031));
    for permit in permits {
        subject.0.record(permit, CallResult::Failed, at(1_030));
    }
    assert_eq!(subject.state(), BreakerState::Open);
}

/// A breaker of somebody who does not come back.
#[test]
fn one_that_nobody_asks_any_more_is_known_by_its_age() {
    let mut subject = Subject::opened(counted(1, 1));
    let longest = i64::try_from(counted(1, 1).max_wait_duration_in_open_state.as_secs()).unwrap();
    assert!(!subject.0.is_forgotten(at(29 + longest)));
    assert!(subject.0.is_forgotten(at(30 + longest)));
    let permit = subject.0.try_acquire(at(30)).unwrap();
    assert!(!subject.0.is_forgotten(at(59 + longest)), "it finds out");
    assert!(subject.0.is_forgotten(at(60 + longest)));
    subject.0.release(permit);
    for action in [BreakerAction::ForceOpen, BreakerAction::Disable, BreakerAction::Close] {
        subject.0.order(action, at(31));
        assert!(!subject.0.is_forgotten(at(9_999)), "{action:?}");
    }
}

#[test]
fn results_of_an_older_generation_change_nothing() {
    let mut subject = Subject::new(counted(1, 1));
    let mut old: Vec<_> = (0..4).map(|_| subject.0.try_acquire(at(0)).unwrap()).collect();
    subject.call(CallResult::Failed, at(0));
    subject.0.record(old.pop().unwrap(), CallResult::Succeeded, at(1));
    assert_eq!(subject.state(), BreakerState::Open);
    let probes: Vec<_> = (0..3).map(|_| subject.0.try_acquire(at(30)).unwrap()).collect();
    subject.0.record(old.pop().unwrap(), CallResult::Succeeded, at(31));
    subject.0.release(old.pop().unwrap());
    assert!(!subject.is_permitted(at(31)), "no permit came back");
    for permit in probes {
        subject.0.record(permit, CallResult::Succeeded, at(32));
    }
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.0.record(old.pop().unwrap(), CallResult::Failed, at(33));
    assert_eq!(subject.state(), BreakerState::Closed);
}

/// A call that was permitted is made only if that still holds.
#[test]
fn leave_that_was_given_before_a_change_is_asked_for_anew() {
    let mut subject = Subject::new(counted(1, 1));
    let early = subject.0.try_acquire(at(0)).unwrap();
    let late = subject.0.try_acquire(at(0)).unwrap();
    subject.call(CallResult::Failed, at(0));
    assert_eq!(subject.0.confirm(early, at(1)).unwrap_err().until, at(30));
    let probe = subject.0.confirm(late, at(30)).unwrap();
    assert_eq!(subject.state(), BreakerState::HalfOpen);
    subject.0.release(probe);
}

#[test]
fn it_is_open_for_longer_each_time_until_it_has_closed() {
    let mut subject = Subject::opened(counted(1, 1));
    let mut now = at(0);
    for waits in [30, 60, 120, 240, 300, 300] {
        let until = subject.0.try_acquire(now).unwrap_err().until;
        assert_eq!(until.duration_since(now).as_secs(), waits);
        now = until;
        subject.call(CallResult::Failed, now);
    }
    now = subject.0.view().next_probe_at.unwrap();
    subject.call(CallResult::Succeeded, now);
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.call(CallResult::Failed, now);
    assert_eq!(
        subject.0.view().next_probe_at.unwrap().duration_since(now).as_secs(),
        30
    );
}

#[test]
fn five_failures_in_a_row_are_enough_by_default_and_a_success_parts_them() {
    let mut subject = Subject::new(BreakerSettings::default());
    subject.calls("ffffsffff", at(0));
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.call(CallResult::Failed, at(0));
    assert_eq!(subject.state(), BreakerState::Open);
    let mut subject = Subject::new(BreakerSettings::default());
    subject.calls("sfsfsfsfs", at(0));
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.call(CallResult::Failed, at(299));
    assert_eq!(subject.state(), BreakerState::Open, "half of ten within five minutes");
}

/// "DISABLED (always allow access) and `FORCED_OPEN` (always deny access). In these
/// two states no … metrics are recorded. The only way to exit from those states is
/// to trigger a state transition or to reset the Circuit Breaker."
#[test]
fn an_operator_has_the_last_word() {
    let mut subject = Subject::new(counted(1, 1));
    subject.0.order(BreakerAction::Disable, at(0));
    subject.calls("fffff", at(1));
    assert_eq!(subject.state(), BreakerState::Disabled);
    subject.0.order(BreakerAction::ForceOpen, at(2));
    assert!(!subject.is_permitted(at(100_000)));
    subject.0.order(BreakerAction::Close, at(100_001));
    assert!(subject.is_permitted(at(100_001)));
    assert_eq!(subject.0.view().since, Some(at(100_001)));
}

#[test]
fn to_close_keeps_what_was_learnt_and_to_reset_forgets_it() {
    for (action, waits) in [(BreakerAction::Close, 60), (BreakerAction::Reset, 30)] {
        let mut subject = Subject::opened(counted(1, 1));
        subject.0.order(action, at(1));
        subject.call(CallResult::Failed, at(2));
        assert_eq!(subject.0.view().next_probe_at, Some(at(2 + waits)), "{action:?}");
    }
}

#[test]
fn a_clock_that_goes_back_keeps_nothing_shut() {
    let mut subject = Subject::opened(counted(1, 1));
    assert!(subject.is_permitted(at(-86_400)));
    let mut subject = Subject::new(timed(10, 3));
    subject.calls("ff", at(0));
    subject.calls("ff", at(-86_400));
    assert_eq!(subject.state(), BreakerState::Closed);
    subject.calls("f", at(-86_400));
    assert_eq!(subject.state(), BreakerState::Open);
}
