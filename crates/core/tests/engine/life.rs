//! A life that winds down, and one that was taken for over.

use std::time::Duration;

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, DeliveryStatus, Phase};
use fanfare_core::engine::{Command, Input};
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::write::{Write, Written};

use crate::{KEY, TWO, adopted, calls, confirmed, failure, new, node, node_for, record, stepped};

#[test]
fn what_is_out_ends_and_nothing_begins() {
    let mut node = node(KEY, 1);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    let (waits, _) = node.ask(new(&TWO[..1], None));
    node.written(waits, Written::Accepted { others: Vec::new() });
    node.engine.wind_down();
    assert!(!node.engine.is_quiet(), "a call is out");
    let commands = node.step(vec![stepped(&out[0], confirmed())]);
    assert_eq!(record(&commands).id, id, "its place in the lane stays empty");
    assert!(!node.engine.is_quiet(), "it is being written");
    assert!(calls(node.written(id, Written::Recorded)).is_empty());
    assert!(node.engine.is_quiet());
    assert!(node.later(Duration::from_hours(1)).is_empty());
}

#[test]
fn a_retry_is_left_to_the_next_life() {
    let mut node = node(KEY, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.engine.wind_down();
    let rejected = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let commands = node.step(vec![stepped(&out[0], rejected)]);
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::Retrying);
    node.written(id, Written::Recorded);
    assert!(node.engine.is_quiet());
    assert!(node.later(Duration::from_mins(1)).is_empty());
}

/// No intent is committed after the stop: the next life commits its own.
#[test]
fn a_protocol_half_way_goes_on_from_its_checkpoint_in_the_next_life() {
    let mut node = node(KEY, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.engine.wind_down();
    let advanced = StepOutcome::Advanced {
        checkpoint: Checkpoint(serde_json::json!("container")),
        next_has_effect: true,
    };
    let commands = node.step(vec![stepped(&out[0], advanced)]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase, delivery.attempt),
        (DeliveryStatus::Waiting, Phase::Planned, 1)
    );
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.into_iter().next() else {
        panic!("it waits")
    };
    let mut next = crate::node(KEY, 10);
    let commands = next.step(vec![Input::Adopted(vec![adopted((*distribution).clone())])]);
    let commands = if commands.is_empty() {
        next.later(Duration::ZERO)
    } else {
        commands
    };
    let delivery = &record(&commands).deliveries[0];
    assert_eq!((delivery.phase, delivery.attempt), (Phase::Intent, 1));
    let step = calls(next.written(id, Written::Recorded));
    assert_eq!(
        step[0].delivery.checkpoint,
        Some(Checkpoint(serde_json::json!("container")))
    );
}

/// What it had in memory is others'; what its calls still say is evidence.
#[test]
fn after_a_life_that_was_taken_for_over_the_next_one_begins_with_nothing() {
    let mut node = node(KEY, 1);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    assert!(node.engine.live_again(Incarnation(9)).is_empty());
    assert_eq!((node.engine.in_flight(), node.engine.next_timer()), (0, None));
    let commands = node.step(vec![stepped(&out[0], confirmed())]);
    let [Command::Write(Write::Evidence(evidence))] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((evidence.distribution, evidence.channel), (id, Channel::Instagram));
    let again = node.engine.live_again(Incarnation(11));
    assert_eq!(again, commands, "it is not known to be kept");
    let (_, calls) = node.accepted(new(&TWO[..1], None));
    assert_eq!(calls.len(), 1, "the lane is free");
    assert_ne!(
        calls[0].number, out[0].number,
        "an old answer is no answer to a new call"
    );
}

/// The answer to a takeover's commit, or to an acceptance's, may never come.
#[test]
fn own_work_that_is_not_in_memory_is_read_again() {
    let mut node = node_for(KEY, 10, 100);
    let (known, _) = node.accepted(new(&TWO[..1], None));
    let missed = DistributionId(uuid::Uuid::from_u128(7));
    let tenant = TenantId::default();
    let owned = vec![(tenant.clone(), known), (tenant.clone(), missed)];
    let commands = node.step(vec![Input::Owned(owned)]);
    assert_eq!(commands, [Command::Forgotten { tenant, id: missed }]);
}

#[test]
fn what_is_taken_over_leaves_half_of_the_room_to_requests_and_is_not_starved_by_them() {
    let mut node = node_for(KEY, 1_000, 400);
    assert_eq!(node.engine.room_to_adopt(), 200);
    for _ in 0..150 {
        node.accepted(new(&TWO[..1], None));
    }
    assert_eq!(node.engine.room_to_adopt(), 50);
    for _ in 0..200 {
        node.accepted(new(&TWO[..1], None));
    }
    assert_eq!(node.engine.room_to_adopt(), 2);
    assert_eq!(node_for(KEY, 1, 1).engine.room_to_adopt(), 1);
}
