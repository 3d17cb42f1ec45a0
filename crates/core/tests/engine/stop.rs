//! What waits while sending is stopped, and how it goes on.

use std::time::Duration;

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::engine::{Command, Input};
use fanfare_core::sending::{SendingAction, SendingScope};
use fanfare_core::write::{Write, Written};

use crate::{KEY, TWO, adopted, calls, confirmed, failure, new, node_for, record, stepped};

fn order(action: SendingAction) -> Input {
    Input::SendingOrdered {
        scope: SendingScope::All,
        action,
    }
}

#[test]
fn what_is_accepted_meanwhile_waits_and_goes_on_in_its_order() {
    let mut node = node_for(KEY, 1, 100);
    node.step(vec![order(SendingAction::Stop)]);
    let (mut ids, mut waiting) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        node.now += Duration::from_millis(1);
        let (id, commands) = node.ask(new(&TWO[..1], None));
        let Some(Command::Write(Write::Accept(acceptance))) = commands.first() else {
            panic!("{commands:?}")
        };
        let delivery = &acceptance.distribution.deliveries[0];
        assert_eq!((delivery.status, delivery.attempt), (DeliveryStatus::Waiting, 0));
        assert_eq!(delivery.failure.as_ref().unwrap().code, "sending_stopped");
        assert_eq!(acceptance.owner, None, "it belongs to nobody");
        waiting.push(adopted(acceptance.distribution.clone()));
        node.written(id, Written::Accepted { others: Vec::new() });
        ids.push(id);
    }
    assert!(ids.iter().all(|id| !node.engine.holds(*id)));
    let commands = node.step(vec![order(SendingAction::Resume)]);
    assert_eq!(commands, [Command::SendingResumed]);
    let commands = node.step(vec![Input::Adopted(waiting)]);
    assert_eq!(record(&commands).id, ids[0], "the lane has one place");
    let out = calls(node.written(ids[0], Written::Recorded));
    let commands = node.step(vec![stepped(&out[0], confirmed())]);
    let began = |command: &Command| match command {
        Command::Write(Write::Record(record)) => Some((record.id, record.deliveries[0].status)),
        _ => None,
    };
    let records: Vec<_> = commands.iter().filter_map(began).collect();
    let expected = [(ids[0], DeliveryStatus::Success), (ids[1], DeliveryStatus::InProgress)];
    assert_eq!(records, expected);
}

#[test]
fn what_is_under_way_ends_and_no_other_attempt_follows() {
    let mut node = node_for(KEY, 10, 100);
    let (id, out) = node.accepted(new(&TWO, None));
    node.step(vec![order(SendingAction::Stop)]);
    let rejected = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let commands = node.step(vec![stepped(&out[0], confirmed()), stepped(&out[1], rejected)]);
    let statuses: Vec<_> = record(&commands).deliveries.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [DeliveryStatus::Success, DeliveryStatus::Retrying]);
    node.written(id, Written::Recorded);
    let commands = node.later(Duration::from_mins(1));
    let delivery = &record(&commands).deliveries[0];
    assert_eq!((delivery.status, delivery.attempt), (DeliveryStatus::Waiting, 1));
    assert!(calls(node.written(id, Written::Recorded)).is_empty());
}
