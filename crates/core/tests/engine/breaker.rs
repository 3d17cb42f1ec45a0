//! What a channel's breaker holds back, and how it goes on.

use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Retry, StepOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, DeliveryStatus, Failure, Phase};
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Call, Command, Input};
use fanfare_core::ids::DistributionId;
use fanfare_core::resilience::breaker::{BreakerAction, BreakerState};
use fanfare_core::text::Text;
use fanfare_core::write::{Write, Written};
use jiff::Timestamp;

use crate::{KEY, Node, START, TWO, adopted, calls, confirmed, failure, new, record, stepped};

const ONE: &[Channel] = &[TWO[0]];

fn order(action: BreakerAction) -> Input {
    Input::BreakerOrdered {
        channel: TWO[0],
        action,
    }
}

fn rejected(code: &'static str) -> StepOutcome {
    StepOutcome::Rejected {
        failure: Failure::new(code, Text::new("No.", "안 됩니다.")),
        retry: Retry::Never,
        checkpoint: None,
    }
}

fn roomy(dedup: Dedup) -> Node {
    crate::node_for(dedup, 10, 100)
}

impl Node {
    /// A distribution to one channel whose attempt ends so.
    fn ended(&mut self, outcome: &StepOutcome) -> Vec<Command> {
        let (id, out) = self.accepted(new(ONE, None));
        let mut commands = self.step(vec![stepped(&out[0], outcome.clone())]);
        commands.extend(self.written(id, Written::Recorded));
        commands
    }

    /// Five failures in a row.
    fn opened(&mut self) {
        for _ in 0..5 {
            self.ended(&rejected("channel_unavailable"));
        }
        assert_eq!(self.state(), BreakerState::Open);
    }

    fn state(&self) -> BreakerState {
        self.engine.breaker(TWO[0]).state
    }

    /// Accepted and committed while no call is let through.
    fn held(&mut self) -> DistributionId {
        // Ids of one millisecond have no order.
        self.now += Duration::from_millis(1);
        let (id, out) = self.accepted(new(ONE, None));
        assert_eq!(out, []);
        id
    }
}

fn intents(commands: &[Command]) -> Vec<DistributionId> {
    let of = |command: &Command| match command {
        Command::Write(Write::Record(record)) if record.deliveries[0].phase == Phase::Intent => Some(record.id),
        _ => None,
    };
    commands.iter().filter_map(of).collect()
}

#[test]
fn it_opens_after_failures_of_the_channel_and_not_of_the_request() {
    let mut node = roomy(KEY);
    for code in ["content_rejected", "auth_expired", "quota_exhausted", "never_heard_of"] {
        for _ in 0..6 {
            node.ended(&rejected(code));
        }
        assert_eq!(node.state(), BreakerState::Closed, "{code}");
    }
    for _ in 0..4 {
        node.ended(&rejected("channel_unavailable"));
    }
    let commands = node.ended(&rejected("channel_unavailable"));
    let changes: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::BreakerChanged { channel, from, to, .. } => Some((*channel, *from, to.state, to.next_probe_at)),
            _ => None,
        })
        .collect();
    let probe = START + Duration::from_secs(30);
    assert_eq!(
        changes,
        [(TWO[0], BreakerState::Closed, BreakerState::Open, Some(probe))]
    );
    assert_eq!(node.engine.breaker(TWO[1]).state, BreakerState::Closed);
}

/// A step that called nobody says nothing of the channel: else every attempt that looks
/// at a medium first would begin with a success.
#[test]
fn a_step_of_this_service_s_own_says_nothing_of_the_channel() {
    let state_after = |looked: &StepOutcome| {
        let mut node = roomy(KEY);
        // So many that no rate is reached.
        for _ in 0..20 {
            node.ended(&confirmed());
        }
        for _ in 0..5 {
            let (id, out) = node.accepted(new(ONE, None));
            node.step(vec![stepped(&out[0], looked.clone())]);
            let out = calls(node.written(id, Written::Recorded));
            node.step(vec![stepped(&out[0], rejected("channel_unavailable"))]);
            node.written(id, Written::Recorded);
        }
        node.state()
    };
    let (checkpoint, next_has_effect) = (Checkpoint(serde_json::json!("looked at")), true);
    let called = StepOutcome::Advanced {
        checkpoint: checkpoint.clone(),
        next_has_effect,
    };
    let looked = StepOutcome::Prepared {
        checkpoint,
        next_has_effect,
    };
    assert_eq!(state_after(&looked), BreakerState::Open);
    assert_eq!(state_after(&called), BreakerState::Closed);
}

