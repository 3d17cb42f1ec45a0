//! How often a channel is called, and whose turn it is.

use std::num::NonZeroU32;
use std::time::Duration;

use fanfare_core::attempt::StepOutcome;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, DeliveryStatus};
use fanfare_core::engine::{Command, Input};
use fanfare_core::ids::TenantId;
use fanfare_core::resilience::rate_limiter::RateLimit;
use fanfare_core::write::{Write, Written};
use serde_json::json;

use crate::{KEY, Node, TWO, calls, confirmed, new, node_with, record, stepped};

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
    let advanced = StepOutcome::Advanced {
        checkpoint: Checkpoint(json!({"at": 1})),
        next_has_effect: true,
    };
    node.step(vec![stepped(&out[0], advanced)]);
    assert!(calls(node.written(id, Written::Recorded)).is_empty());
    assert_eq!(node.engine.lane_load(TWO[0]), (0, 1), "it gave its place away");
    node.now = node.engine.next_timer().unwrap();
    let commands = node.step(Vec::new());
    assert_eq!(calls(commands).len(), 1, "its intent was committed with its checkpoint");
}

#[test]
fn each_node_takes_its_share_and_none_before_they_are_counted() {
    let mut node = limited(12, 2);
    assert!(
        node.accepted(new(ONE, None)).1.is_empty(),
        "the other has not heard of it"
    );
    node.now += Duration::from_secs(11);
    let mut made = 0;
    for _ in 0..600 {
        node.now += Duration::from_millis(100);
        let id = node.ask(new(ONE, None)).0;
        made += calls(node.written(id, Written::Accepted { others: Vec::new() })).len();
    }
    assert!(made <= 6, "{made} calls in a minute");
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
