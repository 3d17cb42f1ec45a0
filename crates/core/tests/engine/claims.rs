//! What a repeat that is allowed does to the distribution whose claims it takes over.

use std::time::Duration;

use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::DistributionStatus;
use fanfare_core::engine::{Command, Input};
use fanfare_core::write::{Write, Written};

use crate::{KEY, START, TWO, adopted, new, node, record};

#[test]
fn a_repeat_that_is_allowed_calls_off_what_has_not_begun() {
    let mut node = node(KEY, 10);
    let soon = START + Duration::from_secs(30);
    let (first, _) = node.ask(new(&TWO, Some(soon)));
    node.written(first, Written::Accepted { others: Vec::new() });
    let mut repeat = new(&TWO[..1], None);
    repeat.request.request.allow_repeat = true;
    let (second, _) = node.ask(repeat);
    let commands = node.written(second, Written::Accepted { others: vec![first] });
    let record = record(&commands);
    assert_eq!((record.id, record.deliveries.len()), (first, 1));
    let called_off = &record.deliveries[0];
    assert_eq!(
        (called_off.channel, called_off.status),
        (TWO[0], DeliveryStatus::Cancelled)
    );
    assert_eq!(
        called_off.failure.as_ref().map(|failure| &*failure.code),
        Some("taken_over")
    );
    node.written(first, Written::Recorded);
    let commands = node.later(Duration::from_secs(30));
    let begun: Vec<_> = crate::record(&commands)
        .deliveries
        .iter()
        .map(|delivery| delivery.channel)
        .collect();
    assert_eq!(begun, [TWO[1]], "the other channel is still its own");
}

/// Another node accepted the repeat: this one has it in memory as it was.
#[test]
fn what_the_database_says_is_taken_over_is_read_anew_and_called_off() {
    let mut node = node(KEY, 10);
    let soon = START + Duration::from_secs(30);
    let (id, commands) = node.ask(new(&TWO[..1], Some(soon)));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let mut stored = acceptance.distribution.clone();
    node.written(id, Written::Accepted { others: Vec::new() });
    let commands = node.later(Duration::from_secs(30));
    let begun = record(&commands);
    assert!(begun.begins(&begun.deliveries[0]));
    let commands = node.written(id, Written::TakenOver);
    assert!(
        matches!(&commands[..], [Command::Forgotten { id: read, .. }] if *read == id),
        "{commands:?}"
    );
    stored.deliveries[0].holds_claim = false;
    let commands = node.step(vec![Input::Adopted(vec![adopted(stored)])]);
    assert_eq!(record(&commands).deliveries[0].status, DeliveryStatus::Cancelled);
}

#[test]
fn what_lost_its_claim_while_nobody_owned_it_is_called_off_when_it_is_adopted() {
    let mut node = node(KEY, 10);
    let (_, commands) = node.ask(new(&TWO[..1], Some(START + Duration::from_hours(2))));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let mut stored = acceptance.distribution.clone();
    stored.deliveries[0].holds_claim = false;
    let mut later_life = crate::node(KEY, 10);
    let commands = later_life.step(vec![Input::Adopted(vec![adopted(stored)])]);
    let record = record(&commands);
    assert_eq!(record.deliveries[0].status, DeliveryStatus::Cancelled);
    assert_eq!((record.status, record.publish), (DistributionStatus::Cancelled, true));
}