#[test]
fn an_unknown_outcome_counts_and_the_service_s_own_troubles_do_not() {
    let mut node = roomy(Dedup::None);
    for _ in 0..6 {
        let why = Failure::new("service_restarting", Text::new("Soon.", "곧."));
        node.ended(&StepOutcome::Unknown(why));
    }
    assert_eq!(node.state(), BreakerState::Closed);
    for _ in 0..5 {
        let why = Failure::new("outcome_unknown", Text::new("Who knows.", "알 수 없습니다."));
        node.ended(&StepOutcome::Unknown(why));
    }
    assert_eq!(node.state(), BreakerState::Open);
}

/// Whose state can't be seen is not well, for all that nothing has failed yet.
#[test]
fn a_look_at_what_is_under_way_counts_by_what_came_of_it() {
    let poll_after = Duration::from_secs(5);
    let failed = |code: &'static str| StepOutcome::PollFailed {
        poll_after,
        why: Failure::new(code, Text::new("No.", "안 됩니다.")),
    };
    let mut node = roomy(KEY);
    for outcome in [
        StepOutcome::Pending { poll_after },
        failed("rate_limited"),
        failed("never_heard_of"),
    ] {
        for _ in 0..6 {
            node.ended(&outcome);
        }
        assert_eq!(node.state(), BreakerState::Closed, "{outcome:?}");
    }
    for _ in 0..5 {
        node.ended(&failed("channel_unavailable"));
    }
    assert_eq!(node.state(), BreakerState::Open);
}

#[test]
fn while_it_is_open_a_delivery_waits_with_a_reason_and_a_time_and_spends_no_attempt() {
    let mut node = roomy(KEY);
    node.opened();
    let (_, commands) = node.ask(new(&TWO, None));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let [held, other] = &acceptance.distribution.deliveries[..] else {
        panic!()
    };
    assert_eq!((held.status, held.attempt), (DeliveryStatus::Waiting, 0));
    assert_eq!(held.failure.as_ref().unwrap().code, "breaker_open");
    assert_eq!(held.next_attempt_at, Some(START + Duration::from_secs(30)));
    assert_eq!(
        other.status,
        DeliveryStatus::InProgress,
        "one channel's trouble stays there"
    );
}

#[test]
fn one_call_finds_out_and_then_all_go_on_in_order() {
    let mut node = roomy(KEY);
    node.opened();
    let ids: Vec<_> = (0..4).map(|_| node.held()).collect();
    let commands = node.later(Duration::from_secs(30));
    assert_eq!(intents(&commands), ids[..1], "the oldest asks");
    assert_eq!(node.state(), BreakerState::HalfOpen);
    let probe = calls(node.written(ids[0], Written::Recorded));
    let commands = node.step(vec![stepped(&probe[0], confirmed())]);
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::BreakerChanged { to, .. } if to.state == BreakerState::Closed))
    );
    let commands = node.later(Duration::ZERO);
    assert_eq!(intents(&commands), ids[1..], "in the order of their acceptance");
}

#[test]
fn a_probe_that_fails_opens_it_for_longer() {
    let mut node = roomy(KEY);
    node.opened();
    let (first, second) = (node.held(), node.held());
    node.later(Duration::from_secs(30));
    let probe = calls(node.written(first, Written::Recorded));
    let reopened: Timestamp = node.now;
    node.step(vec![stepped(&probe[0], rejected("channel_unavailable"))]);
    node.written(first, Written::Recorded);
    assert_eq!(node.state(), BreakerState::Open);
    // What waited for the probe looks again when that would have to be over.
    let commands = node.later(Duration::from_secs(30));
    let record = record(&commands);
    assert_eq!(record.id, second);
    assert_eq!(
        record.deliveries[0].next_attempt_at,
        Some(reopened + Duration::from_mins(1))
    );
}

