//! How often a channel is called, and whose turn it is.

use std::num::NonZeroU32;
use std::time::Duration;

use fanfare_core::attempt::StepOutcome;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, DeliveryStatus, Failure, Phase};
use fanfare_core::engine::{Call, Command, Input};
use fanfare_core::ids::{Incarnation, TenantId};
use fanfare_core::resilience::rate_limiter::RateLimit;
use fanfare_core::text::Text;
use fanfare_core::write::{Write, Written};
use serde_json::json;

use crate::{KEY, Node, TWO, adopted, calls, confirmed, new, node_with, record, stepped};

const ONE: &[Channel] = &[TWO[0]];

/// So many calls a minute, for so many nodes.
fn limited(calls: u32, nodes: u32) -> Node {
    let limit = RateLimit {
        limit_for_period: NonZeroU32::new(calls).expect("one or more"),
        limit_refresh_period: Duration::from_mins(1),
    };
    let mut node = node_with(KEY, 10, 100, Some(limit));
    node.step(vec![Input::NodesCounted(NonZeroU32::new(nodes).expect("one or more"))]);
    node
}

/// The next step is the one with the effect.
fn advanced() -> StepOutcome {
    StepOutcome::Advanced {
        checkpoint: Checkpoint(json!({"at": 1})),
        next_has_effect: true,
    }
}

/// Commits all that is written, and what follows; the calls that are made then.
fn carried_out(node: &mut Node, mut commands: Vec<Command>) -> Vec<Call> {
    let mut made = Vec::new();
    while !commands.is_empty() {
        let written = commands.iter().filter_map(|command| match command {
            Command::Write(Write::Accept(acceptance)) => {
                let written = Written::Accepted { others: Vec::new() };
                Some((acceptance.distribution.id, written))
            }
            Command::Write(Write::Record(record)) => Some((record.id, Written::Recorded)),
            _ => None,
        });
        let written = written.map(|(id, written)| Input::Written { id, written }).collect();
        made.extend(calls(commands));
        commands = node.step(written);
    }
    made
}

/// As it was decided before it was in the database.
fn status(commands: &[Command]) -> DeliveryStatus {
    let Some(Command::Write(Write::Accept(acceptance))) = commands.first() else {
        panic!("{commands:?}")
    };
    acceptance.distribution.deliveries[0].status
}

#[test]
fn what_the_quota_lets_through_soon_waits_in_its_lane() {
    let mut node = limited(6, 1);
    assert_eq!(node.accepted(new(ONE, None)).1.len(), 1);
    let (id, commands) = node.ask(new(ONE, None));
    assert_eq!(status(&commands), DeliveryStatus::Pending);
    assert!(calls(node.written(id, Written::Accepted { others: Vec::new() })).is_empty());
    assert!(
        node.later(Duration::from_secs(10)).is_empty(),
        "ten seconds are not over"
    );
    let at = node.engine.next_timer().unwrap();
    node.now = at;
    let commands = node.step(Vec::new());
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::InProgress);
}

#[test]
fn what_would_wait_for_longer_is_waiting_and_spends_no_attempt() {
    let mut node = limited(1, 1);
    assert_eq!(node.accepted(new(ONE, None)).1.len(), 1);
    let (_, commands) = node.ask(new(ONE, None));
    let Some(Command::Write(Write::Accept(acceptance))) = commands.first() else {
        panic!("{commands:?}")
    };
    let waits = &acceptance.distribution.deliveries[0];
    assert_eq!((waits.status, waits.attempt), (DeliveryStatus::Waiting, 0));
    assert_eq!(waits.failure.as_ref().unwrap().code, "rate_limited");
    let first = waits.next_attempt_at.unwrap();
    assert_eq!(first.duration_since(node.now).as_secs(), 60);
    let (_, commands) = node.ask(new(ONE, None));
    let Some(Command::Write(Write::Accept(acceptance))) = commands.first() else {
        panic!("{commands:?}")
    };
    let second = acceptance.distribution.deliveries[0].next_attempt_at.unwrap();
    assert_eq!(second.duration_since(first).as_secs(), 60, "one by one");
}

