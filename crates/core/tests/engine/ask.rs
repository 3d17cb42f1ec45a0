//! What a person may ask of a distribution, and what it changes.

use fanfare_core::attempt::{Dedup, Evidence, Proof, StepOutcome};
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::{DeliveryStatus, Phase};
use fanfare_core::distribution::Distribution;
use fanfare_core::engine::{Ask, AskAnswer, AskId, AskRefusal, Command, Input, Verdict};
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::write::Written;

use crate::{Node, START, TWO, adopted, calls, failure, new, node, record, stepped};

/// A node with one delivery in review.
fn in_review() -> (Node, DistributionId) {
    let mut node = node(Dedup::None, 10);
    let (id, calls) = node.accepted(new(&TWO[..1], None));
    let commands = node.step(vec![stepped(&calls[0], StepOutcome::Unknown(failure()))]);
    let mut stored = record(&commands).deliveries.clone();
    let accepted = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = accepted.first() else {
        panic!("{accepted:?}")
    };
    assert_eq!(stored.remove(0), distribution.deliveries[0]);
    node.review = Some(Distribution::clone(distribution));
    (node, id)
}

fn asked(node: &Node, id: DistributionId, what: Ask, evidence: Vec<Evidence>) -> Input {
    Input::Asked {
        ask: AskId(7),
        id,
        what,
        adopted: node.review.clone().map(|review| Box::new(adopted(review))),
        evidence,
    }
}

fn answer(commands: &[Command]) -> &AskAnswer {
    let answer = commands.iter().find_map(|command| match command {
        Command::AnswerAsk { ask: AskId(7), answer } => Some(answer),
        _ => None,
    });
    answer.unwrap_or_else(|| panic!("{commands:?}"))
}

#[test]
fn a_person_who_saw_it_makes_it_a_success_of_a_new_generation() {
    let (mut node, id) = in_review();
    let verdict = Verdict::Live(Receipt {
        state: ChannelState::Live,
        fields: ResultFields {
            post_id: Some("17".to_owned()),
            ..ResultFields::default()
        },
    });
    let what = Ask::Resolve {
        channel: TWO[0],
        verdict,
        by: None,
        reason: None,
    };
    let commands = node.step(vec![asked(&node, id, what, Vec::new())]);
    let written = record(&commands);
    let delivery = &written.deliveries[0];
    assert_eq!(
        (delivery.status, delivery.generation, written.superseded[0].phase),
        (DeliveryStatus::Success, 2, Phase::Confirmed)
    );
    assert_eq!((&*written.history.actor, written.publish), ("person", true));
    assert_eq!(answer(&node.written(id, Written::Recorded)), &AskAnswer::Done);
}

#[test]
fn what_is_not_live_has_failed_and_may_be_sent_again() {
    let (mut node, id) = in_review();
    let what = Ask::Resolve {
        channel: TWO[0],
        verdict: Verdict::NotLive,
        by: None,
        reason: None,
    };
    let commands = node.step(vec![asked(&node, id, what, Vec::new())]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!((delivery.status, delivery.holds_claim), (DeliveryStatus::Failed, false));
    let commands = node.written(id, Written::Recorded);
    let Some(Command::Rests { distribution, .. }) = commands.first() else {
        panic!("{commands:?}")
    };
    node.review = Some(Distribution::clone(distribution));
    let retry = Ask::Retry {
        channels: Vec::new(),
        by: None,
        reason: None,
    };
    let commands = node.step(vec![asked(&node, id, retry, Vec::new())]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (
            delivery.status,
            delivery.generation,
            delivery.attempt,
            delivery.holds_claim
        ),
        (DeliveryStatus::InProgress, 3, 1, true)
    );
    let refused = node.written(id, Written::Held { holders: Vec::new() });
    assert_eq!(answer(&refused), &AskAnswer::Held(Vec::new()));
    assert!(!node.engine.holds(id), "the rows are as they were");
}

#[test]
fn a_retry_of_what_is_known_to_be_live_sends_nothing() {
    let (mut node, id) = in_review();
    let mut review = node.review.take().unwrap();
    review.deliveries[0].status = DeliveryStatus::Failed;
    review.deliveries[0].holds_claim = false;
    node.review = Some(review);
    let evidence = Evidence {
        tenant: TenantId::default(),
        distribution: id,
        channel: TWO[0],
        generation: 1,
        attempt: 1,
        proof: Proof::Receipt(Receipt {
            state: ChannelState::Live,
            fields: ResultFields::default(),
        }),
        at: START,
        token: Incarnation(1),
    };
    let retry = Ask::Retry {
        channels: Vec::new(),
        by: Some("desk (ff_1…)".to_owned()),
        reason: Some("장애 복구".to_owned()),
    };
    let commands = node.step(vec![asked(&node, id, retry, vec![evidence])]);
    let written = record(&commands);
    assert_eq!(written.deliveries[0].status, DeliveryStatus::Success);
    assert_eq!(
        (&*written.history.actor, written.history.reason.as_deref()),
        ("desk (ff_1…)", Some("장애 복구"))
    );
    assert!(calls(node.written(id, Written::Recorded)).is_empty());
}

#[test]
fn what_is_not_in_review_or_has_not_failed_is_refused() {
    let (mut node, id) = in_review();
    let retry = Ask::Retry {
        channels: vec![TWO[0]],
        by: None,
        reason: None,
    };
    let commands = node.step(vec![asked(&node, id, retry, Vec::new())]);
    let refusal = AskRefusal::NotRetryable(TWO[0], DeliveryStatus::NeedsReview);
    assert_eq!(answer(&commands), &AskAnswer::Refused(refusal));
    let elsewhere = Ask::Resolve {
        channel: TWO[1],
        verdict: Verdict::NotLive,
        by: None,
        reason: None,
    };
    let commands = node.step(vec![asked(&node, id, elsewhere, Vec::new())]);
    assert_eq!(answer(&commands), &AskAnswer::Refused(AskRefusal::NotChosen(TWO[1])));
}