#[test]
fn a_probe_that_says_nothing_of_the_channel_lets_the_next_one_ask() {
    let mut node = roomy(KEY);
    node.opened();
    let (first, second) = (node.held(), node.held());
    node.later(Duration::from_secs(30));
    let probe = calls(node.written(first, Written::Recorded));
    node.step(vec![stepped(&probe[0], rejected("content_rejected"))]);
    assert_eq!(node.state(), BreakerState::HalfOpen);
    assert_eq!(intents(&node.later(Duration::ZERO)), [second]);
}

#[test]
fn what_was_permitted_before_it_opened_is_not_sent_after() {
    let mut node = roomy(KEY);
    let (id, _) = node.ask(new(ONE, None));
    node.opened();
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    assert_eq!(calls(commands.clone()), []);
    let held = &record(&commands).deliveries[0];
    assert_eq!((held.status, held.attempt), (DeliveryStatus::Waiting, 1));
    node.written(id, Written::Recorded);
    let commands = node.later(Duration::from_secs(30));
    let goes_on = &record(&commands).deliveries[0];
    assert_eq!(
        (goes_on.status, goes_on.attempt, goes_on.phase),
        (DeliveryStatus::InProgress, 1, Phase::Intent),
        "the same attempt"
    );
    assert_eq!(calls(node.written(id, Written::Recorded)).len(), 1);
}

#[test]
fn a_step_in_the_course_of_an_attempt_waits_where_it_stands() {
    let mut node = roomy(KEY);
    let (id, out) = node.accepted(new(ONE, None));
    node.opened();
    let checkpoint = Checkpoint(serde_json::json!("prepared"));
    let advanced = StepOutcome::Advanced {
        checkpoint: checkpoint.clone(),
        next_has_effect: false,
    };
    let commands = node.step(vec![stepped(&out[0], advanced)]);
    let stored = record(&commands).deliveries[0].clone();
    assert_eq!((stored.status, stored.phase), (DeliveryStatus::Waiting, Phase::Planned));
    assert_eq!((stored.attempt, stored.checkpoint), (1, Some(checkpoint)));
    node.written(id, Written::Recorded);
    node.step(vec![order(BreakerAction::Close)]);
    let commands = node.later(Duration::ZERO);
    let goes_on = &record(&commands).deliveries[0];
    assert_eq!((goes_on.status, goes_on.attempt), (DeliveryStatus::InProgress, 1));
    assert_eq!(goes_on.failure, None);
}

#[test]
fn a_look_up_is_held_back_too_and_is_waiting_then() {
    let settle = Duration::from_secs(1);
    let mut node = roomy(Dedup::LookUp { settle });
    let (id, out) = node.accepted(new(ONE, None));
    node.opened();
    let said = failure().said("504 gateway");
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(said))]);
    node.written(id, Written::Recorded);
    let commands = node.later(settle);
    let held = &record(&commands).deliveries[0];
    assert_eq!((held.status, held.phase), (DeliveryStatus::Waiting, Phase::Unknown));
    let why = held.failure.as_ref().unwrap();
    assert_eq!(
        (&*why.code, why.channel_said.as_deref()),
        ("breaker_open", Some("504 gateway"))
    );
    assert!(why.detail.en.contains("do not post it yourself"));
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    // Another life takes it over: it looks, and does not send again.
    let mut other = roomy(Dedup::LookUp { settle });
    other.now = node.now;
    other.step(vec![Input::Adopted(vec![adopted((**distribution).clone())])]);
    let commands = other.later(Duration::from_secs(11));
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::InProgress);
    let commands = other.written(id, Written::Recorded);
    let [Command::Moves { .. }, Command::LookUp(call)] = &commands[..] else {
        panic!("{commands:?}")
    };
    let found = LookUpOutcome::Absent { checkpoint: None };
    let commands = other.step(vec![Input::LookedUp {
        reference: call.reference(),
        outcome: found,
    }]);
    assert_eq!(record(&commands).superseded[0].phase, Phase::Absent);
}