#[test]
fn a_step_that_follows_keeps_to_the_quota_too() {
    let mut node = limited(6, 1);
    let (id, out) = node.accepted(new(ONE, None));
    node.step(vec![stepped(&out[0], advanced())]);
    assert!(calls(node.written(id, Written::Recorded)).is_empty());
    assert_eq!(node.engine.lane_load(TWO[0]), (0, 1), "it gave its place away");
    node.now = node.engine.next_timer().unwrap();
    let commands = node.step(Vec::new());
    assert_eq!(calls(commands).len(), 1, "its intent was committed with its checkpoint");
}

#[test]
fn each_node_takes_its_share() {
    let mut node = limited(12, 2);
    assert!(
        node.accepted(new(ONE, None)).1.is_empty(),
        "the other has not heard of it"
    );
    node.now += Duration::from_secs(11);
    let mut made = 0;
    for _ in 0..600 {
        node.now += Duration::from_millis(100);
        let (_, commands) = node.ask(new(ONE, None));
        made += carried_out(&mut node, commands).len();
    }
    assert_eq!(made, 6, "calls in a minute");
}

#[test]
fn before_the_nodes_are_counted_nothing_is_called() {
    let limit = RateLimit {
        limit_for_period: NonZeroU32::MAX,
        limit_refresh_period: Duration::from_mins(1),
    };
    let mut node = node_with(KEY, 10, 100, Some(limit));
    assert!(node.accepted(new(ONE, None)).1.is_empty());
    let commands = node.later(Duration::from_mins(1));
    assert!(carried_out(&mut node, commands).is_empty());
    let commands = node.step(vec![Input::NodesCounted(NonZeroU32::MIN)]);
    assert_eq!(carried_out(&mut node, commands).len(), 1);
}

#[test]
fn the_next_life_of_a_node_waits_until_the_others_have_heard_of_it() {
    let mut node = limited(60, 1);
    assert_eq!(node.accepted(new(ONE, None)).1.len(), 1);
    node.now += Duration::from_mins(10);
    node.engine.live_again(Incarnation(8));
    let commands = node.step(vec![Input::NodesCounted(NonZeroU32::new(2).expect("two"))]);
    assert!(carried_out(&mut node, commands).is_empty());
    let (_, commands) = node.ask(new(ONE, None));
    assert!(carried_out(&mut node, commands).is_empty());
    let commands = node.later(Duration::from_millis(9_900));
    assert!(carried_out(&mut node, commands).is_empty(), "two signs of life");
    let commands = node.later(Duration::from_millis(100));
    assert_eq!(carried_out(&mut node, commands).len(), 1);
}

#[test]
fn a_step_that_would_wait_for_longer_is_waiting_in_the_same_attempt() {
    let mut node = limited(1, 1);
    let (id, out) = node.accepted(new(ONE, None));
    let commands = node.step(vec![stepped(&out[0], advanced())]);
    let held = |commands: &[Command]| {
        let delivery = &record(commands).deliveries[0];
        let code = delivery.failure.as_ref().map(|failure| &*failure.code);
        assert_eq!((delivery.attempt, delivery.phase), (1, Phase::Intent));
        (delivery.status, code == Some("rate_limited"))
    };
    assert_eq!(held(&commands), (DeliveryStatus::Waiting, true));
    let Some(Command::Rests { distribution, .. }) = node.written(id, Written::Recorded).pop() else {
        panic!("it is nobody's meanwhile")
    };
    node.now += Duration::from_secs(61);
    node.step(vec![Input::Adopted(vec![adopted((*distribution).clone())])]);
    let commands = node.later(Duration::ZERO);
    assert_eq!(held(&commands), (DeliveryStatus::InProgress, false));
    assert_eq!(carried_out(&mut node, commands).len(), 1);
}

