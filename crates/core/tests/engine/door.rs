//! What is not taken while channels are behind, and what is taken all the same.

use std::time::Duration;

use fanfare_core::channel::Channel;
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Answer, Ask, AskAnswer, AskId, Behind, Call, Command, Input, Lag, NewDistribution};
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::resilience::breaker::BreakerAction;
use fanfare_core::sending::{SendingAction, SendingScope};
use fanfare_core::write::{Write, Written};

use crate::{KEY, Node, adopted, confirmed, new, node_for, record, stepped};

const ONE: [Channel; 1] = [Channel::Instagram];
const OTHER: [Channel; 1] = [Channel::KakaoChannel];

fn of(tenant: &str) -> NewDistribution {
    NewDistribution {
        tenant: TenantId::new(tenant),
        ..new(&ONE, None)
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whether it is to be accepted, or only found out whether it is known.
fn is_taken(node: &mut Node, new: NewDistribution) -> bool {
    let (id, commands) = node.ask(new);
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let taken = !acceptance.only_if_known;
    if taken {
        node.written(id, Written::Accepted { others: Vec::new() });
    }
    taken
}

fn answer(commands: &[Command]) -> &Answer {
    let [Command::Answer { answer, .. }] = commands else {
        panic!("{commands:?}")
    };
    answer
}

fn behind(node: &mut Node, new: NewDistribution) -> Behind {
    let (id, _) = node.ask(new);
    match answer(&node.written(id, Written::NotKnown)) {
        Answer::Behind(behind) => behind.clone(),
        answer => panic!("{answer:?}"),
    }
}

/// One place, which is taken, and one that waits for it.
fn waiting() -> (Node, Call) {
    let mut node = node_for(KEY, 1, 10_000);
    let (_, calls) = node.accepted(of("default"));
    assert!(is_taken(&mut node, of("default")));
    (node, calls.into_iter().next().expect("a call"))
}

#[test]
fn what_waits_too_long_closes_the_door_of_its_own_channel() {
    let (mut node, call) = waiting();
    node.later(seconds(20));
    assert!(is_taken(&mut node, of("default")), "not longer than the limit");
    node.later(seconds(5));
    assert_eq!(node.engine.backlog_age(ONE[0], node.now), seconds(25));
    let in_flight = node.engine.in_flight();
    let told = behind(&mut node, of("default"));
    let lag = Lag {
        channel: ONE[0],
        wait: seconds(25),
    };
    assert_eq!(
        told,
        Behind {
            channels: vec![lag],
            own_share: false,
            retry_after: seconds(15),
        }
    );
    assert_eq!(node.engine.in_flight(), in_flight, "nothing is kept of it");
    assert!(is_taken(&mut node, new(&OTHER, None)), "another channel's");
    let both = [ONE[0], OTHER[0]];
    assert_eq!(behind(&mut node, new(&both, None)).channels, [lag]);
    let later = node.now + seconds(60);
    assert!(is_taken(&mut node, new(&ONE, Some(later))), "its time comes later");
    // It moves on: what comes next has waited for a moment only.
    node.step(vec![stepped(&call, confirmed())]);
    assert!(is_taken(&mut node, of("default")));
}

#[test]
fn a_repeat_is_answered_as_ever() {
    let (mut node, _) = waiting();
    node.later(seconds(30));
    let known = DistributionId::new(node.now, &mut node.rng);
    for (written, answered) in [
        (Written::Replayed { existing: known }, Answer::Replayed(known)),
        (Written::KeyReused { existing: known }, Answer::KeyReused(known)),
        (Written::Held { holders: Vec::new() }, Answer::Held(Vec::new())),
        (Written::OverSpent { over: Vec::new() }, Answer::OverSpent(Vec::new())),
    ] {
        let (id, _) = node.ask(of("default"));
        assert_eq!(answer(&node.written(id, written)), &answered);
        assert!(node.written(id, Written::NotKnown).is_empty(), "it is answered once");
    }
    let (id, _) = node.ask(of("default"));
    let unwritten = node.step(vec![Input::NotWritten { id }]);
    assert!(matches!(answer(&unwritten), Answer::Unavailable { .. }));
}

#[test]
fn a_tenant_is_judged_by_its_own_work() {
    let (mut node, _) = waiting();
    node.later(seconds(30));
    assert!(is_taken(&mut node, of("other")), "its turn is next");
    assert!(
        behind(&mut node, of("default")).own_share,
        "the other's turn comes in time"
    );
    node.later(seconds(30));
    assert!(!behind(&mut node, of("default")).own_share, "it does not");
    assert!(!behind(&mut node, of("other")).own_share);
}

#[test]
fn a_queue_that_will_take_too_long_is_known_by_its_speed() {
    let mut node = node_for(KEY, 1, 10_000);
    let (_, mut calls) = node.accepted(of("default"));
    for _ in 0..300 {
        assert!(is_taken(&mut node, of("default")));
    }
    // Ten a second: three hundred will take half a minute.
    for _ in 0..20 {
        node.now += Duration::from_millis(100);
        let commands = node.step(vec![stepped(&calls[0], confirmed())]);
        calls = committed(&mut node, &commands);
    }
    let told = behind(&mut node, of("default"));
    assert!((seconds(26)..seconds(30)).contains(&told.channels[0].wait), "{told:?}");
    assert!((seconds(16)..seconds(20)).contains(&told.retry_after), "{told:?}");
}

/// All that is written is committed: the calls that follow.
fn committed(node: &mut Node, commands: &[Command]) -> Vec<Call> {
    let inputs = commands.iter().filter_map(|command| match command {
        Command::Write(Write::Record(record)) => Some(Input::Written {
            id: record.id,
            written: Written::Recorded,
        }),
        _ => None,
    });
    let inputs = inputs.collect();
    crate::calls(node.step(inputs))
}

#[test]
fn what_waits_in_the_open_closes_no_door() {
    let (mut node, _) = waiting();
    node.later(seconds(30));
    let order = |action| Input::BreakerOrdered {
        channel: ONE[0],
        action,
    };
    node.step(vec![order(BreakerAction::ForceOpen)]);
    assert_eq!(node.engine.backlog_age(ONE[0], node.now), Duration::ZERO);
    assert!(is_taken(&mut node, of("default")), "the breaker holds it");
    node.step(vec![order(BreakerAction::Reset)]);
    assert!(!is_taken(&mut node, of("default")));
    let sending = |action| Input::SendingOrdered {
        scope: SendingScope::All,
        action,
    };
    node.step(vec![sending(SendingAction::Stop)]);
    assert!(is_taken(&mut node, of("default")), "sending is stopped");
    node.step(vec![sending(SendingAction::Resume)]);
    assert!(!is_taken(&mut node, of("default")));
}

#[test]
fn a_redrive_is_kept_out_like_a_request_and_calling_off_is_not() {
    let (mut node, call) = waiting();
    let (id, _) = node.ask(of("default"));
    node.written(id, Written::Accepted { others: Vec::new() });
    node.later(seconds(30));
    let asked = |what, adopted| Input::Asked {
        ask: AskId(1),
        id,
        what,
        adopted,
        evidence: Vec::new(),
    };
    let cancel = Ask::Cancel { by: None, reason: None };
    node.step(vec![asked(cancel, None)]);
    let commands = node.written(id, Written::Recorded);
    let [
        Command::Rests { distribution, .. },
        Command::AnswerAsk {
            answer: AskAnswer::Done,
            ..
        },
    ] = &commands[..]
    else {
        panic!("{commands:?}")
    };
    let retry = || {
        let stored = adopted(Distribution::clone(distribution));
        let retry = Ask::Retry {
            channels: Vec::new(),
            by: None,
            reason: None,
        };
        asked(retry, Some(Box::new(stored)))
    };
    let commands = node.step(vec![retry()]);
    assert!(
        matches!(&commands[..], [Command::AnswerAsk { answer: AskAnswer::Behind(behind), .. }] if !behind.own_share),
        "{commands:?}"
    );
    assert!(!node.engine.holds(id), "nothing of it is kept");
    node.step(vec![stepped(&call, confirmed())]);
    assert_eq!(record(&node.step(vec![retry()])).deliveries[0].generation, 2);
}

#[test]
fn where_everybody_waits_too_long_it_is_nobody_s_own_share() {
    let mut node = node_for(KEY, 1, 10_000);
    let (_, _calls) = node.accepted(of("one"));
    for tenant in ["one", "two", "one", "two"] {
        assert!(is_taken(&mut node, of(tenant)));
    }
    node.later(seconds(25));
    assert!(!behind(&mut node, of("one")).own_share);
    assert!(!behind(&mut node, of("two")).own_share);
    assert!(is_taken(&mut node, of("three")), "it has nothing waiting");
    assert!(
        !behind(&mut node, of("one")).own_share,
        "one that has just come does not make it so"
    );
}