#[test]
fn an_operator_holds_a_channel_and_lets_it_go() {
    let mut node = roomy(KEY);
    node.step(vec![order(BreakerAction::ForceOpen)]);
    let id = node.held();
    assert!(
        node.later(Duration::from_mins(1)).is_empty(),
        "it belongs to no node now"
    );
    assert!(!node.engine.holds(id));
    let (_, commands) = node.ask(new(ONE, None));
    let Some(Command::Write(Write::Accept(waits))) = commands.first() else {
        panic!("{commands:?}")
    };
    let waits = adopted(waits.distribution.clone());
    node.step(vec![order(BreakerAction::Disable)]);
    for _ in 0..9 {
        node.ended(&rejected("channel_unavailable"));
    }
    assert_eq!(node.state(), BreakerState::Disabled, "it judges nothing");
    // As the look for work finds it, on any node.
    let mut other = roomy(KEY);
    other.step(vec![order(BreakerAction::ForceOpen), order(BreakerAction::Disable)]);
    let id = waits.distribution.id;
    assert_eq!(intents(&other.step(vec![Input::Adopted(vec![waits])])), [id]);
}

#[test]
fn what_is_held_back_for_a_day_is_given_up() {
    let mut node = roomy(KEY);
    node.step(vec![order(BreakerAction::ForceOpen)]);
    let (_, commands) = node.ask(new(ONE, None));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let mut later = roomy(KEY);
    later.now = START + Duration::from_hours(24);
    later.step(vec![order(BreakerAction::ForceOpen)]);
    let commands = later.step(vec![Input::Adopted(vec![adopted(acceptance.distribution.clone())])]);
    let given_up = &record(&commands).deliveries[0];
    assert_eq!(given_up.status, DeliveryStatus::Failed);
    assert_eq!(given_up.failure.as_ref().unwrap().code, "expired");
}

/// At the next probe; what was nobody's until then is taken over.
fn asks(node: &mut Node, id: DistributionId, stored: Option<&Distribution>) -> Call {
    let probe = node.engine.breaker(TWO[0]).next_probe_at;
    node.now = probe.expect("it is open");
    let mut commands = Vec::new();
    if !node.engine.holds(id) {
        let stored = stored.expect("what left the memory was stored");
        commands = node.step(vec![Input::Adopted(vec![adopted(stored.clone())])]);
    }
    commands.extend(node.later(Duration::ZERO));
    assert_eq!(intents(&commands), [id]);
    calls(node.written(id, Written::Recorded)).remove(0)
}

#[test]
fn who_asks_whether_the_channel_is_back_does_not_run_out_of_attempts() {
    let away = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let mut node = roomy(KEY);
    node.opened();
    let id = node.held();
    let mut stored = None;
    // Three attempts are all that it has where nothing else is wrong.
    for attempt in 1..=6 {
        let call = asks(&mut node, id, stored.as_deref());
        assert_eq!(call.delivery.attempt, attempt);
        node.step(vec![stepped(&call, away.clone())]);
        let mut commands = node.written(id, Written::Recorded);
        // Its own backoff ends while the breaker is open.
        node.now += Duration::from_secs(20);
        if !node.step(Vec::new()).is_empty() {
            commands = node.written(id, Written::Recorded);
        }
        for command in commands {
            if let Command::Rests { distribution, .. } = command {
                stored = Some(distribution);
            }
        }
    }
    let call = asks(&mut node, id, stored.as_deref());
    let commands = node.step(vec![stepped(&call, confirmed())]);
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::Success);
}

#[test]
fn what_is_not_the_channel_s_trouble_spends_an_attempt_while_it_is_found_out() {
    let no_picture = StepOutcome::Rejected {
        failure: Failure::new("media_rejected", Text::new("Not there.", "없습니다.")),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let mut node = roomy(KEY);
    node.opened();
    let id = node.held();
    let mut call = asks(&mut node, id, None);
    for _ in 1..3 {
        node.step(vec![stepped(&call, no_picture.clone())]);
        node.written(id, Written::Recorded);
        assert_eq!(node.state(), BreakerState::HalfOpen, "it says nothing of the channel");
        node.now = node.engine.next_timer().expect("it is tried again");
        node.step(Vec::new());
        call = calls(node.written(id, Written::Recorded)).remove(0);
    }
    let commands = node.step(vec![stepped(&call, no_picture)]);
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::Failed);
}