#[test]
fn a_doubt_keeps_its_place_and_stays_said_and_a_person_decides_in_time() {
    let mut node = limited(1, 1);
    let (id, out) = node.accepted(new(ONE, None));
    let doubt = Failure::new("outcome_unknown", Text::new("Who knows.", "알 수 없습니다."));
    let commands = node.step(vec![stepped(&out[0], StepOutcome::Unknown(doubt.clone()))]);
    assert_eq!(record(&commands).deliveries[0].phase, Phase::Unknown);
    node.written(id, Written::Recorded);
    // Each look waits for its minute, and for three of them at most.
    let mut looks = 0;
    let status = loop {
        let commands = node.later(Duration::from_secs(1));
        assert_eq!(commands, [], "it is not WAITING for the quota");
        assert_eq!(node.engine.lane_load(TWO[0]), (0, 1));
        let commands = node.later(Duration::from_secs(61));
        let made = carried_out(&mut node, commands);
        assert_eq!(made.len(), 1);
        looks += 1;
        let commands = node.step(vec![stepped(&made[0], StepOutcome::Unknown(doubt.clone()))]);
        let stands = commands.iter().find_map(|command| match command {
            Command::Write(Write::Record(record)) => Some(record.deliveries[0].status),
            _ => None,
        });
        carried_out(&mut node, commands);
        if let Some(status) = stands.filter(|status| *status != DeliveryStatus::InProgress) {
            break status;
        }
        assert!(looks < 3, "a person is not asked");
    };
    assert_eq!(status, DeliveryStatus::NeedsReview);
}

#[test]
fn what_is_under_way_goes_before_what_has_not_begun() {
    let mut node = limited(6, 1);
    let (under_way, out) = node.accepted(new(ONE, None));
    for _ in 0..2 {
        node.now += Duration::from_millis(1);
        assert!(node.accepted(new(ONE, None)).1.is_empty());
    }
    let commands = node.step(vec![stepped(&out[0], advanced())]);
    assert!(carried_out(&mut node, commands).is_empty());
    node.now = node.engine.next_timer().unwrap();
    let commands = node.step(Vec::new());
    let made = carried_out(&mut node, commands);
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].distribution, under_way);
}

#[test]
fn what_waits_for_its_next_step_is_left_to_the_next_life_and_is_not_in_doubt() {
    let mut node = limited(6, 1);
    let (id, out) = node.accepted(new(ONE, None));
    node.step(vec![stepped(&out[0], advanced())]);
    node.written(id, Written::Recorded);
    node.engine.wind_down();
    let commands = node.step(Vec::new());
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase, delivery.attempt),
        (DeliveryStatus::Waiting, Phase::Planned, 1)
    );
    assert_eq!(delivery.failure.as_ref().unwrap().code, "service_restarting");
}

#[test]
fn each_tenant_is_called_back_one_by_one() {
    let mut node = limited(1, 1);
    assert_eq!(node.accepted(new(ONE, None)).1.len(), 1);
    let mut told = |tenant: &str| {
        let mut new = new(ONE, None);
        new.tenant = TenantId::new(tenant);
        let (_, commands) = node.ask(new);
        let Some(Command::Write(Write::Accept(acceptance))) = commands.first() else {
            panic!("{commands:?}")
        };
        let at = acceptance.distribution.deliveries[0].next_attempt_at.unwrap();
        at.duration_since(node.now).as_secs()
    };
    assert_eq!((told("many"), told("many"), told("many")), (60, 120, 180));
    assert_eq!(told("small"), 60, "not behind all of the other's");
}

#[test]
fn another_channel_is_not_held_back() {
    let mut node = limited(1, 1);
    node.accepted(new(ONE, None));
    assert_eq!(node.accepted(new(&TWO[1..], None)).1.len(), 1);
}

#[test]
fn tenants_take_turns() {
    let mut node = node_with(KEY, 1, 100, None);
    let (_, first) = node.accepted(new(ONE, None));
    for _ in 0..3 {
        node.now += Duration::from_millis(1);
        assert!(node.accepted(new(ONE, None)).1.is_empty());
    }
    node.now += Duration::from_millis(1);
    let mut small = new(ONE, None);
    small.tenant = TenantId::new("small");
    let (small, nothing) = node.accepted(small);
    assert!(nothing.is_empty());
    let commands = node.step(vec![stepped(&first[0], confirmed())]);
    let began = |commands: &[Command]| {
        let write = |command: &Command| match command {
            Command::Write(Write::Record(record)) if record.deliveries[0].status == DeliveryStatus::InProgress => {
                Some(record.id)
            }
            _ => None,
        };
        commands.iter().find_map(write).unwrap()
    };
    let second = began(&commands);
    assert_ne!(second, small, "who came first is first");
    let call = calls(node.written(second, Written::Recorded)).remove(0);
    let commands = node.step(vec![stepped(&call, confirmed())]);
    assert_eq!(began(&commands), small, "not behind all of the other's");
}
