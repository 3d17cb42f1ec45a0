//! Places: how many calls of a channel are out, and how many distributions the
//! node takes.

use fanfare_core::attempt::StepOutcome;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Checkpoint;
use fanfare_core::engine::{Answer, Command, Input};
use fanfare_core::write::{Write, Written};

use crate::{KEY, TWO, calls, confirmed, new, node, stepped};

#[test]
fn a_full_lane_holds_back_its_own_channel_only() {
    let mut node = node(KEY, 1);
    let (_, first) = node.accepted(new(&TWO, None));
    let (id, _) = node.ask(new(&[Channel::Instagram], None));
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    assert!(calls(commands).is_empty());
    let commands = node.step(vec![stepped(&first[0], confirmed())]);
    let intents = commands
        .iter()
        .filter(|command| matches!(command, Command::Write(write) if write.id() == id));
    assert_eq!(intents.count(), 1, "the place is taken by the one that waited");
    assert_eq!(node.engine.lane_load(Channel::Instagram), (1, 0));
}

#[test]
fn a_refused_request_gives_its_places_back() {
    let mut node = node(KEY, 1);
    let (id, _) = node.ask(new(&TWO, None));
    let commands = node.written(id, Written::Held { holders: Vec::new() });
    assert_eq!(
        commands,
        [Command::Answer {
            id,
            answer: Answer::Held(Vec::new())
        }]
    );
    assert_eq!(
        (node.engine.lane_load(Channel::Instagram), node.engine.in_flight()),
        ((0, 0), 0)
    );
    let (id, _) = node.ask(new(&TWO, None));
    let commands = node.step(vec![Input::NotWritten { id }]);
    assert!(matches!(
        commands[..],
        [
            Command::Answer {
                answer: Answer::Unavailable { .. },
                ..
            },
            // It may be in the database all the same.
            Command::Forgotten { .. }
        ]
    ));
    assert_eq!(node.engine.lane_load(Channel::Instagram), (0, 0));
}

#[test]
fn beyond_its_capacity_the_node_says_so_and_keeps_nothing() {
    let mut node = node(KEY, 10);
    node.accepted(new(&TWO, None));
    node.accepted(new(&TWO, None));
    let (id, commands) = node.ask(new(&TWO, None));
    // A repeat would be answered as ever.
    assert!(matches!(&commands[..], [Command::Write(Write::Accept(asked))] if asked.only_if_known));
    let commands = node.written(id, Written::NotKnown);
    assert!(matches!(
        commands[..],
        [Command::Answer {
            answer: Answer::Overloaded { .. },
            ..
        }]
    ));
    assert_eq!(node.engine.in_flight(), 2);
}

#[test]
fn an_answer_that_comes_twice_is_taken_once() {
    let mut node = node(KEY, 1);
    let (id, calls) = node.accepted(new(&TWO[..1], None));
    let advanced = StepOutcome::Advanced {
        checkpoint: Checkpoint(serde_json::json!("next")),
        next_has_effect: true,
    };
    node.step(vec![stepped(&calls[0], advanced.clone())]);
    let next = node.written(id, Written::Recorded);
    assert_eq!(
        next.iter()
            .filter(|command| matches!(command, Command::Step(_)))
            .count(),
        1
    );
    let again = node.step(vec![stepped(&calls[0], advanced)]);
    assert!(
        !again.iter().any(|command| matches!(command, Command::Step(_))),
        "{again:?}"
    );
    assert_eq!(
        node.engine.lane_load(TWO[0]),
        (1, 0),
        "the place belongs to the call that is out"
    );
}
