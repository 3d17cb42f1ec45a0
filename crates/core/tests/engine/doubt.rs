//! What follows an outcome that nobody knows.

use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Retry, StepOutcome};
use fanfare_core::delivery::{DeliveryStatus, Phase};
use fanfare_core::engine::{Command, Input};
use fanfare_core::write::Written;

use crate::{KEY, TWO, calls, failure, new, node, record, stepped};

#[test]
fn a_repeat_that_is_refused_says_nothing_of_the_first() {
    let mut node = node(KEY, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    let repeated = calls(node.later(Duration::from_secs(1)));
    let refused = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Never,
        checkpoint: None,
    };
    let commands = node.step(vec![stepped(&repeated[0], refused)]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase),
        (DeliveryStatus::InProgress, Phase::Unknown)
    );
}

#[test]
fn an_unknown_outcome_is_looked_up_after_it_has_settled_and_only_absence_allows_a_repeat() {
    let settle = Duration::from_secs(10);
    let mut node = node(Dedup::LookUp { settle }, 10);
    let (id, out) = node.accepted(new(&TWO[..1], None));
    node.step(vec![stepped(&out[0], StepOutcome::Unknown(failure()))]);
    node.written(id, Written::Recorded);
    assert!(node.later(settle / 2).is_empty());
    let commands = node.later(settle / 2);
    assert!(
        matches!(&commands[..], [Command::LookUp(call)] if call.delivery.attempt == 1),
        "{commands:?}"
    );
    let reference = calls(commands)[0].reference();
    let commands = node.step(vec![Input::LookedUp {
        reference,
        outcome: LookUpOutcome::Absent { checkpoint: None },
    }]);
    assert_eq!(record(&commands).superseded[0].phase, Phase::Absent);
    node.written(id, Written::Recorded);
    let commands = node.later(Duration::from_secs(2));
    assert_eq!(record(&commands).deliveries[0].attempt, 2);
}
